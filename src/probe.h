/*
 * probe: PASS or FAIL for what a server, or the way to it, does to a stream.
 */
#ifndef ECHO_PROBE_H
#define ECHO_PROBE_H

/* `echoc probe ARGUMENTS`: returns the exit code, a CLI_... of cli.h. */
int probe_main(int argc, char **argv);

#endif
