/*
 * source: how many clients a source has, and how fast they come.
 *
 * A source is all the addresses with the same first bits.  One that has no
 * client and a full bucket is like one that was never seen, and forgotten;
 * so there are as many as have clients, those of the last second, and of
 * these at most SOURCE_IDLE_MAX.  Over that the one that was seen least
 * recently is forgotten: strangers in any number cost no more memory, and at
 * worst forgive each other.
 */
#ifndef ECHO_SOURCE_H
#define ECHO_SOURCE_H

#include <stddef.h>
#include <stdint.h>

/* Sources without a client that are remembered; about 130 bytes each. */
#define SOURCE_IDLE_MAX 16384

struct addr;
struct source;
struct source_table;

struct source_limits {
    int64_t clients; /* at once; 0: any number */
    int64_t rate;    /* a second, and the most at once; 0: any */
    unsigned v4_bits, v6_bits;
};

enum source_verdict {
    SOURCE_OPEN,
    SOURCE_FULL, /* it has as many clients as it may */
    SOURCE_FAST, /* its clients come too fast */
};

/* An empty table, or NULL with ENOMEM. */
struct source_table *source_table_new(const struct source_limits *limits);

/* NULL is fine; what source_enter() gave out is invalid then. */
void source_table_free(struct source_table *table);

/*
 * A client comes from peer.  With SOURCE_OPEN, *source has one client more,
 * until source_leave(); NULL for a unix peer, and where memory is short:
 * then it is not counted, rather than refused for no fault of its own.
 * A token bucket holds what comes: rate a second, filled to rate at most; who
 * is refused takes nothing out of it.
 */
enum source_verdict source_enter(struct source_table *table,
                                 const struct addr *peer, int64_t now_ms,
                                 struct source **source);

/* The same for a client that is there already: nothing is limited. */
struct source *source_adopt(struct source_table *table,
                            const struct addr *peer, int64_t now_ms);

/* The client has gone; NULL is fine. */
void source_leave(struct source_table *table, struct source *source,
                  int64_t now_ms);

/* How many sources are remembered. */
size_t source_count(const struct source_table *table);

#endif
