#include <config.h>

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Lines that may wait in a sink: a second of a busy server's connections. */
#define RING_LINES 1024

/* The prefixes: "<191>Mmm dd hh:mm:ss tag[pid]: ", or time and severity. */
#define PREFIX_MAX 96
#define RECORD_MAX (PREFIX_MAX + LOG_LINE_MAX + 2)

struct sink {
    int fd; /* -1: this sink is not in use */
    bool connected;
    bool reopened; /* fd is ours, non-blocking, and not standard error itself */
    char *ring[RING_LINES];
    size_t first, count;
    size_t sent; /* bytes of the first line that went out before */
    uint64_t lost; /* since the ring was empty last */
    int64_t connect_ms; /* no sooner is a next connect(2) */
    int64_t retry_ms;   /* no sooner a next line, where fd cannot tell; or 0 */
};

enum { SYSLOG, STDERR };

static struct {
    struct log_options options;
    pid_t pid;
    uint64_t dropped;
    struct sink sinks[LOG_SINKS];
} state = {
    .options = { .tag = "echod",
                 .targets = LOG_TO_STDERR,
                 .facility = LOG_DAEMON,
                 .priority = LOG_INFO },
    .sinks = { [SYSLOG] = { .fd = -1 },
               [STDERR] = { .fd = STDERR_FILENO, .connected = true } },
};

static int64_t monotonic_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- one line, as its sink wants it ---- */

static const char *severity(int priority)
{
    static const char *const names[] = { "emerg",   "alert",  "crit", "err",
                                         "warning", "notice", "info", "debug" };

    return names[LOG_PRI(priority)];
}

/* RFC 3164 in its local form: no host, no newline. */
static size_t syslog_prefix(char *out, int priority)
{
    time_t now = time(NULL);
    struct tm tm;
    char when[32];

    localtime_r(&now, &tm);
    strftime(when, sizeof when, "%b %e %H:%M:%S", &tm);
    return (size_t)snprintf(out, PREFIX_MAX, "<%d>%s %s[%ld]: ",
                            state.options.facility | priority, when,
                            state.options.tag, (long)state.pid);
}

/* RFC 3339 with milliseconds and the local offset. */
static size_t stderr_prefix(char *out, int priority)
{
    struct timespec now;
    struct tm tm;
    char when[32], zone[8];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof zone, "%z", &tm); /* +hhmm */
    return (size_t)snprintf(out, PREFIX_MAX, "%s.%03ld%.3s:%s %s ", when,
                            now.tv_nsec / 1000000, zone, zone + 3,
                            severity(priority));
}

/* Nothing that could break a line or a terminal leaves here. */
static size_t sanitise(char *out, const char *text)
{
    char *p = out;
    char *end = out + LOG_LINE_MAX;

    for (; *text != '\0'; text++) {
        bool plain = *text >= ' ' && *text < 0x7f;

        if (end - p < (plain ? 1 : 4) + 3) {
            p = stpcpy(p, "...");
            break;
        }
        if (plain)
            *p++ = *text;
        else
            p += snprintf(p, 5, "\\%03o", (unsigned char)*text);
    }
    return (size_t)(p - out);
}

/* Returns the length; record is terminated too. */
static size_t compose(char record[RECORD_MAX], int which, int priority,
                      const char *text)
{
    size_t len = which == SYSLOG ? syslog_prefix(record, priority)
                                 : stderr_prefix(record, priority);

    len += sanitise(record + len, text);
    if (which == STDERR)
        record[len++] = '\n';
    record[len] = '\0';
    return len;
}

/* ---- the sinks ---- */

/*
 * A stream socket at the path (EPROTOTYPE) is not handled: no syslog daemon
 * of this day listens on one.
 */
