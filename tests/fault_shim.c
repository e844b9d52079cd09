/*
 * Loaded before the C library (LD_PRELOAD): makes its calls fail or come out
 * short, as the system may do at any time.
 *
 * SHIM_MALLOC=N    the N-th allocation fails, counted from the first one
 * SHIM_SHORT=SEED  recv and send move fewer bytes than they could, or say
 *                  EINTR or EAGAIN, and accept4 and the pollers EINTR, at random
 * SHIM_REPORT=FILE gets what was done, one "name count" a line, at the end
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static long long allocations, fail_at = -1;
static uint64_t seed;
static unsigned long long shorts, errors, failed;

/* ---- memory ---- */

static int fails(void)
{
    if (fail_at < 0 || ++allocations != fail_at)
        return 0;
    failed++;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}

/* ---- short counts and interruptions ---- */

static uint64_t random_below(uint64_t end)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % end;
}

/* 0, or an error that is to be told instead. */
static int error_of(const int *list, uint64_t count)
{
    if (seed == 0 || random_below(7) != 0)
        return 0;
    errors++;
    return list[random_below(count)];
}

static size_t shorten(size_t len)
{
    size_t less;

    if (seed == 0 || len < 2 || random_below(4) == 0)
        return len;
    less = 1 + random_below(random_below(2) == 0 ? 16 : 700);
    if (less >= len)
        return len;
    shorts++;
    return less;
}

static const int transfer_errors[] = { EINTR, EAGAIN };

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    int error = error_of(transfer_errors, 2);

    if (error == 0)
        return recvfrom(fd, bytes, shorten(len), flags, NULL, NULL);
    errno = error;
    return -1;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    int type = 0, error;
    socklen_t size = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == -1 ||
        type != SOCK_STREAM)
        return sendto(fd, bytes, len, flags, NULL, 0);
    error = error_of(transfer_errors, 2);
    if (error == 0)
        return sendto(fd, bytes, shorten(len), flags, NULL, 0);
    errno = error;
    return -1;
}

#define INTERRUPTED(name, type, parameters, arguments)                         \
    int name parameters                                                       \
    {                                                                          \
        static int(*real) parameters;                                          \
        static const int error[] = { EINTR };                                  \
                                                                               \
        if (real == NULL)                                                      \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                         \
        errno = error_of(error, 1);                                            \
        return errno != 0 ? -1 : real arguments;                               \
    }

INTERRUPTED(accept4, int,
            (int fd, struct sockaddr *from, socklen_t *len, int flags),
            (fd, from, len, flags))
INTERRUPTED(ppoll, int,
            (struct pollfd *fds, nfds_t count, const struct timespec *time,
             const sigset_t *mask),
            (fds, count, time, mask))
INTERRUPTED(pselect, int,
            (int top, fd_set *in, fd_set *out, fd_set *except,
             const struct timespec *time, const sigset_t *mask),
            (top, in, out, except, time, mask))
INTERRUPTED(epoll_pwait, int,
            (int fd, struct epoll_event *events, int max, int ms,
             const sigset_t *mask),
            (fd, events, max, ms, mask))

/* ---- beginning and end ---- */

static __attribute__((constructor)) void begin(void)
{
    const char *text = getenv("SHIM_MALLOC");

    if (text != NULL)
        fail_at = atoll(text);
    text = getenv("SHIM_SHORT");
    if (text != NULL)
        seed = (uint64_t)atoll(text) * 2654435761u + 1;
}

static __attribute__((destructor)) void end(void)
{
    const char *path = getenv("SHIM_REPORT");
    int fd = path == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT,
                                      0666);

    if (fd == -1)
        return;
    dprintf(fd, "shorts %llu\nerrors %llu\nfailed %llu\n", shorts, errors,
            failed);
    close(fd);
}
