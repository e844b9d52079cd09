#include <config.h>

#include "cli.h"
#include "talk.h"
#include "window.h"

#include <inttypes.h>
#include <string.h>

void talk_say_wrong(const struct window *w, const char *got, size_t matched)
{
    unsigned was = (unsigned char)got[matched];
    unsigned char wanted;

    if (window_expects(w, &wanted))
        cli_say("wrong data byte #%" PRIu64
                " should be 0x%02x but was 0x%02x",
                window_back(w), (unsigned)wanted, was);
    else
        cli_say("more came back than was sent: byte #%" PRIu64 " is 0x%02x",
                window_back(w), was);
}

void talk_say_short(const struct window *w, const char *peer, int error)
{
    const char *how = error == 0 ? "closed the connection" : strerror(error);

    cli_say("%s %s; %" PRIu64 " of %" PRIu64 " bytes came back", peer, how,
            window_back(w), window_in(w));
}

void talk_say_late(const struct window *w, const char *peer, int64_t wait_ms)
{
    if (window_back(w) < window_in(w))
        cli_say("%s did not answer for %g s; %" PRIu64 " of %" PRIu64
                " bytes came back",
                peer, (double)wait_ms / 1000, window_back(w), window_in(w));
    else
        cli_say("%s did not close for %g s after the end of the data", peer,
                (double)wait_ms / 1000);
}
