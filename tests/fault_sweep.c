/*
 * Every system call of echod fails, one after the other, with every error
 * that its manual allows, at several of its calls, while clients talk that
 * check each byte.  Either echod goes on and serves, or it ends with a code of
 * its manual and says why; no client ever gets a wrong byte, and none hangs.
 *
 * For 'make fault-check', which runs several of these: FAULT_PART is "I/N",
 * the I-th of N parts; FAULT_RESULTS is a file that gets a line for each run.
 */
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

/* FEW bytes of each client, or as MANY as go through pipes; see bulk.h. */
enum { CLIENTS = 8, FEW = 30000, MANY = 2000000, PIECE = 65536 };

#define ALL "poll select epoll", FEW
#define ANY "poll", FEW
#define BULK "poll", MANY

static const struct {
    const char *call;
    const char *errors;
    const char *pollers;
    size_t bytes;
} calls[] = {
    { "accept4", "EAGAIN EINTR ECONNABORTED EMFILE ENFILE ENOBUFS ENOMEM "
                 "EPERM EPROTO ENETDOWN EHOSTUNREACH", ALL },
    { "recvfrom", "EAGAIN EINTR ECONNRESET ETIMEDOUT ENOMEM ENOBUFS "
                  "EHOSTUNREACH", ALL },
    { "sendto", "EAGAIN EINTR ECONNRESET EPIPE:signal=SIGPIPE ENOBUFS ENOMEM "
                "ETIMEDOUT EHOSTUNREACH", ALL },
    { "ppoll", "EINTR EAGAIN ENOMEM", "poll", FEW },
    { "pselect6", "EINTR ENOMEM", "select", FEW },
    { "epoll_pwait", "EINTR", "epoll", FEW },
    { "epoll_ctl", "ENOMEM ENOSPC", "epoll", FEW },
    { "epoll_create1", "EMFILE ENFILE ENOMEM", "epoll", FEW },
    { "socket", "EMFILE ENFILE ENOBUFS ENOMEM EACCES EAFNOSUPPORT", ANY },
    { "bind", "EACCES EADDRINUSE EADDRNOTAVAIL ENOMEM", ANY },
    { "listen", "EADDRINUSE", ANY },
    { "setsockopt", "ENOPROTOOPT ENOMEM EPERM", ALL },
    { "getsockopt", "ENOPROTOOPT ENOMEM", ANY },
    { "getsockname", "ENOBUFS", ALL },
    { "shutdown", "ENOTCONN ENOBUFS", ALL },
    { "fcntl", "EACCES EAGAIN EMFILE", ANY },
    { "close", "EINTR EIO", ALL },
    { "openat", "ENOENT EACCES EMFILE ENFILE ENOMEM EINTR", ANY },
    { "newfstatat", "EIO ENOMEM EACCES", ANY },
    { "read", "EIO EINTR", ANY },
    { "write", "ENOSPC EIO EINTR EAGAIN EPIPE:signal=SIGPIPE", ALL },
    { "ftruncate", "EIO EINTR", ANY },
    { "rename", "EACCES ENOSPC EROFS", ANY },
    { "unlink", "EACCES EROFS", ANY },
    { "prlimit64", "EPERM", ANY },
    { "prctl", "EPERM EINVAL", ANY },
    { "capset", "EPERM", ANY },
    { "setuid", "EPERM EAGAIN", ANY },
    { "setgid", "EPERM", ANY },
    { "setgroups", "EPERM ENOMEM", ANY },
    { "rt_sigprocmask", "EINVAL", ANY },
    { "splice", "EAGAIN EINTR EINVAL ENOMEM EPIPE:signal=SIGPIPE ECONNRESET "
                "EIO ENOSYS EPERM", BULK },
    { "pipe2", "EMFILE ENFILE ENOMEM ENOSYS", BULK },
    { "close_range", "EMFILE ENOMEM ENOSYS", ANY },
    { "chmod", "EPERM EROFS EIO", ANY },
};

static const char *const whens[] = { "1", "2", "3", "5", "8", "13",
                                    "21", "7+7" };

struct run {
    char call[32], error[64], poller[16];
    const char *when;
    size_t bytes;
};

static int part, parts = 1;

/* The n-th word of a list, false behind its end. */
static bool word(const char *list, int n, char *out, size_t size)
{
    for (; n > 0 && *list != '\0'; n--) {
        list += strcspn(list, " ");
        list += *list == ' ';
    }
    snprintf(out, size, "%.*s", (int)strcspn(list, " "), list);
    return out[0] != '\0';
}

