/* -d, the pid file, and every exit code. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

/* A file for an echod at dir/s with dir/pid, which needs no free port. */
static const char *configure(struct harness *h, const char *rest)
{
    return harness_write(h, "echod.ini",
                         "[server]\nlisten = unix:%s/s\n"
                         "[process]\npid_file = %s/pid\n%s",
                         h->dir, h->dir, rest);
}

static const char *in_dir(const struct harness *h, const char *name)
{
    static char path[2][HARNESS_PATH_MAX * 2];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", h->dir, name);
    return path[turn];
}

static pid_t read_pid(const struct harness *h)
{
    int pid = 0;
    char end = 0;
    FILE *file = fopen(in_dir(h, "pid"), "re");
    ck_assert_msg(file != NULL, "no pid file");
    ck_assert_int_eq(fscanf(file, "%d%c", &pid, &end), 2);
    ck_assert_int_eq(end, '\n');
    ck_assert_int_eq(fgetc(file), EOF);
    fclose(file);
    return pid;
}

/* -d: the parent ends with 0; from there on h is about the daemon. */
static void daemonize(struct harness *h)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* to wait for the grandchild */
    harness_run(h, HARNESS_ARGS("-d", "-c", h->config));
    pid_t parent = h->pid;
    ck_assert_int_eq(harness_wait(h), 0);
    h->pid = read_pid(h);
    ck_assert_int_ne(h->pid, parent);
}

static const char *unix_address(const struct harness *h)
{
    static char address[HARNESS_PATH_MAX * 2];
    snprintf(address, sizeof address, "unix:%s/s", h->dir);
    return address;
}

/* Detaching. */

