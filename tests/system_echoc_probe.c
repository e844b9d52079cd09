/* echoc probe: PASS for echod in every check, and silence is measured. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "echoc_run.h"
#include "harness.h"

START_TEST(echod_passes_every_check)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct echoc_run r;

    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("probe", "127.0.0.1", echoc_port(h->address)));
    printf("%s", r.out);
    ck_assert_str_eq(r.err, "");
    ck_assert_int_eq(r.code, 0);
    ck_assert_ptr_null(strstr(r.out, "FAIL"));
    echoc_match(r.out, "^PASS  connect ");
    echoc_match(r.out, "^PASS  half-close +20 of 20");
    echoc_match(r.out, "^PASS  late reader +[0-9.]+ MiB were sent");
    echoc_match(r.out, "^PASS  urgent data +253 of 253");
    echoc_match(r.out, "^PASS  quick connects +200 of 200");
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

START_TEST(a_low_limit_of_descriptors_is_not_blamed_on_the_server)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    char command[512];

    snprintf(command, sizeof command,
             "ulimit -Sn 12; exec \"$ECHOC\" probe 127.0.0.1 %s",
             echoc_port(h->address));
    ck_assert_int_eq(system(command), 0);
    harness_stop(h);
}
END_TEST

START_TEST(a_unix_socket_has_no_urgent_data)
{
    struct harness *h = harness_new();
    struct echoc_run r;
    char where[HARNESS_PATH_MAX + 32];

    snprintf(where, sizeof where, "unix:%s/sock", h->dir);
    harness_write(h, "echod.ini", "[server]\nlisten = %s\n", where);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_expect(h, "listening on unix:");
    echoc_run(&r, NULL, 0, ECHOC_ARGS("probe", "--json", where));
    ck_assert_int_eq(r.code, 0);
    ck_assert_double_eq(echoc_number(r.out, "failed"), 0);
    echoc_match(r.out, "\"result\": \"NONE\"");
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

START_TEST(a_silent_connection_that_is_dropped_is_told_with_its_time)
{
    struct harness *h =
        harness_serve("\n[limits]\nidle_timeout = 1500ms\n");
    struct echoc_run r;

    echoc_run(&r, NULL, 0,
              ECHOC_ARGS("probe", "--idle", "3,1", "127.0.0.1",
                         echoc_port(h->address)));
    printf("%s", r.out);
    ck_assert_int_eq(r.code, 1);
    echoc_match(r.out, "^PASS  idle 1 s +alive after 1 s of silence$");
    echoc_match(r.out, "^FAIL  idle 3 s +closed: 64 of 64 bytes came back, "
                       "after [12]\\.[0-9] s of silence$");
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        echod_passes_every_check,
        a_low_limit_of_descriptors_is_not_blamed_on_the_server,
        a_unix_socket_has_no_urgent_data,
        a_silent_connection_that_is_dropped_is_told_with_its_time,
        NULL
    };

    return harness_main(harness_suite("echoc probe", tests));
}
