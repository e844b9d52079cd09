#include <config.h>

#include "errname.h"

#include "unit.h"

START_TEST(what_sockets_say_has_its_symbol)
{
    ck_assert_str_eq(errname(ECONNRESET), "ECONNRESET");
    ck_assert_str_eq(errname(EPIPE), "EPIPE");
    ck_assert_str_eq(errname(ENOMEM), "ENOMEM");
    ck_assert_str_eq(errname(ETIMEDOUT), "ETIMEDOUT");
}
END_TEST

START_TEST(a_number_without_a_name_is_unknown)
{
    ck_assert_str_eq(errname(-1), "EUNKNOWN");
    ck_assert_str_eq(errname(99999), "EUNKNOWN");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("errname");
    TCase *names = tcase_create("errname");

    suite_add_tcase(suite, names);
    tcase_add_test(names, what_sockets_say_has_its_symbol);
    tcase_add_test(names, a_number_without_a_name_is_unknown);
    return unit_run(suite);
}
