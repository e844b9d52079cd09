/*
 * Every file of a fuzzer's corpus, in every kind of build.  check_corpus_acl
 * has the corpus "acl"; check_corpus that of the settings.
 */
#include <config.h>

#include <check.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void run_file(const char *dir, const char *name)
{
    static uint8_t bytes[65536];
    char path[4096];
    FILE *file;
    size_t size;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
}

static const char *corpus = "settings";

START_TEST(every_file_passes_the_checks_of_its_fuzz_target)
{
    char dir[2048];
    struct dirent **entries;
    int n;
    int ran = 0;

    snprintf(dir, sizeof dir, "%s/tests/corpus/%s", getenv("SRCDIR"), corpus);
    n = scandir(dir, &entries, NULL, alphasort);
    ck_assert_int_gt(n, 0);
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            run_file(dir, entries[i]->d_name);
            ran++;
        }
        free(entries[i]);
    }
    free(entries);
    ck_assert_int_gt(ran, 0);
}
END_TEST

int main(int argc, char **argv)
{
    const char *name = strstr(argv[0], "check_corpus_");
    Suite *suite = suite_create("corpus");
    TCase *all = tcase_create("all");

    (void)argc;
    if (name != NULL)
        corpus = name + strlen("check_corpus_");
    tcase_add_test(all, every_file_passes_the_checks_of_its_fuzz_target);
    suite_add_tcase(suite, all);
    return unit_run(suite);
}
