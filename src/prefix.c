#include <config.h>

#include "prefix.h"
#include "addr.h"
#include "units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* Bits of "::ffff:", before a mapped address. */
#define MAPPED_BITS 96

static int fail(int error)
{
    errno = error;
    return -1;
}

static unsigned width(const struct prefix *p)
{
    return p->family == 4 ? 32 : 128;
}

/* bytes may lie in p. */
static void set_v4(struct prefix *p, const void *bytes)
{
    struct prefix v4 = { .family = 4 };

    memcpy(v4.bytes, bytes, 4);
    *p = v4;
}

static void set_v6(struct prefix *p, const struct in6_addr *v6)
{
    p->family = 6;
    memcpy(p->bytes, v6->s6_addr, sizeof p->bytes);
}

bool prefix_of(struct prefix *p, const struct addr *addr)
{
    const struct in6_addr *v6 = &addr->sa.v6.sin6_addr;

    switch (addr->sa.any.sa_family) {
    case AF_INET:
        set_v4(p, &addr->sa.v4.sin_addr);
        return true;
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(v6))
            set_v4(p, v6->s6_addr + 12);
        else
            set_v6(p, v6);
        return true;
    default:
        return false;
    }
}

/* Cuts "/BITS" off; without it, *bits stays. */
static int split_bits(char *text, int64_t *bits)
{
    char *slash = strchr(text, '/');

    if (slash == NULL)
        return 0;
    *slash = '\0';
    return units_parse_count(slash + 1, bits);
}

static int parse_address(struct prefix *p, const char *host, bool *mapped)
{
    struct in6_addr v6;
    struct in_addr v4;

    *mapped = false;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        set_v4(p, &v4);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return fail(EINVAL);
    set_v6(p, &v6);
    *mapped = IN6_IS_ADDR_V4MAPPED(&v6);
    return 0;
}

int prefix_parse(struct prefix *p, unsigned *bits, const char *text)
{
    char host[INET6_ADDRSTRLEN + sizeof "/128"];
    size_t len = strlen(text);
    int64_t asked = -1;
    bool mapped;

    if (len >= sizeof host)
        return fail(EINVAL);
    memcpy(host, text, len + 1);
    if (split_bits(host, &asked) == -1 ||
        parse_address(p, host, &mapped) == -1)
        return -1;
    if (asked == -1)
        asked = width(p);
    if (asked > width(p))
        return fail(ERANGE);
    if (mapped && asked >= MAPPED_BITS) {
        set_v4(p, p->bytes + 12);
        asked -= MAPPED_BITS;
    }
    *bits = (unsigned)asked;
    prefix_cut(p, *bits);
    return 0;
}

/* The bits of byte i that lie behind the first ones. */
static uint8_t tail_of(unsigned i, unsigned bits)
{
    if (bits >= 8 * (i + 1))
        return 0;
    return (uint8_t)(bits <= 8 * i ? 0xff : 0xff >> (bits - 8 * i));
}

void prefix_cut(struct prefix *p, unsigned bits)
{
    for (unsigned i = 0; i < sizeof p->bytes; i++)
        p->bytes[i] = (uint8_t)(p->bytes[i] & ~tail_of(i, bits));
}

struct prefix prefix_last(const struct prefix *p, unsigned bits)
{
    struct prefix last = *p;

    for (unsigned i = 0; i < width(p) / 8; i++)
        last.bytes[i] = (uint8_t)(last.bytes[i] | tail_of(i, bits));
    return last;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
    return memcmp(a, b, sizeof *a);
}
