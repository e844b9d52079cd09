#include <config.h>

#include "bench_report.h"
#include "errname.h"
#include "histogram.h"
#include "json.h"

#include <inttypes.h>
#include <math.h>

#define MIB (1024.0 * 1024)

/* Bars of the picture at most, and the width of the longest. */
#define ROWS 20
#define WIDTH 40

static const double percents[] = { 50, 90, 99, 99.9, 99.99 };
#define PERCENTS (sizeof percents / sizeof *percents)

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static double per_second(const struct bench_figures *f, uint64_t count)
{
    return f->seconds > 0 ? (double)count / f->seconds : 0;
}

bool bench_report_right(const struct bench_figures *f)
{
    return f->kinds == 0 && f->lost == 0 && histogram_count(f->latency) > 0;
}

/* ---- text ---- */

void bench_report_load(const struct bench_report *r, FILE *file)
{
    const struct bench_options *o = r->options;

    fprintf(file, "%s: %" PRId64 " connections, %" PRId64 " bytes, ", r->peer,
            o->connections, o->size);
    if (o->rate > 0)
        fprintf(file, "%g messages/s, ", o->rate);
    else
        fprintf(file, "closed loop, ");
    if (o->reconnect)
        fprintf(file, "a connection for each message, ");
    fprintf(file, "%g s after %g s of warm-up", r->figures->seconds,
            (double)o->warmup_ms / 1000);
}

static void print_latency(const char *name, const struct histogram *h,
                          FILE *file)
{
    if (histogram_count(h) == 0)
        return;
    fprintf(file, "%-12s min %.3f  mean %.3f", name, ms(histogram_min(h)),
            histogram_mean(h) / 1e6);
    for (size_t i = 0; i < PERCENTS; i++)
        fprintf(file, "  p%g %.3f", percents[i],
                ms(histogram_percentile(h, percents[i])));
    fprintf(file, "  max %.3f ms\n", ms(histogram_max(h)));
}

static void print_errors(const struct bench_figures *f, FILE *file)
{
    fprintf(file, "%-12s %" PRIu64 " messages lost", "errors", f->lost);
    for (size_t i = 0; i < f->kinds; i++)
        fprintf(file, "; %" PRIu64 " x %s%s%s", f->errors[i].count,
                f->errors[i].what, f->errors[i].error != 0 ? " " : "",
                f->errors[i].error != 0 ? errname(f->errors[i].error) : "");
    putc('\n', file);
}

/* No more than there are values, or microseconds, which are what is shown. */
static int count_rows(const struct histogram *h)
{
    int64_t steps = (histogram_max(h) - histogram_min(h)) / 1000 + 1;
    uint64_t count = histogram_count(h);
    uint64_t most = count < (uint64_t)steps ? count : (uint64_t)steps;

    return most < ROWS ? (int)most : ROWS;
}

/* The edge above row i of all, evenly spaced on a logarithmic scale. */
static int64_t edge(const struct histogram *h, int i)
{
    double low = log1p((double)histogram_min(h));
    double high = log1p((double)histogram_max(h));
    int rows = count_rows(h);

    if (i == rows - 1)
        return histogram_max(h);
    return (int64_t)expm1(low + (high - low) * (i + 1) / rows);
}

static void print_row(const struct histogram *h, int64_t upper,
                      uint64_t count, uint64_t most, FILE *file)
{
    double part = 100 * (double)count / (double)histogram_count(h);
    int bar = (int)ceil((double)count * WIDTH / (double)most);

    fprintf(file, "%10.3f ms %7.3f %% ", ms(upper), part);
    for (int i = 0; i < bar; i++)
        putc('#', file);
    putc('\n', file);
}

static void print_picture(const struct histogram *h, FILE *file)
{
    uint64_t counts[ROWS], most = 1, below = 0;
    int rows = count_rows(h);

    if (rows == 0)
        return;
    for (int i = 0; i < rows; i++) {
        uint64_t up_to = histogram_up_to(h, edge(h, i));

        counts[i] = up_to > below ? up_to - below : 0;
        below += counts[i];
        if (counts[i] > most)
            most = counts[i];
    }
    fputs("\nlatency up to   share\n", file);
    for (int i = 0; i < rows; i++)
        print_row(h, edge(h, i), counts[i], most, file);
}

