#include <config.h>

#include "poller_policy.h"

/*
 * Measured, CPU for each echo: up to some 50 watched descriptors poll costs
 * what epoll does, or a little less where most are ready; at 100 it is the
 * dearer one, however many are.  docs/scaling.md says more.
 */
#define MANY 64
#define FEW 32

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
