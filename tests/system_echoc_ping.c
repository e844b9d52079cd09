/* echoc ping: what ping(8)'s users and scripts expect. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "echoc_run.h"
#include "harness.h"
#include "hostile.h"

#define MS "[0-9]+(\\.[0-9]+)?"
#define FIGURES MS "/" MS "/" MS "/" MS " ms"

static struct harness *h;
static struct echoc_run r;

static void setup(void)
{
    h = harness_serve(HARNESS_DEFAULTS);
}

static void teardown(void)
{
    echoc_free(&r);
    harness_stop(h);
}

static const char *port(void)
{
    return echoc_port(h->address);
}

START_TEST(the_layout_is_that_of_ping)
{
    echoc_run(&r, NULL, 0, ECHOC_ARGS("ping", "-c", "3", "-i", "0.01",
                                      "127.0.0.1", port()));
    ck_assert_str_eq(r.err, "");
    ck_assert_int_eq(r.code, 0);
    echoc_match(r.out, "^PING 127\\.0\\.0\\.1 \\(127\\.0\\.0\\.1:[0-9]+\\) 64 "
                       "bytes of data\\.$");
    echoc_match(r.out, "^64 bytes from 127\\.0\\.0\\.1:[0-9]+: seq=1 time=" MS
                       " ms$");
    echoc_match(r.out, "^64 bytes from .*: seq=3 time=" MS " ms$");
    echoc_match(r.out, "^--- 127\\.0\\.0\\.1 ping statistics ---$");
    echoc_match(r.out, "^3 packets transmitted, 3 received, 0% packet loss, "
                       "time [0-9]+ms$");
    echoc_match(r.out, "^rtt min/avg/max/mdev = " FIGURES "$");
    echoc_match(r.out, "^connect min/avg/max/mdev = " FIGURES "$");
    harness_expect(h, " in=192 out=192 .*reason=eof");
}
END_TEST

START_TEST(a_size_is_sent_and_comes_back)
{
    echoc_run(&r, NULL, 0, ECHOC_ARGS("ping", "-c", "2", "-i", "0.01", "-s",
                                      "300K", "127.0.0.1", port()));
    ck_assert_int_eq(r.code, 0);
    echoc_match(r.out, "^307200 bytes from ");
    harness_expect(h, " in=614400 out=614400 .*reason=eof");
}
END_TEST

START_TEST(quiet_prints_the_summary_only)
{
    echoc_run(&r, NULL, 0, ECHOC_ARGS("ping", "-q", "-c", "2", "-i", "0.01",
                                      "127.0.0.1", port()));
    ck_assert_int_eq(r.code, 0);
    ck_assert_ptr_null(strstr(r.out, "seq="));
    echoc_match(r.out, "^2 packets transmitted, 2 received");
}
END_TEST

START_TEST(stamps_stand_before_each_line)
{
    echoc_run(&r, NULL, 0, ECHOC_ARGS("ping", "-D", "-c", "1", "127.0.0.1",
                                      port()));
    echoc_match(r.out, "^\\[[0-9]{10,}\\.[0-9]{6}\\] 64 bytes from ");
    ck_assert_int_eq(r.code, 0);
}
END_TEST

START_TEST(a_new_connection_for_each_shows_its_own_time)
{
    echoc_run(&r, NULL, 0, ECHOC_ARGS("ping", "-R", "-c", "3", "-i", "0.01",
                                      "127.0.0.1", port()));
    ck_assert_int_eq(r.code, 0);
    echoc_match(r.out, "seq=3 connect=" MS " ms time=" MS " ms$");
    harness_expect_count(h, 3, " in=64 out=64 .*reason=eof");
}
END_TEST

START_TEST(a_time_limit_ends_it)
{
    echoc_run(&r, NULL, 0, ECHOC_ARGS("ping", "-w", "0.3", "-i", "0.02",
                                      "127.0.0.1", port()));
    echoc_match(r.out, "^[0-9]+ packets transmitted, ");
    echoc_match(r.out, "^rtt min/avg/max/mdev = ");
}
END_TEST

START_TEST(a_time_limit_that_meets_a_message_does_not_lose_it)
{
    echoc_run(&r, NULL, 0, ECHOC_ARGS("ping", "-w", "2", "-i", "1",
                                      "127.0.0.1", port()));
    echoc_match(r.out, "^2 packets transmitted, 2 received, 0% packet loss, ");
    ck_assert_int_eq(r.code, 0);
}
END_TEST

START_TEST(a_time_limit_before_the_count_is_1)
{
    echoc_run(&r, NULL, 0, ECHOC_ARGS("ping", "-c", "9", "-w", "0.5", "-i",
                                      "3", "127.0.0.1", port()));
    echoc_match(r.out, "^1 packets transmitted, 1 received, 0% packet loss, ");
    ck_assert_int_eq(r.code, 1);
}
END_TEST

START_TEST(interrupt_ends_it_with_the_statistics)
{
    echoc_start(&r, NULL, 0, ECHOC_ARGS("ping", "127.0.0.1", port()));
    echoc_expect_output(&r, "seq=1 time=");
    kill(r.pid, SIGINT);
    echoc_wait(&r);
    ck_assert_int_eq(r.code, 0);
    echoc_match(r.out, "^[1-9] packets transmitted, [1-9] received, 0% packet");
    echoc_match(r.out, "^rtt min/avg/max/mdev = ");
}
END_TEST

START_TEST(quit_shows_a_line_and_goes_on)
{
    echoc_start(&r, NULL, 0, ECHOC_ARGS("ping", "-c", "3", "-i", "0.3",
                                        "127.0.0.1", port()));
    echoc_expect_output(&r, "seq=1 time=");
    kill(r.pid, SIGQUIT);
    echoc_wait(&r);
    ck_assert_int_eq(r.code, 0);
    echoc_match(r.err, "^[1-3]/[1-3] packets, 0% loss, min/avg/ewma/max = "
                       FIGURES "$");
    echoc_match(r.out, "^3 packets transmitted, 3 received");
}
END_TEST

/* With a port of its own: nothing answers after the first one. */
START_TEST(total_loss_still_has_its_statistics)
{
    struct hostile server;

    hostile_start(&server, HOSTILE_SILENT);
    echoc_run(&r, NULL, 0, ECHOC_ARGS("ping", "-c", "2", "-i", "0.01", "-W",
                                      "0.2", "127.0.0.1", server.port));
    ck_assert_int_eq(r.code, 1);
    echoc_match(r.out, "^2 packets transmitted, 0 received, 100% packet loss, "
                       "time [0-9]+ms$");
    echoc_match(r.out, "^connect min/avg/max/mdev = " FIGURES "$");
    hostile_stop(&server);
}
END_TEST

