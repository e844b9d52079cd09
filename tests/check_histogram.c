#include <config.h>

#include <check.h>
#include <stdlib.h>

#include "histogram.h"

#include "unit.h"

static struct histogram *h;

static void setup(void)
{
    h = histogram_new();
    ck_assert_ptr_nonnull(h);
}

static void teardown(void)
{
    histogram_free(h);
}

START_TEST(an_empty_one_answers_zero)
{
    ck_assert_uint_eq(histogram_count(h), 0);
    ck_assert_int_eq(histogram_min(h), 0);
    ck_assert_int_eq(histogram_max(h), 0);
    ck_assert_double_eq(histogram_mean(h), 0);
    ck_assert_int_eq(histogram_percentile(h, 50), 0);
    ck_assert_uint_eq(histogram_up_to(h, HISTOGRAM_MAX), 0);
}
END_TEST

START_TEST(small_values_are_exact)
{
    for (int64_t v = 0; v < 2048; v++)
        histogram_add(h, v);
    for (int64_t v = 0; v < 2048; v++) {
        ck_assert_uint_eq(histogram_up_to(h, v), (uint64_t)v + 1);
        ck_assert_int_eq(
            histogram_percentile(h, ((double)v + 0.5) / 2048 * 100), v);
    }
}
END_TEST

START_TEST(every_value_keeps_three_digits)
{
    for (int64_t v = 1; v < HISTOGRAM_MAX; v += v / 7 + 1) {
        int64_t p;

        histogram_add(h, v);
        histogram_add(h, HISTOGRAM_MAX);
        p = histogram_percentile(h, 50);
        ck_assert_int_ge(p, v);
        ck_assert_int_le(p - v, v / 1000);
        histogram_free(h);
        h = histogram_new();
    }
}
END_TEST

START_TEST(steps_meet_without_gap_or_overlap_at_powers_of_two)
{
    for (int bits = 11; bits < 42; bits++) {
        int64_t power = INT64_C(1) << bits;

        histogram_add(h, power);
        ck_assert_uint_eq(histogram_up_to(h, power - 1), 0);
        ck_assert_uint_eq(histogram_up_to(h, power), 1);
        histogram_free(h);
        h = histogram_new();
    }
}
END_TEST

START_TEST(percentiles_count_from_the_smallest)
{
    for (int64_t v = 1; v <= 1000; v++)
        histogram_add(h, v);
    ck_assert_int_eq(histogram_percentile(h, 0), 1);
    ck_assert_int_eq(histogram_percentile(h, 50), 500);
    ck_assert_int_eq(histogram_percentile(h, 99), 990);
    ck_assert_int_eq(histogram_percentile(h, 99.9), 999);
    ck_assert_int_eq(histogram_percentile(h, 100), 1000);
}
END_TEST

START_TEST(no_percentile_exceeds_the_maximum)
{
    histogram_add(h, 1000001);
    ck_assert_int_eq(histogram_percentile(h, 99.99), 1000001);
    ck_assert_int_eq(histogram_max(h), 1000001);
}
END_TEST

START_TEST(minimum_maximum_and_mean_are_exact)
{
    histogram_add(h, 123457);
    histogram_add(h, 7654321);
    histogram_add(h, 99);
    ck_assert_int_eq(histogram_min(h), 99);
    ck_assert_int_eq(histogram_max(h), 7654321);
    ck_assert_double_eq_tol(histogram_mean(h), (123457 + 7654321 + 99) / 3.0,
                            1e-6);
}
END_TEST

START_TEST(values_out_of_range_count_at_its_ends)
{
    histogram_add(h, -5);
    histogram_add(h, INT64_MAX);
    ck_assert_int_eq(histogram_min(h), 0);
    ck_assert_int_eq(histogram_max(h), HISTOGRAM_MAX);
    ck_assert_uint_eq(histogram_up_to(h, INT64_MAX), 2);
    ck_assert_uint_eq(histogram_up_to(h, -1), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("histogram");
    TCase *tc = tcase_create("histogram");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_empty_one_answers_zero);
    tcase_add_test(tc, small_values_are_exact);
    tcase_add_test(tc, every_value_keeps_three_digits);
    tcase_add_test(tc, steps_meet_without_gap_or_overlap_at_powers_of_two);
    tcase_add_test(tc, percentiles_count_from_the_smallest);
    tcase_add_test(tc, no_percentile_exceeds_the_maximum);
    tcase_add_test(tc, minimum_maximum_and_mean_are_exact);
    tcase_add_test(tc, values_out_of_range_count_at_its_ends);
    suite_add_tcase(s, tc);
    return unit_run(s);
}
