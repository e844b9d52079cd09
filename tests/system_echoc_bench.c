/* echoc bench: its counts are those of the server, and no stall is hidden. */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "echoc_run.h"
#include "harness.h"
#include "hostile.h"

static void check_right(const struct echoc_run *r)
{
    if (r->code != 0)
        ck_abort_msg("code %d: %s%s", r->code, r->out, r->err);
    echoc_match(r->out, "\"right\": true");
    ck_assert_double_eq(echoc_number(r->out, "lost"), 0);
}

START_TEST(a_closed_loop_counts_what_the_server_counts)
{
    struct harness *h = harness_serve("\n[log]\nlevel = debug\n");
    struct echoc_run r;

    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-n", "5", "-t", "0.5", "--warmup", "0.1",
                         "-s", "100", "--json", "127.0.0.1",
                         echoc_port(h->address)));
    check_right(&r);
    ck_assert_double_eq(echoc_number(r.out, "connections_up"), 5);
    ck_assert_double_gt(echoc_number(r.out, "echoes"), 0);
    ck_assert_double_le(echoc_number(r.out, "p50"),
                        echoc_number(r.out, "p99"));
    harness_expect_count(h, 5, " in=[0-9]+00 out=[0-9]+00 .*reason=eof");
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

START_TEST(an_open_loop_sends_every_message_of_its_schedule)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;

    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-n", "3", "-t", "1", "--warmup", "0", "-r",
                         "500", "--json", "127.0.0.1",
                         echoc_port(h->address)));
    check_right(&r);
    ck_assert_double_eq(echoc_number(strstr(r.out, "latency_ms"), "count"),
                        500);
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

START_TEST(each_message_may_have_a_connection_of_its_own)
{
    struct harness *h = harness_serve("\n[log]\nrate = 0\n");
    struct echoc_run r;

    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-R", "-n", "2", "-t", "0.3", "--warmup",
                         "0", "--json", "127.0.0.1", echoc_port(h->address)));
    check_right(&r);
    harness_expect_count(h, (size_t)echoc_number(r.out, "echoes"),
                         " in=64 out=64 .*reason=eof");
    ck_assert_uint_eq(harness_count(h, " disconnect .*in=([^6]|6[^4])"), 0);
    echoc_free(&r);
    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-R", "-n", "2", "-t", "0.5", "-r", "100",
                         "--warmup", "0", "--json", "127.0.0.1",
                         echoc_port(h->address)));
    check_right(&r);
    ck_assert_double_eq(echoc_number(strstr(r.out, "latency_ms"), "count"),
                        50);
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

START_TEST(large_messages_are_sent_and_received_at_once)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;

    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-n", "2", "-t", "0.5", "--warmup", "0",
                         "-s", "20M", "--json", "127.0.0.1",
                         echoc_port(h->address)));
    check_right(&r);
    ck_assert_double_gt(echoc_number(r.out, "bytes"), 0);
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

/*
 * The server stalls once, for 600 ms.  In an open loop every message that was
 * due meanwhile has waited, so the median of a second shows it; a closed loop
 * sends one message less and looks well.
 */
START_TEST(a_stall_is_charged_for_every_message_it_held_up)
{
    struct hostile server;
    struct echoc_run r;

    hostile_start(&server, HOSTILE_LATE);
    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-t", "1", "--warmup", "0", "-r", "200",
                         "--json", "127.0.0.1", server.port));
    check_right(&r);
    ck_assert_double_gt(echoc_number(strstr(r.out, "latency_ms"), "p50"),
                        HOSTILE_LATE_MS / 20.0);
    ck_assert_double_gt(echoc_number(strstr(r.out, "latency_ms"), "max"),
                        HOSTILE_LATE_MS - 5);
    echoc_free(&r);
    hostile_stop(&server);
}
END_TEST

START_TEST(interrupt_reports_what_was_measured)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;

    echoc_start(&r, NULL, 0,
                ECHOC_ARGS("bench", "-n", "2", "-t", "600", "--warmup", "0",
                           "--json", "127.0.0.1", echoc_port(h->address)));
    /* The second one is made where signals are taken care of. */
    harness_expect_count(h, 2, " connect ");
    kill(r.pid, SIGINT);
    echoc_wait(&r);
    echoc_match(r.out, "\"measured_s\": ");
    ck_assert_double_lt(echoc_number(r.out, "measured_s"), 600);
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

/* Returns when the signal has been taken: two that wait would be one. */
static void interrupt(const struct echoc_run *r)
{
    const struct harness of = { .pid = r->pid };

    ck_assert_int_eq(kill(r->pid, SIGINT), 0);
    while (harness_status(&of, "ShdPnd", 16) & 1L << (SIGINT - 1))
        poll(NULL, 0, 5);
}

/* The server has stopped; the second signal does not wait for it. */
START_TEST(messages_that_are_cut_short_have_their_kind_of_error)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;

    echoc_start(&r, NULL, 0,
                ECHOC_ARGS("bench", "-n", "2", "-t", "600", "--warmup", "0",
                           "-W", "300", "127.0.0.1", echoc_port(h->address)));
    harness_expect_count(h, 2, " connect ");
    harness_signal(h, SIGSTOP);
    interrupt(&r);
    interrupt(&r);
    echoc_wait(&r);
    harness_signal(h, SIGCONT);
    ck_assert_int_eq(r.code, 1);
    echoc_match(r.out, "messages lost; 2 x unfinished at the end$");
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

