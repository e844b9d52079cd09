/*
 * unit_settings: a file, what is loaded from it, and what is said of it.
 */
#ifndef ECHO_TESTS_UNIT_SETTINGS_H
#define ECHO_TESTS_UNIT_SETTINGS_H

#include "settings.h"

#include "unit.h"

static const char *file;
static struct settings *settings;
static char *said; /* every mistake of the last load, FILE cut off */

static inline void set_up(void)
{
    unit_folder_make();
    file = unit_path("echod.ini");
}

static inline void tear_down(void)
{
    settings_free(settings);
    free(said);
    unlink(file);
    unit_folder_remove();
}

/* Takes "FILE" away from before each ":LINE: message". */
static inline void cut_file(char *text)
{
    size_t len = strlen(file);

    for (char *p = text; (p = strstr(p, file)) != NULL;)
        memmove(p, p + len, strlen(p + len) + 1);
}

static inline int load_both(const char *path, const char *const *assignments)
{
    size_t size;
    FILE *errors;
    int result, error;

    free(said);
    errors = open_memstream(&said, &size);
    settings_free(settings);
    settings = settings_new();
    ck_assert_ptr_nonnull(settings);
    result = settings_load(settings, path,
                           (char *const *)(uintptr_t)assignments, errors);
    error = errno;
    ck_assert_int_eq(fclose(errors), 0);
    cut_file(said);
    errno = error;
    return result;
}

#endif
