#include <config.h>

#include "settings_value.h"
#include "acl.h"
#include "addr.h"
#include "units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int64_t *number_at(const struct settings *settings,
                          const struct settings_key *key)
{
    return (int64_t *)(void *)((char *)(uintptr_t)settings + key->offset);
}

static char **text_at(const struct settings *settings,
                      const struct settings_key *key)
{
    return (char **)(void *)((char *)(uintptr_t)settings + key->offset);
}

bool settings_value_is_list(const struct settings_key *key)
{
    return key->type == SETTINGS_LISTEN || key->type == SETTINGS_NETS;
}

static bool is_text(const struct settings_key *key)
{
    return key->type == SETTINGS_TEXT || key->type == SETTINGS_PATH ||
           settings_value_is_list(key);
}

/* ---- reading ---- */

int settings_value_each(const char *list, int (*fn)(const char *, void *),
                        void *arg)
{
    static const char separators[] = ", \t";
    char *copy = strdup(list), *rest = NULL;
    int result = 0;

    if (copy == NULL)
        return -1;
    for (char *word = strtok_r(copy, separators, &rest);
         word != NULL && result == 0; word = strtok_r(NULL, separators, &rest))
        result = fn(word, arg);
    free(copy);
    return result;
}

/*
 * Quotes are not part of the format, so a name in them is never meant so; and
 * a semicolon behind a blank would begin a comment when it is read back.
 */
static int parse_text(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '"' || *p == ';') {
            errno = EINVAL;
            return -1;
        }
    return 0;
}

/* Absolute: a daemon's working directory is / from some moment on. */
static int parse_path(const char *text)
{
    if (text[0] == '\0' || text[0] == '/')
        return parse_text(text);
    errno = EINVAL;
    return -1;
}

static int check_listen(const char *word, void *count)
{
    struct addr addr;

    ++*(size_t *)count;
    if (strcmp(word, "*") == 0)
        return 0;
    return parse_text(word) == -1 ? -1 : addr_parse(&addr, word, 0);
}

static int parse_listen(const char *text)
{
    size_t count = 0;

    if (settings_value_each(text, check_listen, &count) == -1)
        return -1;
    if (count > 0)
        return 0;
    errno = EINVAL;
    return -1;
}

static int parse_nets(const char *text)
{
    struct acl acl;

    if (acl_parse(&acl, text) == -1)
        return -1;
    acl_free(&acl);
    return 0;
}

/* Whether a line of the file can hold it. */
static int check_length(const struct settings_key *key, const char *text)
{
    if (strlen(key->name) + strlen(" = ") + strlen(text) <= SETTINGS_LINE_MAX)
        return 0;
    errno = EMSGSIZE;
    return -1;
}

static void set_text(struct settings *settings, const struct settings_key *key,
                     char *text)
{
    free(*text_at(settings, key));
    *text_at(settings, key) = text;
}

static int store_text(struct settings *settings, const struct settings_key *key,
                      const char *text)
{
    char *copy;

    if (!settings_value_is_list(key) && check_length(key, text) == -1)
        return -1;
    copy = strdup(text);
    if (copy == NULL)
        return -1;
    set_text(settings, key, copy);
    return 0;
}

struct words {
    const struct settings_key *key;
    char *end;
    size_t count;
};

static int add_word(const char *word, void *arg)
{
    struct words *words = arg;

    if (check_length(words->key, word) == -1)
        return -1;
    if (words->count++ > 0)
        words->end = stpcpy(words->end, ", ");
    words->end = stpcpy(words->end, word);
    return 0;
}

/* Old, and behind it the words of text; each may need a comma and a blank. */
static int store_list(struct settings *settings,
                      const struct settings_key *key, const char *old,
                      const char *text)
{
    char *list = malloc(strlen(old) + 2 + 3 * strlen(text) + 1);
    struct words words = { .key = key, .count = old[0] != '\0' };

    if (list == NULL)
        return -1;
    words.end = stpcpy(list, old);
    if (settings_value_each(text, add_word, &words) == -1) {
        free(list);
        return -1;
    }
    set_text(settings, key, list);
    return 0;
}

static int parse_list(const struct settings_key *key, const char *text)
{
    return key->type == SETTINGS_NETS ? parse_nets(text) : parse_listen(text);
}

int settings_value_check_word(const struct settings_key *key, const char *word)
{
    return check_length(key, word) == -1 ? -1 : parse_list(key, word);
}

int settings_value_append(struct settings *settings,
                          const struct settings_key *key, const char *text)
{
    if (parse_list(key, text) == -1)
        return -1;
    return store_list(settings, key, *text_at(settings, key), text);
}

static int parse_name(const struct settings_key *key, const char *text,
                      int64_t *value)
{
    for (const struct settings_name *n = key->names; n->name != NULL; n++)
        if (strcasecmp(n->name, text) == 0) {
            *value = n->value;
            return 0;
        }
    errno = EINVAL;
    return -1;
}

static int parse_bool(const char *text, int64_t *value)
{
    bool yes;

    if (units_parse_bool(text, &yes) == -1)
        return -1;
    *value = yes;
    return 0;
}

static int parse_number(const struct settings_key *key, const char *text,
                        int64_t *value)
{
    switch (key->type) {
    case SETTINGS_SIZE:
        return units_parse_size(text, value);
    case SETTINGS_TIME:
        return units_parse_time(text, value);
    default:
        return units_parse_count(text, value);
    }
}

