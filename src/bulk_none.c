#include <config.h>

#include "bulk.h"

/* For systems without splice(2): there is never a pipe to be had, so nothing
 * but the first three is ever called. */

void bulk_limit(int pipes)
{
    (void)pipes;
}

struct bulk *bulk_take(void)
{
    return NULL;
}

void bulk_give(struct bulk *bulk)
{
    (void)bulk;
}

ssize_t bulk_in(struct bulk *bulk, int fd)
{
    (void)bulk;
    (void)fd;
    return 0;
}

ssize_t bulk_out(struct bulk *bulk, int fd)
{
    (void)bulk;
    (void)fd;
    return -1;
}

size_t bulk_held(const struct bulk *bulk)
{
    (void)bulk;
    return 0;
}

int bulk_read(struct bulk *bulk, char *bytes)
{
    (void)bulk;
    (void)bytes;
    return 0;
}