void bench_report_text(const struct bench_report *r, FILE *file)
{
    const struct bench_figures *f = r->figures;

    fputs("bench ", file);
    bench_report_load(r, file);
    putc('\n', file);
    if (!r->options->reconnect)
        fprintf(file, "%-12s %" PRIu64 " of %" PRId64 " when the load began\n",
                "connections", f->up, r->options->connections);
    fprintf(file, "%-12s %" PRIu64 ", %.1f/s, %.2f MiB/s each way\n",
            "echoes", f->echoes, per_second(f, f->echoes),
            per_second(f, f->bytes) / MIB);
    if (r->options->rate > 0)
        fprintf(file, "%-12s at most %.3f ms behind the schedule\n", "sends",
                ms(f->lag_ns));
    print_latency("latency", f->latency, file);
    print_latency("connect", f->connect, file);
    print_errors(f, file);
    print_picture(f->latency, file);
}

/* ---- JSON ---- */

static void write_times(struct json *json, const char *name,
                        const struct histogram *h)
{
    char key[16];

    json_begin(json, name, '{');
    json_integer(json, "count", (int64_t)histogram_count(h));
    json_number(json, "min", ms(histogram_min(h)));
    json_number(json, "mean", histogram_mean(h) / 1e6);
    for (size_t i = 0; i < PERCENTS; i++) {
        snprintf(key, sizeof key, "p%g", percents[i]);
        json_number(json, key, ms(histogram_percentile(h, percents[i])));
    }
    json_number(json, "max", ms(histogram_max(h)));
    json_end(json, '{');
}

static void write_parameters(struct json *json, const struct bench_report *r)
{
    const struct bench_options *o = r->options;

    json_text(json, "peer", r->peer);
    json_integer(json, "connections", o->connections);
    json_integer(json, "size", o->size);
    json_number(json, "time_s", (double)o->time_ms / 1000);
    json_number(json, "warmup_s", (double)o->warmup_ms / 1000);
    json_number(json, "wait_s", (double)o->wait_ms / 1000);
    json_text(json, "loop", o->rate > 0 ? "open" : "closed");
    json_number(json, "rate", o->rate);
    json_bool(json, "reconnect", o->reconnect);
}

static void write_errors(struct json *json, const struct bench_figures *f)
{
    json_begin(json, "errors", '[');
    for (size_t i = 0; i < f->kinds; i++) {
        json_begin(json, NULL, '{');
        json_text(json, "what", f->errors[i].what);
        if (f->errors[i].error != 0)
            json_text(json, "error", errname(f->errors[i].error));
        json_integer(json, "count", (int64_t)f->errors[i].count);
        json_end(json, '{');
    }
    json_end(json, '[');
}

static void write_distribution(struct json *json, const struct histogram *h)
{
    json_begin(json, "distribution", '[');
    for (int i = 0; i < count_rows(h); i++) {
        json_begin(json, NULL, '{');
        json_number(json, "up_to_ms", ms(edge(h, i)));
        json_integer(json, "count", (int64_t)histogram_up_to(h, edge(h, i)));
        json_end(json, '{');
    }
    json_end(json, '[');
}

void bench_report_json(const struct bench_report *r, FILE *file)
{
    const struct bench_figures *f = r->figures;
    struct json json;

    json_start(&json, file);
    json_begin(&json, NULL, '{');
    write_parameters(&json, r);
    json_integer(&json, "connections_up", (int64_t)f->up);
    json_number(&json, "measured_s", f->seconds);
    json_integer(&json, "echoes", (int64_t)f->echoes);
    json_number(&json, "echoes_per_s", per_second(f, f->echoes));
    json_integer(&json, "bytes", (int64_t)f->bytes);
    json_number(&json, "mib_per_s", per_second(f, f->bytes) / MIB);
    json_number(&json, "send_lag_ms", ms(f->lag_ns));
    write_times(&json, "latency_ms", f->latency);
    write_times(&json, "connect_ms", f->connect);
    json_integer(&json, "lost", (int64_t)f->lost);
    write_errors(&json, f);
    write_distribution(&json, f->latency);
    json_bool(&json, "right", bench_report_right(f));
    json_end(&json, '{');
}
