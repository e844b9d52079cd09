/*
 * Every poller must pass the same tests: what the loop above relies on.
 */
#include <config.h>

#include "poller.h"

#include "unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const struct poller_ops *const all[] = { &poller_poll, &poller_select,
                                                &poller_epoll };

#define EVENTS 64

/* The poller that is tested, what it told last, and two sockets. */
static const struct poller_ops *ops;
static struct poller *poller;
static struct poller_event events[EVENTS];
static int ends[2];

static void begin(int which)
{
    ops = all[which];
    poller = ops->open();
    ck_assert_ptr_nonnull(poller);
    unit_pair(ends);
}

static void end(void)
{
    ops->close(poller);
    close(ends[0]);
    close(ends[1]);
}

static void want(int fd, unsigned had, unsigned now)
{
    ck_assert_int_eq(ops->want(poller, fd, had, now), 0);
}

/* What is ready without waiting, at most max of it. */
static int ready(int max)
{
    sigset_t mask;

    sigprocmask(SIG_SETMASK, NULL, &mask);
    return ops->wait(poller, events, max, 0, &mask);
}

static void assert_only(int fd, unsigned bits)
{
    ck_assert_int_eq(ready(EVENTS), 1);
    ck_assert_int_eq(events[0].fd, fd);
    ck_assert_uint_eq(events[0].ready, bits);
}

/* Until the socket takes no more. */
static void fill(int fd)
{
    static const char bytes[4096];

    while (send(fd, bytes, sizeof bytes, 0) > 0)
        ;
    ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(it_has_the_name_that_the_settings_use)
{
    static const char *const names[] = { "poll", "select", "epoll" };

    ck_assert_str_eq(all[_i]->name, names[_i]);
}
END_TEST

START_TEST(nothing_watched_is_nothing_ready)
{
    begin(_i);
    ck_assert_int_eq(ready(EVENTS), 0);
    end();
}
END_TEST

START_TEST(only_what_was_asked_for_is_told)
{
    begin(_i);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    want(ends[0], 0, POLLER_OUT);
    assert_only(ends[0], POLLER_OUT);
    want(ends[0], POLLER_OUT, POLLER_IN);
    assert_only(ends[0], POLLER_IN);
    want(ends[0], POLLER_IN, POLLER_IN | POLLER_OUT);
    assert_only(ends[0], POLLER_IN | POLLER_OUT);
    want(ends[0], POLLER_IN | POLLER_OUT, 0);
    ck_assert_int_eq(ready(EVENTS), 0);
    end();
}
END_TEST

START_TEST(an_empty_socket_is_not_ready_to_read_nor_a_full_one_to_write)
{
    begin(_i);
    want(ends[0], 0, POLLER_IN | POLLER_OUT);
    assert_only(ends[0], POLLER_OUT);
    fill(ends[0]);
    ck_assert_int_eq(ready(EVENTS), 0);
    end();
}
END_TEST

START_TEST(what_is_not_handled_is_told_again)
{
    char byte;

    begin(_i);
    want(ends[0], 0, POLLER_IN);
    ck_assert_int_eq(write(ends[1], "xy", 2), 2);
    assert_only(ends[0], POLLER_IN);
    assert_only(ends[0], POLLER_IN);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    assert_only(ends[0], POLLER_IN);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(ready(EVENTS), 0);
    end();
}
END_TEST

START_TEST(an_end_of_file_is_ready_to_read)
{
    begin(_i);
    want(ends[0], 0, POLLER_IN);
    ck_assert_int_eq(shutdown(ends[1], SHUT_WR), 0);
    assert_only(ends[0], POLLER_IN);
    end();
}
END_TEST

START_TEST(a_hang_up_is_told_as_what_was_asked_for)
{
    begin(_i);
    want(ends[0], 0, POLLER_IN);
    close(ends[1]);
    assert_only(ends[0], POLLER_IN);
    want(ends[0], POLLER_IN, POLLER_OUT);
    assert_only(ends[0], POLLER_OUT);
    want(ends[0], POLLER_OUT, POLLER_IN | POLLER_OUT);
    assert_only(ends[0], POLLER_IN | POLLER_OUT);
    want(ends[0], POLLER_IN | POLLER_OUT, 0);
    ck_assert_int_eq(ready(EVENTS), 0);
    close(ends[0]);
    ops->close(poller);
}
END_TEST

/* Linux says POLLHUP here, and nothing else. */
START_TEST(the_end_of_a_pipe_is_ready_to_read)
{
    int pipe_ends[2];

    begin(_i);
    ck_assert_int_eq(pipe(pipe_ends), 0);
    close(pipe_ends[1]);
    want(pipe_ends[0], 0, POLLER_IN);
    assert_only(pipe_ends[0], POLLER_IN);
    want(pipe_ends[0], POLLER_IN, 0);
    close(pipe_ends[0]);
    end();
}
END_TEST

START_TEST(an_error_is_told_as_what_was_asked_for)
{
    int pipe_ends[2];

    begin(_i);
    ck_assert_int_eq(pipe(pipe_ends), 0);
    fill(ends[0]);
    close(pipe_ends[0]); /* POLLERR at the other end */
    want(pipe_ends[1], 0, POLLER_IN);
    assert_only(pipe_ends[1], POLLER_IN);
    want(pipe_ends[1], POLLER_IN, POLLER_OUT);
    assert_only(pipe_ends[1], POLLER_OUT);
    want(pipe_ends[1], POLLER_OUT, 0);
    close(pipe_ends[1]);
    end();
}
END_TEST

#define CROWD 10

/* Eyes for who was told; each that is ready once makes CROWD. */
static void see(bool seen[CROWD], const int fds[CROWD], int count)
{
    for (int i = 0; i < count; i++)
        for (int j = 0; j < CROWD; j++)
            if (fds[j] == events[i].fd)
                seen[j] = true;
}

START_TEST(who_was_left_out_for_want_of_room_comes_first_next_time)
{
    int fds[CROWD];
    bool seen[CROWD] = { false };

    begin(_i);
    for (int i = 0; i < CROWD; i++) {
        fds[i] = dup(ends[0]);
        want(fds[i], 0, POLLER_OUT);
    }
    for (int turn = 0; turn < 4; turn++) {
        int count = ready(3);

        ck_assert_int_eq(count, 3);
        see(seen, fds, count);
    }
    for (int i = 0; i < CROWD; i++)
        ck_assert_msg(seen[i], "number %d of %d was never told", i, CROWD);
    for (int i = 0; i < CROWD; i++) {
        want(fds[i], POLLER_OUT, 0);
        close(fds[i]);
    }
    end();
}
END_TEST

START_TEST(nobody_is_told_twice_in_one_wait)
{
    bool told[1024] = { false };
    int count;

    begin(_i);
    want(ends[0], 0, POLLER_IN | POLLER_OUT);
    want(ends[1], 0, POLLER_IN | POLLER_OUT);
    ck_assert_int_eq(write(ends[0], "x", 1), 1);
    ck_assert_int_eq(ready(1), 1);
    count = ready(EVENTS);
    ck_assert_int_eq(count, 2);
    for (int i = 0; i < count; i++) {
        ck_assert(!told[events[i].fd]);
        told[events[i].fd] = true;
    }
    end();
}
END_TEST

START_TEST(the_wait_ends_when_its_time_is_over)
{
    int64_t before;
    sigset_t none;

    begin(_i);
    sigemptyset(&none);
    want(ends[0], 0, POLLER_IN);
    before = unit_now_ms();
    ck_assert_int_eq(ops->wait(poller, events, EVENTS, 30, &none), 0);
    ck_assert_int_ge(unit_now_ms() - before, 29);
    end();
}
END_TEST

static volatile sig_atomic_t caught;

static void on_signal(int signo)
{
    (void)signo;
    caught++;
}

static void catch_blocked(int signo)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signo);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    ck_assert_int_eq(sigaction(signo, &action, NULL), 0);
}

