/*
 * heap: memory that was given back, and the system.
 *
 * One file a platform: heap_glibc.c, and heap_posix.c where the C library is
 * left to it.
 */
#ifndef ECHO_HEAP_H
#define ECHO_HEAP_H

/*
 * Gives whole pages that nothing uses back to the system, those between used
 * ones too.  It looks at all that is free: for when much of it is.
 */
void heap_trim(void);

#endif
