/*
 * Every key at the edges of its range: the tests go through the table, so a
 * new row is tested as soon as it is there.
 */
#include <config.h>

#include "settings_value.h"
#include "settings.h"
#include "units.h"

#include "unit.h"

static struct settings *settings;
static const struct settings_key *keys;
static size_t count;

static void set_up(void)
{
    settings = settings_new();
    ck_assert_ptr_nonnull(settings);
    keys = settings_keys(&count);
}

static void tear_down(void)
{
    settings_free(settings);
}

static bool is_number(const struct settings_key *key)
{
    return key->type == SETTINGS_COUNT || key->type == SETTINGS_SIZE ||
           key->type == SETTINGS_TIME;
}

/* The value as text; the next call but three overwrites it. */
static const char *shown(const struct settings_key *key)
{
    static char texts[4][4096];
    static unsigned next;
    char *text = texts[next++ % 4];
    FILE *out = fmemopen(text, sizeof texts[0], "w");

    ck_assert_ptr_nonnull(out);
    text[0] = '\0'; /* which an empty value leaves as it is */
    settings_value_print(settings, key, out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static const char *allowed(const struct settings_key *key)
{
    static char text[1024];
    FILE *out = fmemopen(text, sizeof text, "w");

    settings_value_print_allowed(key, out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static void assert_taken(const struct settings_key *key, const char *text)
{
    const char *once;

    ck_assert_msg(settings_value_parse(settings, key, text) == 0,
                  "%s.%s: \"%s\" is refused: %s", key->section, key->name,
                  text, strerror(errno));
    once = shown(key);
    ck_assert_int_eq(settings_value_parse(settings, key, once), 0);
    ck_assert_str_eq(shown(key), once);
}

static void assert_refused(const struct settings_key *key, const char *text,
                           int error)
{
    const char *before = shown(key);

    ck_assert_msg(settings_value_parse(settings, key, text) == -1,
                  "%s.%s: \"%s\" is taken", key->section, key->name, text);
    ck_assert_msg(errno == error, "%s.%s: \"%s\": %s", key->section,
                  key->name, text, strerror(errno));
    ck_assert_str_eq(shown(key), before);
}

/* A number in the smallest unit of its key. */
static const char *in_unit(const struct settings_key *key, int64_t value)
{
    static char texts[4][32];
    static unsigned next;
    char *text = texts[next++ % 4];

    snprintf(text, sizeof texts[0], "%lld%s", (long long)value,
             key->type == SETTINGS_TIME ? "ms" : "");
    return text;
}

START_TEST(every_default_is_a_value_of_its_key)
{
    for (size_t i = 0; i < count; i++)
        assert_taken(&keys[i], keys[i].preset);
}
END_TEST

START_TEST(every_number_is_taken_from_its_least_to_its_most)
{
    for (size_t i = 0; i < count; i++)
        if (is_number(&keys[i])) {
            assert_taken(&keys[i], in_unit(&keys[i], keys[i].min));
            assert_taken(&keys[i], in_unit(&keys[i], keys[i].max));
        }
}
END_TEST

START_TEST(every_number_is_refused_below_and_above)
{
    for (size_t i = 0; i < count; i++)
        if (is_number(&keys[i])) {
            assert_refused(&keys[i], in_unit(&keys[i], keys[i].max + 1),
                           ERANGE);
            if (keys[i].min > 1)
                assert_refused(&keys[i], in_unit(&keys[i], keys[i].min - 1),
                               ERANGE);
            assert_refused(&keys[i], "99999999999999999999", ERANGE);
            assert_refused(&keys[i], "-1", EINVAL);
        }
}
END_TEST

START_TEST(zero_is_taken_where_it_means_something)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_number(&keys[i]))
            continue;
        if (keys[i].min == 0 || keys[i].or_zero)
            assert_taken(&keys[i], "0");
        else
            assert_refused(&keys[i], "0", ERANGE);
    }
}
END_TEST

START_TEST(a_number_in_the_unit_of_something_else_is_refused)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].type == SETTINGS_SIZE)
            assert_refused(&keys[i], "5s", EINVAL);
        if (keys[i].type == SETTINGS_TIME)
            assert_refused(&keys[i], "5K", EINVAL);
        if (keys[i].type == SETTINGS_COUNT)
            assert_refused(&keys[i], "5K", EINVAL);
        if (is_number(&keys[i]))
            assert_refused(&keys[i], "five", EINVAL);
    }
}
END_TEST