/* The n-th of all runs; false behind the last one. */
static bool find_run(int n, struct run *run)
{
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        snprintf(run->call, sizeof run->call, "%s", calls[c].call);
        run->bytes = calls[c].bytes;
        for (int p = 0; word(calls[c].pollers, p, run->poller,
                             sizeof run->poller); p++) {
            for (int e = 0; word(calls[c].errors, e, run->error,
                                 sizeof run->error); e++) {
                for (size_t w = 0; w < sizeof whens / sizeof *whens; w++) {
                    run->when = whens[w];
                    if (n-- == 0) {
                        return true;
                    }
                }
            }
        }
    }
    return false;
}

/* ---- echod under strace ---- */

static struct harness *start(const struct run *run, const char *address)
{
    char wrapper[600];
    struct harness *h = harness_new();
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    ck_assert_int_eq(chmod(h->dir, 0777), 0);
    snprintf(wrapper, sizeof wrapper,
             "strace -D -f -qq -o %s/trace -e trace=%s -e inject=%s:error=%s"
             ":when=%s",
             h->dir, run->call, run->call, run->error, run->when);
    h->wrapper = wrapper;
    harness_write(h, "echod.ini",
                  "[server]\nlisten = %s, unix:%s/socket\npoller = %s\n"
                  "buffer_size = %s\nsocket_buffer = %s\n"
                  "[limits]\nmax_clients = 900\nidle_timeout = 400ms\n"
                  "connect_rate = 1000\n"
                  "[log]\nrate = 0\n"
                  "[process]\npid_file = %s/pid\n%s"
                  "[stats]\nfile = %s/prom\ninterval = 100ms\n",
                  address, h->dir, run->poller,
                  run->bytes > FEW ? "256K" : "2K",
                  run->bytes > FEW ? "256K" : "16K", h->dir,
                  geteuid() == 0 ? "user = nobody\n" : "", h->dir);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    h->wrapper = NULL;
    return h;
}

static bool has_ended(const struct harness *h)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)h->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0
           && info.si_pid == h->pid;
}

