#include <config.h>

#include "poller.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Asked of the kernel at once; more wait at its end, longest first. */
#define EVENTS 1024

struct poller {
    int fd;
    struct epoll_event events[EVENTS];
    unsigned char *wanted; /* by descriptor: an error is told as all of it */
    int room;
};

static struct poller *epoll_open(void)
{
    struct poller *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->fd == -1) {
        free(p);
        return NULL;
    }
    return p;
}

static void epoll_close(struct poller *p)
{
    if (p == NULL)
        return;
    close(p->fd);
    free(p->wanted);
    free(p);
}

static int grow(struct poller *p, int fd)
{
    int room = p->room == 0 ? 64 : p->room;
    unsigned char *wanted;

    if (fd < 0 || fd >= poller_epoll.limit) {
        errno = EBADF;
        return -1;
    }
    while (room <= fd)
        room *= 2;
    if (room == p->room)
        return 0;
    wanted = realloc(p->wanted, (size_t)room);
    if (wanted == NULL)
        return -1;
    p->wanted = wanted;
    p->room = room;
    return 0;
}

static int epoll_want(struct poller *p, int fd, unsigned had, unsigned want)
{
    struct epoll_event event = {
        .events = (want & POLLER_IN ? EPOLLIN : 0u) |
                  (want & POLLER_OUT ? EPOLLOUT : 0u),
        .data.fd = fd,
    };
    int call = had == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (had == want)
        return 0;
    if (want == 0) {
        epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, &event);
        return 0;
    }
    if (grow(p, fd) == -1 || epoll_ctl(p->fd, call, fd, &event) == -1)
        return -1;
    p->wanted[fd] = (unsigned char)want;
    return 0;
}

static unsigned ready_of(const struct poller *p, const struct epoll_event *e)
{
    if (e->events & (EPOLLERR | EPOLLHUP))
        return p->wanted[e->data.fd];
    return (e->events & EPOLLIN ? POLLER_IN : 0u) |
           (e->events & EPOLLOUT ? POLLER_OUT : 0u);
}

static int epoll_wait_for(struct poller *p, struct poller_event *events,
                          int max, int timeout_ms, const sigset_t *mask)
{
    int ready = epoll_pwait(p->fd, p->events, max < EVENTS ? max : EVENTS,
                            timeout_ms, mask);

    for (int i = 0; i < ready; i++)
        events[i] = (struct poller_event){
            .fd = p->events[i].data.fd, .ready = ready_of(p, &p->events[i])
        };
    return ready;
}

const struct poller_ops poller_epoll = {
    .name = "epoll",
    .limit = INT_MAX / 2,
    .open = epoll_open,
    .want = epoll_want,
    .wait = epoll_wait_for,
    .close = epoll_close,
};
