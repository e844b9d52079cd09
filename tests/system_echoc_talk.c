/* echoc talk through a pipe: all of it comes back, whatever its size. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "client.h"
#include "echoc_run.h"
#include "harness.h"

static const size_t sizes[] = { 0, 1, 4096, 65536, 65537, 5000000 };

START_TEST(standard_input_comes_back_on_standard_output)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    size_t len = sizes[_i];
    char *input = malloc(len + 1);
    struct echoc_run r;

    client_payload(3, 0, input, len);
    echoc_run(&r, input, len,
              ECHOC_ARGS("127.0.0.1", echoc_port(h->address)));
    ck_assert_str_eq(r.err, "");
    ck_assert_int_eq(r.code, 0);
    ck_assert_uint_eq(r.out_len, len);
    ck_assert_int_eq(memcmp(r.out, input, len), 0);
    harness_expect(h, " in=%zu out=%zu .*reason=eof", len, len);
    echoc_free(&r);
    free(input);
    harness_stop(h);
}
END_TEST

START_TEST(it_talks_to_unix_sockets_and_both_families)
{
    struct harness *h = harness_new();
    struct echoc_run r;
    char where[HARNESS_PATH_MAX + 32];

    snprintf(where, sizeof where, "unix:%s/sock", h->dir);
    harness_write(h, "echod.ini", "[server]\nlisten = %s, 127.0.0.1, ::1\n"
                                  "port = 0\n", where);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_expect(h, "listening on unix:");
    echoc_run(&r, "hello", 5, ECHOC_ARGS("talk", where));
    ck_assert_str_eq(r.out, "hello");
    ck_assert_int_eq(r.code, 0);
    echoc_free(&r);
    echoc_run(&r, "hello", 5,
              ECHOC_ARGS("-4", harness_expect(h, "on (127.0.0.1:[0-9]+)")));
    ck_assert_str_eq(r.out, "hello");
    ck_assert_int_eq(r.code, 0);
    echoc_free(&r);
    echoc_run(&r, "hello", 5,
              ECHOC_ARGS("-6", harness_expect(h, "on (\\[::1\\]:[0-9]+)")));
    ck_assert_str_eq(r.out, "hello");
    ck_assert_int_eq(r.code, 0);
    echoc_free(&r);
    harness_stop(h);
}
END_TEST

/* Nothing is kept in the test itself: a child's peak begins with what its
 * parent has. */
START_TEST(memory_does_not_grow_with_the_input)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct rusage usage;
    char command[512];

    snprintf(command, sizeof command,
             "n=$(head -c 100000000 /dev/zero | \"$ECHOC\" 127.0.0.1 %s | "
             "wc -c) && [ \"$n\" -eq 100000000 ]",
             echoc_port(h->address));
    ck_assert_int_eq(system(command), 0);
    getrusage(RUSAGE_CHILDREN, &usage);
    if (harness_is_plain(h)) {
        ck_assert_int_lt(usage.ru_maxrss, 8 * 1024);
        ck_assert_int_lt(harness_resident(h), 8 * 1024);
    }
    harness_stop(h);
}
END_TEST

/* What stands in the way of standard output stops the input, and no more is
 * taken from the server; when it goes on, nothing is missing. */
START_TEST(a_slow_reader_of_its_output_loses_nothing)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    char command[512];
    FILE *pipe;
    size_t total = 0, n;
    char bytes[65536];

    snprintf(command, sizeof command,
             "head -c 30000000 /dev/zero | \"$ECHOC\" 127.0.0.1 %s",
             echoc_port(h->address));
    pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    /* Nothing is read until echod has seen that its client takes no more. */
    while (harness_count(h, " connect ") == 0)
        client_wait(-1, 0, 5);
    client_wait(-1, 0, 300);
    while ((n = fread(bytes, 1, sizeof bytes, pipe)) > 0)
        total += n;
    ck_assert_uint_eq(total, 30000000);
    ck_assert_int_eq(pclose(pipe), 0);
    harness_stop(h);
}
END_TEST

/* A socket could get the number, and be taken for what is to be sent. */
START_TEST(standard_descriptors_that_are_closed_are_no_connection)
{
    static const char *const closed[] = { "<&-", ">&-", "<&- >&- 2>&-" };
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    char command[512];

    snprintf(command, sizeof command,
             "echo hello | \"$ECHOC\" -W 5 127.0.0.1 %s %s",
             echoc_port(h->address), closed[_i]);
    ck_assert_int_eq(system(command), 0);
    harness_stop(h);
}
END_TEST

static const char *const unwritable[][4] = {
    { "--help" },
    { "--version" },
    { "ping", "-c", "1" },
};

START_TEST(what_could_not_be_printed_is_2)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    char command[512] = "\"$ECHOC\"";
    size_t len = strlen(command);

    for (int i = 0; unwritable[_i][i] != NULL; i++)
        len += (size_t)snprintf(command + len, sizeof command - len, " %s",
                                unwritable[_i][i]);
    snprintf(command + len, sizeof command - len,
             " 127.0.0.1 %s >/dev/full 2>&1; [ $? = 2 ]",
             echoc_port(h->address));
    ck_assert_int_eq(system(command), 0);
    harness_stop(h);
}
END_TEST

int main(void)
{
    static const TTest *const none[] = { NULL };
    Suite *s = harness_suite("echoc talk", none);

    harness_loop(s, standard_input_comes_back_on_standard_output,
                 sizeof sizes / sizeof *sizes);
    harness_loop(s, it_talks_to_unix_sockets_and_both_families, 1);
    harness_loop(s, memory_does_not_grow_with_the_input, 1);
    harness_loop(s, a_slow_reader_of_its_output_loses_nothing, 1);
    harness_loop(s, standard_descriptors_that_are_closed_are_no_connection, 3);
    harness_loop(s, what_could_not_be_printed_is_2,
                 sizeof unwritable / sizeof *unwritable);
    return harness_main(s);
}
