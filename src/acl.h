/*
 * acl: who is on a list of addresses and networks.
 *
 * Looking up takes the logarithm of the list's length.
 */
#ifndef ECHO_ACL_H
#define ECHO_ACL_H

#include <stdbool.h>
#include <stddef.h>

struct acl_range;
struct addr;

/* All zero is the empty list. */
struct acl {
    struct acl_range *ranges; /* in order, none inside another */
    size_t count;
};

/*
 * Reads entries that are separated by commas or blanks, each ADDR or
 * ADDR/BITS, IPv4 or IPv6.  Returns 0, or -1 with errno as prefix_parse()
 * or ENOMEM; then the list is empty.
 */
int acl_parse(struct acl *acl, const char *text);

/* Whether the address is in an entry; a unix address is in none. */
bool acl_match(const struct acl *acl, const struct addr *addr);

/* Frees what the list owns. */
void acl_free(struct acl *acl);

#endif
