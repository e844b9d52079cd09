/* Clients that send much: their bytes take the way through a pipe. */
#include <config.h>

#include <check.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bulk.h"
#include "client.h"
#include "harness.h"

/* Enough to be taken for bulky, whatever the sizes of single reads. */
#define MUCH (4u << 20)

/* Ends of pipes that echod has open. */
static size_t pipe_ends(const struct harness *h)
{
    char folder[64], name[512], target[64];
    size_t count = 0;
    snprintf(folder, sizeof folder, "/proc/%d/fd", (int)h->pid);
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        ssize_t len = readlink(name, target, sizeof target);
        count += len > 5 && strncmp(target, "pipe:", 5) == 0;
    }
    closedir(dir);
    return count;
}

/* A client that is bulky and has sent until nothing moves any more. */
static uint64_t stuff(int fd, uint64_t seed)
{
    client_echo(fd, ~seed, MUCH);
    return client_stuff(fd, seed);
}

static void verify_all(int fd, uint64_t seed, uint64_t sent)
{
    client_verify(fd, seed, 0, (size_t)sent);
    client_expect_eof(fd);
    close(fd);
}

START_TEST(much_comes_back_exactly_through_one_pipe_for_all)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    size_t before = pipe_ends(h);
    struct client_crowd crowd = {
        .address = h->address,
        .clients = 8,
        .bytes = MUCH,
        .chunk = 250000,
        .seed = 3,
    };
    client_talk(h->address, 1, 4 * MUCH);
    ck_assert_uint_eq(pipe_ends(h), before + 2);
    client_crowd(&crowd);
    client_talk(h->address, 2, MUCH);
    ck_assert_uint_eq(pipe_ends(h), before + 2);
    harness_stop(h);
}
END_TEST

START_TEST(a_client_that_sends_little_needs_no_pipe)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    size_t before = pipe_ends(h);
    int fd = client_connect(h->address);
    for (uint64_t i = 0; i < 300; i++)
        client_echo(fd, i, 3000);
    ck_assert_uint_eq(pipe_ends(h), before);
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(what_a_pipe_keeps_comes_after_a_half_close_too)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    size_t before = pipe_ends(h);
    int fd = client_connect_sized(h->address, 65536);
    uint64_t sent = stuff(fd, 5);
    client_finish(fd);
    client_talk(h->address, 6, MUCH);
    verify_all(fd, 5, sent);
    harness_expect(h, "disconnect id=1 .*reason=eof");
    ck_assert_uint_le(pipe_ends(h), before + 2);
    harness_stop(h);
}
END_TEST

START_TEST(more_bulky_clients_than_pipes_lose_nothing)
{
    enum { CLIENTS = BULK_PIPES_MAX + 8 };
    int fds[CLIENTS];
    uint64_t sent[CLIENTS];
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    size_t before = pipe_ends(h);
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect_sized(h->address, 65536);
        sent[i] = stuff(fds[i], i);
        ck_assert_uint_le(pipe_ends(h), before + 2 * BULK_PIPES_MAX);
    }
    ck_assert_uint_gt(pipe_ends(h), before + BULK_PIPES_MAX);
    for (size_t i = 0; i < CLIENTS; i++)
        client_finish(fds[i]);
    for (size_t i = 0; i < CLIENTS; i++)
        verify_all(fds[i], i, sent[i]);
    harness_expect_count(h, CLIENTS, "disconnect .*reason=eof");
    ck_assert_uint_le(pipe_ends(h), before + 2);
    harness_stop(h);
}
END_TEST

START_TEST(pipes_take_no_descriptor_from_a_client)
{
    struct harness *h =
        harness_serve("poller = select\n[limits]\nmax_clients = 1006\n");
    size_t before = pipe_ends(h);
    client_talk(h->address, 1, MUCH);
    ck_assert_uint_eq(pipe_ends(h), before);
    harness_stop(h);
}
END_TEST

/* splice(2) stops at the mark and does not get past it. */
START_TEST(urgent_bytes_stay_in_line_in_the_middle_of_much)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int fd = client_connect(h->address);
    client_echo(fd, 1, MUCH);
    for (uint64_t i = 0; i < 20; i++) {
        unsigned char mark[2], bytes[40000];
        client_payload(i, 0, bytes, sizeof bytes);
        client_send(fd, bytes, sizeof bytes);
        ck_assert_int_eq(send(fd, "!", 1, MSG_OOB), 1);
        client_send(fd, "?", 1);
        client_verify(fd, i, 0, sizeof bytes);
        client_recv(fd, mark, 2);
        ck_assert_mem_eq(mark, "!?", 2);
        client_echo(fd, 100 + i, 500000);
    }
    ck_assert_int_eq(send(fd, "!", 1, MSG_OOB), 1);
    client_finish(fd); /* an urgent byte, then nothing more: not the end yet */
    char last;
    client_recv(fd, &last, 1);
    ck_assert_int_eq(last, '!');
    client_expect_eof(fd);
    close(fd);
    harness_expect(h, "disconnect .*reason=eof");
    harness_stop(h);
}
END_TEST