/* Zero stands outside the range of sizes and times: never, or the kernel's. */
static bool in_range(const struct settings_key *key, int64_t value)
{
    if (value == 0 && key->or_zero)
        return true;
    return value >= key->min && value <= key->max;
}

static int parse_ranged(const struct settings_key *key, const char *text,
                        int64_t *value)
{
    int64_t number;

    if (parse_number(key, text, &number) == -1)
        return -1;
    if (!in_range(key, number)) {
        errno = ERANGE;
        return -1;
    }
    *value = number;
    return 0;
}

int settings_value_parse(struct settings *settings,
                         const struct settings_key *key, const char *text)
{
    switch (key->type) {
    case SETTINGS_LISTEN:
    case SETTINGS_NETS:
        if (parse_list(key, text) == -1)
            return -1;
        return store_list(settings, key, "", text);
    case SETTINGS_PATH:
        return parse_path(text) == -1 ? -1 : store_text(settings, key, text);
    case SETTINGS_TEXT:
        return parse_text(text) == -1 ? -1 : store_text(settings, key, text);
    case SETTINGS_NAME:
        return parse_name(key, text, number_at(settings, key));
    case SETTINGS_BOOL:
        return parse_bool(text, number_at(settings, key));
    default:
        return parse_ranged(key, text, number_at(settings, key));
    }
}

/* ---- writing ---- */

static const char *name_of(const struct settings_key *key, int64_t value)
{
    const struct settings_name *n = key->names;

    while (n->value != value)
        n++;
    return n->name;
}

static void format_number(const struct settings_key *key, int64_t value,
                          char text[UNITS_TEXT_MAX])
{
    if (key->type == SETTINGS_SIZE)
        units_format_size(text, value);
    else if (key->type == SETTINGS_TIME)
        units_format_time(text, value);
    else
        units_format_count(text, value);
}

void settings_value_print(const struct settings *settings,
                          const struct settings_key *key, FILE *out)
{
    char text[UNITS_TEXT_MAX];

    if (is_text(key)) {
        fputs(*text_at(settings, key), out);
    } else if (key->type == SETTINGS_NAME) {
        fputs(name_of(key, *number_at(settings, key)), out);
    } else if (key->type == SETTINGS_BOOL) {
        fputs(units_format_bool(*number_at(settings, key) != 0), out);
    } else {
        format_number(key, *number_at(settings, key), text);
        fputs(text, out);
    }
}

#define LIST_COLUMNS 72

struct columns {
    FILE *out;
    size_t used;
    bool first;
};

static int print_word(const char *word, void *arg)
{
    struct columns *columns = arg;
    size_t len = strlen(word);

    if (!columns->first)
        fputc(',', columns->out);
    if (!columns->first && columns->used + len > LIST_COLUMNS) {
        fputs("\n   ", columns->out);
        columns->used = 4;
    }
    fprintf(columns->out, " %s", word);
    columns->used += len + 2;
    columns->first = false;
    return 0;
}

void settings_value_dump(const struct settings *settings,
                         const struct settings_key *key, FILE *out)
{
    struct columns columns = { .out = out,
                               .used = strlen(key->name) + 3,
                               .first = true };

    if (settings_value_is_list(key)) {
        settings_value_each(*text_at(settings, key), print_word, &columns);
    } else if (!is_text(key) || (*text_at(settings, key))[0] != '\0') {
        fputc(' ', out);
        settings_value_print(settings, key, out);
    }
}

static void print_range(const struct settings_key *key, FILE *out)
{
    char min[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];

    format_number(key, key->min, min);
    format_number(key, key->max, max);
    if (key->min != 0 && key->or_zero)
        fputs("0, ", out);
    fprintf(out, "%s to %s", min, max);
}

static void print_names(const struct settings_key *key, FILE *out)
{
    for (const struct settings_name *n = key->names; n->name != NULL; n++)
        fprintf(out, "%s%s", n == key->names ? "" : ", ", n->name);
}

void settings_value_print_allowed(const struct settings_key *key, FILE *out)
{
    switch (key->type) {
    case SETTINGS_NAME:
        print_names(key, out);
        break;
    case SETTINGS_BOOL:
        fputs("yes, no", out);
        break;
    case SETTINGS_LISTEN:
        fputs("a list of *, ADDR, ADDR:PORT, [V6], [V6]:PORT, unix:/path", out);
        break;
    case SETTINGS_NETS:
        fputs("a list of ADDR, ADDR/BITS; or empty", out);
        break;
    case SETTINGS_PATH:
        fputs("an absolute path, or empty", out);
        break;
    case SETTINGS_TEXT:
        fputs("printable text without quotes and semicolons", out);
        break;
    default:
        print_range(key, out);
    }
}

/* ---- comparing and copying ---- */

bool settings_value_equal(const struct settings *a, const struct settings *b,
                          const struct settings_key *key)
{
    if (is_text(key))
        return strcmp(*text_at(a, key), *text_at(b, key)) == 0;
    return *number_at(a, key) == *number_at(b, key);
}

int settings_value_copy(struct settings *to, const struct settings *from,
                        const struct settings_key *key)
{
    if (is_text(key))
        return store_text(to, key, *text_at(from, key));
    *number_at(to, key) = *number_at(from, key);
    return 0;
}

void settings_value_free(struct settings *settings,
                         const struct settings_key *key)
{
    if (is_text(key))
        free(*text_at(settings, key));
}
