/*
 * harden: what the process gives up for good.
 *
 * One file a system: harden_linux.c, harden_posix.c.
 */
#ifndef ECHO_HARDEN_H
#define ECHO_HARDEN_H

#include <stddef.h>

/*
 * Closes every descriptor from first on, which whoever started the process
 * has left open; and from now on files are made for others to read at most,
 * and no core is dumped, which would hold what clients have sent.
 */
void harden_begin(int first);

/*
 * Before the change of user: no program that is run could gain a privilege.
 * Without the right to do so, nothing is changed.
 */
void harden_bounds(void);

/*
 * After it: no capability is left but the one to bind to ports below 1024, if
 * it is there (a reload may name such a port), and nothing can be gained by
 * exec(2).  0, or -1 with a sentence in error.
 */
int harden_finish(char *error, size_t size);

#endif