static void connect_syslog(struct sink *s)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int64_t now = monotonic_ms();

    if (now < s->connect_ms)
        return;
    s->connect_ms = now + LOG_RETRY_MS;
    strncpy(to.sun_path, state.options.path, sizeof to.sun_path - 1);
    s->connected =
        connect(s->fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

/* A whole datagram or nothing.  -1 with EAGAIN: wait for room on fd. */
static ssize_t put_syslog(struct sink *s, const char *record, size_t len)
{
    ssize_t n;

    if (!s->connected)
        connect_syslog(s);
    if (!s->connected) {
        errno = ENOTCONN;
        return -1;
    }
    n = send(s->fd, record, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n == -1 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS &&
        errno != ENOMEM) {
        s->connected = false; /* the daemon went; it may be back already */
        connect_syslog(s);
        if (s->connected)
            n = send(s->fd, record, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        else
            errno = ENOTCONN;
    }
    return n;
}

/*
 * Where standard error could not be reopened it may block, and its flags are
 * shared with whoever gave it to us; so ask first.  A line is shorter than
 * PIPE_BUF: a pipe that can be written takes it whole.
 */
static ssize_t put_stderr(struct sink *s, const char *record, size_t len)
{
    struct pollfd p = { .fd = s->fd, .events = POLLOUT };

    if (!s->reopened && poll(&p, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(s->fd, record, len);
}

/* True when the record is out, or can never be (a closed standard error). */
static bool put(int which, const char *record, size_t len, size_t *sent)
{
    struct sink *s = &state.sinks[which];
    ssize_t n = which == SYSLOG ? put_syslog(s, record, len)
                                : put_stderr(s, record + *sent, len - *sent);

    s->retry_ms = 0;
    if (n == -1 && (errno == ENOBUFS || errno == ENOMEM))
        s->retry_ms = monotonic_ms() + LOG_RETRY_MS;
    if (n == -1)
        return which == STDERR && errno != EAGAIN && errno != EINTR;
    *sent += (size_t)n;
    return *sent >= len;
}

/* Once one is lost, all are until the ring is empty: one gap, not many. */
static void keep(struct sink *s, const char *record, size_t sent)
{
    char *copy = NULL;

    if (s->lost == 0 && s->count < RING_LINES)
        copy = strdup(record);
    if (copy == NULL) {
        s->lost++;
        state.dropped++;
        return;
    }
    if (s->count == 0)
        s->sent = sent;
    s->ring[(s->first + s->count++) % RING_LINES] = copy;
}

static void write_to(int which, int priority, const char *text)
{
    struct sink *s = &state.sinks[which];
    char record[RECORD_MAX];
    size_t len, sent = 0;

    if (s->fd == -1)
        return;
    len = compose(record, which, priority, text);
    if (s->count > 0 || s->lost > 0 || !put(which, record, len, &sent))
        keep(s, record, sent);
}

/* The ring is empty: say what is missing before anything else is said. */
static void report_lost(int which)
{
    static const char *const why[] = { "the syslog daemon",
                                       "the reader of standard error" };
    struct sink *s = &state.sinks[which];
    char text[LOG_LINE_MAX];

    snprintf(text, sizeof text, "%llu messages lost: %s did not take them",
             (unsigned long long)s->lost, why[which]);
    s->lost = 0;
    write_to(which, LOG_WARNING, text);
}

static void flush_sink(int which)
{
    struct sink *s = &state.sinks[which];

    while (s->count > 0) {
        char *record = s->ring[s->first];

        if (!put(which, record, strlen(record), &s->sent))
            return;
        free(record);
        s->first = (s->first + 1) % RING_LINES;
        s->count--;
        s->sent = 0;
    }
    if (s->lost > 0)
        report_lost(which);
}

static int open_syslog(struct sink *s)
{
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd == -1)
        return -1;
    connect_syslog(s);
    return 0;
}

/*
 * A description of our own can be made non-blocking without a surprise for
 * those who share the old one.  Only a terminal or a pipe can stall; a file
 * keeps its one description, whose offset others go on writing at.
 */
static int reopen_stderr(void)
{
    struct stat st;

    if (fstat(STDERR_FILENO, &st) == -1 ||
        (!S_ISCHR(st.st_mode) && !S_ISFIFO(st.st_mode)))
        return -1;
    return open("/proc/self/fd/2",
                O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void open_stderr(struct sink *s)
{
    int fd = reopen_stderr();

    s->reopened = fd != -1;
    s->fd = s->reopened ? fd : STDERR_FILENO;
    s->connected = true;
}

static void close_sink(int which)
{
    struct sink *s = &state.sinks[which];

    flush_sink(which);
    while (s->count > 0)
        free(s->ring[(s->first + --s->count) % RING_LINES]);
    if (s->fd != -1 && s->fd != STDERR_FILENO)
        close(s->fd);
    memset(s, 0, sizeof *s);
    s->fd = -1;
}

/* ---- the interface ---- */

int log_open(const struct log_options *options)
{
    log_close();
    state.options = *options;
    state.pid = getpid();
    state.dropped = 0;
    if ((options->targets & LOG_TO_SYSLOG) != 0 &&
        open_syslog(&state.sinks[SYSLOG]) == -1)
        return -1;
    if ((options->targets & LOG_TO_STDERR) != 0)
        open_stderr(&state.sinks[STDERR]);
    else
        state.sinks[STDERR].fd = -1;
    return 0;
}

void log_close(void)
{
    close_sink(SYSLOG);
    close_sink(STDERR);
    state.sinks[STDERR].fd = STDERR_FILENO;
}

void log_set(int facility, int priority)
{
    state.options.facility = facility;
    state.options.priority = priority;
}

bool log_reaches_syslog(void)
{
    return state.sinks[SYSLOG].connected;
}

bool log_wants(int priority)
{
    return LOG_PRI(priority) <= state.options.priority;
}

void log_write(int priority, const char *format, ...)
{
    char text[LOG_LINE_MAX + 1];
    va_list args;

    if (!log_wants(priority))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (int which = 0; which < LOG_SINKS; which++)
        write_to(which, priority, text);
}

void log_errno(int priority, int errnum, const char *format, ...)
{
    char text[LOG_LINE_MAX + 1];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_write(priority, "%s: %s", text, strerror(errnum));
}

void log_waits(struct log_wait waits[LOG_SINKS])
{
    for (int which = 0; which < LOG_SINKS; which++) {
        const struct sink *s = &state.sinks[which];
        bool pending = s->count > 0 || s->lost > 0;
        int64_t at = s->connected ? s->retry_ms : s->connect_ms;

        waits[which] = (struct log_wait){
            .fd = pending && at == 0 ? s->fd : -1,
            .retry_ms = pending && at != 0 ? at : -1,
        };
    }
}

void log_flush(void)
{
    for (int which = 0; which < LOG_SINKS; which++)
        flush_sink(which);
}

uint64_t log_dropped(void)
{
    return state.dropped;
}
