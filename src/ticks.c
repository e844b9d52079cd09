#include <config.h>

#include "ticks.h"

#include <time.h>

int64_t ticks_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * TICKS_SECOND + t.tv_nsec;
}

int64_t ticks_now_ms(void)
{
    return ticks_now() / TICKS_MS;
}
