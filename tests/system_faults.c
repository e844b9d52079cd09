/*
 * What the system may answer, injected by strace: a fault of one client is
 * that client's alone, a fault of nobody's is nobody's.
 */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

/* Starts under strace, which answers in the kernel's place. */
static struct harness *serve_with(const char *inject, const char *poller,
                                  const char *buffer)
{
    char wrapper[300];
    struct harness *h = harness_new();
    /* LeakSanitizer does not go with a tracer. */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    snprintf(wrapper, sizeof wrapper,
             "strace -D -f --seccomp-bpf -qq -o %s/trace %s", h->dir, inject);
    h->wrapper = wrapper;
    harness_serve_on(h, "poller = %s\nbuffer_size = %s\n[limits]\n"
                        "max_clients = 900\n[log]\nlevel = debug\n",
                     poller, buffer);
    h->wrapper = NULL;
    return h;
}

static size_t injected(const struct harness *h)
{
    char path[HARNESS_PATH_MAX * 2];
    char line[4096];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/trace", h->dir);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, "(INJECTED)") != NULL;
    }
    fclose(file);
    return count;
}

/* Faults that no client may notice. */

#define INJECT(call, error, when)                                              \
    "-e trace=" call " -e inject=" call ":error=" error ":when=" when

static const struct {
    const char *inject;
    const char *poller;
    const char *words; /* in the log, if anything */
} passing[] = {
    { INJECT("accept4", "EINTR", "1+2"), "poll", NULL },
    { INJECT("accept4", "EAGAIN", "1+2"), "poll", NULL },
    { INJECT("accept4", "ECONNABORTED", "1+2"), "poll", NULL },
    { INJECT("accept4", "EPROTO", "1+2"), "poll", NULL },
    { INJECT("accept4", "EPERM", "2+3"), "poll", NULL },
    { INJECT("accept4", "ENETDOWN", "2+3"), "poll", NULL },
    { INJECT("accept4", "EMFILE", "2+4"), "poll", "Too many open files" },
    { INJECT("accept4", "ENFILE", "2+4"), "poll", "Too many open files" },
    { INJECT("accept4", "ENOBUFS", "2+4"), "poll", "No buffer space" },
    { INJECT("accept4", "ENOMEM", "2+4"), "poll", "Cannot allocate memory" },
    { INJECT("accept4", "EMFILE", "1..3"), "select", "Too many open files" },
    { INJECT("recvfrom", "EINTR", "1+2"), "poll", NULL },
    { INJECT("recvfrom", "EAGAIN", "1+2"), "poll", NULL },
    { INJECT("recvfrom", "EAGAIN", "1+2"), "select", NULL },
    { INJECT("sendto", "EINTR", "1+2"), "poll", NULL },
    { INJECT("sendto", "EAGAIN", "1+2"), "poll", NULL },
    { INJECT("sendto", "EAGAIN", "1+2"), "select", NULL },
    { INJECT("sendto", "ENOBUFS", "1+2"), "poll", NULL },
    { INJECT("ppoll", "EINTR", "1+2"), "poll", NULL },
    { INJECT("ppoll", "EAGAIN", "3+5"), "poll", NULL },
    { INJECT("ppoll", "ENOMEM", "3+5"), "poll", NULL },
    { INJECT("pselect6", "EINTR", "1+2"), "select", NULL },
    { INJECT("pselect6", "ENOMEM", "3+5"), "select", NULL },
    { INJECT("epoll_pwait", "EINTR", "1+2"), "epoll", NULL },
    { INJECT("accept4", "EMFILE", "1..3"), "epoll", "Too many open files" },
    { INJECT("sendto", "EAGAIN", "1+2"), "epoll", NULL },
    { INJECT("getpeername,getsockname", "ENOBUFS", "4+2"), "poll", NULL },
};

START_TEST(a_passing_fault_is_noticed_by_no_client)
{
    struct harness *h
        = serve_with(passing[_i].inject, passing[_i].poller, "4K");
    struct client_crowd crowd = {
        .address = h->address,
        .clients = 12,
        .bytes = 20000,
        .chunk = 9000,
        .seed = (uint64_t)_i << 32,
    };
    client_crowd(&crowd);
    harness_expect_count(h, 12, "disconnect .*reason=eof");
    if (passing[_i].words != NULL) {
        harness_expect(h, " warning .*%s", passing[_i].words);
    }
    client_talk(h->address, 1, 1000);
    ck_assert_uint_gt(injected(h), 0);
    harness_stop(h);
}
END_TEST

/* Large reads take another way through the kernel, where there is one. */

static const char *const bulky[] = {
    INJECT("splice", "EAGAIN", "1+2"),  INJECT("splice", "EINTR", "1+2"),
    INJECT("splice", "EINVAL", "1+3"),  INJECT("splice", "ENOMEM", "3+4"),
    INJECT("splice", "EINVAL", "2"),    INJECT("splice", "EINVAL", "1+1"),
    INJECT("pipe2", "EMFILE", "1+2"),   INJECT("pipe2", "ENFILE", "1+1"),
};

START_TEST(a_passing_fault_of_a_large_read_is_noticed_by_no_client)
{
    struct harness *h = serve_with(bulky[_i], "poll", "256K");
    struct client_crowd crowd = {
        .address = h->address,
        .clients = 8,
        .bytes = 3000000,
        .chunk = 500000,
        .seed = (uint64_t)_i << 32,
    };
    client_crowd(&crowd);
    harness_expect_count(h, 8, "disconnect .*reason=eof");
    ck_assert_uint_gt(injected(h), 0);
    harness_stop(h);
}
END_TEST

