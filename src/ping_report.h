/*
 * ping_report: the lines that echoc ping prints, laid out as ping(8)'s.
 */
#ifndef ECHO_PING_REPORT_H
#define ECHO_PING_REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Times in nanoseconds: their number, extremes, sums, and a moving mean. */
struct ping_times {
    uint64_t count;
    int64_t min, max;
    double sum, sum_of_squares;
    double moving; /* one part in eight is new: ping(8)'s ewma */
};

struct ping_stats {
    const char *host; /* as it was asked for */
    uint64_t sent;
    uint64_t received;
    uint64_t corrupted; /* of those received */
    uint64_t errors;    /* connections that failed */
    int64_t elapsed_ns; /* from the first message to the last event */
    struct ping_times rtt;
    struct ping_times connect;
};

/* Room for a time of ping_report_ms(). */
#define PING_REPORT_MS_MAX 32

void ping_report_add(struct ping_times *times, int64_t ns);

/* "0.196", "1.96", "19.6", "196": ping(8)'s precision, in milliseconds. */
char *ping_report_ms(int64_t ns, char text[PING_REPORT_MS_MAX]);

/* The block at the end. */
void ping_report_summary(const struct ping_stats *stats, FILE *file);

/* One line for SIGQUIT. */
void ping_report_interim(const struct ping_stats *stats, FILE *file);

#endif
