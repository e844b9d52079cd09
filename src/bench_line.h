/*
 * bench_line: one of bench's connections, and the messages on it.
 */
#ifndef ECHO_BENCH_LINE_H
#define ECHO_BENCH_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "bench_figures.h"
#include "loop.h"

/* Received at once. */
#define BENCH_CHUNK 262144

enum bench_state {
    BENCH_DOWN,       /* no descriptor */
    BENCH_CONNECTING, /* what it has begun waits */
    BENCH_UP,
    BENCH_ENDING, /* FIN is sent: the server's end must follow */
};

/*
 * The messages [back, begun) are on their way; `unsent` bytes of them are
 * not with the kernel yet, `left` bytes of `back` have not come.
 */
struct bench_line {
    struct bench_load *load;
    int fd;
    enum bench_state state;
    uint64_t index, begun, back;
    uint64_t sent_to, got_to; /* positions in the stream of verify */
    int64_t unsent, left;
    int64_t start_ns;    /* closed loop: when `back` was begun */
    int64_t connect_ns;  /* when connecting began */
    int64_t progress_ns; /* when bytes moved last */
};

struct bench_load {
    struct bench_options options;
    struct bench_figures *figures;
    const struct addr *addr;
    struct loop *loop;
    struct loop_timer sweep, pace, second, end;
    struct bench_line *lines;
    int64_t from_ns, to_ns; /* the measured time */
    int64_t begin_ns;       /* the load's, warm-up included; 0: not yet */
    uint64_t due;           /* open loop: messages begun */
    int64_t next;           /* setting up: the first that never connected */
    int64_t connecting;
    int64_t open; /* lines that are not BENCH_DOWN */
    uint64_t shown;
    bool ending;
    char bytes[BENCH_CHUNK];
};

/* Connects; what was begun goes out when there is a connection. */
void bench_line_dial(struct bench_line *l);

/*
 * Takes over fd, connected or connecting by state; fd -1: connecting failed
 * at once, and errno is counted.
 */
void bench_line_up(struct bench_line *l, int fd, enum bench_state state);

/* Begins the next message, at now by ticks_now(). */
void bench_line_begin(struct bench_line *l, int64_t now);

/* The line ends: FIN, and the server's end must follow. */
void bench_line_end(struct bench_line *l);

/* Counts an error by its kind: what, a literal, and an errno or 0. */
void bench_line_count(struct bench_load *load, const char *what, int error);

/* Counts an error and closes; what was on its way is lost. */
void bench_line_fail(struct bench_line *l, const char *what, int error);

/* When message k of a line is due, open loop. */
int64_t bench_line_due(const struct bench_line *l, uint64_t k);

#endif
