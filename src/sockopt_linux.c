#include <config.h>

#include "sockopt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

int sockopt_keepalive_idle(int fd, int seconds)
{
    return setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
}

/* SO_BUF_LOCK came with Linux 5.14; before, a set size stays set. */
int sockopt_free_buffers(int fd)
{
    int unlocked = 0;

    if (setsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &unlocked, sizeof unlocked) ==
            -1 &&
        errno != ENOPROTOOPT)
        return -1;
    return 0;
}

/* accept(2): "Linux passes already-pending network errors on the new socket
 * as an error code"; EPERM is a firewall's. */
bool sockopt_is_lost_client(int error)
{
    switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}
