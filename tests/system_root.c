/*
 * What only root can try: becoming another user for good.  Run by anyone
 * else this program is skipped, for there is nothing to give up.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

#define SKIP 77 /* for automake */

/* The four ids of a line of /proc/PID/status: real, effective, saved, fs. */
static void expect_ids(const struct harness *h, const char *name, unsigned id)
{
    char path[64];
    char line[256];
    unsigned ids[4] = { 0, 0, 0, 0 };
    snprintf(path, sizeof path, "/proc/%d/status", (int)h->pid);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            sscanf(line + strlen(name), "%u %u %u %u", &ids[0], &ids[1],
                   &ids[2], &ids[3]);
        }
    }
    fclose(file);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(ids[i], id);
    }
}

/* status has nothing behind "Groups:" but blanks. */
static void expect_no_groups(const struct harness *h)
{
    char command[100];
    snprintf(command, sizeof command, "grep -q '^Groups:[[:space:]]*$' "
                                      "/proc/%d/status", (int)h->pid);
    ck_assert_int_eq(system(command), 0);
}

static void join_groups(struct harness *h)
{
    static const gid_t groups[] = { 0, 1, 2, 3 };
    (void)h;
    if (setgroups(4, groups) == -1) {
        _exit(126);
    }
}

/* A port that only root may bind, at an address of this test's own. */
static struct harness *serve_as(const char *process)
{
    struct harness *h = harness_new();
    h->in_child = join_groups;
    harness_write(h, "echod.ini",
                  "[server]\nlisten = 127.7.%d.%d\nport = 7\n[process]\n%s",
                  getpid() / 250 % 250, getpid() % 250, process);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    return h;
}

START_TEST(echod_becomes_the_user_for_good)
{
    const struct passwd *nobody = getpwnam("nobody");
    struct harness *h = serve_as("user = nobody\n");
    harness_await(h);
    expect_ids(h, "Uid:", nobody->pw_uid);
    expect_ids(h, "Gid:", nobody->pw_gid);
    expect_no_groups(h);
    ck_assert_int_eq(harness_status(h, "CapPrm", 16), 0);
    ck_assert_int_eq(harness_status(h, "CapEff", 16), 0);
    ck_assert_int_eq(harness_status(h, "CapInh", 16), 0);
    client_talk(h->address, 1, 10000);
    ck_assert_int_eq(strcmp(strrchr(h->address, ':'), ":7"), 0);
    harness_stop(h);
}
END_TEST

START_TEST(a_user_may_be_a_number_and_the_group_another_one)
{
    struct harness *h = serve_as("user = 65534\ngroup = daemon\n");
    harness_await(h);
    expect_ids(h, "Uid:", 65534);
    expect_ids(h, "Gid:", getgrnam("daemon")->gr_gid);
    expect_no_groups(h);
    harness_stop(h);
}
END_TEST

START_TEST(a_reload_works_without_root)
{
    struct harness *h = serve_as("user = nobody\n");
    harness_await(h);
    harness_write(h, "echod.ini",
                  "[server]\nlisten = %s 127.0.0.1:0\nbuffer_size = 3K\n"
                  "[process]\nuser = nobody\n", h->address);
    harness_signal(h, SIGHUP);
    harness_expect(h, "reloaded .*-> 3K");
    client_talk(h->address, 1, 10000);
    harness_mark(h);
    harness_write(h, "echod.ini",
                  "[server]\nlisten = 127.7.0.255:7\n[process]\n"
                  "user = nobody\n");
    harness_signal(h, SIGHUP);
    harness_expect(h, "err cannot listen on 127\\.7\\.0\\.255:7: Permission");
    client_talk(h->address, 1, 10000);
    harness_stop(h);
}
END_TEST

START_TEST(no_such_user_or_group_is_77)
{
    struct harness *h = serve_as("user = nosuchuser\n");
    ck_assert_int_eq(harness_wait(h), 77);
    harness_expect(h, "process.user: there is no user \"nosuchuser\"");
    harness_free(h);
    h = serve_as("user = nobody\ngroup = nosuchgroup\n");
    ck_assert_int_eq(harness_wait(h), 77);
    harness_expect(h, "process.group: there is no group \"nosuchgroup\"");
    harness_free(h);
}
END_TEST

/* Whatever fails on the way: no client is ever served by root. */
static const char *const refusals[] = {
    "setuid:error=EPERM",
    "setgid:error=EPERM",
    "setgroups:error=EPERM",
    "setuid:error=EAGAIN",
    "setuid:retval=0",
    "setgid:retval=0",
    "setgroups:retval=0",
};

START_TEST(echod_that_cannot_become_the_user_ends_with_77)
{
    char wrapper[200];
    struct harness *h = harness_new();
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    snprintf(wrapper, sizeof wrapper,
             "strace -D -f -qq -o /dev/null -e inject=%s:when=1", refusals[_i]);
    h->wrapper = wrapper;
    h->in_child = join_groups;
    harness_write(h, "echod.ini", "[server]\nlisten = unix:%s/s\n"
                                  "[process]\nuser = nobody\n", h->dir);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    ck_assert_int_eq(harness_wait(h), 77);
    harness_expect(h, "err cannot become process.user \"nobody\": ");
    ck_assert_uint_eq(harness_count(h, "listening on"), 0);
    harness_free(h);
}
END_TEST

