#include <config.h>

#include "bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes that a pipe has to hold; those of a system that is well do. */
#define PIPE_LEAST 65536

struct bulk {
    int in, out; /* ends of the pipe: what went into in comes out of out */
    size_t held;
    struct bulk *next; /* of the spare ones */
};

static struct {
    struct bulk *first; /* empty ones, open */
    int open;           /* pipes there are, spare or not */
    int most;
} pipes;

static void close_pipe(struct bulk *bulk)
{
    pipes.open--;
    close(bulk->in);
    close(bulk->out);
    free(bulk);
}

void bulk_limit(int most)
{
    pipes.most = most < BULK_PIPES_MAX ? most : BULK_PIPES_MAX;
    while (pipes.open > pipes.most && pipes.first != NULL) {
        struct bulk *bulk = pipes.first;

        pipes.first = bulk->next;
        close_pipe(bulk);
    }
}

/* A user who has many pipes gets new ones of two pages, see pipe(7): a splice
 * through so few costs more than a copy. */
static bool is_roomy(const struct bulk *bulk)
{
    return fcntl(bulk->in, F_SETPIPE_SZ, BULK_PIPE_SIZE) != -1 ||
           fcntl(bulk->in, F_GETPIPE_SZ) >= PIPE_LEAST;
}

static struct bulk *open_pipe(void)
{
    struct bulk *bulk = calloc(1, sizeof *bulk);
    int ends[2];

    if (bulk == NULL)
        return NULL;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1) {
        free(bulk);
        return NULL;
    }
    bulk->out = ends[0];
    bulk->in = ends[1];
    pipes.open++;
    if (is_roomy(bulk))
        return bulk;
    close_pipe(bulk);
    return NULL;
}

struct bulk *bulk_take(void)
{
    struct bulk *bulk = pipes.first;

    if (bulk == NULL)
        return pipes.open < pipes.most ? open_pipe() : NULL;
    pipes.first = bulk->next;
    return bulk;
}

/* One is kept for the next client: those beyond were for clients that did not
 * keep up. */
void bulk_give(struct bulk *bulk)
{
    if (bulk == NULL)
        return;
    if (bulk->held > 0 || pipes.first != NULL || pipes.open > pipes.most) {
        close_pipe(bulk);
        return;
    }
    bulk->next = NULL;
    pipes.first = bulk;
}

/* Not the connection's error but splice(2)'s own: of this kind of socket, of a
 * filter on system calls, or no memory for it. */
static bool is_refusal(int error)
{
    return error == EINVAL || error == ENOSYS || error == EPERM ||
           error == EACCES || error == ENOMEM || error == EOPNOTSUPP;
}

static bool is_passing(int error)
{
    return error == EAGAIN || error == EINTR || error == ENOBUFS;
}

ssize_t bulk_in(struct bulk *bulk, int fd)
{
    ssize_t n = splice(fd, NULL, bulk->in, NULL, BULK_PIPE_SIZE,
                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n > 0)
        bulk->held = (size_t)n;
    if (n == -1 && (is_passing(errno) || is_refusal(errno)))
        return 0;
    return n;
}

/* Exactly what is held, never more: told that more comes, TCP would hold the
 * tail back for a while. */
ssize_t bulk_out(struct bulk *bulk, int fd)
{
    ssize_t n = splice(bulk->out, NULL, fd, NULL, bulk->held,
                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n > 0)
        bulk->held -= (size_t)n;
    if (n == -1 && is_passing(errno))
        return 0;
    if (n == -1 && is_refusal(errno))
        errno = EOPNOTSUPP;
    return n;
}

size_t bulk_held(const struct bulk *bulk)
{
    return bulk->held;
}

int bulk_read(struct bulk *bulk, char *bytes)
{
    while (bulk->held > 0) {
        ssize_t n = read(bulk->out, bytes, bulk->held);

        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        bytes += n;
        bulk->held -= (size_t)n;
    }
    return 0;
}
