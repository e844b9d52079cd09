/*
 * prefix: internet addresses as bytes that can be compared and cut.
 *
 * An IPv4 address that came mapped into IPv6 (::ffff:192.0.2.7, RFC 4291,
 * section 2.5.5.2) is the IPv4 address.
 */
#ifndef ECHO_PREFIX_H
#define ECHO_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

struct addr;

/* Only bytes, so that memcmp(3) orders prefixes; behind an IPv4 address, 0. */
struct prefix {
    uint8_t family; /* 4 or 6 */
    uint8_t bytes[16];
};

/* The whole address of a peer, without its scope.  False for a unix one. */
bool prefix_of(struct prefix *prefix, const struct addr *addr);

/*
 * Reads "ADDR" or "ADDR/BITS"; what stands behind the bits is made 0.
 * Returns 0, or -1 with errno EINVAL (no such form) or ERANGE (more bits than
 * the address has).
 */
int prefix_parse(struct prefix *prefix, unsigned *bits, const char *text);

/* Makes all behind the first bits 0; more than the address has are all. */
void prefix_cut(struct prefix *prefix, unsigned bits);

/* The last address that has the same first bits. */
struct prefix prefix_last(const struct prefix *prefix, unsigned bits);

int prefix_compare(const struct prefix *a, const struct prefix *b);

#endif
