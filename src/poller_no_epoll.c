#include <config.h>

#include "poller.h"

#include <errno.h>
#include <stddef.h>

/* For systems without epoll(7): the name is known, opening says ENOSYS. */

static struct poller *no_open(void)
{
    errno = ENOSYS;
    return NULL;
}

const struct poller_ops poller_epoll = { .name = "epoll", .open = no_open };
