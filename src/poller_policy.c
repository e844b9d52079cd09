#include <config.h>

#include "poller_policy.h"

/*
 * Measured, CPU for each echo: with 50 busy clients epoll is the dearer one
 * up to some hundred idle ones beside them, with one busy client up to some
 * tens.  doc/scaling.md has the curves.
 */
#define MANY 256
#define FEW 128

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
