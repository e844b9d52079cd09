#include <config.h>

#include "bench.h"
#include "cli.h"
#include "detach.h"
#include "ping.h"
#include "probe.h"
#include "talk.h"

#include <locale.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct mode {
    const char *name;
    int (*main)(int argc, char **argv);
};

static const struct mode modes[] = {
    { "talk", talk_main },
    { "ping", ping_main },
    { "bench", bench_main },
    { "probe", probe_main },
};

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (name != NULL && strcmp(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

/* A result that could not be printed was not told. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    cli_say("cannot write to standard output");
    return CLI_TROUBLE;
}

int main(int argc, char **argv)
{
    const struct mode *mode = find_mode(argc > 1 ? argv[1] : NULL);

    if (detach_fill_standard() == -1)
        return CLI_TROUBLE;
    /* What is text is the user's locale; numbers are the same everywhere. */
    setlocale(LC_CTYPE, "");
    if (mode == NULL)
        return finish(talk_main(argc, argv));
    argv[1] = argv[0];
    return finish(mode->main(argc - 1, argv + 1));
}
