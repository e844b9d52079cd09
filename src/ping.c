#include <config.h>

#include "cli.h"
#include "loop.h"
#include "ping.h"
#include "ping_line.h"
#include "ticks.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- when to send ---- */

static void send_by_new_line(struct ping *p)
{
    int64_t start_ns = ticks_now();
    int fd = dial_start(&p->addr);
    struct ping_line *l =
        fd == -1 ? NULL : ping_line_add(p, fd, true, start_ns);

    if (l != NULL) {
        ping_line_send(l);
        return;
    }
    ping_line_trouble(p, p->stats.sent + 1, strerror(errno));
    p->stats.sent++;
    p->stats.errors++;
}

static void on_wait_over(void *arg)
{
    struct ping *p = arg;

    loop_stop(p->loop);
}

/* The last one is sent: what is not back in time is lost. */
static void all_sent(struct ping *p)
{
    p->sent_all = true;
    if (!p->options.reconnect) /* else each connection has its own timer */
        loop_timer_set(p->loop, &p->closing,
                       loop_now(p->loop) + p->options.wait_ms, on_wait_over,
                       p);
    if (p->lines == NULL)
        loop_stop(p->loop);
    else if (!p->options.reconnect)
        ping_line_look_for_end(p->lines);
}

static bool may_send(const struct ping *p)
{
    const struct ping_line *l = p->lines;

    return l == NULL || p->options.reconnect ||
           (l->unsent == 0 && l->last - l->back + 1 < PING_PENDING);
}

/* One that is sent in the turn that ends it all could not come back. */
static bool time_is_up(const struct ping *p)
{
    return p->options.stop_ms > 0 && loop_now(p->loop) >= p->stop.at_ms;
}

static void on_tick(void *arg)
{
    struct ping *p = arg;

    if (time_is_up(p))
        return;
    /* After a pause of the machine no burst makes up for it. */
    p->next_ms += p->options.interval_ms;
    if (p->next_ms <= loop_now(p->loop))
        p->next_ms = loop_now(p->loop) + p->options.interval_ms;
    loop_timer_set(p->loop, &p->tick, p->next_ms, on_tick, p);
    if (!may_send(p))
        return;
    if (p->lines != NULL && (!p->options.reconnect || p->stats.sent == 0))
        ping_line_send(p->lines);
    else
        send_by_new_line(p);
    if ((int64_t)p->stats.sent == p->options.count) {
        loop_timer_clear(p->loop, &p->tick);
        all_sent(p);
    }
}

static void on_interrupt(void *arg)
{
    struct ping *p = arg;

    loop_stop(p->loop);
}

static void on_quit(void *arg)
{
    const struct ping *p = arg;

    ping_report_interim(&p->stats, stderr);
}

/* ---- the run ---- */

static bool prepare(struct ping *p, int fd, int64_t connect_ns)
{
    struct ping_line *l;

    for (size_t i = 0; i < sizeof p->pattern; i++)
        p->pattern[i] = (unsigned char)i;
    l = ping_line_add(p, fd, false, 0);
    if (l == NULL)
        return false;
    l->connect_ns = connect_ns;
    ping_report_add(&p->stats.connect, connect_ns);
    p->next_ms = loop_now(p->loop);
    loop_timer_set(p->loop, &p->tick, p->next_ms, on_tick, p);
    if (p->options.stop_ms > 0)
        loop_timer_set(p->loop, &p->stop, p->next_ms + p->options.stop_ms,
                       on_interrupt, p);
    return loop_signal(p->loop, SIGINT, on_interrupt, p) == 0 &&
           loop_signal(p->loop, SIGTERM, on_interrupt, p) == 0 &&
           loop_signal(p->loop, SIGQUIT, on_quit, p) == 0;
}

/* As with ping(8), -c demands so many where -w ends the run before. */
static bool too_few(const struct ping *p)
{
    return p->options.stop_ms > 0 &&
           (int64_t)p->stats.received < p->options.count;
}

static int result(const struct ping *p)
{
    const struct ping_stats *s = &p->stats;

    return s->sent > 0 && !too_few(p) && s->received == s->sent &&
                   s->corrupted == 0 && !p->broken
               ? CLI_RIGHT
               : CLI_WRONG;
}

static int run(struct ping *p, int fd, int64_t connect_ns)
{
    p->loop = loop_new(&poller_poll);
    if (p->loop == NULL || !prepare(p, fd, connect_ns)) {
        cli_say("%s", strerror(errno));
        return CLI_TROUBLE;
    }
    printf("PING %s (%s) %" PRId64 " bytes of data.\n", p->stats.host, p->peer,
           p->options.size);
    fflush(stdout);
    if (loop_run(p->loop) == -1) {
        cli_say("%s", strerror(errno));
        return CLI_TROUBLE;
    }
    ping_report_summary(&p->stats, stdout);
    return result(p);
}

static int ping(const struct ping_options *options)
{
    struct ping *p = calloc(1, sizeof *p);
    char error[DIAL_ERROR_MAX];
    int64_t connect_ns;
    int fd, code;

    if (p == NULL) {
        cli_say("%s", strerror(errno));
        return CLI_TROUBLE;
    }
    p->options = *options;
    p->stats.host = options->peer.host;
    fd = dial(&options->peer.target, options->wait_ms, &p->addr, &connect_ns,
              error);
    if (fd == -1) {
        cli_say("%s", error);
        free(p);
        return CLI_TROUBLE;
    }
    addr_format(&p->addr, p->peer);
    code = run(p, fd, connect_ns);
    while (p->lines != NULL)
        ping_line_end(p->lines);
    loop_free(p->loop);
    free(p);
    return code;
}

/* ---- options ---- */

static bool read_option(struct ping_options *o, int c, const char *text)
{
    switch (c) {
    case 'c':
        return cli_count('c', text, 1, INT64_MAX, &o->count);
    case 'i':
        return cli_seconds("-i", text, 1, CLI_WAIT_MAX_MS, &o->interval_ms);
    case 's':
        return cli_size('s', text, 1, INT64_C(1) << 30, &o->size);
    case 'w':
        return cli_seconds("-w", text, 1, INT64_C(365) * CLI_WAIT_MAX_MS,
                           &o->stop_ms);
    default:
        return cli_seconds("-W", text, 1, CLI_WAIT_MAX_MS, &o->wait_ms);
    }
}

int ping_main(int argc, char **argv)
{
    static const struct option longs[] = { CLI_LONGS, { 0 } };
    struct ping_options o = {
        .interval_ms = 1000, .size = 64, .wait_ms = CLI_WAIT_MS
    };
    int c;

    while ((c = getopt_long(argc, argv, "46c:i:s:w:W:qDRhV", longs, NULL)) !=
           -1)
        switch (c) {
        case '4':
        case '6':
            o.peer.family = c == '4' ? AF_INET : AF_INET6;
            break;
        case 'q':
            o.quiet = true;
            break;
        case 'D':
            o.stamps = true;
            break;
        case 'R':
            o.reconnect = true;
            break;
        case 'c':
        case 'i':
        case 's':
        case 'w':
        case 'W':
            if (!read_option(&o, c, optarg))
                return CLI_TROUBLE;
            break;
        default:
            return cli_common(c);
        }
    if (!cli_peer(&o.peer, argc - optind, argv + optind))
        return CLI_TROUBLE;
    return ping(&o);
}
