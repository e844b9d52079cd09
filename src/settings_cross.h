/*
 * settings_cross: the rules that cross keys.
 *
 * The settings' own; others get the mistakes from settings_load().
 */
#ifndef ECHO_SETTINGS_CROSS_H
#define ECHO_SETTINGS_CROSS_H

#include "settings.h"
#include "settings_mistake.h"

/* At least as many as there are keys. */
#define SETTINGS_KEYS_MAX 64

/* Where each key was set, in the order of the table. */
struct settings_places {
    struct settings_place of[SETTINGS_KEYS_MAX];
};

struct settings_place *settings_place_of(struct settings_places *places,
                                         const struct settings_key *key);

/*
 * Checks what no key can tell by itself.  A mistake stands where one of its
 * keys was set: by an option rather than in the file, since that is what made
 * a good file wrong.
 */
void settings_cross_check(const struct settings *settings,
                          struct settings_places *places,
                          struct settings_mistakes *mistakes);

#endif
