#include <config.h>

#include "poller.h"

#include <string.h>

static const struct poller_ops *const pollers[] = { &poller_poll,
                                                    &poller_select,
                                                    &poller_epoll };

const struct poller_ops *poller_find(const char *name)
{
    for (size_t i = 0; i < sizeof pollers / sizeof *pollers; i++)
        if (strcmp(pollers[i]->name, name) == 0)
            return pollers[i];
    return NULL;
}
