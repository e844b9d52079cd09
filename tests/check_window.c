#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "window.h"

#include "unit.h"

static struct window *w;

static void setup(void)
{
    w = window_new();
    ck_assert_ptr_nonnull(w);
}

static void teardown(void)
{
    window_free(w);
}

static void add(const char *bytes, size_t len)
{
    size_t room;
    char *place = window_room(w, &room);

    ck_assert_ptr_nonnull(place);
    ck_assert_uint_ge(room, len);
    memcpy(place, bytes, len);
    window_added(w, len);
}

static void send_all(void)
{
    size_t len;

    for (;;) {
        window_unsent(w, &len);
        if (len == 0)
            return;
        window_sent(w, len);
    }
}

START_TEST(what_was_added_is_there_to_send)
{
    size_t len;

    ck_assert_ptr_null(window_unsent(w, &len));
    ck_assert_uint_eq(len, 0);
    add("hello", 5);
    ck_assert_mem_eq(window_unsent(w, &len), "hello", 5);
    ck_assert_uint_eq(len, 5);
    window_sent(w, 2);
    ck_assert_mem_eq(window_unsent(w, &len), "llo", 3);
    ck_assert_uint_eq(len, 3);
}
END_TEST

START_TEST(what_comes_back_in_pieces_matches)
{
    add("hello", 5);
    send_all();
    ck_assert_uint_eq(window_check(w, "he", 2), 2);
    ck_assert_uint_eq(window_check(w, "llo", 3), 3);
    ck_assert_uint_eq(window_in(w), 5);
    ck_assert_uint_eq(window_back(w), 5);
}
END_TEST

START_TEST(the_first_difference_is_told)
{
    unsigned char byte;

    add("hello", 5);
    send_all();
    ck_assert_uint_eq(window_check(w, "heLlo", 5), 2);
    ck_assert(window_expects(w, &byte));
    ck_assert_uint_eq(byte, 'l');
    ck_assert_uint_eq(window_back(w), 2);
}
END_TEST

START_TEST(more_than_was_sent_does_not_match)
{
    unsigned char byte;

    add("hello", 5);
    ck_assert_uint_eq(window_check(w, "h", 1), 0);
    window_sent(w, 1);
    ck_assert_uint_eq(window_check(w, "he", 2), 1);
    ck_assert(!window_expects(w, &byte));
    send_all();
    ck_assert_uint_eq(window_check(w, "ello!", 5), 4);
    ck_assert(!window_expects(w, &byte));
}
END_TEST

START_TEST(it_is_full_at_its_bound_and_has_room_again_after_an_echo)
{
    static char block[WINDOW_BLOCK];
    size_t room;

    for (int i = 0; i < WINDOW_BLOCKS; i++)
        add(block, sizeof block);
    ck_assert_ptr_null(window_room(w, &room));
    ck_assert_uint_eq(room, 0);
    send_all();
    ck_assert_uint_eq(window_check(w, block, sizeof block), sizeof block);
    ck_assert_ptr_nonnull(window_room(w, &room));
    ck_assert_uint_eq(room, WINDOW_BLOCK);
}
END_TEST

START_TEST(many_small_additions_share_a_block)
{
    for (int i = 0; i < 60000; i++)
        add("x", 1);
    ck_assert_uint_eq(window_in(w), 60000);
}
END_TEST

/* A pump with odd sizes at every stage; the byte at n is a mix of n. */
static char byte_at(uint64_t n)
{
    return (char)(n * 7 + n / 251);
}

static size_t pump_in(size_t most)
{
    size_t room;
    char *place = window_room(w, &room);
    size_t n = most < room ? most : room;

    for (size_t i = 0; i < n; i++)
        place[i] = byte_at(window_in(w) + i);
    if (n > 0)
        window_added(w, n);
    return n;
}

START_TEST(a_long_stream_passes_through_odd_sizes)
{
    static char echo[WINDOW_BLOCK], right[5003];
    uint64_t sent = 0;

    for (int turn = 0; turn < 2000; turn++) {
        size_t len, back;
        const char *bytes;

        pump_in(1 + (size_t)turn * 37 % 9001);
        bytes = window_unsent(w, &len);
        if (len > sizeof right)
            len = sizeof right;
        for (size_t i = 0; i < len; i++)
            right[i] = byte_at(sent + i);
        ck_assert_mem_eq(bytes, right, len);
        window_sent(w, len);
        sent += len;
        back = (size_t)(sent - window_back(w)) * 3 / 4;
        if (back > sizeof echo)
            back = sizeof echo;
        for (size_t i = 0; i < back; i++)
            echo[i] = byte_at(window_back(w) + i);
        ck_assert_uint_eq(window_check(w, echo, back), back);
    }
    ck_assert_uint_gt(window_back(w), 40u * WINDOW_BLOCK);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("window");
    TCase *tc = tcase_create("window");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_was_added_is_there_to_send);
    tcase_add_test(tc, what_comes_back_in_pieces_matches);
    tcase_add_test(tc, the_first_difference_is_told);
    tcase_add_test(tc, more_than_was_sent_does_not_match);
    tcase_add_test(tc, it_is_full_at_its_bound_and_has_room_again_after_an_echo);
    tcase_add_test(tc, many_small_additions_share_a_block);
    tcase_add_test(tc, a_long_stream_passes_through_odd_sizes);
    suite_add_tcase(s, tc);
    return unit_run(s);
}
