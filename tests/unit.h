/*
 * unit: what the check_MODULE programs share.
 *
 * Check runs each test in a process of its own, so descriptors, signal
 * handlers and module state of one do not reach the next.
 */
#ifndef ECHO_TESTS_UNIT_H
#define ECHO_TESTS_UNIT_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define UNIT_LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

/* main() of a test program. */
static inline int unit_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Numbers that look random and are the same in every run. */
static inline uint32_t unit_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static inline int64_t unit_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Two connected, non-blocking stream sockets. */
static inline void unit_pair(int ends[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX,
                                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                                ends),
                     0);
}

/* The lowest number that is free: what is opened next gets it. */
static inline int unit_free_fd(void)
{
    int fd = dup(STDIN_FILENO);

    ck_assert_int_ne(fd, -1);
    close(fd);
    return fd;
}

/* How many are open: none is left over if it stays the same. */
static inline int unit_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 2000; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static inline void unit_write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* What is in a file, terminated; the next call overwrites it. */
static inline const char *unit_read_file(const char *path)
{
    static char text[64 * 1024];
    FILE *file = fopen(path, "r");
    size_t len;

    ck_assert_ptr_nonnull(file);
    len = fread(text, 1, sizeof text - 1, file);
    ck_assert_int_eq(fclose(file), 0);
    text[len] = '\0';
    return text;
}

/* Standard error goes to a file from here on: the log, before log_open(). */
static inline void unit_log_begin(void)
{
    char path[] = "/tmp/echod-unit-log.XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ne(fd, -1);
    unlink(path);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
}

/* All of it so far, terminated; the next call overwrites it. */
static inline const char *unit_log(void)
{
    static char text[64 * 1024];
    ssize_t len = pread(STDERR_FILENO, text, sizeof text - 1, 0);

    ck_assert_int_ge(len, 0);
    text[len] = '\0';
    return text;
}

/* How often text stands in the log. */
static inline int unit_log_count(const char *text)
{
    int count = 0;

    for (const char *p = unit_log(); (p = strstr(p, text)) != NULL; p++)
        count++;
    return count;
}

/* A folder of the test's own; unit_folder_remove() takes it away again. */
static char unit_folder[] = "/tmp/echod-unit.XXXXXX";

static inline void unit_folder_make(void)
{
    ck_assert_ptr_nonnull(mkdtemp(unit_folder));
    ck_assert_int_eq(chmod(unit_folder, 0755), 0);
}

/* PATH of a file in it; four of them are kept apart. */
static inline const char *unit_path(const char *name)
{
    static char paths[4][sizeof unit_folder + 64];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", unit_folder, name);
    return path;
}

/* The files in it must be gone by now. */
static inline void unit_folder_remove(void)
{
    ck_assert_int_eq(rmdir(unit_folder), 0);
}

#endif
