/*
 * Clients whose host takes no segment for a while, or never again.  It is a
 * filter of the client's socket that drops them, which kernels differ about who
 * may have: root may everywhere.  Run by anyone else this program is skipped.
 */
#include <config.h>

#include <check.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"
#include "queues.h"

#define CLIENTS 40

/* Descriptors that stay once they have come: a pipe for who sends much, and
 * where there have been many, the set of epoll. */
#define COMING 3

#define SKIP 77 /* for automake */

/* From now on the client's host takes no segment, and so answers none. */
static void go_deaf(int fd)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = { 1, &drop };
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                                sizeof program), 0);
}

static void hear_again(int fd)
{
    int none = 0;
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none,
                                sizeof none), 0);
}

/* ---- hosts that are gone ---- */

START_TEST(clients_whose_host_is_gone_are_ended_by_the_limits)
{
    int fds[CLIENTS];
    struct harness *h = harness_serve("socket_buffer = 16K\n[limits]\n"
                                      "idle_timeout = 2s\n"
                                      "stall_timeout = 1s\n"
                                      "linger_timeout = 100ms\n");
    size_t descriptors = harness_descriptors(h);
    struct client_crowd others = {
        .address = h->address,
        .clients = 20,
        .bytes = 60000,
        .chunk = 20000,
        .seed = UINT64_C(1) << 32,
    };
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect_sized(h->address, i % 2 == 0 ? 0 : 4096);
        client_echo(fds[i], i, 100);
    }
    queues_stuff_every(fds, CLIENTS, 2, 500);
    for (unsigned i = 0; i < CLIENTS; i++) {
        go_deaf(fds[i]);
    }
    client_crowd(&others);
    harness_expect_count(h, CLIENTS / 2, "disconnect .*reason=idle");
    harness_expect_count(h, CLIENTS / 2, "disconnect .*reason=stalled");
    harness_expect_count(h, 20, "disconnect .*reason=eof");
    harness_signal(h, SIGUSR1);
    harness_expect(h, "stats active=0 ");
    ck_assert_uint_le(harness_descriptors(h), descriptors + COMING);
    for (unsigned i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    harness_stop(h);
}
END_TEST

/* ---- both ends at once ---- */

static void await_state(const char *address, unsigned state, size_t count)
{
    int64_t deadline = harness_now() + harness_ms(HARNESS_SOON);
    while (queues_in(address, state) < count) {
        ck_assert_msg(harness_now() < deadline, "not in state %u", state);
        poll(NULL, 0, 5);
    }
}

/* What echod sends, its FIN too, is lost on the way until the client's own FIN
 * has gone: the two cross.  Then both are sent again. */
START_TEST(ends_that_cross_lose_no_byte_and_reset_nobody)
{
    int fds[CLIENTS];
    char bytes[5000];
    struct harness *h = harness_serve("[limits]\nidle_timeout = 300ms\n"
                                      "linger_timeout = 20s\n");
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(h->address);
        client_echo(fds[i], i, 100);
        go_deaf(fds[i]);
        client_payload(i, 100, bytes, sizeof bytes);
        client_send(fds[i], bytes, sizeof bytes);
    }
    await_state(h->address, TCP_FIN_WAIT1, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_finish(fds[i]);
        hear_again(fds[i]);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_verify(fds[i], i, 100, sizeof bytes);
        client_expect_eof(fds[i]);
        close(fds[i]);
    }
    harness_expect_count(h, CLIENTS,
                         "disconnect .*in=5100 out=5100 .*reason=idle");
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        clients_whose_host_is_gone_are_ended_by_the_limits,
        ends_that_cross_lose_no_byte_and_reset_nobody,
        NULL,
    };
    if (geteuid() != 0) {
        fputs("skipped: only root may surely have a filter\n", stderr);
        return SKIP;
    }
    return harness_main(harness_suite("system_vanished", tests));
}
