#include <config.h>

#include "bench.h"
#include "bench_load.h"
#include "bench_report.h"
#include "cli.h"
#include "histogram.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Descriptors that are no connection: the standard ones, the poller's, ... */
#define RESERVE 32

#define DAY_MS (INT64_C(24) * 3600 * 1000)

struct options {
    struct cli_peer peer;
    struct bench_options load;
    bool json;
    const char *plot;
    FILE *picture; /* plot, open; NULL without one */
};

static int report(const struct options *o, const struct bench_figures *f,
                  const char *peer)
{
    struct bench_report r = { .options = &o->load, .figures = f,
                              .peer = peer };

    if (o->json)
        bench_report_json(&r, stdout);
    else
        bench_report_text(&r, stdout);
    if (o->plot != NULL && !bench_report_plot(&r, o->plot, o->picture))
        return CLI_TROUBLE;
    return bench_report_right(f) ? CLI_RIGHT : CLI_WRONG;
}

static int measure(const struct options *o, struct bench_figures *f)
{
    char error[DIAL_ERROR_MAX], peer[ADDR_TEXT_MAX];
    struct addr addr;
    int64_t connect_ns;
    int first = dial(&o->peer.target, o->load.wait_ms, &addr, &connect_ns,
                     error);

    if (first == -1) {
        cli_say("%s", error);
        return CLI_TROUBLE;
    }
    if (bench_load(&o->load, &addr, first, connect_ns, f) == -1) {
        cli_say("%s", strerror(errno));
        return CLI_TROUBLE;
    }
    return report(o, f, addr_format(&addr, peer));
}

static int bench(const struct options *o)
{
    struct bench_figures f = { .latency = histogram_new(),
                               .connect = histogram_new() };
    int code = CLI_TROUBLE;

    if (f.latency == NULL || f.connect == NULL)
        cli_say("%s", strerror(errno));
    else
        code = measure(o, &f);
    histogram_free(f.latency);
    histogram_free(f.connect);
    return code;
}

/* The picture's file is opened first: a load for nothing is none. */
static int bench_and_plot(struct options *o)
{
    int code;

    if (o->plot == NULL)
        return bench(o);
    o->picture = bench_report_plot_open(o->plot);
    if (o->picture == NULL)
        return CLI_TROUBLE;
    code = bench(o);
    fclose(o->picture);
    return code;
}

/* ---- options ---- */

enum { LONG_WARMUP = 256, LONG_JSON, LONG_PLOT };

static bool read_rate(const char *text, double *rate)
{
    char *end;

    *rate = strtod(text, &end);
    if (end != text && *end == '\0' && *rate > 0 && *rate <= 1e7)
        return true;
    cli_say("-r %s: messages a second, up to 10000000, are wanted", text);
    return false;
}

static bool read_number(struct bench_options *o, int c, const char *text)
{
    switch (c) {
    case 'n':
        return cli_count('n', text, 1, 1000000, &o->connections);
    case 's':
        return cli_size('s', text, 1, INT64_C(1) << 30, &o->size);
    case 't':
        return cli_seconds("-t", text, 1, DAY_MS, &o->time_ms);
    case 'r':
        return read_rate(text, &o->rate);
    case 'W':
        return cli_seconds("-W", text, 1, DAY_MS, &o->wait_ms);
    default:
        return cli_seconds("--warmup", text, 0, DAY_MS, &o->warmup_ms);
    }
}

/* -1 to go on, or the exit code. */
static int read_option(struct options *o, int c, const char *text)
{
    switch (c) {
    case '4':
    case '6':
        o->peer.family = c == '4' ? AF_INET : AF_INET6;
        return -1;
    case 'R':
        o->load.reconnect = true;
        return -1;
    case LONG_JSON:
        o->json = true;
        return -1;
    case LONG_PLOT:
        o->plot = text;
        return -1;
    case 'n':
    case 's':
    case 't':
    case 'r':
    case 'W':
    case LONG_WARMUP:
        return read_number(&o->load, c, text) ? -1 : CLI_TROUBLE;
    default:
        return cli_common(c);
    }
}

int bench_main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "warmup", required_argument, NULL, LONG_WARMUP },
        { "json", no_argument, NULL, LONG_JSON },
        { "plot", required_argument, NULL, LONG_PLOT },
        CLI_LONGS,
        { 0 }
    };
    struct options o = { .load = { .connections = 1, .size = 64,
                                   .time_ms = 10000, .warmup_ms = 1000,
                                   .wait_ms = CLI_WAIT_MS,
                                   .progress = isatty(STDERR_FILENO) } };
    int c, code;

    while ((c = getopt_long(argc, argv, "46n:s:t:r:W:RhV", longs, NULL)) !=
           -1) {
        code = read_option(&o, c, optarg);
        if (code != -1)
            return code;
    }
    if (!cli_peer(&o.peer, argc - optind, argv + optind) ||
        !cli_descriptors((uint64_t)o.load.connections + RESERVE))
        return CLI_TROUBLE;
    return bench_and_plot(&o);
}
