/* source: clients of a source, and how fast they come. */
#include <config.h>

#include "addr.h"
#include "source.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static struct source_table *table;

static void open_table(int64_t clients, int64_t rate)
{
    struct source_limits limits = {
        .clients = clients, .rate = rate, .v4_bits = 32, .v6_bits = 64,
    };

    table = source_table_new(&limits);
    ck_assert_ptr_nonnull(table);
}

static void close_table(void)
{
    source_table_free(table);
    table = NULL;
}

static enum source_verdict enter(const char *peer, int64_t now,
                                 struct source **source)
{
    struct addr addr;

    if (addr_parse(&addr, peer, 7) == -1)
        ck_abort_msg("%s", peer);
    return source_enter(table, &addr, now, source);
}

/* Enters and leaves at once. */
static enum source_verdict visit(const char *peer, int64_t now)
{
    struct source *source;
    enum source_verdict verdict = enter(peer, now, &source);

    if ((verdict == SOURCE_OPEN) != (source != NULL))
        ck_abort_msg("%s: verdict %d", peer, verdict);
    source_leave(table, source, now);
    return verdict;
}

START_TEST(a_source_has_as_many_clients_as_it_may)
{
    struct source *a, *b, *other;

    open_table(2, 0);
    ck_assert_int_eq(enter("192.0.2.7", 0, &a), SOURCE_OPEN);
    ck_assert_int_eq(enter("192.0.2.7", 0, &b), SOURCE_OPEN);
    ck_assert_int_eq(visit("192.0.2.7", 0), SOURCE_FULL);
    ck_assert_int_eq(enter("192.0.2.8", 0, &other), SOURCE_OPEN);
    source_leave(table, a, 0);
    ck_assert_int_eq(enter("192.0.2.7", 0, &a), SOURCE_OPEN);
    ck_assert_int_eq(visit("192.0.2.7", 0), SOURCE_FULL);
    source_leave(table, a, 0);
    source_leave(table, b, 0);
    source_leave(table, other, 0);
    ck_assert_uint_eq(source_count(table), 0);
}
END_TEST

START_TEST(a_v6_source_is_a_whole_64_and_a_mapped_address_is_v4)
{
    struct source *a, *b;

    open_table(1, 0);
    ck_assert_int_eq(enter("[2001:db8:0:1::1]", 0, &a), SOURCE_OPEN);
    ck_assert_int_eq(visit("[2001:db8:0:1:ffff::2]", 0), SOURCE_FULL);
    ck_assert_int_eq(visit("[2001:db8:0:2::1]", 0), SOURCE_OPEN);
    ck_assert_int_eq(enter("192.0.2.7", 0, &b), SOURCE_OPEN);
    ck_assert_int_eq(visit("[::ffff:192.0.2.7]", 0), SOURCE_FULL);
    ck_assert_int_eq(visit("[::ffff:192.0.2.8]", 0), SOURCE_OPEN);
    source_leave(table, a, 0);
    source_leave(table, b, 0);
}
END_TEST

START_TEST(with_no_bits_all_of_a_family_is_one_source)
{
    struct source_limits limits = { .clients = 1 };
    struct source *a, *b;

    table = source_table_new(&limits);
    ck_assert_int_eq(enter("192.0.2.7", 0, &a), SOURCE_OPEN);
    ck_assert_int_eq(visit("10.0.0.1", 0), SOURCE_FULL);
    ck_assert_int_eq(enter("[2001:db8::1]", 0, &b), SOURCE_OPEN);
    ck_assert_int_eq(visit("[fe80::1]", 0), SOURCE_FULL);
}
END_TEST

START_TEST(a_local_peer_is_no_source)
{
    struct source *source;

    open_table(1, 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(enter("unix:/tmp/x", 0, &source), SOURCE_OPEN);
        ck_assert_ptr_null(source);
    }
    source_leave(table, NULL, 0);
    ck_assert_uint_eq(source_count(table), 0);
}
END_TEST

START_TEST(a_burst_of_a_second_is_let_in_and_then_the_rate)
{
    int let_in = 0;

    open_table(0, 50);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(visit("192.0.2.7", 1000), SOURCE_OPEN);
    ck_assert_int_eq(visit("192.0.2.7", 1000), SOURCE_FAST);
    ck_assert_int_eq(visit("192.0.2.7", 1019), SOURCE_FAST);
    ck_assert_int_eq(visit("192.0.2.7", 1020), SOURCE_OPEN);
    ck_assert_int_eq(visit("192.0.2.7", 1020), SOURCE_FAST);
    for (int64_t ms = 1021; ms <= 11020; ms++) /* rude: every millisecond */
        let_in += visit("192.0.2.7", ms) == SOURCE_OPEN;
    ck_assert_int_eq(let_in, 500);
}
END_TEST

START_TEST(a_bucket_is_full_again_after_a_second_of_rest_and_no_fuller)
{
    open_table(0, 5);
    for (int round = 0; round < 3; round++) {
        int64_t now = round * 1000;

        for (int i = 0; i < 5; i++)
            ck_assert_int_eq(visit("192.0.2.7", now), SOURCE_OPEN);
        ck_assert_int_eq(visit("192.0.2.7", now), SOURCE_FAST);
    }
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(visit("192.0.2.7", 3600000), SOURCE_OPEN);
    ck_assert_int_eq(visit("192.0.2.7", 3600000), SOURCE_FAST);
}
END_TEST