static size_t injected(const struct harness *h)
{
    char path[HARNESS_PATH_MAX * 2], line[4096];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/trace", h->dir);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, "(INJECTED)") != NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

/* ---- clients that bear a broken connection, but no wrong byte ---- */

struct talker {
    int fd; /* -1: over */
    uint64_t seed;
    size_t size, sent, got;
    bool whole;
};

static void talker_end(struct talker *t)
{
    close(t->fd);
    t->fd = -1;
}

static void talker_send(struct talker *t)
{
    char bytes[PIECE];
    size_t n = t->size - t->sent < sizeof bytes ? t->size - t->sent
                                                : sizeof bytes;
    client_payload(t->seed, t->sent, bytes, n);
    ssize_t took = send(t->fd, bytes, n, MSG_NOSIGNAL);
    if (took == -1 && errno != EAGAIN) {
        talker_end(t);
    } else if (took > 0 && (t->sent += (size_t)took) == t->size) {
        shutdown(t->fd, SHUT_WR);
    }
}

static void talker_receive(struct talker *t)
{
    char got[PIECE], want[PIECE];
    ssize_t n = recv(t->fd, got, sizeof got, 0);
    if (n > 0) {
        client_payload(t->seed, t->got, want, (size_t)n);
        ck_assert_msg(memcmp(got, want, (size_t)n) == 0, "a wrong byte");
        t->got += (size_t)n;
        ck_assert_msg(t->got <= t->sent, "a byte too many");
    } else if (n == 0 || errno != EAGAIN) {
        t->whole = n == 0 && t->got == t->size;
        talker_end(t);
    }
}

/* True when all have come to an end before the time is up. */
static bool talk(struct talker *all, int count, int ms)
{
    int64_t deadline = harness_now() + harness_ms(ms);
    for (;;) {
        struct pollfd fds[CLIENTS];
        int open = 0;
        for (int i = 0; i < count; i++) {
            fds[i].fd = all[i].fd;
            fds[i].events = (short)(POLLIN
                                    | (all[i].sent < all[i].size
                                           ? POLLOUT : 0));
            open += all[i].fd != -1;
        }
        if (open == 0) {
            return true;
        }
        if (harness_now() > deadline) {
            return false;
        }
        poll(fds, (nfds_t)count, 50);
        for (int i = 0; i < count; i++) {
            if (all[i].fd != -1 && (fds[i].revents & POLLOUT) != 0) {
                talker_send(&all[i]);
            }
            if (all[i].fd != -1
                && (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
                talker_receive(&all[i]);
            }
        }
    }
}

/* A connection as soon as one is to be had; -1 when echod has ended. */
static int reach(const struct harness *h, const char *address)
{
    int64_t deadline = harness_now() + harness_ms(HARNESS_SOON);
    while (!has_ended(h)) {
        int fd = client_try(address, 0);
        if (fd != -1) {
            return fd;
        }
        ck_assert_msg(harness_now() < deadline, "nobody listens");
        poll(NULL, 0, 10);
    }
    return -1;
}

/* All at once; false when echod has ended. */
static bool crowd(const struct harness *h, const char *address,
                  const struct run *run)
{
    /* An injected close closes nothing, so its client waits for ever. */
    bool may_hang = strcmp(run->call, "close") == 0;
    struct talker all[CLIENTS] = { 0 };
    for (int i = 0; i < CLIENTS; i++) {
        all[i].seed = (uint64_t)i;
        all[i].size = run->bytes;
        all[i].fd = reach(h, address);
    }
    if (!talk(all, CLIENTS, 10000)) {
        ck_assert_msg(may_hang || has_ended(h), "a client hangs");
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (all[i].fd != -1) {
            talker_end(&all[i]);
        }
    }
    return !has_ended(h);
}

/* The fault is over at some time: then all of an echo comes back. */
static bool served_again(const struct harness *h, const char *address)
{
    for (int tries = 0; tries < 30; tries++) {
        struct talker one = { .seed = 99, .size = 100,
                              .fd = reach(h, address) };
        if (one.fd == -1) {
            return false;
        }
        bool over = talk(&one, 1, 2000);
        if (!over) {
            talker_end(&one);
        } else if (one.whole) {
            return true;
        }
    }
    ck_abort_msg("nobody is served any more");
    return false;
}

/* ---- a run ---- */

static void record(const struct run *run, size_t hits, int code)
{
    const char *path = getenv("FAULT_RESULTS");
    int fd = path == NULL
                 ? -1
                 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd == -1) {
        return;
    }
    dprintf(fd, "%s %s %s %s hits %zu exit %d\n", run->call, run->error,
            run->when, run->poller, hits, code);
    close(fd);
}

static bool is_of_the_manual(int code)
{
    static const int codes[] = { EX_UNAVAILABLE, EX_OSERR, EX_CANTCREAT,
                                 EX_CONFIG, EX_NOPERM, EX_NOINPUT };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return false;
}

START_TEST(a_failing_call_breaks_no_byte_and_leaves_no_client_hanging)
{
    struct run run = { 0 };
    char address[64];
    if (!find_run(_i * parts + part, &run)) {
        return;
    }
    snprintf(address, sizeof address, "127.%d.%d.%d:25000",
             getpid() / 40000 + 1, getpid() / 200 % 200, getpid() % 200 + 1);
    struct harness *h = start(&run, address);
    bool up = crowd(h, address, &run);
    if (up) {
        int idle = reach(h, address);
        harness_signal(h, SIGHUP);
        harness_signal(h, SIGUSR1);
        up = crowd(h, address, &run);
        up = up && served_again(h, address);
        if (idle != -1) {
            close(idle);
        }
    }
    if (up) {
        harness_signal(h, SIGTERM);
    }
    int code = harness_wait(h);
    harness_join(h);
    char *log = harness_log(h);
    /* Before main() it is the dynamic loader that fails. */
    bool loading = code == 127 && strstr(log, "while loading shared") != NULL;
    ck_assert_msg(code == 0 ? up : loading || is_of_the_manual(code),
                  "%s %s %s %s: exit code %d; the log:\n%s", run.call,
                  run.error, run.when, run.poller, code, log);
    ck_assert_msg(log[0] != '\0' || strcmp(run.call, "write") == 0,
                  "ends without a word");
    free(log);
    record(&run, injected(h), code);
    harness_free(h);
}
END_TEST

int main(void)
{
    const char *text = getenv("FAULT_PART");
    struct run run;
    int runs = 0;
    if (text != NULL && sscanf(text, "%d/%d", &part, &parts) != 2) {
        return EXIT_FAILURE;
    }
    while (find_run(runs, &run)) {
        runs++;
    }
    Suite *suite = suite_create("fault_sweep");
    harness_loop(suite,
                 a_failing_call_breaks_no_byte_and_leaves_no_client_hanging,
                 (size_t)((runs + parts - 1) / parts));
    return harness_main(suite);
}
