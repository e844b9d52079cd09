/* Who may come in: by address, by how many and how fast. */
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

/* A client that comes from an address of 127.0.0.0/8. */
static int connect_from(struct harness *h, const char *from)
{
    struct sockaddr_in local = { .sin_family = AF_INET };
    struct sockaddr_in to = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *colon = strrchr(h->address, ':');
    ck_assert_int_ne(fd, -1);
    ck_assert_int_eq(inet_pton(AF_INET, from, &local.sin_addr), 1);
    ck_assert_int_eq(inet_pton(AF_INET, "127.0.0.1", &to.sin_addr), 1);
    to.sin_port = htons((uint16_t)atoi(colon + 1));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, sizeof local), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void served(struct harness *h, const char *from)
{
    int fd = connect_from(h, from);
    client_echo(fd, 5, 3000);
    client_finish(fd);
    client_expect_eof(fd);
    close(fd);
}

/* Refused, and with a FIN although the client has sent something. */
static void refused(struct harness *h, const char *from)
{
    int fd = connect_from(h, from);
    client_send(fd, "hello", 5);
    client_expect_eof(fd);
    close(fd);
}

static void expect_stats(struct harness *h, const char *pattern)
{
    harness_mark(h);
    harness_signal(h, SIGUSR1);
    harness_expect(h, "%s", pattern);
}

START_TEST(an_address_that_is_denied_is_refused_and_others_are_served)
{
    struct harness *h = harness_serve("[access]\ndeny = 127.0.0.8/30\n");
    refused(h, "127.0.0.9");
    harness_expect(h, "notice refuse peer=127.0.0.9:[0-9]+ reason=acl$");
    served(h, "127.0.0.1");
    served(h, "127.0.0.12");
    harness_expect_count(h, 2, "disconnect .*reason=eof");
    ck_assert_uint_eq(harness_count(h, "connect .*peer=127.0.0.9:"), 0);
    expect_stats(h, "stats active=0 accepted=2 refused=1 ");
    harness_stop(h);
}
END_TEST

START_TEST(with_an_allow_list_only_its_addresses_are_served)
{
    struct harness *h = harness_serve(
        "[access]\nallow = 127.0.0.1,\n  127.0.1.0/24\ndeny = 127.0.1.7\n");
    served(h, "127.0.0.1");
    served(h, "127.0.1.200");
    refused(h, "127.0.1.7");
    refused(h, "127.0.0.2");
    harness_expect_count(h, 2, "refuse .*reason=acl");
    harness_stop(h);
}
END_TEST

START_TEST(a_reload_shuts_down_who_is_forbidden_and_nobody_else)
{
    struct harness *h = harness_serve("[log]\nrate = 0\n");
    int good = connect_from(h, "127.0.0.1");
    int bad = connect_from(h, "127.0.0.2");
    client_echo(good, 1, 1000);
    client_echo(bad, 2, 1000);
    harness_write(h, "echod.ini", "[server]\nlisten = 127.0.0.1\nport = 0\n"
                                  "[log]\nrate = 0\n"
                                  "[access]\ndeny = 127.0.0.2\n");
    harness_signal(h, SIGHUP);
    client_expect_eof(bad);
    client_finish(bad);
    harness_expect(h, "disconnect .*peer=127.0.0.2:.*reason=shutdown");
    client_echo(good, 3, 1000);
    refused(h, "127.0.0.2");
    close(good);
    close(bad);
    harness_stop(h);
}
END_TEST

/* ---- how many ---- */

static void end_by_eof(struct harness *h, int fd)
{
    (void)h;
    client_finish(fd);
    client_expect_eof(fd);
    close(fd);
}

static void end_by_reset(struct harness *h, int fd)
{
    (void)h;
    client_abort(fd);
}

static void end_by_idling(struct harness *h, int fd)
{
    (void)h;
    client_expect_eof(fd);
    close(fd);
}

static void end_by_stalling(struct harness *h, int fd)
{
    client_stuff(fd, 1);
    harness_expect(h, "disconnect .*reason=stalled");
    close(fd);
}

