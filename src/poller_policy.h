/*
 * poller_policy: which poller suits so many descriptors.
 *
 * poll(2) asks for all it watches at every wait, epoll(7) pays when a watch
 * changes and for each that is ready: the one is cheaper while few are
 * watched, the other does not mind how many there are.
 */
#ifndef ECHO_POLLER_POLICY_H
#define ECHO_POLLER_POLICY_H

#include <stddef.h>

#include "poller.h"

/* A policy of one poller has it as few and as many. */
struct poller_policy {
    const char *name;              /* as in server.poller */
    const struct poller_ops *few;  /* to begin with; it always opens */
    const struct poller_ops *many; /* may not exist here: few stays then */
    int up;   /* this many watched descriptors are many ... */
    int down; /* ... until they are fewer than this; less than up, or who
                 comes and goes would move them all each time */
};

/* Those that server.poller can name, its default first. */
const struct poller_policy *poller_policies(size_t *count);

/* The poller to use next, where now is in use and watched have a watch. */
const struct poller_ops *poller_policy_next(const struct poller_policy *policy,
                                            const struct poller_ops *now,
                                            int watched);

#endif
