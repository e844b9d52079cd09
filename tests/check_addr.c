#include <config.h>

#include "addr.h"

#include "unit.h"

#include <net/if.h>

/* The longest path that fits sun_path, terminated, is one less than that. */
#define PATH_MOST (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static const struct {
    const char *text;
    const char *back;
} good[] = {
    { "192.0.2.7", "192.0.2.7:25000" },
    { "192.0.2.7:80", "192.0.2.7:80" },
    { "0.0.0.0:0", "0.0.0.0:0" },
    { "192.0.2.7:65535", "192.0.2.7:65535" },
    { "[2001:db8::1]", "[2001:db8::1]:25000" },
    { "[2001:DB8:0:0:0:0:0:1]:80", "[2001:db8::1]:80" },
    { "[::]:0", "[::]:0" },
    { "::1", "[::1]:25000" },
    { "::ffff:192.0.2.7", "[::ffff:192.0.2.7]:25000" },
    { "[fe80::1%7]:80", "[fe80::1%7]:80" },
    { "fe80::1%7", "[fe80::1%7]:25000" },
    { "unix:/run/echod.sock", "unix:/run/echod.sock" },
    { "unix:/a b\xc3\xa4", "unix:/a?b??" },
};

START_TEST(an_address_is_read_and_written)
{
    struct addr addr;
    char text[ADDR_TEXT_MAX];

    ck_assert_int_eq(addr_parse(&addr, good[_i].text, 25000), 0);
    ck_assert_str_eq(addr_format(&addr, text), good[_i].back);
}
END_TEST

START_TEST(what_is_written_is_read_back_as_the_same)
{
    struct addr addr, again;
    char text[ADDR_TEXT_MAX];

    ck_assert_int_eq(addr_parse(&addr, good[_i].text, 25000), 0);
    if (strchr(addr_format(&addr, text), '?') != NULL)
        return; /* a path with bytes that are not shown */
    if (strncmp(good[_i].text, "::ffff:", 7) == 0)
        return; /* shown as the IPv4 address that it stands for */
    ck_assert_int_eq(addr_parse(&again, text, 1), 0);
    ck_assert(addr_equal(&addr, &again));
}
END_TEST

static const struct {
    const char *text;
    int error;
} bad[] = {
    { "", EINVAL },
    { "*", EINVAL },
    { "localhost", EINVAL },
    { "192.0.2", EINVAL },
    { "192.0.2.256", EINVAL },
    { "192.0.2.7:", EINVAL },
    { "192.0.2.7:http", EINVAL },
    { "192.0.2.7:-1", EINVAL },
    { "192.0.2.7:65536", ERANGE },
    { ":80", EINVAL },
    { "[192.0.2.7]:80", EINVAL },
    { "[::1", EINVAL },
    { "[::1]80", EINVAL },
    { "[::1]:", EINVAL },
    { "[::1]:65536", ERANGE },
    { "[]:80", EINVAL },
    { "::g", EINVAL },
    { "fe80::1%", ENXIO },
    { "fe80::1%0", ENXIO },
    { "fe80::1%4294967296", ENXIO },
    { "fe80::1%no-such-link", ENXIO },
    { "unix:", EINVAL },
    { "unix:relative", EINVAL },
    { "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:"
      "0000:0000",
      EINVAL },
};

START_TEST(what_is_no_address_is_refused_with_its_reason)
{
    struct addr addr;

    ck_assert_int_eq(addr_parse(&addr, bad[_i].text, 25000), -1);
    ck_assert_int_eq(errno, bad[_i].error);
}
END_TEST

START_TEST(a_scope_may_be_the_name_of_an_interface)
{
    char name[IF_NAMESIZE], text[64];
    struct addr addr;

    ck_assert_ptr_nonnull(if_indextoname(1, name));
    snprintf(text, sizeof text, "[fe80::1%%%s]:7", name);
    ck_assert_int_eq(addr_parse(&addr, text, 0), 0);
    ck_assert_uint_eq(addr.sa.v6.sin6_scope_id, 1);
    ck_assert_uint_eq(addr_port(&addr), 7);
}
END_TEST

