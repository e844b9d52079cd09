#include <config.h>

#include "settings.h"
#include "settings_cross.h"
#include "settings_mistake.h"
#include "settings_value.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <paths.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024)

/*
 * inih takes lines apart; what it would get wrong without a word (no line
 * numbers, long lines cut, indented lines joined, NUL bytes) is refused by
 * our reader before inih sees it.
 */
struct loader {
    struct settings *settings;
    struct settings_mistakes mistakes;
    FILE *file;
    char *line;
    size_t line_room;
    int error;    /* that the reading ended with, or 0 */
    bool goes_on; /* the line goes on with list */
    const struct settings_key *list;
    /* what an indented line goes on with, or NULL */
    char section[SETTINGS_LINE_MAX + 3]; /* the line of one, put right */
    struct settings_places set_at;
};

/* ---- a key ---- */

static bool is_section(const char *name)
{
    size_t count;
    const struct settings_key *keys = settings_keys(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].section, name) == 0)
            return true;
    return false;
}

struct refusal {
    struct loader *l;
    const struct settings_key *key;
    bool told;
};

/* A word that begins with # was to be a comment, and so what follows it. */
static int refuse_word(const char *word, void *arg)
{
    struct refusal *r = arg;

    if (settings_value_check_word(r->key, word) == -1) {
        settings_mistake_value(&r->l->mistakes, r->key, word);
        r->told = true;
    }
    return *word == '#';
}

/* Of a list, the words that are wrong: one in a hundred is hard to see. */
static void refuse_value(struct loader *l, const struct settings_key *key,
                         const char *value)
{
    struct refusal r = {.l = l, .key = key};
    int error = errno;

    if (settings_value_is_list(key))
        settings_value_each(value, refuse_word, &r);
    errno = error;
    if (!r.told)
        settings_mistake_value(&l->mistakes, key, value);
}

static void set_value(struct loader *l, const struct settings_key *key,
                      const char *value)
{
    l->list = settings_value_is_list(key) ? key : NULL;
    if (settings_value_parse(l->settings, key, value) == -1)
        refuse_value(l, key, value);
}

/* The value of a key that does not exist is held against the one that was
 * meant, since there is no second run to say so. */
static void set_key(struct loader *l, const char *section, const char *name,
                    const char *value)
{
    const struct settings_key *key = settings_key_find(section, name);
    struct settings_place *set_at;

    if (key == NULL) {
        key = settings_mistake_key(&l->mistakes, section, name);
        if (key != NULL)
            set_value(l, key, value);
        return;
    }
    set_at = settings_place_of(&l->set_at, key);
    if (l->mistakes.at.assignment == NULL && set_at->line != 0) {
        settings_mistake(&l->mistakes, "%s.%s is set twice, first on line %u",
                         section, name, set_at->line);
        return;
    }
    *set_at = l->mistakes.at;
    set_value(l, key, value);
}

/* inih hands an indented line over as the key before it, once more. */
static void go_on(struct loader *l, const char *value)
{
    if (settings_value_append(l->settings, l->list, value) == -1)
        refuse_value(l, l->list, value);
}

/* inih's handler; 1 is "go on": all mistakes are told at once. */
static int on_key(void *arg, const char *section, const char *name,
                  const char *value)
{
    struct loader *l = arg;

    if (l->goes_on) {
        go_on(l, value);
        return 1;
    }
    l->list = NULL;
    if (section[0] == '\0')
        settings_mistake(&l->mistakes, "key %s stands before any [section]",
                         name);
    else
        set_key(l, section, name, value);
    return 1;
}

/* ---- a line ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool begins_comment(const char *p)
{
    return *p == ';' || *p == '#';
}

/* What no line may hold; NULL where there is nothing of it. */
static const char *forbidden_byte(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\0')
            return "a NUL byte";
        if (line[i] == '\r')
            return "a carriage return inside the line";
        if (((unsigned char)line[i] < ' ' && line[i] != '\t') ||
            line[i] == 0x7f)
            return "a control character";
    }
    return NULL;
}

/*
 * "[name]", then only blanks or a comment.  inih gets what was meant where it
 * is another one, so that the keys are judged, too; and where that is not
 * known one word of it, which no key has for its section.
 */
static const char *check_section(struct loader *l, char *line)
{
    size_t len = strcspn(line, "]");
    const char *rest = line + len + (line[len] == ']'), *name = line + 1;
    const char *after = rest + strspn(rest, " \t");

    l->list = NULL;
    if (line[len] == '\0')
        settings_mistake(&l->mistakes, "a section needs its ]: %s", line);
    else if (*after != '\0' && !(begins_comment(after) && is_blank(after[-1])))
        settings_mistake(&l->mistakes, "nothing may follow a section: %s",
                         line);
    line[len] = '\0';
    if (!is_section(name))
        name = settings_mistake_section(&l->mistakes, name);
    if (name == NULL) {
        name = line + 1;
        line[1 + strcspn(name, " \t")] = '\0';
    }
    snprintf(l->section, sizeof l->section, "[%s]", *name != '\0' ? name : "?");
    return l->section;
}

/* As inih looks for it: = or :, before a comment. */
static bool has_separator(const char *line)
{
    for (const char *p = line; *p != '\0'; p++) {
        if (*p == '=' || *p == ':')
            return true;
        if (*p == ';' && p > line && is_blank(p[-1]))
            return false;
    }
    return false;
}

/* inih may leave it in a line that goes on with the one before. */
static void cut_comment(char *text)
{
    for (char *p = text + 1; *p != '\0'; p++)
        if (*p == ';' && is_blank(p[-1])) {
            *p = '\0';
            return;
        }
}

