/*
 * demo_churn: a new connection for each echo, so many a second.
 *
 *     demo_churn ADDRESS RATE SECONDS
 *
 * Prints how long connect, echo and end took.  Open loop: a time counts from
 * when the connection was due, so a server that stands still is not flattered.
 */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

static char address[HARNESS_LINE_MAX];
static size_t rate;
static size_t duration;

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double ms_at(const int64_t *took, size_t count, double part)
{
    return (double)took[(size_t)((double)(count - 1) * part)] / 1000;
}

START_TEST(churn)
{
    size_t count = rate * duration;
    int64_t *took = calloc(count, sizeof *took);
    int64_t from = now_us();
    for (size_t i = 0; i < count; i++) {
        int64_t due = from + (int64_t)(i * 1000000 / rate);
        while (now_us() < due) {
            usleep((useconds_t)(due - now_us() > 100 ? 100 : 10));
        }
        client_talk(address, i, 64);
        took[i] = now_us() - due;
    }
    double seconds = (double)(now_us() - from) / 1e6;
    qsort(took, count, sizeof *took, compare);
    printf("%zu connections, %.0f a second: p50 %.2f p99 %.2f p99.9 %.2f max "
           "%.2f ms\n",
           count, (double)count / seconds, ms_at(took, count, 0.5),
           ms_at(took, count, 0.99), ms_at(took, count, 0.999),
           ms_at(took, count, 1));
    free(took);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = { churn, NULL };
    if (argc != 4) {
        fputs("usage: demo_churn ADDRESS RATE SECONDS\n", stderr);
        return 2;
    }
    snprintf(address, sizeof address, "%s", argv[1]);
    rate = strtoul(argv[2], NULL, 10);
    duration = strtoul(argv[3], NULL, 10);
    return harness_main(harness_suite("demo_churn", tests));
}
