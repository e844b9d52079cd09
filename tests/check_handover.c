/* One poller takes over from another: loop_use(), loop_follow(), the policy. */
#include <config.h>

#include "loop.h"
#include "poller_policy.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#define PAIRS 300

struct pair {
    int ours, theirs;
    int got;
};

static struct loop *loop;
static struct pair pairs[PAIRS];
static int rest;                          /* bytes that are still to come */
static const struct poller_ops *next_ops; /* to use at the next byte */

/* poller_poll and a stand-in for "another", which count their waits. */
static int few_waits, many_waits;
static struct poller_ops few_ops, many_ops;
static const struct poller_policy policy = {"test", &few_ops, &many_ops, 20,
                                            10};

static int few_wait(struct poller *p, struct poller_event *events, int max,
                    int timeout_ms, const sigset_t *mask)
{
    few_waits++;
    return poller_poll.wait(p, events, max, timeout_ms, mask);
}

static int many_wait(struct poller *p, struct poller_event *events, int max,
                     int timeout_ms, const sigset_t *mask)
{
    many_waits++;
    return poller_select.wait(p, events, max, timeout_ms, mask);
}

static struct poller *open_nothing(void)
{
    errno = ENFILE;
    return NULL;
}

/* How often another was asked for in vain. */
static int refusals;

static struct poller *refuse(void)
{
    refusals++;
    return open_nothing();
}

static int openings;

static struct poller *count_opening(void)
{
    openings++;
    return poller_poll.open();
}

static void setup(void)
{
    few_ops = poller_poll;
    few_ops.wait = few_wait;
    many_ops = poller_select;
    many_ops.wait = many_wait;
    loop = loop_new(&few_ops);
    ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
    loop_free(loop);
    loop = NULL; /* or what was not freed would not be lost */
}

static void on_byte(void *arg, unsigned ready)
{
    struct pair *pair = arg;
    char byte;

    ck_assert_uint_eq(ready, POLLER_IN);
    ck_assert_int_eq(read(pair->ours, &byte, 1), 1);
    pair->got++;
    if (next_ops != NULL)
        ck_assert_int_eq(loop_use(loop, next_ops), 0);
    if (--rest == 0)
        loop_stop(loop);
}

static void open_pairs(int count)
{
    for (int i = 0; i < count; i++) {
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        pairs[i] = (struct pair){.ours = fds[0], .theirs = fds[1]};
        ck_assert_int_eq(
            loop_watch(loop, fds[0], POLLER_IN, on_byte, &pairs[i]), 0);
    }
}

static void close_pairs(int from, int to)
{
    for (int i = from; i < to; i++) {
        loop_close(loop, pairs[i].ours);
        close(pairs[i].theirs);
    }
}

/* A byte through each, and who did not get exactly one more fails. */
static void send_round(int count)
{
    int before = pairs[0].got;

    for (int i = 0; i < count; i++)
        ck_assert_int_eq(write(pairs[i].theirs, "x", 1), 1);
    rest = count;
    ck_assert_int_eq(loop_run(loop), 0);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pairs[i].got, before + 1);
}

/* What is due at the end of a turn has happened after it. */
static void one_turn(void)
{
    pairs[0].got--;
    ck_assert_int_eq(write(pairs[0].theirs, "x", 1), 1);
    rest = 1;
    ck_assert_int_eq(loop_run(loop), 0);
}

static const struct poller_ops *const all[] = {&poller_poll, &poller_select,
                                               &poller_epoll};
#define POLLERS ((int)(sizeof all / sizeof *all))

START_TEST(a_handover_between_events_of_a_turn_loses_none)
{
    open_pairs(PAIRS);
    ck_assert_int_eq(loop_use(loop, all[_i / POLLERS]), 0);
    send_round(PAIRS);
    next_ops = all[_i % POLLERS];
    send_round(PAIRS);
    next_ops = NULL;
    send_round(PAIRS);
    close_pairs(0, PAIRS);
}
END_TEST

START_TEST(what_nothing_is_wanted_of_stays_silent_after_a_handover)
{
    open_pairs(2);
    ck_assert_int_eq(loop_want(loop, pairs[1].ours, 0), 0);
    close(pairs[1].theirs);
    ck_assert_int_eq(loop_use(loop, all[_i]), 0);
    send_round(1);
    ck_assert_int_eq(pairs[1].got, 0);
    loop_close(loop, pairs[1].ours);
    close_pairs(0, 1);
}
END_TEST

static void on_room(void *arg, unsigned ready)
{
    ck_assert_uint_eq(ready, POLLER_OUT);
    ++*(int *)arg;
    loop_stop(loop);
}

