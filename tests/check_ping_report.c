#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ping_report.h"

#include "unit.h"

static char *text;
static size_t len;
static FILE *file;
static struct ping_stats stats;

static void setup(void)
{
    memset(&stats, 0, sizeof stats);
    stats.host = "server.example";
    file = open_memstream(&text, &len);
    ck_assert_ptr_nonnull(file);
}

static void teardown(void)
{
    fclose(file);
    free(text);
}

static void expect(const char *want)
{
    fflush(file);
    ck_assert_str_eq(text, want);
}

START_TEST(a_time_has_the_precision_of_ping)
{
    static const struct {
        int64_t ns;
        const char *text;
    } times[] = {
        { 0, "0.000" },          { 196000, "0.196" },    { 999499, "0.999" },
        { 999500, "1.00" },      { 1964000, "1.96" },    { 9994999, "9.99" },
        { 9995000, "10.0" },     { 19640000, "19.6" },   { 99949999, "99.9" },
        { 99950000, "100" },     { 196400000, "196" },   { 10000000000, "10000" },
    };
    char out[PING_REPORT_MS_MAX];

    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        ck_assert_str_eq(ping_report_ms(times[i].ns, out), times[i].text);
}
END_TEST

START_TEST(the_statistics_are_those_of_ping)
{
    stats.sent = 4;
    stats.received = 3;
    stats.elapsed_ns = 3004999999;
    ping_report_add(&stats.rtt, 1000000);
    ping_report_add(&stats.rtt, 2000000);
    ping_report_add(&stats.rtt, 3000000);
    ping_report_summary(&stats, file);
    expect("\n--- server.example ping statistics ---\n"
           "4 packets transmitted, 3 received, 25% packet loss, time 3004ms\n"
           "rtt min/avg/max/mdev = 1.000/2.000/3.000/0.816 ms\n");
}
END_TEST

START_TEST(total_loss_has_no_times)
{
    stats.sent = 2;
    ping_report_summary(&stats, file);
    expect("\n--- server.example ping statistics ---\n"
           "2 packets transmitted, 0 received, 100% packet loss, time 0ms\n");
}
END_TEST

START_TEST(corruption_errors_and_connect_times_are_told)
{
    stats.sent = 3;
    stats.received = 2;
    stats.corrupted = 1;
    stats.errors = 1;
    ping_report_add(&stats.connect, 500000);
    ping_report_summary(&stats, file);
    expect("\n--- server.example ping statistics ---\n"
           "3 packets transmitted, 2 received, +1 corrupted, +1 errors, "
           "33.3333% packet loss, time 0ms\n"
           "connect min/avg/max/mdev = 0.500/0.500/0.500/0.000 ms\n");
}
END_TEST

START_TEST(the_interim_line_has_a_moving_mean)
{
    stats.sent = 3;
    stats.received = 2;
    ping_report_add(&stats.rtt, 1000000);
    ping_report_add(&stats.rtt, 9000000);
    ping_report_interim(&stats, file);
    expect("2/3 packets, 33% loss, min/avg/ewma/max = "
           "1.000/5.000/2.000/9.000 ms\n");
}
END_TEST

START_TEST(nothing_sent_is_no_loss)
{
    ping_report_interim(&stats, file);
    expect("0/0 packets, 0% loss\n");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ping_report");
    TCase *tc = tcase_create("ping_report");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_time_has_the_precision_of_ping);
    tcase_add_test(tc, the_statistics_are_those_of_ping);
    tcase_add_test(tc, total_loss_has_no_times);
    tcase_add_test(tc, corruption_errors_and_connect_times_are_told);
    tcase_add_test(tc, the_interim_line_has_a_moving_mean);
    tcase_add_test(tc, nothing_sent_is_no_loss);
    suite_add_tcase(s, tc);
    return unit_run(s);
}
