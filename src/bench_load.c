#include <config.h>

#include "bench_line.h"
#include "bench_load.h"
#include "histogram.h"
#include "loop.h"
#include "ticks.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Connections under way at once: no backlog overflows, no SYN is repeated. */
#define CONNECTING_MAX 128

/* How often overdue and failed connections are looked for. */
#define SWEEP_MS 100

static void on_stop(void *arg)
{
    struct bench_load *load = arg;

    loop_stop(load->loop);
}

/* ---- open loop ---- */

static void on_pace(void *arg)
{
    (void)arg; /* pace() runs before each wait */
}

/*
 * Wakes for the next message that is due: the loop's timers are good to a
 * millisecond, so for the last one it does not sleep.
 */
static void pace_next(struct bench_load *load, int64_t rest_ns)
{
    int64_t ms = rest_ns / TICKS_MS - 1;

    loop_timer_set(load->loop, &load->pace,
                   loop_now(load->loop) + (ms > 0 ? ms : 0), on_pace, load);
}

/* Begins what is due by now, and before the end of the measured time. */
static void pace(struct bench_load *load)
{
    uint64_t lines = (uint64_t)load->options.connections;

    for (;; load->due++) {
        struct bench_line *l = &load->lines[load->due % lines];
        int64_t due = bench_line_due(l, load->due / lines);
        int64_t now = ticks_now();
        int64_t late = now - due;

        if (due >= load->to_ns)
            return;
        if (late < 0) {
            pace_next(load, -late);
            return;
        }
        if (late > load->figures->lag_ns)
            load->figures->lag_ns = late;
        bench_line_begin(l, now);
    }
}

/* ---- the end ---- */

/* No further message; who has nothing on its way ends at once. */
static void on_end(void *arg)
{
    struct bench_load *load = arg;
    int64_t now = ticks_now();

    if (load->ending) { /* a second SIGINT does not wait for the rest */
        loop_stop(load->loop);
        return;
    }
    if (load->options.rate > 0 && load->begin_ns != 0)
        pace(load);
    load->ending = true;
    if (now < load->to_ns || load->begin_ns == 0)
        load->to_ns = now;
    if (load->from_ns > load->to_ns || load->begin_ns == 0)
        load->from_ns = load->to_ns;
    for (int64_t i = 0; i < load->options.connections; i++)
        if (load->lines[i].state == BENCH_UP &&
            load->lines[i].begun == load->lines[i].back)
            bench_line_end(&load->lines[i]);
    if (load->open == 0)
        loop_stop(load->loop);
    /* Time for an answer, for a close, and for the sweeps that tell. */
    loop_timer_set(load->loop, &load->end,
                   loop_now(load->loop) +
                       2 * (load->options.wait_ms + SWEEP_MS),
                   on_stop, load);
}

/* ---- who is late, who is down ---- */

static bool overdue(const struct bench_line *l, int64_t now)
{
    return l->state != BENCH_DOWN &&
           (l->begun > l->back || l->state != BENCH_UP) &&
           now - l->progress_ns > l->load->options.wait_ms * TICKS_MS;
}

static void give_up(struct bench_line *l)
{
    if (l->state == BENCH_CONNECTING)
        bench_line_fail(l, "connect", ETIMEDOUT);
    else if (l->state == BENCH_ENDING)
        bench_line_fail(l, "not closed by the server", 0);
    else
        bench_line_fail(l, "no answer", 0);
}

/* Nobody stays away: who failed is connected anew, each failure counted. */
static void mend(struct bench_line *l, int64_t now)
{
    const struct bench_options *o = &l->load->options;

    if (!o->reconnect || l->begun > l->back)
        bench_line_dial(l);
    else if (o->rate == 0)
        bench_line_begin(l, now);
}

static void on_sweep(void *arg)
{
    struct bench_load *load = arg;
    int64_t now = ticks_now();
    bool running = load->begin_ns != 0 && !load->ending;

    for (int64_t i = 0; i < load->options.connections; i++) {
        struct bench_line *l = &load->lines[i];

        if (overdue(l, now))
            give_up(l);
        else if (l->state == BENCH_DOWN && running)
            mend(l, now);
    }
    if (load->ending && load->open == 0) /* nobody dials anew */
        loop_stop(load->loop);
    loop_timer_set(load->loop, &load->sweep,
                   loop_now(load->loop) + SWEEP_MS, on_sweep, load);
}

/* ---- the begin ---- */

