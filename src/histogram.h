/*
 * histogram: how often each value came, to three significant digits.
 *
 * Log-linear: exact below 2048, above that 1024 steps for each power of two,
 * so a value is known to better than one part in a thousand however large it
 * is, in a quarter of a megabyte that never grows.  Adding is a shift and an
 * increment.  Minimum, maximum and mean are exact.
 */
#ifndef ECHO_HISTOGRAM_H
#define ECHO_HISTOGRAM_H

#include <stdint.h>

struct histogram;

/* Values above this count as this: 73 minutes, in nanoseconds. */
#define HISTOGRAM_MAX ((INT64_C(1) << 42) - 1)

/* An empty one, or NULL with ENOMEM. */
struct histogram *histogram_new(void);

/* NULL is fine. */
void histogram_free(struct histogram *h);

/* A negative value counts as 0. */
void histogram_add(struct histogram *h, int64_t value);

/* How many values there are; all that follows is 0 while there are none. */
uint64_t histogram_count(const struct histogram *h);
int64_t histogram_min(const struct histogram *h);
int64_t histogram_max(const struct histogram *h);
double histogram_mean(const struct histogram *h);

/*
 * The smallest value that at least percent (0 to 100) of all values do not
 * exceed, rounded up to the end of its step, never over the maximum.
 */
int64_t histogram_percentile(const struct histogram *h, double percent);

/* How many values are at most limit, or in the same step as it. */
uint64_t histogram_up_to(const struct histogram *h, int64_t limit);

#endif