START_TEST(the_text_has_the_figures_and_a_picture)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;

    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-n", "2", "-t", "0.3", "--warmup", "0",
                         "127.0.0.1", echoc_port(h->address)));
    ck_assert_int_eq(r.code, 0);
    ck_assert_str_eq(r.err, "");
    echoc_match(r.out, "^connections  2 of 2 when the load began$");
    echoc_match(r.out, "^echoes +[0-9]+, [0-9.]+/s, [0-9.]+ MiB/s each way$");
    echoc_match(r.out, "^latency +min .* p50 .* p90 .* p99 .* p99.9 .* p99.99 "
                       ".* max [0-9.]+ ms$");
    echoc_match(r.out, "^errors +0 messages lost$");
    echoc_match(r.out, "^ +[0-9.]+ ms +[0-9.]+ % #+$");
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

START_TEST(a_picture_of_one_message_is_one_row)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;
    const char *rows;

    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-t", "0.2", "--warmup", "0", "-r", "5",
                         "127.0.0.1", echoc_port(h->address)));
    ck_assert_int_eq(r.code, 0);
    rows = strstr(r.out, "latency up to   share\n");
    ck_assert_ptr_nonnull(rows);
    echoc_match(rows, "^ +[0-9.]+ ms 100\\.000 % #+$");
    ck_assert_ptr_null(strstr(strstr(rows, " ms ") + 1, " ms "));
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

/* A PATH without it stands for a machine without it. */
START_TEST(a_plot_without_gnuplot_is_refused_before_the_load)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;
    char path[HARNESS_PATH_MAX + 16];

    snprintf(path, sizeof path, "%s/plot.svg", h->dir);
    unsetenv("ECHOD_WRAPPER"); /* it is looked for in PATH too */
    setenv("PATH", h->dir, 1);
    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "--plot", path, "127.0.0.1",
                         echoc_port(h->address)));
    ck_assert_int_eq(r.code, 2);
    echoc_match(r.err, "--plot needs gnuplot");
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_uint_eq(harness_count(h, " connect "), 0);
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

/* A script that is found before any gnuplot. */
static void stand_in_for_gnuplot(struct harness *h, const char *commands)
{
    char text[4096];

    chmod(harness_write(h, "gnuplot", "#!/bin/sh\n%s\n", commands), 0755);
    snprintf(text, sizeof text, "%s:%s", h->dir, getenv("PATH"));
    setenv("PATH", text, 1);
}

/* What it was given, which is what gnuplot would draw. */
#define SAY_IT "exec cat"

START_TEST(a_plot_that_cannot_be_written_is_refused_before_the_load)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;
    char path[HARNESS_PATH_MAX + 32];

    stand_in_for_gnuplot(h, SAY_IT);
    snprintf(path, sizeof path, "%s/missing/plot.svg", h->dir);
    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-t", "0.2", "--plot", path, "127.0.0.1",
                         echoc_port(h->address)));
    ck_assert_int_eq(r.code, 2);
    echoc_match(r.err, "missing/plot.svg: No such file or directory");
    ck_assert_str_eq(r.out, "");
    ck_assert_uint_eq(harness_count(h, " connect "), 0);
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

START_TEST(a_plot_that_was_not_written_is_an_error)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;

    /* As gnuplot does, it does not tell what it could not write. */
    stand_in_for_gnuplot(h, "cat 2>/dev/null; exit 0");
    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-t", "0.2", "--warmup", "0", "--plot",
                         "/dev/full", "127.0.0.1", echoc_port(h->address)));
    ck_assert_int_eq(r.code, 2);
    echoc_match(r.err, "^echoc: /dev/full: No space left on device$");
    echoc_match(r.out, "^errors +0 messages lost$");
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

START_TEST(a_plot_is_what_gnuplot_draws_of_the_percentiles)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;
    char path[HARNESS_PATH_MAX + 16], text[65536];
    const char *found = NULL;
    FILE *file;
    size_t n;

    snprintf(path, sizeof path, "%s/plot.svg", h->dir);
    stand_in_for_gnuplot(h, SAY_IT);
    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("bench", "-t", "0.2", "--warmup", "0", "--plot", path,
                         "127.0.0.1", echoc_port(h->address)));
    ck_assert_int_eq(r.code, 0);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    /* Double quotes would run what a path has in backquotes. */
    echoc_match(text, "^set title '127\\.0\\.0\\.1:[0-9]+: 1 connections, .*'");
    found = strstr(text, "plot '-'");
    ck_assert_ptr_nonnull(found);
    echoc_match(found, "^1\\.000000 [0-9.]+$");
    fclose(file);
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_closed_loop_counts_what_the_server_counts,
        an_open_loop_sends_every_message_of_its_schedule,
        each_message_may_have_a_connection_of_its_own,
        large_messages_are_sent_and_received_at_once,
        a_stall_is_charged_for_every_message_it_held_up,
        interrupt_reports_what_was_measured,
        messages_that_are_cut_short_have_their_kind_of_error,
        the_text_has_the_figures_and_a_picture,
        a_picture_of_one_message_is_one_row,
        a_plot_without_gnuplot_is_refused_before_the_load,
        a_plot_that_cannot_be_written_is_refused_before_the_load,
        a_plot_that_was_not_written_is_an_error,
        a_plot_is_what_gnuplot_draws_of_the_percentiles,
        NULL
    };

    return harness_main(harness_suite("echoc bench", tests));
}
