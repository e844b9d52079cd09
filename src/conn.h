/*
 * conn: one client's bytes, and what they wait for.
 *
 * Reading and writing alternate: bytes that the client does not take at once
 * are kept, and while there are any, nothing more is read.  So there is no
 * ring, at most one buffer is kept, a client that sends without reading stops
 * only itself, and an end of file is read only when everything before it was
 * echoed: half-close needs no code of its own.
 *
 * Bytes are copied, through a buffer that all share; those of a client that
 * sends much are spliced instead (bulk.h), through a pipe that all share.
 * What is kept is in the one or in the other, and all else is the same.
 *
 * Embedded in its owner's struct; all zero but fd is a new connection.
 */
#ifndef ECHO_CONN_H
#define ECHO_CONN_H

#include <stddef.h>
#include <stdint.h>

struct bulk;

struct conn {
    int fd;             /* the owner's to close */
    uint32_t kept_from; /* bytes of kept that were sent since */
    uint32_t kept_len;  /* bytes in kept; kept_from < kept_len, or both 0 */
    uint8_t bulky;      /* rises with large reads, falls with small ones */
    char *kept;         /* not yet echoed; NULL when there is nothing */
    struct bulk *bulk;  /* likewise, in a pipe; never both */
    uint64_t in;        /* bytes received */
    uint64_t out;       /* bytes the kernel took back */
};

enum conn_status {
    CONN_OPEN, /* go on, with conn_want() */
    CONN_EOF,  /* the client has ended its side, and all was echoed */
    CONN_FAIL, /* errno says why: ECONNRESET, EPIPE, ENOMEM, ... */
};

/*
 * Receives once, at most size bytes, into scratch, and sends them back at
 * once; what the kernel does not take is kept.  Only when nothing is kept.
 * scratch may be shared: nothing stays in it.  size: 1 to UINT32_MAX.
 * One recv(2) and one send(2) a call, or two splice(2), is the greed of a
 * client.
 */
enum conn_status conn_fill(struct conn *conn, char *scratch, size_t size);

/* Sends what is kept, as far as it goes.  Only when something is kept. */
enum conn_status conn_flush(struct conn *conn);

/*
 * Receives once and throws the bytes away, for a connection that echod ends
 * first: unread bytes would turn the close into a reset, and a reset eats
 * what the client has not read yet.  CONN_EOF at the client's end.
 */
enum conn_status conn_discard(struct conn *conn, char *scratch, size_t size);

/* The readiness the connection needs next: POLLER_OUT while something is
 * kept, else POLLER_IN.  The only place that knows. */
unsigned conn_want(const struct conn *conn);

/* Frees what is kept; the bytes are lost. */
void conn_drop(struct conn *conn);

#endif
