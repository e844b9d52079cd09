#include <config.h>

#include "settings.h"
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
#define KEYS_MAX 64

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
    int error;                 /* that the reading ended with, or 0 */
    unsigned number;           /* of the line */
    bool skip;                 /* in a section that was refused */
    bool goes_on;              /* the line goes on with list */
    const struct settings_key *list;
                               /* what an indented line goes on with, or NULL */
    unsigned set_on[KEYS_MAX]; /* the line that set a key; 0: none */
};

/* ---- a key ---- */

static const struct settings_key *find_key(const char *section,
                                           const char *name, size_t *index)
{
    size_t count;
    const struct settings_key *keys = settings_keys(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].section, section) == 0 &&
            strcmp(keys[i].name, name) == 0) {
            *index = i;
            return &keys[i];
        }
    return NULL;
}

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
        settings_mistake_value(&r->l->mistakes, r->l->number, r->key, word);
        r->told = true;
    }
    return *word == '#';
}

/* Of a list, the words that are wrong: one in a hundred is hard to see. */
static void refuse_value(struct loader *l, const struct settings_key *key,
                         const char *value)
{
    struct refusal r = { .l = l, .key = key };
    int error = errno;

    if (settings_value_is_list(key))
        settings_value_each(value, refuse_word, &r);
    errno = error;
    if (!r.told)
        settings_mistake_value(&l->mistakes, l->number, key, value);
}

static void set_key(struct loader *l, const char *section, const char *name,
                    const char *value)
{
    size_t index;
    const struct settings_key *key = find_key(section, name, &index);

    if (key == NULL) {
        settings_mistake_key(&l->mistakes, l->number, section, name);
        return;
    }
    if (l->mistakes.assignment == NULL && l->set_on[index] != 0) {
        settings_mistake(&l->mistakes, l->number,
                         "%s.%s is set twice, first on line %u", section, name,
                         l->set_on[index]);
        return;
    }
    l->set_on[index] = l->number;
    l->list = settings_value_is_list(key) ? key : NULL;
    if (settings_value_parse(l->settings, key, value) == -1)
        refuse_value(l, key, value);
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

    if (l->skip)
        return 1;
    if (l->goes_on) {
        go_on(l, value);
        return 1;
    }
    l->list = NULL;
    if (section[0] == '\0')
        settings_mistake(&l->mistakes, l->number,
                         "key %s stands before any [section]", name);
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

/* "[name]", then only blanks or a comment. */
static bool check_section(struct loader *l, char *line)
{
    char *end = strchr(line, ']');
    const char *rest;

    l->skip = true;
    l->list = NULL;
    if (end == NULL) {
        settings_mistake(&l->mistakes, l->number, "a section needs its ]: %s",
                         line);
        return false;
    }
    rest = end + 1;
    rest += strspn(rest, " \t");
    if (*rest != '\0' && !(begins_comment(rest) && is_blank(rest[-1]))) {
        settings_mistake(&l->mistakes, l->number,
                         "nothing may follow a section: %s", line);
        return false;
    }
    *end = '\0';
    if (!is_section(line + 1)) {
        settings_mistake_section(&l->mistakes, l->number, line + 1);
        return false;
    }
    *end = ']';
    l->skip = false;
    return true;
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
        settings_mistake(&l->mistakes, l->number,
                         "blanks before \"%s\"; only the rest of a list may "
                         "be indented",
                         text);
    return l->goes_on;
}

/* True where inih may have the line. */
static bool check_line(struct loader *l, char *line, size_t len)
{
    char *text = line + strspn(line, " \t");
    const char *forbidden;

    if (begins_comment(text))
        return false;
    forbidden = forbidden_byte(line, len);
    if (forbidden != NULL) {
        settings_mistake(&l->mistakes, l->number, "%s", forbidden);
        return false;
    }
    if (*text == '\0')
        return false;
    if (len > SETTINGS_LINE_MAX) {
        settings_mistake(&l->mistakes, l->number,
                         "%zu bytes in a line; allowed: %d (a list may go on "
                         "in indented lines)",
                         len, SETTINGS_LINE_MAX);
        return false;
    }
    if (text != line)
        return check_indented(l, text);
    if (*line == '[')
        return check_section(l, line);
    if (!has_separator(line) && !l->skip)
        settings_mistake(&l->mistakes, l->number,
                         "neither [section] nor key = value: %s", line);
    return has_separator(line);
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
    l->number++;
    l->goes_on = false;
    len = cut_line_end(line, (size_t)got);
    if (l->number == 1 && strncmp(line, bom, 3) == 0) {
        line += 3;
        len -= 3;
    }
    if (check_line(l, line, len))
        snprintf(out, (size_t)size, "%s\n", line);
    else
        snprintf(out, (size_t)size, "\n");
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
    l->number = 0;
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

    l->mistakes.assignment = assignment;
    if (dot == NULL) {
        settings_mistake(&l->mistakes, 0, "not of the form SECTION.KEY=VALUE");
    } else {
        *dot = *equals = '\0';
        set_key(l, trim(copy), trim(dot + 1), trim(equals + 1));
    }
    l->mistakes.assignment = NULL;
    free(copy);
}

/* ---- rules that cross keys ---- */

static unsigned line_of(const struct loader *l, const char *section,
                        const char *name)
{
    size_t index;

    return find_key(section, name, &index) != NULL ? l->set_on[index] : 0;
}

static void check_listens(struct loader *l,
                          const struct settings_listen *listens, size_t count)
{
    char text[ADDR_TEXT_MAX];

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (addr_equal(&listens[i].addr, &listens[j].addr))
                settings_mistake(&l->mistakes, line_of(l, "server", "listen"),
                                 "server.listen names %s twice",
                                 addr_format(&listens[i].addr, text));
}

static void check_poller(struct loader *l, size_t listens)
{
    const struct settings *s = l->settings;
    const struct poller_ops *ops = settings_poller(s)->few;
    int64_t need =
        s->limits.max_clients + (int64_t)listens + SETTINGS_SPARE_FDS;

    if (need > ops->limit)
        settings_mistake(
            &l->mistakes, line_of(l, "server", "poller"),
            "server.poller = %s holds %d descriptors, "
            "limits.max_clients = %lld needs %lld; allowed: %lld clients, "
            "or another poller",
            ops->name, ops->limit, (long long)s->limits.max_clients,
            (long long)need,
            (long long)(s->limits.max_clients - need + ops->limit));
}

static void check_across(struct loader *l)
{
    size_t count;
    struct settings_listen *listens = settings_listens(l->settings, &count);

    if (listens == NULL) {
        settings_mistake(&l->mistakes, 0, "%s", strerror(errno));
        return;
    }
    check_listens(l, listens, count);
    check_poller(l, count);
    free(listens);
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
    check_across(&l);
    return l.mistakes.count;
}
