/*
 * Any text as a list of networks: taken as a whole if each entry is, and then
 * the first and the last address of each entry are on it.
 *
 * For libFuzzer, 'make fuzz'; 'make check' runs the same on tests/corpus.
 */
#include <config.h>

#include "acl.h"
#include "addr.h"
#include "prefix.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void addr_of(struct addr *addr, const struct prefix *prefix)
{
    if (prefix->family == 4) {
        addr_any(addr, AF_INET, 1);
        memcpy(&addr->sa.v4.sin_addr, prefix->bytes, 4);
    } else {
        addr_any(addr, AF_INET6, 1);
        memcpy(&addr->sa.v6.sin6_addr, prefix->bytes, 16);
    }
}

/* A v6 range may hold mapped addresses, which count as v4. */
static bool is_mapped(const struct addr *addr)
{
    return addr->sa.any.sa_family == AF_INET6 &&
           IN6_IS_ADDR_V4MAPPED(&addr->sa.v6.sin6_addr);
}

static void check_entry(const struct acl *acl, const struct prefix *first,
                        unsigned bits)
{
    struct prefix last = prefix_last(first, bits), again;
    struct addr addr;

    require(prefix_compare(first, &last) <= 0, "last before first");
    addr_of(&addr, first);
    require(is_mapped(&addr) || acl_match(acl, &addr), "first is missing");
    addr_of(&addr, &last);
    require(is_mapped(&addr) || acl_match(acl, &addr), "last is missing");
    again = last;
    prefix_cut(&again, bits);
    require(prefix_compare(&again, first) == 0, "last is of another network");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = strndup((const char *)bytes, size);
    char *rest = NULL;
    bool good = true;
    struct acl acl;
    int result = acl_parse(&acl, text);
    size_t entries = 0;

    for (char *word = strtok_r(text, ", \t", &rest); word != NULL;
         word = strtok_r(NULL, ", \t", &rest)) {
        struct prefix prefix;
        unsigned bits;

        if (prefix_parse(&prefix, &bits, word) == -1)
            good = false;
        else if (result == 0)
            check_entry(&acl, &prefix, bits);
        entries++;
    }
    require(good == (result == 0), "the list is not judged by its entries");
    require(acl.count <= entries, "more ranges than entries");
    acl_free(&acl);
    free(text);
    return 0;
}
