#include <config.h>

#include "units.h"

#include "unit.h"

#include <inttypes.h>

typedef int parse_fn(const char *text, int64_t *value);
typedef void format_fn(char text[UNITS_TEXT_MAX], int64_t value);

static const struct {
    parse_fn *parse;
    const char *text;
    int64_t value;
} good[] = {
    { units_parse_count, "0", 0 },
    { units_parse_count, "007", 7 },
    { units_parse_count, "65535", 65535 },
    { units_parse_count, "9223372036854775807", INT64_MAX },
    { units_parse_size, "0", 0 },
    { units_parse_size, "1", 1 },
    { units_parse_size, "64K", 65536 },
    { units_parse_size, "64k", 65536 },
    { units_parse_size, "16M", 16777216 },
    { units_parse_size, "16m", 16777216 },
    { units_parse_size, "8796093022207M", INT64_C(8796093022207) << 20 },
    { units_parse_time, "0", 0 },
    { units_parse_time, "3", 3000 },
    { units_parse_time, "250ms", 250 },
    { units_parse_time, "250MS", 250 },
    { units_parse_time, "2s", 2000 },
    { units_parse_time, "5m", 300000 },
    { units_parse_time, "5M", 300000 },
    { units_parse_time, "1h", 3600000 },
};

START_TEST(a_number_is_read_with_its_unit)
{
    int64_t value = -1;

    ck_assert_int_eq(good[_i].parse(good[_i].text, &value), 0);
    ck_assert_int_eq(value, good[_i].value);
}
END_TEST

static const struct {
    parse_fn *parse;
    const char *text;
    int error;
} bad[] = {
    { units_parse_count, "", EINVAL },
    { units_parse_count, " 1", EINVAL },
    { units_parse_count, "1 ", EINVAL },
    { units_parse_count, "+1", EINVAL },
    { units_parse_count, "-1", EINVAL },
    { units_parse_count, "1K", EINVAL },
    { units_parse_count, "0x10", EINVAL },
    { units_parse_count, "1.5", EINVAL },
    { units_parse_count, "9223372036854775808", ERANGE },
    { units_parse_count, "99999999999999999999", ERANGE },
    { units_parse_size, "", EINVAL },
    { units_parse_size, "K", EINVAL },
    { units_parse_size, "64KB", EINVAL },
    { units_parse_size, "64 K", EINVAL },
    { units_parse_size, "1G", EINVAL },
    { units_parse_size, "5s", EINVAL },
    { units_parse_size, "8796093022208M", ERANGE },
    { units_parse_time, "s", EINVAL },
    { units_parse_time, "-1s", EINVAL },
    { units_parse_time, "1d", EINVAL },
    { units_parse_time, "1h30m", EINVAL },
    { units_parse_time, "64K", EINVAL },
    { units_parse_time, "9223372036854775807", ERANGE },
    { units_parse_time, "2562047788016h", ERANGE },
};

START_TEST(what_is_no_such_number_is_refused_and_nothing_is_stored)
{
    int64_t value = 4711;

    ck_assert_int_eq(bad[_i].parse(bad[_i].text, &value), -1);
    ck_assert_int_eq(errno, bad[_i].error);
    ck_assert_int_eq(value, 4711);
}
END_TEST

static const struct {
    format_fn *format;
    int64_t value;
    const char *text;
} shown[] = {
    { units_format_count, 0, "0" },
    { units_format_count, 1024, "1024" },
    { units_format_count, INT64_MAX, "9223372036854775807" },
    { units_format_size, 0, "0" },
    { units_format_size, 1000, "1000" },
    { units_format_size, 1024, "1K" },
    { units_format_size, 1536 * 1024, "1536K" },
    { units_format_size, 16 * 1024 * 1024, "16M" },
    { units_format_time, 0, "0" },
    { units_format_time, 1, "1ms" },
    { units_format_time, 1500, "1500ms" },
    { units_format_time, 1000, "1s" },
    { units_format_time, 90000, "90s" },
    { units_format_time, 300000, "5m" },
    { units_format_time, 3600000, "1h" },
    { units_format_time, INT64_MAX, "9223372036854775807ms" },
};

START_TEST(a_number_is_written_with_its_largest_whole_unit)
{
    char text[UNITS_TEXT_MAX];

    shown[_i].format(text, shown[_i].value);
    ck_assert_str_eq(text, shown[_i].text);
}
END_TEST

static void assert_round_trip(parse_fn *parse, format_fn *format, int64_t n)
{
    char text[UNITS_TEXT_MAX];
    int64_t back = -1;

    format(text, n);
    if (parse(text, &back) == -1 || back != n)
        ck_abort_msg("%" PRId64 " is written \"%s\" and read %" PRId64, n,
                     text, back);
}

START_TEST(whatever_is_written_is_read_back_as_the_same)
{
    uint32_t seed = 1;

    for (int i = 0; i < 20000; i++) {
        uint64_t high = unit_random(&seed);
        int64_t n = (int64_t)((high << 32 | unit_random(&seed)) >>
                              (1 + unit_random(&seed) % 63));

        assert_round_trip(units_parse_count, units_format_count, n);
        assert_round_trip(units_parse_size, units_format_size, n);
        assert_round_trip(units_parse_time, units_format_time, n);
    }
}
END_TEST

static const struct {
    const char *text;
    bool value;
} bools[] = {
    { "yes", true }, { "no", false },    { "true", true }, { "false", false },
    { "on", true },  { "off", false },   { "1", true },    { "0", false },
    { "YES", true }, { "False", false }, { "oN", true },
};

START_TEST(a_boolean_is_read_in_every_spelling)
{
    bool value = !bools[_i].value;

    ck_assert_int_eq(units_parse_bool(bools[_i].text, &value), 0);
    ck_assert(value == bools[_i].value);
    ck_assert_str_eq(units_format_bool(value), value ? "yes" : "no");
}
END_TEST

START_TEST(what_is_no_boolean_is_refused_and_nothing_is_stored)
{
    static const char *const texts[] = { "", "2", "y", "yes ", "ja", "-1" };
    bool value = true;

    for (int i = 0; i < UNIT_LENGTH(texts); i++) {
        ck_assert_int_eq(units_parse_bool(texts[i], &value), -1);
        ck_assert_int_eq(errno, EINVAL);
        ck_assert(value);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("units");
    TCase *units = tcase_create("units");

    suite_add_tcase(suite, units);
    tcase_add_loop_test(units, a_number_is_read_with_its_unit, 0,
                        UNIT_LENGTH(good));
    tcase_add_loop_test(
        units, what_is_no_such_number_is_refused_and_nothing_is_stored, 0,
        UNIT_LENGTH(bad));
    tcase_add_loop_test(units, a_number_is_written_with_its_largest_whole_unit,
                        0, UNIT_LENGTH(shown));
    tcase_add_test(units, whatever_is_written_is_read_back_as_the_same);
    tcase_add_loop_test(units, a_boolean_is_read_in_every_spelling, 0,
                        UNIT_LENGTH(bools));
    tcase_add_test(units,
                   what_is_no_boolean_is_refused_and_nothing_is_stored);
    return unit_run(suite);
}
