#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"

#include "unit.h"

static struct dial_target target;
static char error[DIAL_ERROR_MAX];

/* A socket that listens on 127.0.0.1; *addr is where. */
static int listen_somewhere(struct addr *addr, int backlog)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(addr_parse(addr, "127.0.0.1", 0), 0);
    ck_assert_int_eq(bind(fd, &addr->sa.any, addr->len), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(addr_local(addr, fd), 0);
    return fd;
}

/* An address of 127.0.0.1 where nothing listens, as long as fd is open. */
static int bind_somewhere(struct addr *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(addr_parse(addr, "127.0.0.1", 0), 0);
    ck_assert_int_eq(bind(fd, &addr->sa.any, addr->len), 0);
    ck_assert_int_eq(addr_local(addr, fd), 0);
    return fd;
}

static const char *first(void)
{
    static char text[ADDR_TEXT_MAX];

    ck_assert_uint_ge(target.count, 1);
    return addr_format(&target.addrs[0], text);
}

START_TEST(numbers_need_no_name_service)
{
    ck_assert_int_eq(
        dial_resolve(&target, "192.0.2.7", NULL, AF_UNSPEC, error), 0);
    ck_assert_str_eq(first(), "192.0.2.7:25000");
    ck_assert_int_eq(
        dial_resolve(&target, "2001:db8::1", "7", AF_UNSPEC, error), 0);
    ck_assert_str_eq(first(), "[2001:db8::1]:7");
    ck_assert_int_eq(
        dial_resolve(&target, "[::1]:81", NULL, AF_INET6, error), 0);
    ck_assert_str_eq(first(), "[::1]:81");
    ck_assert_int_eq(
        dial_resolve(&target, "unix:/run/x", NULL, AF_UNSPEC, error), 0);
    ck_assert_str_eq(first(), "unix:/run/x");
}
END_TEST

START_TEST(a_port_may_be_a_service)
{
    ck_assert_int_eq(
        dial_resolve(&target, "192.0.2.7", "65535", AF_UNSPEC, error), 0);
    ck_assert_str_eq(first(), "192.0.2.7:65535");
    ck_assert_int_eq(
        dial_resolve(&target, "192.0.2.7", "echo", AF_UNSPEC, error), 0);
    ck_assert_str_eq(first(), "192.0.2.7:7");
}
END_TEST

START_TEST(a_bad_port_is_named)
{
    static const char *const bad[] = { "0", "65536", "-1", "", "7x", "nosuch" };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(
            dial_resolve(&target, "192.0.2.7", bad[i], AF_UNSPEC, error), -1);
        ck_assert_ptr_nonnull(strstr(error, "is no port"));
    }
}
END_TEST

START_TEST(a_second_port_is_one_too_many)
{
    ck_assert_int_eq(
        dial_resolve(&target, "192.0.2.7:7", "8", AF_UNSPEC, error), -1);
    ck_assert_ptr_nonnull(strstr(error, "the port 8 is one too many"));
    ck_assert_int_eq(
        dial_resolve(&target, "unix:/tmp/s", "8", AF_UNSPEC, error), -1);
    ck_assert_ptr_nonnull(strstr(error, "the port 8 is one too many"));
    ck_assert_int_eq(
        dial_resolve(&target, "192.0.2.7:7", "7", AF_UNSPEC, error), 0);
}
END_TEST

START_TEST(a_family_that_does_not_fit_is_refused)
{
    ck_assert_int_eq(dial_resolve(&target, "192.0.2.7", NULL, AF_INET6, error),
                     -1);
    ck_assert_str_eq(error, "192.0.2.7 is not an IPv6 address");
    ck_assert_int_eq(dial_resolve(&target, "::1", NULL, AF_INET, error), -1);
    ck_assert_str_eq(error, "::1 is not an IPv4 address");
}
END_TEST

START_TEST(an_unknown_host_is_named)
{
    ck_assert_int_eq(
        dial_resolve(&target, "no such host", NULL, AF_UNSPEC, error), -1);
    ck_assert_ptr_eq(strstr(error, "no such host: "), error);
}
END_TEST

START_TEST(a_bad_unix_path_is_named)
{
    char path[256] = "unix:/";

    memset(path + 6, 'x', 200);
    ck_assert_int_eq(dial_resolve(&target, path, NULL, AF_UNSPEC, error), -1);
    ck_assert_int_eq(dial_resolve(&target, "unix:x", NULL, AF_UNSPEC, error),
                     -1);
    ck_assert_str_eq(error, "unix:x: the path must begin with a slash");
}
END_TEST

