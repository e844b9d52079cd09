/* Signals: reload, drain, statistics. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

static void configure(struct harness *h, const char *listen, const char *rest)
{
    harness_write(h, "echod.ini", "[server]\nlisten = %s\nport = 0\n%s",
                  listen, rest);
}

static const char *reload(struct harness *h)
{
    harness_mark(h);
    harness_signal(h, SIGHUP);
    return harness_expect(h, "notice reloaded %s(.*)$", h->config);
}

/* Every connect fails, sooner or later; one under way then may be reset. */
static void expect_refusal(const char *address)
{
    int64_t until = harness_now() + harness_ms(HARNESS_SOON);
    int fd;
    while ((fd = client_try(address, 0)) >= 0 || errno == ECONNRESET) {
        ck_assert_int_lt(harness_now(), until);
        if (fd >= 0) {
            close(fd);
        }
    }
    ck_assert_int_eq(errno, ECONNREFUSED);
}

/* HUP. */

START_TEST(a_reload_names_each_change_and_keeps_the_clients)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int fd = client_connect(h->address);
    client_echo(fd, 1, 1000);
    configure(h, "127.0.0.1", "buffer_size = 1K\n"
                              "[limits]\ndrain_timeout = 5m\n");
    const char *changes = reload(h);
    ck_assert_ptr_nonnull(strstr(changes, "limits.drain_timeout 10s -> 5m"));
    ck_assert_ptr_nonnull(strstr(changes, "-> 1K"));
    client_echo(fd, 2, 100000);
    client_talk(h->address, 3, 100000);
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(a_reload_says_what_needs_a_restart)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    configure(h, "127.0.0.1", "poller = select\n[limits]\nmax_clients = 900\n"
                              "[log]\ntarget = stderr\n"
                              "[process]\nuser = root\npid_file = /tmp/x\n");
    const char *changes = reload(h);
    ck_assert_ptr_nonnull(strstr(changes, "server.poller auto -> select"));
    ck_assert_ptr_nonnull(strstr(changes, "log.target needs a restart"));
    ck_assert_ptr_nonnull(strstr(changes, "process.user needs a restart"));
    ck_assert_ptr_nonnull(strstr(changes, "process.pid_file needs a restart"));
    ck_assert_ptr_nonnull(strstr(changes, "limits.max_clients 1000 -> 900"));
    client_talk(h->address, 1, 1000);
    harness_stop(h);
}
END_TEST

START_TEST(a_bad_file_changes_nothing_and_every_mistake_is_logged)
{
    struct harness *h = harness_serve("[log]\nconnections = none\n");
    int fd = client_connect(h->address);
    client_echo(fd, 1, 1000);
    configure(h, "127.0.0.1", "buffer_siz = 1K\nbacklog = many\n[limit]\n"
                              "[log]\nlevel = loud\nrate = 5\n");
    harness_mark(h);
    harness_signal(h, SIGHUP);
    harness_expect(h, "err .*echod.ini:4: .*buffer_siz.*buffer_size");
    harness_expect(h, "err .*echod.ini:5: .*backlog.*many");
    harness_expect(h, "err .*echod.ini:6: .*limit.*limits");
    harness_expect(h, "err .*echod.ini:8: .*level.*loud");
    client_echo(fd, 2, 1000);
    client_talk(h->address, 3, 1000);
    harness_signal(h, SIGUSR1);
    harness_expect(h, "stats active=");
    ck_assert_uint_eq(harness_count(h, "notice reloaded|disconnect"), 0);
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(a_file_that_has_gone_changes_nothing)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    ck_assert_int_eq(unlink(h->config), 0);
    harness_signal(h, SIGHUP);
    harness_expect(h, "err .*%s.*No such file", h->config);
    client_talk(h->address, 3, 1000);
    harness_stop(h);
}
END_TEST

START_TEST(a_reload_acts_on_the_log_at_once)
{
    struct harness *h = harness_serve("[log]\nconnections = none\n");
    client_talk(h->address, 1, 10);
    configure(h, "127.0.0.1", "[log]\nconnections = all\n");
    reload(h);
    client_talk(h->address, 1, 20);
    harness_expect(h, "disconnect .* in=20 ");
    ck_assert_uint_eq(harness_count(h, " in=10 "), 0);
    harness_stop(h);
}
END_TEST

START_TEST(what_the_command_line_sets_stays_set)
{
    struct harness *h = harness_new();
    configure(h, "127.0.0.1", "[limits]\ndrain_timeout = 1s\n");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config, "-o",
                                "limits.drain_timeout=7s"));
    harness_await(h);
    configure(h, "127.0.0.1", "buffer_size = 3K\n"
                              "[limits]\ndrain_timeout = 2s\n");
    const char *changes = reload(h);
    ck_assert_ptr_nonnull(strstr(changes, "-> 3K"));
    ck_assert_ptr_null(strstr(changes, "drain_timeout"));
    harness_stop(h);
}
END_TEST

