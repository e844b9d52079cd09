#include <config.h>

#include "loop.h"

#include "unit.h"

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

static const struct poller_ops *const all[] = { &poller_poll, &poller_select,
                                                &poller_epoll };

/* The loop that is tested, two sockets, and what was called. */
static struct loop *loop;
static int ends[2];
static int calls;
static unsigned told;

static void begin(int which)
{
    loop = loop_new(all[which]);
    ck_assert_ptr_nonnull(loop);
    unit_pair(ends);
}

static void end(void)
{
    loop_free(loop);
    loop = NULL; /* or what was not freed would not be lost */
    close(ends[0]);
    close(ends[1]);
}

/* A timer that ends the run: nothing waits for ever here. */
static struct loop_timer stopper, one, two;

static void stop(void *arg)
{
    loop_stop(arg);
}

static void run_for(int64_t ms)
{
    loop_timer_set(loop, &stopper, loop_now(loop) + ms, stop, loop);
    ck_assert_int_eq(loop_run(loop), 0);
}

static void count_and_stop(void *arg, unsigned ready)
{
    (void)arg;
    calls++;
    told = ready;
    loop_stop(loop);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void count_fd(void *arg, unsigned ready)
{
    (void)ready;
    ++*(int *)arg;
}

/* ---- descriptors ---- */

START_TEST(a_descriptor_that_is_ready_is_told_with_what_for)
{
    begin(_i);
    ck_assert_int_eq(
        loop_watch(loop, ends[0], POLLER_IN, count_and_stop, NULL), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_eq(told, POLLER_IN);
    ck_assert_int_eq(loop_want(loop, ends[0], POLLER_OUT), 0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_uint_eq(told, POLLER_OUT);
    end();
}
END_TEST

START_TEST(a_descriptor_that_is_known_but_not_watched_is_not_told)
{
    begin(_i);
    ck_assert_int_eq(loop_watch(loop, ends[0], 0, count_fd, &calls), 0);
    close(ends[1]);
    run_for(20);
    ck_assert_int_eq(calls, 0);
    ck_assert_int_eq(loop_want(loop, ends[0], POLLER_IN), 0);
    run_for(1);
    ck_assert_int_gt(calls, 0);
    loop_free(loop);
    close(ends[0]);
}
END_TEST

START_TEST(of_two_that_are_wanted_only_what_is_ready_is_told)
{
    begin(_i);
    ck_assert_int_eq(loop_watch(loop, ends[0], POLLER_IN | POLLER_OUT,
                                count_and_stop, NULL),
                     0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_uint_eq(told, POLLER_OUT);
    end();
}
END_TEST

START_TEST(descriptor_0_is_watched_like_any_other)
{
    begin(_i);
    ck_assert_int_eq(dup2(ends[0], 0), 0);
    ck_assert_int_eq(loop_watch(loop, 0, POLLER_OUT, count_and_stop, NULL), 0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(loop_use(loop, all[_i]), 0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(loop_want(loop, 0, 0), 0);
    end();
}
END_TEST

static void read_a_byte(void *arg, unsigned ready)
{
    char byte;

    (void)ready;
    ck_assert_int_eq(read(*(int *)arg, &byte, 1), 1);
    calls++;
}

START_TEST(who_was_ready_in_one_turn_is_not_called_for_it_in_the_next)
{
    int more[2];

    begin(_i);
    unit_pair(more);
    ck_assert_int_eq(
        loop_watch(loop, ends[0], POLLER_IN, read_a_byte, &ends[0]), 0);
    ck_assert_int_eq(
        loop_watch(loop, more[0], POLLER_IN, read_a_byte, &more[0]), 0);
    ck_assert_int_eq(loop_signal(loop, SIGUSR1, stop, loop), 0);
    for (int i = 1; i < 4; i++) {
        ck_assert_int_eq(write(ends[1], "x", 1), 1);
        ck_assert_int_eq(write(more[1], "x", 1), 1);
        run_for(0); /* both */
        ck_assert_int_eq(write(ends[1], "x", 1), 1);
        run_for(0); /* one */
        raise(SIGUSR1);
        run_for(10000); /* none */
        ck_assert_int_eq(calls, 3 * i);
    }
    close(more[0]);
    close(more[1]);
    end();
}
END_TEST

START_TEST(wanting_from_a_descriptor_that_is_not_watched_is_an_error)
{
    begin(_i);
    ck_assert_int_eq(loop_watch(loop, ends[1], 0, count_fd, &calls), 0);
    for (int fd = 60; fd < 200; fd++)
        ck_assert_int_eq(loop_want(loop, fd, POLLER_IN), -1);
    ck_assert_int_eq(loop_want(loop, ends[0], POLLER_IN), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(loop_want(loop, -1, POLLER_IN), -1);
    ck_assert_int_eq(errno, EBADF);
    loop_forget(loop, ends[0]); /* nor does forgetting it do harm */
    end();
}
END_TEST

/* Where the table ends, too, whatever room it has. */
START_TEST(the_number_above_the_highest_is_not_watched)
{
    begin(_i);
    for (int high = 63; high < 256; high++) {
        ck_assert_int_eq(dup2(ends[0], high), high);
        ck_assert_int_eq(loop_watch(loop, high, POLLER_IN, count_fd, &calls),
                         0);
        ck_assert_int_eq(loop_want(loop, high + 1, POLLER_IN), -1);
        ck_assert_int_eq(errno, EBADF);
    }
    for (int high = 63; high < 256; high++)
        loop_close(loop, high);
    end();
}
END_TEST

START_TEST(a_number_that_the_poller_cannot_hold_is_refused)
{
    begin(_i);
    ck_assert_int_eq(loop_watch(loop, all[_i]->limit, POLLER_IN, count_fd,
                                &calls),
                     -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(loop_watch(loop, -1, POLLER_IN, count_fd, &calls), -1);
    ck_assert_int_eq(errno, EBADF);
    end();
}
END_TEST

static size_t memory_in_use(void)
{
    struct mallinfo2 info = mallinfo2(); /* zeros where malloc is another's */

    return info.uordblks + info.hblkhd;
}

START_TEST(the_memory_for_a_high_descriptor_goes_back_when_it_has_gone)
{
    enum { HIGH = 3000 };
    struct rlimit limit;
    size_t before;
    int high;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    begin(0);
    ck_assert_int_eq(loop_watch(loop, ends[0], POLLER_IN, count_fd, &calls),
                     0);
    before = memory_in_use();
    high = fcntl(ends[1], F_DUPFD, HIGH);
    ck_assert_int_ge(high, HIGH);
    ck_assert_int_eq(loop_watch(loop, high, 0, count_fd, &calls), 0);
    loop_forget(loop, high);
    close(high);
    for (int turn = 0; turn < 10; turn++)
        run_for(0);
    ck_assert_uint_le(memory_in_use(), before + 4096);
    end();
}
END_TEST

/* Two that are ready in one turn; whichever comes first ends the other. */
static int both[2];

static void end_the_other(void *arg, unsigned ready)
{
    const int *mine = arg;

    (void)ready;
    calls++;
    loop_forget(loop, mine == &both[0] ? both[1] : both[0]);
    loop_stop(loop);
}

START_TEST(who_is_forgotten_in_a_turn_is_not_called_later_in_it)
{
    begin(_i);
    for (int i = 0; i < 2; i++) {
        both[i] = ends[i];
        ck_assert_int_eq(
            loop_watch(loop, both[i], POLLER_OUT, end_the_other, &both[i]),
            0);
    }
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

static void quiet_the_other(void *arg, unsigned ready)
{
    const int *mine = arg;

    (void)ready;
    calls++;
    loop_want(loop, mine == &both[0] ? both[1] : both[0], POLLER_IN);
    loop_stop(loop);
}

START_TEST(who_is_watched_for_something_else_is_not_told_the_old)
{
    begin(_i);
    for (int i = 0; i < 2; i++) {
        both[i] = ends[i];
        ck_assert_int_eq(
            loop_watch(loop, both[i], POLLER_OUT, quiet_the_other, &both[i]),
            0);
    }
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

static int reused;

static void close_and_open(void *arg, unsigned ready)
{
    int fd = *(int *)arg;

    (void)ready;
    loop_close(loop, fd);
    reused = dup(STDIN_FILENO);
    ck_assert_int_ne(reused, fd);
    loop_stop(loop);
}

START_TEST(a_closed_number_is_not_used_again_within_the_turn)
{
    int fd;

    begin(_i);
    fd = dup(ends[0]);
    ck_assert_int_eq(loop_watch(loop, fd, POLLER_OUT, close_and_open, &fd), 0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1); /* but it is closed after it */
    ck_assert_int_eq(errno, EBADF);
    close(reused);
    end();
}
END_TEST

START_TEST(a_number_that_comes_back_later_is_a_new_watch)
{
    int fd, again;

    begin(_i);
    fd = dup(ends[0]);
    ck_assert_int_eq(loop_watch(loop, fd, POLLER_OUT, close_and_open, &fd), 0);
    ck_assert_int_eq(loop_run(loop), 0);
    close(reused);
    again = dup2(ends[0], fd);
    ck_assert_int_eq(again, fd);
    ck_assert_int_eq(
        loop_watch(loop, again, POLLER_OUT, count_and_stop, NULL), 0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(calls, 1);
    loop_close(loop, again);
    end();
}
END_TEST

START_TEST(what_was_never_watched_can_be_closed_too)
{
    int fd;

    begin(_i);
    fd = dup(ends[0]);
    loop_close(loop, fd);
    run_for(0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    loop_close(loop, -1); /* and what is none does no harm */
    end();
}
END_TEST

static void close_what_it_is_given(void *arg, unsigned ready)
{
    (void)ready;
    loop_close(loop, *(int *)arg);
    loop_close(loop, -1);
    loop_stop(loop);
}

START_TEST(what_the_poller_cannot_hold_is_closed_within_a_turn_too)
{
    struct poller_ops narrow = poller_poll;
    int high;

    begin(0);
    loop_free(loop);
    narrow.limit = 100;
    loop = loop_new(&narrow);
    high = fcntl(ends[0], F_DUPFD, 100);
    ck_assert_int_ge(high, 100);
    ck_assert_int_eq(loop_watch(loop, ends[0], POLLER_OUT,
                                close_what_it_is_given, &high),
                     0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(fcntl(high, F_GETFD), -1);
    end();
}
END_TEST

START_TEST(between_turns_a_descriptor_is_closed_at_once)
{
    int fd;

    begin(_i);
    for (int i = 0; i < 2; i++) { /* also after one that had events */
        fd = dup(ends[0]);
        ck_assert_int_eq(loop_watch(loop, fd, POLLER_OUT, count_fd, &calls),
                         0);
        run_for(i);
        loop_close(loop, fd);
        ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    }
    end();
    loop_free(NULL);
}
END_TEST

/* ---- signals ---- */

static int order;
static int signal_at, timer_at, fd_at;

static void note(void *arg)
{
    *(int *)arg = ++order;
}

static void note_fd(void *arg, unsigned ready)
{
    (void)ready;
    *(int *)arg = ++order;
    loop_stop(loop);
}

START_TEST(a_signal_that_came_often_is_told_once)
{
    begin(_i);
    ck_assert_int_eq(loop_signal(loop, SIGUSR1, count, &calls), 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    run_for(10);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

START_TEST(a_signal_from_before_the_wait_ends_it_at_once)
{
    int64_t before;

    begin(_i);
    ck_assert_int_eq(loop_signal(loop, SIGUSR1, stop, loop), 0);
    raise(SIGUSR1);
    before = unit_now_ms();
    run_for(60000);
    ck_assert_int_lt(unit_now_ms() - before, 30000);
    loop_timer_clear(loop, &stopper);
    end();
}
END_TEST

static void raise_again(void *arg)
{
    if (++*(int *)arg < 1000)
        raise(SIGUSR1);
    else
        loop_stop(loop);
}

START_TEST(a_signal_that_comes_while_one_is_handled_is_not_lost)
{
    begin(_i);
    ck_assert_int_eq(loop_signal(loop, SIGUSR1, raise_again, &calls), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(calls, 1000);
    end();
}
END_TEST

static void raise_in_turn(void *arg, unsigned ready)
{
    (void)arg;
    (void)ready;
    raise(SIGUSR1);
    ck_assert_int_eq(calls, 0); /* it waits for the wait */
    loop_forget(loop, ends[0]);
}

START_TEST(a_signal_never_interrupts_a_turn)
{
    begin(_i);
    ck_assert_int_eq(loop_signal(loop, SIGUSR1, count, &calls), 0);
    ck_assert_int_eq(
        loop_watch(loop, ends[0], POLLER_OUT, raise_in_turn, NULL), 0);
    run_for(20);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

START_TEST(a_turn_is_descriptors_then_signals_then_timers)
{
    begin(_i);
    ck_assert_int_eq(loop_signal(loop, SIGUSR1, note, &signal_at), 0);
    ck_assert_int_eq(
        loop_watch(loop, ends[0], POLLER_OUT, note_fd, &fd_at), 0);
    loop_timer_set(loop, &one, loop_now(loop) + 1, note, &timer_at);
    raise(SIGUSR1);
    while (unit_now_ms() <= one.at_ms)
        ; /* all three are due */
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(fd_at, 1);
    ck_assert_int_eq(signal_at, 2);
    ck_assert_int_eq(timer_at, 3);
    end();
}
END_TEST

START_TEST(a_signal_is_told_though_descriptors_are_always_ready)
{
    int busy = 0;

    begin(_i);
    ck_assert_int_eq(loop_signal(loop, SIGUSR1, count, &calls), 0);
    ck_assert_int_eq(
        loop_watch(loop, ends[0], POLLER_OUT, count_fd, &busy), 0);
    raise(SIGUSR1);
    run_for(20);
    ck_assert_int_gt(busy, 0);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

START_TEST(an_ignored_signal_does_nothing)
{
    begin(_i);
    ck_assert_int_eq(loop_signal(loop, SIGPIPE, NULL, NULL), 0);
    raise(SIGPIPE);
    run_for(1);
    end();
}
END_TEST

START_TEST(a_signal_that_was_blocked_before_the_loop_stays_blocked_in_it)
{
    sigset_t blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    begin(_i);
    raise(SIGUSR2); /* would end the process */
    run_for(20);
    end();
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    ck_assert(sigismember(&blocked, SIGUSR2));
}
END_TEST

START_TEST(a_signal_that_cannot_be_caught_is_an_error)
{
    begin(_i);
    ck_assert_int_eq(loop_signal(loop, 0, count, &calls), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(loop_signal(loop, 65, count, &calls), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(loop_signal(loop, SIGKILL, count, &calls), -1);
    ck_assert_int_eq(errno, EINVAL);
    end();
}
END_TEST

static void former(int signo)
{
    (void)signo;
    calls += 100;
}

START_TEST(freeing_the_loop_gives_back_handlers_and_mask)
{
    struct sigaction action = { .sa_handler = former }, after;
    sigset_t mask;

    begin(_i);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(loop_signal(loop, SIGUSR1, count, &calls), 0);
    ck_assert_int_eq(loop_signal(loop, SIGUSR1, stop, loop), 0);
    ck_assert_int_eq(loop_signal(loop, SIGUSR2, NULL, NULL), 0);
    ck_assert(!sigismember(loop_mask(loop), SIGUSR1));
    end();
    sigprocmask(SIG_SETMASK, NULL, &mask);
    ck_assert(!sigismember(&mask, SIGUSR1));
    ck_assert(!sigismember(&mask, SIGUSR2));
    raise(SIGUSR1);
    ck_assert_int_eq(calls, 100);
    ck_assert_int_eq(sigaction(SIGUSR2, NULL, &after), 0);
    ck_assert(after.sa_handler == SIG_DFL);
}
END_TEST

START_TEST(a_signal_that_came_after_the_last_turn_ends_with_the_loop)
{
    begin(_i);
    ck_assert_int_eq(loop_signal(loop, SIGTERM, count, &calls), 0);
    raise(SIGTERM);
    end(); /* or it would kill the process that is about to end well */
    ck_assert_int_eq(calls, 0);
}
END_TEST

/* ---- timers ---- */

START_TEST(a_timer_runs_once_and_not_before_its_time)
{
    int64_t at;

    begin(_i);
    at = loop_now(loop) + 30;
    loop_timer_set(loop, &one, at, stop, loop);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_ge(loop_now(loop), at);
    ck_assert(!one.set);
    loop_timer_set(loop, &one, loop_now(loop) + 5, count, &calls);
    run_for(30);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

START_TEST(a_timer_that_is_set_anew_runs_at_the_new_time_only)
{
    begin(_i);
    loop_timer_set(loop, &one, loop_now(loop) + 1, count, &calls);
    loop_timer_set(loop, &one, loop_now(loop) + 10000, count, &calls);
    run_for(30);
    ck_assert_int_eq(calls, 0);
    loop_timer_set(loop, &one, loop_now(loop), count, &calls);
    run_for(1);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

START_TEST(a_cleared_timer_does_not_run_and_clearing_twice_is_fine)
{
    begin(_i);
    loop_timer_set(loop, &one, loop_now(loop) + 1, count, &calls);
    loop_timer_set(loop, &two, loop_now(loop) + 1, count, &calls);
    loop_timer_clear(loop, &one);
    loop_timer_clear(loop, &one);
    run_for(20);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

static void clear_the_other(void *arg)
{
    loop_timer_clear(loop, arg);
    calls++;
}

START_TEST(a_timer_may_clear_another_that_is_due_as_well)
{
    begin(_i);
    loop_timer_set(loop, &one, loop_now(loop), clear_the_other, &two);
    loop_timer_set(loop, &two, loop_now(loop), clear_the_other, &one);
    run_for(20);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

static void set_the_other(void *arg)
{
    loop_timer_set(loop, arg, loop_now(loop), count, &calls);
}

START_TEST(a_timer_may_set_another)
{
    begin(_i);
    loop_timer_set(loop, &one, loop_now(loop), set_the_other, &two);
    run_for(20);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

static int64_t set_at;

static void set_one_for_now(void *arg, unsigned ready)
{
    (void)arg;
    (void)ready;
    set_at = (int64_t)loop_turns(loop);
    loop_timer_set(loop, &one, loop_now(loop), stop, loop);
    loop_forget(loop, ends[0]);
}

START_TEST(a_timer_for_now_runs_in_the_turn_that_sets_it)
{
    begin(_i);
    ck_assert_int_eq(
        loop_watch(loop, ends[0], POLLER_OUT, set_one_for_now, NULL), 0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq((int64_t)loop_turns(loop), set_at);
    end();
}
END_TEST

static uint64_t last_turn;

static void set_itself_for_the_past(void *arg)
{
    ck_assert_uint_ne(loop_turns(loop), last_turn);
    last_turn = loop_turns(loop);
    calls++;
    loop_timer_set(loop, arg, loop_now(loop) - 1000, set_itself_for_the_past,
                   arg);
}

START_TEST(a_timer_that_sets_itself_for_the_past_holds_nobody_up)
{
    begin(_i);
    loop_timer_set(loop, &one, loop_now(loop), set_itself_for_the_past, &one);
    run_for(5);
    ck_assert_int_gt(calls, 0);
    end();
}
END_TEST

START_TEST(timers_far_away_do_not_spin)
{
    begin(_i);
    loop_timer_set(loop, &one, loop_now(loop) + INT64_MAX / 4, count, &calls);
    loop_timer_set(loop, &two, loop_now(loop) + INT32_MAX + INT64_C(9), count,
                   &calls);
    run_for(30);
    ck_assert_int_eq(calls, 0);
    ck_assert_uint_le(loop_turns(loop), 3);
    end();
}
END_TEST

/* ---- the turn ---- */

START_TEST(one_function_is_called_before_each_wait)
{
    begin(_i);
    loop_each_turn(loop, count, &calls);
    run_for(5);
    ck_assert_int_eq(calls, (int)loop_turns(loop));
    loop_each_turn(loop, NULL, NULL);
    calls = 0;
    run_for(5);
    ck_assert_int_eq(calls, 0);
    end();
}
END_TEST

START_TEST(the_time_is_that_of_the_monotonic_clock)
{
    begin(_i);
    for (int i = 0; i < 50; i++) {
        int64_t before = unit_now_ms();

        run_for(0);
        ck_assert_int_ge(loop_now(loop), before);
        ck_assert_int_le(loop_now(loop), unit_now_ms());
    }
    end();
}
END_TEST

static void see_the_same_time(void *arg)
{
    int64_t then = loop_now(loop);

    (void)arg;
    while (unit_now_ms() <= then + 2)
        ;
    ck_assert_int_eq(loop_now(loop), then);
}

START_TEST(all_that_happens_in_a_turn_happens_at_the_same_time)
{
    begin(_i);
    loop_timer_set(loop, &one, loop_now(loop), see_the_same_time, NULL);
    run_for(10);
    end();
}
END_TEST

START_TEST(a_loop_that_was_stopped_can_run_again)
{
    begin(_i);
    ck_assert_int_eq(
        loop_watch(loop, ends[0], POLLER_OUT, count_and_stop, NULL), 0);
    for (int i = 1; i < 4; i++) {
        ck_assert_int_eq(loop_run(loop), 0);
        ck_assert_int_eq(calls, i);
    }
    end();
}
END_TEST

/* ---- a poller that fails ---- */

static int wait_error;
static int waits;

/* Fails a few times as the kernel may, then in a way that nothing mends. */
static int failing_wait(struct poller *p, struct poller_event *events, int max,
                        int timeout_ms, const sigset_t *mask)
{
    (void)p;
    (void)events;
    (void)max;
    (void)timeout_ms;
    (void)mask;
    errno = ++waits < 4 ? wait_error : EBADF;
    return -1;
}

/* Where it is the kernel that is short of something, not at once. */
START_TEST(a_wait_that_failed_for_now_is_tried_again_and_a_hopeless_one_not)
{
    static const int passing[] = { EINTR, EAGAIN, ENOMEM };
    struct poller_ops failing = poller_poll;
    int64_t before = unit_now_ms();

    failing.wait = failing_wait;
    wait_error = passing[_i];
    loop = loop_new(&failing);
    ck_assert_ptr_nonnull(loop);
    ck_assert_int_eq(loop_run(loop), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(waits, 4);
    if (wait_error != EINTR)
        ck_assert_int_ge(unit_now_ms() - before, 25);
    loop_free(loop);
}
END_TEST

static int refuse_want(struct poller *p, int fd, unsigned had, unsigned want)
{
    if (want != 0) {
        errno = ENOMEM;
        return -1;
    }
    return poller_poll.want(p, fd, had, want);
}

static struct poller *refuse_open(void)
{
    errno = EMFILE;
    return NULL;
}

START_TEST(what_the_poller_refuses_changes_nothing)
{
    struct poller_ops refusing = poller_poll;

    begin(0);
    loop_free(loop);
    refusing.want = refuse_want;
    loop = loop_new(&refusing);
    ck_assert_int_eq(loop_watch(loop, ends[0], POLLER_IN, count_fd, &calls),
                     -1);
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_int_eq(loop_want(loop, ends[0], 0), -1); /* it is not watched */
    ck_assert_int_eq(loop_watch(loop, ends[0], 0, count_fd, &calls), 0);
    ck_assert_int_eq(loop_want(loop, ends[0], POLLER_IN), -1);
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_int_eq(loop_want(loop, ends[0], 0), 0); /* as it was */
    end();
    refusing.open = refuse_open;
    ck_assert_ptr_null(loop_new(&refusing));
    ck_assert_int_eq(errno, EMFILE);
}
END_TEST

#define EACH(test) tcase_add_loop_test(loop_case, test, 0, UNIT_LENGTH(all))

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *loop_case = tcase_create("loop");

    suite_add_tcase(suite, loop_case);
    tcase_set_timeout(loop_case, 30);
    EACH(a_descriptor_that_is_ready_is_told_with_what_for);
    EACH(a_descriptor_that_is_known_but_not_watched_is_not_told);
    EACH(of_two_that_are_wanted_only_what_is_ready_is_told);
    EACH(descriptor_0_is_watched_like_any_other);
    EACH(who_was_ready_in_one_turn_is_not_called_for_it_in_the_next);
    EACH(wanting_from_a_descriptor_that_is_not_watched_is_an_error);
    EACH(the_number_above_the_highest_is_not_watched);
    EACH(a_number_that_the_poller_cannot_hold_is_refused);
    tcase_add_test(
        loop_case,
        the_memory_for_a_high_descriptor_goes_back_when_it_has_gone);
    EACH(who_is_forgotten_in_a_turn_is_not_called_later_in_it);
    EACH(who_is_watched_for_something_else_is_not_told_the_old);
    EACH(a_closed_number_is_not_used_again_within_the_turn);
    EACH(a_number_that_comes_back_later_is_a_new_watch);
    EACH(what_was_never_watched_can_be_closed_too);
    tcase_add_test(loop_case,
                   what_the_poller_cannot_hold_is_closed_within_a_turn_too);
    EACH(between_turns_a_descriptor_is_closed_at_once);
    EACH(a_signal_that_came_often_is_told_once);
    EACH(a_signal_from_before_the_wait_ends_it_at_once);
    EACH(a_signal_that_comes_while_one_is_handled_is_not_lost);
    EACH(a_signal_never_interrupts_a_turn);
    EACH(a_turn_is_descriptors_then_signals_then_timers);
    EACH(a_signal_is_told_though_descriptors_are_always_ready);
    EACH(an_ignored_signal_does_nothing);
    EACH(a_signal_that_was_blocked_before_the_loop_stays_blocked_in_it);
    EACH(a_signal_that_cannot_be_caught_is_an_error);
    EACH(freeing_the_loop_gives_back_handlers_and_mask);
    EACH(a_signal_that_came_after_the_last_turn_ends_with_the_loop);
    EACH(a_timer_runs_once_and_not_before_its_time);
    EACH(a_timer_that_is_set_anew_runs_at_the_new_time_only);
    EACH(a_cleared_timer_does_not_run_and_clearing_twice_is_fine);
    EACH(a_timer_may_clear_another_that_is_due_as_well);
    EACH(a_timer_may_set_another);
    EACH(a_timer_for_now_runs_in_the_turn_that_sets_it);
    EACH(a_timer_that_sets_itself_for_the_past_holds_nobody_up);
    EACH(timers_far_away_do_not_spin);
    EACH(one_function_is_called_before_each_wait);
    EACH(the_time_is_that_of_the_monotonic_clock);
    EACH(all_that_happens_in_a_turn_happens_at_the_same_time);
    EACH(a_loop_that_was_stopped_can_run_again);
    tcase_add_loop_test(
        loop_case,
        a_wait_that_failed_for_now_is_tried_again_and_a_hopeless_one_not, 0,
        3);
    tcase_add_test(loop_case, what_the_poller_refuses_changes_nothing);
    return unit_run(suite);
}
