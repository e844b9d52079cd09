#include <config.h>

#include "stats.h"

uint64_t stats_refused(const struct stats *stats)
{
    uint64_t sum = 0;

    for (int verdict = 0; verdict < GATE_VERDICTS; verdict++)
        sum += stats->refused[verdict];
    return sum;
}
