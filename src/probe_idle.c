#include <config.h>

#include "probe_checks.h"
#include "probe_stream.h"
#include "ticks.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES 64

struct gap {
    struct probe_stream stream;
    struct probe_idle *idle;
    int64_t quiet_ms; /* since when nothing was sent; by ticks_now_ms() */
    bool known;
};

static void know(struct gap *g, enum probe_outcome outcome, const char *text)
{
    g->known = true;
    g->idle->outcome = outcome;
    snprintf(g->idle->text, PROBE_TEXT_MAX, "%s", text);
    probe_close(&g->stream);
}

static void begin(struct gap *g, const struct probe_site *site)
{
    struct probe_stream *s = &g->stream;

    if (probe_open(s, &site->addr, site->wait_ms, INT64_MAX) &&
        probe_send(s, BYTES) && probe_receive(s))
        g->quiet_ms = ticks_now_ms();
    else
        know(g, PROBE_FAIL, s->why);
}

/* The gap is over: does the connection still live? */
static void end(struct gap *g)
{
    struct probe_stream *s = &g->stream;
    char text[PROBE_TEXT_MAX];

    if (probe_send(s, BYTES) && probe_receive(s)) {
        snprintf(text, sizeof text, "alive after %" PRId64 " s of silence",
                 g->idle->seconds);
        know(g, PROBE_PASS, text);
    } else {
        snprintf(text, sizeof text,
                 "dead after %" PRId64 " s of silence: %s", g->idle->seconds,
                 s->why);
        know(g, PROBE_FAIL, text);
    }
}

/* Something came while it should be silent: the end, or bytes too many. */
static void disturbed(struct gap *g)
{
    char text[PROBE_TEXT_MAX];
    double seconds = (double)(ticks_now_ms() - g->quiet_ms) / 1000;

    if (probe_drain(&g->stream))
        return;
    snprintf(text, sizeof text, "%s, after %.1f s of silence",
             g->stream.why, seconds);
    know(g, PROBE_FAIL, text);
}

static struct gap *next_gap(struct gap *gaps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!gaps[i].known)
            return &gaps[i];
    return NULL;
}

/* True when something came before until_ms. */
static bool watch(struct gap *gaps, struct pollfd *polls, size_t count,
                  int64_t until_ms)
{
    int64_t rest = until_ms - ticks_now_ms();

    for (size_t i = 0; i < count; i++)
        polls[i] = (struct pollfd){ .fd = gaps[i].stream.fd,
                                    .events = POLLIN };
    return poll(polls, count, rest > 0 ? (int)rest : 0) > 0;
}

static void wait_for(struct gap *gaps, struct pollfd *polls, size_t count,
                     struct gap *first)
{
    int64_t until = first->quiet_ms + first->idle->seconds * 1000;

    if (!watch(gaps, polls, count, until)) {
        if (ticks_now_ms() >= until)
            end(first);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (polls[i].revents != 0)
            disturbed(&gaps[i]);
}

void probe_idle(const struct probe_site *site, struct probe_idle *idles,
                size_t count,
                void (*done)(void *arg, const struct probe_idle *idle),
                void *arg)
{
    struct gap *gaps = calloc(count, sizeof *gaps), *first;
    struct pollfd *polls = calloc(count, sizeof *polls);
    bool *told = calloc(count, sizeof *told);

    for (size_t i = 0; gaps != NULL && i < count; i++) {
        gaps[i].idle = &idles[i];
        begin(&gaps[i], site);
    }
    while (gaps != NULL && polls != NULL && told != NULL) {
        for (size_t i = 0; i < count; i++)
            if (gaps[i].known && !told[i]) {
                told[i] = true;
                done(arg, &idles[i]);
            }
        first = next_gap(gaps, count);
        if (first == NULL)
            break;
        wait_for(gaps, polls, count, first);
    }
    free(gaps);
    free(polls);
    free(told);
}