START_TEST(every_name_is_taken_in_either_case_and_no_other)
{
    char upper[64];

    for (size_t i = 0; i < count; i++) {
        if (keys[i].type != SETTINGS_NAME)
            continue;
        for (const struct settings_name *n = keys[i].names; n->name; n++) {
            assert_taken(&keys[i], n->name);
            ck_assert_str_eq(shown(&keys[i]), n->name);
            ck_assert_ptr_nonnull(strstr(allowed(&keys[i]), n->name));
            strcpy(upper, n->name);
            upper[0] = (char)(upper[0] - 'a' + 'A');
            assert_taken(&keys[i], upper);
        }
        assert_refused(&keys[i], "nothing", EINVAL);
        assert_refused(&keys[i], "", EINVAL);
    }
}
END_TEST

START_TEST(every_boolean_is_taken_and_shown_as_yes_or_no)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].type == SETTINGS_BOOL) {
            assert_taken(&keys[i], "on");
            ck_assert_str_eq(shown(&keys[i]), "yes");
            assert_taken(&keys[i], "FALSE");
            ck_assert_str_eq(shown(&keys[i]), "no");
            assert_refused(&keys[i], "2", EINVAL);
            ck_assert_str_eq(allowed(&keys[i]), "yes, no");
        }
}
END_TEST

START_TEST(every_text_is_printable_and_fits_its_line)
{
    char text[SETTINGS_LINE_MAX + 1];

    for (size_t i = 0; i < count; i++) {
        size_t room = SETTINGS_LINE_MAX - strlen(keys[i].name) - strlen(" = ");

        if (keys[i].type != SETTINGS_TEXT && keys[i].type != SETTINGS_PATH)
            continue;
        assert_taken(&keys[i], "");
        assert_taken(&keys[i], "/with a blank, #, = and \xc3\xa4");
        assert_refused(&keys[i], "/a\nb", EINVAL);
        assert_refused(&keys[i], "/a\tb", EINVAL);
        assert_refused(&keys[i], "/a\x7f", EINVAL);
        assert_refused(&keys[i], "/a ;b", EINVAL);
        assert_refused(&keys[i], "\"/a\"", EINVAL);
        memset(text, '/', room);
        text[room] = '\0';
        assert_taken(&keys[i], text);
        strcpy(text + room, "/");
        assert_refused(&keys[i], text, EMSGSIZE);
    }
}
END_TEST

START_TEST(every_path_is_absolute_or_empty)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].type == SETTINGS_PATH) {
            assert_refused(&keys[i], "run/file", EINVAL);
            assert_refused(&keys[i], "./file", EINVAL);
        }
}
END_TEST

static const char *const good_listens[] = {
    "*",
    "127.0.0.1",
    "127.0.0.1:7, [::1]:7",
    "127.0.0.1:7,[::1]:7",
    " , 127.0.0.1 ,, ::1 ",
    "127.0.0.1:7\t[::1]:7,\t*",
    "unix:/run/echod.sock *",
};

START_TEST(addresses_to_listen_on_are_separated_by_commas_or_blanks)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].type == SETTINGS_LISTEN)
            assert_taken(&keys[i], good_listens[_i]);
}
END_TEST

static const struct {
    const char *text;
    int error;
} bad_listens[] = {
    { "", EINVAL },
    { " , ", EINVAL },
    { "localhost", EINVAL },
    { "* 127.0.0.256", EINVAL },
    { "127.0.0.1:65536", ERANGE },
    { "*:80", EINVAL },
    { "unix:run", EINVAL },
    { "unix:/a\nb", EINVAL },
    { "unix:/a;b", EINVAL },
    { "fe80::1%no-such-link", ENXIO },
};

START_TEST(what_is_no_address_to_listen_on_is_refused)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].type == SETTINGS_LISTEN)
            assert_refused(&keys[i], bad_listens[_i].text,
                           bad_listens[_i].error);
}
END_TEST

