/*
 * settings_value: one value of the table, as text and back.
 *
 * The settings' own; others include settings.h.
 */
#ifndef ECHO_SETTINGS_VALUE_H
#define ECHO_SETTINGS_VALUE_H

#include <stdio.h>

#include "settings_table.h"

/* The longest line: inih reads into 200 bytes, with "\n" and the end. */
#define SETTINGS_LINE_MAX 198

/*
 * Stores text as the value of key.  0, or -1 with errno: EINVAL (no such
 * value), ERANGE (outside min and max), EMSGSIZE (a text whose line would be
 * over SETTINGS_LINE_MAX), ENOMEM; the old value stays then.
 */
int settings_value_parse(struct settings *settings,
                         const struct settings_key *key, const char *text);

/* Writes the value, in the form that settings_value_parse() reads. */
void settings_value_print(const struct settings *settings,
                          const struct settings_key *key, FILE *out);

/* Whether settings_value_print() writes nothing. */
bool settings_value_is_empty(const struct settings *settings,
                             const struct settings_key *key);

/* Writes what is allowed: "1 to 65535", "yes or no", ... */
void settings_value_print_allowed(const struct settings_key *key, FILE *out);

bool settings_value_equal(const struct settings *a, const struct settings *b,
                          const struct settings_key *key);

/* Gives to the value of from; 0, or -1 with ENOMEM. */
int settings_value_copy(struct settings *to, const struct settings *from,
                        const struct settings_key *key);

/* Frees what the value owns. */
void settings_value_free(struct settings *settings,
                         const struct settings_key *key);

/* Calls fn with each entry of a list; stops at, and returns, the first result
 * that is not 0.  Separators: commas and blanks. */
int settings_value_each(const char *list, int (*fn)(const char *, void *),
                        void *arg);

#endif
