/*
 * sd against sockets of the kind a service manager has: by path, by abstract
 * name, slow, and gone.  Check runs each test in a process of its own, so the
 * environment and descriptor numbers of one do not reach the next.
 */
#include <config.h>

#include "sd.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

static char folder[] = "/tmp/check_sd.XXXXXX";
static char name[sizeof folder + 32];

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/notify", folder);
}

static void remove_folder(void)
{
    unlink(name);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* A service manager's socket at name, or at "@" and the same. */
static int manager(const char *text)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    size_t len = strlen(text);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ne(fd, -1);
    ck_assert_uint_lt(len, sizeof un.sun_path);
    memcpy(un.sun_path, text, len);
    if (text[0] == '@')
        un.sun_path[0] = '\0';
    len += offsetof(struct sockaddr_un, sun_path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, (socklen_t)len), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", text, 1), 0);
    return fd;
}

/* The next message, terminated; a datagram is there as soon as it is sent. */
static const char *next_message(int fd)
{
    static char text[2 * SD_MESSAGE_MAX];
    ssize_t len = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    ck_assert_int_ge(len, 0);
    text[len] = '\0';
    return text;
}

static void assert_nothing_came(int fd)
{
    char byte;

    ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
}

/* For take()'s child too, which cannot talk to Check any more. */
static void set_pid(const char *variable, long long pid)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", pid);
    if (setenv(variable, text, 1) == -1)
        abort();
}

static long long usec_now(void)
{
    struct timespec now;

    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

START_TEST(without_a_service_manager_messages_go_nowhere_and_none_fails)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    ck_assert_int_eq(sd_open(), 0);
    ck_assert(!sd_is_open());
    ck_assert_int_eq(sd_notify("READY=1"), 0);
    ck_assert_int_eq(sd_watchdog_ms(), 0);
    sd_close();
}
END_TEST

START_TEST(a_message_reaches_a_socket_with_a_path)
{
    int fd = manager(name);

    ck_assert_int_eq(sd_open(), 0);
    ck_assert(sd_is_open());
    ck_assert_int_eq(sd_notify("READY=1\nSTATUS=%d clients", 3), 0);
    ck_assert_str_eq(next_message(fd), "READY=1\nSTATUS=3 clients");
    sd_close();
}
END_TEST

START_TEST(a_message_reaches_a_socket_with_an_abstract_name)
{
    char abstract[sizeof name];
    int fd;

    snprintf(abstract, sizeof abstract, "@%s", name + 1);
    fd = manager(abstract);
    ck_assert_int_eq(sd_open(), 0);
    ck_assert_int_eq(sd_notify("STOPPING=1"), 0);
    ck_assert_str_eq(next_message(fd), "STOPPING=1");
    sd_close();
}
END_TEST

START_TEST(a_manager_that_was_started_anew_is_found_again)
{
    int fd = manager(name);

    ck_assert_int_eq(sd_open(), 0);
    close(fd);
    ck_assert_int_eq(sd_notify("WATCHDOG=1"), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    ck_assert_int_eq(unlink(name), 0);
    fd = manager(name);
    ck_assert_int_eq(sd_notify("WATCHDOG=1"), 0);
    ck_assert_str_eq(next_message(fd), "WATCHDOG=1");
    sd_close();
}
END_TEST

START_TEST(a_manager_that_does_not_read_never_blocks_and_the_caller_is_told)
{
    int fd = manager(name);
    long sent = 0;

    ck_assert_int_eq(sd_open(), 0);
    while (sd_notify("STATUS=%ld", sent) == 0)
        ck_assert_int_lt(++sent, 1000000);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_gt(sent, 0);
    ck_assert_str_eq(next_message(fd), "STATUS=0");
    ck_assert_int_eq(sd_notify("STATUS=again"), 0);
    sd_close();
}
END_TEST

START_TEST(a_message_of_the_longest_length_arrives_and_a_longer_one_is_refused)
{
    char text[SD_MESSAGE_MAX + 1];
    int fd = manager(name);

    ck_assert_int_eq(sd_open(), 0);
    memset(text, 'x', sizeof text);
    text[SD_MESSAGE_MAX] = '\0';
    ck_assert_int_eq(sd_notify("%s", text), -1);
    ck_assert_int_eq(errno, EMSGSIZE);
    assert_nothing_came(fd);
    text[SD_MESSAGE_MAX - 1] = '\0';
    ck_assert_int_eq(sd_notify("%s", text), 0);
    ck_assert_str_eq(next_message(fd), text);
    sd_close();
}
END_TEST

START_TEST(reloading_carries_the_monotonic_time)
{
    int fd = manager(name);
    long long before, at, after;

    ck_assert_int_eq(sd_open(), 0);
    before = usec_now();
    ck_assert_int_eq(sd_notify_reloading(), 0);
    after = usec_now();
    ck_assert_int_eq(
        sscanf(next_message(fd), "RELOADING=1\nMONOTONIC_USEC=%lld", &at), 1);
    ck_assert_int_le(before, at);
    ck_assert_int_le(at, after);
    sd_close();
}
END_TEST

START_TEST(after_close_nothing_is_sent)
{
    int fd = manager(name);

    ck_assert_int_eq(setenv("WATCHDOG_USEC", "30000000", 1), 0);
    ck_assert_int_eq(sd_open(), 0);
    sd_close();
    ck_assert_int_eq(sd_notify("READY=1"), 0);
    assert_nothing_came(fd);
    ck_assert_int_eq(sd_watchdog_ms(), 0);
}
END_TEST

START_TEST(a_child_finds_none_of_the_variables)
{
    static const char *const variables[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC",
        "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES" };

    manager(name);
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "30000000", 1), 0);
    set_pid("WATCHDOG_PID", getpid());
    ck_assert_int_eq(setenv("LISTEN_FDS", "0", 1), 0);
    set_pid("LISTEN_PID", getpid());
    ck_assert_int_eq(setenv("LISTEN_FDNAMES", "", 1), 0);
    ck_assert_int_eq(sd_open(), 0);
    ck_assert_int_eq(sd_listen_fds(), 0);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        ck_assert_msg(getenv(variables[i]) == NULL, "%s", variables[i]);
    sd_close();
}
END_TEST