START_TEST(a_reset_in_the_middle_of_much_is_a_reset)
{
    struct linger none = { .l_onoff = 1, .l_linger = 0 };
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    size_t before = pipe_ends(h);
    int fd = client_connect(h->address);
    if (_i == 0)
        client_echo(fd, 1, MUCH);
    else
        stuff(fd, 2);
    ck_assert_int_eq(
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    close(fd);
    harness_expect(h, "disconnect id=1 .*reason=reset");
    ck_assert_uint_le(pipe_ends(h), before + 2);
    client_talk(h->address, 3, MUCH);
    harness_stop(h);
}
END_TEST

START_TEST(a_client_that_stalls_with_a_pipe_ends_as_stalled)
{
    struct harness *h = harness_serve("[limits]\nstall_timeout = 500ms\n"
                                      "linger_timeout = 100ms\n");
    size_t before = pipe_ends(h);
    int fd = client_connect(h->address);
    stuff(fd, 1);
    harness_expect(h, "disconnect id=1 .*reason=stalled");
    ck_assert_uint_le(pipe_ends(h), before + 2);
    close(fd);
    harness_stop(h);
}
END_TEST

/* What the system may answer instead, by strace. */
static const char *const faults[] = {
    "-e trace=splice -e inject=splice:error=ENOSYS",
    "-e trace=splice -e inject=splice:error=EPERM:when=2+2",
    "-e trace=splice -e inject=splice:error=EINVAL:when=1+3",
    "-e trace=splice -e inject=splice:error=ENOMEM:when=2+3",
    "-e trace=splice -e inject=splice:error=EAGAIN:when=1+3",
    "-e trace=splice -e inject=splice:error=EAGAIN:when=2+3",
    "-e trace=splice -e inject=splice:error=EINTR:when=2+5",
    "-e trace=splice -e inject=splice:error=ENOBUFS:when=2+5",
    "-e trace=pipe2 -e inject=pipe2:error=EMFILE:when=1+1",
    "-e trace=pipe2 -e inject=pipe2:error=ENFILE:when=1..3",
};

static struct harness *serve_with(const char *inject)
{
    char wrapper[300];
    struct harness *h = harness_new();
    /* LeakSanitizer does not go with a tracer. */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    snprintf(wrapper, sizeof wrapper,
             "strace -D -f --seccomp-bpf -qq -o %s/trace %s", h->dir, inject);
    h->wrapper = wrapper;
    harness_serve_on(h, HARNESS_DEFAULTS);
    h->wrapper = NULL;
    return h;
}

START_TEST(where_splice_or_pipes_fail_everything_is_copied)
{
    struct harness *h = serve_with(faults[_i]);
    struct client_crowd crowd = {
        .address = h->address,
        .clients = 4,
        .bytes = MUCH / 4,
        .chunk = 250000,
        .seed = (uint64_t)_i << 32,
    };
    size_t before = pipe_ends(h);
    int fd = client_connect_sized(h->address, 65536);
    uint64_t sent = stuff(fd, 7);
    client_finish(fd);
    client_crowd(&crowd);
    verify_all(fd, 7, sent);
    harness_expect_count(h, 5, "disconnect .*reason=eof");
    ck_assert_uint_le(pipe_ends(h), before + 2);
    harness_stop(h);
}
END_TEST

START_TEST(an_error_of_the_connection_that_splice_reports_is_told)
{
    static const char bytes[65536];
    struct harness *h = serve_with(
        _i == 0 ? "-e trace=splice -e inject=splice:error=ETIMEDOUT:when=3"
                : "-e trace=splice -e inject=splice:error=ETIMEDOUT:when=4");
    int fd = client_connect(h->address);
    while (client_wait(fd, POLLOUT, 200) &&
           send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        ;
    harness_expect(h, "disconnect id=1 .*reason=error error=ETIMEDOUT");
    close(fd);
    client_talk(h->address, 2, MUCH);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        much_comes_back_exactly_through_one_pipe_for_all,
        a_client_that_sends_little_needs_no_pipe,
        what_a_pipe_keeps_comes_after_a_half_close_too,
        more_bulky_clients_than_pipes_lose_nothing,
        pipes_take_no_descriptor_from_a_client,
        urgent_bytes_stay_in_line_in_the_middle_of_much,
        a_client_that_stalls_with_a_pipe_ends_as_stalled,
        NULL,
    };
    Suite *suite = harness_suite("system_bulk", tests);
    harness_loop(suite, a_reset_in_the_middle_of_much_is_a_reset, 2);
    harness_loop(suite, where_splice_or_pipes_fail_everything_is_copied,
                 sizeof faults / sizeof *faults);
    harness_loop(suite, an_error_of_the_connection_that_splice_reports_is_told,
                 2);
    return harness_main(suite);
}
