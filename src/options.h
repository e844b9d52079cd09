/*
 * options: the command line of echod.
 */
#ifndef ECHO_OPTIONS_H
#define ECHO_OPTIONS_H

#include <stdbool.h>

enum options_mode {
    OPTIONS_SERVE,
    OPTIONS_TEST,
    OPTIONS_DUMP,
    OPTIONS_HELP,
    OPTIONS_VERSION,
};

struct options {
    const char *config;       /* of argv, or the default */
    const char **assignments; /* of argv; ends in NULL; allocated */
    enum options_mode mode;
    bool detach;
    bool to_stderr;
};

/*
 * Fills options from the command line.  0, or -1 after a line on standard
 * error that says what is wrong (or that memory is short).
 */
int options_parse(struct options *options, int argc, char **argv);

/* Prints what -h or -V asks for. */
void options_print_help(void);
void options_print_version(void);

#endif
