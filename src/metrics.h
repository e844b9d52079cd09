/*
 * metrics: the counters as a file in Prometheus' text format.
 *
 * For the textfile collector of Prometheus' node exporter, or any reader: the
 * file is replaced as a whole, never seen half written.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#ifndef ECHO_METRICS_H
#define ECHO_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"

struct server;

/* The caller's to embed, all zero at first. */
struct metrics {
    struct loop *loop;
    const struct server *server;
    struct loop_timer timer;
    int64_t started; /* seconds since 1970 */
    bool failed;     /* and said so, since a file was written */
};

/*
 * Writes stats.file now and every stats.interval, as the server's settings
 * have them at the time.  Where it cannot be written, the log says so once;
 * nothing else suffers.  loop and server must outlive metrics_close().
 */
void metrics_start(struct metrics *metrics, struct loop *loop,
                   const struct server *server);

/* The settings have changed: writes, and counts the interval anew. */
void metrics_reload(struct metrics *metrics);

/* Writes a last time; fine before metrics_start() too. */
void metrics_close(struct metrics *metrics);

#endif
