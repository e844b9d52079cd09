/*
 * load_paced PORT RATE SECONDS: latency at a rate, measured independently of
 * echoc bench.  One connection, one process that sends 64 bytes at each due
 * time and another that stamps the echoes as it blocks in recv(2); every
 * latency is kept and sorted, and counts from the due time.  Prints p50, p99
 * and the maximum in milliseconds.
 */
#include <config.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE 64

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void need(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(EXIT_FAILURE);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int connect_to(const char *port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(port)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;

    need(fd != -1, "socket");
    need(connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0, "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Spins: sleeping would add the timer's own lateness to the figures. */
static void send_on_time(int fd, double start, double rate, long count)
{
    static const char bytes[SIZE];

    for (long i = 0; i < count; i++) {
        while (now() < start + (double)i / rate) {
        }
        need(send(fd, bytes, SIZE, MSG_NOSIGNAL) == SIZE, "send");
    }
}

static void stamp(int fd, double start, double rate, long count,
                  double *latency)
{
    char bytes[65536];
    long done = 0;
    size_t got = 0;

    while (done < count) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        double at = now();

        need(n > 0, "recv");
        for (got += (size_t)n; got >= SIZE; got -= SIZE, done++)
            latency[done] = at - (start + (double)done / rate);
    }
}

int main(int argc, char **argv)
{
    double rate, start, *latency;
    long count;
    pid_t sender;
    int fd;

    if (argc != 4)
        return EXIT_FAILURE;
    rate = atof(argv[2]);
    count = (long)(rate * atof(argv[3]));
    latency = calloc((size_t)count, sizeof *latency);
    need(latency != NULL, "memory");
    fd = connect_to(argv[1]);
    start = now() + 0.1;
    sender = fork();
    if (sender == 0) {
        send_on_time(fd, start, rate, count);
        _exit(0);
    }
    stamp(fd, start, rate, count, latency);
    waitpid(sender, NULL, 0);
    qsort(latency, (size_t)count, sizeof *latency, by_value);
    printf("%.4f %.4f %.4f\n", latency[count / 2] * 1e3,
           latency[count * 99 / 100] * 1e3, latency[count - 1] * 1e3);
    return EXIT_SUCCESS;
}