START_TEST(the_parent_ends_when_the_daemon_serves)
{
    struct harness *h = harness_new();
    configure(h, "");
    daemonize(h);
    client_talk(unix_address(h), 1, 100000);
    harness_signal(h, SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    ck_assert_int_eq(access(in_dir(h, "pid"), F_OK), -1);
    ck_assert_int_eq(access(in_dir(h, "s"), F_OK), -1);
    harness_free(h);
}
END_TEST

static void expect_link(const struct harness *h, const char *name,
                        const char *want)
{
    char path[64];
    char target[256] = "";
    snprintf(path, sizeof path, "/proc/%d/%s", (int)h->pid, name);
    ck_assert_int_gt(readlink(path, target, sizeof target - 1), 0);
    ck_assert_str_eq(target, want);
}

START_TEST(the_daemon_holds_on_to_nothing_of_its_start)
{
    struct harness *h = harness_new();
    configure(h, "");
    daemonize(h);
    expect_link(h, "cwd", "/");
    expect_link(h, "fd/0", "/dev/null");
    expect_link(h, "fd/1", "/dev/null");
    expect_link(h, "fd/2", "/dev/null");
    ck_assert_int_eq(getsid(h->pid), h->pid);
    harness_signal(h, SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    harness_free(h);
}
END_TEST

static const struct {
    const char *text;
    int code;
    const char *words;
} failures[] = {
    { "[server]\nlisten = 203.0.113.7:7\n", 69, "203\\.0\\.113\\.7:7" },
    { "[server]\nlisten = 127.0.0.1:0\nport = x\n", 78, "echod.ini:3: " },
    { "[server]\nlisten = 127.0.0.1:0\n"
      "[process]\npid_file = /nonexistent/pid\n",
      73, "/nonexistent/pid" },
};

START_TEST(a_daemon_that_fails_says_why_and_the_parent_has_its_code)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini", "%s", failures[_i].text);
    harness_run(h, HARNESS_ARGS("-d", "-c", h->config));
    ck_assert_int_eq(harness_wait(h), failures[_i].code);
    harness_expect(h, "%s", failures[_i].words);
    harness_free(h);
}
END_TEST

/* strace holds up listen(2) for half a second, and with it the verdict. */
START_TEST(the_parent_waits_as_long_as_the_daemon_takes)
{
    struct harness *h = harness_new();
    configure(h, "");
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    h->wrapper = "strace -f -qq -o /dev/null -e trace=listen "
                 "-e inject=listen:delay_enter=500000";
    int64_t from = harness_now();
    harness_run(h, HARNESS_ARGS("-c", h->config, "-d"));
    /* strace itself ends with the last that it traces. */
    while (access(in_dir(h, "pid"), F_OK) == -1) {
        ck_assert_int_lt(harness_now(), from + harness_ms(HARNESS_SOON));
        usleep(1000);
    }
    int fd;
    while ((fd = client_try(unix_address(h), 0)) == -1) {
        ck_assert_int_lt(harness_now(), from + harness_ms(HARNESS_SOON));
        usleep(1000);
    }
    ck_assert_int_ge(harness_now() - from, 500);
    client_echo(fd, 1, 1000);
    close(fd);
    kill(read_pid(h), SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    harness_free(h);
}
END_TEST

/* The daemon's folder is another one than its parent's. */
START_TEST(a_relative_path_to_the_file_goes_on_to_be_good)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini", "[server]\nlisten = unix:%s/s\n"
                                  "[process]\npid_file = %s/pid\n"
                                  "[log]\ntarget = stderr\n",
                  h->dir, h->dir);
    ck_assert_int_eq(chdir(h->dir), 0);
    snprintf(h->config, sizeof h->config, "echod.ini");
    daemonize(h);
    harness_signal(h, SIGHUP);
    harness_expect(h, "notice reloaded .*echod.ini: nothing changed");
    harness_signal(h, SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    ck_assert_int_eq(access(in_dir(h, "pid"), F_OK), -1);
    ck_assert_int_eq(chdir("/"), 0);
    harness_free(h);
}
END_TEST

/* The pid file. */

START_TEST(the_pid_file_names_the_one_who_serves)
{
    struct harness *h = harness_new();
    configure(h, "");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_await(h);
    ck_assert_int_eq(read_pid(h), h->pid);
    harness_signal(h, SIGINT);
    ck_assert_int_eq(harness_wait(h), 0);
    ck_assert_int_eq(access(in_dir(h, "pid"), F_OK), -1);
    harness_free(h);
}
END_TEST

START_TEST(a_pid_file_that_a_crash_left_is_replaced)
{
    struct harness *h = harness_new();
    configure(h, "");
    harness_write(h, "pid", "%s", "123456789 and more\n");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_await(h);
    ck_assert_int_eq(read_pid(h), h->pid);
    harness_stop(h);
}
END_TEST

START_TEST(a_pid_file_is_left_alone_when_the_address_is_taken)
{
    struct harness *h = harness_new();
    struct harness *second = harness_new();
    configure(h, "");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    harness_await(h);
    harness_run(second, HARNESS_ARGS("-e", "-c", h->config));
    ck_assert_int_eq(harness_wait(second), 69);
    ck_assert_int_eq(read_pid(h), h->pid);
    client_talk(h->address, 1, 100);
    harness_free(second);
    harness_stop(h);
}
END_TEST

/* Exit codes. */

static void expect_code(int code, const char *words, const char *const *args)
{
    struct harness *h = harness_new();
    harness_run(h, args);
    int got = harness_wait(h);
    ck_assert_msg(got == code, "exit code %d: %s", got, harness_log(h));
    harness_expect(h, "%s", words);
    harness_free(h);
}

START_TEST(bad_options_are_64)
{
    expect_code(64, "-x|'x'", HARNESS_ARGS("-x"));
    expect_code(64, "nonsense", HARNESS_ARGS("--nonsense"));
    expect_code(64, "nonsense", HARNESS_ARGS("-t", "nonsense"));
    expect_code(64, "'c'|--config|-c", HARNESS_ARGS("-c"));
    expect_code(64, "-t and -T", HARNESS_ARGS("-t", "-T"));
}
END_TEST

START_TEST(no_file_is_66)
{
    expect_code(66, "/nonexistent/ini: No such file or directory",
                HARNESS_ARGS("-t", "-c", "/nonexistent/ini"));
    expect_code(66, "/nonexistent/ini: No such file or directory",
                HARNESS_ARGS("-e", "-c", "/nonexistent/ini"));
    expect_code(66, "/proc: ", HARNESS_ARGS("-t", "-c", "/proc"));
}
END_TEST

START_TEST(a_bad_key_is_78)
{
    expect_code(78, "server.port.*65536",
                HARNESS_ARGS("-t", "-c", "/dev/null", "-o",
                             "server.port=65536"));
    expect_code(78, "-o server\\.port: .*SECTION\\.KEY=VALUE",
                HARNESS_ARGS("-t", "-c", "/dev/null", "-o", "server.port"));
    expect_code(78, "-o port=7: .*SECTION\\.KEY=VALUE",
                HARNESS_ARGS("-t", "-c", "/dev/null", "-o", "port=7"));
}
END_TEST

START_TEST(a_pid_file_that_cannot_be_written_is_73)
{
    expect_code(73, "/nonexistent/pid",
                HARNESS_ARGS("-e", "-c", "/dev/null", "-o",
                             "server.listen=127.0.0.1:0", "-o",
                             "process.pid_file=/nonexistent/pid"));
}
END_TEST

static void few_descriptors(struct harness *h)
{
    struct rlimit limit = { 64, 64 };
    (void)h;
    setrlimit(RLIMIT_NOFILE, &limit);
    /* Root may raise what it has lowered. */
    if (geteuid() == 0) {
        prctl(PR_CAPBSET_DROP, 24); /* CAP_SYS_RESOURCE */
    }
}

START_TEST(clients_that_no_descriptor_is_for_are_78_with_the_numbers)
{
    struct harness *h = harness_new();
    h->in_child = few_descriptors;
    configure(h, "[limits]\nmax_clients = 5000\n");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    ck_assert_int_eq(harness_wait(h), 78);
    harness_expect(h, "max_clients needs 50[0-9][0-9] .*is [0-9]+, at most [0-9]+: ");
    harness_free(h);
}
END_TEST

static void traced(const char *inject, int code, const char *words)
{
    struct harness *h = harness_new();
    char wrapper[256];
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    snprintf(wrapper, sizeof wrapper,
             "strace -D -f -qq -o /dev/null -e inject=%s", inject);
    h->wrapper = wrapper;
    configure(h, "");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    int got = harness_wait(h);
    ck_assert_msg(got == code, "exit code %d: %s", got, harness_log(h));
    harness_expect(h, "%s", words);
    ck_assert_int_eq(access(in_dir(h, "s"), F_OK), -1);
    ck_assert_int_eq(access(in_dir(h, "pid"), F_OK), -1);
    harness_free(h);
}

START_TEST(what_the_system_refuses_is_71)
{
    traced("ppoll:error=ENOSYS", 71, "Function not implemented");
}
END_TEST

START_TEST(what_cannot_be_printed_is_71)
{
    static const char *const options[] = { "-h", "-V", "-T" };
    char command[256];

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        snprintf(command, sizeof command,
                 "\"$ECHOD\" %s -c /dev/null >/dev/full 2>&1; [ $? = 71 ]",
                 options[i]);
        ck_assert_msg(system(command) == 0, "%s", options[i]);
    }
}
END_TEST

