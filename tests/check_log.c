/*
 * The log against a real datagram socket, as a syslog daemon has it, and
 * against every kind of standard error.
 */
#include <config.h>

#include "log.h"

#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <termios.h>

#define RING_LINES 1024

static int reader = -1; /* the syslog daemon */
static const char *path;
static char line[4096];

/* ---- a syslog daemon ---- */

static void listen_at_path(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    strcpy(un.sun_path, path);
    unlink(path);
    reader = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(reader, (struct sockaddr *)&un, sizeof un), 0);
}

static void stop_listening(void)
{
    close(reader);
    unlink(path);
    reader = -1;
}

static void open_log(int targets)
{
    struct log_options options = { .tag = "echod",
                                   .path = path,
                                   .targets = targets,
                                   .facility = LOG_DAEMON,
                                   .priority = LOG_INFO };

    ck_assert_int_eq(log_open(&options), 0);
}

static void set_up(void)
{
    unit_folder_make();
    path = unit_path("log");
    listen_at_path();
}

static void tear_down(void)
{
    log_close();
    stop_listening();
    unit_folder_remove();
}

/* The next datagram, terminated; false: there is none. */
static bool next_line(void)
{
    ssize_t len = recv(reader, line, sizeof line - 1, 0);

    line[len > 0 ? len : 0] = '\0';
    return len > 0;
}

/* What stands behind "tag[pid]: ". */
static const char *text_of(const char *record)
{
    const char *colon = strstr(record, "]: ");

    ck_assert_ptr_nonnull(colon);
    return colon + 3;
}

START_TEST(a_line_has_the_local_form_of_rfc_3164)
{
    char when[2][32], expected[2][128];
    time_t now = time(NULL);

    open_log(LOG_TO_SYSLOG);
    ck_assert(log_reaches_syslog());
    strftime(when[0], sizeof when[0], "%b %e %H:%M:%S", localtime(&now));
    log_write(LOG_INFO, "hello %s", "world");
    now = time(NULL);
    strftime(when[1], sizeof when[1], "%b %e %H:%M:%S", localtime(&now));
    ck_assert(next_line());
    for (int i = 0; i < 2; i++)
        snprintf(expected[i], sizeof expected[i],
                 "<30>%s echod[%ld]: hello world", when[i], (long)getpid());
    ck_assert_msg(strcmp(line, expected[0]) == 0 ||
                      strcmp(line, expected[1]) == 0,
                  "%s", line);
    ck_assert(!next_line());
}
END_TEST

START_TEST(each_line_carries_its_facility_and_severity)
{
    open_log(LOG_TO_SYSLOG);
    log_write(LOG_ERR, "x");
    ck_assert(next_line());
    ck_assert_int_eq(strncmp(line, "<27>", 4), 0);
    log_set(LOG_LOCAL7, LOG_DEBUG);
    log_write(LOG_DEBUG, "x");
    ck_assert(next_line());
    ck_assert_int_eq(strncmp(line, "<191>", 5), 0);
}
END_TEST

START_TEST(what_is_less_urgent_than_the_level_is_not_written)
{
    open_log(LOG_TO_SYSLOG);
    ck_assert(!log_wants(LOG_DEBUG));
    log_write(LOG_DEBUG, "x");
    log_errno(LOG_DEBUG, EINVAL, "x");
    ck_assert(!next_line());
    log_set(LOG_DAEMON, LOG_ERR);
    ck_assert(!log_wants(LOG_WARNING));
    ck_assert(log_wants(LOG_ERR));
    log_write(LOG_WARNING, "x");
    ck_assert(!next_line());
}
END_TEST

START_TEST(an_errno_is_told_in_words)
{
    open_log(LOG_TO_SYSLOG);
    log_errno(LOG_ERR, ECONNRESET, "client %d", 7);
    ck_assert(next_line());
    ck_assert_str_eq(text_of(line), "client 7: Connection reset by peer");
}
END_TEST

START_TEST(bytes_that_are_not_printable_come_out_as_octal)
{
    open_log(LOG_TO_SYSLOG);
    log_write(LOG_INFO, "a\nb\tc\033[31m\x7f\xc3\xa4~ ");
    ck_assert(next_line());
    ck_assert_str_eq(text_of(line),
                     "a\\012b\\011c\\033[31m\\177\\303\\244~ ");
}
END_TEST

