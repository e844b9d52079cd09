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

struct settings_mistakes {
    FILE *errors;
    int count;
    const char *path;       /* of the file, or NULL */
    const char *assignment; /* the -o that is being read, or NULL */
};

/* One mistake; line 0: in the file, but on no line of it. */
void settings_mistake(struct settings_mistakes *m, unsigned line,
                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A section that does not exist. */
void settings_mistake_section(struct settings_mistakes *m, unsigned line,
                              const char *name);

/* A key that does not exist, or not in this section. */
void settings_mistake_key(struct settings_mistakes *m, unsigned line,
                          const char *section, const char *name);

/* A value that settings_value_parse() refused with this errno. */
void settings_mistake_value(struct settings_mistakes *m, unsigned line,
                            const struct settings_key *key,
                            const char *value);

#endif
