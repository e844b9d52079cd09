/*
 * demo_deaf: a client that wants to send 1 GiB and never reads, and 50 others.
 *
 *     demo_deaf ADDRESS PID SECONDS
 *
 * Prints by how much the echod of that PID grew, and what the others got.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

#define WANTED (1ULL << 30)

static struct harness echod;
static char address[HARNESS_LINE_MAX];
static int64_t duration;

static void others(uint64_t seed)
{
    struct client_crowd crowd = {
        .address = address,
        .clients = 50,
        .bytes = 200000,
        .chunk = 20000,
        .seed = seed << 32,
    };
    client_crowd(&crowd);
}

/* As much as goes now; how much that was. */
static uint64_t send_some(int fd)
{
    static const char bytes[65536];
    uint64_t sent = 0;
    ssize_t n;
    while ((n = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0) {
        sent += (uint64_t)n;
    }
    ck_assert_int_eq(errno, EAGAIN);
    return sent;
}

START_TEST(a_client_of_a_gibibyte_never_reads)
{
    uint64_t rounds = 0;
    uint64_t sent = 0;
    long most = 0;
    others(1);
    others(2);
    long before = harness_resident(&echod);
    int deaf = client_connect(address);
    int64_t until = harness_now() + duration;
    while (harness_now() < until && sent < WANTED) {
        sent += send_some(deaf);
        others(++rounds + 2);
        long grown = harness_resident(&echod) - before;
        most = grown > most ? grown : most;
    }
    printf("the kernels took %.1f MiB of the deaf client's 1024; echod grew by "
           "%ld KiB at most; meanwhile %llu echoes of about 200000 bytes for "
           "50 others, every byte right\n",
           (double)sent / 1048576, most, 50 * (unsigned long long)rounds);
    close(deaf);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = { a_client_of_a_gibibyte_never_reads, NULL };
    if (argc != 4) {
        fputs("usage: demo_deaf ADDRESS PID SECONDS\n", stderr);
        return 2;
    }
    snprintf(address, sizeof address, "%s", argv[1]);
    echod.pid = atoi(argv[2]);
    duration = atoi(argv[3]) * INT64_C(1000);
    return harness_main(harness_suite("demo_deaf", tests));
}
