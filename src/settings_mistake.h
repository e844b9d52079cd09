/*
 * settings_mistake: what is wrong with a configuration, where, and what is
 * allowed; a line a mistake.
 *
 * The settings' own; others get the lines from settings_load().
 */
#ifndef ECHO_SETTINGS_MISTAKE_H
#define ECHO_SETTINGS_MISTAKE_H

#include <stdio.h>

#include "settings_table.h"

/* Where something was written; all zero: nowhere. */
struct settings_place {
    const char *assignment; /* the text of the -o, or NULL */
    unsigned line;          /* else of the file; 0: on no line of it */
};

struct settings_mistakes {
    FILE *errors;
    int count;
    const char *path;         /* of the file, or NULL */
    struct settings_place at; /* where the next mistake is */
};

/* One mistake. */
void settings_mistake(struct settings_mistakes *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A section that does not exist; returns the one that was meant, or NULL. */
const char *settings_mistake_section(struct settings_mistakes *m,
                                     const char *name);

/* A key that does not exist, or not in this section; returns the one that was
 * meant, or NULL. */
const struct settings_key *settings_mistake_key(struct settings_mistakes *m,
                                                const char *section,
                                                const char *name);

/* A value that settings_value_parse() refused with this errno. */
void settings_mistake_value(struct settings_mistakes *m,
                            const struct settings_key *key,
                            const char *value);

#endif