static void on_second(void *arg)
{
    struct bench_load *load = arg;
    uint64_t back = histogram_count(load->figures->latency);
    double done = (double)(ticks_now() - load->from_ns) / 1e9;

    if (done < 0)
        fprintf(stderr, "\r%-60s", "warming up");
    else
        fprintf(stderr,
                "\r%5.0f of %g s  %12" PRIu64 " echoes/s  p99 %.3f ms   ",
                done, (double)load->options.time_ms / 1000,
                back - load->shown,
                (double)histogram_percentile(load->figures->latency, 99) /
                    1e6);
    load->shown = back;
    loop_timer_set(load->loop, &load->second, loop_now(load->loop) + 1000,
                   on_second, load);
}

static void begin_load(struct bench_load *load)
{
    const struct bench_options *o = &load->options;
    int64_t now = ticks_now();

    load->begin_ns = now;
    load->from_ns = now + o->warmup_ms * TICKS_MS;
    load->to_ns = load->from_ns + o->time_ms * TICKS_MS;
    load->figures->up = (uint64_t)load->open;
    loop_timer_set(load->loop, &load->end, load->to_ns / TICKS_MS + 1, on_end,
                   load);
    if (o->progress)
        on_second(load);
    if (o->rate > 0)
        return;
    for (int64_t i = 0; i < o->connections; i++)
        if (load->lines[i].state == BENCH_UP || o->reconnect)
            bench_line_begin(&load->lines[i], now);
}

/* The load begins when every connection is up, or has failed. */
static void set_up(struct bench_load *load)
{
    while (load->next < load->options.connections &&
           load->connecting < CONNECTING_MAX)
        bench_line_dial(&load->lines[load->next++]);
    if (load->connecting == 0)
        begin_load(load);
}

static void on_turn(void *arg)
{
    struct bench_load *load = arg;

    if (load->begin_ns == 0 && !load->ending)
        set_up(load);
    if (load->begin_ns != 0 && !load->ending && load->options.rate > 0)
        pace(load);
}

/* ---- the run ---- */

static struct loop *open_loop(void)
{
    struct loop *loop = loop_new(&poller_epoll);

    return loop != NULL || errno != ENOSYS ? loop : loop_new(&poller_poll);
}

static int run(struct bench_load *load, int first)
{
    for (int64_t i = 0; i < load->options.connections; i++)
        load->lines[i] = (struct bench_line){ .load = load,
                                              .index = (uint64_t)i };
    bench_line_up(&load->lines[0], first, BENCH_UP);
    load->next = load->options.reconnect ? load->options.connections : 1;
    loop_each_turn(load->loop, on_turn, load);
    loop_timer_set(load->loop, &load->sweep,
                   loop_now(load->loop) + SWEEP_MS, on_sweep, load);
    if (loop_signal(load->loop, SIGINT, on_end, load) == -1 ||
        loop_signal(load->loop, SIGTERM, on_end, load) == -1)
        return -1;
    return loop_run(load->loop);
}

/* Whose time was up, or who was interrupted, has its kind of error too. */
static void count_rest(struct bench_load *load, const struct bench_line *l)
{
    if (l->begun > l->back || l->state != BENCH_DOWN)
        bench_line_count(load, "unfinished at the end", 0);
    load->figures->lost += l->begun - l->back;
    if (l->state != BENCH_DOWN)
        close(l->fd);
}

static void count_up(struct bench_load *load)
{
    struct bench_figures *f = load->figures;

    for (int64_t i = 0; i < load->options.connections; i++)
        count_rest(load, &load->lines[i]);
    f->seconds = (double)(load->to_ns - load->from_ns) / 1e9;
    if (load->options.progress)
        fprintf(stderr, "\r%60s\r", "");
}

int bench_load(const struct bench_options *options, const struct addr *addr,
               int first, int64_t connect_ns, struct bench_figures *figures)
{
    struct bench_load *load = calloc(1, sizeof *load);
    int code = -1;

    if (load == NULL)
        return -1;
    load->options = *options;
    load->figures = figures;
    load->addr = addr;
    load->lines = calloc((size_t)options->connections, sizeof *load->lines);
    load->loop = open_loop();
    histogram_add(figures->connect, connect_ns);
    if (load->lines != NULL && load->loop != NULL)
        code = run(load, first);
    if (code == 0)
        count_up(load);
    loop_free(load->loop);
    free(load->lines);
    free(load);
    return code;
}