/* Root binds and writes, the user cannot: what is left is no lie. */
START_TEST(pid_file_and_socket_are_made_by_root)
{
    char pid_path[HARNESS_PATH_MAX * 2];
    char text[64] = "";
    int pid = 0;
    struct harness *h = harness_new();
    snprintf(pid_path, sizeof pid_path, "%s/pid", h->dir);
    harness_write(h, "echod.ini", "[server]\nlisten = unix:%s/s\n"
                                  "[process]\nuser = nobody\n"
                                  "pid_file = %s\n", h->dir, pid_path);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_await(h);
    FILE *file = fopen(pid_path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%d", &pid), 1);
    ck_assert_int_eq(pid, h->pid);
    fclose(file);
    client_talk(h->address, 1, 10000);
    harness_signal(h, SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    file = fopen(pid_path, "re"); /* gone, or empty */
    ck_assert(file == NULL || fgets(text, sizeof text, file) == NULL);
    if (file != NULL) {
        fclose(file);
    }
    /* And the next one starts where this one was. */
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_await(h);
    client_talk(h->address, 1, 10000);
    harness_stop(h);
}
END_TEST

/* For a build in a folder that only root may enter. */
static void copy_echod(struct harness *h)
{
    char command[2000];
    char copy[HARNESS_PATH_MAX * 2];
    const char *program = getenv("ECHOD");
    snprintf(copy, sizeof copy, "%s/echod", h->dir);
    snprintf(command, sizeof command, "cp '%.400s' '%s' && chmod 755 '%s'",
             program != NULL ? program : "./echod", copy, copy);
    ck_assert_int_eq(system(command), 0);
    setenv("ECHOD", copy, 1);
}

static void become(uid_t user)
{
    if (setgroups(0, NULL) == -1 || setgid(65534) == -1
        || setuid(user) == -1) {
        _exit(126);
    }
}

static void become_nobody(struct harness *h)
{
    (void)h;
    become(65534);
}

START_TEST(who_is_not_root_cannot_become_another)
{
    struct harness *h = harness_new();
    h->in_child = become_nobody;
    copy_echod(h);
    harness_write(h, "echod.ini", "[server]\nlisten = 127.0.0.1:0\n"
                                  "[process]\nuser = daemon\n");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    ck_assert_int_eq(harness_wait(h), 77);
    harness_expect(h, "err cannot become process.user \"daemon\": ");
    harness_free(h);
}
END_TEST

START_TEST(who_is_the_user_already_need_not_be_root)
{
    struct harness *h = harness_new();
    h->in_child = become_nobody;
    copy_echod(h);
    harness_serve_on(h, "[process]\nuser = nobody\n");
    client_talk(h->address, 1, 10000);
    harness_stop(h);
}
END_TEST

/* Pipes are counted by user, so one whom nobody else is: this test. */
static uid_t own_user;

static void become_own_user(struct harness *h)
{
    (void)h;
    become(own_user);
}

/* Has so many pipes that new ones are of two pages; see pipe(7). */
static void use_up_pipes(void)
{
    int ends[2];
    become(own_user);
    do {
        if (pipe(ends) == -1) {
            _exit(1);
        }
        fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    } while (fcntl(ends[1], F_GETPIPE_SZ) >= 65536);
}

START_TEST(with_no_room_in_pipes_everything_is_copied)
{
    int ready[2];
    char byte;
    own_user = 100000 + (uid_t)getpid();
    ck_assert_int_eq(pipe(ready), 0);
    pid_t hog = fork();
    if (hog == 0) {
        if (_i == 1) {
            use_up_pipes();
        }
        _exit(write(ready[1], "x", 1) != 1 || pause() != 0);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    struct harness *h = harness_new();
    h->in_child = become_own_user;
    copy_echod(h);
    harness_serve_on(h, HARNESS_DEFAULTS);
    int other = client_connect(h->address);
    client_echo(other, 1, 1);
    size_t before = harness_descriptors(h);
    client_talk(h->address, 2, 8 << 20);
    harness_expect(h, "disconnect .*reason=eof");
    client_echo(other, 2, 1); /* a turn later */
    ck_assert_uint_eq(harness_descriptors(h), before + (_i == 1 ? 0 : 2));
    close(other);
    harness_stop(h);
    ck_assert_int_eq(kill(hog, SIGKILL), 0);
    ck_assert_int_eq(waitpid(hog, NULL, 0), hog);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        echod_becomes_the_user_for_good,
        a_user_may_be_a_number_and_the_group_another_one,
        a_reload_works_without_root,
        no_such_user_or_group_is_77,
        pid_file_and_socket_are_made_by_root,
        who_is_not_root_cannot_become_another,
        who_is_the_user_already_need_not_be_root,
        NULL,
    };
    if (geteuid() != 0) {
        fputs("skipped: only root can become another user\n", stderr);
        return SKIP;
    }
    Suite *suite = harness_suite("system_root", tests);
    harness_loop(suite, echod_that_cannot_become_the_user_ends_with_77,
                 sizeof refusals / sizeof *refusals);
    harness_loop(suite, with_no_room_in_pipes_everything_is_copied, 2);
    return harness_main(suite);
}
