/*
 * sd: the service manager's two protocols, sd_notify(3) and LISTEN_FDS.
 *
 * By hand: they are two datagrams and a few environment variables, and a
 * network daemon should not link libsystemd's libraries for them.
 */
#ifndef ECHO_SD_H
#define ECHO_SD_H

#include <stdbool.h>
#include <stdint.h>

/* The first descriptor that is handed over, SD_LISTEN_FDS_START. */
#define SD_FIRST_FD 3

/* Longest message of sd_notify(), terminated. */
#define SD_MESSAGE_MAX 512

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment
 * (unset afterwards, so that no child believes them) and opens a socket for
 * sd_notify().  0, also where there is no service manager; -1 with errno
 * EINVAL where a variable makes no sense, EAFNOSUPPORT where NOTIFY_SOCKET is
 * neither a path nor an abstract name, ENAMETOOLONG where it does not fit, or
 * as socket(2) says.  After a failure nothing is open and nothing is due.
 */
int sd_open(void);

/* Whether there is a service manager that listens to sd_notify(). */
bool sd_is_open(void);

/* Closes the socket; sd_notify() says nothing from here on. */
void sd_close(void);

/*
 * Sends lines like "READY=1\nSTATUS=..." to the service manager.  Never
 * blocks.  0, also where there is no service manager; -1 with errno where the
 * message was not taken: EAGAIN (it does not read just now), EMSGSIZE (longer
 * than SD_MESSAGE_MAX), or as sendto(2) says.  Whoever depends on a message
 * sends it again later: a READY=1 that is lost is a start that times out.
 */
int sd_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "RELOADING=1" with the MONOTONIC_USEC that goes with it; as sd_notify(). */
int sd_notify_reloading(void);

/* How often "WATCHDOG=1" is due, in ms: half of WATCHDOG_USEC; 0: never. */
int64_t sd_watchdog_ms(void);

/*
 * How many sockets were handed over, from SD_FIRST_FD on, by LISTEN_FDS and
 * LISTEN_PID (unset afterwards, LISTEN_FDNAMES too); each gets FD_CLOEXEC.
 * 0 for none or for another process's; -1 with errno EINVAL where the
 * variables make no sense, or as fcntl(2) says where a descriptor is not open.
 */
int sd_listen_fds(void);

#endif
