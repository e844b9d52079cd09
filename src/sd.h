/*
 * sd: the service manager's two protocols, sd_notify(3) and LISTEN_FDS.
 *
 * By hand: they are two datagrams and two environment variables, and a
 * network daemon should not link libsystemd's libraries for them.
 */
#ifndef ECHO_SD_H
#define ECHO_SD_H

#include <stdint.h>

/* The first descriptor that is handed over, SD_LISTEN_FDS_START. */
#define SD_FIRST_FD 3

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment
 * (unset afterwards, so that no child believes them) and opens the socket.
 * 0, also where there is no service manager; -1 with errno.
 */
int sd_open(void);

/* Closes the socket; sd_notify() says nothing from here on. */
void sd_close(void);

/*
 * Sends lines like "READY=1\nSTATUS=..." to the service manager; at most 512
 * bytes.  Does nothing without one; never blocks; a message that is not taken
 * is dropped, as sd_notify(3) allows.
 */
void sd_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "RELOADING=1" with the MONOTONIC_USEC that goes with it. */
void sd_notify_reloading(void);

/* How often "WATCHDOG=1" is due, in ms: half of WATCHDOG_USEC; 0: never. */
int64_t sd_watchdog_ms(void);

/*
 * How many sockets were handed over, from SD_FIRST_FD on, by LISTEN_FDS and
 * LISTEN_PID (unset afterwards); each gets FD_CLOEXEC.  0 for none or for
 * another process's; -1 with errno EINVAL where the variables make no sense,
 * or as fcntl(2) says where a descriptor is not open.
 */
int sd_listen_fds(void);

#endif
