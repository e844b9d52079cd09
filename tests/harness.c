#include <config.h>

#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX 64

/* The folder of this program, with one of each echod below it. */
static char top[HARNESS_PATH_MAX - 64];

int harness_ms(int ms)
{
    const char *factor = getenv("ECHOD_DEADLINE_FACTOR");
    int times = factor != NULL ? atoi(factor) : 1;
    return ms * (times > 0 ? times : 1);
}

int64_t harness_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool harness_is_wrapped(void)
{
    const char *wrapper = getenv("ECHOD_WRAPPER");
    return wrapper != NULL && *wrapper != '\0';
}

size_t harness_raise_descriptors(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

/* The program: supervisor, runner, what is left. */

static pid_t runner;

static void pass_on(int signo)
{
    kill(runner, signo);
}

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static pid_t parent_of(const char *pid)
{
    char path[300];
    char text[512] = "";
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return -1;
    }
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    const char *name_end = strrchr(text, ')');
    int parent = -1;
    if (name_end != NULL) {
        sscanf(name_end + 1, " %*c %d", &parent);
    }
    return parent;
}

static void kill_children(void)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        pid_t pid = atoi(entry->d_name);
        if (pid > 1 && parent_of(entry->d_name) == getpid()) {
            kill(pid, SIGKILL);
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
}

/* Reaps until no child is left or the time is over. */
static bool reap_all(int ms)
{
    const struct timespec pause = { 0, 10000000 };
    int64_t until = harness_now() + ms;
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid == -1 && errno == ECHILD) {
            return true;
        }
        if (pid == 0 && harness_now() >= until) {
            return false;
        }
        if (pid == 0) {
            nanosleep(&pause, NULL);
        }
    }
}

static int run_suite(SRunner *srunner)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    srunner_run_all(srunner, CK_ENV);
    int failed = srunner_ntests_failed(srunner);
    srunner_free(srunner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int supervise(void)
{
    int status = 0;
    while (waitpid(runner, &status, 0) == -1 && errno == EINTR) {
    }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
    /* A tracer ends a little after what it traced. */
    if (code == EXIT_SUCCESS && !reap_all(harness_ms(2000))) {
        fprintf(stderr, "a test left a process behind\n");
        code = EXIT_FAILURE;
    }
    while (!reap_all(50)) {
        kill_children();
    }
    return code;
}

int harness_main(Suite *suite)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(top, sizeof top, "%s/echod-test-XXXXXX",
             tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
    if (mkdtemp(top) == NULL || chmod(top, 0755) == -1) {
        perror(top);
        return EXIT_FAILURE;
    }
    /* Orphans become the supervisor's, so that none outlives it. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    SRunner *srunner = srunner_create(suite);
    runner = fork();
    if (runner == 0) {
        exit(run_suite(srunner));
    }
    signal(SIGINT, pass_on);
    signal(SIGTERM, pass_on);
    int code = supervise();
    srunner_free(srunner);
    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return code;
}

Suite *harness_suite(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, harness_ms(60000) / 1000);
    for (; *tests != NULL; tests++) {
        tcase_add_test(tcase, *tests);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

void harness_loop(Suite *suite, const TTest *test, size_t times)
{
    TCase *tcase = tcase_create(test->name);
    tcase_set_timeout(tcase, harness_ms(60000) / 1000);
    tcase_add_loop_test(tcase, test, 0, (int)times);
    suite_add_tcase(suite, tcase);
}

/* One echod. */

struct harness *harness_new(void)
{
    static int count;
    struct harness *h = calloc(1, sizeof *h);
    ck_assert_ptr_nonnull(h);
    snprintf(h->dir, sizeof h->dir, "%s/%d.%d", top, (int)getpid(), ++count);
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

static void forget_log(struct harness *h)
{
    if (h->reading) {
        pthread_join(h->reader, NULL);
        close(h->pipe);
    }
    h->reading = h->eof = false;
    h->len = h->mark = 0;
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
    forget_log(h);
    nftw(h->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
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

void harness_run(struct harness *h, const char *const *args)
{
    int ends[2];
    ck_assert_int_eq(h->pid, 0);
    forget_log(h);
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
    h->pipe = ends[0];
    ck_assert_int_eq(pthread_create(&h->reader, NULL, read_log, h), 0);
    h->reading = true;
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

/* The log. */

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

/* What /proc says. */

static FILE *open_proc(const struct harness *h, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)h->pid, name);
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    return file;
}

long harness_status(const struct harness *h, const char *name, int base)
{
    char line[256];
    size_t len = strlen(name);
    long value = -1;
    FILE *file = open_proc(h, "status");
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            value = strtol(line + len + 1, NULL, base);
        }
    }
    fclose(file);
    ck_assert_msg(value >= 0, "no %s in /proc/PID/status", name);
    return value;
}

long harness_resident(const struct harness *h)
{
    return harness_status(h, "VmRSS", 10);
}

size_t harness_descriptors(const struct harness *h)
{
    char path[64];
    size_t count = 0;
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)h->pid);
    DIR *dir = opendir(path);
    ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
    while ((entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

long harness_cpu(const struct harness *h)
{
    char text[1024] = "";
    unsigned long user = 0;
    unsigned long system = 0;
    FILE *file = open_proc(h, "stat");
    size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    const char *name_end = strrchr(text, ')');
    ck_assert_ptr_nonnull(name_end);
    sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
           &user, &system);
    return (long)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

bool harness_is_plain(const struct harness *h)
{
    /* ASan reserves terabytes of addresses for its shadow. */
    return !harness_is_wrapped() && harness_status(h, "VmSize", 10) < 1L << 30;
}
