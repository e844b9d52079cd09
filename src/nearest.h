/*
 * nearest: which known word somebody may have meant.
 */
#ifndef ECHO_NEAREST_H
#define ECHO_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/* Words longer than this are near to nothing. */
#define NEAREST_MAX 200

/*
 * Whether known is near enough to found to be meant (Levenshtein's distance,
 * about one letter in three) and nearer than *best, which is then its
 * distance.  Begin with *best SIZE_MAX and try all.
 */
bool nearest(const char *found, const char *known, size_t *best);

#endif
