/*
 * poller: waiting for descriptors, behind four verbs.
 *
 * One file a system call: poller_poll.c, poller_select.c, poller_epoll.c.
 * All are level-triggered: what is not handled is reported again.
 */
#ifndef ECHO_POLLER_H
#define ECHO_POLLER_H

#include <signal.h>
#include <stddef.h>

/* Interest, and readiness; or'ed. */
enum {
    POLLER_IN = 1,  /* a read will not block: bytes, an end of file, an error */
    POLLER_OUT = 2, /* a write will not block: room, or an error */
};

struct poller_event {
    int fd;
    unsigned ready; /* of what was asked for; errors, hang-ups: all of it */
};

struct poller;

struct poller_ops {
    const char *name; /* as in server.poller */

    /* Descriptors from 0 up to, not including, this one can be watched. */
    int limit;

    /* A poller that watches nothing, or NULL with errno. */
    struct poller *(*open)(void);

    /*
     * Watches fd for want from now on; had is what it was watched for until
     * now, 0 for not at all; want 0 ends it.  0, or -1 with errno: ENOMEM, or
     * EBADF for a descriptor at or over the limit, or as the system says; then
     * had still holds.  Ending a watch never fails.
     */
    int (*want)(struct poller *poller, int fd, unsigned had, unsigned want);

    /*
     * Waits until something is ready, timeout_ms passed (-1: for ever) or a
     * signal came that mask lets in; mask holds while waiting, atomically.
     * Returns how many of events[0..max) are filled; 0 after the time; -1 with
     * errno, EINTR for a signal.  Who was left out because of max comes first
     * next time.
     */
    int (*wait)(struct poller *poller, struct poller_event *events, int max,
                int timeout_ms, const sigset_t *mask);

    /* Frees the poller; NULL is fine.  The descriptors stay open. */
    void (*close)(struct poller *poller);
};

extern const struct poller_ops poller_poll;   /* ppoll(2) */
extern const struct poller_ops poller_select; /* pselect(2), FD_SETSIZE */

/* epoll_pwait(2), regular files refused with EPERM; open() says ENOSYS where
 * the system has none. */
extern const struct poller_ops poller_epoll;

#endif
