#include <config.h>

#include "nearest.h"

#include <string.h>

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's distance; words of the table and of a line are short. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NEAREST_MAX + 1], len = strlen(b);

    if (len > NEAREST_MAX)
        return len;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < len; j++) {
            size_t above = row[j + 1];

            row[j + 1] =
                min3(above + 1, row[j] + 1, diagonal + (a[i] != b[j] ? 1 : 0));
            diagonal = above;
        }
    }
    return row[len];
}

bool nearest(const char *found, const char *known, size_t *best)
{
    size_t d = distance(found, known);

    if (d > 1 + strlen(known) / 3 || d >= *best)
        return false;
    *best = d;
    return true;
}
