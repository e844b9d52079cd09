/*
 * stats: what echod has counted since it started.
 */
#ifndef ECHO_STATS_H
#define ECHO_STATS_H

#include <stdint.h>

#include "connlog.h"

struct stats {
    uint64_t accepted; /* and served */
    uint64_t refused;
    uint64_t ended[CONNLOG_REASONS];
    uint64_t bytes_in;
    uint64_t bytes_out;
};

#endif