START_TEST(a_signal_that_is_pending_ends_the_wait_at_once)
{
    sigset_t none;

    begin(_i);
    sigemptyset(&none);
    catch_blocked(SIGUSR1);
    raise(SIGUSR1);
    ck_assert_int_eq(caught, 0);
    ck_assert_int_eq(ops->wait(poller, events, EVENTS, -1, &none), -1);
    ck_assert_int_eq(errno, EINTR);
    ck_assert_int_eq(caught, 1);
    end();
}
END_TEST

START_TEST(a_signal_that_the_mask_keeps_out_stays_pending)
{
    sigset_t usr1, pending;

    begin(_i);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    catch_blocked(SIGUSR1);
    raise(SIGUSR1);
    ck_assert_int_eq(ops->wait(poller, events, EVENTS, 0, &usr1), 0);
    ck_assert_int_eq(caught, 0);
    sigpending(&pending);
    ck_assert(sigismember(&pending, SIGUSR1));
    end();
}
END_TEST

START_TEST(the_mask_from_before_is_back_after_the_wait)
{
    sigset_t none, after;

    begin(_i);
    sigemptyset(&none);
    catch_blocked(SIGUSR1);
    ck_assert_int_eq(ops->wait(poller, events, EVENTS, 0, &none), 0);
    sigprocmask(SIG_SETMASK, NULL, &after);
    ck_assert(sigismember(&after, SIGUSR1));
    end();
}
END_TEST

