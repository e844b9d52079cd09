#include <config.h>

#include "poller_policy.h"

/*
 * Measured, CPU for each echo: where all that are watched are busy, poll costs
 * what epoll does.  Where it goes to sleep in between, it joins and leaves the
 * queue of every descriptor each time: at 16 clients that already is a seventh
 * more than epoll takes.  docs/scaling.md says more.
 */
#define MANY 8
#define FEW 4

static const struct poller_policy policies[] = {
    {"auto", &poller_poll, &poller_epoll, MANY, FEW},
    {"poll", &poller_poll, &poller_poll, 0, 0},
    {"select", &poller_select, &poller_select, 0, 0},
    {"epoll", &poller_epoll, &poller_epoll, 0, 0},
};

const struct poller_policy *poller_policies(size_t *count)
{
    *count = sizeof policies / sizeof *policies;
    return policies;
}

const struct poller_ops *poller_policy_next(const struct poller_policy *policy,
                                            const struct poller_ops *now,
                                            int watched)
{
    int many = now == policy->many ? policy->down : policy->up;

    return watched >= many ? policy->many : policy->few;
}