START_TEST(a_bucket_counts_on_while_clients_stay)
{
    struct source *a;

    open_table(0, 2);
    ck_assert_int_eq(enter("192.0.2.7", 0, &a), SOURCE_OPEN);
    ck_assert_int_eq(visit("192.0.2.7", 1), SOURCE_OPEN);
    ck_assert_int_eq(visit("192.0.2.7", 2), SOURCE_FAST);
    ck_assert_int_eq(visit("192.0.2.7", 502), SOURCE_OPEN);
    ck_assert_int_eq(visit("192.0.2.7", 503), SOURCE_FAST);
    source_leave(table, a, 503);
    ck_assert_int_eq(visit("192.0.2.7", 504), SOURCE_FAST);
}
END_TEST

START_TEST(a_rude_source_costs_no_other_its_place)
{
    open_table(0, 1);
    for (int i = 0; i < 1000; i++)
        visit("192.0.2.7", 0);
    ck_assert_int_eq(visit("192.0.2.8", 0), SOURCE_OPEN);
    ck_assert_int_eq(visit("192.0.2.7", 0), SOURCE_FAST);
}
END_TEST

START_TEST(who_is_refused_for_the_count_keeps_the_tokens)
{
    struct source *a;

    open_table(1, 3);
    ck_assert_int_eq(enter("192.0.2.7", 0, &a), SOURCE_OPEN);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(visit("192.0.2.7", 0), SOURCE_FULL);
    source_leave(table, a, 0);
    ck_assert_int_eq(visit("192.0.2.7", 0), SOURCE_OPEN);
}
END_TEST

static const char *stranger(int i, char text[64])
{
    snprintf(text, 64, "10.%d.%d.%d", i >> 16 & 255, i >> 8 & 255, i & 255);
    return text;
}

START_TEST(sources_that_left_are_forgotten_after_a_second)
{
    char text[64];

    open_table(0, 10);
    for (int i = 0; i < 1000; i++)
        visit(stranger(i, text), i);
    ck_assert_uint_eq(source_count(table), 1000);
    visit("192.0.2.7", 1499);
    ck_assert_uint_eq(source_count(table), 501);
}
END_TEST

START_TEST(a_hundred_thousand_strangers_cost_no_more_than_the_bound)
{
    char text[64];
    int refused = 0;

    open_table(0, 1);
    for (int i = 0; i < 100000; i++)
        refused += visit(stranger(i, text), 0) != SOURCE_OPEN;
    ck_assert_int_eq(refused, 0);
    ck_assert_uint_eq(source_count(table), SOURCE_IDLE_MAX);
    ck_assert_int_eq(visit(stranger(99999, text), 0), SOURCE_FAST);
    ck_assert_int_eq(visit(stranger(0, text), 0), SOURCE_OPEN);
}
END_TEST

START_TEST(strangers_do_not_make_it_forget_who_has_clients)
{
    struct source *a;
    char text[64];

    open_table(1, 1);
    ck_assert_int_eq(enter("192.0.2.7", 0, &a), SOURCE_OPEN);
    for (int i = 0; i < 2 * SOURCE_IDLE_MAX; i++)
        visit(stranger(i, text), 5000);
    ck_assert_int_eq(visit("192.0.2.7", 5000), SOURCE_FULL);
    source_leave(table, a, 5000);
    ck_assert_int_eq(visit("192.0.2.7", 6000), SOURCE_OPEN);
}
END_TEST

START_TEST(clients_that_are_there_are_adopted_whatever_the_limit)
{
    struct source *all[3];
    struct addr addr;

    open_table(1, 1);
    ck_assert_int_eq(addr_parse(&addr, "192.0.2.7", 7), 0);
    for (int i = 0; i < 3; i++)
        all[i] = source_adopt(table, &addr, 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(visit("192.0.2.7", 0), SOURCE_FULL);
        source_leave(table, all[i], 0);
    }
    ck_assert_int_eq(visit("192.0.2.7", 0), SOURCE_OPEN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, NULL, close_table);
    tcase_add_test(all, a_source_has_as_many_clients_as_it_may);
    tcase_add_test(all, a_v6_source_is_a_whole_64_and_a_mapped_address_is_v4);
    tcase_add_test(all, with_no_bits_all_of_a_family_is_one_source);
    tcase_add_test(all, a_local_peer_is_no_source);
    tcase_add_test(all, a_burst_of_a_second_is_let_in_and_then_the_rate);
    tcase_add_test(
        all, a_bucket_is_full_again_after_a_second_of_rest_and_no_fuller);
    tcase_add_test(all, a_bucket_counts_on_while_clients_stay);
    tcase_add_test(all, a_rude_source_costs_no_other_its_place);
    tcase_add_test(all, who_is_refused_for_the_count_keeps_the_tokens);
    tcase_add_test(all, sources_that_left_are_forgotten_after_a_second);
    tcase_add_test(
        all, a_hundred_thousand_strangers_cost_no_more_than_the_bound);
    tcase_add_test(all, strangers_do_not_make_it_forget_who_has_clients);
    tcase_add_test(all,
                   clients_that_are_there_are_adopted_whatever_the_limit);
    suite_add_tcase(suite, all);
    return unit_run(suite);
}
