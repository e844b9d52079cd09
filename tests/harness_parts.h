/*
 * harness_parts: what the files of the harness have in common; tests include
 * harness.h.
 *
 *   harness_suite.c  the program: its suite, what it must not leave behind
 *   harness.c        one echod: its folder, start and end
 *   harness_log.c    its log, read and searched while it runs
 *   harness_proc.c   what the system says of it
 */
#ifndef ECHO_HARNESS_PARTS_H
#define ECHO_HARNESS_PARTS_H

#include "harness.h"

/* The folder of the test program, with one of each echod below it. */
extern char harness_top[HARNESS_PATH_MAX - 64];

/* Removes a folder with all that is in it. */
void harness_remove(const char *path);

/* Reads all that comes out of fd, which is taken over, into the log. */
void harness_log_read(struct harness *h, int fd);

/* Waits for the end of it and begins an empty one. */
void harness_log_forget(struct harness *h);

#endif
