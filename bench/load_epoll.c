/*
 * load_epoll PORT CONNECTIONS SIZE SECONDS: a plain load generator, to see
 * whether echoc bench is as fast.  A closed loop over epoll, one recv and one
 * send an echo, nothing verified, nothing timed but the whole.  Prints
 * echoes a second.
 */
#include <config.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 1024

struct client {
    int fd;
    size_t left;
};

static size_t size;
static char *bytes;

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

static void begin(struct client *c)
{
    need(send(c->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size, "send");
    c->left = size;
}

static unsigned long take(struct client *c)
{
    static char in[65536];
    ssize_t n = recv(c->fd, in, sizeof in, 0);

    need(n > 0, "recv");
    c->left -= (size_t)n;
    if (c->left > 0)
        return 0;
    begin(c);
    return 1;
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS];
    struct client *clients;
    unsigned long echoes = 0;
    int count, epoll = epoll_create1(0);
    double start, end;

    if (argc != 5)
        return EXIT_FAILURE;
    count = atoi(argv[2]);
    size = (size_t)atoi(argv[3]);
    bytes = calloc(1, size);
    clients = calloc((size_t)count, sizeof *clients);
    need(bytes != NULL && clients != NULL && epoll != -1, "start");
    for (int i = 0; i < count; i++) {
        struct epoll_event e = { .events = EPOLLIN,
                                 .data.ptr = &clients[i] };

        clients[i].fd = connect_to(argv[1]);
        need(epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &e) == 0, "add");
    }
    for (int i = 0; i < count; i++)
        begin(&clients[i]);
    start = now();
    end = start + atof(argv[4]);
    while (now() < end) {
        int ready = epoll_wait(epoll, events, EVENTS, 100);

        for (int i = 0; i < ready; i++)
            echoes += take(events[i].data.ptr);
    }
    printf("%.1f\n", (double)echoes / (now() - start));
    return EXIT_SUCCESS;
}