START_TEST(the_socket_is_not_for_children)
{
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);

    manager(name);
    close(next); /* sd_open() gets the lowest number that is free */
    ck_assert_int_eq(sd_open(), 0);
    ck_assert_int_eq(fcntl(next, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    sd_close();
    ck_assert_int_eq(fcntl(next, F_GETFD), -1);
}
END_TEST

static const struct {
    const char *text;
    int error;
} bad_sockets[] = {
    { "notify", EAFNOSUPPORT },
    { "vsock:2:1234", EAFNOSUPPORT },
    { "/0123456789012345678901234567890123456789012345678901234567890123456789"
      "012345678901234567890123456789012345678",
        ENAMETOOLONG },
};

START_TEST(a_notify_socket_that_makes_no_sense_is_an_error)
{
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", bad_sockets[_i].text, 1), 0);
    ck_assert_int_eq(sd_open(), -1);
    ck_assert_int_eq(errno, bad_sockets[_i].error);
    ck_assert_int_eq(sd_notify("READY=1"), 0);
}
END_TEST

static const struct {
    const char *usec, *pid; /* pid: NULL unset, "" our own */
    int64_t due_ms;         /* -1: an error */
} watchdogs[] = {
    { "30000000", "", 15000 },
    { "30000000", NULL, 15000 },
    { "30000000", "1", 0 },
    { "1999", "", 1 },
    { "0", "", 0 },
    { "soon", "", -1 },
    { "-1", "", -1 },
    { "30000000", "me", -1 },
};

START_TEST(the_watchdog_is_due_at_half_its_time_and_only_for_this_process)
{
    int64_t due = watchdogs[_i].due_ms;

    ck_assert_int_eq(setenv("WATCHDOG_USEC", watchdogs[_i].usec, 1), 0);
    if (watchdogs[_i].pid == NULL)
        unsetenv("WATCHDOG_PID");
    else if (watchdogs[_i].pid[0] == '\0')
        set_pid("WATCHDOG_PID", getpid());
    else
        ck_assert_int_eq(setenv("WATCHDOG_PID", watchdogs[_i].pid, 1), 0);
    errno = 0;
    ck_assert_int_eq(sd_open(), due == -1 ? -1 : 0);
    ck_assert_int_eq(errno, due == -1 ? EINVAL : 0);
    ck_assert_int_eq(sd_watchdog_ms(), due == -1 ? 0 : due);
}
END_TEST

/* What sd_listen_fds() found. */
struct taken {
    int count;
    int error;
    int count_again;
    int flags[2]; /* of SD_FIRST_FD and the next one, -1: not open */
};

/* Listening sockets from SD_FIRST_FD on, as exec leaves them; no others. */
static void hand_over(int sockets)
{
    for (int fd = SD_FIRST_FD; fd < SD_FIRST_FD + 16; fd++)
        close(fd);
    while (sockets-- > 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (fd == -1 || listen(fd, 1) == -1)
            abort();
    }
}

/*
 * sd_listen_fds() in a child, since Check itself has the descriptors that are
 * handed over; pid as LISTEN_PID, 0: the child's own, -1: none.
 */
static struct taken take(int sockets, const char *listen_fds, pid_t pid)
{
    struct taken result, *taken = mmap(NULL, sizeof *taken,
        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    int status;

    ck_assert_int_ne(child, -1);
    if (child == 0) {
        hand_over(sockets);
        setenv("LISTEN_FDS", listen_fds, 1);
        unsetenv("LISTEN_PID");
        if (pid != -1)
            set_pid("LISTEN_PID", pid == 0 ? getpid() : pid);
        taken->count = sd_listen_fds();
        taken->error = errno;
        taken->count_again = sd_listen_fds();
        for (int i = 0; i < 2; i++)
            taken->flags[i] = fcntl(SD_FIRST_FD + i, F_GETFD);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    result = *taken;
    munmap(taken, sizeof *taken);
    return result;
}

START_TEST(sockets_that_are_handed_over_are_counted_and_closed_on_exec)
{
    struct taken taken = take(2, "2", 0);

    ck_assert_int_eq(taken.count, 2);
    ck_assert_int_eq(taken.flags[0], FD_CLOEXEC);
    ck_assert_int_eq(taken.flags[1], FD_CLOEXEC);
}
END_TEST

START_TEST(sockets_are_handed_over_only_once)
{
    ck_assert_int_eq(take(1, "1", 0).count_again, 0);
}
END_TEST

START_TEST(sockets_for_another_process_are_left_alone)
{
    struct taken taken = take(1, "1", getpid());

    ck_assert_int_eq(taken.count, 0);
    ck_assert_int_eq(taken.flags[0], 0);
}
END_TEST

START_TEST(sockets_for_no_process_are_left_alone)
{
    struct taken taken = take(1, "1", -1);

    ck_assert_int_eq(taken.count, 0);
    ck_assert_int_eq(taken.flags[0], 0);
}
END_TEST

static const char *const bad_counts[] = { "-1", "two", "", "2147483647" };

START_TEST(a_count_of_sockets_that_makes_no_sense_is_an_error)
{
    struct taken taken = take(1, bad_counts[_i], 0);

    ck_assert_int_eq(taken.count, -1);
    ck_assert_int_eq(taken.error, EINVAL);
}
END_TEST

START_TEST(a_socket_that_is_promised_but_not_open_is_an_error)
{
    struct taken taken = take(1, "2", 0);

    ck_assert_int_eq(taken.count, -1);
    ck_assert_int_eq(taken.error, EBADF);
}
END_TEST

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

static Suite *sd_suite(void)
{
    Suite *suite = suite_create("sd");
    TCase *notify = tcase_create("notify");
    TCase *listen = tcase_create("listen");

    suite_add_tcase(suite, notify);
    suite_add_tcase(suite, listen);
    tcase_add_checked_fixture(notify, make_folder, remove_folder);
    tcase_add_test(notify,
        without_a_service_manager_messages_go_nowhere_and_none_fails);
    tcase_add_test(notify, a_message_reaches_a_socket_with_a_path);
    tcase_add_test(notify, a_message_reaches_a_socket_with_an_abstract_name);
    tcase_add_test(notify, a_manager_that_was_started_anew_is_found_again);
    tcase_add_test(notify,
        a_manager_that_does_not_read_never_blocks_and_the_caller_is_told);
    tcase_add_test(notify,
        a_message_of_the_longest_length_arrives_and_a_longer_one_is_refused);
    tcase_add_test(notify, reloading_carries_the_monotonic_time);
    tcase_add_test(notify, after_close_nothing_is_sent);
    tcase_add_test(notify, a_child_finds_none_of_the_variables);
    tcase_add_test(notify, the_socket_is_not_for_children);
    tcase_add_loop_test(notify,
        a_notify_socket_that_makes_no_sense_is_an_error, 0,
        LENGTH(bad_sockets));
    tcase_add_loop_test(notify,
        the_watchdog_is_due_at_half_its_time_and_only_for_this_process, 0,
        LENGTH(watchdogs));
    tcase_add_test(listen,
        sockets_that_are_handed_over_are_counted_and_closed_on_exec);
    tcase_add_test(listen, sockets_are_handed_over_only_once);
    tcase_add_test(listen, sockets_for_another_process_are_left_alone);
    tcase_add_test(listen, sockets_for_no_process_are_left_alone);
    tcase_add_loop_test(listen,
        a_count_of_sockets_that_makes_no_sense_is_an_error, 0,
        LENGTH(bad_counts));
    tcase_add_test(
        listen, a_socket_that_is_promised_but_not_open_is_an_error);
    return suite;
}

int main(void)
{
    return unit_run(sd_suite());
}
