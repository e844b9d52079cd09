/*
 * ping: one message after the other, each echo timed, as ping(8) shows it.
 */
#ifndef ECHO_PING_H
#define ECHO_PING_H

/* `echoc ping ARGUMENTS`: returns the exit code, a CLI_... of cli.h. */
int ping_main(int argc, char **argv);

#endif
