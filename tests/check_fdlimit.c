#include <config.h>

#include "fdlimit.h"

#include "unit.h"

#include <sys/resource.h>

static char error[512];

static struct rlimit limit_now(void)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit;
}

static void set_limit(rlim_t soft, rlim_t hard)
{
    struct rlimit limit = { .rlim_cur = soft, .rlim_max = hard };

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(a_limit_that_is_high_enough_stays)
{
    set_limit(64, 256);
    ck_assert_int_eq(fdlimit_raise(64, error, sizeof error), 0);
    ck_assert_uint_eq(limit_now().rlim_cur, 64);
    ck_assert_uint_eq(limit_now().rlim_max, 256);
}
END_TEST

START_TEST(a_soft_limit_that_is_too_low_is_raised_to_what_is_needed)
{
    set_limit(64, 256);
    ck_assert_int_eq(fdlimit_raise(200, error, sizeof error), 0);
    ck_assert_uint_eq(limit_now().rlim_cur, 200);
    ck_assert_uint_eq(limit_now().rlim_max, 256);
}
END_TEST

START_TEST(a_hard_limit_that_is_too_low_needs_privileges)
{
    set_limit(64, 256);
    if (fdlimit_raise(300, error, sizeof error) == 0) {
        ck_assert_int_eq(geteuid(), 0);
        ck_assert_uint_eq(limit_now().rlim_cur, 300);
        ck_assert_uint_eq(limit_now().rlim_max, 300);
    } else {
        ck_assert_int_eq(errno, EPERM);
        ck_assert_ptr_nonnull(strstr(error, "needs 300 descriptors"));
        ck_assert_ptr_nonnull(strstr(error, "is 64, at most 256"));
        ck_assert_uint_eq(limit_now().rlim_cur, 64);
    }
}
END_TEST

/* fs.nr_open is over no one's head, root's neither. */
START_TEST(what_no_system_has_is_refused_with_the_numbers)
{
    set_limit(64, 256);
    ck_assert_int_eq(fdlimit_raise(INT64_C(5000000000), error, sizeof error),
                     -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_ptr_nonnull(strstr(error, "limits.max_clients needs 5000000000 "
                                        "descriptors"));
    ck_assert_ptr_nonnull(strstr(error, "is 64, at most 256"));
    ck_assert_uint_eq(limit_now().rlim_cur, 64);
}
END_TEST

START_TEST(what_can_be_had_without_privileges_is_reached_for)
{
    set_limit(64, 256);
    ck_assert_int_eq(fdlimit_reach(32), 32);
    ck_assert_uint_eq(limit_now().rlim_cur, 64);
    ck_assert_int_eq(fdlimit_reach(100), 100);
    ck_assert_uint_eq(limit_now().rlim_cur, 100);
    ck_assert_int_eq(fdlimit_reach(300), 256);
    ck_assert_uint_eq(limit_now().rlim_cur, 256);
    ck_assert_uint_eq(limit_now().rlim_max, 256);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fdlimit");
    TCase *tests = tcase_create("fdlimit");

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, a_limit_that_is_high_enough_stays);
    tcase_add_test(tests,
                   a_soft_limit_that_is_too_low_is_raised_to_what_is_needed);
    tcase_add_test(tests, a_hard_limit_that_is_too_low_needs_privileges);
    tcase_add_test(tests, what_no_system_has_is_refused_with_the_numbers);
    tcase_add_test(tests, what_can_be_had_without_privileges_is_reached_for);
    return unit_run(suite);
}
