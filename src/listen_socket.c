#include <config.h>

#include "listen_socket.h"
#include "sockopt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

static int set_buffers(int fd, int size)
{
    if (size == 0)
        return sockopt_free_buffers(fd);
    if (set_int(fd, SOL_SOCKET, SO_RCVBUF, size) == -1)
        return -1;
    return set_int(fd, SOL_SOCKET, SO_SNDBUF, size);
}

/*
 * Urgent bytes stay in line, or they would be missing from the echo (RFC 862
 * knows no urgency).  Set on the listening socket, since accepted ones
 * inherit all of these on Linux and the BSDs: afterwards would be too late
 * for a byte that is there already.
 */
static int set_tcp_options(int fd, const struct listen_options *o)
{
    if (set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1) == -1 ||
        set_int(fd, SOL_SOCKET, SO_REUSEPORT, o->reuse_port) == -1 ||
        set_int(fd, SOL_SOCKET, SO_KEEPALIVE, o->keepalive_s > 0) == -1 ||
        set_int(fd, IPPROTO_TCP, TCP_NODELAY, o->nodelay) == -1)
        return -1;
    if (o->keepalive_s == 0)
        return 0;
    return sockopt_keepalive_idle(fd, o->keepalive_s);
}

int listen_socket_set(int fd, sa_family_t family,
                      const struct listen_options *options)
{
    if (set_buffers(fd, options->socket_buffer) == -1)
        return -1;
    return family == AF_UNIX ? 0 : set_tcp_options(fd, options);
}

/* A socket that nobody listens at any more is left over from a crash.  Any
 * other file refuses connections as well, and is not ours to remove. */
static bool is_stale(const struct addr *addr)
{
    struct stat st;
    bool stale;
    int fd;

    if (lstat(addr->sa.un.sun_path, &st) == -1 || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return false;
    stale = connect(fd, &addr->sa.any, addr->len) == -1 &&
            errno == ECONNREFUSED;
    close(fd);
    return stale;
}

/* Who may reach the folder may talk: TCP would let them too. */
static int bind_unix(int fd, const struct addr *addr)
{
    int result = bind(fd, &addr->sa.any, addr->len);

    if (result == -1 && errno == EADDRINUSE) {
        if (!is_stale(addr)) {
            errno = EADDRINUSE;
            return -1;
        }
        if (unlink(addr->sa.un.sun_path) == -1)
            return -1;
        result = bind(fd, &addr->sa.any, addr->len);
    }
    if (result == -1)
        return -1;
    return chmod(addr->sa.un.sun_path, 0666);
}

/* SO_REUSEADDR: start again while old connections are in TIME_WAIT. */
static int bind_tcp(int fd, const struct addr *addr)
{
    if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) == -1)
        return -1;
    if (addr->sa.any.sa_family == AF_INET6 &&
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) == -1)
        return -1;
    return bind(fd, &addr->sa.any, addr->len);
}

int listen_socket_open(const struct addr *addr,
                       const struct listen_options *options)
{
    sa_family_t family = addr->sa.any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd == -1)
        return -1;
    if (listen_socket_set(fd, family, options) == 0 &&
        (family == AF_UNIX ? bind_unix : bind_tcp)(fd, addr) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int get_int(int fd, int name, int *value)
{
    socklen_t len = sizeof *value;

    return getsockopt(fd, SOL_SOCKET, name, value, &len);
}

int listen_socket_adopt(int fd)
{
    int listens, type, flags;

    if (get_int(fd, SO_ACCEPTCONN, &listens) == -1 ||
        get_int(fd, SO_TYPE, &type) == -1)
        return -1;
    if (!listens || type != SOCK_STREAM) {
        errno = EINVAL;
        return -1;
    }
    flags = fcntl(fd, F_GETFL);
    return flags == -1 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int listen_socket_max_backlog(void)
{
    FILE *f = fopen("/proc/sys/net/core/somaxconn", "re");
    int most = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%d", &most) != 1)
        most = 0;
    fclose(f);
    return most;
}
