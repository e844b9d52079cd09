#include <config.h>

#include "addr.h"
#include "units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int fail(int error)
{
    errno = error;
    return -1;
}

static int parse_unix(struct addr *addr, const char *path)
{
    struct sockaddr_un *un = &addr->sa.un;
    size_t len = strlen(path);

    if (path[0] != '/')
        return fail(EINVAL);
    if (len >= sizeof un->sun_path)
        return fail(ENAMETOOLONG);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len + 1);
    addr->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return 0;
}

static int parse_port(const char *text, uint16_t *port)
{
    int64_t value;

    if (units_parse_count(text, &value) == -1)
        return -1;
    if (value > UINT16_MAX)
        return fail(ERANGE);
    *port = (uint16_t)value;
    return 0;
}

static int parse_v4(struct addr *addr, const char *host, uint16_t port)
{
    addr_any(addr, AF_INET, port);
    if (inet_pton(AF_INET, host, &addr->sa.v4.sin_addr) != 1)
        return fail(EINVAL);
    return 0;
}

/* host may end in %scope, a name or an index; it is cut there. */
static int parse_v6(struct addr *addr, char *host, uint16_t port)
{
    char *scope = strchr(host, '%');
    int64_t index = 0;

    if (scope != NULL) {
        *scope++ = '\0';
        if (units_parse_count(scope, &index) == -1)
            index = if_nametoindex(scope);
        if (index == 0 || index > UINT32_MAX)
            return fail(ENXIO);
    }
    addr_any(addr, AF_INET6, port);
    addr->sa.v6.sin6_scope_id = (uint32_t)index;
    if (inet_pton(AF_INET6, host, &addr->sa.v6.sin6_addr) != 1)
        return fail(EINVAL);
    return 0;
}

int addr_parse(struct addr *addr, const char *text, uint16_t port)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 16];
    char *colon, *end;
    size_t len = strlen(text);

    memset(addr, 0, sizeof *addr);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(addr, text + 5);
    if (len >= sizeof host)
        return fail(EINVAL);
    memcpy(host, text, len + 1);
    if (host[0] == '[') {
        end = strchr(host, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return fail(EINVAL);
        if (end[1] == ':' && parse_port(end + 2, &port) == -1)
            return -1;
        *end = '\0';
        return parse_v6(addr, host + 1, port);
    }
    colon = strchr(host, ':');
    if (colon != NULL && strchr(colon + 1, ':') != NULL)
        return parse_v6(addr, host, port);
    if (colon != NULL) {
        if (parse_port(colon + 1, &port) == -1)
            return -1;
        *colon = '\0';
    }
    return parse_v4(addr, host, port);
}

static void format_unix(const struct addr *addr, char *text)
{
    size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t len = addr->len > head ? addr->len - head : 0;
    const char *path = addr->sa.un.sun_path;
    char *out = stpcpy(text, "unix:");

    for (size_t i = 0; i < len; i++) {
        if (i == 0 && path[0] == '\0')
            *out++ = '@';
        else if (path[i] == '\0')
            break;
        else
            *out++ = path[i] > ' ' && path[i] < 0x7f ? path[i] : '?';
    }
    *out = '\0';
}

static void format_v6(const struct addr *addr, char *text)
{
    char host[INET6_ADDRSTRLEN] = "";
    char scope[UNITS_TEXT_MAX + 1] = "";

    inet_ntop(AF_INET6, &addr->sa.v6.sin6_addr, host, sizeof host);
    if (addr->sa.v6.sin6_scope_id != 0)
        snprintf(scope, sizeof scope, "%%%u", addr->sa.v6.sin6_scope_id);
    snprintf(text, ADDR_TEXT_MAX, "[%s%s]:%u", host, scope, addr_port(addr));
}

