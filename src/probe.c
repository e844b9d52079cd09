#include <config.h>

#include "cli.h"
#include "json.h"
#include "probe.h"
#include "probe_checks.h"
#include "ticks.h"
#include "units.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_MAX 64
#define IDLE_MAX_S 86400

struct options {
    struct cli_peer peer;
    int64_t wait_ms;
    bool json;
    struct probe_idle idles[IDLE_MAX];
    size_t idle_count;
};

struct probe {
    const struct options *options;
    struct json json;
    int failed;
};

static const char *word(enum probe_outcome outcome)
{
    return outcome == PROBE_PASS ? "PASS"
           : outcome == PROBE_FAIL ? "FAIL"
                                   : "NONE";
}

static void tell(struct probe *p, const char *name,
                 enum probe_outcome outcome, const char *text, double seconds)
{
    p->failed += outcome == PROBE_FAIL;
    if (!p->options->json) {
        printf("%s  %-16s %s\n", word(outcome), name, text);
        fflush(stdout);
        return;
    }
    json_begin(&p->json, NULL, '{');
    json_text(&p->json, "check", name);
    json_text(&p->json, "result", word(outcome));
    json_text(&p->json, "text", text);
    json_number(&p->json, "seconds", seconds);
    json_end(&p->json, '{');
}

static void tell_idle(void *arg, const struct probe_idle *idle)
{
    char name[32];

    snprintf(name, sizeof name, "idle %lld s", (long long)idle->seconds);
    tell(arg, name, idle->outcome, idle->text, (double)idle->seconds);
}

static void run_checks(struct probe *p, const struct probe_site *site)
{
    for (const struct probe_check *c = probe_checks; c->name != NULL; c++) {
        char text[PROBE_TEXT_MAX] = "";
        int64_t start = ticks_now();
        enum probe_outcome outcome = c->run(site, text);

        tell(p, c->name, outcome, text, (double)(ticks_now() - start) / 1e9);
    }
}

static void begin_report(struct probe *p, const char *peer)
{
    if (!p->options->json) {
        printf("probe %s (%s)\n", p->options->peer.host, peer);
        return;
    }
    json_start(&p->json, stdout);
    json_begin(&p->json, NULL, '{');
    json_text(&p->json, "host", p->options->peer.host);
    json_text(&p->json, "peer", peer);
    json_begin(&p->json, "checks", '[');
}

static void end_report(struct probe *p)
{
    if (!p->options->json)
        return;
    json_end(&p->json, '[');
    json_integer(&p->json, "failed", p->failed);
    json_end(&p->json, '{');
}

/* The first address that answers is the one that is probed. */
static int probe(struct options *o)
{
    struct probe p = { .options = o };
    struct probe_site site = { .wait_ms = o->wait_ms };
    char error[DIAL_ERROR_MAX], peer[ADDR_TEXT_MAX];
    int64_t connect_ns;
    int fd = dial(&o->peer.target, o->wait_ms, &site.addr, &connect_ns, error);

    if (fd == -1) {
        cli_say("%s", error);
        return CLI_TROUBLE;
    }
    close(fd);
    begin_report(&p, addr_format(&site.addr, peer));
    run_checks(&p, &site);
    if (o->idle_count > 0)
        probe_idle(&site, o->idles, o->idle_count, tell_idle, &p);
    end_report(&p);
    return p.failed == 0 ? CLI_RIGHT : CLI_WRONG;
}

/* ---- options ---- */

static int by_seconds(const void *a, const void *b)
{
    const struct probe_idle *x = a, *y = b;

    return (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

static bool read_gap(struct options *o, const char *text)
{
    int64_t seconds;

    if (o->idle_count == IDLE_MAX) {
        cli_say("--idle: at most %d gaps", IDLE_MAX);
        return false;
    }
    if (units_parse_count(text, &seconds) == -1 || seconds < 1 ||
        seconds > IDLE_MAX_S) {
        cli_say("--idle %s: seconds from 1 to %d, separated by commas, are "
                "wanted",
                text, IDLE_MAX_S);
        return false;
    }
    o->idles[o->idle_count++].seconds = seconds;
    return true;
}

static bool read_gaps(struct options *o, char *text)
{
    char *rest;
    char *gap = strtok_r(text, ",", &rest);

    if (gap == NULL)
        return read_gap(o, "");
    for (; gap != NULL; gap = strtok_r(NULL, ",", &rest))
        if (!read_gap(o, gap))
            return false;
    qsort(o->idles, o->idle_count, sizeof *o->idles, by_seconds);
    return true;
}

enum { LONG_IDLE = 256, LONG_JSON };

/* -1 to go on, or the exit code. */
static int read_option(struct options *o, int c, char *text)
{
    switch (c) {
    case '4':
    case '6':
        o->peer.family = c == '4' ? AF_INET : AF_INET6;
        return -1;
    case 'W':
        return cli_seconds("-W", text, 1, CLI_WAIT_MAX_MS, &o->wait_ms)
                   ? -1
                   : CLI_TROUBLE;
    case LONG_IDLE:
        return read_gaps(o, text) ? -1 : CLI_TROUBLE;
    case LONG_JSON:
        o->json = true;
        return -1;
    default:
        return cli_common(c);
    }
}

int probe_main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "idle", required_argument, NULL, LONG_IDLE },
        { "json", no_argument, NULL, LONG_JSON },
        CLI_LONGS,
        { 0 }
    };
    struct options o = { .wait_ms = CLI_WAIT_MS };
    int c, code;

    while ((c = getopt_long(argc, argv, "46W:hV", longs, NULL)) != -1) {
        code = read_option(&o, c, optarg);
        if (code != -1)
            return code;
    }
    if (!cli_peer(&o.peer, argc - optind, argv + optind) ||
        !cli_descriptors(PROBE_DESCRIPTORS))
        return CLI_TROUBLE;
    return probe(&o);
}
