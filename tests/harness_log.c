/* The log of an echod, read and searched while it runs. */
#include <config.h>

#include "harness_parts.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void append(struct harness *h, const char *bytes, size_t n)
{
    pthread_mutex_lock(&h->lock);
    if (h->len + n + 1 > h->size) {
        h->size = 2 * h->size + n + 1;
        h->text = realloc(h->text, h->size);
    }
    memcpy(h->text + h->len, bytes, n);
    h->len += n;
    h->text[h->len] = '\0';
    pthread_cond_broadcast(&h->more);
    pthread_mutex_unlock(&h->lock);
}

/* Reads for as long as somebody may write, so that echod never waits. */
static void *read_log(void *arg)
{
    struct harness *h = arg;
    char bytes[65536];
    ssize_t n;
    while ((n = read(h->pipe, bytes, sizeof bytes)) > 0) {
        append(h, bytes, (size_t)n);
    }
    pthread_mutex_lock(&h->lock);
    h->eof = true;
    pthread_cond_broadcast(&h->more);
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

void harness_log_read(struct harness *h, int fd)
{
    h->pipe = fd;
    ck_assert_int_eq(pthread_create(&h->reader, NULL, read_log, h), 0);
    h->reading = true;
}

void harness_log_forget(struct harness *h)
{
    if (h->reading) {
        pthread_join(h->reader, NULL);
        close(h->pipe);
    }
    h->reading = h->eof = false;
    h->len = h->mark = 0;
}

void harness_join(struct harness *h)
{
    int64_t at = harness_now() + harness_ms(HARNESS_SOON);
    struct timespec until = { at / 1000, at % 1000 * 1000000 };
    int timed_out = 0;
    pthread_mutex_lock(&h->lock);
    while (!h->eof && timed_out == 0) {
        timed_out = pthread_cond_timedwait(&h->more, &h->lock, &until);
    }
    pthread_mutex_unlock(&h->lock);
    ck_assert_int_eq(timed_out, 0);
}

struct search {
    regex_t regex;
    size_t from;  /* of the text: before it all is searched */
    size_t count; /* of lines that matched */
};

/* Takes a match's first group, or all of the line, into h->found. */
static void keep(struct harness *h, const char *line, const regmatch_t *group)
{
    size_t from = 0;
    size_t len = strlen(line);
    if (group->rm_so != -1) {
        from = (size_t)group->rm_so;
        len = (size_t)(group->rm_eo - group->rm_so);
    }
    if (len >= sizeof h->found) {
        len = sizeof h->found - 1;
    }
    memcpy(h->found, line + from, len);
    h->found[len] = '\0';
}

/* Searches the whole lines there are by now, at most until the nth match. */
static void search_lines(struct harness *h, struct search *search, size_t n)
{
    char *end;
    while (search->count < n && search->from < h->len
           && (end = strchr(h->text + search->from, '\n')) != NULL) {
        regmatch_t groups[2];
        char *line = h->text + search->from;
        *end = '\0';
        if (regexec(&search->regex, line, 2, groups, 0) == 0) {
            search->count++;
            keep(h, line, &groups[1]);
        }
        *end = '\n';
        search->from = (size_t)(end - h->text) + 1;
    }
}

static void search_begin(struct harness *h, struct search *search,
                         const char *pattern)
{
    int bad = regcomp(&search->regex, pattern, REG_EXTENDED);
    ck_assert_msg(bad == 0, "bad pattern: %s", pattern);
    search->from = h->mark;
    search->count = 0;
}

/* Waits for the nth match; false when it did not come. */
static bool search_until(struct harness *h, struct search *search, size_t n)
{
    int64_t at = harness_now() + harness_ms(HARNESS_SOON);
    struct timespec until = { at / 1000, at % 1000 * 1000000 };
    int timed_out = 0;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        search_lines(h, search, n);
        if (search->count >= n || h->eof || timed_out != 0) {
            break;
        }
        timed_out = pthread_cond_timedwait(&h->more, &h->lock, &until);
    }
    pthread_mutex_unlock(&h->lock);
    regfree(&search->regex);
    return search->count >= n;
}

static void expect(struct harness *h, size_t n, const char *pattern)
{
    struct search search;
    search_begin(h, &search, pattern);
    if (!search_until(h, &search, n)) {
        char *log = harness_log(h);
        size_t len = strlen(log);
        ck_abort_msg("%zu of %zu lines /%s/ in the log%s:\n%s", search.count,
                     n, pattern, h->eof ? " of an echod that has ended" : "",
                     len > 1500 ? log + len - 1500 : log);
    }
}

__attribute__((format(printf, 2, 0)))
static void make_pattern(char pattern[HARNESS_LINE_MAX], const char *format,
                         va_list args)
{
    int len = vsnprintf(pattern, HARNESS_LINE_MAX, format, args);
    ck_assert_int_lt(len, HARNESS_LINE_MAX);
}

const char *harness_expect(struct harness *h, const char *format, ...)
{
    char pattern[HARNESS_LINE_MAX];
    va_list args;
    va_start(args, format);
    make_pattern(pattern, format, args);
    va_end(args);
    expect(h, 1, pattern);
    return h->found;
}

void harness_expect_count(struct harness *h, size_t n, const char *format, ...)
{
    char pattern[HARNESS_LINE_MAX];
    va_list args;
    va_start(args, format);
    make_pattern(pattern, format, args);
    va_end(args);
    expect(h, n, pattern);
}

size_t harness_count(struct harness *h, const char *format, ...)
{
    char pattern[HARNESS_LINE_MAX];
    struct search search;
    va_list args;
    va_start(args, format);
    make_pattern(pattern, format, args);
    va_end(args);
    search_begin(h, &search, pattern);
    pthread_mutex_lock(&h->lock);
    search_lines(h, &search, SIZE_MAX);
    pthread_mutex_unlock(&h->lock);
    regfree(&search.regex);
    return search.count;
}

void harness_mark(struct harness *h)
{
    pthread_mutex_lock(&h->lock);
    h->mark = h->len;
    pthread_mutex_unlock(&h->lock);
}

char *harness_log(struct harness *h)
{
    pthread_mutex_lock(&h->lock);
    char *copy = strdup(h->text != NULL ? h->text + h->mark : "");
    pthread_mutex_unlock(&h->lock);
    ck_assert_ptr_nonnull(copy);
    return copy;
}
