#include <config.h>

#include "ping_report.h"

#include <inttypes.h>
#include <math.h>

void ping_report_add(struct ping_times *t, int64_t ns)
{
    if (t->count == 0 || ns < t->min)
        t->min = ns;
    if (ns > t->max)
        t->max = ns;
    t->moving = t->count == 0 ? (double)ns
                              : t->moving + ((double)ns - t->moving) / 8;
    t->sum += (double)ns;
    t->sum_of_squares += (double)ns * (double)ns;
    t->count++;
}

char *ping_report_ms(int64_t ns, char text[PING_REPORT_MS_MAX])
{
    double ms = (double)ns / 1e6;
    int decimals = ms >= 99.95 ? 0 : ms >= 9.995 ? 1 : ms >= 0.9995 ? 2 : 3;

    snprintf(text, PING_REPORT_MS_MAX, "%.*f", decimals, ms);
    return text;
}

static double mean(const struct ping_times *t)
{
    return t->count == 0 ? 0 : t->sum / (double)t->count;
}

/* The standard deviation; rounding may take it below zero under the root. */
static double deviation(const struct ping_times *t)
{
    double square = t->sum_of_squares / (double)t->count - mean(t) * mean(t);

    return square > 0 ? sqrt(square) : 0;
}

static void print_times(FILE *file, const char *name,
                        const struct ping_times *t)
{
    if (t->count > 0)
        fprintf(file, "%s min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", name,
                (double)t->min / 1e6, mean(t) / 1e6, (double)t->max / 1e6,
                deviation(t) / 1e6);
}

static double loss(const struct ping_stats *s)
{
    return s->sent == 0 ? 0
                        : (double)(s->sent - s->received) * 100 /
                              (double)s->sent;
}

void ping_report_summary(const struct ping_stats *s, FILE *file)
{
    fprintf(file, "\n--- %s ping statistics ---\n", s->host);
    fprintf(file, "%" PRIu64 " packets transmitted, %" PRIu64 " received",
            s->sent, s->received);
    if (s->corrupted > 0)
        fprintf(file, ", +%" PRIu64 " corrupted", s->corrupted);
    if (s->errors > 0)
        fprintf(file, ", +%" PRIu64 " errors", s->errors);
    fprintf(file, ", %g%% packet loss, time %" PRId64 "ms\n", loss(s),
            s->elapsed_ns / 1000000);
    print_times(file, "rtt", &s->rtt);
    print_times(file, "connect", &s->connect);
}

void ping_report_interim(const struct ping_stats *s, FILE *file)
{
    fprintf(file, "%" PRIu64 "/%" PRIu64 " packets, %d%% loss", s->received,
            s->sent, (int)loss(s));
    if (s->rtt.count > 0)
        fprintf(file, ", min/avg/ewma/max = %.3f/%.3f/%.3f/%.3f ms",
                (double)s->rtt.min / 1e6, mean(&s->rtt) / 1e6,
                s->rtt.moving / 1e6, (double)s->rtt.max / 1e6);
    putc('\n', file);
    fflush(file);
}
