/* Back-pressure and crowds: what a client costs the others, and in memory. */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

static const struct {
    const char *text;
    long kib;
} buffers[] = { { "4K", 4 }, { "64K", 64 }, { "1M", 1024 } };

/* Every room that the others need is made before the first look. */
static void warm_up(const struct harness *h)
{
    struct client_crowd crowd = {
        .address = h->address,
        .clients = 50,
        .bytes = 100000,
        .chunk = 30000,
        .seed = 99,
    };
    client_crowd(&crowd);
}

START_TEST(a_client_that_never_reads_costs_one_buffer_and_nobody_elses_time)
{
    struct harness *h = harness_serve("buffer_size = %s\n", buffers[_i].text);
    warm_up(h);
    long before = harness_resident(h);
    int deaf = client_connect(h->address);
    ck_assert_uint_gt(client_stuff(deaf, 1), 100000);
    warm_up(h);
    long growth = harness_resident(h) - before;
    ck_assert_msg(!harness_is_plain(h) || growth < buffers[_i].kib + 64,
                  "resident memory grew by %ld KiB", growth);
    close(deaf);
    harness_expect(h, "disconnect .*reason=reset");
    harness_stop(h);
}
END_TEST

START_TEST(a_client_that_reads_late_gets_all_that_was_kept)
{
    struct harness *h = harness_serve("buffer_size = 64K\n");
    int fds[4];
    uint64_t sent[4];
    for (unsigned i = 0; i < 4; i++) {
        fds[i] = client_connect_sized(h->address, 16384);
        sent[i] = client_stuff(fds[i], i);
        client_finish(fds[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        client_verify(fds[i], i, 0, (size_t)sent[i]);
        client_expect_eof(fds[i]);
        close(fds[i]);
    }
    harness_stop(h);
}
END_TEST

/* A byte now and then: the rest that is kept shrinks by odd amounts. */
START_TEST(a_client_that_sips_gets_every_byte)
{
    struct harness *h = harness_serve("socket_buffer = 4K\n");
    int fd = client_connect_sized(h->address, 2048);
    uint64_t sent = client_stuff(fd, 11);
    uint64_t got = 0;
    client_finish(fd);
    for (size_t n = 1; got < sent; n = n % 1777 + 13) {
        size_t sip = n < sent - got ? n : (size_t)(sent - got);
        client_verify(fd, 11, got, sip);
        got += sip;
    }
    client_expect_eof(fd);
    close(fd);
    harness_stop(h);
}
END_TEST

/* Sends to all what goes at once, twice, so that echod has to keep some. */
static void stuff_all(const int *fds, size_t count)
{
    static const char bytes[65536];
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            while (send(fds[i], bytes, sizeof bytes, MSG_NOSIGNAL) > 0) {
            }
        }
        poll(NULL, 0, 100);
    }
}

START_TEST(what_was_kept_is_given_back_when_its_client_goes)
{
    enum { CLIENTS = 40, ROUNDS = 4 };
    int fds[CLIENTS];
    long first = 0;
    struct harness *h = harness_serve("socket_buffer = 64K\n");
    for (unsigned round = 1; round <= ROUNDS; round++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            fds[i] = client_connect_sized(h->address, 16384);
        }
        stuff_all(fds, CLIENTS);
        first = round == 1 ? harness_resident(h) : first;
        for (unsigned i = 0; i < CLIENTS; i++) {
            client_abort(fds[i]);
        }
        harness_expect_count(h, CLIENTS * round, "disconnect .*reason=reset");
    }
    long growth = harness_resident(h) - first;
    ck_assert_msg(!harness_is_plain(h) || growth < 256,
                  "memory grew by %ld KiB in later rounds", growth);
    harness_stop(h);
}
END_TEST

/* Not by the log: so many lines at once may be more than its reader takes. */
static void await_descriptors(const struct harness *h, size_t from, size_t to)
{
    int64_t until = harness_now() + harness_ms(HARNESS_SOON);
    size_t open;
    while ((open = harness_descriptors(h)) < from || open > to) {
        ck_assert_msg(harness_now() < until, "%zu descriptors", open);
        poll(NULL, 0, 10);
    }
}

