/*
 * Clients of every behaviour, reloads, statistics and limits, for SOAK_TIME
 * seconds: every byte that comes back is right, and at the end echod holds the
 * descriptors of its start, a pipe, and no more memory than early on.
 *
 * For 'make soak'.  SOAK_SEED repeats a run's choices.
 */
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

enum { SLOTS = 120 };

enum behaviour {
    TALK,    /* sends, reads, FIN when all is sent */
    DRIP,    /* the same in single bytes, some urgent */
    LATE,    /* sends first, reads when all is sent or nothing more goes */
    DEAF,    /* sends and never reads, until echod ends it */
    SILENT,  /* a byte, then nothing, until echod ends it */
    ABORT,   /* a reset in the middle */
    VANISH,  /* closes with its echo unread */
    STRANGER, /* comes from an address that is denied */
    BEHAVIOURS
};

struct client {
    int fd; /* -1: a free slot */
    enum behaviour behaviour;
    uint64_t seed;
    size_t size, sent, got;
    bool finished;
    int64_t until;
};

static struct client clients[SLOTS];
static uint64_t whole, cut, bytes_back, connections;

static unsigned pick(unsigned below)
{
    return (unsigned)random() % below;
}

static int connect_as(const char *address, const char *from)
{
    struct sockaddr_in local = { .sin_family = AF_INET };
    struct sockaddr_in to = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_ne(fd, -1);
    inet_pton(AF_INET, from, &local.sin_addr);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    if (bind(fd, (struct sockaddr *)&local, sizeof local) == -1
        || (connect(fd, (struct sockaddr *)&to, sizeof to) == -1
            && errno != EINPROGRESS)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void begin(struct client *c, const char *address)
{
    char from[32];
    *c = (struct client){ .behaviour = (enum behaviour)pick(BEHAVIOURS) };
    snprintf(from, sizeof from, "127.0.%u.%u",
             c->behaviour == STRANGER ? 66 : pick(5), 1 + pick(9));
    c->fd = connect_as(address, from);
    c->seed = (uint64_t)random();
    c->size = c->behaviour == DEAF ? SIZE_MAX
              : c->behaviour == DRIP ? 1 + pick(60)
              : c->behaviour == SILENT ? 1
                                       : 1 + pick(1 << (1 + pick(18)));
    c->until = harness_now() + 15000;
    connections++;
}

static void end(struct client *c, bool complete)
{
    close(c->fd);
    c->fd = -1;
    whole += complete;
    cut += !complete;
}

static void do_send(struct client *c)
{
    char bytes[16384];
    size_t n = 1 + pick(sizeof bytes);
    bool urgent = c->behaviour == DRIP && pick(8) == 0;
    n = c->behaviour == DRIP ? 1 : n;
    n = n < c->size - c->sent ? n : c->size - c->sent;
    client_payload(c->seed, c->sent, bytes, n);
    ssize_t took = send(c->fd, bytes, n,
                        MSG_NOSIGNAL | (urgent ? MSG_OOB : 0));
    if (took == -1) {
        if (errno != EAGAIN) {
            end(c, false);
        }
        return;
    }
    c->sent += (size_t)took;
    if (c->behaviour == ABORT && pick(4) == 0) {
        client_abort(c->fd);
        c->fd = -1;
        cut++;
    } else if (c->behaviour == VANISH && pick(4) == 0) {
        end(c, false);
    } else if (c->sent == c->size && c->behaviour != SILENT) {
        shutdown(c->fd, SHUT_WR);
        c->finished = true;
    }
}

static void do_receive(struct client *c)
{
    char got[16384], want[16384];
    ssize_t n = recv(c->fd, got, 1 + pick(sizeof got), 0);
    if (n > 0) {
        client_payload(c->seed, c->got, want, (size_t)n);
        ck_assert_msg(memcmp(got, want, (size_t)n) == 0, "a wrong byte");
        c->got += (size_t)n;
        bytes_back += (uint64_t)n;
        ck_assert_msg(c->got <= c->sent, "a byte too many");
        ck_assert_msg(c->behaviour != STRANGER, "a stranger is served");
    } else if (n == 0 || errno != EAGAIN) {
        end(c, n == 0 && c->finished && c->got == c->size);
    }
}

static bool wants_to_read(const struct client *c)
{
    return c->behaviour != DEAF
           && (c->behaviour != LATE || c->finished || c->sent > 300000);
}

static void turn(const char *address)
{
    struct pollfd fds[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
        struct client *c = &clients[i];
        if (c->fd == -1 && pick(4) == 0) {
            begin(c, address);
        }
        fds[i].fd = c->fd;
        fds[i].events = (short)((wants_to_read(c) ? POLLIN : POLLRDHUP)
                                | (c->sent < c->size ? POLLOUT : 0));
    }
    poll(fds, SLOTS, 20);
    for (int i = 0; i < SLOTS; i++) {
        struct client *c = &clients[i];
        if (c->fd == -1) {
            continue;
        }
        if ((fds[i].revents & POLLOUT) != 0) {
            do_send(c);
        }
        if (c->fd == -1) {
            continue;
        }
        if (c->behaviour == DEAF && (fds[i].revents & ~POLLOUT) != 0) {
            end(c, false);
        } else if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            do_receive(c);
        } else if (harness_now() > c->until) {
            ck_assert_msg(c->behaviour == LATE || c->behaviour == DEAF,
                          "a client (%d) hangs: %zu of %zu", c->behaviour,
                          c->got, c->sent);
            end(c, false);
        }
    }
}

static void configure(struct harness *h, const char *port, unsigned round)
{
    static const char *const pollers[] = { "poll", "select", "epoll", "auto" };
    harness_write(h, "echod.ini",
                  "[server]\nlisten = 127.0.0.1:%s\npoller = %s\n"
                  "buffer_size = %uK\nsocket_buffer = %uK\n"
                  "[limits]\nmax_clients = %u\nidle_timeout = 1s\n"
                  "stall_timeout = 1s\nmax_lifetime = 9s\n"
                  "linger_timeout = 300ms\nmax_clients_per_source = %u\n"
                  "connect_rate = %u\n"
                  "[access]\ndeny = 127.0.66.0/24\n"
                  "[log]\nconnections = errors\nrate = 20\n"
                  "[stats]\nfile = %s/prom\ninterval = 500ms\n",
                  port, pollers[round % 4], 1 + pick(64), 16 + pick(200),
                  60 + pick(60), 5 + pick(20), 20 + pick(200), h->dir);
}

START_TEST(a_long_time_with_every_kind_of_client_leaves_nothing_behind)
{
    const char *text = getenv("SOAK_TIME");
    int64_t seconds = text != NULL ? atoll(text) : 60;
    struct harness *h = harness_new();
    const char *given = getenv("SOAK_SEED");
    unsigned seed = given != NULL ? (unsigned)atoi(given) : (unsigned)getpid();
    printf("SOAK_SEED=%u\n", seed);
    fflush(stdout);
    srandom(seed);
    configure(h, "0", 0);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_await(h);
    const char *port = strrchr(h->address, ':') + 1;
    /* One pipe stays for who sends much next; see bulk.h. */
    size_t descriptors = harness_descriptors(h) + 2;
    int64_t begin_ms = harness_now(), next = 0;
    /* From when on memory has to be flat: a minute, where there is one. */
    int64_t settled = seconds < 240 ? seconds * 250 : 60000;
    settled = settled < 20000 ? 20000 : settled;
    long early = 0;
    unsigned round = 0;
    for (int i = 0; i < SLOTS; i++) {
        clients[i].fd = -1;
    }
    while (harness_now() - begin_ms < seconds * 1000) {
        turn(h->address);
        if (harness_now() < next) {
            continue;
        }
        next = harness_now() + 2000;
        configure(h, port, ++round);
        harness_signal(h, SIGHUP);
        harness_signal(h, SIGUSR1);
        if (early == 0 && harness_now() - begin_ms > settled) {
            early = harness_resident(h);
        }
    }
    for (int i = 0; i < SLOTS; i++) {
        if (clients[i].fd != -1) {
            end(&clients[i], false);
        }
    }
    configure(h, port, 0); /* the poller of the start, and its descriptors */
    harness_signal(h, SIGHUP);
    int64_t deadline = harness_now() + harness_ms(HARNESS_SOON);
    while (harness_descriptors(h) > descriptors) {
        ck_assert_msg(harness_now() < deadline, "%zu descriptors, not %zu",
                      harness_descriptors(h), descriptors);
        poll(NULL, 0, 20);
    }
    long late = harness_resident(h);
    printf("figure: %lld s, %llu connections, %llu whole, %llu MiB back, "
           "%u reloads, resident %ld KiB early, %ld KiB at the end\n",
           (long long)seconds, (unsigned long long)connections,
           (unsigned long long)whole,
           (unsigned long long)(bytes_back >> 20), round, early, late);
    fflush(stdout);
    ck_assert_uint_gt(whole, 0);
    ck_assert_uint_gt(cut, 0);
    ck_assert_uint_eq(harness_count(h, "not reloaded"), 0);
    ck_assert_msg(early == 0 || !harness_is_plain(h) || late - early < 64,
                  "grown by %ld KiB", late - early);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const char *text = getenv("SOAK_TIME");
    Suite *suite = suite_create("soak");
    TCase *tcase = tcase_create("soak");
    tcase_set_timeout(tcase, 120 + 2 * (text != NULL ? atof(text) : 60));
    tcase_add_test(
        tcase, a_long_time_with_every_kind_of_client_leaves_nothing_behind);
    suite_add_tcase(suite, tcase);
    return harness_main(suite);
}