START_TEST(an_address_that_cannot_be_listened_on_is_69)
{
    traced("listen:error=EADDRINUSE", 69, "unix:/.*/s: Address already");
    traced("bind:error=EACCES", 69, "unix:/.*/s: Permission denied");
    traced("setsockopt:error=ENOBUFS", 69, "unix:/.*/s: No buffer space");
    traced("socket:error=EMFILE:when=1", 69, "unix:/.*/s: Too many open");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_parent_ends_when_the_daemon_serves,
        the_daemon_holds_on_to_nothing_of_its_start,
        the_parent_waits_as_long_as_the_daemon_takes,
        a_relative_path_to_the_file_goes_on_to_be_good,
        the_pid_file_names_the_one_who_serves,
        a_pid_file_that_a_crash_left_is_replaced,
        a_pid_file_is_left_alone_when_the_address_is_taken,
        bad_options_are_64,
        no_file_is_66,
        a_bad_key_is_78,
        a_pid_file_that_cannot_be_written_is_73,
        clients_that_no_descriptor_is_for_are_78_with_the_numbers,
        what_the_system_refuses_is_71,
        what_cannot_be_printed_is_71,
        an_address_that_cannot_be_listened_on_is_69,
        NULL,
    };
    Suite *suite = harness_suite("system_daemon", tests);
    harness_loop(suite,
                 a_daemon_that_fails_says_why_and_the_parent_has_its_code,
                 sizeof failures / sizeof *failures);
    return harness_main(suite);
}