START_TEST(networks_are_separated_by_commas_or_blanks)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].type == SETTINGS_NETS) {
            assert_taken(&keys[i], "");
            assert_taken(&keys[i], "192.0.2.0/24,2001:db8::/32");
            assert_taken(&keys[i], "192.0.2.0/24,\t2001:db8::/32 ::1");
            assert_refused(&keys[i], "192.0.2.0/33", ERANGE);
            assert_refused(&keys[i], "host", EINVAL);
        }
}
END_TEST

START_TEST(a_range_is_told_with_its_units)
{
    char low[UNITS_TEXT_MAX], high[UNITS_TEXT_MAX];

    for (size_t i = 0; i < count; i++) {
        if (keys[i].type != SETTINGS_SIZE && keys[i].type != SETTINGS_TIME)
            continue;
        (keys[i].type == SETTINGS_SIZE ? units_format_size
                                       : units_format_time)(low, keys[i].min);
        (keys[i].type == SETTINGS_SIZE ? units_format_size
                                       : units_format_time)(high, keys[i].max);
        ck_assert_ptr_nonnull(strstr(allowed(&keys[i]), low));
        ck_assert_ptr_nonnull(strstr(allowed(&keys[i]), high));
    }
}
END_TEST

START_TEST(a_copy_is_equal_and_owns_its_text)
{
    struct settings *other = settings_new();

    ck_assert_ptr_nonnull(other);
    for (size_t i = 0; i < count; i++) {
        const struct settings_key *key = &keys[i];
        const char *text = "/x";

        if (key->type == SETTINGS_NAME)
            text = key->names[1].name;
        else if (key->type == SETTINGS_BOOL)
            text = strcmp(key->preset, "yes") == 0 ? "no" : "yes";
        else if (key->type == SETTINGS_LISTEN || key->type == SETTINGS_NETS)
            text = "192.0.2.1";
        else if (is_number(key))
            text = in_unit(key, key->max);
        ck_assert_int_eq(settings_value_parse(settings, key, text), 0);
        if (settings_value_equal(settings, other, key)) /* the default */
            ck_assert_int_eq(settings_value_parse(settings, key,
                                                  in_unit(key, key->min)),
                             0);
        ck_assert(!settings_value_equal(settings, other, key));
        ck_assert_int_eq(settings_value_copy(other, settings, key), 0);
        ck_assert(settings_value_equal(settings, other, key));
    }
    settings_free(other);
}
END_TEST

static int stop_at_b(const char *word, void *arg)
{
    strcat(arg, word);
    return strcmp(word, "b") == 0 ? 7 : 0;
}

START_TEST(a_walk_through_a_list_stops_where_it_is_told_to)
{
    char seen[16] = "";

    ck_assert_int_eq(settings_value_each("a, b c", stop_at_b, seen), 7);
    ck_assert_str_eq(seen, "ab");
    ck_assert_int_eq(settings_value_each("", stop_at_b, seen), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings_value");
    TCase *tests = tcase_create("settings_value");

    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_default_is_a_value_of_its_key);
    tcase_add_test(tests, every_number_is_taken_from_its_least_to_its_most);
    tcase_add_test(tests, every_number_is_refused_below_and_above);
    tcase_add_test(tests, zero_is_taken_where_it_means_something);
    tcase_add_test(tests,
                   a_number_in_the_unit_of_something_else_is_refused);
    tcase_add_test(tests, every_name_is_taken_in_either_case_and_no_other);
    tcase_add_test(tests, every_boolean_is_taken_and_shown_as_yes_or_no);
    tcase_add_test(tests, every_text_is_printable_and_fits_its_line);
    tcase_add_test(tests, every_path_is_absolute_or_empty);
    tcase_add_loop_test(
        tests, addresses_to_listen_on_are_separated_by_commas_or_blanks, 0,
        UNIT_LENGTH(good_listens));
    tcase_add_loop_test(tests, what_is_no_address_to_listen_on_is_refused, 0,
                        UNIT_LENGTH(bad_listens));
    tcase_add_test(tests, networks_are_separated_by_commas_or_blanks);
    tcase_add_test(tests, a_range_is_told_with_its_units);
    tcase_add_test(tests, a_copy_is_equal_and_owns_its_text);
    tcase_add_test(tests, a_walk_through_a_list_stops_where_it_is_told_to);
    return unit_run(suite);
}
