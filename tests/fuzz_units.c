/*
 * Any text as a number of each kind: what is taken is not negative, and is
 * written as a text, no longer than it must be, that reads back the same.
 *
 * For libFuzzer, 'make fuzz'; 'make check' runs the same on tests/corpus.
 */
#include <config.h>

#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static const struct {
    int (*parse)(const char *, int64_t *);
    void (*format)(char[UNITS_TEXT_MAX], int64_t);
} kinds[] = {
    { units_parse_count, units_format_count },
    { units_parse_size, units_format_size },
    { units_parse_time, units_format_time },
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = strndup((const char *)bytes, size);
    char shown[UNITS_TEXT_MAX];
    int64_t value, again;
    bool yes = false, same = true;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        value = -7;
        if (kinds[i].parse(text, &value) == -1) {
            require(value == -7, "a value for no number");
            continue;
        }
        require(value >= 0, "a negative value");
        kinds[i].format(shown, value);
        require(strlen(shown) < UNITS_TEXT_MAX, "a text without an end");
        require(kinds[i].parse(shown, &again) == 0 && again == value,
                "another value");
    }
    if (units_parse_bool(text, &yes) == 0)
        require(units_parse_bool(units_format_bool(yes), &same) == 0 &&
                    same == yes,
                "another truth");
    free(text);
    return 0;
}