START_TEST(each_is_watched_for_what_is_wanted_of_it_after_a_handover)
{
    int told = 0;

    open_pairs(1);
    ck_assert_int_eq(write(pairs[0].theirs, "xx", 2), 2); /* left unread */
    loop_forget(loop, pairs[0].ours);
    ck_assert_int_eq(
        loop_watch(loop, pairs[0].ours, POLLER_OUT, on_room, &told), 0);
    ck_assert_int_eq(loop_use(loop, all[_i]), 0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(told, 1);
    close_pairs(0, 1);
}
END_TEST

START_TEST(a_handover_that_works_or_fails_leaves_no_descriptor_behind)
{
    int before = unit_descriptors(), file;

    ck_assert_int_eq(loop_use(loop, &poller_epoll), 0);
    ck_assert_int_eq(loop_use(loop, &poller_poll), 0);
    ck_assert_int_eq(unit_descriptors(), before);

    /* A regular file, which epoll refuses, is known to poll. */
    file = open("/proc/self/exe", O_RDONLY);
    ck_assert_int_ne(file, -1);
    ck_assert_int_eq(loop_watch(loop, file, POLLER_IN, on_room, NULL), 0);
    before = unit_descriptors();
    ck_assert_int_eq(loop_use(loop, &poller_epoll), -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(unit_descriptors(), before);
    loop_close(loop, file);
}
END_TEST

START_TEST(a_poller_that_does_not_open_leaves_the_old_one_at_work)
{
    many_ops.open = open_nothing;
    open_pairs(30);
    ck_assert_int_eq(loop_use(loop, &many_ops), -1);
    ck_assert_int_eq(errno, ENFILE);
    send_round(30);
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    send_round(30);
    ck_assert_int_eq(many_waits, 0);
    close_pairs(0, 30);
}
END_TEST

static void stop(void *arg)
{
    loop_stop(arg);
}

static void run_for(int64_t ms)
{
    static struct loop_timer timer;

    loop_timer_set(loop, &timer, loop_now(loop) + ms, stop, loop);
    ck_assert_int_eq(loop_run(loop), 0);
}

START_TEST(a_poller_that_cannot_be_had_is_asked_for_again_a_second_later)
{
    many_ops.open = refuse;
    open_pairs(30);
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    for (int i = 0; i < 20; i++)
        send_round(30);
    ck_assert_int_eq(refusals, 1);
    run_for(1100);
    send_round(30);
    ck_assert_int_eq(refusals, 2);
    many_ops.open = poller_select.open;
    ck_assert_int_eq(loop_follow(loop, &policy), 0); /* or asked to anew */
    few_waits = 0;
    send_round(30);
    ck_assert_int_eq(few_waits, 0);
    close_pairs(0, 30);
}
END_TEST

START_TEST(a_poller_that_suits_is_not_opened_again)
{
    few_ops.open = count_opening;
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    open_pairs(5);
    for (int i = 0; i < 5; i++)
        send_round(5);
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    ck_assert_int_eq(openings, 0);
    close_pairs(0, 5);
}
END_TEST

START_TEST(a_policy_of_which_nothing_can_be_had_leaves_the_former_in_force)
{
    static struct poller_ops none;
    static const struct poller_policy hopeless = {"none", &none, &none, 0, 0};

    none = poller_poll;
    none.open = open_nothing;
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    ck_assert_int_eq(loop_follow(loop, &hopeless), -1);
    ck_assert_int_eq(errno, ENFILE);
    open_pairs(30);
    send_round(30);
    run_for(1100);
    many_waits = 0;
    send_round(30);
    ck_assert_int_gt(many_waits, 0);
    close_pairs(0, 30);
}
END_TEST

/* The highest is the last of the table, or the first after it. */
START_TEST(a_handover_takes_every_descriptor_with_it)
{
    static const int tops[] = {63, 64, 127, 128};
    int top = tops[_i];
    struct pair beside;

    open_pairs(1);
    beside = pairs[0];
    beside.ours = dup2(pairs[0].ours, top - 1);
    loop_close(loop, pairs[0].ours);
    pairs[0].ours = dup2(beside.ours, top);
    ck_assert_int_eq(pairs[0].ours, top);
    ck_assert_int_eq(
        loop_watch(loop, beside.ours, 0, on_byte, &beside), 0);
    ck_assert_int_eq(loop_watch(loop, top, POLLER_IN, on_byte, &pairs[0]), 0);
    for (int i = 0; i < POLLERS; i++) {
        ck_assert_int_eq(loop_use(loop, all[i]), 0);
        send_round(1);
    }
    loop_close(loop, beside.ours);
    close_pairs(0, 1);
}
END_TEST

START_TEST(a_poller_too_small_for_a_descriptor_is_refused)
{
    struct rlimit descriptors;
    int high;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
    descriptors.rlim_cur = descriptors.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
    open_pairs(1);
    high = dup2(pairs[0].ours, poller_select.limit);
    ck_assert_int_eq(high, poller_select.limit);
    ck_assert_int_eq(loop_watch(loop, high, POLLER_IN, on_byte, &pairs[0]), 0);
    ck_assert_int_eq(loop_use(loop, &many_ops), -1);
    ck_assert_int_eq(errno, EBADF);
    loop_close(loop, high);
    send_round(1);
    close_pairs(0, 1);
}
END_TEST

START_TEST(a_loop_that_follows_goes_over_and_back_as_descriptors_come_and_go)
{
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    open_pairs(19);
    send_round(19);
    one_turn();
    ck_assert_int_eq(many_waits, 0);

    close_pairs(0, 19);
    open_pairs(20);
    send_round(20);
    few_waits = 0;
    one_turn();
    ck_assert_int_eq(few_waits, 0);
    ck_assert_int_gt(many_waits, 0);

    close_pairs(10, 20); /* ten are left: not yet fewer than ten */
    one_turn();
    one_turn();
    ck_assert_int_eq(few_waits, 0);

    close_pairs(9, 10);
    one_turn();
    many_waits = 0;
    one_turn();
    ck_assert_int_eq(many_waits, 0);
    ck_assert_int_gt(few_waits, 0);
    close_pairs(0, 9);
}
END_TEST

START_TEST(a_policy_begins_at_once_with_what_suits)
{
    open_pairs(30);
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    few_waits = 0;
    send_round(30);
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    send_round(30);
    ck_assert_int_eq(few_waits, 0);
    close_pairs(0, 30);
}
END_TEST

START_TEST(who_is_watched_for_nothing_does_not_make_them_many)
{
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    open_pairs(40);
    for (int i = 1; i < 40; i++) {
        loop_forget(loop, pairs[i].ours);
        ck_assert_int_eq(
            loop_watch(loop, pairs[i].ours, 0, on_byte, &pairs[i]), 0);
    }
    one_turn();
    one_turn();
    ck_assert_int_eq(many_waits, 0);
    close_pairs(0, 40);
}
END_TEST

START_TEST(where_many_cannot_be_had_the_policys_few_takes_over)
{
    many_ops.open = open_nothing;
    open_pairs(30);
    ck_assert_int_eq(loop_use(loop, &poller_epoll), 0);
    ck_assert_int_eq(loop_follow(loop, &policy), 0);
    one_turn();
    ck_assert_int_gt(few_waits, 0);
    close_pairs(0, 30);
}
END_TEST

START_TEST(of_the_policies_only_auto_depends_on_the_number)
{
    size_t count;
    const struct poller_policy *p = poller_policies(&count);

    ck_assert_str_eq(p[0].name, "auto");
    ck_assert_ptr_eq(poller_policy_next(&p[0], &poller_poll, 0), &poller_poll);
    ck_assert_ptr_eq(poller_policy_next(&p[0], &poller_poll, 100000),
                     &poller_epoll);
    ck_assert_int_lt(p[0].down, p[0].up);
    for (size_t i = 1; i < count; i++)
        for (int n = 0; n < 100000; n += 999) {
            const struct poller_ops *next =
                poller_policy_next(&p[i], &poller_poll, n);

            ck_assert_str_eq(next->name, p[i].name);
        }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("handover");
    TCase *tc = tcase_create("handover");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_handover_between_events_of_a_turn_loses_none, 0,
                        POLLERS * POLLERS);
    tcase_add_loop_test(tc,
                        what_nothing_is_wanted_of_stays_silent_after_a_handover,
                        0, POLLERS);
    tcase_add_loop_test(
        tc, each_is_watched_for_what_is_wanted_of_it_after_a_handover, 0,
        POLLERS);
    tcase_add_test(tc,
                   a_handover_that_works_or_fails_leaves_no_descriptor_behind);
    tcase_add_test(tc, a_poller_that_does_not_open_leaves_the_old_one_at_work);
    tcase_add_test(
        tc, a_poller_that_cannot_be_had_is_asked_for_again_a_second_later);
    tcase_add_test(tc, a_poller_that_suits_is_not_opened_again);
    tcase_add_test(
        tc, a_policy_of_which_nothing_can_be_had_leaves_the_former_in_force);
    tcase_add_loop_test(tc, a_handover_takes_every_descriptor_with_it, 0, 4);
    tcase_add_test(tc, a_poller_too_small_for_a_descriptor_is_refused);
    tcase_add_test(
        tc, a_loop_that_follows_goes_over_and_back_as_descriptors_come_and_go);
    tcase_add_test(tc, a_policy_begins_at_once_with_what_suits);
    tcase_add_test(tc, who_is_watched_for_nothing_does_not_make_them_many);
    tcase_add_test(tc, where_many_cannot_be_had_the_policys_few_takes_over);
    tcase_add_test(tc, of_the_policies_only_auto_depends_on_the_number);
    suite_add_tcase(s, tc);
    return unit_run(s);
}
