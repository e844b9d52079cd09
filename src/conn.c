#include <config.h>

#include "conn.h"
#include "bulk.h"
#include "poller.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A read of so many bytes is a large one: from there on two splices through a
 * pipe cost less than a copy in and a copy out. */
#define LARGE_READ 32768

/* So many more large ones than small ones: the client is bulky. */
#define BULKY 4
#define BULKY_MOST 8

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

static void note_size(struct conn *conn, ssize_t got)
{
    if (got >= LARGE_READ && conn->bulky < BULKY_MOST)
        conn->bulky++;
    else if (got < LARGE_READ && conn->bulky > 0)
        conn->bulky--;
}

static enum conn_status fill_by_copy(struct conn *conn, char *scratch,
                                     size_t size)
{
    ssize_t got = receive_some(conn, scratch, size);
    ssize_t sent;

    if (got <= 0)
        return nothing_came(got);
    note_size(conn, got);
    sent = send_some(conn, scratch, (size_t)got);
    if (sent == -1)
        return CONN_FAIL;
    if (sent == got)
        return CONN_OPEN;
    return keep(conn, scratch + sent, (size_t)(got - sent));
}

/* The bytes are in the pipe, and splice(2) does not get them out. */
static enum conn_status keep_from_pipe(struct conn *conn)
{
    size_t held = bulk_held(conn->bulk);

    conn->bulky = 0;
    conn->kept = malloc(held);
    if (conn->kept == NULL || bulk_read(conn->bulk, conn->kept) == -1)
        return CONN_FAIL;
    conn->kept_len = (uint32_t)held;
    bulk_give(conn->bulk);
    conn->bulk = NULL;
    return CONN_OPEN;
}

static enum conn_status flush_pipe(struct conn *conn)
{
    ssize_t sent = bulk_out(conn->bulk, conn->fd);

    if (sent == -1)
        return errno == EOPNOTSUPP ? keep_from_pipe(conn) : CONN_FAIL;
    conn->out += (uint64_t)sent;
    if (bulk_held(conn->bulk) > 0)
        return CONN_OPEN;
    bulk_give(conn->bulk);
    conn->bulk = NULL;
    return CONN_OPEN;
}

enum conn_status conn_fill(struct conn *conn, char *scratch, size_t size)
{
    struct bulk *bulk;
    ssize_t got;

    if (conn->bulky < BULKY)
        return fill_by_copy(conn, scratch, size);
    bulk = bulk_take();
    got = bulk != NULL ? bulk_in(bulk, conn->fd) : 0;
    if (got > 0) {
        conn->in += (uint64_t)got;
        note_size(conn, got);
        conn->bulk = bulk;
        return flush_pipe(conn);
    }
    bulk_give(bulk);
    conn->bulky = 0; /* ask again after so many large reads */
    return got == 0 ? fill_by_copy(conn, scratch, size) : CONN_FAIL;
}

static enum conn_status flush_kept(struct conn *conn)
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

enum conn_status conn_flush(struct conn *conn)
{
    return conn->bulk != NULL ? flush_pipe(conn) : flush_kept(conn);
}

enum conn_status conn_discard(struct conn *conn, char *scratch, size_t size)
{
    ssize_t got = receive_some(conn, scratch, size);

    return got > 0 ? CONN_OPEN : nothing_came(got);
}

unsigned conn_want(const struct conn *conn)
{
    return conn->kept != NULL || conn->bulk != NULL ? POLLER_OUT : POLLER_IN;
}

void conn_drop(struct conn *conn)
{
    bulk_give(conn->bulk);
    conn->bulk = NULL;
    free(conn->kept);
    conn->kept = NULL;
    conn->kept_from = conn->kept_len = 0;
}
