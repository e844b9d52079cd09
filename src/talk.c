#include <config.h>

#include "cli.h"
#include "talk.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

struct options {
    struct cli_peer peer;
    int64_t wait_ms;
};

/* -1, or the exit code where the options end it all. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option longs[] = { CLI_LONGS, { 0 } };
    int c;

    while ((c = getopt_long(argc, argv, "46W:hV", longs, NULL)) != -1)
        switch (c) {
        case '4':
        case '6':
            o->peer.family = c == '4' ? AF_INET : AF_INET6;
            break;
        case 'W':
            if (!cli_seconds("-W", optarg, 1, CLI_WAIT_MAX_MS, &o->wait_ms))
                return CLI_TROUBLE;
            break;
        default:
            return cli_common(c);
        }
    return cli_peer(&o->peer, argc - optind, argv + optind) ? -1
                                                            : CLI_TROUBLE;
}

int talk_main(int argc, char **argv)
{
    struct options o = { .wait_ms = CLI_WAIT_MS };
    int code = read_options(&o, argc, argv);
    struct addr addr;
    char peer[ADDR_TEXT_MAX], error[DIAL_ERROR_MAX];
    int64_t connect_ns;
    int fd;

    if (code != -1)
        return code;
    fd = dial(&o.peer.target, o.wait_ms, &addr, &connect_ns, error);
    if (fd == -1) {
        cli_say("%s", error);
        return CLI_TROUBLE;
    }
    addr_format(&addr, peer);
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        code = talk_terminal(fd, peer, o.wait_ms);
    else
        code = talk_pipe(fd, peer, o.wait_ms);
    close(fd);
    return code;
}
