/*
 * With tests/fault_shim: every single allocation fails once, of a start and of
 * a hundred connections; and every transfer is short or interrupted.
 * For 'make fault-check'; FAULT_SHIM is the library.
 */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

static void preload(struct harness *h)
{
    char path[HARNESS_PATH_MAX * 2];
    snprintf(path, sizeof path, "%s/report", h->dir);
    setenv("SHIM_REPORT", path, 1);
    setenv("LD_PRELOAD", getenv("FAULT_SHIM"), 1);
}

static unsigned long long reported(const struct harness *h, const char *name)
{
    char path[HARNESS_PATH_MAX * 2], word[32];
    unsigned long long count, found = 0;
    snprintf(path, sizeof path, "%s/report", h->dir);
    FILE *file = fopen(path, "re");
    while (file != NULL && fscanf(file, "%31s %llu", word, &count) == 2) {
        if (strcmp(word, name) == 0) {
            found = count;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static void record(const char *what, unsigned long long a,
                   const char *other, unsigned long long b)
{
    const char *path = getenv("FAULT_RESULTS");
    FILE *file = path == NULL ? NULL : fopen(path, "ae");
    if (file == NULL) {
        return;
    }
    fprintf(file, "%s %llu %s %llu\n", what, a, other, b);
    fclose(file);
}

static bool has_ended(const struct harness *h)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)h->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0
           && info.si_pid == h->pid;
}

/* Clients that send without reading, so that their bytes are kept.  Who is
 * left in the cold may be, but whatever comes back is right.  Returns how many
 * got all of theirs. */
static int connections(struct harness *h, int count)
{
    enum { BYTES = 60000 };
    static char bytes[BYTES], got[BYTES];
    int whole = 0;
    for (int i = 0; i < count && !has_ended(h); i++) {
        int fd = client_try(h->address, 4096);
        ssize_t n = -1;
        size_t sent = 0, from = 0;
        if (fd == -1) {
            continue;
        }
        client_payload((uint64_t)i, 0, bytes, BYTES);
        if (client_wait(fd, POLLOUT, 1000)
            && (n = send(fd, bytes, BYTES, MSG_NOSIGNAL)) > 0) {
            sent = (size_t)n;
        }
        shutdown(fd, SHUT_WR);
        while (client_wait(fd, POLLIN, 10000)
               && (n = recv(fd, got, sizeof got, 0)) > 0) {
            ck_assert_uint_le(from + (size_t)n, BYTES);
            ck_assert_int_eq(memcmp(got, bytes + from, (size_t)n), 0);
            from += (size_t)n;
        }
        whole += n == 0 && from == sent && sent > 0;
        close(fd);
    }
    return whole;
}

/* More than a start and a hundred connections have. */
enum { POSITIONS = 400 };

START_TEST(an_allocation_that_fails_costs_a_client_or_the_start_and_no_crash)
{
    struct harness *h = harness_new();
    char number[16];
    snprintf(number, sizeof number, "%d", _i + 1);
    setenv("SHIM_MALLOC", number, 1);
    h->in_child = preload;
    harness_write(h, "echod.ini",
                  "[server]\nlisten = 127.0.0.1\nport = 0\nbuffer_size = 8K\n"
                  "socket_buffer = 4K\n[limits]\nconnect_rate = 100000\n"
                  "[log]\nrate = 0\n[access]\ndeny = 10.0.0.0/8\n"
                  "[stats]\nfile = %s/prom\ninterval = 100ms\n", h->dir);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    int64_t deadline = harness_now() + harness_ms(HARNESS_SOON);
    while (!has_ended(h) && harness_count(h, "info listening on") == 0) {
        ck_assert_msg(harness_now() < deadline, "neither serves nor ends");
        poll(NULL, 0, 5);
    }
    if (!has_ended(h)) {
        harness_await(h);
        ck_assert_msg(strncmp(h->address, "127.0.0.1:", 10) == 0,
                      "the file is ignored: %s", h->address);
        connections(h, 100);
        harness_signal(h, SIGHUP);
        harness_signal(h, SIGUSR1);
        ck_assert_int_ge(connections(h, 2), 1);
        ck_assert_msg(!has_ended(h), "gone while it served");
        harness_signal(h, SIGTERM);
    }
    int code = harness_wait(h);
    ck_assert_msg(code == 0 || code == EX_OSERR || code == EX_NOINPUT
                      || code == EX_CONFIG || code == EX_UNAVAILABLE
                      || code == EX_USAGE || code == EX_NOPERM
                      || code == EX_CANTCREAT,
                  "exit code %d", code);
    harness_join(h);
    ck_assert_msg(code == 0 || harness_count(h, "memory") > 0,
                  "code %d, and no word of memory", code);
    record("memory", reported(h, "failed"), "exit", (unsigned long long)code);
    harness_free(h);
}
END_TEST

static const char *const pollers[] = { "poll", "select", "epoll" };

START_TEST(short_and_interrupted_transfers_change_no_byte)
{
    char number[16];
    struct harness *h = harness_new();
    snprintf(number, sizeof number, "%d", _i + 1);
    setenv("SHIM_SHORT", number, 1);
    h->in_child = preload;
    harness_serve_on(h, "poller = %s\nbuffer_size = 4K\n"
                        "[limits]\nmax_clients = 900\n",
                     pollers[_i % 3]);
    unsetenv("SHIM_SHORT");
    struct client_crowd all = {
        .address = h->address, .clients = 60, .bytes = 150000,
        .chunk = 20000, .seed = (uint64_t)_i << 32,
    };
    client_crowd(&all);
    harness_expect_count(h, 60, "disconnect .*reason=eof");
    harness_signal(h, SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    record("short", reported(h, "shorts"), "errors", reported(h, "errors"));
    ck_assert_uint_gt(reported(h, "shorts"), 10000);
    harness_free(h);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fault_memory");
    harness_loop(suite, short_and_interrupted_transfers_change_no_byte, 15);
    harness_loop(suite,
                 an_allocation_that_fails_costs_a_client_or_the_start_and_no_crash,
                 POSITIONS);
    return harness_main(suite);
}