START_TEST(a_number_outside_the_limit_is_refused)
{
    begin(_i);
    ck_assert_int_eq(ops->want(poller, -1, 0, POLLER_IN), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(ops->want(poller, ops->limit, 0, POLLER_IN), -1);
    ck_assert_int_eq(errno, EBADF);
    end();
}
END_TEST

START_TEST(the_last_number_under_the_limit_of_select_works)
{
    struct rlimit limit;
    int last = poller_select.limit - 1;

    begin(1);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_gt(limit.rlim_max, (rlim_t)last);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(dup2(ends[0], last), last);
    want(last, 0, POLLER_IN);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    assert_only(last, POLLER_IN);
    want(last, POLLER_IN, 0);
    ck_assert_int_eq(ready(EVENTS), 0);
    close(last);
    end();
}
END_TEST

/* As many as fit the poller and the process, up to 5000. */
static int many(void)
{
    struct rlimit limit;
    int most = 5000;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < (rlim_t)most + 64)
        most = (int)limit.rlim_cur - 64;
    return most < ops->limit - 64 ? most : ops->limit - 64;
}

START_TEST(it_grows_to_thousands_and_shrinks_again_and_forgets_nobody)
{
    int count, last = -1;
    int *fds;

    begin(_i);
    count = many();
    fds = malloc((size_t)count * sizeof *fds);
    ck_assert_ptr_nonnull(fds);
    for (int i = 0; i < count; i++) {
        fds[i] = dup(ends[0]);
        want(fds[i], 0, POLLER_IN);
        last = fds[i];
    }
    ck_assert_int_eq(ready(EVENTS), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(ready(EVENTS), EVENTS);
    for (int i = 0; i < count - 1; i++) { /* all but the last one */
        want(fds[i], POLLER_IN, 0);
        close(fds[i]);
    }
    assert_only(last, POLLER_IN);
    want(last, POLLER_IN, POLLER_OUT);
    assert_only(last, POLLER_OUT);
    want(last, POLLER_OUT, 0);
    ck_assert_int_eq(ready(EVENTS), 0);
    close(last);
    free(fds);
    end();
}
END_TEST

START_TEST(watches_that_come_and_go_match_a_plain_list)
{
    int fds[CROWD];
    unsigned wanted[CROWD] = { 0 };
    uint32_t seed = 7;

    begin(_i);
    ck_assert_int_eq(write(ends[1], "x", 1), 1); /* ready for both, always */
    for (int i = 0; i < CROWD; i++)
        fds[i] = dup(ends[0]);
    for (int step = 0; step < 2000; step++) {
        int at = (int)(unit_random(&seed) % CROWD), expected = 0;
        unsigned next = unit_random(&seed) % 4;

        want(fds[at], wanted[at], next);
        wanted[at] = next;
        for (int i = 0; i < CROWD; i++)
            expected += wanted[i] != 0;
        ck_assert_int_eq(ready(EVENTS), expected);
        for (int e = 0; e < expected; e++)
            for (int i = 0; i < CROWD; i++)
                if (fds[i] == events[e].fd)
                    ck_assert_uint_eq(events[e].ready, wanted[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        want(fds[i], wanted[i], 0);
        close(fds[i]);
    }
    end();
}
END_TEST

START_TEST(closing_nothing_is_fine)
{
    all[_i]->close(NULL);
}
END_TEST

START_TEST(epoll_refuses_a_regular_file)
{
    int fd = open("/proc/self/exe", O_RDONLY);

    begin(2);
    ck_assert_int_ne(fd, -1);
    ck_assert_int_eq(ops->want(poller, fd, 0, POLLER_IN), -1);
    ck_assert_int_eq(errno, EPERM);
    close(fd);
    end();
}
END_TEST

#define EACH(test) tcase_add_loop_test(poller_case, test, 0, UNIT_LENGTH(all))

int main(void)
{
    Suite *suite = suite_create("poller");
    TCase *poller_case = tcase_create("poller");

    suite_add_tcase(suite, poller_case);
    EACH(it_has_the_name_that_the_settings_use);
    EACH(nothing_watched_is_nothing_ready);
    EACH(only_what_was_asked_for_is_told);
    EACH(an_empty_socket_is_not_ready_to_read_nor_a_full_one_to_write);
    EACH(what_is_not_handled_is_told_again);
    EACH(an_end_of_file_is_ready_to_read);
    EACH(a_hang_up_is_told_as_what_was_asked_for);
    EACH(the_end_of_a_pipe_is_ready_to_read);
    EACH(an_error_is_told_as_what_was_asked_for);
    EACH(who_was_left_out_for_want_of_room_comes_first_next_time);
    EACH(nobody_is_told_twice_in_one_wait);
    EACH(the_wait_ends_when_its_time_is_over);
    EACH(a_signal_that_is_pending_ends_the_wait_at_once);
    EACH(a_signal_that_the_mask_keeps_out_stays_pending);
    EACH(the_mask_from_before_is_back_after_the_wait);
    EACH(a_number_outside_the_limit_is_refused);
    tcase_add_test(poller_case,
                   the_last_number_under_the_limit_of_select_works);
    EACH(it_grows_to_thousands_and_shrinks_again_and_forgets_nobody);
    EACH(watches_that_come_and_go_match_a_plain_list);
    EACH(closing_nothing_is_fine);
    tcase_add_test(poller_case, epoll_refuses_a_regular_file);
    return unit_run(suite);
}
