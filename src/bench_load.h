/*
 * bench_load: connections that send messages and time their echoes.
 *
 * Closed loop: a connection sends its next message when the last one is back.
 * Open loop (rate > 0): message i is due at i / rate seconds, on connection
 * i modulo their number, whatever became of those before it; its latency
 * counts from when it was due, so a server that stalls is charged for every
 * message that the stall held up, not for one (coordinated omission).
 */
#ifndef ECHO_BENCH_LOAD_H
#define ECHO_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

struct histogram;

struct bench_options {
    int64_t connections, size;
    int64_t time_ms, warmup_ms, wait_ms;
    double rate;    /* messages a second in all; 0: closed loop */
    bool reconnect; /* a new connection for each message */
    bool progress;  /* a line on standard error, anew each second */
};

/* How something went wrong, and how often. */
struct bench_error {
    const char *what; /* "connect", "receive", "wrong data", ... */
    int error;        /* an errno; 0 where what says it all */
    uint64_t count;
};
#define BENCH_ERRORS 32

struct bench_figures {
    struct histogram *latency; /* ns, of messages begun in the measured time */
    struct histogram *connect; /* ns, of every connection that came up */
    uint64_t echoes, bytes;    /* back within the measured time */
    uint64_t lost;             /* messages that never came back, or wrong */
    uint64_t up;               /* connections when the load began */
    double seconds;            /* the measured time */
    int64_t lag_ns;            /* open loop: how late the latest send was */
    struct bench_error errors[BENCH_ERRORS];
    size_t kinds; /* of errors */
};

/*
 * Loads the server at addr; first is a connection to it, which is taken over,
 * and connect_ns how long that took.  SIGINT and SIGTERM end it early.  0, or
 * -1 with errno.
 */
int bench_load(const struct bench_options *options, const struct addr *addr,
               int first, int64_t connect_ns, struct bench_figures *figures);

#endif
