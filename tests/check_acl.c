/* acl and prefix: lists of networks, and who is on them. */
#include <config.h>

#include "acl.h"
#include "addr.h"
#include "prefix.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

/* Whether a peer of that address is on the list. */
static bool is_on(const char *list, const char *peer)
{
    struct acl acl;
    struct addr addr;
    bool on;

    ck_assert_msg(acl_parse(&acl, list) == 0, "%s", list);
    ck_assert_msg(addr_parse(&addr, peer, 1) == 0, "%s", peer);
    on = acl_match(&acl, &addr);
    acl_free(&acl);
    return on;
}

static const struct {
    const char *list, *peer;
    bool on;
} cases[] = {
    { "", "192.0.2.7", false },
    { "192.0.2.7", "192.0.2.7", true },
    { "192.0.2.7", "192.0.2.8", false },
    { "192.0.2.7", "192.0.2.6", false },
    { "192.0.2.0/24", "192.0.2.0", true },
    { "192.0.2.0/24", "192.0.2.255", true },
    { "192.0.2.0/24", "192.0.1.255", false },
    { "192.0.2.0/24", "192.0.3.0", false },
    { "192.0.2.77/24", "192.0.2.1", true }, /* bits behind are ignored */
    { "10.0.0.0/9", "10.127.255.255", true },
    { "10.0.0.0/9", "10.128.0.0", false },
    { "192.0.2.6/31", "192.0.2.7", true },
    { "192.0.2.6/31", "192.0.2.8", false },
    { "0.0.0.0/0", "255.255.255.255", true },
    { "0.0.0.0/0", "[2001:db8::1]", false },
    { "::/0", "[2001:db8::1]", true },
    { "::/0", "192.0.2.7", false },
    { "2001:db8::/32", "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]", true },
    { "2001:db8::/32", "[2001:db9::]", false },
    { "2001:db8::/32", "[2001:db7:ffff::]", false },
    { "2001:db8::/47", "[2001:db8:1::1]", true },
    { "2001:db8::/47", "[2001:db8:2::1]", false },
    { "2001:db8::1/128", "[2001:db8::1]", true },
    { "2001:db8::1/128", "[2001:db8::2]", false },
    /* mapped, on either side */
    { "192.0.2.0/24", "[::ffff:192.0.2.7]", true },
    { "::ffff:192.0.2.0/120", "192.0.2.7", true },
    { "::ffff:192.0.2.7", "[::ffff:192.0.2.7]", true },
    { "::ffff:192.0.2.7", "192.0.2.8", false },
    { "::ffff:0:0/96", "198.51.100.1", true },
    { "::/0", "[::ffff:192.0.2.7]", false },
    /* several, in any order, inside each other */
    { "198.51.100.7, 10.0.0.0/8 192.0.2.0/24", "10.1.2.3", true },
    { "198.51.100.7, 10.0.0.0/8 192.0.2.0/24", "198.51.100.7", true },
    { "198.51.100.7, 10.0.0.0/8 192.0.2.0/24", "11.0.0.0", false },
    { "10.1.0.0/16,10.0.0.0/8,10.1.2.3", "10.200.0.1", true },
    { "10.0.0.0/16,10.0.0.0/8,10.0.0.0", "10.200.0.1", true },
    { "10.1.2.3,10.1.2.3,10.1.2.3", "10.1.2.4", false },
    { "10.0.0.1,\t10.0.0.3 , 10.0.0.5", "10.0.0.4", false },
    { "10.0.0.1,\t10.0.0.3 , 10.0.0.5", "10.0.0.5", true },
    { "2001:db8::/32, 0.0.0.0/0", "127.0.0.1", true },
    { "192.0.2.1", "unix:/tmp/socket", false },
};

START_TEST(an_address_is_on_a_list_that_holds_its_network)
{
    ck_assert_msg(is_on(cases[_i].list, cases[_i].peer) == cases[_i].on,
                  "%s in \"%s\"", cases[_i].peer, cases[_i].list);
}
END_TEST

static const struct {
    const char *list;
    int error;
} mistakes[] = {
    { "192.0.2", EINVAL },
    { "192.0.2.256", EINVAL },
    { "192.0.2.7:80", EINVAL },
    { "192.0.2.0/", EINVAL },
    { "192.0.2.0/-1", EINVAL },
    { "192.0.2.0/x", EINVAL },
    { "192.0.2.0/24/24", EINVAL },
    { "192.0.2.0/33", ERANGE },
    { "192.0.2.0/9223372036854775807", ERANGE },
    { "192.0.2.0/99999999999999999999", ERANGE },
    { "2001:db8::/129", ERANGE },
    { "[2001:db8::]/32", EINVAL },
    { "fe80::1%lo", EINVAL },
    { "localhost", EINVAL },
    { "/24", EINVAL },
    { "10.0.0.1, *", EINVAL },
    { "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/128", EINVAL },
};

START_TEST(what_is_no_network_is_refused)
{
    struct acl acl;

    errno = 0;
    ck_assert_msg(acl_parse(&acl, mistakes[_i].list) == -1, "%s",
                  mistakes[_i].list);
    ck_assert_msg(errno == mistakes[_i].error, "%s: %s", mistakes[_i].list,
                  strerror(errno));
    ck_assert_uint_eq(acl.count, 0);
    ck_assert_ptr_null(acl.ranges);
}
END_TEST

/* Against the plain way: each entry, bit by bit. */
static bool is_in(uint32_t network, unsigned bits, uint32_t host)
{
    return bits == 0 || network >> (32 - bits) == host >> (32 - bits);
}

START_TEST(random_lists_agree_with_looking_at_every_entry)
{
    enum { ENTRIES = 60, HOSTS = 300 };
    uint32_t network[ENTRIES];
    unsigned bits[ENTRIES];
    char list[ENTRIES * 24], *end = list;
    struct acl acl;

    srandom((unsigned)_i);
    for (int i = 0; i < ENTRIES; i++) {
        network[i] = (uint32_t)random() & 0x00ffffff;
        bits[i] = 12 + (unsigned)random() % 21;
        end += sprintf(end, "10.%u.%u.%u/%u,", network[i] >> 16 & 255,
                       network[i] >> 8 & 255, network[i] & 255, bits[i]);
        network[i] |= 10u << 24;
    }
    ck_assert_int_eq(acl_parse(&acl, list), 0);
    for (int i = 0; i < HOSTS; i++) {
        uint32_t host = 10u << 24 | ((uint32_t)random() & 0x00ffffff);
        struct addr addr;
        bool on = false;

        for (int j = 0; j < ENTRIES; j++)
            on = on || is_in(network[j], bits[j], host);
        addr_any(&addr, AF_INET, 1);
        addr.sa.v4.sin_addr.s_addr = htonl(host);
        ck_assert_int_eq(acl_match(&acl, &addr), on);
    }
    acl_free(&acl);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("acl");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, an_address_is_on_a_list_that_holds_its_network,
                        0, LENGTH(cases));
    tcase_add_loop_test(all, what_is_no_network_is_refused, 0,
                        LENGTH(mistakes));
    tcase_add_loop_test(all, random_lists_agree_with_looking_at_every_entry, 0,
                        20);
    suite_add_tcase(suite, all);
    return unit_run(suite);
}