START_TEST(a_reload_opens_what_is_new_and_closes_what_is_wanted_no_more)
{
    struct harness *h = harness_new();
    char old[400];
    char kept[300];
    char list[1000];
    snprintf(kept, sizeof kept, "unix:%s/kept", h->dir);
    snprintf(list, sizeof list, "127.0.0.1:0, %s", kept);
    configure(h, list, "");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_await(h);
    harness_expect_count(h, 2, " info listening on ");
    snprintf(old, sizeof old, "%.300s", h->address);
    int fd = client_connect(old);
    client_echo(fd, 1, 100);
    snprintf(list, sizeof list, "%s, 127.0.0.2:0", kept);
    configure(h, list, "");
    reload(h);
    harness_await(h);
    ck_assert_int_eq(strncmp(h->address, "127.0.0.2:", 10), 0);
    client_talk(h->address, 2, 1000);
    client_talk(kept, 3, 1000);
    expect_refusal(old);
    client_echo(fd, 4, 1000);
    ck_assert_uint_eq(harness_count(h, "info listening on unix:"), 0);
    close(fd);
    harness_stop(h);
}
END_TEST

/* The same socket, or some of these would be refused. */
START_TEST(an_address_that_stays_never_refuses_a_client)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    char address[300];
    snprintf(address, sizeof address, "%.299s", h->address);
    configure(h, address, "");
    reload(h);
    for (unsigned i = 0; i < 200; i++) {
        configure(h, address, i % 2 == 0 ? "backlog = 99\n" : "");
        harness_signal(h, SIGHUP);
        client_talk(address, i, 10);
    }
    client_talk(address, 1, 1000);
    ck_assert_uint_eq(harness_count(h, "listening on"), 0);
    harness_stop(h);
}
END_TEST

START_TEST(a_reload_that_cannot_bind_changes_nothing)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    configure(h, "127.0.0.2:0, 203.0.113.7:7", "buffer_size = 2K\n");
    harness_mark(h);
    harness_signal(h, SIGHUP);
    harness_expect(h, "err .*203\\.0\\.113\\.7:7");
    client_talk(h->address, 1, 1000);
    ck_assert_uint_eq(harness_count(h, "notice reloaded|info listening"), 0);
    configure(h, "127.0.0.1", "buffer_size = 2K\n");
    ck_assert_ptr_nonnull(strstr(reload(h), "-> 2K"));
    harness_stop(h);
}
END_TEST

/* TERM and INT. */

START_TEST(term_ends_an_idle_echod_at_once)
{
    static const int signals[] = { SIGTERM, SIGINT };
    for (size_t i = 0; i < 2; i++) {
        struct harness *h
            = harness_serve("[limits]\ndrain_timeout = 1h\n");
        harness_signal(h, signals[i]);
        ck_assert_int_eq(harness_wait(h), 0);
        harness_free(h);
    }
}
END_TEST

START_TEST(term_serves_the_clients_there_are_until_they_leave)
{
    struct harness *h = harness_serve("[limits]\ndrain_timeout = 1h\n");
    int first = client_connect(h->address);
    int second = client_connect(h->address);
    client_echo(first, 1, 1000);
    client_echo(second, 1, 1000);
    harness_signal(h, SIGTERM);
    expect_refusal(h->address);
    client_echo(first, 2, 300000);
    client_finish(first);
    client_expect_eof(first);
    client_echo(second, 3, 300000);
    client_finish(second);
    client_expect_eof(second);
    ck_assert_int_eq(harness_wait(h), 0);
    harness_expect_count(h, 2, "disconnect .*in=301000 .*reason=eof");
    close(first);
    close(second);
    harness_free(h);
}
END_TEST

START_TEST(drain_timeout_ends_idle_clients_with_a_fin)
{
    struct harness *h = harness_serve("[limits]\ndrain_timeout = 300ms\n");
    int fd = client_connect(h->address);
    client_echo(fd, 1, 1000);
    int64_t from = harness_now();
    harness_signal(h, SIGTERM);
    client_expect_eof(fd);
    ck_assert_int_ge(harness_now() - from, 290);
    client_finish(fd);
    ck_assert_int_eq(harness_wait(h), 0);
    harness_expect(h, "disconnect .*reason=shutdown active=0");
    close(fd);
    harness_free(h);
}
END_TEST

/* The client goes on sending: a close with unread bytes would be a reset,
 * and a reset takes what the client has not read yet. */
START_TEST(drain_timeout_loses_nothing_of_a_busy_clients_echo)
{
    struct harness *h = harness_serve("[limits]\ndrain_timeout = 200ms\n"
                                      "linger_timeout = 10s\n");
    int fd = client_connect(h->address);
    char bytes[1000];
    client_echo(fd, 0, 1000);
    harness_signal(h, SIGTERM);
    uint64_t sent = 0;
    while (!client_wait(fd, POLLRDHUP, 1)) {
        client_payload(9, sent, bytes, sizeof bytes);
        client_send(fd, bytes, sizeof bytes);
        sent += sizeof bytes;
    }
    client_send(fd, bytes, sizeof bytes);
    client_finish(fd);
    ck_assert_int_eq(harness_wait(h), 0);
    unsigned long long out = strtoull(
        harness_expect(h, " out=([0-9]+) .*reason=shutdown"), NULL, 10);
    ck_assert_uint_gt(out, 1000);
    client_verify(fd, 9, 0, (size_t)out - 1000);
    client_expect_eof(fd);
    close(fd);
    harness_free(h);
}
END_TEST

