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

#include <stdint.h>

#include "addr.h"
#include "bench_figures.h"

/*
 * Loads the server at addr; first is a connection to it, which is taken over,
 * and connect_ns how long that took.  SIGINT and SIGTERM end it early.  0, or
 * -1 with errno.
 */
int bench_load(const struct bench_options *options, const struct addr *addr,
               int first, int64_t connect_ns, struct bench_figures *figures);

#endif
