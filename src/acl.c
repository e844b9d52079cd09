#include <config.h>

#include "acl.h"
#include "prefix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* First to last address of an entry. */
struct acl_range {
    struct prefix first, last;
};

static int add(struct acl *acl, size_t *room, const char *word)
{
    struct acl_range range, *ranges;
    unsigned bits;

    if (prefix_parse(&range.first, &bits, word) == -1)
        return -1;
    range.last = prefix_last(&range.first, bits);
    if (acl->count == *room) {
        *room = *room == 0 ? 8 : *room * 2;
        ranges = realloc(acl->ranges, *room * sizeof *ranges);
        if (ranges == NULL)
            return -1;
        acl->ranges = ranges;
    }
    acl->ranges[acl->count++] = range;
    return 0;
}

static int add_words(struct acl *acl, char *text)
{
    size_t room = 0;
    char *rest = NULL;

    for (char *word = strtok_r(text, ", \t", &rest); word != NULL;
         word = strtok_r(NULL, ", \t", &rest))
        if (add(acl, &room, word) == -1)
            return -1;
    return 0;
}

/* By the first address; of two that begin alike, the larger one. */
static int compare(const void *a, const void *b)
{
    const struct acl_range *x = a, *y = b;
    int order = prefix_compare(&x->first, &y->first);

    return order != 0 ? order : prefix_compare(&y->last, &x->last);
}

/* Two networks are apart or one is in the other, so that the one before is
 * all that a network can be in once they are in order. */
static void drop_nested(struct acl *acl)
{
    size_t kept = 0;

    for (size_t i = 0; i < acl->count; i++)
        if (kept == 0 || prefix_compare(&acl->ranges[i].first,
                                        &acl->ranges[kept - 1].last) > 0)
            acl->ranges[kept++] = acl->ranges[i];
    acl->count = kept;
}

int acl_parse(struct acl *acl, const char *text)
{
    char *copy = strdup(text);
    int result, error;

    *acl = (struct acl){ 0 };
    if (copy == NULL)
        return -1;
    result = add_words(acl, copy);
    error = errno;
    free(copy);
    if (result == -1) {
        acl_free(acl);
        errno = error;
        return -1;
    }
    if (acl->count > 0)
        qsort(acl->ranges, acl->count, sizeof *acl->ranges, compare);
    drop_nested(acl);
    return 0;
}

bool acl_match(const struct acl *acl, const struct addr *addr)
{
    size_t low = 0, high = acl->count;
    struct prefix p;

    if (!prefix_of(&p, addr))
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (prefix_compare(&acl->ranges[middle].first, &p) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && prefix_compare(&p, &acl->ranges[low - 1].last) <= 0;
}

void acl_free(struct acl *acl)
{
    free(acl->ranges);
    *acl = (struct acl){ 0 };
}
