/*
 * addr: socket addresses as text and back, numbers only.
 *
 * No name is ever looked up here: a daemon that asks the DNS for its own
 * addresses starts late or not at all (names are the client's, see dial.h).
 */
#ifndef ECHO_ADDR_H
#define ECHO_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* An address of any family that echod knows; .len is what bind(2) wants. */
struct addr {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un un;
    } sa;
};

/*
 * The same for a peer in a table of many: a quarter of the size, for which
 * the path of a unix peer is dropped (clients hardly ever have one).
 */
union addr_small {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Enough for "unix:" and the longest sun_path, terminated. */
#define ADDR_TEXT_MAX 120

/*
 * Reads "ADDR", "ADDR:PORT", "[V6]", "[V6]:PORT" (a V6 may have a %scope) or
 * "unix:/path"; a bare V6 without brackets is taken too, then without a port.
 * port is for texts that have none.  Returns 0, or -1 with errno EINVAL (no
 * such form), ERANGE (a port over 65535), ENAMETOOLONG (a path that does not
 * fit sun_path) or ENXIO (no interface of that scope name).
 */
int addr_parse(struct addr *addr, const char *text, uint16_t port);

/*
 * "192.0.2.7:80", "[2001:db8::1%2]:80", "unix:/path"; "unix:" for a socket
 * without a name, "unix:@name" for an abstract one.  Bytes of a path that are
 * not printable ASCII come out as '?'.  Returns text.
 */
char *addr_format(const struct addr *addr, char text[ADDR_TEXT_MAX]);

/* The same family, address, port and scope, or the same path. */
bool addr_equal(const struct addr *a, const struct addr *b);

/* The port in host order; 0 for a unix address. */
uint16_t addr_port(const struct addr *addr);

/* Does nothing to a unix address. */
void addr_set_port(struct addr *addr, uint16_t port);

void addr_pack(union addr_small *small, const struct addr *addr);
void addr_unpack(struct addr *addr, const union addr_small *small);

/* The wildcard of a family (AF_INET or AF_INET6) with this port. */
void addr_any(struct addr *addr, sa_family_t family, uint16_t port);

/*
 * ::ffff:192.0.2.7, as an IPv4 client of a socket for both families is called
 * by accept(2), becomes 192.0.2.7.  Any other address stays as it is.
 */
void addr_unmap(struct addr *addr);

/*
 * Where a socket is bound, or who is at its other end, unmapped.  0, or -1
 * with the errno of getsockname(2) or getpeername(2).
 */
int addr_local(struct addr *addr, int fd);
int addr_peer(struct addr *addr, int fd);

#endif
