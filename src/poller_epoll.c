#include <config.h>

#include "poller.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Asked of the kernel at once.  Who is ready beyond that stays at the head of
 * the kernel's queue, so nobody is passed over. */
#define MOST_EVENTS 1024

/* Holds no table: the kernel keeps for each descriptor, in its event's data,
 * what it is watched for and its number, and hands both back. */
struct poller {
    int fd;
};

static struct poller *epoll_open(void)
{
    struct poller *p = malloc(sizeof *p);

    if (p == NULL)
        return NULL;
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->fd != -1)
        return p;
    free(p);
    return NULL;
}

static void epoll_close(struct poller *p)
{
    if (p == NULL)
        return;
    close(p->fd);
    free(p);
}

/* Not watched at all is out of the set: a hang-up is told even to those who
 * want nothing, again and again. */
static int epoll_want(struct poller *p, int fd, unsigned had, unsigned want)
{
    struct epoll_event event = {
        .events = (want & POLLER_IN ? EPOLLIN : 0u) |
                  (want & POLLER_OUT ? EPOLLOUT : 0u),
        .data.u64 = (uint64_t)want << 32 | (unsigned)fd,
    };

    if (fd < 0 || fd >= poller_epoll.limit) {
        errno = EBADF;
        return -1;
    }
    if (had == want)
        return 0;
    if (want != 0)
        return epoll_ctl(p->fd, had == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd,
                         &event);
    epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, &event);
    return 0;
}

/* Errors and hang-ups are told as all that was asked for: the read or write
 * that follows says what it is. */
static struct poller_event told(const struct epoll_event *e)
{
    unsigned asked = (unsigned)(e->data.u64 >> 32);
    unsigned ready = ((e->events & EPOLLIN) != 0 ? POLLER_IN : 0u) |
                     ((e->events & EPOLLOUT) != 0 ? POLLER_OUT : 0u);

    return (struct poller_event){
        .fd = (int)(e->data.u64 & INT_MAX),
        .ready = (e->events & (EPOLLERR | EPOLLHUP)) != 0 ? asked : ready,
    };
}

static int wait_for_events(struct poller *p, struct poller_event *events,
                           int max, int timeout_ms, const sigset_t *mask)
{
    struct epoll_event found[MOST_EVENTS];
    int count = epoll_pwait(p->fd, found, max < MOST_EVENTS ? max : MOST_EVENTS,
                            timeout_ms, mask);

    for (int i = 0; i < count; i++)
        events[i] = told(&found[i]);
    return count;
}

const struct poller_ops poller_epoll = {
    .name = "epoll",
    .limit = INT_MAX / 2,
    .open = epoll_open,
    .want = epoll_want,
    .wait = wait_for_events,
    .close = epoll_close,
};