char *addr_format(const struct addr *addr, char text[ADDR_TEXT_MAX])
{
    char host[INET_ADDRSTRLEN] = "";

    switch (addr->sa.any.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &addr->sa.v4.sin_addr, host, sizeof host);
        snprintf(text, ADDR_TEXT_MAX, "%s:%u", host, addr_port(addr));
        break;
    case AF_INET6:
        format_v6(addr, text);
        break;
    default:
        format_unix(addr, text);
    }
    return text;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
    if (a->sa.any.sa_family != b->sa.any.sa_family)
        return false;
    switch (a->sa.any.sa_family) {
    case AF_INET:
        return a->sa.v4.sin_port == b->sa.v4.sin_port &&
               a->sa.v4.sin_addr.s_addr == b->sa.v4.sin_addr.s_addr;
    case AF_INET6:
        return a->sa.v6.sin6_port == b->sa.v6.sin6_port &&
               a->sa.v6.sin6_scope_id == b->sa.v6.sin6_scope_id &&
               memcmp(&a->sa.v6.sin6_addr, &b->sa.v6.sin6_addr,
                      sizeof a->sa.v6.sin6_addr) == 0;
    default:
        return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
    }
}

uint16_t addr_port(const struct addr *addr)
{
    switch (addr->sa.any.sa_family) {
    case AF_INET:
        return ntohs(addr->sa.v4.sin_port);
    case AF_INET6:
        return ntohs(addr->sa.v6.sin6_port);
    default:
        return 0;
    }
}

void addr_set_port(struct addr *addr, uint16_t port)
{
    if (addr->sa.any.sa_family == AF_INET)
        addr->sa.v4.sin_port = htons(port);
    else if (addr->sa.any.sa_family == AF_INET6)
        addr->sa.v6.sin6_port = htons(port);
}

void addr_any(struct addr *addr, sa_family_t family, uint16_t port)
{
    memset(addr, 0, sizeof *addr);
    if (family == AF_INET) {
        addr->len = sizeof addr->sa.v4;
        addr->sa.v4.sin_addr.s_addr = htonl(INADDR_ANY);
    } else {
        addr->len = sizeof addr->sa.v6;
        addr->sa.v6.sin6_addr = in6addr_any;
    }
    addr->sa.any.sa_family = family;
    addr_set_port(addr, port);
}

/* The family says it, but for a path's, and a client's has none. */
static socklen_t small_len(sa_family_t family)
{
    switch (family) {
    case AF_INET:
        return sizeof(struct sockaddr_in);
    case AF_INET6:
        return sizeof(struct sockaddr_in6);
    default:
        return sizeof family;
    }
}

void addr_pack(union addr_small *small, const struct addr *addr)
{
    memset(small, 0, sizeof *small);
    memcpy(small, &addr->sa, small_len(addr->sa.any.sa_family));
}

void addr_unpack(struct addr *addr, const union addr_small *small)
{
    memset(addr, 0, sizeof *addr);
    addr->len = small_len(small->any.sa_family);
    memcpy(&addr->sa, small, addr->len);
}

void addr_unmap(struct addr *addr)
{
    struct addr v4;

    if (addr->sa.any.sa_family != AF_INET6 ||
        !IN6_IS_ADDR_V4MAPPED(&addr->sa.v6.sin6_addr))
        return;
    addr_any(&v4, AF_INET, addr_port(addr));
    memcpy(&v4.sa.v4.sin_addr, addr->sa.v6.sin6_addr.s6_addr + 12,
           sizeof v4.sa.v4.sin_addr);
    *addr = v4;
}

int addr_local(struct addr *addr, int fd)
{
    memset(addr, 0, sizeof *addr);
    addr->len = sizeof addr->sa;
    if (getsockname(fd, &addr->sa.any, &addr->len) == -1)
        return -1;
    addr_unmap(addr);
    return 0;
}

int addr_peer(struct addr *addr, int fd)
{
    memset(addr, 0, sizeof *addr);
    addr->len = sizeof addr->sa;
    if (getpeername(fd, &addr->sa.any, &addr->len) == -1)
        return -1;
    addr_unmap(addr);
    return 0;
}
