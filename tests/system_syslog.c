/*
 * The log to syslog, over a real /dev/log: each echod runs in a mount
 * namespace (of a user namespace, where the test is not run by root) whose
 * /dev/log is a socket of the test's.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

#define RECORD_MAX 4096

/* The namespace. */

static void must(int result, const char *what)
{
    if (result == -1) {
        perror(what);
        _exit(126);
    }
}

static void map_id(const char *path, unsigned id)
{
    char line[64];
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd, path);
    int len = snprintf(line, sizeof line, "%u %u 1", id, id);
    must((int)write(fd, line, (size_t)len), path);
    close(fd);
}

static void become_master_of_mounts(void)
{
    unsigned uid = geteuid();
    unsigned gid = getegid();
    if (uid == 0) {
        must(unshare(CLONE_NEWNS), "unshare");
        return;
    }
    must(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
    int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
    must(fd, "setgroups");
    must((int)write(fd, "deny", 4), "setgroups");
    close(fd);
    map_id("/proc/self/uid_map", uid);
    map_id("/proc/self/gid_map", gid);
}

/*
 * No mount made from here on is seen outside.  In a plain chroot "/" is no
 * mount point, so the mount point that it lies in has to be found above it:
 * a second chroot, to spare, lets the first one be left.  Root only; for
 * others the kernel has cut the ties with the user namespace already.
 */
static void keep_mounts_to_ourselves(const char *spare)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
        return;
    }
    must(errno == EINVAL ? 0 : -1, "private");
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    must(root, "/");
    must(chroot(spare), spare);
    must(fchdir(root), "/");
    for (int depth = 0; depth < 64; depth++) {
        must(chdir(".."), "..");
    }
    must(chroot("."), "the root above");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    must(fchdir(root), "/");
    must(chroot("."), "back");
    close(root);
}

