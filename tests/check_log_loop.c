#include <config.h>

#include "log_loop.h"
#include "log.h"
#include "loop.h"

#include "unit.h"

#include <sys/un.h>

#define LINES 500
#define FEW 20 /* but more than the kernel's queue takes */

static const struct poller_ops *const all[] = { &poller_poll, &poller_select,
                                                &poller_epoll };
static struct loop *loop;
static struct loop_timer come_back, give_up;
static int reader = -1;
static const char *path;
static int seen, awaited;

/* The syslog daemon, in the same loop. */
static void on_line(void *arg, unsigned ready)
{
    char line[2048];
    ssize_t len = recv(reader, line, sizeof line - 1, 0);

    (void)arg;
    (void)ready;
    ck_assert_int_gt(len, 0);
    line[len] = '\0';
    ck_assert_int_eq(atoi(strstr(line, "line ") + strlen("line ")), seen);
    if (++seen == awaited)
        loop_stop(loop);
}

static void listen_at_path(void *arg)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    (void)arg;
    strcpy(un.sun_path, path);
    reader = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(reader, (struct sockaddr *)&un, sizeof un), 0);
    ck_assert_int_eq(loop_watch(loop, reader, POLLER_IN, on_line, NULL), 0);
}

static void set_up(void)
{
    unit_folder_make();
    path = unit_path("log");
}

static void tear_down(void)
{
    loop_free(loop);
    log_close();
    close(reader);
    unlink(path);
    unit_folder_remove();
}

static void begin(const struct poller_ops *ops)
{
    struct log_options options = { .tag = "echod",
                                   .path = path,
                                   .targets = LOG_TO_SYSLOG,
                                   .facility = LOG_DAEMON,
                                   .priority = LOG_INFO };

    loop = loop_new(ops);
    ck_assert_ptr_nonnull(loop);
    ck_assert_int_eq(log_open(&options), 0);
    log_loop_attach(loop);
}

static void fail_late(void *arg)
{
    (void)arg;
    ck_abort_msg("%d of %d lines came", seen, awaited);
}

static void write_and_run(int lines)
{
    seen = 0;
    awaited = lines;
    for (int i = 0; i < lines; i++)
        log_write(LOG_INFO, "line %d", i);
    loop_timer_set(loop, &give_up, loop_now(loop) + 60000, fail_late, NULL);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(seen, lines);
    ck_assert_uint_eq(log_dropped(), 0);
}

START_TEST(lines_that_wait_go_out_when_the_daemon_comes_and_reads)
{
    begin(all[_i]);
    loop_timer_set(loop, &come_back, loop_now(loop) + 50, listen_at_path,
                   NULL);
    write_and_run(LINES);
    write_and_run(LINES); /* by now it is there */
}
END_TEST

/* A poller without room for the log's descriptor. */
static int refuse_out(struct poller *p, int fd, unsigned had, unsigned want)
{
    if ((want & POLLER_OUT) != 0) {
        errno = ENOMEM;
        return -1;
    }
    return poller_poll.want(p, fd, had, want);
}

START_TEST(where_the_poller_refuses_time_has_to_do)
{
    static struct poller_ops refusing;

    refusing = poller_poll;
    refusing.want = refuse_out;
    begin(&refusing);
    loop_timer_set(loop, &come_back, loop_now(loop), listen_at_path, NULL);
    write_and_run(FEW);
    write_and_run(FEW);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_loop");
    TCase *tests = tcase_create("log_loop");

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(
        tests, lines_that_wait_go_out_when_the_daemon_comes_and_reads, 0,
        UNIT_LENGTH(all));
    tcase_add_test(tests, where_the_poller_refuses_time_has_to_do);
    return unit_run(suite);
}
