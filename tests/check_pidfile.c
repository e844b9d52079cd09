#include <config.h>

#include "pidfile.h"

#include "unit.h"

#include <sys/wait.h>

static char error[512];

/* Standing for another echod: returns what pidfile_create() said there. */
static int create_in_child(const char *path, char *said, size_t size)
{
    int ends[2], status;
    ssize_t len;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    child = fork();
    ck_assert_int_ne(child, -1);
    if (child == 0) {
        int fd = pidfile_create(path, error, sizeof error);

        len = write(ends[1], error, strlen(error));
        exit(fd == -1 && len >= 0 ? 1 : 0);
    }
    close(ends[1]);
    len = read(ends[0], said, size - 1);
    ck_assert_int_ge(len, 0);
    said[len] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status) == 0 ? 0 : -1;
}

static void assert_holds_us(const char *path)
{
    char expected[32];

    snprintf(expected, sizeof expected, "%ld\n", (long)getpid());
    ck_assert_str_eq(unit_read_file(path), expected);
}

START_TEST(the_file_holds_the_process_number_and_goes_with_it)
{
    const char *path = unit_path("pid");
    int fd;

    fd = pidfile_create(path, error, sizeof error);
    ck_assert_int_ne(fd, -1);
    assert_holds_us(path);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    pidfile_remove(path, fd);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_second_process_is_refused_and_told_who_holds_it)
{
    const char *path = unit_path("pid");
    char said[512], expected[128];
    int fd;

    fd = pidfile_create(path, error, sizeof error);
    ck_assert_int_ne(fd, -1);
    ck_assert_int_eq(create_in_child(path, said, sizeof said), -1);
    snprintf(expected, sizeof expected,
             "process.pid_file %s is held by process %ld", path,
             (long)getpid());
    ck_assert_str_eq(said, expected);
    assert_holds_us(path);
    pidfile_remove(path, fd);
}
END_TEST

START_TEST(a_file_left_over_from_a_crash_is_taken_over)
{
    const char *path = unit_path("pid");
    char said[512];
    int fd;

    ck_assert_int_eq(create_in_child(path, said, sizeof said), 0);
    ck_assert_int_eq(access(path, F_OK), 0); /* it died with it */
    fd = pidfile_create(path, error, sizeof error);
    ck_assert_int_ne(fd, -1);
    assert_holds_us(path);
    pidfile_remove(path, fd);
}
END_TEST

START_TEST(nothing_is_left_of_what_was_longer_before)
{
    const char *path = unit_path("pid");
    int fd;

    unit_write_file(path, "99999999999999999999999999999\nand more\n");
    fd = pidfile_create(path, error, sizeof error);
    ck_assert_int_ne(fd, -1);
    assert_holds_us(path);
    pidfile_remove(path, fd);
}
END_TEST

START_TEST(a_link_is_not_followed_and_what_it_points_to_stays)
{
    const char *link = unit_path("pid"), *other = unit_path("other");

    unit_write_file(other, "precious");
    ck_assert_int_eq(symlink(other, link), 0);
    ck_assert_int_eq(pidfile_create(link, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, link));
    ck_assert_str_eq(unit_read_file(other), "precious");
    unlink(link);
    unlink(other);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named)
{
    ck_assert_int_eq(
        pidfile_create("/no/such/folder/pid", error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "cannot write process.pid_file "
                                        "/no/such/folder/pid: No such file"));
}
END_TEST

START_TEST(a_device_is_no_pid_file)
{
    int before = unit_descriptors();

    ck_assert_int_eq(pidfile_create("/dev/null", error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "/dev/null"));
    ck_assert_int_eq(unit_descriptors(), before);
}
END_TEST

START_TEST(where_the_folder_is_no_longer_ours_the_file_is_emptied)
{
    const char *path = unit_path("pid");
    char moved[sizeof unit_folder + 16];
    int fd;

    fd = pidfile_create(path, error, sizeof error);
    ck_assert_int_ne(fd, -1);
    snprintf(moved, sizeof moved, "%s/away", unit_folder);
    ck_assert_int_eq(rename(path, moved), 0); /* unlink(path) fails now */
    pidfile_remove(path, fd);
    ck_assert_str_eq(unit_read_file(moved), "");
    unlink(moved);
}
END_TEST

START_TEST(another_file_that_took_its_place_is_not_removed)
{
    const char *path = unit_path("pid");
    int fd;

    fd = pidfile_create(path, error, sizeof error);
    ck_assert_int_ne(fd, -1);
    ck_assert_int_eq(unlink(path), 0);
    unit_write_file(path, "another's");
    pidfile_remove(path, fd);
    ck_assert_str_eq(unit_read_file(path), "another's");
    unlink(path);
}
END_TEST

/* Takes and gives back the file over and over.  While it has it, the file
 * there is ours, and so is what only one at a time can create. */
static int come_and_go(const char *path, const char *only)
{
    enum { ROUNDS = 500 };
    char ours[32], there[sizeof ours] = "";

    snprintf(ours, sizeof ours, "%ld\n", (long)getpid());
    for (int round = 0; round < ROUNDS;) {
        int fd = pidfile_create(path, error, sizeof error), mark, file;
        ssize_t len;

        if (fd == -1)
            continue; /* held by another */
        mark = open(only, O_CREAT | O_EXCL, 0600);
        file = open(path, O_RDONLY);
        len = file != -1 ? pread(file, there, sizeof there - 1, 0) : -1;
        if (mark == -1 || len == -1 || strcmp(there, ours) != 0)
            return EXIT_FAILURE;
        /* A close would give up the lock on the file: held till the end. */
        unlink(only);
        pidfile_remove(path, fd);
        close(file);
        close(mark);
        round++;
    }
    return EXIT_SUCCESS;
}

START_TEST(of_processes_that_come_and_go_never_two_have_it)
{
    enum { PROCESSES = 4 };
    const char *path = unit_path("pid"), *only = unit_path("only");
    pid_t children[PROCESSES];
    int status;

    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        ck_assert_int_ne(children[i], -1);
        if (children[i] == 0)
            _exit(come_and_go(path, only));
    }
    for (int i = 0; i < PROCESSES; i++) {
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, EXIT_SUCCESS);
    }
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(removing_what_was_never_created_touches_no_file)
{
    const char *path = unit_path("pid");

    unit_write_file(path, "another's");
    pidfile_remove(path, -1);
    ck_assert_str_eq(unit_read_file(path), "another's");
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pidfile");
    TCase *tests = tcase_create("pidfile");

    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, unit_folder_make, unit_folder_remove);
    tcase_add_test(tests, the_file_holds_the_process_number_and_goes_with_it);
    tcase_add_test(tests, a_second_process_is_refused_and_told_who_holds_it);
    tcase_add_test(tests, a_file_left_over_from_a_crash_is_taken_over);
    tcase_add_test(tests, nothing_is_left_of_what_was_longer_before);
    tcase_add_test(tests, a_link_is_not_followed_and_what_it_points_to_stays);
    tcase_add_test(tests, a_folder_that_is_not_there_is_named);
    tcase_add_test(tests, a_device_is_no_pid_file);
    tcase_add_test(tests,
                   where_the_folder_is_no_longer_ours_the_file_is_emptied);
    tcase_add_test(tests, another_file_that_took_its_place_is_not_removed);
    tcase_add_test(tests, of_processes_that_come_and_go_never_two_have_it);
    tcase_add_test(tests, removing_what_was_never_created_touches_no_file);
    return unit_run(suite);
}
