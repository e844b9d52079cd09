#include <config.h>

#include "source.h"
#include "prefix.h"

#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#define SECOND_MS 1000

/* A bucket counts in thousandths: rate of them come in a millisecond. */
#define TOKEN 1000

struct source {
    struct prefix prefix; /* first: what the tree compares */
    uint32_t clients;
    int64_t tokens;
    int64_t filled_ms; /* when tokens was right */
    int64_t seen_ms;   /* came or left */
    TAILQ_ENTRY(source) queue;
};

TAILQ_HEAD(source_queue, source);

/*
 * The tree is tsearch(3)'s, which is balanced: no choice of addresses makes
 * it slow, as it would a hash table, and so it needs no secret.
 */
struct source_table {
    struct source_limits limits;
    void *tree;
    size_t count;
    size_t idle_count;
    struct source_queue idle; /* without clients, seen least recently first */
    struct source_queue busy;
};

static int compare(const void *a, const void *b)
{
    return prefix_compare(a, b);
}

struct source_table *source_table_new(const struct source_limits *limits)
{
    struct source_table *t = calloc(1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->limits = *limits;
    TAILQ_INIT(&t->idle);
    TAILQ_INIT(&t->busy);
    return t;
}

/* ---- remembering and forgetting ---- */

static void forget(struct source_table *t, struct source_queue *queue,
                   struct source *s)
{
    TAILQ_REMOVE(queue, s, queue);
    tdelete(s, &t->tree, compare);
    t->count--;
    free(s);
}

static void forget_idle(struct source_table *t, struct source *s)
{
    t->idle_count--;
    forget(t, &t->idle, s);
}

void source_table_free(struct source_table *t)
{
    if (t == NULL)
        return;
    while (!TAILQ_EMPTY(&t->idle))
        forget_idle(t, TAILQ_FIRST(&t->idle));
    while (!TAILQ_EMPTY(&t->busy))
        forget(t, &t->busy, TAILQ_FIRST(&t->busy));
    free(t);
}

/* After a second any bucket is full. */
static void forget_old(struct source_table *t, int64_t now_ms)
{
    struct source *s;

    while ((s = TAILQ_FIRST(&t->idle)) != NULL &&
           (s->seen_ms + SECOND_MS <= now_ms ||
            t->idle_count > SOURCE_IDLE_MAX))
        forget_idle(t, s);
}

static struct source *find(const struct source_table *t,
                           const struct prefix *prefix)
{
    struct source *const *node = tfind(prefix, &t->tree, compare);

    return node != NULL ? *node : NULL;
}

/* A source that is not known yet, idle. */
static struct source *remember(struct source_table *t,
                               const struct prefix *prefix, int64_t now_ms)
{
    struct source *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->prefix = *prefix;
    if (tsearch(s, &t->tree, compare) == NULL) {
        free(s);
        return NULL;
    }
    s->tokens = t->limits.rate * TOKEN;
    s->filled_ms = s->seen_ms = now_ms;
    TAILQ_INSERT_TAIL(&t->idle, s, queue);
    t->count++;
    t->idle_count++;
    return s;
}

static struct source *source_of(struct source_table *t,
                                const struct addr *peer, int64_t now_ms)
{
    struct prefix prefix;
    struct source *s;

    if (!prefix_of(&prefix, peer))
        return NULL;
    prefix_cut(&prefix, prefix.family == 4 ? t->limits.v4_bits
                                           : t->limits.v6_bits);
    s = find(t, &prefix);
    return s != NULL ? s : remember(t, &prefix, now_ms);
}

/* ---- counting ---- */

static void move(struct source_table *t, struct source *s,
                 struct source_queue *from, struct source_queue *to)
{
    TAILQ_REMOVE(from, s, queue);
    TAILQ_INSERT_TAIL(to, s, queue);
    t->idle_count -= from == &t->idle;
    t->idle_count += to == &t->idle;
}

static void add_client(struct source_table *t, struct source *s)
{
    if (s->clients++ == 0)
        move(t, s, &t->idle, &t->busy);
}

static bool take_token(const struct source_table *t, struct source *s,
                       int64_t now_ms)
{
    int64_t most = t->limits.rate * TOKEN;
    int64_t passed = now_ms - s->filled_ms;

    if (t->limits.rate == 0)
        return true;
    s->tokens += (passed < SECOND_MS ? passed : SECOND_MS) * t->limits.rate;
    if (s->tokens > most)
        s->tokens = most;
    s->filled_ms = now_ms;
    if (s->tokens < TOKEN)
        return false;
    s->tokens -= TOKEN;
    return true;
}

enum source_verdict source_enter(struct source_table *t,
                                 const struct addr *peer, int64_t now_ms,
                                 struct source **source)
{
    struct source *s = source_of(t, peer, now_ms);

    *source = NULL;
    if (s == NULL)
        return SOURCE_OPEN;
    s->seen_ms = now_ms;
    if (s->clients == 0)
        move(t, s, &t->idle, &t->idle);
    forget_old(t, now_ms);
    if (t->limits.clients != 0 && s->clients >= t->limits.clients)
        return SOURCE_FULL;
    if (!take_token(t, s, now_ms))
        return SOURCE_FAST;
    add_client(t, s);
    *source = s;
    return SOURCE_OPEN;
}

struct source *source_adopt(struct source_table *t, const struct addr *peer,
                            int64_t now_ms)
{
    struct source *s = source_of(t, peer, now_ms);

    if (s != NULL)
        add_client(t, s);
    return s;
}

void source_leave(struct source_table *t, struct source *s, int64_t now_ms)
{
    if (s == NULL || --s->clients > 0)
        return;
    s->seen_ms = now_ms;
    move(t, s, &t->busy, &t->idle);
    if (t->limits.rate == 0)
        forget_idle(t, s);
    else
        forget_old(t, now_ms);
}

size_t source_count(const struct source_table *t)
{
    return t->count;
}