START_TEST(a_server_that_ends_is_noticed)
{
    echoc_start(&r, NULL, 0, ECHOC_ARGS("ping", "-i", "0.05", "127.0.0.1",
                                        port()));
    echoc_expect_output(&r, "seq=2 time=");
    harness_signal(h, SIGTERM);
    harness_expect(h, "drain|stop|TERM");
    harness_signal(h, SIGTERM);
    echoc_wait(&r);
    ck_assert_int_eq(r.code, 1);
    echoc_match(r.out, "^From 127.*: seq=[0-9]+ (Connection closed by the "
                       "server|Connection reset by peer)$");
    harness_wait(h);
    h->pid = 0;
    harness_free(h);
    h = harness_serve(HARNESS_DEFAULTS);
}
END_TEST

int main(void)
{
    static const TTest *const none[] = { NULL };
    Suite *s = harness_suite("echoc ping", none);
    TCase *tc = tcase_create("ping");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, harness_ms(60000) / 1000);
    tcase_add_test(tc, the_layout_is_that_of_ping);
    tcase_add_test(tc, a_size_is_sent_and_comes_back);
    tcase_add_test(tc, quiet_prints_the_summary_only);
    tcase_add_test(tc, stamps_stand_before_each_line);
    tcase_add_test(tc, a_new_connection_for_each_shows_its_own_time);
    tcase_add_test(tc, a_time_limit_ends_it);
    tcase_add_test(tc, a_time_limit_that_meets_a_message_does_not_lose_it);
    tcase_add_test(tc, a_time_limit_before_the_count_is_1);
    tcase_add_test(tc, interrupt_ends_it_with_the_statistics);
    tcase_add_test(tc, quit_shows_a_line_and_goes_on);
    tcase_add_test(tc, total_loss_still_has_its_statistics);
    tcase_add_test(tc, a_server_that_ends_is_noticed);
    suite_add_tcase(s, tc);
    return harness_main(s);
}
