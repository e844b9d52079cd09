/*
 * listen_socket: one socket to listen with, from socket(2) to bind(2).
 */
#ifndef ECHO_LISTEN_SOCKET_H
#define ECHO_LISTEN_SOCKET_H

#include <stdbool.h>

#include "addr.h"

/* What a socket gets; what it accepts inherits it. */
struct listen_options {
    int backlog;
    int socket_buffer; /* SO_RCVBUF, SO_SNDBUF in bytes; 0: the kernel's */
    int keepalive_s;   /* idle seconds before the first probe; 0: off */
    bool nodelay;
    bool reuse_port;
};

/*
 * A bound, non-blocking socket that does not listen yet.  A unix path that
 * nobody listens at any more is replaced.  -1 with the errno of socket(2),
 * setsockopt(2), bind(2), unlink(2) or chmod(2).
 */
int listen_socket_open(const struct addr *addr,
                       const struct listen_options *options);

/*
 * Makes ready a socket that another process opened: systemd hands its own
 * over as blocking ones.  0, or -1 with errno: EINVAL where it is not a
 * listening stream socket, or as getsockopt(2) and fcntl(2) say.
 */
int listen_socket_adopt(int fd);

/* Sets all but the backlog on a socket of that family; 0, or -1 with errno. */
int listen_socket_set(int fd, sa_family_t family,
                      const struct listen_options *options);

/* The most that listen(2) allows (net.core.somaxconn); 0: not known. */
int listen_socket_max_backlog(void);

#endif
