/* Where echod listens: both families, unix sockets, lists, what is refused. */
#include <config.h>

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

/* Runs with this [server] text, which must end with a code and words. */
static void refused(struct harness *h, int code, const char *listen,
                    const char *words)
{
    harness_write(h, "echod.ini", "[server]\nlisten = %s\nport = 0\n", listen);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    ck_assert_int_eq(harness_wait(h), code);
    harness_expect(h, "%s", words);
}

static void start(struct harness *h, const char *listen)
{
    harness_write(h, "echod.ini", "[server]\nlisten = %s\nport = 0\n", listen);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_await(h);
}

START_TEST(ipv6_is_served_and_logged_in_brackets)
{
    struct harness *h = harness_new();
    start(h, "::1");
    ck_assert_int_eq(strncmp(h->address, "[::1]:", 6), 0);
    client_talk(h->address, 1, 10000);
    harness_expect(h, "connect .*peer=\\[::1\\]:[0-9]+ local=\\[::1\\]:%s ",
                   strrchr(h->address, ':') + 1);
    harness_stop(h);
}
END_TEST

START_TEST(a_star_is_every_address_of_both_families)
{
    char address[64];
    struct harness *h = harness_new();
    start(h, "*");
    snprintf(address, sizeof address, "127.0.0.1:%s",
             harness_expect(h, "listening on 0\\.0\\.0\\.0:([1-9][0-9]*)$"));
    client_talk(address, 4, 1000);
    harness_expect(h, "connect .*peer=127\\.0\\.0\\.1:[0-9]+ local=%s ",
                   address);
    snprintf(address, sizeof address, "[::1]:%s",
             harness_expect(h, "listening on \\[::\\]:([1-9][0-9]*)$"));
    client_talk(address, 6, 1000);
    harness_expect(h, "connect .*peer=\\[::1\\]:[0-9]+ local=\\[::1\\]:");
    ck_assert_uint_eq(harness_count(h, "listening on"), 2);
    harness_stop(h);
}
END_TEST

/* As on a host that was booted with ipv6.disable=1: the kernel says of each
 * IPv6 socket that there is no such family.  (net.ipv6.conf.all.disable_ipv6
 * takes the addresses away and leaves the sockets.) */
static void lose_ipv6(struct harness *h)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args) +
                     (BYTE_ORDER == BIG_ENDIAN ? 4 : 0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    (void)h;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == -1) {
        _exit(126);
    }
}

START_TEST(a_host_without_ipv6_is_served_over_ipv4)
{
    struct harness *h = harness_new();
    h->in_child = lose_ipv6;
    start(h, "*");
    ck_assert_int_eq(strncmp(h->address, "0.0.0.0:", 8), 0);
    harness_expect(h, " notice this host has no IPv6, not listening on "
                      "\\[::\\]:[0-9]+: Address family not supported");
    client_talk(h->address, 1, 1000);
    harness_mark(h);
    harness_signal(h, SIGHUP);
    harness_expect(h, "reloaded");
    ck_assert_uint_eq(harness_count(h, "IPv6"), 0); /* once is enough */
    client_talk(h->address, 2, 1000);
    harness_stop(h);
}
END_TEST

START_TEST(an_address_of_ipv6_is_refused_where_there_is_none)
{
    struct harness *h = harness_new();
    h->in_child = lose_ipv6;
    refused(h, 69, "127.0.0.1, ::1",
            " err cannot listen on \\[::1\\]:0: Address family not supported");
    ck_assert_uint_eq(harness_count(h, "listening on 127"), 0);
    harness_free(h);
}
END_TEST

START_TEST(a_list_may_have_commas_and_blanks)
{
    char address[256];
    struct harness *h = harness_new();
    char list[600];
    snprintf(list, sizeof list, "127.0.0.1, [::1]:0 127.0.0.2:0,unix:%s/s",
             h->dir);
    start(h, list);
    static const char *const where[] = { "127\\.0\\.0\\.1:", "\\[::1\\]:",
                                         "127\\.0\\.0\\.2:", "unix:/" };
    for (size_t i = 0; i < 4; i++) {
        snprintf(address, sizeof address, "%.255s",
                 harness_expect(h, "listening on (%s.*)$", where[i]));
        client_talk(address, i, 3000);
    }
    harness_expect_count(h, 4, "disconnect .*reason=eof");
    harness_stop(h);
}
END_TEST

START_TEST(a_unix_socket_echoes_like_any_other)
{
    struct harness *h = harness_new();
    char list[300];
    snprintf(list, sizeof list, "unix:%s/s", h->dir);
    start(h, list);
    ck_assert_str_eq(h->address, list);
    struct client_crowd crowd = {
        .address = list, .clients = 40, .bytes = 100000, .chunk = 5000,
    };
    client_crowd(&crowd);
    harness_expect(h, "connect id=1 peer=unix: local=%s active=1$", list);
    harness_expect_count(h, 40, "disconnect .*peer=unix: .*reason=eof");
    harness_stop(h);
}
END_TEST

