#include <config.h>

#include "echoc_run.h"
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 64

/* A file without a name; rewound. */
static int file_of(const void *bytes, size_t len)
{
    char name[] = "/tmp/echoc-test-XXXXXX";
    int fd = mkstemp(name);

    ck_assert_int_ne(fd, -1);
    unlink(name);
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, (const char *)bytes + at, len - at);

        ck_assert_int_gt(n, 0);
        at += (size_t)n;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static char *contents(int fd, size_t *len)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text;
    ssize_t n;

    ck_assert_int_ge(size, 0);
    text = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(text);
    n = pread(fd, text, (size_t)size, 0);
    ck_assert_int_eq(n, size);
    text[size] = '\0';
    *len = (size_t)size;
    return text;
}

void echoc_exec(const char *const *args)
{
    const char *wrapper = getenv("ECHOD_WRAPPER");
    const char *program = getenv("ECHOC");
    char *words = wrapper != NULL ? strdup(wrapper) : NULL;
    char *argv[WORDS + 1], *rest;
    size_t n = 0;

    for (char *w = words != NULL ? strtok_r(words, " \t", &rest) : NULL;
         w != NULL && n < WORDS / 2; w = strtok_r(NULL, " \t", &rest))
        argv[n++] = w;
    argv[n++] = strdup(program != NULL ? program : "./src/echoc");
    for (; *args != NULL && n < WORDS; args++)
        argv[n++] = strdup(*args);
    argv[n] = NULL;
    alarm((unsigned)harness_ms(60000) / 1000);
    execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

void echoc_start(struct echoc_run *r, const void *input, size_t len,
                 const char *const *args)
{
    int in = file_of(input, len);

    memset(r, 0, sizeof *r);
    r->out_fd = file_of(NULL, 0);
    r->err_fd = file_of(NULL, 0);
    r->pid = fork();
    ck_assert_int_ne(r->pid, -1);
    if (r->pid == 0) {
        dup2(in, STDIN_FILENO);
        dup2(r->out_fd, STDOUT_FILENO);
        dup2(r->err_fd, STDERR_FILENO);
        echoc_exec(args);
    }
    close(in);
}

void echoc_wait(struct echoc_run *r)
{
    struct rusage usage;
    size_t len;
    int status;

    while (wait4(r->pid, &status, 0, &usage) == -1)
        ck_assert_int_eq(errno, EINTR);
    r->code = WIFEXITED(status) ? WEXITSTATUS(status)
                                : 128 + WTERMSIG(status);
    r->resident = usage.ru_maxrss;
    r->out = contents(r->out_fd, &r->out_len);
    r->err = contents(r->err_fd, &len);
}

void echoc_run(struct echoc_run *r, const void *input, size_t len,
               const char *const *args)
{
    echoc_start(r, input, len, args);
    echoc_wait(r);
}

static bool matches(const char *text, const char *regex)
{
    regex_t compiled;
    int code;

    ck_assert_int_eq(
        regcomp(&compiled, regex, REG_EXTENDED | REG_NEWLINE | REG_NOSUB), 0);
    code = regexec(&compiled, text, 0, NULL, 0);
    regfree(&compiled);
    return code == 0;
}

void echoc_expect_output(struct echoc_run *r, const char *regex)
{
    int64_t until = harness_now() + harness_ms(HARNESS_SOON);
    bool found = false;

    while (!found) {
        size_t len;
        char *text = contents(r->out_fd, &len);

        found = matches(text, regex);
        if (!found && harness_now() > until)
            ck_abort_msg("no '%s' in: %s", regex, text);
        free(text);
        if (!found)
            poll(NULL, 0, 5); /* a file does not tell when it grows */
    }
}

void echoc_match(const char *text, const char *regex)
{
    if (!matches(text, regex))
        ck_abort_msg("no '%s' in: %s", regex, text);
}

double echoc_number(const char *json, const char *name)
{
    char key[64];
    const char *at;

    snprintf(key, sizeof key, "\"%s\": ", name);
    at = strstr(json, key);
    if (at == NULL)
        ck_abort_msg("no %s in: %s", key, json);
    return strtod(at + strlen(key), NULL);
}

void echoc_free(struct echoc_run *r)
{
    close(r->out_fd);
    close(r->err_fd);
    free(r->out);
    free(r->err);
}

const char *echoc_host(const char *address)
{
    static char host[HARNESS_LINE_MAX];
    const char *from = address[0] == '[' ? address + 1 : address;
    size_t len = address[0] == '[' ? strcspn(from, "]")
                                   : (size_t)(strrchr(from, ':') - from);

    snprintf(host, sizeof host, "%.*s", (int)len, from);
    return host;
}

const char *echoc_port(const char *address)
{
    return strrchr(address, ':') + 1;
}
