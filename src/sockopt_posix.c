#include <config.h>

#include "sockopt.h"

#include <errno.h>

int sockopt_keepalive_idle(int fd, int seconds)
{
    (void)fd;
    (void)seconds;
    return 0;
}

int sockopt_free_buffers(int fd)
{
    (void)fd;
    return 0;
}

bool sockopt_is_lost_client(int error)
{
    return error == ECONNABORTED || error == EINTR || error == EPROTO;
}
