#include <config.h>

#include "histogram.h"

#include <math.h>
#include <stdlib.h>

/*
 * Step i < 2048 holds the value i.  Above, each power of two has 1024 steps:
 * a value is shifted right until it is in [1024, 2048), and the number of
 * shifts says which 1024 of the array it belongs to.
 */
#define HALF_BITS 10
#define HALF (1 << HALF_BITS)
#define STEPS ((42 - HALF_BITS) * HALF + HALF)

struct histogram {
    uint64_t count;
    int64_t min, max;
    double sum;
    uint64_t steps[STEPS];
};

static int shifts_of(int64_t value)
{
    int bits = 64 - __builtin_clzll((unsigned long long)value | 1);

    return bits > HALF_BITS + 1 ? bits - HALF_BITS - 1 : 0;
}

static int step_of(int64_t value)
{
    int shifts = shifts_of(value);

    return shifts * HALF + (int)(value >> shifts);
}

/* The largest value of a step. */
static int64_t end_of(int step)
{
    int shifts = step < 2 * HALF ? 0 : step / HALF - 1;

    return ((int64_t)(step - shifts * HALF + 1) << shifts) - 1;
}

struct histogram *histogram_new(void)
{
    return calloc(1, sizeof(struct histogram));
}

void histogram_free(struct histogram *h)
{
    free(h);
}

void histogram_add(struct histogram *h, int64_t value)
{
    if (value < 0)
        value = 0;
    if (value > HISTOGRAM_MAX)
        value = HISTOGRAM_MAX;
    if (h->count == 0 || value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
    h->count++;
    h->sum += (double)value;
    h->steps[step_of(value)]++;
}

uint64_t histogram_count(const struct histogram *h)
{
    return h->count;
}

int64_t histogram_min(const struct histogram *h)
{
    return h->min;
}

int64_t histogram_max(const struct histogram *h)
{
    return h->max;
}

double histogram_mean(const struct histogram *h)
{
    return h->count == 0 ? 0 : h->sum / (double)h->count;
}

int64_t histogram_percentile(const struct histogram *h, double percent)
{
    /* A hair less, as 99.9 % of 1000 is 999.0000000000001 in binary. */
    double exact = percent / 100 * (double)h->count * (1 - 1e-12);
    uint64_t rank = exact < 1 ? 1 : (uint64_t)ceil(exact);
    uint64_t seen = 0;

    for (int i = 0; i < STEPS; i++) {
        seen += h->steps[i];
        if (seen >= rank)
            return end_of(i) < h->max ? end_of(i) : h->max;
    }
    return h->max;
}

uint64_t histogram_up_to(const struct histogram *h, int64_t limit)
{
    uint64_t seen = 0;
    int last;

    if (limit < 0)
        return 0;
    last = step_of(limit > HISTOGRAM_MAX ? HISTOGRAM_MAX : limit);
    for (int i = 0; i <= last; i++)
        seen += h->steps[i];
    return seen;
}