static void end_by_talking_on(struct harness *h, int fd)
{
    (void)h;
    while (client_talks(fd)) {
    }
    close(fd);
}

static void end_while_lingering(struct harness *h, int fd)
{
    client_expect_eof(fd);
    harness_expect(h, "disconnect .*reason=idle"); /* the linger is over */
    close(fd);
}

static const struct {
    const char *limits;
    void (*end)(struct harness *, int);
    const char *reason;
} ends[] = {
    { "", end_by_eof, "eof" },
    { "", end_by_reset, "reset" },
    { "idle_timeout = 300ms\n", end_by_idling, "idle" },
    { "idle_timeout = 300ms\nlinger_timeout = 0\n", end_by_idling, "idle" },
    { "idle_timeout = 300ms\nlinger_timeout = 100ms\n", end_while_lingering,
      "idle" },
    { "stall_timeout = 1500ms\nlinger_timeout = 100ms\n", end_by_stalling,
      "stalled" },
    { "max_lifetime = 300ms\n", end_by_talking_on, "lifetime" },
};

START_TEST(every_end_of_a_connection_gives_its_place_back)
{
    struct harness *h = harness_serve("[limits]\nmax_clients_per_source = 1\n"
                                      "connect_rate = 1000\n%s",
                                      ends[_i].limits);
    for (int round = 0; round < 2; round++) {
        harness_mark(h);
        int fd = connect_from(h, "127.0.0.3");
        client_send(fd, "x", 1);
        harness_expect(h, "connect id=");
        char byte;
        client_recv(fd, &byte, 1);
        int other = connect_from(h, "127.0.0.3");
        client_expect_eof(other);
        close(other);
        harness_expect(h, "refuse peer=127.0.0.3:[0-9]+ reason=per_source");
        ends[_i].end(h, fd);
        harness_expect(h, "disconnect .*reason=%s active=0", ends[_i].reason);
    }
    expect_stats(h, "stats active=0 accepted=2 refused=2 ");
    harness_stop(h);
}
END_TEST

START_TEST(a_client_that_is_shut_down_by_a_reload_gives_its_place_back)
{
    static const char config[] = "[server]\nlisten = 127.0.0.1\nport = 0\n"
                                 "[limits]\nmax_clients_per_source = 1\n";
    struct harness *h = harness_serve("[limits]\nmax_clients_per_source = 1\n");
    int fd = connect_from(h, "127.0.0.3");
    client_echo(fd, 1, 10);
    harness_write(h, "echod.ini", "%s[access]\ndeny = 127.0.0.3\n", config);
    harness_signal(h, SIGHUP);
    client_expect_eof(fd);
    close(fd);
    harness_expect(h, "disconnect .*reason=shutdown");
    harness_write(h, "echod.ini", "%s", config);
    harness_signal(h, SIGHUP);
    harness_expect_count(h, 2, "reloaded ");
    served(h, "127.0.0.3");
    harness_stop(h);
}
END_TEST

START_TEST(clients_that_came_before_a_reload_count_under_the_new_limit)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int first = connect_from(h, "127.0.0.3");
    int second = connect_from(h, "127.0.0.4");
    client_echo(first, 1, 10);
    client_echo(second, 1, 10);
    harness_write(h, "echod.ini", "[server]\nlisten = 127.0.0.1\nport = 0\n"
                                  "[limits]\nmax_clients_per_source = 2\n"
                                  "source_prefix_v4 = 24\n");
    harness_signal(h, SIGHUP);
    harness_expect(h, "reloaded .*source_prefix_v4 32 -> 24");
    refused(h, "127.0.0.5");
    served(h, "127.0.1.5");
    client_finish(first);
    client_expect_eof(first);
    harness_expect(h, "disconnect .*127.0.0.3");
    served(h, "127.0.0.5");
    client_echo(second, 2, 10);
    close(first);
    close(second);
    harness_stop(h);
}
END_TEST

/* ---- how fast ---- */

