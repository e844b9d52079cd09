/*
 * bench_figures: what bench is asked for, and what it found.
 */
#ifndef ECHO_BENCH_FIGURES_H
#define ECHO_BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
