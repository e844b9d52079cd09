#include <config.h>

#include "detach.h"

#include "unit.h"

#include <signal.h>
#include <sys/wait.h>

/* Pipes to the daemon: what it does waits for a byte, and it tells its end. */
static int go[2], told[2];

static void tell(char what)
{
    ck_assert_int_eq(write(told[1], &what, 1), 1);
}

static char hear(void)
{
    char what = '?';

    ck_assert_int_eq(read(told[0], &what, 1), 1);
    return what;
}

/* Runs fn in a process that detaches; that process's number. */
static pid_t start(void (*fn)(void))
{
    pid_t parent;

    ck_assert_int_eq(pipe(go), 0);
    ck_assert_int_eq(pipe(told), 0);
    fflush(NULL);
    parent = fork();
    ck_assert_int_ne(parent, -1);
    if (parent == 0) {
        close(go[1]);
        close(told[0]);
        if (detach_begin() == -1)
            _exit(99);
        fn();
        exit(0); /* as a daemon would, with what it has counted for gcov */
    }
    close(go[0]);
    close(told[1]);
    return parent;
}

static int status_of(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void wait_for_go(void)
{
    char byte;

    if (read(go[0], &byte, 1) == -1)
        _exit(98);
}

static void serve_until_told(void)
{
    tell('b');
    wait_for_go();
    detach_ready(false);
    tell('r');
    wait_for_go();
}

START_TEST(the_parent_exits_when_the_child_serves_and_not_before)
{
    pid_t parent = start(serve_until_told);
    int status;

    ck_assert_int_eq(hear(), 'b');
    ck_assert_int_eq(waitpid(parent, &status, WNOHANG), 0);
    ck_assert_int_eq(write(go[1], "x", 1), 1);
    ck_assert_int_eq(status_of(parent), 0);
    ck_assert_int_eq(hear(), 'r');
    close(go[1]); /* the daemon ends */
}
END_TEST

static void fail_with_69(void)
{
    exit(69);
}

static void die_of_a_signal(void)
{
    raise(SIGKILL);
}

START_TEST(the_parent_exits_with_the_code_of_a_child_that_failed)
{
    ck_assert_int_eq(status_of(start(fail_with_69)), 69);
    ck_assert_int_eq(status_of(start(die_of_a_signal)), 71);
}
END_TEST

/* 'y' where all is as it should be. */
static void look_around(void)
{
    char here[256];
    struct stat out, err, null;
    bool session = getsid(0) == getpid();

    detach_ready(true);
    if (getcwd(here, sizeof here) == NULL || fstat(1, &out) == -1 ||
        fstat(2, &err) == -1 || stat("/dev/null", &null) == -1)
        tell('f');
    else
        tell(session && strcmp(here, "/") == 0 && out.st_rdev == null.st_rdev &&
                     err.st_ino != null.st_ino
                 ? 'y'
                 : 'n');
}

START_TEST(the_child_leaves_session_folder_and_terminal_but_keeps_its_log)
{
    char path[] = "/tmp/echod-unit-detach.XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO);
    pid_t parent;

    unlink(path);
    dup2(file, STDERR_FILENO);
    parent = start(look_around);
    dup2(saved, STDERR_FILENO);
    ck_assert_int_eq(status_of(parent), 0);
    ck_assert_int_eq(hear(), 'y');
    close(file);
    close(saved);
}
END_TEST

static void look_at_stderr(void)
{
    struct stat err, null;

    detach_ready(false);
    tell(fstat(2, &err) == 0 && stat("/dev/null", &null) == 0 &&
                 err.st_rdev == null.st_rdev
             ? 'y'
             : 'n');
}

START_TEST(standard_error_goes_too_where_nothing_is_logged_to_it)
{
    ck_assert_int_eq(status_of(start(look_at_stderr)), 0);
    ck_assert_int_eq(hear(), 'y');
}
END_TEST

START_TEST(ready_without_a_beginning_changes_nothing)
{
    char before[256], after[256];

    ck_assert_ptr_nonnull(getcwd(before, sizeof before));
    detach_ready(false);
    ck_assert_ptr_nonnull(getcwd(after, sizeof after));
    ck_assert_str_eq(before, after);
}
END_TEST

/* In a child, which nobody else writes to standard output of. */
START_TEST(descriptors_that_were_closed_are_filled_and_others_stay)
{
    pid_t child = fork();

    ck_assert_int_ne(child, -1);
    if (child == 0) {
        struct stat null, in, out;
        int next;

        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        if (detach_fill_standard() == -1 || fstat(0, &in) == -1 ||
            fstat(1, &out) == -1 || stat("/dev/null", &null) == -1)
            _exit(1);
        next = dup(0);
        _exit(in.st_rdev == null.st_rdev && out.st_rdev == null.st_rdev &&
                      next > STDERR_FILENO
                  ? 0
                  : 2);
    }
    ck_assert_int_eq(status_of(child), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("detach");
    TCase *tests = tcase_create("detach");

    suite_add_tcase(suite, tests);
    tcase_add_test(tests,
                   the_parent_exits_when_the_child_serves_and_not_before);
    tcase_add_test(tests,
                   the_parent_exits_with_the_code_of_a_child_that_failed);
    tcase_add_test(
        tests, the_child_leaves_session_folder_and_terminal_but_keeps_its_log);
    tcase_add_test(tests,
                   standard_error_goes_too_where_nothing_is_logged_to_it);
    tcase_add_test(tests, ready_without_a_beginning_changes_nothing);
    tcase_add_test(tests,
                   descriptors_that_were_closed_are_filled_and_others_stay);
    return unit_run(suite);
}
