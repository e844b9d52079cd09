#include <config.h>

#include "dial.h"
#include "ticks.h"
#include "units.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(char *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(char *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, DIAL_ERROR_MAX, format, args);
    va_end(args);
    return -1;
}

/* ---- names ---- */

static int find_port(const char *text, uint16_t *port, char *error)
{
    const struct servent *service;
    int64_t number;

    *port = DIAL_PORT;
    if (text == NULL)
        return 0;
    if (units_parse_count(text, &number) == 0 && number >= 1 &&
        number <= UINT16_MAX) {
        *port = (uint16_t)number;
        return 0;
    }
    service = getservbyname(text, "tcp");
    if (service == NULL)
        return fail(error,
                    "'%s' is no port: a number from 1 to 65535 or the name "
                    "of a service",
                    text);
    *port = ntohs((uint16_t)service->s_port);
    return 0;
}

static void take(struct dial_target *target, const struct addrinfo *info,
                 uint16_t port)
{
    struct addr *addr = &target->addrs[target->count];

    if (target->count == DIAL_ADDRS_MAX ||
        info->ai_addrlen > sizeof addr->sa)
        return;
    memset(addr, 0, sizeof *addr);
    memcpy(&addr->sa, info->ai_addr, info->ai_addrlen);
    addr->len = info->ai_addrlen;
    addr_set_port(addr, port);
    target->count++;
}

static int look_up(struct dial_target *target, const char *host,
                   uint16_t port, int family, char *error)
{
    struct addrinfo hints = { .ai_family = family,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    int code = getaddrinfo(host, NULL, &hints, &list);

    if (code != 0)
        return fail(error, "%s: %s", host,
                    code == EAI_SYSTEM ? strerror(errno)
                                       : gai_strerror(code));
    for (const struct addrinfo *i = list; i != NULL; i = i->ai_next)
        take(target, i, port);
    freeaddrinfo(list);
    return 0;
}

int dial_resolve(struct dial_target *target, const char *host,
                 const char *port_text, int family, char error[DIAL_ERROR_MAX])
{
    struct addr *first = &target->addrs[0];
    uint16_t port = 0;

    target->count = 0;
    if (find_port(port_text, &port, error) == -1)
        return -1;
    if (addr_parse(first, host, port) == -1) {
        if (strncmp(host, "unix:", 5) == 0)
            return fail(error, "%s: %s", host,
                        errno == EINVAL ? "the path must begin with a slash"
                                        : strerror(errno));
        return look_up(target, host, port, family, error);
    }
    if (family != AF_UNSPEC && first->sa.any.sa_family != family)
        return fail(error, "%s is not an IPv%c address", host,
                    family == AF_INET ? '4' : '6');
    if (port_text != NULL && addr_port(first) != port)
        return fail(error, "%s says it all: the port %s is one too many", host,
                    port_text);
    target->count = 1;
    return 0;
}

/* ---- connections ---- */

int dial_start(const struct addr *addr)
{
    static const int one = 1;
    int fd = socket(addr->sa.any.sa_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd == -1)
        return -1;
    if (addr->sa.any.sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, &addr->sa.any, addr->len) == 0 || errno == EINPROGRESS)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

int dial_outcome(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1 ? errno
                                                                    : error;
}

/* 0, or an errno. */
static int await(int fd, int64_t deadline_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int ready;

    do {
        int64_t rest = deadline_ms - ticks_now_ms();

        ready = poll(&p, 1, rest > 0 ? (int)rest : 0);
    } while (ready == -1 && errno == EINTR);
    if (ready == -1)
        return errno;
    return ready == 0 ? ETIMEDOUT : dial_outcome(fd);
}

static int dial_one(const struct addr *addr, int64_t timeout_ms)
{
    int fd = dial_start(addr);
    int error;

    if (fd == -1)
        return -1;
    error = await(fd, ticks_now_ms() + timeout_ms);
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

static void append(char *error, const struct addr *addr, int errnum)
{
    char text[ADDR_TEXT_MAX];
    size_t len = strlen(error);

    snprintf(error + len, DIAL_ERROR_MAX - len, "%s%s: %s",
             len == 0 ? "" : "; ", addr_format(addr, text), strerror(errnum));
}

int dial(const struct dial_target *target, int64_t timeout_ms,
         struct addr *peer, int64_t *connect_ns, char error[DIAL_ERROR_MAX])
{
    error[0] = '\0';
    for (size_t i = 0; i < target->count; i++) {
        int64_t start = ticks_now();
        int fd = dial_one(&target->addrs[i], timeout_ms);

        if (fd != -1) {
            *connect_ns = ticks_now() - start;
            *peer = target->addrs[i];
            return fd;
        }
        append(error, &target->addrs[i], errno);
    }
    return -1;
}
