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

/* Whether the value is a list of words. */
bool settings_value_is_list(const struct settings_key *key);

/*
 * Stores text as the value of key.  0, or -1 with errno: EINVAL (no such
 * value), ERANGE (outside min and max), EMSGSIZE (a text, or a word of a list,
 * whose line would be over SETTINGS_LINE_MAX), ENOMEM; the old value stays
 * then.  A list is kept with ", " between its words, at any length.
 */
int settings_value_parse(struct settings *settings,
                         const struct settings_key *key, const char *text);

/* Adds the words of text to the list; as settings_value_parse(). */
int settings_value_append(struct settings *settings,
                          const struct settings_key *key, const char *text);

/* Whether a word may be in the list: 0, or -1 with errno as above. */
int settings_value_check_word(const struct settings_key *key,
                              const char *word);

/* Writes the value, in the form that settings_value_parse() reads. */
void settings_value_print(const struct settings *settings,
                          const struct settings_key *key, FILE *out);

/* The same with the blank that goes before it, and a list in lines of a good
 * length: what stands behind "key =" in a file. */
void settings_value_dump(const struct settings *settings,
                         const struct settings_key *key, FILE *out);

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