START_TEST(linger_timeout_bounds_the_wait_for_a_silent_client)
{
    struct harness *h = harness_serve("[limits]\ndrain_timeout = 100ms\n"
                                      "linger_timeout = 200ms\n");
    int fd = client_connect(h->address);
    client_echo(fd, 1, 1000);
    harness_signal(h, SIGTERM);
    client_expect_eof(fd);
    ck_assert_int_eq(harness_wait(h), 0);
    close(fd);
    harness_free(h);
}
END_TEST

START_TEST(a_second_term_ends_at_once)
{
    static const int signals[] = { SIGTERM, SIGINT };
    for (size_t i = 0; i < 2; i++) {
        struct harness *h
            = harness_serve("[limits]\ndrain_timeout = 1h\n");
        int fd = client_connect(h->address);
        client_echo(fd, 1, 1000);
        harness_signal(h, SIGTERM);
        expect_refusal(h->address);
        harness_signal(h, signals[i]);
        ck_assert_int_eq(harness_wait(h), 0);
        harness_expect(h, "disconnect .*reason=shutdown");
        close(fd);
        harness_free(h);
    }
}
END_TEST

/* The others. */

START_TEST(usr1_writes_the_statistics)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    client_talk(h->address, 1, 5000);
    int fd = client_connect(h->address);
    client_echo(fd, 1, 1234);
    harness_expect(h, "disconnect ");
    harness_signal(h, SIGUSR1);
    harness_expect(h, " info stats active=1 accepted=2 refused=0 "
                      "bytes_in=6234 bytes_out=6234 log_dropped=0$");
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(pipe_is_ignored)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    for (unsigned i = 0; i < 10; i++) {
        harness_signal(h, SIGPIPE);
    }
    client_talk(h->address, 1, 5000);
    harness_stop(h);
}
END_TEST

/* Sends signals for as long as echod lives. */
static _Noreturn void pester(pid_t pid)
{
    for (unsigned i = 0;; i++) {
        if (kill(pid, i % 2 == 0 ? SIGUSR1 : SIGHUP) == -1) {
            _exit(0);
        }
        poll(NULL, 0, 1);
    }
}

START_TEST(a_rain_of_signals_costs_no_byte)
{
    struct harness *h = harness_serve("buffer_size = 2K\n");
    struct client_crowd crowd = {
        .address = h->address,
        .clients = 50,
        .bytes = 100000,
        .chunk = 3000,
        .seed = 5,
    };
    pid_t child = fork();
    if (child == 0) {
        pester(h->pid);
    }
    client_crowd(&crowd);
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    harness_expect(h, "stats active=");
    harness_expect(h, "notice reloaded ");
    harness_expect_count(h, 50, "disconnect .*reason=eof");
    harness_stop(h);
}
END_TEST

/* ppoll(2) lets no signal in while it finds a descriptor ready. */
START_TEST(signals_are_heard_though_no_turn_is_idle)
{
    struct harness *h = harness_serve("buffer_size = 16\n");
    struct client_crowd crowd = {
        .address = h->address,
        .clients = 40,
        .bytes = 100000000, /* never done */
        .chunk = 30000,
    };
    pid_t child = fork();
    if (child == 0) {
        client_crowd(&crowd);
        _exit(0);
    }
    harness_expect_count(h, 40, " connect ");
    for (size_t i = 1; i <= 5; i++) {
        poll(NULL, 0, 100);
        harness_signal(h, SIGUSR1);
        harness_expect_count(h, i, " stats active=");
    }
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_reload_names_each_change_and_keeps_the_clients,
        a_reload_says_what_needs_a_restart,
        a_bad_file_changes_nothing_and_every_mistake_is_logged,
        a_file_that_has_gone_changes_nothing,
        a_reload_acts_on_the_log_at_once,
        what_the_command_line_sets_stays_set,
        a_reload_opens_what_is_new_and_closes_what_is_wanted_no_more,
        an_address_that_stays_never_refuses_a_client,
        a_reload_that_cannot_bind_changes_nothing,
        term_ends_an_idle_echod_at_once,
        term_serves_the_clients_there_are_until_they_leave,
        drain_timeout_ends_idle_clients_with_a_fin,
        drain_timeout_loses_nothing_of_a_busy_clients_echo,
        linger_timeout_bounds_the_wait_for_a_silent_client,
        a_second_term_ends_at_once,
        usr1_writes_the_statistics,
        pipe_is_ignored,
        a_rain_of_signals_costs_no_byte,
        signals_are_heard_though_no_turn_is_idle,
        NULL,
    };
    return harness_main(harness_suite("system_signals", tests));
}
