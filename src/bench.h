/*
 * bench: load on an echo server, and how long each echo took.
 */
#ifndef ECHO_BENCH_H
#define ECHO_BENCH_H

/* `echoc bench ARGUMENTS`: returns the exit code, a CLI_... of cli.h. */
int bench_main(int argc, char **argv);

#endif
