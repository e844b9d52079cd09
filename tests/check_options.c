#include <config.h>

#include "options.h"

#include "unit.h"

#include <getopt.h>

static struct options options;
static char said[4096]; /* what the last parse wrote on standard error */

/* Parses echod and these words; what it says goes to said. */
static int parse(const char *const *words)
{
    char *argv[16] = { (char *)(uintptr_t) "echod" };
    char path[] = "/tmp/echod-unit-options.XXXXXX";
    int argc = 1, result, out = mkstemp(path), saved = dup(STDERR_FILENO);
    ssize_t len;

    ck_assert_int_ne(out, -1);
    unlink(path);
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    fflush(stderr);
    dup2(out, STDERR_FILENO);
    optind = 0; /* glibc: from the start, all state anew */
    result = options_parse(&options, argc, argv);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    len = pread(out, said, sizeof said - 1, 0);
    ck_assert_int_ge(len, 0);
    said[len] = '\0';
    close(out);
    return result;
}

START_TEST(no_option_is_the_default_file_and_to_serve)
{
    ck_assert_int_eq(parse((const char *const[]){ NULL }), 0);
    ck_assert_str_eq(options.config, ECHOD_INI);
    ck_assert_int_eq(options.mode, OPTIONS_SERVE);
    ck_assert(!options.detach);
    ck_assert(!options.to_stderr);
    ck_assert_ptr_null(options.assignments[0]);
    free(options.assignments);
}
END_TEST

static const char *const all_short[] = { "-c", "/f",  "-o", "a.b=c", "-d",
                                         "-e", "-od", NULL };
static const char *const all_long[] = { "--config=/f", "--set", "a.b=c",
                                        "--daemon",    "--stderr",
                                        "--set=d",     NULL };

START_TEST(every_option_is_taken_in_its_short_and_long_form)
{
    ck_assert_int_eq(parse(_i == 0 ? all_short : all_long), 0);
    ck_assert_str_eq(options.config, "/f");
    ck_assert_str_eq(options.assignments[0], "a.b=c");
    ck_assert_str_eq(options.assignments[1], "d");
    ck_assert_ptr_null(options.assignments[2]);
    ck_assert(options.detach);
    ck_assert(options.to_stderr);
    ck_assert_int_eq(options.mode, OPTIONS_SERVE);
    ck_assert_str_eq(said, "");
    free(options.assignments);
}
END_TEST

static const struct {
    const char *words[4];
    enum options_mode mode;
} modes[] = {
    { { "-t", NULL }, OPTIONS_TEST },
    { { "--test", NULL }, OPTIONS_TEST },
    { { "-t", "-t", NULL }, OPTIONS_TEST },
    { { "-T", NULL }, OPTIONS_DUMP },
    { { "--dump", NULL }, OPTIONS_DUMP },
    { { "-h", NULL }, OPTIONS_HELP },
    { { "--help", NULL }, OPTIONS_HELP },
    { { "-V", NULL }, OPTIONS_VERSION },
    { { "--version", NULL }, OPTIONS_VERSION },
    { { "-t", "-h", NULL }, OPTIONS_HELP },
    { { "-h", "-T", NULL }, OPTIONS_HELP },
    { { "-V", "-t", NULL }, OPTIONS_VERSION },
    { { "-h", "-V", NULL }, OPTIONS_HELP },
    { { "-V", "-h", NULL }, OPTIONS_VERSION },
};

START_TEST(a_mode_is_taken_and_help_and_version_win)
{
    ck_assert_int_eq(parse(modes[_i].words), 0);
    ck_assert_int_eq(options.mode, modes[_i].mode);
    free(options.assignments);
}
END_TEST

static const struct {
    const char *words[4];
    const char *says;
} bad[] = {
    { { "-t", "-T", NULL }, "exclude each other" },
    { { "-T", "-t", NULL }, "exclude each other" },
    { { "-x", NULL }, "'x'" },
    { { "--wrong", NULL }, "--wrong" },
    { { "-c", NULL }, "'c'" },
    { { "--set", NULL }, "--set" },
    { { "file.ini", NULL }, "file.ini" },
};

START_TEST(a_mistake_is_refused_and_named_above_the_usage)
{
    ck_assert_int_eq(parse(bad[_i].words), -1);
    ck_assert_msg(strstr(said, bad[_i].says) != NULL, "%s", said);
    ck_assert_msg(strstr(said, "usage: echod") != NULL, "%s", said);
    free(options.assignments);
}
END_TEST

/* What fn prints on standard output. */
static const char *printed(void (*fn)(void))
{
    char path[] = "/tmp/echod-unit-options.XXXXXX";
    int out = mkstemp(path), saved = dup(STDOUT_FILENO);
    ssize_t len;

    ck_assert_int_ne(out, -1);
    unlink(path);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    fn();
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    len = pread(out, said, sizeof said - 1, 0);
    ck_assert_int_ge(len, 0);
    said[len] = '\0';
    close(out);
    return said;
}

START_TEST(the_help_names_every_option_and_the_default_file)
{
    static const char *const names[] = { "-c, --config", "-o, --set",
                                         "-d, --daemon", "-e, --stderr",
                                         "-t, --test",   "-T, --dump",
                                         "-h, --help",   "-V, --version",
                                         ECHOD_INI };
    const char *help = printed(options_print_help);

    for (int i = 0; i < UNIT_LENGTH(names); i++)
        ck_assert_msg(strstr(help, names[i]) != NULL, "no %s", names[i]);
}
END_TEST

START_TEST(the_version_is_one_line)
{
    ck_assert_str_eq(printed(options_print_version),
                     "echod " PACKAGE_VERSION "\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, no_option_is_the_default_file_and_to_serve);
    tcase_add_loop_test(
        tests, every_option_is_taken_in_its_short_and_long_form, 0, 2);
    tcase_add_loop_test(tests, a_mode_is_taken_and_help_and_version_win, 0,
                        UNIT_LENGTH(modes));
    tcase_add_loop_test(tests, a_mistake_is_refused_and_named_above_the_usage,
                        0, UNIT_LENGTH(bad));
    tcase_add_test(tests, the_help_names_every_option_and_the_default_file);
    tcase_add_test(tests, the_version_is_one_line);
    return unit_run(suite);
}