static void crowd_of(size_t clients, const char *poller)
{
    harness_raise_descriptors();
    struct harness *h = harness_serve("poller = %s\n[limits]\n"
                                      "max_clients = %zu\n"
                                      "[log]\nconnections = none\n",
                                      poller, clients);
    size_t base = harness_descriptors(h);
    struct client_crowd crowd = {
        .address = h->address,
        .clients = clients,
        .bytes = 300,
        .chunk = 300,
        .seed = 17,
    };
    client_crowd(&crowd);
    await_descriptors(h, base, base);
    harness_signal(h, SIGUSR1);
    harness_expect(h, "stats active=0 accepted=%zu refused=0 ", clients);
    harness_stop(h);
}

START_TEST(three_thousand_clients_at_once_are_served_by_poll)
{
    crowd_of(3000, "poll");
}
END_TEST

START_TEST(nine_hundred_clients_at_once_are_served_by_select)
{
    crowd_of(900, "select");
}
END_TEST

START_TEST(an_idle_client_owns_no_buffer)
{
    enum { CLIENTS = 1000 };
    static int fds[CLIENTS];
    harness_raise_descriptors();
    struct harness *h = harness_serve("buffer_size = 1M\n");
    warm_up(h);
    long before = harness_resident(h);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(h->address);
        client_echo(fds[i], i, 10);
    }
    long growth = harness_resident(h) - before;
    ck_assert_msg(!harness_is_plain(h) || growth < CLIENTS / 2,
                  "%d idle clients cost %ld KiB", CLIENTS, growth);
    for (unsigned i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    harness_stop(h);
}
END_TEST

/* In an order of no use to whoever hands memory out: every seventh leaves,
 * over and over, but for the last one, who stays. */
static void leave_scattered(const int *fds, size_t count)
{
    for (size_t i = 0, at = 0; i < count; i++) {
        at = (at + 7) % count;
        if (at != count - 1) {
            close(fds[at]);
        }
    }
}

static const char *const pollers[] = { "auto", "poll", "epoll" };

START_TEST(the_memory_of_those_who_left_goes_back_to_the_system)
{
    enum {
        CLIENTS = 3000, /* no multiple of seven */
        EPOLL = 1,      /* its descriptor comes and goes with the crowd */
    };
    static int fds[CLIENTS];
    harness_raise_descriptors();
    struct harness *h = harness_serve(
        "poller = %s\n[limits]\nmax_clients = %d\n"
        "[log]\nconnections = none\n",
        pollers[_i], CLIENTS);
    size_t base = harness_descriptors(h);
    warm_up(h);
    await_descriptors(h, base, base + EPOLL);
    long before = harness_status(h, "RssAnon", 10);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(h->address);
    }
    await_descriptors(h, base + CLIENTS, base + CLIENTS + EPOLL);
    long grown = harness_status(h, "RssAnon", 10) - before;
    leave_scattered(fds, CLIENTS);
    await_descriptors(h, base, base + 1 + EPOLL);
    int64_t until = harness_now() + harness_ms(HARNESS_SOON);
    long left;
    while ((left = harness_status(h, "RssAnon", 10) - before) > grown / 3
           && harness_is_plain(h)) {
        ck_assert_msg(harness_now() < until, "%ld KiB of %ld KiB are left",
                      left, grown);
        client_talk(h->address, 2, 10); /* who comes and goes delays nothing */
        poll(NULL, 0, 50);
    }
    client_echo(fds[CLIENTS - 1], 1, 1000);
    close(fds[CLIENTS - 1]);
    harness_stop(h);
}
END_TEST

START_TEST(select_refuses_at_start_what_it_cannot_hold)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini", "[server]\nlisten=127.0.0.1:0\n"
                                  "poller=select\n"
                                  "[limits]\nmax_clients=1024\n");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    ck_assert_int_eq(harness_wait(h), 78);
    harness_expect(h, "select.*1024|1024.*select");
    harness_free(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_client_that_reads_late_gets_all_that_was_kept,
        a_client_that_sips_gets_every_byte,
        what_was_kept_is_given_back_when_its_client_goes,
        three_thousand_clients_at_once_are_served_by_poll,
        nine_hundred_clients_at_once_are_served_by_select,
        an_idle_client_owns_no_buffer,
        select_refuses_at_start_what_it_cannot_hold,
        NULL,
    };
    Suite *suite = harness_suite("system_pressure", tests);
    harness_loop(
        suite, a_client_that_never_reads_costs_one_buffer_and_nobody_elses_time,
        sizeof buffers / sizeof *buffers);
    harness_loop(suite,
                 the_memory_of_those_who_left_goes_back_to_the_system,
                 sizeof pollers / sizeof *pollers);
    return harness_main(suite);
}