START_TEST(a_unix_socket_goes_with_its_echod)
{
    struct harness *h = harness_new();
    char list[300];
    struct stat status;
    snprintf(list, sizeof list, "unix:%s/s", h->dir);
    start(h, list);
    ck_assert_int_eq(stat(list + 5, &status), 0);
    harness_signal(h, SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    ck_assert_int_eq(stat(list + 5, &status), -1);
    ck_assert_int_eq(errno, ENOENT);
    harness_free(h);
}
END_TEST

START_TEST(a_unix_socket_that_a_crash_left_is_replaced)
{
    struct harness *h = harness_new();
    char list[300];
    snprintf(list, sizeof list, "unix:%s/s", h->dir);
    start(h, list);
    harness_signal(h, SIGKILL);
    ck_assert_int_eq(harness_wait(h), 128 + SIGKILL);
    start(h, list);
    client_talk(h->address, 1, 1000);
    harness_stop(h);
}
END_TEST

START_TEST(a_unix_socket_in_use_is_left_alone)
{
    struct harness *first = harness_new();
    struct harness *second = harness_new();
    char list[300];
    snprintf(list, sizeof list, "unix:%s/s", first->dir);
    start(first, list);
    refused(second, 69, list, list);
    client_talk(list, 1, 1000);
    harness_stop(first);
    harness_free(second);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone)
{
    char list[300];
    struct stat status;
    struct harness *h = harness_new();
    snprintf(list, sizeof list, "unix:%s",
             harness_write(h, "precious", "of %s\n", "value"));
    refused(h, 69, list, list);
    ck_assert_int_eq(stat(list + 5, &status), 0);
    ck_assert_int_eq(status.st_size, 9);
    harness_free(h);
}
END_TEST

START_TEST(an_address_in_use_is_named)
{
    struct harness *first = harness_serve(HARNESS_DEFAULTS);
    struct harness *second = harness_new();
    char words[300];
    snprintf(words, sizeof words, " err .*%.100s: Address already in use",
             first->address);
    refused(second, 69, first->address, words);
    client_talk(first->address, 1, 1000);
    harness_stop(first);
    harness_free(second);
}
END_TEST

START_TEST(an_address_of_another_host_is_named)
{
    struct harness *h = harness_new();
    refused(h, 69, "203.0.113.7", " err .*203\\.0\\.113\\.7:.*[Aa]ssign");
    harness_free(h);
}
END_TEST

START_TEST(nothing_is_served_when_one_address_of_several_fails)
{
    struct harness *h = harness_new();
    char list[400];
    snprintf(list, sizeof list, "unix:%s/s, 203.0.113.7:1", h->dir);
    refused(h, 69, list, "203\\.0\\.113\\.7:1");
    ck_assert_uint_eq(harness_count(h, "listening on"), 0);
    ck_assert_int_eq(access(list + 5, F_OK), -1);
    harness_free(h);
}
END_TEST

START_TEST(two_echods_share_a_port_where_both_ask_for_it)
{
    struct harness *first = harness_serve("reuse_port = yes\n");
    struct harness *second = harness_new();
    harness_write(second, "echod.ini",
                  "[server]\nlisten = %s\nreuse_port = yes\n", first->address);
    harness_run(second, HARNESS_ARGS("-e", "-c", second->config));
    harness_await(second);
    ck_assert_str_eq(first->address, second->address);
    for (unsigned i = 0; i < 100; i++) {
        client_talk(first->address, i, 100);
    }
    harness_expect(first, " connect ");
    harness_expect(second, " connect ");
    harness_stop(first);
    harness_stop(second);
}
END_TEST

START_TEST(a_new_echod_has_the_port_of_the_old_one_at_once)
{
    char address[64];
    struct harness *h = harness_serve("[limits]\ndrain_timeout = 50ms\n");
    snprintf(address, sizeof address, "%.63s", h->address);
    int fd = client_connect(h->address);
    client_echo(fd, 1, 10);
    harness_signal(h, SIGTERM);
    client_expect_eof(fd); /* so that TIME_WAIT is on the port */
    client_finish(fd);
    ck_assert_int_eq(harness_wait(h), 0);
    close(fd);
    start(h, address);
    client_talk(address, 2, 1000);
    harness_stop(h);
}
END_TEST

START_TEST(a_backlog_that_the_kernel_clamps_is_said_once)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini",
                  "[server]\nlisten = 127.0.0.1, [::1]\nport = 0\n"
                  "backlog = 65535\n");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_expect_count(h, 2, "listening on");
    harness_expect(h, "(notice|warning) .*backlog.*65535");
    ck_assert_uint_eq(harness_count(h, "backlog"), 1);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        ipv6_is_served_and_logged_in_brackets,
        a_star_is_every_address_of_both_families,
        a_host_without_ipv6_is_served_over_ipv4,
        an_address_of_ipv6_is_refused_where_there_is_none,
        a_list_may_have_commas_and_blanks,
        a_unix_socket_echoes_like_any_other,
        a_unix_socket_goes_with_its_echod,
        a_unix_socket_that_a_crash_left_is_replaced,
        a_unix_socket_in_use_is_left_alone,
        a_file_that_is_no_socket_is_left_alone,
        an_address_in_use_is_named,
        an_address_of_another_host_is_named,
        nothing_is_served_when_one_address_of_several_fails,
        two_echods_share_a_port_where_both_ask_for_it,
        a_new_echod_has_the_port_of_the_old_one_at_once,
        a_backlog_that_the_kernel_clamps_is_said_once,
        NULL,
    };
    return harness_main(harness_suite("system_listen", tests));
}
