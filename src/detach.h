/*
 * detach: from a shell's child to a daemon.
 */
#ifndef ECHO_DETACH_H
#define ECHO_DETACH_H

#include <stdbool.h>

/*
 * Opens /dev/null on those of descriptors 0 to 2 that are closed, so that no
 * socket ever gets such a number and a client a line of the log.  0, or -1
 * with errno.
 */
int detach_fill_standard(void);

/*
 * Forks.  Returns in the child only, in a session of its own; the parent
 * stays until detach_ready() and exits with 0, or until the child has ended
 * and exits with its code.  -1 with errno, in the caller.
 */
int detach_begin(void);

/*
 * The child serves: lets the parent exit, goes to / and leaves the terminal
 * (standard error only where keep_stderr is false).  Does nothing where there
 * was no detach_begin().
 */
void detach_ready(bool keep_stderr);

#endif