START_TEST(localhost_is_found)
{
    ck_assert_int_eq(
        dial_resolve(&target, "localhost", "9", AF_INET, error), 0);
    ck_assert_str_eq(first(), "127.0.0.1:9");
}
END_TEST

START_TEST(it_connects_and_says_to_whom)
{
    struct addr addr, peer;
    int64_t ns = -1;
    int listener = listen_somewhere(&addr, 5);
    int fd;

    target.addrs[0] = addr;
    target.count = 1;
    fd = dial(&target, 5000, &peer, &ns, error);
    ck_assert_int_ne(fd, -1);
    ck_assert(addr_equal(&peer, &addr));
    ck_assert_int_gt(ns, 0);
    close(fd);
    close(listener);
}
END_TEST

START_TEST(the_next_address_is_tried_after_a_refusal)
{
    struct addr good, bad, peer;
    int64_t ns;
    int blocker = bind_somewhere(&bad);
    int listener = listen_somewhere(&good, 5);
    int fd;

    target.addrs[0] = bad;
    target.addrs[1] = good;
    target.count = 2;
    fd = dial(&target, 5000, &peer, &ns, error);
    ck_assert_int_ne(fd, -1);
    ck_assert(addr_equal(&peer, &good));
    close(fd);
    close(listener);
    close(blocker);
}
END_TEST

START_TEST(every_refusal_is_told_with_its_address)
{
    struct addr one, two, peer;
    char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX], want[512];
    int64_t ns;
    int first_blocker = bind_somewhere(&one);
    int second_blocker = bind_somewhere(&two);

    target.addrs[0] = one;
    target.addrs[1] = two;
    target.count = 2;
    ck_assert_int_eq(dial(&target, 5000, &peer, &ns, error), -1);
    snprintf(want, sizeof want, "%s: %s; %s: %s", addr_format(&one, a),
             strerror(ECONNREFUSED), addr_format(&two, b),
             strerror(ECONNREFUSED));
    ck_assert_str_eq(error, want);
    close(first_blocker);
    close(second_blocker);
}
END_TEST

/* A full backlog drops the SYN, as a firewall does. */
START_TEST(an_address_that_does_not_answer_costs_no_more_than_the_time)
{
    struct addr addr, peer;
    int64_t ns;
    int listener = listen_somewhere(&addr, 0);
    int fillers[8];

    for (int i = 0; i < 8; i++)
        fillers[i] = dial_start(&addr);
    target.addrs[0] = addr;
    target.count = 1;
    ck_assert_int_eq(dial(&target, 50, &peer, &ns, error), -1);
    ck_assert_ptr_nonnull(strstr(error, strerror(ETIMEDOUT)));
    for (int i = 0; i < 8; i++)
        close(fillers[i]);
    close(listener);
}
END_TEST

START_TEST(a_loop_learns_the_outcome_from_the_socket)
{
    struct addr addr;
    int blocker = bind_somewhere(&addr);
    int fd = dial_start(&addr);

    if (fd == -1) {
        ck_assert_int_eq(errno, ECONNREFUSED);
    } else {
        struct pollfd p = { .fd = fd, .events = POLLOUT };

        ck_assert_int_eq(poll(&p, 1, 5000), 1);
        ck_assert_int_eq(dial_outcome(fd), ECONNREFUSED);
        close(fd);
    }
    close(blocker);
}
END_TEST

static TCase *names(void)
{
    TCase *tc = tcase_create("names");

    tcase_add_test(tc, numbers_need_no_name_service);
    tcase_add_test(tc, a_port_may_be_a_service);
    tcase_add_test(tc, a_bad_port_is_named);
    tcase_add_test(tc, a_second_port_is_one_too_many);
    tcase_add_test(tc, a_family_that_does_not_fit_is_refused);
    tcase_add_test(tc, an_unknown_host_is_named);
    tcase_add_test(tc, a_bad_unix_path_is_named);
    tcase_add_test(tc, localhost_is_found);
    return tc;
}

static TCase *connections(void)
{
    TCase *tc = tcase_create("connections");

    tcase_add_test(tc, it_connects_and_says_to_whom);
    tcase_add_test(tc, the_next_address_is_tried_after_a_refusal);
    tcase_add_test(tc, every_refusal_is_told_with_its_address);
    tcase_add_test(tc,
                   an_address_that_does_not_answer_costs_no_more_than_the_time);
    tcase_add_test(tc, a_loop_learns_the_outcome_from_the_socket);
    return tc;
}

int main(void)
{
    Suite *s = suite_create("dial");

    suite_add_tcase(s, names());
    suite_add_tcase(s, connections());
    return unit_run(s);
}
