/* One echod: its folder, its start, its end. */
#include <config.h>

#include "harness_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 64

struct harness *harness_new(void)
{
    static int count;
    struct harness *h = calloc(1, sizeof *h);
    ck_assert_ptr_nonnull(h);
    snprintf(h->dir, sizeof h->dir, "%s/%d.%d", harness_top, (int)getpid(), ++count);
    ck_assert_int_eq(mkdir(h->dir, 0755), 0);
    chmod(h->dir, 0755); /* whatever the umask */
    snprintf(h->config, sizeof h->config, "%.200s/echod.ini", h->dir);
    h->stdin_fd = -1;
    h->pipe = -1;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->more, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&h->lock, NULL);
    return h;
}

void harness_free(struct harness *h)
{
    if (h == NULL) {
        return;
    }
    if (h->pid > 0) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
    }
    harness_log_forget(h);
    harness_remove(h->dir);
    pthread_cond_destroy(&h->more);
    pthread_mutex_destroy(&h->lock);
    free(h->text);
    free(h);
}

__attribute__((format(printf, 2, 0)))
static void write_file(const char *path, const char *format, va_list args)
{
    char fresh[HARNESS_PATH_MAX + 8];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "we");
    ck_assert_msg(file != NULL, "%s: %s", fresh, strerror(errno));
    vfprintf(file, format, args);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(rename(fresh, path), 0);
}

const char *harness_write(struct harness *h, const char *name,
                          const char *format, ...)
{
    static char path[HARNESS_PATH_MAX];
    va_list args;
    snprintf(path, sizeof path, "%.150s/%.100s", h->dir, name);
    va_start(args, format);
    write_file(path, format, args);
    va_end(args);
    return path;
}

/* Splits the wrapper at blanks; the words live in text. */
static int wrapper_words(char *text, char **argv)
{
    int n = 0;
    for (char *word = strtok(text, " "); word != NULL && n < ARGS_MAX / 2;
         word = strtok(NULL, " ")) {
        argv[n++] = word;
    }
    return n;
}

static _Noreturn void exec_echod(struct harness *h, const char *const *args)
{
    char *argv[ARGS_MAX];
    const char *wrapper = h->wrapper;
    if (wrapper == NULL) {
        wrapper = getenv("ECHOD_WRAPPER");
    }
    char *words = strdup(wrapper != NULL ? wrapper : "");
    int n = wrapper_words(words, argv);
    const char *program = getenv("ECHOD");
    argv[n++] = strdup(program != NULL ? program : "./echod");
    while (*args != NULL && n < ARGS_MAX - 1) {
        argv[n++] = strdup(*args++);
    }
    argv[n] = NULL;
    execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

static void set_descriptors(struct harness *h, int error)
{
    char path[HARNESS_PATH_MAX];
    snprintf(path, sizeof path, "%.200s/stdout", h->dir);
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int in = h->stdin_fd != -1 ? h->stdin_fd
                               : open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
}

void harness_run(struct harness *h, const char *const *args)
{
    int ends[2];
    ck_assert_int_eq(h->pid, 0);
    harness_log_forget(h);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    h->pid = fork();
    ck_assert_int_ge(h->pid, 0);
    if (h->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        set_descriptors(h, ends[1]);
        if (h->in_child != NULL) {
            h->in_child(h);
        }
        exec_echod(h, args);
    }
    close(ends[1]);
    harness_log_read(h, ends[0]);
}

__attribute__((format(printf, 2, 0)))
static void serve(struct harness *h, const char *format, va_list args)
{
    FILE *file = fopen(h->config, "we");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "[server]\nlisten = 127.0.0.1\nport = 0\n");
    vfprintf(file, format, args);
    ck_assert_int_eq(fclose(file), 0);
    harness_run(h, HARNESS_ARGS("-c", h->config, "-e"));
    harness_await(h);
}

struct harness *harness_serve(const char *format, ...)
{
    struct harness *h = harness_new();
    va_list args;
    va_start(args, format);
    serve(h, format, args);
    va_end(args);
    return h;
}

void harness_serve_on(struct harness *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    serve(h, format, args);
    va_end(args);
}

void harness_await(struct harness *h)
{
    snprintf(h->address, sizeof h->address, "%s",
             harness_expect(h, " info listening on (.*)$"));
}

char *harness_output(struct harness *h)
{
    char path[HARNESS_PATH_MAX];
    char *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%.200s/stdout", h->dir);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    if (getdelim(&text, &size, '\0', file) == -1) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return text;
}

/* The end. */

void harness_signal(struct harness *h, int signo)
{
    ck_assert_int_gt(h->pid, 0);
    ck_assert_int_eq(kill(h->pid, signo), 0);
}

static void await_end(struct harness *h)
{
    int fd = pidfd_open(h->pid, 0);
    struct pollfd end = { .fd = fd, .events = POLLIN };
    ck_assert_int_ge(fd, 0);
    int n = poll(&end, 1, harness_ms(HARNESS_SOON));
    close(fd);
    if (n != 1) {
        ck_abort_msg("echod does not end; its log:\n%.3000s", harness_log(h));
    }
}

int harness_wait(struct harness *h)
{
    int status;
    ck_assert_int_gt(h->pid, 0);
    await_end(h);
    ck_assert_int_eq(waitpid(h->pid, &status, 0), h->pid);
    h->pid = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void harness_stop(struct harness *h)
{
    harness_signal(h, SIGTERM);
    int code = harness_wait(h);
    harness_join(h);
    h->mark = 0;
    char *log = harness_log(h);
    ck_assert_msg(code == 0, "exit code %d; the log:\n%.3000s", code, log);
    size_t lines = harness_count(h, "^");
    size_t good = harness_count(
        h, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,}(Z|[+-][0-9]{2}:[0-9]{2}) "
           "(err|warning|notice|info|debug) .");
    ck_assert_msg(lines == good, "%zu lines of %zu are log lines:\n%.3000s", good,
                  lines, log);
    free(log);
    harness_free(h);
}
