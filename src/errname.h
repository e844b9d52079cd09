/*
 * errname: an errno as its symbol, "ECONNRESET".
 *
 * One file a platform: errname_gnu.c asks the C library, errname_posix.c has
 * a short table of what sockets say.
 */
#ifndef ECHO_ERRNAME_H
#define ECHO_ERRNAME_H

/* Never NULL; "EUNKNOWN" for a number that has no name here. */
const char *errname(int error);

#endif