START_TEST(a_unix_path_may_fill_sun_path_but_no_more)
{
    char text[PATH_MOST + sizeof "unix:" + 1] = "unix:/";
    char back[ADDR_TEXT_MAX];
    struct addr addr;

    memset(text + 6, 'x', PATH_MOST - 1);
    ck_assert_int_eq(addr_parse(&addr, text, 0), 0);
    ck_assert_str_eq(addr_format(&addr, back), text);
    ck_assert_uint_eq(addr.len, sizeof addr.sa.un);
    strcat(text, "x");
    ck_assert_int_eq(addr_parse(&addr, text, 0), -1);
    ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

START_TEST(addresses_differ_in_family_host_port_scope_or_path)
{
    static const char *const texts[] = {
        "192.0.2.7:80",  "192.0.2.8:80",   "192.0.2.7:81", "[::1]:80",
        "[::2]:80",      "[::1]:81",       "[fe80::1%1]",  "[fe80::1%2]",
        "unix:/run/one", "unix:/run/one1", "unix:/run/two",
    };
    struct addr a, b;

    for (int i = 0; i < UNIT_LENGTH(texts); i++)
        for (int j = 0; j < UNIT_LENGTH(texts); j++) {
            ck_assert_int_eq(addr_parse(&a, texts[i], 80), 0);
            ck_assert_int_eq(addr_parse(&b, texts[j], 80), 0);
            ck_assert_msg(addr_equal(&a, &b) == (i == j), "%s and %s",
                          texts[i], texts[j]);
        }
}
END_TEST

START_TEST(the_wildcard_of_a_family_has_the_port_it_is_given)
{
    struct addr addr;
    char text[ADDR_TEXT_MAX];

    addr_any(&addr, AF_INET, 7);
    ck_assert_str_eq(addr_format(&addr, text), "0.0.0.0:7");
    ck_assert_uint_eq(addr.len, sizeof addr.sa.v4);
    addr_any(&addr, AF_INET6, 7);
    ck_assert_str_eq(addr_format(&addr, text), "[::]:7");
    ck_assert_uint_eq(addr.len, sizeof addr.sa.v6);
}
END_TEST

START_TEST(a_unix_address_has_no_port_and_takes_none)
{
    struct addr addr, same;

    ck_assert_int_eq(addr_parse(&addr, "unix:/run/echod.sock", 80), 0);
    same = addr;
    addr_set_port(&addr, 81);
    ck_assert(addr_equal(&addr, &same));
    ck_assert_uint_eq(addr_port(&addr), 0);
}
END_TEST

START_TEST(a_small_address_gives_back_all_but_the_path)
{
    static const char *const texts[] = { "192.0.2.7:80", "[fe80::1%2]:80" };
    struct addr addr, back;
    union addr_small small;
    char text[ADDR_TEXT_MAX];

    for (int i = 0; i < UNIT_LENGTH(texts); i++) {
        ck_assert_int_eq(addr_parse(&addr, texts[i], 0), 0);
        addr_pack(&small, &addr);
        addr_unpack(&back, &small);
        ck_assert(addr_equal(&addr, &back));
    }
    ck_assert_int_eq(addr_parse(&addr, "unix:/run/echod.sock", 0), 0);
    addr_pack(&small, &addr);
    addr_unpack(&back, &small);
    ck_assert_str_eq(addr_format(&back, text), "unix:");
}
END_TEST

START_TEST(both_ends_of_a_connection_are_told)
{
    struct addr any, bound, local, peer;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(addr_parse(&any, "127.0.0.1:0", 0), 0);
    ck_assert_int_eq(bind(listening, &any.sa.any, any.len), 0);
    ck_assert_int_eq(listen(listening, 1), 0);
    ck_assert_int_eq(addr_local(&bound, listening), 0);
    ck_assert_uint_ne(addr_port(&bound), 0);
    ck_assert_int_eq(connect(client, &bound.sa.any, bound.len), 0);
    ck_assert_int_eq(addr_peer(&peer, client), 0);
    ck_assert(addr_equal(&peer, &bound));
    ck_assert_int_eq(addr_local(&local, client), 0);
    ck_assert(!addr_equal(&local, &bound));
    close(client);
    close(listening);
}
END_TEST

START_TEST(an_ipv4_client_of_a_socket_for_both_families_is_an_ipv4_client)
{
    struct addr any, bound, peer, local;
    char text[ADDR_TEXT_MAX];
    int off = 0;
    int listening = socket(AF_INET6, SOCK_STREAM, 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int accepted;

    addr_any(&any, AF_INET6, 0);
    ck_assert_int_eq(setsockopt(listening, IPPROTO_IPV6, IPV6_V6ONLY, &off,
                                sizeof off),
                     0);
    ck_assert_int_eq(bind(listening, &any.sa.any, any.len), 0);
    ck_assert_int_eq(listen(listening, 1), 0);
    ck_assert_int_eq(addr_local(&bound, listening), 0);
    ck_assert_int_eq(strncmp(addr_format(&bound, text), "[::]:", 5), 0);
    ck_assert_int_eq(addr_parse(&any, "127.0.0.1", addr_port(&bound)), 0);
    ck_assert_int_eq(connect(client, &any.sa.any, any.len), 0);
    accepted = accept(listening, NULL, NULL);
    ck_assert_int_eq(addr_local(&local, accepted), 0);
    ck_assert(addr_equal(&local, &any));
    ck_assert_int_eq(addr_local(&local, client), 0);
    ck_assert_int_eq(addr_peer(&peer, accepted), 0);
    ck_assert(addr_equal(&peer, &local));
    ck_assert_int_eq(peer.len, sizeof(struct sockaddr_in));
    close(accepted);
    close(client);
    close(listening);
}
END_TEST

START_TEST(a_socket_without_a_name_is_shown_as_such)
{
    int ends[2];
    struct addr addr;
    char text[ADDR_TEXT_MAX];

    unit_pair(ends);
    ck_assert_int_eq(addr_local(&addr, ends[0]), 0);
    ck_assert_str_eq(addr_format(&addr, text), "unix:");
    ck_assert_int_eq(addr_peer(&addr, ends[0]), 0);
    ck_assert_str_eq(addr_format(&addr, text), "unix:");
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(an_abstract_name_is_shown_behind_an_at_sign)
{
    struct addr addr = { .sa.un = { .sun_family = AF_UNIX,
                                    .sun_path = "\0name" } };
    char text[ADDR_TEXT_MAX];

    addr.len = sizeof(sa_family_t) + sizeof "\0name" - 1;
    ck_assert_str_eq(addr_format(&addr, text), "unix:@name");
}
END_TEST

START_TEST(what_is_no_socket_has_no_address)
{
    struct addr addr;

    ck_assert_int_eq(addr_local(&addr, -1), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(addr_peer(&addr, -1), -1);
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("addr");
    TCase *addr = tcase_create("addr");

    suite_add_tcase(suite, addr);
    tcase_add_loop_test(addr, an_address_is_read_and_written, 0,
                        UNIT_LENGTH(good));
    tcase_add_loop_test(addr, what_is_written_is_read_back_as_the_same, 0,
                        UNIT_LENGTH(good));
    tcase_add_loop_test(addr, what_is_no_address_is_refused_with_its_reason, 0,
                        UNIT_LENGTH(bad));
    tcase_add_test(
        addr,
        an_ipv4_client_of_a_socket_for_both_families_is_an_ipv4_client);
    tcase_add_test(addr, a_scope_may_be_the_name_of_an_interface);
    tcase_add_test(addr, a_unix_path_may_fill_sun_path_but_no_more);
    tcase_add_test(addr, addresses_differ_in_family_host_port_scope_or_path);
    tcase_add_test(addr, the_wildcard_of_a_family_has_the_port_it_is_given);
    tcase_add_test(addr, a_unix_address_has_no_port_and_takes_none);
    tcase_add_test(addr, a_small_address_gives_back_all_but_the_path);
    tcase_add_test(addr, both_ends_of_a_connection_are_told);
    tcase_add_test(addr, a_socket_without_a_name_is_shown_as_such);
    tcase_add_test(addr, an_abstract_name_is_shown_behind_an_at_sign);
    tcase_add_test(addr, what_is_no_socket_has_no_address);
    return unit_run(suite);
}
