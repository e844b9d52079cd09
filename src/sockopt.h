/*
 * sockopt: what sockets do differently from system to system.
 *
 * One file a system: sockopt_linux.c, sockopt_posix.c.
 */
#ifndef ECHO_SOCKOPT_H
#define ECHO_SOCKOPT_H

#include <stdbool.h>

/* Seconds of silence before TCP's first keepalive probe; does nothing where
 * the system has one time for all.  0, or -1 with errno. */
int sockopt_keepalive_idle(int fd, int seconds);

/* Undoes SO_RCVBUF and SO_SNDBUF: the kernel sizes the buffers again.  0 also
 * where the system cannot, -1 with errno. */
int sockopt_free_buffers(int fd);

/* Whether an errno of accept(2) tells of one connection that is gone before
 * it was accepted, so that the next one may be fine. */
bool sockopt_is_lost_client(int error);

#endif
