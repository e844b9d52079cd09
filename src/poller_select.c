#include <config.h>

#include "poller.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/select.h>
#include <time.h>

/*
 * A descriptor at or over FD_SETSIZE would be written past the end of an
 * fd_set, so select_want() refuses it, and who starts the server asks for the
 * limit before it takes the first client.
 */
struct poller {
    fd_set in, out; /* what is watched */
    int top;        /* the highest watched descriptor, plus one */
    int next;       /* where the scan goes on */
};

static struct poller *select_open(void)
{
    struct poller *p = calloc(1, sizeof *p);

    if (p != NULL) {
        FD_ZERO(&p->in);
        FD_ZERO(&p->out);
    }
    return p;
}

static void select_close(struct poller *p)
{
    free(p);
}

static void lower_top(struct poller *p)
{
    while (p->top > 0 && !FD_ISSET(p->top - 1, &p->in) &&
           !FD_ISSET(p->top - 1, &p->out))
        p->top--;
}

static int select_want(struct poller *p, int fd, unsigned had, unsigned want)
{
    (void)had;
    if (fd < 0 || fd >= FD_SETSIZE) {
        errno = EBADF;
        return -1;
    }
    FD_CLR(fd, &p->in);
    FD_CLR(fd, &p->out);
    if (want & POLLER_IN)
        FD_SET(fd, &p->in);
    if (want & POLLER_OUT)
        FD_SET(fd, &p->out);
    if (want != 0 && fd >= p->top)
        p->top = fd + 1;
    lower_top(p);
    return 0;
}

/* ready counts bits, two for a descriptor that is ready for both. */
static int collect(struct poller *p, const fd_set *in, const fd_set *out,
                   struct poller_event *events, int max, int ready)
{
    int filled = 0;
    int at = p->next < p->top ? p->next : 0;

    for (int seen = 0; seen < p->top && filled < max && ready > 0; seen++) {
        unsigned bits = (FD_ISSET(at, in) ? POLLER_IN : 0u) |
                        (FD_ISSET(at, out) ? POLLER_OUT : 0u);

        if (bits != 0) {
            events[filled++] = (struct poller_event){ .fd = at, .ready = bits };
            ready -= bits == (POLLER_IN | POLLER_OUT) ? 2 : 1;
        }
        at = at + 1 < p->top ? at + 1 : 0;
    }
    p->next = ready > 0 ? at : 0;
    return filled;
}

static int select_wait(struct poller *p, struct poller_event *events, int max,
                       int timeout_ms, const sigset_t *mask)
{
    fd_set in = p->in, out = p->out;
    struct timespec time = { .tv_sec = timeout_ms / 1000,
                             .tv_nsec = timeout_ms % 1000 * 1000000L };
    int ready = pselect(p->top, &in, &out, NULL, timeout_ms < 0 ? NULL : &time,
                        mask);

    return ready <= 0 ? ready : collect(p, &in, &out, events, max, ready);
}

const struct poller_ops poller_select = {
    .name = "select",
    .limit = FD_SETSIZE,
    .open = select_open,
    .want = select_want,
    .wait = select_wait,
    .close = select_close,
};
