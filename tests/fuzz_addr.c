/*
 * Any text as a socket address: what is taken is written as a text that reads
 * back as the same address.
 *
 * For libFuzzer, 'make fuzz'; 'make check' runs the same on tests/corpus.
 */
#include <config.h>

#include "addr.h"

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

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static void check(const struct addr *addr, bool exact)
{
    char text[ADDR_TEXT_MAX], twice[ADDR_TEXT_MAX];
    union addr_small small;
    struct addr again;

    addr_format(addr, text);
    require(strlen(text) < ADDR_TEXT_MAX && is_printable(text), "no text");
    require(addr_parse(&again, text, 9) == 0, "the text is not read back");
    require(!exact || addr_equal(addr, &again), "another address");
    require(strcmp(addr_format(&again, twice), text) == 0, "another text");
    if (addr->sa.any.sa_family != AF_UNIX) {
        addr_pack(&small, addr);
        addr_unpack(&again, &small);
        require(addr_equal(addr, &again), "packing loses something");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = strndup((const char *)bytes, size);
    struct addr addr;

    if (addr_parse(&addr, text, 25000) == 0)
        check(&addr, is_printable(text));
    free(text);
    return 0;
}
