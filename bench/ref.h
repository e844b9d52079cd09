/*
 * ref: what the reference servers share, so that they differ in their loop
 * alone.  Each is the echo server that its library's own examples show, takes
 * the port as its argument and listens on 127.0.0.1.
 */
#ifndef ECHO_BENCH_REF_H
#define ECHO_BENCH_REF_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define REF_BUFFER 65536
#define REF_BACKLOG 4096

static inline _Noreturn void ref_die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static inline struct sockaddr_in ref_address(char **argv)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    if (argv[1] == NULL) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        exit(EXIT_FAILURE);
    }
    addr.sin_port = htons((in_port_t)atoi(argv[1]));
    return addr;
}

/* As many descriptors as there may be, no death by a client that left. */
static inline void ref_begin(void)
{
    struct rlimit limit;

    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* echod's default socket_buffer, which accepted sockets inherit. */
static inline void ref_options(int fd)
{
    int size = 256 * 1024, on = 1;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A listening socket; type is of SOCK_NONBLOCK or 0. */
static inline int ref_listen(char **argv, int type)
{
    struct sockaddr_in addr = ref_address(argv);
    int fd = socket(AF_INET, SOCK_STREAM | type, 0), on = 1;

    ref_begin();
    if (fd == -1)
        ref_die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ref_options(fd);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) == -1)
        ref_die("bind");
    if (listen(fd, REF_BACKLOG) == -1)
        ref_die("listen");
    return fd;
}

#endif
