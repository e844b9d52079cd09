/*
 * connlog: the lines about connections, filtered and at a bounded rate.
 *
 * The one place that knows their format.  A line holds addresses, numbers and
 * words of echod's own, never a byte that a client sent.
 */
#ifndef ECHO_CONNLOG_H
#define ECHO_CONNLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

/* Why a connection ended; connlog_reason_name() has the words. */
enum connlog_reason {
    CONNLOG_EOF,
    CONNLOG_RESET,
    CONNLOG_IDLE,
    CONNLOG_STALLED,
    CONNLOG_LIFETIME,
    CONNLOG_SHUTDOWN,
    CONNLOG_ERROR,
    CONNLOG_REASONS
};

const char *connlog_reason_name(enum connlog_reason reason);

struct connlog_client {
    uint64_t id;
    const struct addr *peer;
    uint64_t in, out; /* bytes */
    int64_t ms;       /* since it was accepted */
    size_t active;    /* clients there are, after this event */
};

/* log.connections (enum settings_connections) and log.rate, lines a second. */
void connlog_set(int64_t connections, int64_t rate);

/*
 * Whether a connect line is due now: at once for a new connection, with its
 * first byte where log.connections is nonempty.
 */
bool connlog_wants_connect(bool has_bytes);

/* A connection came; now_ms is loop_now(). */
void connlog_connect(const struct connlog_client *client,
                     const struct addr *local, int64_t now_ms);

/* It ended; error is its errno with CONNLOG_ERROR. */
void connlog_disconnect(const struct connlog_client *client,
                        enum connlog_reason reason, int error,
                        int64_t now_ms);

/* It was never served; why is a word of gate.h. */
void connlog_refuse(const struct addr *peer, const char *why, int64_t now_ms);

/*
 * Writes the summary of what the rate left out, once its second is over.
 * Returns when it wants to be called again, -1 for not before another line.
 */
int64_t connlog_tick(int64_t now_ms);

#endif
