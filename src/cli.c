#include <config.h>

#include "cli.h"
#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char help[] =
    "usage: echoc [talk] [OPTION]... HOST [PORT]\n"
    "       echoc ping|bench|probe [OPTION]... HOST [PORT]\n"
    "\n"
    "Talks to a TCP echo server and verifies every byte that comes back.\n"
    "HOST is a name, an address or unix:/path; PORT is 25000 by default.\n"
    "\n"
    "every mode\n"
    "  -4, -6          IPv4 or IPv6 only\n"
    "  -W SECONDS      wait so long for an answer (10)\n"
    "  -h, --help      this text\n"
    "  -V, --version\n"
    "\n"
    "talk: lines from the terminal, or standard input to standard output\n"
    "\n"
    "ping: as ping(8), over one connection\n"
    "  -c COUNT        stop after so many messages\n"
    "  -i SECONDS      between two of them (1)\n"
    "  -s SIZE         bytes of a message (64)\n"
    "  -w SECONDS      stop after this time\n"
    "  -q              only the summary\n"
    "  -D              print the time before each line\n"
    "  -R              a new connection for each\n"
    "\n"
    "bench: load, and how long each echo takes\n"
    "  -n COUNT        connections (1)\n"
    "  -s SIZE         bytes of a message (64)\n"
    "  -t SECONDS      how long to measure (10)\n"
    "  -r RATE         messages a second in all; else as many as come back\n"
    "  -R              a new connection for each message\n"
    "  --warmup SECONDS  before the measurement (1)\n"
    "  --json          the figures as JSON\n"
    "  --plot FILE     the latencies as SVG, drawn by gnuplot\n"
    "\n"
    "probe: PASS or FAIL for what a path or a server does to a stream\n"
    "  --idle SECONDS,...  also silent connections, for so long each\n"
    "  --json          the results as JSON\n"
    "\n"
    "Exit code: 0 all came back right, 1 lost, short, different or a FAIL,\n"
    "2 anything else.\n";

void cli_say(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("echoc: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    putc('\n', stderr);
}

static int usage(void)
{
    fputs("Try 'echoc --help'; all of it is in echoc(1).\n", stderr);
    return CLI_TROUBLE;
}

int cli_common(int option)
{
    switch (option) {
    case 'h':
        fputs(help, stdout);
        return CLI_RIGHT;
    case 'V':
        puts("echoc " PACKAGE_VERSION);
        return CLI_RIGHT;
    default:
        return usage();
    }
}

bool cli_count(char option, const char *text, int64_t min, int64_t max,
               int64_t *value)
{
    int64_t number;

    if (units_parse_count(text, &number) == 0 && number >= min &&
        number <= max) {
        *value = number;
        return true;
    }
    cli_say("-%c %s: a number from %" PRId64 " to %" PRId64 " is wanted",
            option, text, min, max);
    return false;
}

bool cli_size(char option, const char *text, int64_t min, int64_t max,
              int64_t *bytes)
{
    char least[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
    int64_t number;

    if (units_parse_size(text, &number) == 0 && number >= min &&
        number <= max) {
        *bytes = number;
        return true;
    }
    units_format_size(least, min);
    units_format_size(most, max);
    cli_say("-%c %s: a size from %s to %s is wanted", option, text, least,
            most);
    return false;
}

bool cli_seconds(const char *option, const char *text, int64_t min_ms,
                 int64_t max_ms, int64_t *ms)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end != text && *end == '\0' && isfinite(seconds) &&
        seconds * 1000 >= (double)min_ms && seconds * 1000 <= (double)max_ms) {
        *ms = llround(seconds * 1000);
        return true;
    }
    cli_say("%s %s: seconds from %.10g to %.10g are wanted", option, text,
            (double)min_ms / 1000, (double)max_ms / 1000);
    return false;
}

bool cli_peer(struct cli_peer *peer, int argc, char **argv)
{
    char error[DIAL_ERROR_MAX];

    if (argc < 1 || argc > 2 || argv[0][0] == '\0') {
        cli_say("%s", argc > 2 ? "too many arguments" : "which host?");
        usage();
        return false;
    }
    peer->host = argv[0];
    if (dial_resolve(&peer->target, argv[0], argv[1], peer->family, error) ==
        -1) {
        cli_say("%s", error);
        return false;
    }
    return true;
}

bool cli_descriptors(uint64_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= count)
        return true;
    if (limit.rlim_max < count) {
        /* Only root may; for the others the error tells. */
        struct rlimit higher = { .rlim_cur = count, .rlim_max = count };

        if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
            return true;
        cli_say("%" PRIu64 " descriptors are needed, the limit is %" PRIu64
                " (ulimit -Hn)",
                count, (uint64_t)limit.rlim_max);
        return false;
    }
    limit.rlim_cur = count;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return true;
    cli_say("cannot raise the limit of descriptors to %" PRIu64 ": %s", count,
            strerror(errno));
    return false;
}
