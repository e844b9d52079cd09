/*
 * echoc_run: the built echoc as a child of a test.
 *
 * The environment: ECHOC is the program, ECHOD_WRAPPER a command to run it
 * under.  Its end is waited for with a deadline; SIGALRM (code 142) is what
 * a hang looks like.
 */
#ifndef ECHO_ECHOC_RUN_H
#define ECHO_ECHOC_RUN_H

#include <stddef.h>
#include <sys/types.h>

struct echoc_run {
    pid_t pid;
    int out_fd, err_fd; /* files */
    int code;           /* the exit code, or 128 and the signal */
    char *out, *err;    /* what was written, terminated */
    size_t out_len;
    long resident;      /* KiB at most */
};

/* Runs it to its end with these bytes as standard input. */
void echoc_run(struct echoc_run *r, const void *input, size_t len,
               const char *const *args);
#define ECHOC_ARGS(...)                                                        \
    (const char *const[])                                                      \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }

/* The same in two halves. */
void echoc_start(struct echoc_run *r, const void *input, size_t len,
                 const char *const *args);
void echoc_wait(struct echoc_run *r);

/* In a child: becomes echoc; does not return. */
void echoc_exec(const char *const *args);

/* Waits until standard output matches an extended regular expression. */
void echoc_expect_output(struct echoc_run *r, const char *regex);

/* Ends the test when text does not match. */
void echoc_match(const char *text, const char *regex);

/* The number after "name": in JSON; the first one of that name. */
double echoc_number(const char *json, const char *name);

void echoc_free(struct echoc_run *r);

/* "127.0.0.1:4711" of harness as host and port for a command line; they last
 * until the next call. */
const char *echoc_host(const char *address);
const char *echoc_port(const char *address);

#endif
