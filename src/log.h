/*
 * log: lines to syslog and to standard error that never stop the caller.
 *
 * syslog(3) blocks for as long as the syslog daemon stalls (after about ten
 * lines on Linux), and with it every client of a single-threaded server.  So
 * this sink is our own: a non-blocking datagram socket to /dev/log with a ring
 * of whole lines behind it.  What the ring cannot hold is counted, and the
 * first line after recovery says how many were lost.  Standard error, where a
 * pipe's reader may stall just so, has a ring of its own.
 *
 * One log a process; before log_open() and after log_close() it writes to
 * standard error alone.  Priorities are those of <syslog.h>, LOG_ERR to
 * LOG_DEBUG.  log is a leaf: who has a loop lends it the descriptors.
 */
#ifndef ECHO_LOG_H
#define ECHO_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* Where lines go; or'ed. */
enum {
    LOG_TO_SYSLOG = 1,
    LOG_TO_STDERR = 2,
};

/* A line is cut at this length, its end marked with "...". */
#define LOG_LINE_MAX 1024

/* How to log; log_open() copies it. */
struct log_options {
    const char *tag;  /* of a syslog line, "echod"; kept by pointer */
    const char *path; /* the syslog daemon's socket, _PATH_LOG; likewise */
    int targets;      /* LOG_TO_* */
    int facility;     /* LOG_DAEMON, ... */
    int priority;     /* the least urgent that is still written */
};

/*
 * Opens the log.  A syslog daemon that is not there yet is no error: the
 * lines wait in the ring, and log_reaches_syslog() tells.  0, or -1 with
 * errno (EMFILE, ENFILE, ENOMEM), and lines go on to standard error.
 */
int log_open(const struct log_options *options);

/* True while the socket to the syslog daemon is connected. */
bool log_reaches_syslog(void);

/* A new facility and least urgent priority, from the next line on. */
void log_set(int facility, int priority);

/* Sends what can be sent without waiting, closes and frees all. */
void log_close(void);

/* True where a line of that priority would be written. */
bool log_wants(int priority);

/* One line; bytes that are not printable come out as \ooo. */
void log_write(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with ": " and the text of errnum (an errno) behind it. */
void log_errno(int priority, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * What the sinks wait for, LOG_SINKS of them.  fd is -1 where nothing waits;
 * else log_flush() is due when fd can be written, or at retry_ms (monotonic,
 * in milliseconds; -1: no such time) where there is no connection to wait on.
 */
#define LOG_SINKS 2
struct log_wait {
    int fd;
    int64_t retry_ms;
};
void log_waits(struct log_wait waits[LOG_SINKS]);

/* Sends what waits, as far as it goes; a new connection at most once a
 * LOG_RETRY_MS where the daemon has gone. */
#define LOG_RETRY_MS 500
void log_flush(void);

/* How many lines were lost since log_open(). */
uint64_t log_dropped(void);

#endif
