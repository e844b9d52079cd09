/*
 * stats: what echod has counted since it started.
 */
#ifndef ECHO_STATS_H
#define ECHO_STATS_H

#include <stdint.h>

#include "connlog.h"
#include "gate.h"

struct stats {
    uint64_t accepted; /* and served */
    uint64_t refused[GATE_VERDICTS];
    uint64_t ended[CONNLOG_REASONS];
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* For whatever reason. */
uint64_t stats_refused(const struct stats *stats);

#endif
