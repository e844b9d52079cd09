/*
 * cli: what echoc's modes have in common: exit codes, messages, options.
 */
#ifndef ECHO_CLI_H
#define ECHO_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "dial.h"

/* Exit codes, those of ping(8). */
enum {
    CLI_RIGHT = 0,   /* all came back, and right */
    CLI_WRONG = 1,   /* lost, short, different, or a FAIL */
    CLI_TROUBLE = 2, /* anything else */
};

/* Seconds to wait for an answer, where -W does not say otherwise. */
#define CLI_WAIT_MS 10000
#define CLI_WAIT_MAX_MS (24 * 3600 * 1000)

/* The long options that every mode has, for its struct option array. */
#define CLI_LONGS \
    { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }

/* Where to connect to, as a mode's command line names it. */
struct cli_peer {
    int family; /* of -4 and -6; AF_UNSPEC for both */
    const char *host;
    struct dial_target target;
};

/* "echoc: ..." on standard error. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Reads a number option: true, or false after saying what is allowed.
 * cli_seconds() takes decimals ("0.2") and stores milliseconds.
 */
bool cli_count(char option, const char *text, int64_t min, int64_t max,
               int64_t *value);
bool cli_size(char option, const char *text, int64_t min, int64_t max,
              int64_t *bytes);
bool cli_seconds(const char *option, const char *text, int64_t min_ms,
                 int64_t max_ms, int64_t *ms);

/*
 * Reads "HOST [PORT]", all that is left of a command line, and finds the
 * addresses; false after saying what is wrong.
 */
bool cli_peer(struct cli_peer *peer, int argc, char **argv);

/*
 * What getopt_long(3) returned and the mode does not know: 'h' prints the
 * help, 'V' the version, and all else tells where the usage stands.  Returns
 * the exit code.
 */
int cli_common(int option);

/*
 * Raises the limit of open descriptors to at least this many; false after
 * saying the numbers.
 */
bool cli_descriptors(uint64_t count);

#endif
