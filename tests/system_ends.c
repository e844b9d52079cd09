/* Connections that echod ends first: when, and that nothing is lost by it. */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

START_TEST(a_silent_client_is_ended_after_idle_timeout_and_a_busy_one_is_not)
{
    struct harness *h = harness_serve("[limits]\nidle_timeout = 600ms\n");
    int silent = client_connect(h->address);
    int busy = client_connect(h->address);
    int64_t from = harness_now();
    client_echo(silent, 1, 100);
    while (!client_wait(silent, POLLRDHUP, 50)) {
        client_echo(busy, 2, 10);
    }
    ck_assert_int_ge(harness_now() - from, 590);
    client_expect_eof(silent);
    close(silent);
    harness_expect(h, "disconnect .*in=100 out=100 .*reason=idle active=1");
    client_echo(busy, 3, 10);
    close(busy);
    harness_stop(h);
}
END_TEST

START_TEST(a_client_that_takes_nothing_is_ended_after_stall_timeout)
{
    struct harness *h = harness_serve("[limits]\nstall_timeout = 1s\n"
                                      "linger_timeout = 200ms\n"
                                      "idle_timeout = 0\n");
    int stalled = client_connect(h->address);
    int silent = client_connect(h->address);
    client_stuff(stalled, 1);
    harness_expect(h, "disconnect .*reason=stalled active=1");
    client_echo(silent, 1, 100);
    close(silent);
    close(stalled);
    harness_stop(h);
}
END_TEST

/* Each sip is progress, so no time of the limit adds up. */
START_TEST(a_client_that_sips_is_never_stalled)
{
    struct harness *h = harness_serve("[limits]\nstall_timeout = 1s\n"
                                      "[server]\nsocket_buffer = 16K\n");
    int fd = client_connect_sized(h->address, 16384);
    uint64_t sent = client_stuff(fd, 1), taken = 0;
    int64_t from = harness_now();
    while (harness_now() - from < 2500) {
        client_verify(fd, 1, taken, 8192);
        taken += 8192;
        poll(NULL, 0, taken < sent / 2 ? 20 : 200);
        if (taken + 8192 > sent) {
            break;
        }
    }
    ck_assert_uint_eq(harness_count(h, "reason=stalled"), 0);
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(max_lifetime_ends_whoever_is_old_and_nobody_who_is_young)
{
    int lifetime = harness_ms(700);
    struct harness *h =
        harness_serve("[limits]\nmax_lifetime = %dms\n", lifetime);
    int64_t from = harness_now();
    int old = client_connect(h->address);
    ck_assert(client_talks(old));
    poll(NULL, 0, lifetime / 2);
    int young = client_connect(h->address);
    while (client_talks(old)) {
        ck_assert(client_talks(young));
        poll(NULL, 0, 5);
    }
    ck_assert_int_ge(harness_now() - from, lifetime - 10);
    ck_assert(client_talks(young));
    client_expect_eof(old);
    close(old);
    harness_expect(h, "disconnect id=1 .*reason=lifetime active=1");
    client_expect_eof(young);
    close(young);
    harness_expect(h, "disconnect id=2 .*reason=lifetime active=0");
    harness_stop(h);
}
END_TEST

/*
 * The client has not read a byte of its echo when its time is up, and goes on
 * sending: a close would be a reset, which takes what waits in its buffer.
 */
START_TEST(no_reset_eats_the_tail_of_a_client_whose_time_is_up)
{
    enum { BYTES = 100000 };
    static char bytes[BYTES];
    struct harness *h = harness_serve("[limits]\nmax_lifetime = 500ms\n"
                                      "linger_timeout = 20s\n");
    int fd = client_connect(h->address);
    client_payload(4, 0, bytes, BYTES);
    client_send(fd, bytes, BYTES);
    ck_assert(client_wait(fd, POLLRDHUP, HARNESS_SOON));
    client_send(fd, bytes, BYTES);
    poll(NULL, 0, 100);
    client_verify(fd, 4, 0, BYTES);
    client_expect_eof(fd);
    client_finish(fd);
    harness_expect(h, "disconnect .*out=%d .*reason=lifetime", BYTES);
    close(fd);
    harness_stop(h);
}
END_TEST

/* What was received is sent, though the time was up before. */
START_TEST(bytes_that_are_kept_are_sent_before_the_end)
{
    struct harness *h = harness_serve("socket_buffer = 16K\n"
                                      "[limits]\nmax_lifetime = 800ms\n"
                                      "stall_timeout = 0\n"
                                      "linger_timeout = 20s\n");
    int fd = client_connect_sized(h->address, 16384);
    client_stuff(fd, 7);
    harness_mark(h);
    poll(NULL, 0, 1000);
    unsigned long long in, out;
    uint64_t taken = 0;
    char byte;
    while (client_wait(fd, POLLIN, HARNESS_SOON) &&
           recv(fd, &byte, 1, MSG_PEEK) > 0) {
        client_verify(fd, 7, taken++, 1);
    }
    client_expect_eof(fd);
    close(fd);
    const char *line = harness_expect(h, "(in=.*reason=lifetime)");
    ck_assert_int_eq(sscanf(line, "in=%llu out=%llu", &in, &out), 2);
    ck_assert_uint_eq(out, taken);
    harness_stop(h);
}
END_TEST

START_TEST(linger_timeout_0_ends_without_a_wait)
{
    struct harness *h = harness_serve("[limits]\nidle_timeout = 200ms\n"
                                      "linger_timeout = 0\n");
    int fd = client_connect(h->address);
    client_echo(fd, 1, 10);
    harness_expect(h, "disconnect .*reason=idle active=0");
    client_expect_eof(fd);
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(new_limits_act_on_clients_that_are_there)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int fd = client_connect(h->address);
    client_echo(fd, 1, 10);
    harness_write(h, "echod.ini", "[server]\nlisten = 127.0.0.1\nport = 0\n"
                                  "[limits]\nidle_timeout = 100ms\n");
    harness_signal(h, SIGHUP);
    client_expect_eof(fd);
    close(fd);
    harness_expect(h, "disconnect .*reason=idle");
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_silent_client_is_ended_after_idle_timeout_and_a_busy_one_is_not,
        a_client_that_takes_nothing_is_ended_after_stall_timeout,
        a_client_that_sips_is_never_stalled,
        max_lifetime_ends_whoever_is_old_and_nobody_who_is_young,
        no_reset_eats_the_tail_of_a_client_whose_time_is_up,
        bytes_that_are_kept_are_sent_before_the_end,
        linger_timeout_0_ends_without_a_wait,
        new_limits_act_on_clients_that_are_there,
        NULL,
    };
    return harness_main(harness_suite("system_ends", tests));
}