/* An indented line is the rest of a list; or a key, which has a = that no
 * entry of a list has, and stands where it should not. */
static bool check_indented(struct loader *l, char *text)
{
    cut_comment(text);
    l->goes_on = l->list != NULL && strchr(text, '=') == NULL;
    if (!l->goes_on)
        settings_mistake(&l->mistakes,
                         "blanks before \"%s\"; only the rest of a list may "
                         "be indented",
                         text);
    return l->goes_on;
}

/* What inih gets of the line. */
static const char *check_line(struct loader *l, char *line, size_t len)
{
    char *text = line + strspn(line, " \t");
    const char *forbidden;

    if (begins_comment(text))
        return "";
    forbidden = forbidden_byte(line, len);
    if (forbidden != NULL) {
        settings_mistake(&l->mistakes, "%s", forbidden);
        return "";
    }
    if (*text == '\0')
        return "";
    if (len > SETTINGS_LINE_MAX) {
        settings_mistake(&l->mistakes,
                         "%zu bytes in a line; allowed: %d (a list may go on "
                         "in indented lines)",
                         len, SETTINGS_LINE_MAX);
        return "";
    }
    if (text != line)
        return check_indented(l, text) ? line : "";
    if (*line == '[')
        return check_section(l, line);
    if (has_separator(line))
        return line;
    settings_mistake(&l->mistakes, "neither [section] nor key = value: %s",
                     line);
    return "";
}

static size_t cut_line_end(char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\n')
        line[--len] = '\0';
    if (len > 0 && line[len - 1] == '\r')
        line[--len] = '\0';
    return len;
}

/* inih's reader, in place of fgets(3): an empty line for each refused one. */
static char *read_line(char *out, int size, void *arg)
{
    static const char bom[] = "\xef\xbb\xbf";
    struct loader *l = arg;
    ssize_t got = getline(&l->line, &l->line_room, l->file);
    char *line = l->line;
    size_t len;

    if (got == -1) {
        l->error = feof(l->file) ? 0 : errno;
        return NULL;
    }
    l->mistakes.at.line++;
    l->goes_on = false;
    len = cut_line_end(line, (size_t)got);
    if (l->mistakes.at.line == 1 && strncmp(line, bom, 3) == 0) {
        line += 3;
        len -= 3;
    }
    snprintf(out, (size_t)size, "%s\n", check_line(l, line, len));
    return out;
}

/* ---- the file, and what stands over it ---- */

/* A FIFO would hang, a device never end, and a folder read as empty; but
 * /dev/null is what people write for "all defaults". */
static bool is_readable_kind(const char *path, const struct stat *st)
{
    return S_ISREG(st->st_mode) || strcmp(path, _PATH_DEVNULL) == 0;
}

static FILE *open_regular(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    FILE *file;

    if (fd == -1)
        return NULL;
    if (fstat(fd, &st) == -1) {
        close(fd);
        return NULL;
    }
    if (!is_readable_kind(path, &st) || st.st_size > FILE_MAX) {
        errno = st.st_size > FILE_MAX ? EFBIG : EINVAL;
        close(fd);
        return NULL;
    }
    file = fdopen(fd, "r");
    if (file == NULL)
        close(fd);
    return file;
}

static int unreadable(struct loader *l)
{
    int error = errno;

    fprintf(l->mistakes.errors, "%s: %s\n", l->mistakes.path,
            error == EINVAL  ? "not a regular file"
            : error == EFBIG ? "larger than 1 MiB"
                             : strerror(error));
    errno = error;
    return -1;
}

static int load_file(struct loader *l)
{
    l->file = open_regular(l->mistakes.path);
    if (l->file == NULL)
        return unreadable(l);
    /* Of its own it fails only for want of memory, where it uses any. */
    if (ini_parse_stream(read_line, l, on_key, l) < -1 && l->error == 0)
        l->error = ENOMEM;
    free(l->line);
    fclose(l->file);
    if (l->error != 0) {
        errno = l->error;
        return unreadable(l);
    }
    l->mistakes.at.line = 0;
    return 0;
}

static char *trim(char *text)
{
    size_t len;

    text += strspn(text, " \t");
    for (len = strlen(text); len > 0 && is_blank(text[len - 1]); len--)
        ;
    text[len] = '\0';
    return text;
}

/* "SECTION.KEY=VALUE" */
static void load_assignment(struct loader *l, const char *assignment)
{
    char *copy = strdup(assignment);
    char *equals = copy != NULL ? strchr(copy, '=') : NULL;
    char *dot =
        equals != NULL ? memchr(copy, '.', (size_t)(equals - copy)) : NULL;

    l->mistakes.at.assignment = assignment;
    if (dot == NULL) {
        settings_mistake(&l->mistakes, "not of the form SECTION.KEY=VALUE");
    } else {
        *dot = *equals = '\0';
        set_key(l, trim(copy), trim(dot + 1), trim(equals + 1));
    }
    l->mistakes.at.assignment = NULL;
    free(copy);
}

int settings_load(struct settings *settings, const char *path,
                  char *const *assignments, FILE *errors)
{
    struct loader l = {.settings = settings,
                       .mistakes = {.errors = errors, .path = path}};

    if (path != NULL && load_file(&l) == -1)
        return -1;
    for (; assignments != NULL && *assignments != NULL; assignments++)
        load_assignment(&l, *assignments);
    settings_cross_check(settings, &l.set_at, &l.mistakes);
    return l.mistakes.count;
}
