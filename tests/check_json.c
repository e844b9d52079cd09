#include <config.h>

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#include "unit.h"

static char *text;
static size_t len;
static FILE *file;
static struct json json;

static void setup(void)
{
    file = open_memstream(&text, &len);
    ck_assert_ptr_nonnull(file);
    json_start(&json, file);
}

static void teardown(void)
{
    fclose(file);
    free(text);
}

static void expect(const char *want)
{
    fflush(file);
    ck_assert_str_eq(text, want);
}

START_TEST(an_object_holds_every_kind_of_value)
{
    json_begin(&json, NULL, '{');
    json_text(&json, "name", "x");
    json_integer(&json, "count", -3);
    json_number(&json, "rate", 0.5);
    json_bool(&json, "right", true);
    json_end(&json, '{');
    expect("{\n  \"name\": \"x\",\n  \"count\": -3,\n"
           "  \"rate\": 0.500000,\n  \"right\": true\n}\n");
}
END_TEST

START_TEST(arrays_and_objects_nest)
{
    json_begin(&json, NULL, '{');
    json_begin(&json, "list", '[');
    json_integer(&json, NULL, 1);
    json_begin(&json, NULL, '{');
    json_end(&json, '{');
    json_end(&json, '[');
    json_begin(&json, "none", '[');
    json_end(&json, '[');
    json_end(&json, '{');
    expect("{\n  \"list\": [\n    1,\n    {}\n  ],\n  \"none\": []\n}\n");
}
END_TEST

START_TEST(strings_are_escaped)
{
    json_begin(&json, NULL, '[');
    json_text(&json, NULL, "a\"b\\c\n\001\177\xc3\xa9");
    json_end(&json, '[');
    expect("[\n  \"a\\\"b\\\\c\\u000a\\u0001\\u007f\xc3\xa9\"\n]\n");
}
END_TEST

START_TEST(what_is_no_number_is_null)
{
    json_begin(&json, NULL, '[');
    json_number(&json, NULL, (double)NAN);
    json_number(&json, NULL, (double)INFINITY);
    json_end(&json, '[');
    expect("[\n  null,\n  null\n]\n");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("json");
    TCase *tc = tcase_create("json");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_object_holds_every_kind_of_value);
    tcase_add_test(tc, arrays_and_objects_nest);
    tcase_add_test(tc, strings_are_escaped);
    tcase_add_test(tc, what_is_no_number_is_null);
    suite_add_tcase(s, tc);
    return unit_run(s);
}
