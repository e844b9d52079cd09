#include <config.h>

#include "conn.h"
#include "poller.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Not now, but perhaps later: the poller will say when. */
static bool is_passing(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR ||
           error == ENOBUFS;
}

/* Sends what the kernel takes now: 0 to len bytes, or -1 with errno. */
static ssize_t send_some(struct conn *conn, const char *bytes, size_t len)
{
    ssize_t n = send(conn->fd, bytes, len, MSG_NOSIGNAL);

    if (n == -1)
        return is_passing(errno) ? 0 : -1;
    conn->out += (uint64_t)n;
    return n;
}

/* Receives into scratch.  0 is the end of file, -1 with errno EAGAIN is
 * "nothing now". */
static ssize_t receive_some(struct conn *conn, char *scratch, size_t size)
{
    ssize_t n = recv(conn->fd, scratch, size, 0);

    if (n == -1 && is_passing(errno))
        errno = EAGAIN;
    if (n > 0)
        conn->in += (uint64_t)n;
    return n;
}

static enum conn_status keep(struct conn *conn, const char *bytes, size_t len)
{
    conn->kept = malloc(len);
    if (conn->kept == NULL)
        return CONN_FAIL;
    memcpy(conn->kept, bytes, len);
    conn->kept_from = 0;
    conn->kept_len = (uint32_t)len;
    return CONN_OPEN;
}

static enum conn_status nothing_came(ssize_t n)
{
    if (n == 0)
        return CONN_EOF;
    return errno == EAGAIN ? CONN_OPEN : CONN_FAIL;
}

enum conn_status conn_fill(struct conn *conn, char *scratch, size_t size)
{
    ssize_t got = receive_some(conn, scratch, size);
    ssize_t sent;

    if (got <= 0)
        return nothing_came(got);
    sent = send_some(conn, scratch, (size_t)got);
    if (sent == -1)
        return CONN_FAIL;
    if (sent == got)
        return CONN_OPEN;
    return keep(conn, scratch + sent, (size_t)(got - sent));
}

enum conn_status conn_flush(struct conn *conn)
{
    ssize_t sent = send_some(conn, conn->kept + conn->kept_from,
                             conn->kept_len - conn->kept_from);

    if (sent == -1)
        return CONN_FAIL;
    conn->kept_from += (uint32_t)sent;
    if (conn->kept_from == conn->kept_len)
        conn_drop(conn);
    return CONN_OPEN;
}

enum conn_status conn_discard(struct conn *conn, char *scratch, size_t size)
{
    ssize_t got = receive_some(conn, scratch, size);

    return got > 0 ? CONN_OPEN : nothing_came(got);
}

unsigned conn_want(const struct conn *conn)
{
    return conn->kept != NULL ? POLLER_OUT : POLLER_IN;
}

void conn_drop(struct conn *conn)
{
    free(conn->kept);
    conn->kept = NULL;
    conn->kept_from = conn->kept_len = 0;
}
