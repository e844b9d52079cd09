#include <config.h>

#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *suffix;
    int64_t factor;
};

/* Largest first: the formatter takes the first that divides. */
static const struct unit sizes[] = {
    { "M", INT64_C(1024) * 1024 }, { "K", 1024 }, { "", 1 }, { NULL, 0 }
};

static const struct unit times[] = { { "h", 3600000 }, { "m", 60000 },
                                     { "s", 1000 },    { "ms", 1 },
                                     { NULL, 0 } };

/* Digits from the start of text; *rest is what follows them. */
static int parse_digits(const char *text, const char **rest, int64_t *value)
{
    int64_t sum = 0;
    const char *p = text;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (sum > (INT64_MAX - (*p - '0')) / 10) {
            errno = ERANGE;
            return -1;
        }
        sum = sum * 10 + (*p - '0');
    }
    if (p == text) {
        errno = EINVAL;
        return -1;
    }
    *rest = p;
    *value = sum;
    return 0;
}

static int parse_with(const struct unit *units, const char *text,
                      int64_t bare_factor, int64_t *value)
{
    const char *suffix;
    int64_t number, factor = 0;

    if (parse_digits(text, &suffix, &number) == -1)
        return -1;
    if (*suffix == '\0')
        factor = bare_factor;
    else
        for (; units->suffix != NULL; units++)
            if (strcasecmp(suffix, units->suffix) == 0)
                factor = units->factor;
    if (factor == 0) {
        errno = EINVAL;
        return -1;
    }
    if (number > INT64_MAX / factor) {
        errno = ERANGE;
        return -1;
    }
    *value = number * factor;
    return 0;
}

static void format_with(const struct unit *units, char *text, int64_t value)
{
    while (units->factor > 1 && value % units->factor != 0)
        units++;
    snprintf(text, UNITS_TEXT_MAX, "%" PRId64 "%s", value / units->factor,
             units->suffix);
}

int units_parse_count(const char *text, int64_t *value)
{
    static const struct unit none[] = { { NULL, 0 } };

    return parse_with(none, text, 1, value);
}

void units_format_count(char text[UNITS_TEXT_MAX], int64_t value)
{
    snprintf(text, UNITS_TEXT_MAX, "%" PRId64, value);
}

int units_parse_size(const char *text, int64_t *bytes)
{
    return parse_with(sizes, text, 1, bytes);
}

void units_format_size(char text[UNITS_TEXT_MAX], int64_t bytes)
{
    if (bytes == 0)
        units_format_count(text, 0);
    else
        format_with(sizes, text, bytes);
}

int units_parse_time(const char *text, int64_t *ms)
{
    return parse_with(times, text, 1000, ms);
}

void units_format_time(char text[UNITS_TEXT_MAX], int64_t ms)
{
    if (ms == 0)
        units_format_count(text, 0);
    else
        format_with(times, text, ms);
}

int units_parse_bool(const char *text, bool *value)
{
    static const char *const words[][2] = {
        { "no", "yes" }, { "false", "true" }, { "off", "on" }, { "0", "1" }
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int v = 0; v < 2; v++)
            if (strcasecmp(text, words[i][v]) == 0) {
                *value = v == 1;
                return 0;
            }
    errno = EINVAL;
    return -1;
}

const char *units_format_bool(bool value)
{
    return value ? "yes" : "no";
}
