#include <config.h>

#include "verify.h"

#include <string.h>

/*
 * 251 * 257, both prime, so no power of two divides it; small enough to stay
 * in a processor's cache under a load of many connections.
 */
#define PERIOD 64507

/* Prime too: 64 507 senders have a position each. */
#define APART 7919

static char stream[PERIOD + VERIFY_RUN];

/* splitmix64: a few operations for eight bytes that repeat nowhere near. */
static uint64_t mix(uint64_t n)
{
    uint64_t z = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void make_stream(void)
{
    for (size_t i = 0; i < sizeof stream; i++)
        stream[i] = (char)(mix(i % PERIOD / 8) >> i % PERIOD % 8 * 8);
}

uint64_t verify_start(uint64_t sender)
{
    return sender * APART;
}

const char *verify_bytes(uint64_t position)
{
    static int made;

    if (!made) {
        make_stream();
        made = 1;
    }
    return stream + position % PERIOD;
}

size_t verify_same(const char *a, const char *b, size_t len)
{
    size_t i = 0;

    if (memcmp(a, b, len) == 0)
        return len;
    while (a[i] == b[i])
        i++;
    return i;
}

size_t verify_match(const char *got, size_t len, uint64_t position)
{
    size_t done = 0;

    while (done < len) {
        size_t run = len - done < VERIFY_RUN ? len - done : VERIFY_RUN;
        size_t same =
            verify_same(got + done, verify_bytes(position + done), run);

        done += same;
        /* cppcheck-suppress knownConditionTrueFalse ; it takes run for 0 */
        if (same < run)
            break;
    }
    return done;
}
