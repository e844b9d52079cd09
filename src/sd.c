#include <config.h>

#include "sd.h"
#include "units.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * The socket is not connected: each message finds the manager by its name, so
 * one that was started anew is found again.
 */
static struct {
    int fd;
    socklen_t len;
    struct sockaddr_un addr;
    int64_t watchdog_ms;
} sd = { .fd = -1 };

static int fail(int error)
{
    errno = error;
    return -1;
}

/*
 * A number of the environment: 0, with *value 0 where there is none, or -1
 * with EINVAL.
 */
static int env_number(const char *name, int64_t *value)
{
    const char *text = getenv(name);

    *value = 0;
    if (text != NULL && units_parse_count(text, value) == -1)
        return fail(EINVAL);
    return 0;
}

/*
 * Whether the variables that come with the named process id are for this
 * process: 1 or 0, or -1 with EINVAL.  where_unset says what no id means.
 */
static int env_is_ours(const char *name, bool where_unset)
{
    int64_t pid;

    if (getenv(name) == NULL)
        return where_unset;
    if (env_number(name, &pid) == -1)
        return -1;
    return pid == (int64_t)getpid();
}

static int read_watchdog(void)
{
    int64_t usec;
    int ours = env_is_ours("WATCHDOG_PID", true);

    if (ours == -1 || env_number("WATCHDOG_USEC", &usec) == -1)
        return -1;
    if (ours == 1 && usec > 0)
        sd.watchdog_ms = usec < 2000 ? 1 : usec / 2000;
    return 0;
}

/* "/path" or "@name"; the latter has a zero byte first and no terminator. */
static int read_address(const char *text)
{
    size_t len = strlen(text);

    if (text[0] != '/' && text[0] != '@')
        return fail(EAFNOSUPPORT);
    if (len >= sizeof sd.addr.sun_path)
        return fail(ENAMETOOLONG);
    memset(&sd.addr, 0, sizeof sd.addr);
    sd.addr.sun_family = AF_UNIX;
    memcpy(sd.addr.sun_path, text, len);
    if (text[0] == '@')
        sd.addr.sun_path[0] = '\0';
    else
        len++;
    sd.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return 0;
}

static int open_socket(void)
{
    const char *text = getenv("NOTIFY_SOCKET");

    if (text == NULL || text[0] == '\0')
        return 0;
    if (read_address(text) == -1)
        return -1;
    sd.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sd.fd == -1 ? -1 : 0;
}

int sd_open(void)
{
    int result;

    sd_close();
    result = read_watchdog();
    if (result == 0)
        result = open_socket();
    if (result == -1)
        sd.watchdog_ms = 0;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return result;
}

bool sd_is_open(void)
{
    return sd.fd != -1;
}

void sd_close(void)
{
    if (sd.fd != -1)
        close(sd.fd);
    sd.fd = -1;
    sd.watchdog_ms = 0;
}

int sd_notify(const char *format, ...)
{
    char message[SD_MESSAGE_MAX];
    va_list args;
    int len;

    if (sd.fd == -1)
        return 0;
    va_start(args, format);
    len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof message)
        return fail(EMSGSIZE);
    if (sendto(sd.fd, message, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL,
            (const struct sockaddr *)&sd.addr, sd.len)
        == -1)
        return -1;
    return 0;
}

int sd_notify_reloading(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
        return -1;
    return sd_notify("RELOADING=1\nMONOTONIC_USEC=%lld",
        (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

int64_t sd_watchdog_ms(void)
{
    return sd.watchdog_ms;
}

static int close_on_exec(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags == -1 ? -1 : fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

static int take_listen_fds(void)
{
    int64_t count;
    int ours = env_is_ours("LISTEN_PID", false);

    if (ours != 1)
        return ours;
    if (env_number("LISTEN_FDS", &count) == -1)
        return -1;
    if (count > INT_MAX - SD_FIRST_FD)
        return fail(EINVAL);
    for (int i = 0; i < count; i++)
        if (close_on_exec(SD_FIRST_FD + i) == -1)
            return -1;
    return (int)count;
}

int sd_listen_fds(void)
{
    int count = take_listen_fds();

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count;
}
