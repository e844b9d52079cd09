/*
 * talk: what is typed, or piped in, goes to the server, and comes back.
 *
 * talk_pipe.c is full duplex for any size of input; talk_terminal.c has the
 * prompt, and alone needs libedit.
 */
#ifndef ECHO_TALK_H
#define ECHO_TALK_H

#include <stddef.h>
#include <stdint.h>

struct window;

/* `echoc talk ARGUMENTS`: returns the exit code, a CLI_... of cli.h. */
int talk_main(int argc, char **argv);

/*
 * Both converse over the connected socket fd until the input ends, and for
 * wait_ms at most whenever it is the server's turn; peer is the server's
 * address as text.  The exit code is returned; fd stays the caller's.
 */
int talk_pipe(int fd, const char *peer, int64_t wait_ms);
int talk_terminal(int fd, const char *peer, int64_t wait_ms);

/*
 * Says what is wrong with bytes that came back: got[matched] is the first
 * that window_check() did not accept.
 */
void talk_say_wrong(const struct window *w, const char *got, size_t matched);

/* Says how the server ended the conversation before its time. */
void talk_say_short(const struct window *w, const char *peer, int error);

/* Says that the server did not go on. */
void talk_say_late(const struct window *w, const char *peer, int64_t wait_ms);

#endif
