/*
 * ticks: the clock that latencies are measured with.
 */
#ifndef ECHO_TICKS_H
#define ECHO_TICKS_H

#include <stdint.h>

#define TICKS_SECOND INT64_C(1000000000)
#define TICKS_MS INT64_C(1000000)

/* Nanoseconds of CLOCK_MONOTONIC; about 25 ns a call. */
int64_t ticks_now(void);

/* The same as the loop's milliseconds (loop_now). */
int64_t ticks_now_ms(void);

#endif
