/* Full: of clients, of descriptors. */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

static void expect_byte(int fd, char want)
{
    char byte;
    client_recv(fd, &byte, 1);
    ck_assert_int_eq(byte, want);
}

static void end(int fd)
{
    client_finish(fd);
    client_expect_eof(fd);
    close(fd);
}

START_TEST(clients_over_max_clients_wait_and_are_served_in_turn)
{
    enum { ALL = 9, MAX = 4 };
    int fds[ALL];
    struct harness *h = harness_serve("[limits]\nmax_clients = %d\n", MAX);
    for (unsigned i = 0; i < ALL; i++) {
        fds[i] = client_connect(h->address);
        client_send(fds[i], "x", 1);
    }
    for (unsigned i = 0; i < MAX; i++) {
        expect_byte(fds[i], 'x');
    }
    ck_assert(!client_wait(fds[MAX], POLLIN, 200));
    for (unsigned i = 0; i < ALL; i++) {
        if (i >= MAX) {
            expect_byte(fds[i], 'x');
        }
        client_echo(fds[i], i, 1000);
        end(fds[i]);
    }
    harness_expect_count(h, ALL, "disconnect .*in=1001 out=1001 .*reason=eof");
    ck_assert_uint_eq(harness_count(h, "active=%d", MAX + 1), 0);
    harness_stop(h);
}
END_TEST

static void set_soft(pid_t pid, rlim_t descriptors)
{
    struct rlimit limit;
    ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
    limit.rlim_cur = descriptors;
    ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

/* Under valgrind a program has only the limit that it was started with. */
static void start_with_64(struct harness *h)
{
    (void)h;
    if (!harness_is_wrapped()) {
        set_soft(0, 64);
    }
}

START_TEST(the_descriptor_limit_is_raised_to_fit_max_clients)
{
    struct rlimit limit;
    struct harness *h = harness_new();
    h->in_child = start_with_64;
    harness_serve_on(h, "[limits]\nmax_clients = 300\n");
    ck_assert_int_eq(prlimit(h->pid, RLIMIT_NOFILE, NULL, &limit), 0);
    ck_assert_uint_gt(limit.rlim_cur, 300);
    struct client_crowd crowd = {
        .address = h->address, .clients = 300, .bytes = 500, .chunk = 500,
    };
    client_crowd(&crowd);
    harness_expect_count(h, 300, "disconnect .*reason=eof");
    harness_stop(h);
}
END_TEST

/* Takes from a running echod what it was promised at its start. */
static struct harness *serve_on_64(void)
{
    struct harness *h = harness_serve("[log]\nrate = 0\n");
    client_talk(h->address, 1, 10); /* it has made all of its start */
    set_soft(h->pid, 64);
    return h;
}

#define EPISODE "warning .*Too many open files"

START_TEST(out_of_descriptors_echod_rests_and_says_so_once)
{
    enum { CLIENTS = 100 };
    int fds[CLIENTS];
    struct harness *h = serve_on_64();
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(h->address);
        client_send(fds[i], "x", 1);
    }
    harness_expect(h, EPISODE);
    poll(NULL, 0, 50);
    long before = harness_cpu(h);
    poll(NULL, 0, 1000);
    long used = harness_cpu(h) - before;
    ck_assert_msg(used <= 20 || !harness_is_plain(h),
                  "%ld ms of CPU in a second of rest", used);
    for (unsigned i = 0; i < CLIENTS; i++) {
        expect_byte(fds[i], 'x');
        end(fds[i]);
    }
    harness_expect_count(h, CLIENTS + 1, "disconnect .*reason=eof");
    ck_assert_uint_eq(harness_count(h, EPISODE), 1);
    harness_stop(h);
}
END_TEST

/* Failing calls, counted by strace while nothing can be accepted. */
START_TEST(out_of_descriptors_echod_tries_ten_times_a_second)
{
    char trace[HARNESS_PATH_MAX * 2];
    char wrapper[HARNESS_PATH_MAX * 3];
    char line[4096];
    size_t tries = 0;
    struct harness *h = harness_new();
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    snprintf(trace, sizeof trace, "%s/trace", h->dir);
    snprintf(wrapper, sizeof wrapper,
             "strace -D -f -qq -o %s -e trace=accept4 "
             "-e inject=accept4:error=EMFILE",
             trace);
    h->wrapper = wrapper;
    harness_serve_on(h, HARNESS_DEFAULTS);
    int fd = client_connect(h->address);
    poll(NULL, 0, 2000);
    FILE *file = fopen(trace, "re");
    while (fgets(line, sizeof line, file) != NULL) {
        tries += strstr(line, "EMFILE") != NULL;
    }
    fclose(file);
    close(fd);
    ck_assert_uint_ge(tries, 2);
    ck_assert_uint_le(tries, 25);
    ck_assert_uint_eq(harness_count(h, EPISODE), 1);
    harness_stop(h);
}
END_TEST

/* Relief that echod is not told of: the limit itself is raised.  Once in time
 * is enough, since others may be using the machine; an echod that rests for too
 * long is late each time. */
START_TEST(service_is_back_soon_after_relief)
{
    enum { CLIENTS = 100, MORE = 3, TRIES = 10 };
    int fds[CLIENTS];
    int64_t best = INT64_MAX;
    struct harness *h = serve_on_64();
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(h->address);
    }
    harness_expect(h, EPISODE);
    size_t served = harness_count(h, " connect ");
    for (unsigned i = 1; i <= TRIES && best > harness_ms(300); i++) {
        poll(NULL, 0, 50); /* until it rests */
        int64_t from = harness_now();
        set_soft(h->pid, 64 + MORE * i);
        harness_expect_count(h, served + MORE * i, " connect ");
        int64_t took = harness_now() - from;
        best = took < best ? took : best;
    }
    ck_assert_int_le(best, harness_ms(300));
    for (unsigned i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    harness_expect_count(h, CLIENTS + 1, "disconnect ");
    harness_stop(h);
}
END_TEST

START_TEST(ten_thousand_clients_are_served_with_64_descriptors)
{
    enum { ROUNDS = 50, CLIENTS = 200 };
    struct harness *h = serve_on_64();
    size_t before = harness_descriptors(h);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct client_crowd crowd = {
            .address = h->address,
            .clients = CLIENTS,
            .bytes = 100,
            .chunk = 100,
            .seed = (uint64_t)round << 32,
        };
        client_crowd(&crowd);
    }
    harness_expect_count(h, ROUNDS * CLIENTS + 1, "disconnect .*reason=eof");
    harness_expect(h, EPISODE);
    ck_assert_uint_le(harness_count(h, EPISODE), ROUNDS);
    client_talk(h->address, 1, 10);
    harness_expect_count(h, ROUNDS * CLIENTS + 2, "disconnect .*reason=eof");
    ck_assert_uint_eq(harness_descriptors(h), before);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        clients_over_max_clients_wait_and_are_served_in_turn,
        the_descriptor_limit_is_raised_to_fit_max_clients,
        out_of_descriptors_echod_rests_and_says_so_once,
        out_of_descriptors_echod_tries_ten_times_a_second,
        service_is_back_soon_after_relief,
        ten_thousand_clients_are_served_with_64_descriptors,
        NULL,
    };
    return harness_main(harness_suite("system_limits", tests));
}
