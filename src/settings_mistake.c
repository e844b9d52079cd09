#include <config.h>

#include "settings_mistake.h"
#include "nearest.h"
#include "settings_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

static void begin(struct settings_mistakes *m)
{
    m->count++;
    if (m->at.assignment != NULL)
        fprintf(m->errors, "-o %s: ", m->at.assignment);
    else if (m->at.line != 0)
        fprintf(m->errors, "%s:%u: ", m->path, m->at.line);
    else if (m->path != NULL)
        fprintf(m->errors, "%s: ", m->path);
}

void settings_mistake(struct settings_mistakes *m, const char *format, ...)
{
    va_list args;

    begin(m);
    va_start(args, format);
    vfprintf(m->errors, format, args);
    va_end(args);
    fputc('\n', m->errors);
}

const char *settings_mistake_section(struct settings_mistakes *m,
                                     const char *name)
{
    size_t count, best = SIZE_MAX;
    const struct settings_key *keys = settings_keys(&count);
    const char *meant = NULL, *last = "";

    for (size_t i = 0; i < count; i++)
        if (nearest(name, keys[i].section, &best))
            meant = keys[i].section;
    begin(m);
    fprintf(m->errors, "unknown section [%s]", name);
    if (meant != NULL)
        fprintf(m->errors, "; did you mean [%s]?", meant);
    fputs(" (sections:", m->errors);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].section, last) != 0)
            fprintf(m->errors, " %s", keys[i].section);
        last = keys[i].section;
    }
    fputs(")\n", m->errors);
    return meant;
}

const struct settings_key *settings_mistake_key(struct settings_mistakes *m,
                                                const char *section,
                                                const char *name)
{
    size_t count, best = SIZE_MAX;
    const struct settings_key *keys = settings_keys(&count), *meant = NULL;

    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].section, section) == 0 &&
            nearest(name, keys[i].name, &best))
            meant = &keys[i];
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0)
            meant = &keys[i];
    begin(m);
    fprintf(m->errors, "unknown key %s.%s", section, name);
    if (meant != NULL)
        fprintf(m->errors, "; did you mean %s.%s?", meant->section,
                meant->name);
    fputs(" (echod -T shows them all)\n", m->errors);
    return meant;
}

void settings_mistake_value(struct settings_mistakes *m,
                            const struct settings_key *key, const char *value)
{
    const char *why = errno == ERANGE         ? "is out of range"
                      : errno == EMSGSIZE     ? "is too long"
                      : errno == ENAMETOOLONG ? "has a path that is too long"
                      : errno == ENXIO        ? "names no interface"
                      : errno == ENOMEM       ? "does not fit in memory"
                                              : "is not a value of this key";

    begin(m);
    fprintf(m->errors, "%s.%s: \"%s\" %s; allowed: ", key->section, key->name,
            value, why);
    settings_value_print_allowed(key, m->errors);
    if (strchr(value, '#') != NULL)
        fputs("; a comment behind a value begins with \" ;\"", m->errors);
    fputc('\n', m->errors);
}
