/*
 * settings: the INI file as a struct, and back.
 *
 * What keys there are stands in settings_table.h, one row a key.
 */
#ifndef ECHO_SETTINGS_H
#define ECHO_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "addr.h"
#include "poller_policy.h"
#include "settings_table.h"

/* All defaults; NULL with errno ENOMEM. */
struct settings *settings_new(void);

/* NULL is fine. */
void settings_free(struct settings *settings);

/*
 * Reads a file (NULL: none), then assignments ("SECTION.KEY=VALUE", the list
 * ends in NULL), then checks the rules that cross keys.  Every mistake goes to
 * errors as a line of its own, "FILE:LINE: message".  Returns how many there
 * were: with any, settings is good for nothing but settings_free().  -1 with
 * errno where the file cannot be read at all (EINVAL: not a regular file nor
 * /dev/null, EFBIG: larger than 1 MiB), and a line in errors that says so.
 */
int settings_load(struct settings *settings, const char *path,
                  char *const *assignments, FILE *errors);

/* Every key with its help as a comment, as a file that settings_load() reads
 * back to the same settings.  0, or -1 with errno. */
int settings_dump(const struct settings *settings, FILE *out);

/*
 * Writes what differs, "limits.idle_timeout 1h -> 5m; process.user needs a
 * restart", and gives next the old value of each key that is not live, so
 * that it tells what is in force.  Returns how many keys differ, or -1 with
 * errno ENOMEM.
 */
int settings_diff(const struct settings *now, struct settings *next,
                  FILE *out);

/* Descriptors that echod needs besides clients and listening sockets. */
#define SETTINGS_SPARE_FDS 16

/* One entry of server.listen, with its port. */
struct settings_listen {
    struct addr addr;
    bool optional; /* one family of "*", which the host may not have */
};

/* The entries, to be freed by the caller, and how many; NULL with ENOMEM. */
struct settings_listen *settings_listens(const struct settings *settings,
                                         size_t *count);

/* What server.poller stands for. */
const struct poller_policy *settings_poller(const struct settings *settings);

#endif
