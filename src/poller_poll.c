#include <config.h>

#include "poller.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* No table is ever smaller. */
#define LEAST_ROOM 64

/*
 * watched[0 .. count) is dense, so that the kernel looks at nothing that is
 * not watched; place[fd] says where fd is in it, plus one: 0 is "not at all".
 */
struct poller {
    struct pollfd *watched;
    int count;
    int room;
    int *place;
    int places;
    int top; /* the highest descriptor that has a place, plus one */
    int next; /* where the scan goes on: who was left out comes first */
};

static struct poller *poll_open(void)
{
    return calloc(1, sizeof(struct poller));
}

static void poll_close(struct poller *p)
{
    if (p == NULL)
        return;
    free(p->watched);
    free(p->place);
    free(p);
}

/*
 * Anew, never in place: a table that had been large would lie above what those
 * who left have given back, and keep all of it from the system.  used bytes
 * are kept; NULL where there is no memory.
 */
static void *resized(void *table, size_t used, size_t size)
{
    char *fresh = malloc(size);

    if (fresh == NULL)
        return NULL;
    if (used > 0)
        memcpy(fresh, table, used);
    memset(fresh + used, 0, size - used);
    free(table);
    return fresh;
}

static int resize_places(struct poller *p, int places)
{
    int used = places < p->places ? places : p->places;
    int *place = resized(p->place, (size_t)used * sizeof *place,
                         (size_t)places * sizeof *place);

    if (place == NULL)
        return -1;
    p->place = place;
    p->places = places;
    return 0;
}

static int make_place(struct poller *p, int fd)
{
    int places = p->places == 0 ? LEAST_ROOM : p->places;

    while (places <= fd)
        places *= 2;
    return places == p->places ? 0 : resize_places(p, places);
}

static int resize_watched(struct poller *p, int room)
{
    struct pollfd *watched =
        resized(p->watched, (size_t)p->count * sizeof *watched,
                (size_t)room * sizeof *watched);

    if (watched == NULL)
        return -1;
    p->watched = watched;
    p->room = room;
    return 0;
}

static int add(struct poller *p, int fd, short events)
{
    if (make_place(p, fd) == -1)
        return -1;
    if (p->count == p->room &&
        resize_watched(p, p->room == 0 ? LEAST_ROOM : p->room * 2) == -1)
        return -1;
    p->watched[p->count] = (struct pollfd){ .fd = fd, .events = events };
    p->place[fd] = ++p->count;
    if (fd >= p->top)
        p->top = fd + 1;
    return 0;
}

/* Half of it once a quarter is in use, so that who comes and goes does not
 * change it each time.  A smaller one that cannot be had is no loss. */
static void shrink(struct poller *p)
{
    while (p->top > 0 && p->place[p->top - 1] == 0)
        p->top--;
    if (p->places > LEAST_ROOM && p->top <= p->places / 4)
        resize_places(p, p->places / 2);
    if (p->room > LEAST_ROOM && p->count < p->room / 4)
        resize_watched(p, p->room / 2);
}

/* The last one takes the place of the one that goes. */
static void take_out(struct poller *p, int fd)
{
    int at = p->place[fd] - 1;

    p->watched[at] = p->watched[--p->count];
    p->place[p->watched[at].fd] = at + 1;
    p->place[fd] = 0;
    shrink(p);
}

static int poll_want(struct poller *p, int fd, unsigned had, unsigned want)
{
    short events = (short)((want & POLLER_IN ? POLLIN : 0) |
                           (want & POLLER_OUT ? POLLOUT : 0));

    if (fd < 0 || fd >= poller_poll.limit) {
        errno = EBADF;
        return -1;
    }
    if (had == 0)
        return want == 0 ? 0 : add(p, fd, events);
    if (want == 0)
        take_out(p, fd);
    else
        p->watched[p->place[fd] - 1].events = events;
    return 0;
}

/* Errors and hang-ups are told as all that was asked for: the read or write
 * that follows says what it is. */
static unsigned ready_of(const struct pollfd *w)
{
    unsigned asked = ((w->events & POLLIN) != 0 ? POLLER_IN : 0u) |
                     ((w->events & POLLOUT) != 0 ? POLLER_OUT : 0u);
    unsigned ready = ((w->revents & POLLIN) != 0 ? POLLER_IN : 0u) |
                     ((w->revents & POLLOUT) != 0 ? POLLER_OUT : 0u);

    return (w->revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 ? asked : ready;
}

static int collect(struct poller *p, struct poller_event *events, int max,
                   int ready)
{
    int filled = 0;
    int at = p->next < p->count ? p->next : 0;

    for (int seen = 0; seen < p->count && filled < max && filled < ready;
         seen++) {
        const struct pollfd *w = &p->watched[at];

        if (w->revents != 0)
            events[filled++] =
                (struct poller_event){ .fd = w->fd, .ready = ready_of(w) };
        at = at + 1 < p->count ? at + 1 : 0;
    }
    p->next = filled < ready ? at : 0;
    return filled;
}

static int poll_wait(struct poller *p, struct poller_event *events, int max,
                     int timeout_ms, const sigset_t *mask)
{
    struct timespec time = { .tv_sec = timeout_ms / 1000,
                             .tv_nsec = timeout_ms % 1000 * 1000000L };
    int ready = ppoll(p->watched, (nfds_t)p->count,
                      timeout_ms < 0 ? NULL : &time, mask);

    return ready <= 0 ? ready : collect(p, events, max, ready);
}

const struct poller_ops poller_poll = {
    .name = "poll",
    .limit = INT_MAX / 2,
    .open = poll_open,
    .want = poll_want,
    .wait = poll_wait,
    .close = poll_close,
};