START_TEST(a_long_line_is_cut_and_says_so)
{
    char text[3000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    open_log(LOG_TO_SYSLOG);
    log_write(LOG_INFO, "%s", text);
    ck_assert(next_line());
    ck_assert_uint_eq(strlen(text_of(line)), LOG_LINE_MAX);
    ck_assert_str_eq(line + strlen(line) - 4, "x...");
    log_errno(LOG_ERR, EPIPE, "%s", text);
    ck_assert(next_line());
    ck_assert_uint_le(strlen(text_of(line)), LOG_LINE_MAX);
    memset(text, '\n', sizeof text - 1);
    log_write(LOG_INFO, "%s", text);
    ck_assert(next_line());
    ck_assert_uint_le(strlen(text_of(line)), LOG_LINE_MAX);
    ck_assert_str_eq(line + strlen(line) - 7, "\\012...");
}
END_TEST

START_TEST(a_line_of_any_length_is_whole_or_marked_as_cut)
{
    char text[LOG_LINE_MAX + 8];

    open_log(LOG_TO_SYSLOG);
    for (size_t len = LOG_LINE_MAX - 8; len < sizeof text; len++) {
        memset(text, 'y', len);
        text[len] = '\0';
        log_write(LOG_INFO, "%s", text);
        ck_assert(next_line());
        if (strcmp(text_of(line), text) != 0) {
            ck_assert_uint_le(strlen(text_of(line)), LOG_LINE_MAX);
            ck_assert_str_eq(line + strlen(line) - 4, "y...");
        }
    }
}
END_TEST

/* Writes "line FIRST" to "line LAST - 1". */
static void write_lines(int first, int last)
{
    for (int i = first; i < last; i++)
        log_write(LOG_INFO, "line %d", i);
}

/* Reads "line N" with N from first on; returns the number after the last. */
static int read_lines(int first)
{
    char expected[32];

    while (next_line()) {
        snprintf(expected, sizeof expected, "line %d", first);
        if (strcmp(text_of(line), expected) != 0)
            break;
        first++;
        log_flush();
    }
    return first;
}

START_TEST(while_nobody_reads_lines_wait_in_order_and_none_is_lost)
{
    struct log_wait waits[LOG_SINKS];

    open_log(LOG_TO_SYSLOG);
    log_waits(waits);
    ck_assert_int_eq(waits[0].fd, -1);
    write_lines(0, RING_LINES);
    log_waits(waits);
    ck_assert_int_ne(waits[0].fd, -1);
    ck_assert_int_eq(waits[0].retry_ms, -1);
    ck_assert_int_eq(read_lines(0), RING_LINES);
    ck_assert_uint_eq(log_dropped(), 0);
    log_waits(waits);
    ck_assert_int_eq(waits[0].fd, -1);
}
END_TEST

START_TEST(the_ring_goes_round_and_round_without_a_loss)
{
    int written = 0, seen = 0;
    uint32_t seed = 3;

    open_log(LOG_TO_SYSLOG);
    while (written < 10 * RING_LINES) {
        int more = (int)(unit_random(&seed) % (RING_LINES / 2));

        write_lines(written, written + more);
        written += more;
        for (int i = (int)(unit_random(&seed) % RING_LINES);
             i > 0 && next_line(); i--) {
            ck_assert_int_eq(atoi(text_of(line) + strlen("line ")), seen);
            seen++;
            log_flush();
        }
        while (written - seen > RING_LINES / 2 && next_line()) {
            ck_assert_int_eq(atoi(text_of(line) + strlen("line ")), seen);
            seen++;
            log_flush();
        }
    }
    ck_assert_int_eq(read_lines(seen), written);
    ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

START_TEST(lines_that_do_not_fit_are_counted_and_told_once_after_recovery)
{
    char expected[128];
    int held;

    open_log(LOG_TO_SYSLOG);
    write_lines(0, 5000);
    ck_assert_uint_gt(log_dropped(), 0);
    held = read_lines(0);
    ck_assert_uint_eq(log_dropped(), 5000u - (unsigned)held);
    snprintf(expected, sizeof expected,
             "%d messages lost: the syslog daemon did not take them",
             5000 - held);
    ck_assert_str_eq(text_of(line), expected);
    ck_assert_int_eq(strncmp(line, "<28>", 4), 0);
    ck_assert(!next_line());
    write_lines(1, 2);
    ck_assert_int_eq(read_lines(1), 2);
    ck_assert(!next_line());
}
END_TEST

START_TEST(a_gap_is_one_gap_though_there_is_room_again_in_between)
{
    int held = 0;

    open_log(LOG_TO_SYSLOG);
    write_lines(0, 2 * RING_LINES);
    ck_assert(next_line()); /* one goes out, one place is free */
    log_flush();
    log_write(LOG_INFO, "late"); /* but what comes now is behind the gap */
    while (next_line() && strstr(line, "messages lost") == NULL) {
        ck_assert_ptr_null(strstr(line, "late"));
        held++;
        log_flush();
    }
    ck_assert_ptr_nonnull(strstr(line, "messages lost"));
    ck_assert_uint_eq(log_dropped(), 2u * RING_LINES - (unsigned)held);
}
END_TEST

START_TEST(the_descriptor_that_waits_is_writable_when_the_daemon_reads)
{
    struct log_wait waits[LOG_SINKS];
    struct pollfd p = { .events = POLLOUT };

    open_log(LOG_TO_SYSLOG);
    write_lines(0, 100);
    log_waits(waits);
    p.fd = waits[0].fd;
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    ck_assert(next_line());
    ck_assert_int_eq(poll(&p, 1, 1000), 1);
}
END_TEST

/* Until the time that the log itself names for its next try. */
static void sleep_until_retry(void)
{
    struct log_wait waits[LOG_SINKS];

    log_waits(waits);
    ck_assert_int_eq(waits[0].fd, -1);
    ck_assert_int_ne(waits[0].retry_ms, -1);
    ck_assert_int_le(waits[0].retry_ms, unit_now_ms() + LOG_RETRY_MS);
    while (unit_now_ms() < waits[0].retry_ms)
        poll(NULL, 0, 5);
}

START_TEST(a_daemon_that_goes_away_and_comes_back_gets_what_waited)
{
    open_log(LOG_TO_SYSLOG);
    write_lines(0, 1);
    ck_assert_int_eq(read_lines(0), 1);
    stop_listening();
    write_lines(1, 10);
    ck_assert(!log_reaches_syslog());
    sleep_until_retry();
    log_flush(); /* still nobody */
    ck_assert(!log_reaches_syslog());
    listen_at_path();
    sleep_until_retry();
    log_flush();
    ck_assert(log_reaches_syslog());
    ck_assert_int_eq(read_lines(1), 10);
    ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

START_TEST(a_daemon_that_was_restarted_in_between_loses_nothing)
{
    open_log(LOG_TO_SYSLOG);
    write_lines(0, 1);
    ck_assert_int_eq(read_lines(0), 1);
    stop_listening();
    listen_at_path();
    write_lines(1, 4);
    if (!log_reaches_syslog()) {
        sleep_until_retry();
        log_flush();
    }
    ck_assert_int_eq(read_lines(1), 4);
}
END_TEST

START_TEST(a_daemon_that_is_not_there_yet_is_no_error)
{
    stop_listening();
    open_log(LOG_TO_SYSLOG);
    ck_assert(!log_reaches_syslog());
    write_lines(0, 3);
    listen_at_path();
    sleep_until_retry();
    log_flush();
    ck_assert_int_eq(read_lines(0), 3);
}
END_TEST

START_TEST(without_a_descriptor_for_it_the_log_goes_on_to_standard_error)
{
    struct log_options options = { .tag = "echod",
                                   .path = path,
                                   .targets = LOG_TO_SYSLOG,
                                   .facility = LOG_DAEMON,
                                   .priority = LOG_INFO };
    struct rlimit limit, none;
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = (rlim_t)unit_free_fd();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_int_eq(log_open(&options), -1);
    ck_assert_int_eq(errno, EMFILE);
    log_write(LOG_INFO, "hello");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_gt(read(ends[0], line, sizeof line), 0);
    ck_assert_ptr_nonnull(strstr(line, " info hello\n"));
}
END_TEST

/* ---- standard error ---- */

/* Makes fd standard error, and ours no longer. */
static void become_stderr(int fd)
{
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
}

/* A pipe to standard error; its reading, non-blocking end. */
static int pipe_stderr(void)
{
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    become_stderr(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return ends[0];
}

static size_t read_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while ((n = read(fd, out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    return len;
}

START_TEST(on_standard_error_a_line_has_time_and_severity)
{
    int in = pipe_stderr(), year, month, day, hour, minute, second, ms, end = 0;
    char sign;

    open_log(LOG_TO_STDERR);
    log_write(LOG_WARNING, "hello");
    read_all(in, line, sizeof line);
    ck_assert_int_eq(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3d%c%*2d:%*2d %n",
                            &year, &month, &day, &hour, &minute, &second, &ms,
                            &sign, &end),
                     8);
    ck_assert(sign == '+' || sign == '-');
    ck_assert_int_eq(end, (int)strlen("2026-01-02T03:04:05.678+00:00 "));
    ck_assert_str_eq(line + end, "warning hello\n");
}
END_TEST

START_TEST(before_it_is_opened_and_after_it_is_closed_lines_go_to_stderr)
{
    int in = pipe_stderr();

    log_write(LOG_ERR, "one");
    open_log(LOG_TO_SYSLOG);
    log_write(LOG_ERR, "two");
    log_close();
    log_write(LOG_ERR, "three");
    read_all(in, line, sizeof line);
    ck_assert_ptr_nonnull(strstr(line, " err one\n"));
    ck_assert_ptr_null(strstr(line, "two"));
    ck_assert_ptr_nonnull(strstr(line, " err three\n"));
    ck_assert(next_line());
    ck_assert_str_eq(text_of(line), "two");
}
END_TEST

START_TEST(both_targets_get_every_line)
{
    int in = pipe_stderr();

    open_log(LOG_TO_SYSLOG | LOG_TO_STDERR);
    log_write(LOG_INFO, "hello");
    ck_assert(next_line());
    ck_assert_str_eq(text_of(line), "hello");
    read_all(in, line, sizeof line);
    ck_assert_ptr_nonnull(strstr(line, " info hello\n"));
}
END_TEST

/* Reads "line N" lines until the report of a loss; how many lines there were,
 * and in *lost how many are said to be lost. */
static int read_with_losses(int in, int *lost)
{
    static char text[256 * 1024];
    size_t len = 0;
    int lines = 0;

    *lost = 0;
    for (size_t before = SIZE_MAX; len != before;) {
        before = len;
        len += read_all(in, text + len, sizeof text - len);
        log_flush();
    }
    for (char *p = strtok(text, "\n"); p != NULL; p = strtok(NULL, "\n")) {
        const char *said = strstr(p, " info line ");

        if (said != NULL)
            ck_assert_int_eq(atoi(said + strlen(" info line ")), lines++);
        else
            ck_assert_int_eq(
                sscanf(p, "%*s warning %d messages lost: the reader of "
                          "standard error did not take them",
                       lost),
                1);
    }
    return lines;
}

static void assert_never_blocks(int in)
{
    int lines, lost;

    open_log(LOG_TO_STDERR);
    write_lines(0, 9000); /* or this would hang */
    ck_assert_uint_gt(log_dropped(), 0);
    lines = read_with_losses(in, &lost);
    ck_assert_int_eq(lines + lost, 9000);
    ck_assert_uint_eq(log_dropped(), (unsigned)lost);
    close(in);
}

START_TEST(a_pipe_that_nobody_reads_never_blocks)
{
    assert_never_blocks(pipe_stderr());
    ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

/* As under systemd. */
START_TEST(a_socket_that_nobody_reads_never_blocks)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    become_stderr(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    assert_never_blocks(ends[0]);
}
END_TEST

START_TEST(a_terminal_that_is_stopped_never_blocks_and_loses_no_part_of_a_line)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), slave;
    struct termios raw;

    ck_assert_int_ne(master, -1);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    ck_assert_int_ne(slave, -1);
    ck_assert_int_eq(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    ck_assert_int_eq(tcsetattr(slave, TCSANOW, &raw), 0);
    become_stderr(slave);
    assert_never_blocks(master);
}
END_TEST

START_TEST(a_file_is_appended_to_at_the_offset_that_others_share)
{
    const char *file = unit_path("stderr");
    const char *text;

    become_stderr(open(file, O_CREAT | O_WRONLY, 0600));
    open_log(LOG_TO_STDERR);
    log_write(LOG_INFO, "one");
    ck_assert_int_eq(write(STDERR_FILENO, "another\n", 8), 8);
    log_write(LOG_INFO, "two");
    text = unit_read_file(file);
    ck_assert_ptr_nonnull(strstr(text, " info one\nanother\n"));
    ck_assert_ptr_nonnull(strstr(text, " info two\n"));
    unlink(file);
}
END_TEST

START_TEST(a_standard_error_that_is_closed_is_nobodys_loss)
{
    struct log_wait waits[LOG_SINKS];

    open_log(LOG_TO_STDERR);
    log_close();
    close(STDERR_FILENO);
    open_log(LOG_TO_STDERR);
    write_lines(0, 2 * RING_LINES);
    log_waits(waits);
    ck_assert_int_eq(waits[1].fd, -1);
    ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *syslog = tcase_create("syslog");
    TCase *to_stderr = tcase_create("stderr");

    suite_add_tcase(suite, syslog);
    suite_add_tcase(suite, to_stderr);
    tcase_set_timeout(syslog, 30);
    tcase_set_timeout(to_stderr, 30);
    tcase_add_checked_fixture(syslog, set_up, tear_down);
    tcase_add_checked_fixture(to_stderr, set_up, tear_down);
    tcase_add_test(syslog, a_line_has_the_local_form_of_rfc_3164);
    tcase_add_test(syslog, each_line_carries_its_facility_and_severity);
    tcase_add_test(syslog, what_is_less_urgent_than_the_level_is_not_written);
    tcase_add_test(syslog, an_errno_is_told_in_words);
    tcase_add_test(syslog, bytes_that_are_not_printable_come_out_as_octal);
    tcase_add_test(syslog, a_long_line_is_cut_and_says_so);
    tcase_add_test(syslog, a_line_of_any_length_is_whole_or_marked_as_cut);
    tcase_add_test(syslog,
                   while_nobody_reads_lines_wait_in_order_and_none_is_lost);
    tcase_add_test(syslog, the_ring_goes_round_and_round_without_a_loss);
    tcase_add_test(
        syslog,
        lines_that_do_not_fit_are_counted_and_told_once_after_recovery);
    tcase_add_test(syslog,
                   a_gap_is_one_gap_though_there_is_room_again_in_between);
    tcase_add_test(
        syslog, the_descriptor_that_waits_is_writable_when_the_daemon_reads);
    tcase_add_test(syslog,
                   a_daemon_that_goes_away_and_comes_back_gets_what_waited);
    tcase_add_test(syslog,
                   a_daemon_that_was_restarted_in_between_loses_nothing);
    tcase_add_test(syslog, a_daemon_that_is_not_there_yet_is_no_error);
    tcase_add_test(
        syslog,
        without_a_descriptor_for_it_the_log_goes_on_to_standard_error);
    tcase_add_test(to_stderr, on_standard_error_a_line_has_time_and_severity);
    tcase_add_test(
        to_stderr,
        before_it_is_opened_and_after_it_is_closed_lines_go_to_stderr);
    tcase_add_test(to_stderr, both_targets_get_every_line);
    tcase_add_test(to_stderr, a_pipe_that_nobody_reads_never_blocks);
    tcase_add_test(to_stderr, a_socket_that_nobody_reads_never_blocks);
    tcase_add_test(
        to_stderr,
        a_terminal_that_is_stopped_never_blocks_and_loses_no_part_of_a_line);
    tcase_add_test(to_stderr,
                   a_file_is_appended_to_at_the_offset_that_others_share);
    tcase_add_test(to_stderr, a_standard_error_that_is_closed_is_nobodys_loss);
    return unit_run(suite);
}
