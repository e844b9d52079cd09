/*
 * bench_report: bench's figures as text, as JSON, as a picture.
 */
#ifndef ECHO_BENCH_REPORT_H
#define ECHO_BENCH_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench_figures.h"

/* What was measured, and on whom. */
struct bench_report {
    const struct bench_options *options;
    const struct bench_figures *figures;
    const char *peer; /* the address as text */
};

/* All echoes that were begun came back, and no error was counted. */
bool bench_report_right(const struct bench_figures *figures);

/* Whom, how, and for how long, in one line without its end. */
void bench_report_load(const struct bench_report *report, FILE *file);

/* Figures, and the distribution of the latencies as bars. */
void bench_report_text(const struct bench_report *report, FILE *file);

/* One object with the parameters, every figure and the distribution. */
void bench_report_json(const struct bench_report *report, FILE *file);

/*
 * Opens path for a picture, before the load: what it has stays until there is
 * a new one.  A stream to close, or NULL after saying that there is no
 * gnuplot(1) to run, or why the path cannot be written.
 */
FILE *bench_report_plot_open(const char *path);

/*
 * Lets gnuplot(1) draw latency against percentile, as SVG, into file, which
 * bench_report_plot_open(path) returned and which stays open.  True when all
 * is written, or false after saying why not.
 */
bool bench_report_plot(const struct bench_report *report, const char *path,
                       FILE *file);

#endif