/* Faults that one client must die of. */

static const struct {
    const char *inject;
    const char *reason;
} fatal[] = {
    { INJECT("recvfrom", "ECONNRESET", "2"), "reset" },
    { INJECT("recvfrom", "ETIMEDOUT", "2"), "error error=ETIMEDOUT" },
    { INJECT("recvfrom", "EHOSTUNREACH", "2"), "error error=EHOSTUNREACH" },
    { INJECT("recvfrom", "ENOMEM", "2"), "error error=ENOMEM" },
    { INJECT("recvfrom", "EIO", "2"), "error error=EIO" },
    { INJECT("sendto", "EPIPE", "2"), "(reset|error error=EPIPE)" },
    { "-e trace=sendto -e inject=sendto:error=EPIPE:signal=SIGPIPE:when=2",
      "(reset|error error=EPIPE)" },
    { INJECT("sendto", "ECONNRESET", "2"), "reset" },
    { INJECT("sendto", "ENOMEM", "2"), "error error=ENOMEM" },
    { INJECT("sendto", "ETIMEDOUT", "2"), "error error=ETIMEDOUT" },
};

START_TEST(a_fault_of_one_client_ends_that_client_alone)
{
    char byte;
    struct harness *h = serve_with(fatal[_i].inject, "poll", "4K");
    int other = client_connect(h->address);
    int victim = client_connect(h->address);
    client_echo(other, 1, 100); /* one recvfrom, one sendto */
    client_send(victim, "x", 1);
    ck_assert(client_wait(victim, POLLIN, harness_ms(HARNESS_SOON)));
    ck_assert_int_le(recv(victim, &byte, 1, 0), 0);
    harness_expect(h, "disconnect id=2 .*reason=%s active=1$",
                   fatal[_i].reason);
    client_echo(other, 2, 10000);
    client_talk(h->address, 3, 10000);
    ck_assert_uint_eq(injected(h), 1);
    ck_assert_uint_eq(harness_count(h, "disconnect id=1 "), 0);
    close(other);
    close(victim);
    harness_stop(h);
}
END_TEST

/* Deaf clients, until there is no memory for what one of them sent. */
static void fill_memory(struct harness *h, int *fds, size_t max)
{
    for (size_t i = 0; i < max && harness_count(h, "error=ENOMEM") == 0; i++) {
        static const char bytes[65536];
        fds[i] = client_connect_sized(h->address, 8192);
        while (client_wait(fds[i], POLLOUT, 200)
               && send(fds[i], bytes, sizeof bytes, MSG_NOSIGNAL) > 0) {
        }
    }
    harness_expect(h, "disconnect .*reason=error error=ENOMEM");
}

static void limit_memory(struct harness *h, rlim_t bytes)
{
    struct rlimit limit;
    ck_assert_int_eq(prlimit(h->pid, RLIMIT_AS, NULL, &limit), 0);
    limit.rlim_cur = bytes;
    ck_assert_int_eq(prlimit(h->pid, RLIMIT_AS, &limit, NULL), 0);
}

START_TEST(a_client_there_is_no_memory_for_ends_alone)
{
    enum { MAX = 30 };
    int fds[MAX] = { 0 };
    struct harness *h = harness_serve("buffer_size = 1M\n");
    int other = client_connect(h->address);
    client_echo(other, 1, 1 << 20);
    if (harness_is_plain(h)) { /* instruments need memory of their own */
        limit_memory(h, (rlim_t)harness_status(h, "VmSize", 10) * 1024);
        fill_memory(h, fds, MAX);
    }
    client_echo(other, 1, 10000);
    for (size_t i = 0; i < MAX; i++) {
        if (fds[i] > 0) {
            close(fds[i]);
        }
    }
    limit_memory(h, RLIM_INFINITY);
    client_talk(h->address, 1, 1 << 20);
    client_echo(other, 1, 1 << 20);
    close(other);
    harness_stop(h);
}
END_TEST

START_TEST(a_reload_there_is_no_memory_for_changes_nothing)
{
    struct harness *h = harness_serve("buffer_size = 4K\n");
    rlim_t some = 1 << 20;
    int other = client_connect(h->address);
    client_echo(other, 1, 10000);
    harness_write(h, "echod.ini", "[server]\nlisten = 127.0.0.1\nport = 0\n"
                                  "buffer_size = 16M\n");
    if (harness_is_plain(h)) {
        limit_memory(h, (rlim_t)harness_status(h, "VmSize", 10) * 1024 + some);
        harness_signal(h, SIGHUP);
        harness_expect(h, " err Cannot allocate memory$");
        harness_expect(h, " err not reloaded, the old configuration holds");
        client_echo(other, 1, 10000);
        client_talk(h->address, 1, 10000);
        limit_memory(h, RLIM_INFINITY);
    }
    harness_signal(h, SIGHUP);
    harness_expect(h, " reloaded .*server.buffer_size 4K -> 16M");
    client_echo(other, 1, 10000);
    close(other);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_client_there_is_no_memory_for_ends_alone,
        a_reload_there_is_no_memory_for_changes_nothing,
        NULL,
    };
    Suite *suite = harness_suite("system_faults", tests);
    harness_loop(suite, a_passing_fault_is_noticed_by_no_client,
                 sizeof passing / sizeof *passing);
    harness_loop(suite,
                 a_passing_fault_of_a_large_read_is_noticed_by_no_client,
                 sizeof bulky / sizeof *bulky);
    harness_loop(suite, a_fault_of_one_client_ends_that_client_alone,
                 sizeof fatal / sizeof *fatal);
    return harness_main(suite);
}
