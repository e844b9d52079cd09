/*
 * fdlimit: room for descriptors, RLIMIT_NOFILE.
 */
#ifndef ECHO_FDLIMIT_H
#define ECHO_FDLIMIT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Raises the soft limit to need descriptors where it is lower, and the hard
 * limit where that is lower still, which takes privileges.  0, or -1 with a
 * sentence with the numbers in error.
 */
int fdlimit_raise(int64_t need, char *error, size_t size);

/* Raises the soft limit towards want as far as the hard one allows.  Returns
 * how many descriptors there may be then, at most want. */
int64_t fdlimit_reach(int64_t want);

#endif
