#include <config.h>

#include "connlog.h"
#include "log.h"
#include "settings.h"

#include "unit.h"

static struct addr peer, local;
static struct connlog_client client = { .id = 17,
                                        .peer = &peer,
                                        .in = 5,
                                        .out = 4,
                                        .ms = 5007,
                                        .active = 2 };

static void set_up(void)
{
    unit_log_begin();
    ck_assert_int_eq(addr_parse(&peer, "[2001:db8::1]:40112", 0), 0);
    ck_assert_int_eq(addr_parse(&local, "[2001:db8::2]:25000", 0), 0);
    connlog_set(SETTINGS_CONNECTIONS_ALL, 0);
}

static void assert_logged(const char *line)
{
    ck_assert_msg(strstr(unit_log(), line) != NULL, "%s", unit_log());
}

START_TEST(a_connection_is_told_as_the_contract_has_it)
{
    connlog_connect(&client, &local, 1);
    assert_logged(" info connect id=17 peer=[2001:db8::1]:40112 "
                  "local=[2001:db8::2]:25000 active=2\n");
    connlog_disconnect(&client, CONNLOG_EOF, 0, 2);
    assert_logged(" info disconnect id=17 peer=[2001:db8::1]:40112 in=5 out=4 "
                  "ms=5007 reason=eof active=2\n");
    connlog_disconnect(&client, CONNLOG_ERROR, ENOMEM, 2);
    assert_logged(" reason=error error=ENOMEM active=2\n");
    connlog_refuse(&peer, "acl", 3);
    assert_logged(" notice refuse peer=[2001:db8::1]:40112 reason=acl\n");
}
END_TEST

START_TEST(every_reason_has_its_word)
{
    static const char *const words[CONNLOG_REASONS] = {
        "eof", "reset", "idle", "stalled", "lifetime", "shutdown", "error"
    };

    for (int reason = 0; reason < CONNLOG_REASONS; reason++)
        ck_assert_str_eq(connlog_reason_name((enum connlog_reason)reason),
                         words[reason]);
}
END_TEST

/* Which lines each value of log.connections lets through. */
static const struct {
    int64_t connections;
    bool connect_empty, connect_full, eof_empty, eof_full, reset, refuse;
} filters[] = {
    { SETTINGS_CONNECTIONS_ALL, true, true, true, true, true, true },
    { SETTINGS_CONNECTIONS_NONEMPTY, false, true, false, true, true, true },
    { SETTINGS_CONNECTIONS_ERRORS, false, false, false, false, true, true },
    { SETTINGS_CONNECTIONS_NONE, false, false, false, false, false, false },
};

START_TEST(the_filter_lets_through_what_it_should)
{
    struct connlog_client empty = client;

    empty.in = empty.out = 0;
    connlog_set(filters[_i].connections, 0);
    ck_assert(connlog_wants_connect(false) == filters[_i].connect_empty);
    ck_assert(connlog_wants_connect(true) == filters[_i].connect_full);
    connlog_disconnect(&empty, CONNLOG_EOF, 0, 1);
    ck_assert_int_eq(unit_log_count("in=0"), filters[_i].eof_empty);
    connlog_disconnect(&client, CONNLOG_EOF, 0, 1);
    ck_assert_int_eq(unit_log_count("in=5"), filters[_i].eof_full);
    connlog_disconnect(&client, CONNLOG_RESET, 0, 1);
    ck_assert_int_eq(unit_log_count("reason=reset"), filters[_i].reset);
    connlog_refuse(&peer, "rate", 1);
    ck_assert_int_eq(unit_log_count("refuse"), filters[_i].refuse);
}
END_TEST

START_TEST(only_faults_are_errors)
{
    connlog_set(SETTINGS_CONNECTIONS_ERRORS, 0);
    for (int reason = 0; reason < CONNLOG_REASONS; reason++)
        connlog_disconnect(&client, (enum connlog_reason)reason, EIO, 1);
    ck_assert_int_eq(unit_log_count("disconnect"), 3);
    ck_assert_int_eq(unit_log_count("reason=reset"), 1);
    ck_assert_int_eq(unit_log_count("reason=stalled"), 1);
    ck_assert_int_eq(unit_log_count("reason=error error=EIO"), 1);
}
END_TEST

static void connect_often(int times, int64_t now_ms)
{
    for (int i = 0; i < times; i++)
        connlog_connect(&client, &local, now_ms);
}

START_TEST(over_the_rate_lines_are_left_out_and_counted_in_one)
{
    connlog_set(SETTINGS_CONNECTIONS_ALL, 10);
    connect_often(25, 5000);
    ck_assert_int_eq(unit_log_count(" connect "), 10);
    ck_assert_int_eq(connlog_tick(5001), 6000);
    ck_assert_int_eq(unit_log_count("left out"), 0);
    ck_assert_int_eq(connlog_tick(6000), -1);
    assert_logged(" notice 15 connection lines left out in a second, log.rate "
                  "is 10\n");
    ck_assert_int_eq(connlog_tick(7000), -1);
    ck_assert_int_eq(unit_log_count("left out"), 1);
}
END_TEST

START_TEST(the_summary_stands_before_the_lines_of_the_next_second)
{
    connlog_set(SETTINGS_CONNECTIONS_ALL, 1);
    connect_often(3, 5000);
    connlog_disconnect(&client, CONNLOG_EOF, 0, 6000);
    ck_assert_ptr_nonnull(strstr(unit_log(), "2 connection lines left out"));
    ck_assert_ptr_nonnull(
        strstr(strstr(unit_log(), "2 connection lines"), "disconnect"));
}
END_TEST

START_TEST(each_second_has_its_own_allowance)
{
    connlog_set(SETTINGS_CONNECTIONS_ALL, 2);
    connect_often(5, 5000);
    connect_often(5, 5999);
    ck_assert_int_eq(unit_log_count(" connect "), 2);
    connect_often(5, 6000);
    ck_assert_int_eq(unit_log_count(" connect "), 4);
    ck_assert_int_eq(unit_log_count("8 connection lines left out"), 1);
}
END_TEST

START_TEST(a_rate_of_zero_is_no_limit)
{
    connect_often(300, 5000);
    ck_assert_int_eq(unit_log_count(" connect "), 300);
    ck_assert_int_eq(connlog_tick(9000), -1);
}
END_TEST

START_TEST(lines_that_the_level_keeps_out_use_nothing_of_the_rate)
{
    connlog_set(SETTINGS_CONNECTIONS_ALL, 1);
    log_set(LOG_DAEMON, LOG_WARNING);
    connect_often(5, 5000);
    connlog_refuse(&peer, "acl", 5000);
    ck_assert_int_eq(connlog_tick(5000), -1);
    ck_assert_str_eq(unit_log(), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("connlog");
    TCase *tests = tcase_create("connlog");

    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, a_connection_is_told_as_the_contract_has_it);
    tcase_add_test(tests, every_reason_has_its_word);
    tcase_add_loop_test(tests, the_filter_lets_through_what_it_should, 0,
                        UNIT_LENGTH(filters));
    tcase_add_test(tests, only_faults_are_errors);
    tcase_add_test(tests, over_the_rate_lines_are_left_out_and_counted_in_one);
    tcase_add_test(tests,
                   the_summary_stands_before_the_lines_of_the_next_second);
    tcase_add_test(tests, each_second_has_its_own_allowance);
    tcase_add_test(tests, a_rate_of_zero_is_no_limit);
    tcase_add_test(tests,
                   lines_that_the_level_keeps_out_use_nothing_of_the_rate);
    return unit_run(suite);
}
