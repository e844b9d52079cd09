/*
 * pidfile: the process number in a file, and at most one process with it.
 */
#ifndef ECHO_PIDFILE_H
#define ECHO_PIDFILE_H

#include <stddef.h>

/*
 * Creates or takes over the file at path, locks it for as long as the process
 * lives (fcntl(2), so not across fork), and writes the process number.
 * Returns a descriptor to keep open, or -1 with a sentence in error.
 */
int pidfile_create(const char *path, char *error, size_t size);

/* Removes the file; where the folder may no longer be written to, or the path
 * leads to another file by now, empties it.  fd -1 is fine. */
void pidfile_remove(const char *path, int fd);

#endif
