/*
 * Echo over a bad link: two network namespaces with a relay of this test's own
 * between them that loses, doubles, reorders and delays packets.  Every byte
 * must come back all the same.
 *
 * For 'make hostile-check', as root; HOSTILE_MIB is how much goes each way.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

struct link {
    const char *name;
    int mtu;
    unsigned lost, doubled, late; /* of a thousand */
    int delay_ms, late_ms;        /* of each packet; of those that are late */
};

static const struct link links[] = {
    { "1 % loss", 1500, 10, 0, 0, 1, 0 },
    { "10 % loss, 10 % late, MTU 576", 576, 100, 0, 100, 1, 20 },
    { "5 % doubled, 30 % late", 1500, 0, 50, 300, 1, 10 },
    { "all of it", 576, 30, 30, 100, 5, 15 },
};

enum { PACKETS = 8192, PACKET_MAX = 2048 };

struct packet {
    int64_t due;
    int to; /* 0: a free place */
    ssize_t len;
    char bytes[PACKET_MAX];
};

static struct packet waiting[PACKETS];

static void hold(const struct link *link, const char *bytes, ssize_t len,
                 int to)
{
    static int next;
    int64_t due = harness_now() + link->delay_ms;
    if ((unsigned)random() % 1000 < link->late) {
        due += 1 + random() % link->late_ms;
    }
    for (int tries = 0; tries < PACKETS; tries++) {
        struct packet *p = &waiting[next++ % PACKETS];
        if (p->to == 0) {
            p->due = due;
            p->to = to;
            p->len = len;
            memcpy(p->bytes, bytes, (size_t)len);
            return;
        }
    } /* no place: one packet more is lost */
}

static void take(const struct link *link, int from, int to)
{
    char bytes[PACKET_MAX];
    ssize_t len;
    while ((len = read(from, bytes, sizeof bytes)) > 0) {
        if ((unsigned)random() % 1000 >= link->lost) {
            hold(link, bytes, len, to);
        }
        if ((unsigned)random() % 1000 < link->doubled) {
            hold(link, bytes, len, to);
        }
    }
}

static void deliver(void)
{
    int64_t now = harness_now();
    for (int i = 0; i < PACKETS; i++) {
        struct packet *p = &waiting[i];
        if (p->to != 0 && p->due <= now) {
            if (write(p->to, p->bytes, (size_t)p->len) == -1
                && errno == EAGAIN) {
                continue;
            }
            p->to = 0;
        }
    }
}

static _Noreturn void relay(const struct link *link, int a, int b)
{
    for (;;) {
        struct pollfd fds[] = { { .fd = a, .events = POLLIN },
                                { .fd = b, .events = POLLIN } };
        poll(fds, 2, 1);
        take(link, a, b);
        take(link, b, a);
        deliver();
    }
}

/* A namespace of its own for this process, with one end of the link in it. */
static int enter(const char *address, int mtu)
{
    char command[200];
    struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ck_assert_msg(fd != -1, "/dev/net/tun: %s", strerror(errno));
    strcpy(request.ifr_name, "echo0");
    ck_assert_int_eq(ioctl(fd, TUNSETIFF, &request), 0);
    snprintf(command, sizeof command,
             "ip link set lo up && ip addr add %s/24 dev echo0 && "
             "ip link set echo0 mtu %d up", address, mtu);
    ck_assert_int_eq(system(command), 0);
    return fd;
}

START_TEST(a_bad_link_changes_no_byte)
{
    const struct link *link = &links[_i];
    const char *text = getenv("HOSTILE_MIB");
    size_t mib = text != NULL ? (size_t)atoi(text) : 10;
    struct harness *h = harness_new();
    int here = enter("10.9.0.1", link->mtu);
    harness_write(h, "echod.ini", "[server]\nlisten = 10.9.0.1\n");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_await(h);
    int there = enter("10.9.0.2", link->mtu);
    pid_t pid = fork();
    if (pid == 0) {
        relay(link, here, there);
    }
    struct client_crowd crowd = {
        .address = h->address, .clients = 20,
        .bytes = mib * 1024 * 1024 / 20, .chunk = 50000, .seed = 5,
    };
    int64_t from = harness_now();
    client_crowd(&crowd);
    printf("figure: %s: %zu MiB each way through 20 clients in %lld s\n",
           link->name, mib, (long long)(harness_now() - from) / 1000);
    fflush(stdout);
    harness_expect_count(h, 20, "disconnect .*reason=eof");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    harness_stop(h);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile_link");
    TCase *tcase = tcase_create("link");
    if (geteuid() != 0) {
        fprintf(stderr, "hostile_link needs root for its namespaces\n");
        return EXIT_FAILURE;
    }
    setenv("ECHOD_DEADLINE_FACTOR", "15", 0);
    tcase_set_timeout(tcase, 1200);
    tcase_add_loop_test(tcase, a_bad_link_changes_no_byte, 0,
                        sizeof links / sizeof *links);
    suite_add_tcase(suite, tcase);
    return harness_main(suite);
}
