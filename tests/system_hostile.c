/*
 * Clients that mean no good, many at a time, while others are served: resets
 * in the middle, windows that are shut, single bytes for ever.
 */
#include <config.h>

#include <check.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"
#include "queues.h"

#define CLIENTS 40

/* Descriptors that stay once they have come: a pipe for who sends much, and
 * where there have been many, the set of epoll. */
#define COMING 3

static void others(const struct harness *h, uint64_t seed)
{
    struct client_crowd crowd = {
        .address = h->address,
        .clients = 20,
        .bytes = 60000,
        .chunk = 20000,
        .seed = seed << 32,
    };
    client_crowd(&crowd);
}

/* ---- resets ---- */

enum { RESETS = 1500 };

struct storm {
    const char *address;
    atomic_bool over;
    int done;
};

/* Some reset at once, some with bytes on the way in, some in both ways. */
static void *reset_many(void *arg)
{
    struct storm *storm = arg;
    static const char bytes[65536];
    for (int i = 0; i < RESETS; i++) {
        int fd = client_try(storm->address, 0);
        if (fd == -1) {
            break;
        }
        size_t n = i % 3 == 0 ? 0 : i % 3 == 1 ? 100 : sizeof bytes;
        if (n > 0 && send(fd, bytes, n, MSG_NOSIGNAL) > 0 && i % 5 == 0) {
            client_wait(fd, POLLIN, 100);
        }
        client_abort(fd);
        storm->done++;
    }
    storm->over = true;
    return NULL;
}

/* Each id that came has gone, and once. */
static void expect_pairs(struct harness *h)
{
    static const char *const words[] = { " connect id=", " disconnect id=" };
    enum { IDS = 20000 };
    static unsigned char seen[2][IDS];
    char *log = harness_log(h);
    memset(seen, 0, sizeof seen);
    for (unsigned w = 0; w < 2; w++) {
        for (char *p = log; (p = strstr(p, words[w])) != NULL; p++) {
            unsigned long id = strtoul(p + strlen(words[w]), NULL, 10);
            ck_assert_uint_lt(id, IDS);
            seen[w][id]++;
        }
    }
    free(log);
    for (unsigned id = 0; id < IDS; id++) {
        ck_assert_msg(seen[0][id] <= 1 && seen[0][id] == seen[1][id],
                      "client %u: %d connect and %d disconnect lines", id,
                      seen[0][id], seen[1][id]);
    }
}

START_TEST(a_storm_of_resets_costs_the_others_no_byte_and_echod_no_descriptor)
{
    struct harness *h = harness_serve("[log]\nrate = 0\n");
    struct storm storm = { .address = h->address };
    pthread_t thread;
    uint64_t rounds = 0;
    others(h, ++rounds);
    harness_expect_count(h, 20, "disconnect ");
    size_t descriptors = harness_descriptors(h);
    ck_assert_int_eq(pthread_create(&thread, NULL, reset_many, &storm), 0);
    do {
        others(h, ++rounds);
    } while (!storm.over);
    pthread_join(thread, NULL);
    ck_assert_int_eq(storm.done, RESETS);
    harness_expect_count(h, rounds * 20, "disconnect .*reason=eof");
    harness_expect(h, "disconnect .*reason=reset");
    do {
        harness_signal(h, SIGUSR1);
        poll(NULL, 0, 20);
    } while (harness_count(h, "stats active=0 ") == 0);
    ck_assert_uint_le(harness_descriptors(h), descriptors + COMING);
    expect_pairs(h);
    harness_stop(h);
}
END_TEST

/* ---- windows ---- */

/*
 * Once there are as many as that: the table is not read at one go, so who comes
 * or goes elsewhere meanwhile may hide a line of it or repeat one.
 */
static struct queues queues_once(const struct harness *h, size_t established)
{
    int64_t until = harness_now() + harness_ms(HARNESS_SOON);
    struct queues queues = queues_of(h->address);
    while (queues.established != established) {
        ck_assert_msg(harness_now() < until, "%zu clients are established",
                      queues.established);
        poll(NULL, 0, 10);
        queues = queues_of(h->address);
    }
    return queues;
}

START_TEST(shut_windows_hold_a_mebibyte_each_at_most_and_nobody_up)
{
    int fds[CLIENTS];
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect_sized(h->address, 2048);
    }
    queues_stuff(fds, CLIENTS, 500);
    others(h, 1);
    struct queues queues = queues_once(h, CLIENTS);
    /* Both ways are full, so it is the limit that is seen. */
    ck_assert_uint_gt(queues.least, 100000);
    ck_assert_uint_le(queues.most, 1 << 20);
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_abort(fds[i]);
    }
    harness_expect_count(h, CLIENTS, "disconnect .*reason=reset");
    others(h, 2);
    harness_stop(h);
}
END_TEST

/* ---- single bytes for ever ---- */

/* A byte to each that is still served; how many are. */
static size_t drip(int *fds, size_t count)
{
    size_t served = 0;
    for (size_t i = 0; i < count; i++) {
        if (fds[i] != -1 && !client_talks(fds[i])) {
            close(fds[i]);
            fds[i] = -1;
        }
        served += fds[i] != -1;
    }
    return served;
}

START_TEST(clients_that_drip_for_ever_make_room_for_others_in_the_end)
{
    int fds[CLIENTS];
    struct harness *h = harness_serve("[limits]\nmax_clients = %d\n"
                                      "max_lifetime = 1s\n"
                                      "idle_timeout = 500ms\n",
                                      CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(h->address);
    }
    ck_assert_uint_eq(drip(fds, CLIENTS), CLIENTS);
    int waiting = client_connect(h->address);
    client_send(waiting, "x", 1);
    int64_t deadline = harness_now() + harness_ms(HARNESS_SOON);
    while (!client_wait(waiting, POLLIN, 50)) {
        ck_assert_msg(harness_now() < deadline, "no room is made");
        drip(fds, CLIENTS);
    }
    while (drip(fds, CLIENTS) > 0) {
        poll(NULL, 0, 50);
    }
    harness_expect_count(h, CLIENTS, "disconnect .*reason=lifetime");
    ck_assert_uint_eq(harness_count(h, "reason=idle"), 0);
    close(waiting);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_storm_of_resets_costs_the_others_no_byte_and_echod_no_descriptor,
        shut_windows_hold_a_mebibyte_each_at_most_and_nobody_up,
        clients_that_drip_for_ever_make_room_for_others_in_the_end,
        NULL,
    };
    return harness_main(harness_suite("system_hostile", tests));
}
