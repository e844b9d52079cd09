#include <config.h>

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "verify.h"

#include "unit.h"

#define LONG (3 * VERIFY_RUN + 17)

static char *copy(uint64_t position, size_t len)
{
    char *bytes = malloc(len);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = *verify_bytes(position + i);
    return bytes;
}

START_TEST(what_was_sent_matches_at_any_length)
{
    char *bytes = copy(1000, LONG);

    ck_assert_uint_eq(verify_match(bytes, LONG, 1000), LONG);
    for (size_t len = 0; len < 300; len++)
        ck_assert_uint_eq(verify_match(bytes, len, 1000), len);
    free(bytes);
}
END_TEST

START_TEST(a_run_is_the_stream_byte_by_byte)
{
    for (uint64_t at = 0; at < 600000; at += 4999) {
        char *bytes = copy(at, VERIFY_RUN);

        ck_assert_mem_eq(bytes, verify_bytes(at), VERIFY_RUN);
        free(bytes);
    }
}
END_TEST

START_TEST(the_first_wrong_byte_is_found_wherever_it_is)
{
    char *bytes = copy(5, LONG);

    for (size_t at = 0; at < LONG; at += 997) {
        bytes[at] ^= 0x40;
        ck_assert_uint_eq(verify_match(bytes, LONG, 5), at);
        bytes[at] ^= 0x40;
    }
    free(bytes);
}
END_TEST

START_TEST(bytes_that_moved_do_not_match)
{
    for (uint64_t shift = 1; shift <= 64506; shift++)
        ck_assert_uint_lt(verify_match(verify_bytes(shift), 64, 0), 64);
}
END_TEST

START_TEST(bytes_of_another_sender_do_not_match)
{
    for (uint64_t sender = 1; sender < 5000; sender++)
        ck_assert_uint_lt(
            verify_match(verify_bytes(verify_start(sender)), 16, 0), 16);
}
END_TEST

START_TEST(every_byte_value_occurs)
{
    bool seen[256] = { false };
    size_t values = 0;

    for (size_t i = 0; i < 8192; i++) {
        unsigned char c = (unsigned char)*verify_bytes(i);

        values += !seen[c];
        seen[c] = true;
    }
    ck_assert_uint_eq(values, 256);
}
END_TEST

START_TEST(same_counts_equal_leading_bytes)
{
    ck_assert_uint_eq(verify_same("abcd", "abcd", 4), 4);
    ck_assert_uint_eq(verify_same("abcd", "abXd", 4), 2);
    ck_assert_uint_eq(verify_same("abcd", "Xbcd", 4), 0);
    ck_assert_uint_eq(verify_same("abcd", "abXd", 0), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("verify");
    TCase *tc = tcase_create("verify");

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, what_was_sent_matches_at_any_length);
    tcase_add_test(tc, a_run_is_the_stream_byte_by_byte);
    tcase_add_test(tc, the_first_wrong_byte_is_found_wherever_it_is);
    tcase_add_test(tc, bytes_that_moved_do_not_match);
    tcase_add_test(tc, bytes_of_another_sender_do_not_match);
    tcase_add_test(tc, every_byte_value_occurs);
    tcase_add_test(tc, same_counts_equal_leading_bytes);
    suite_add_tcase(s, tc);
    return unit_run(s);
}
