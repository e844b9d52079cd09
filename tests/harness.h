/*
 * harness: the built echod as a child of a test, its log, its end.
 *
 * Everything here ends the running test (Check's abort, with the log so far)
 * when it fails or when its deadline has passed, so nothing returns an error.
 * The environment: ECHOD is the program (default ./echod), ECHOD_WRAPPER a
 * command to run it under ("valgrind -q --error-exitcode=99"),
 * ECHOD_DEADLINE_FACTOR a factor for every deadline.
 */
#ifndef ECHO_HARNESS_H
#define ECHO_HARNESS_H

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HARNESS_PATH_MAX 256
#define HARNESS_LINE_MAX 4096

/* How long anything may take that should happen at once, in ms. */
#define HARNESS_SOON 20000

/* The fields before the gap are the test's to set and read. */
struct harness {
    char dir[HARNESS_PATH_MAX];      /* its own, empty at first */
    char config[HARNESS_PATH_MAX];   /* dir/echod.ini */
    char address[HARNESS_LINE_MAX];  /* the first one it listens on */
    pid_t pid;                       /* of echod; 0: it has been waited for */
    const char *wrapper;             /* instead of ECHOD_WRAPPER's, if set */
    void (*in_child)(struct harness *); /* called between fork and exec */
    int stdin_fd;                    /* its standard input; -1: /dev/null */

    int pipe;
    bool reading, eof;
    pthread_t reader;
    pthread_mutex_t lock;
    pthread_cond_t more;
    char *text; /* of standard error */
    size_t len, size, mark;
    char found[HARNESS_LINE_MAX];
};

/*
 * The main() of a test program: runs the suite, ends every process
 * that a test has left behind (a passing run that leaves one fails), removes
 * what the tests wrote.  Returns the exit code.
 */
int harness_main(Suite *suite);

/* A suite of one case with these tests, the list ends in NULL. */
Suite *harness_suite(const char *name, const TTest *const *tests);

/* Adds a case with a test that runs times times, with _i from 0. */
void harness_loop(Suite *suite, const TTest *test, size_t times);

/* A deadline in ms, times ECHOD_DEADLINE_FACTOR. */
int harness_ms(int ms);

/* The time by CLOCK_MONOTONIC in ms. */
int64_t harness_now(void);

/* Whether ECHOD_WRAPPER has a command. */
bool harness_is_wrapped(void);

/* Lets go of the descriptor limit, as far as the system allows; returns it. */
size_t harness_raise_descriptors(void);

/* An echod that does not run yet; harness_free() ends it for good. */
struct harness *harness_new(void);
void harness_free(struct harness *h);

/* Writes dir/name, at once for whoever reads it; returns its path, which lasts
 * until the next call. */
const char *harness_write(struct harness *h, const char *name,
                          const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Starts echod with these arguments, the list ends in NULL. */
void harness_run(struct harness *h, const char *const *args);
#define HARNESS_ARGS(...)                                                      \
    (const char *const[])                                                      \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }

/*
 * An echod on a free port of 127.0.0.1 that logs to its standard error and
 * serves.  The text follows "[server] listen port" in its file: it goes on
 * with keys of [server], sections come after.
 */
#define HARNESS_DEFAULTS "\n"
struct harness *harness_serve(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* The same for an echod that harness_new() and the test have prepared. */
void harness_serve_on(struct harness *h, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Waits for "listening on" and fills in address. */
void harness_await(struct harness *h);

/*
 * Waits for a line of the log since the last mark that matches an extended
 * regular expression (made by printf).  Returns what its first group matched,
 * without a group the line, until the next call.
 */
const char *harness_expect(struct harness *h, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Waits until there are at least n such lines. */
void harness_expect_count(struct harness *h, size_t n, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How many such lines there are. */
size_t harness_count(struct harness *h, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* From here on only lines that are read later count: so first expect the last
 * one that shall not. */
void harness_mark(struct harness *h);

/* All of standard error since the mark; the caller frees it. */
char *harness_log(struct harness *h);

/* All of standard output; the caller frees it. */
char *harness_output(struct harness *h);

void harness_signal(struct harness *h, int signo);

/* Waits for the end; the exit code, or 128 and the signal. */
int harness_wait(struct harness *h);

/* Waits for the end of standard error, which comes after harness_wait(). */
void harness_join(struct harness *h);

/* TERM, exit code 0, no line that is not of the log's form; frees. */
void harness_stop(struct harness *h);

/* Of /proc/PID: resident KiB, open descriptors, CPU time in ms. */
long harness_resident(const struct harness *h);
size_t harness_descriptors(const struct harness *h);
long harness_cpu(const struct harness *h);

/* A number after "Name:" in /proc/PID/status, in the given base. */
long harness_status(const struct harness *h, const char *name, int base);

/* Whether memory and CPU are echod's own: no valgrind, no ASan. */
bool harness_is_plain(const struct harness *h);

#endif