/* A /dev with null and log, and nothing else. */
static void own_dev(struct harness *h)
{
    char null[HARNESS_PATH_MAX * 2];
    char log[HARNESS_PATH_MAX * 2];
    snprintf(null, sizeof null, "%s/null", h->dir);
    snprintf(log, sizeof log, "%s/log", h->dir);
    become_master_of_mounts();
    keep_mounts_to_ourselves(h->dir);
    must(close(open(null, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), null);
    must(mount("/dev/null", null, NULL, MS_BIND, NULL), null);
    must(mount("none", "/dev", "tmpfs", 0, "mode=755"), "/dev");
    must(close(open("/dev/null", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)),
         "/dev/null");
    must(mount(null, "/dev/null", NULL, MS_BIND, NULL), "/dev/null");
    must(symlink(log, "/dev/log"), "/dev/log");
}

/* A syslog daemon. */

static int open_syslog(const struct harness *h)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%.90s/log", h->dir);
    unlink(addr.sun_path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static const char *receive(int fd, int ms)
{
    static char record[RECORD_MAX];
    if (!client_wait(fd, POLLIN, ms)) {
        return NULL;
    }
    ssize_t n = recv(fd, record, sizeof record - 1, 0);
    ck_assert_int_gt(n, 0);
    record[n] = '\0';
    ck_assert_uint_eq(strlen(record), (size_t)n); /* no NUL inside */
    return record;
}

static bool matches(const char *record, const char *pattern)
{
    regex_t regex;
    ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool yes = regexec(&regex, record, 0, NULL, 0) == 0;
    regfree(&regex);
    return yes;
}

__attribute__((format(printf, 2, 3))) static void
expect_next(int fd, const char *format, ...)
{
    char pattern[RECORD_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(pattern, sizeof pattern, format, args);
    va_end(args);
    const char *record = receive(fd, harness_ms(HARNESS_SOON));
    ck_assert_msg(record != NULL, "no record /%s/", pattern);
    ck_assert_msg(matches(record, pattern), "\"%s\" is not /%s/", record,
                  pattern);
}

/* Receives until a record matches. */
__attribute__((format(printf, 2, 3))) static void
await_record(int fd, const char *format, ...)
{
    char pattern[RECORD_MAX];
    const char *record;
    va_list args;
    va_start(args, format);
    vsnprintf(pattern, sizeof pattern, format, args);
    va_end(args);
    do {
        record = receive(fd, harness_ms(HARNESS_SOON));
        ck_assert_msg(record != NULL, "no record /%s/", pattern);
    } while (!matches(record, pattern));
}

static const char *address_of(const struct harness *h)
{
    static char address[HARNESS_PATH_MAX * 2];
    snprintf(address, sizeof address, "unix:%s/s", h->dir);
    return address;
}

static void configure(struct harness *h, const char *rest)
{
    harness_write(h, "echod.ini", "[server]\nlisten = %s\n%s", address_of(h),
                  rest);
}

/* Starts an echod that logs to its /dev/log, which *fd receives from; NULL:
 * nobody does yet. */
static struct harness *serve(const char *rest, int *fd)
{
    struct harness *h = harness_new();
    h->in_child = own_dev;
    configure(h, rest);
    if (fd != NULL) {
        *fd = open_syslog(h);
    }
    harness_run(h, HARNESS_ARGS("-c", h->config));
    return h;
}

/* For where no record can tell that it serves. */
static void await_service(const struct harness *h)
{
    int64_t until = harness_now() + harness_ms(HARNESS_SOON);
    int fd;
    while ((fd = client_try(address_of(h), 0)) == -1) {
        ck_assert_int_lt(harness_now(), until);
        poll(NULL, 0, 5);
    }
    client_echo(fd, 1, 10);
    close(fd);
}

/* Standard error is no terminal here: it has only what was wrong at first. */
static void stop(struct harness *h, int fd, size_t lines_on_stderr)
{
    harness_signal(h, SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    harness_join(h);
    ck_assert_uint_eq(harness_count(h, "^"), lines_on_stderr);
    close(fd);
    harness_free(h);
}

#define HEAD                                                                   \
    "^<30>[A-Z][a-z]{2} [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} echod\\[%d\\]: "

START_TEST(records_have_exactly_these_bytes)
{
    int fd;
    struct harness *h = serve("", &fd);
    expect_next(fd, HEAD "listening on %s$", (int)h->pid, address_of(h));
    client_talk(address_of(h), 1, 12);
    expect_next(fd, HEAD "connect id=1 peer=unix: local=%s active=1$",
                (int)h->pid, address_of(h));
    expect_next(fd,
                HEAD "disconnect id=1 peer=unix: in=12 out=12 ms=[0-9]+ "
                     "reason=eof active=0$",
                (int)h->pid);
    stop(h, fd, 0);
}
END_TEST

START_TEST(facility_and_severity_are_in_the_number)
{
    int fd;
    struct harness *h = serve("[log]\nfacility = local3\n", &fd);
    await_record(fd, "^<158>.*: listening on "); /* 19 * 8 + 6 */
    configure(h, "[log]\nfacility = uucp\n");
    harness_signal(h, SIGHUP);
    await_record(fd, "^<69>.*: reloaded .*log.facility local3 -> uucp$");
    configure(h, "[log]\nfacility = nowhere\n");
    harness_signal(h, SIGHUP);
    await_record(fd, "^<67>.*echod.ini:4: log.facility");
    stop(h, fd, 0);
}
END_TEST

START_TEST(target_stderr_sends_nothing_to_syslog)
{
    int fd;
    struct harness *h = serve("[log]\ntarget = stderr\n", &fd);
    harness_expect(h, " info listening on ");
    client_talk(address_of(h), 1, 12);
    harness_expect(h, " info disconnect ");
    ck_assert_ptr_null(receive(fd, 0));
    close(fd);
    harness_stop(h);
}
END_TEST

/* Until the daemon is there, lines wait. */
START_TEST(lines_wait_for_a_syslog_daemon_that_comes_later)
{
    struct harness *h = serve("", NULL);
    await_service(h);
    client_talk(address_of(h), 1, 34);
    int fd = open_syslog(h);
    await_record(fd, ": listening on ");
    await_record(fd, ": disconnect .* in=34 out=34 ");
    harness_expect(h, "^echod: no syslog daemon at /dev/log, lines wait");
    stop(h, fd, 1);
}
END_TEST

START_TEST(a_syslog_daemon_that_restarts_gets_the_next_lines)
{
    int fd;
    struct harness *h = serve("", &fd);
    await_record(fd, ": listening on ");
    close(fd);
    for (unsigned i = 0; i < 20; i++) {
        client_talk(address_of(h), i, 40 + i);
    }
    fd = open_syslog(h);
    for (unsigned i = 0; i < 20; i++) {
        await_record(fd, ": disconnect .* in=%u ", 40 + i);
    }
    stop(h, fd, 0);
}
END_TEST

/* Receives all; how many lines about clients, and how many were lost. */
static void drain(int fd, size_t *lines, size_t *lost)
{
    const char *record;
    *lines = *lost = 0;
    while (*lost == 0 || client_wait(fd, POLLIN, 0)) {
        record = receive(fd, harness_ms(HARNESS_SOON));
        ck_assert_msg(record != NULL, "no line says what was lost");
        if (strstr(record, "connect id=") != NULL) {
            ck_assert_uint_eq(*lost, 0);
            ++*lines;
        }
        if (strstr(record, " messages lost: ") != NULL) {
            ck_assert(matches(record, "^<28>.*\\]: [1-9][0-9]* messages lost: "
                                      "the syslog daemon did not take them$"));
            *lost += strtoul(strstr(record, "]: ") + 3, NULL, 10);
        }
    }
}

START_TEST(a_syslog_daemon_that_stalls_stops_nobody_and_losses_are_counted)
{
    enum { CLIENTS = 1500 };
    size_t lines;
    size_t lost;
    int fd;
    struct harness *h = serve("[log]\nrate = 0\n", &fd);
    await_record(fd, ": listening on ");
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_talk(address_of(h), i, 100);
    }
    drain(fd, &lines, &lost);
    ck_assert_uint_gt(lost, 0);
    ck_assert_uint_eq(lines + lost, 2 * CLIENTS);
    /* And from here on all is as before. */
    client_talk(address_of(h), 1, 777);
    await_record(fd, ": disconnect .* in=777 ");
    harness_signal(h, SIGUSR1);
    await_record(fd, ": stats .*log_dropped=%zu$", lost);
    stop(h, fd, 0);
}
END_TEST

/* A stall that the ring bridges loses nothing. */
START_TEST(a_short_stall_loses_no_line)
{
    enum { CLIENTS = 300 };
    int fd;
    struct harness *h = serve("[log]\nrate = 0\n", &fd);
    await_record(fd, ": listening on ");
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_talk(address_of(h), i, 100);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        await_record(fd, ": disconnect ");
    }
    harness_signal(h, SIGUSR1);
    await_record(fd, ": stats .*log_dropped=0$");
    stop(h, fd, 0);
}
END_TEST

START_TEST(term_ends_an_echod_whose_syslog_daemon_stalls)
{
    int fd;
    struct harness *h = serve("[log]\nrate = 0\n", &fd);
    await_service(h);
    for (unsigned i = 0; i < 1000; i++) {
        client_talk(address_of(h), i, 1);
    }
    stop(h, fd, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        records_have_exactly_these_bytes,
        facility_and_severity_are_in_the_number,
        target_stderr_sends_nothing_to_syslog,
        lines_wait_for_a_syslog_daemon_that_comes_later,
        a_syslog_daemon_that_restarts_gets_the_next_lines,
        a_syslog_daemon_that_stalls_stops_nobody_and_losses_are_counted,
        a_short_stall_loses_no_line,
        term_ends_an_echod_whose_syslog_daemon_stalls,
        NULL,
    };
    return harness_main(harness_suite("system_syslog", tests));
}