START_TEST(a_source_over_its_rate_is_refused_and_recovers_by_itself)
{
    struct harness *h = harness_serve("[limits]\nconnect_rate = 20\n"
                                      "[log]\nrate = 0\n");
    int64_t from = harness_now();
    for (int i = 0; i < 400; i++) {
        int fd = connect_from(h, "127.0.0.66");
        client_finish(fd);
        client_expect_eof(fd);
        close(fd);
        if (i % 40 == 0) {
            served(h, "127.0.0.1");
        }
    }
    int64_t took = harness_now() - from;
    harness_expect_count(h, 410, "(disconnect|refuse) ");
    size_t in = harness_count(h, "info connect .*peer=127.0.0.66:");
    ck_assert_uint_le(in, 20 + 20 * (size_t)(took + 1000) / 1000);
    ck_assert_uint_ge(in, 20);
    ck_assert_uint_eq(harness_count(h, "refuse peer=127.0.0.66:[0-9]+ "
                                       "reason=rate"), 400 - in);
    ck_assert_uint_eq(harness_count(h, "refuse peer=127.0.0.1:"), 0);
    poll(NULL, 0, 1000);
    served(h, "127.0.0.66");
    harness_stop(h);
}
END_TEST

/* ---- those who are refused cost nothing ---- */

START_TEST(those_who_are_refused_and_stay_take_no_place_of_those_who_are_served)
{
    enum { MAX = 8, EPOLL = 1, RUDE = 100 }; /* so many are worth a set */
    int rude[RUDE], good[MAX];
    struct harness *h = harness_serve("[limits]\nmax_clients = %d\n"
                                      "linger_timeout = 1h\n"
                                      "[access]\ndeny = 127.0.0.66\n",
                                      MAX);
    size_t before = harness_descriptors(h);
    for (int i = 0; i < RUDE; i++) {
        rude[i] = connect_from(h, "127.0.0.66");
    }
    for (int i = 0; i < RUDE; i++) {
        client_expect_eof(rude[i]);
    }
    ck_assert_uint_le(harness_descriptors(h), before + MAX + EPOLL);
    for (int i = 0; i < MAX; i++) {
        good[i] = connect_from(h, "127.0.0.1");
        client_echo(good[i], 1, 1000);
    }
    ck_assert_uint_le(harness_descriptors(h), before + MAX + EPOLL);
    for (int i = 0; i < MAX; i++) {
        close(good[i]);
    }
    for (int i = 0; i < RUDE; i++) {
        close(rude[i]);
    }
    harness_expect_count(h, MAX, "disconnect .*reason=eof");
    harness_stop(h);
}
END_TEST

START_TEST(refusals_are_bounded_by_log_rate_and_connections_none_is_silent)
{
    struct harness *h = harness_serve("[access]\ndeny = 127.0.0.0/8\n"
                                      "[log]\nrate = 3\n");
    for (int i = 0; i < 30; i++) {
        refused(h, "127.0.0.2");
    }
    harness_expect(h, "connection lines left out in a second, log.rate is 3");
    ck_assert_uint_lt(harness_count(h, "refuse "), 30);
    harness_stop(h);
    h = harness_serve("[access]\ndeny = 127.0.0.0/8\n"
                      "[log]\nconnections = none\n");
    refused(h, "127.0.0.2");
    expect_stats(h, "stats active=0 accepted=0 refused=1 ");
    ck_assert_uint_eq(harness_count(h, "refuse "), 0);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_address_that_is_denied_is_refused_and_others_are_served,
        with_an_allow_list_only_its_addresses_are_served,
        a_reload_shuts_down_who_is_forbidden_and_nobody_else,
        a_client_that_is_shut_down_by_a_reload_gives_its_place_back,
        clients_that_came_before_a_reload_count_under_the_new_limit,
        a_source_over_its_rate_is_refused_and_recovers_by_itself,
        those_who_are_refused_and_stay_take_no_place_of_those_who_are_served,
        refusals_are_bounded_by_log_rate_and_connections_none_is_silent,
        NULL,
    };
    Suite *suite = harness_suite("system_access", tests);
    harness_loop(suite, every_end_of_a_connection_gives_its_place_back,
                 sizeof ends / sizeof *ends);
    return harness_main(suite);
}
