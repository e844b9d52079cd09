/*
 * dial: from a host's name to a connection.
 *
 * Looking a name up blocks, as getaddrinfo(3) does; connecting does not have
 * to: dial_start() and dial_outcome() are for a loop, dial() waits.
 */
#ifndef ECHO_DIAL_H
#define ECHO_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

/* Addresses of a name that are tried at most. */
#define DIAL_ADDRS_MAX 16

/* Longest error text of this module, terminated: a line for each address. */
#define DIAL_ERROR_MAX 2048

/* The port where none is given. */
#define DIAL_PORT 25000

/* All addresses of one host, in the order to try them in. */
struct dial_target {
    struct addr addrs[DIAL_ADDRS_MAX];
    size_t count;
};

/*
 * Finds the addresses of host: a name, an address, "ADDR:PORT", "[V6]:PORT"
 * or "unix:/path".  port is a number from 1 to 65535 or a service's name;
 * NULL: DIAL_PORT.  family is AF_INET, AF_INET6 or AF_UNSPEC.  0, or -1 with
 * a sentence in error.
 */
int dial_resolve(struct dial_target *target, const char *host,
                 const char *port, int family, char error[DIAL_ERROR_MAX]);

/*
 * Begins to connect: a non-blocking, close-on-exec socket, without Nagle's
 * delay, that turns writable when the outcome is known.  -1 with errno where
 * it is known at once and bad.
 */
int dial_start(const struct addr *addr);

/* How it ended, once writable: 0, or the errno of connect(2). */
int dial_outcome(int fd);

/*
 * Connects to the first address that answers, each within timeout_ms, and
 * copies it to *peer; *connect_ns is how long that one took.  The socket as
 * from dial_start(), or -1 with "ADDRESS: reason" for each address in error,
 * separated by "; ".
 */
int dial(const struct dial_target *target, int64_t timeout_ms,
         struct addr *peer, int64_t *connect_ns, char error[DIAL_ERROR_MAX]);

#endif
