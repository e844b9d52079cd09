/*
 * ping_line: a connection of ping's, and the messages on it.
 */
#ifndef ECHO_PING_LINE_H
#define ECHO_PING_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "loop.h"
#include "ping_report.h"

/* Messages that may be on their way; with more the next one waits. */
#define PING_PENDING 65536

/* Sent or received at once. */
#define PING_CHUNK 65536

struct ping_options {
    struct cli_peer peer;
    int64_t count; /* 0: no end */
    int64_t interval_ms, size, stop_ms, wait_ms;
    bool quiet, stamps, reconnect;
};

/*
 * A connection carries the messages [back, last]; all of them without -R,
 * one with it.  unsent bytes of `last` are not with the kernel yet; got bytes
 * of `back` have come.
 */
struct ping_line {
    struct ping_line *next;
    struct ping *ping;
    struct loop_timer late;
    int fd;
    bool connecting, ending;
    bool wrong; /* `back` has a wrong byte */
    uint64_t back, last;
    int64_t unsent, got;
    int64_t start_ns, connect_ns;
};

struct ping {
    struct ping_options options;
    struct ping_stats stats;
    struct loop *loop;
    struct loop_timer tick, stop, closing;
    struct addr addr;
    char peer[ADDR_TEXT_MAX];
    struct ping_line *lines;
    int64_t first_ns, next_ms;
    bool broken;    /* the one connection has ended, or sent too much */
    bool sent_all;  /* no further message */
    unsigned char pattern[PING_CHUNK + 256]; /* 0, 1, 2, ... */
    int64_t sent_ns[PING_PENDING];           /* by sequence number */
    char bytes[PING_CHUNK];
};

/*
 * Takes fd over; connecting: it comes from dial_start() at start_ns, and the
 * outcome is not known.  With options.reconnect it has options.wait_ms to
 * live.  NULL with errno, and fd is closed.
 */
struct ping_line *ping_line_add(struct ping *p, int fd, bool connecting,
                                int64_t start_ns);

/* Sends the next message, now or when there is a connection. */
void ping_line_send(struct ping_line *l);

/* The connection may end when all is back: looks whether it is. */
void ping_line_look_for_end(struct ping_line *l);

/* Closes it; stops the loop with the last one when no other will come. */
void ping_line_end(struct ping_line *l);

/* "From PEER: seq=N what". */
void ping_line_trouble(const struct ping *p, uint64_t seq, const char *what);

#endif
