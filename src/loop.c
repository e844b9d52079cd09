#include <config.h>

#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The greed of a turn: who is ready beyond this comes first in the next. */
#define EVENTS_A_TURN 1024

#define SIGNALS 65

/* The table is indexed by descriptor.  fn NULL: not watched. */
struct watch {
    loop_fd_fn *fn;
    void *arg;
    unsigned want;
    int next_dead; /* the list of those to close, ends in -1 */
};

struct hook {
    loop_fn *fn;
    void *arg;
    struct sigaction former;
    bool taken;
};

struct loop {
    const struct poller_ops *ops;
    struct poller *poller;
    struct watch *watches;
    int room;
    int dead; /* first of those to close after the dispatch, or -1 */
    bool dispatching;
    struct loop_timer *timers; /* a handful, so a list without order */
    struct hook hooks[SIGNALS];
    loop_fn *each_turn;
    void *each_turn_arg;
    sigset_t former_mask; /* holds while waiting, less what loop_signal took */
    sigset_t wait_mask;
    int64_t now_ms;
    uint64_t turns;
    bool stopping;
};

/* All that a handler may touch; one loop a process. */
static volatile sig_atomic_t came[SIGNALS];
static volatile sig_atomic_t any_came;

static void on_signal(int signo)
{
    came[signo] = 1;
    any_came = 1;
}

static void read_clock(struct loop *loop)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    loop->now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct loop *loop_new(const struct poller_ops *ops)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return NULL;
    loop->ops = ops;
    loop->dead = -1;
    loop->poller = ops->open();
    if (loop->poller == NULL) {
        free(loop);
        return NULL;
    }
    sigprocmask(SIG_SETMASK, NULL, &loop->former_mask);
    loop->wait_mask = loop->former_mask;
    read_clock(loop);
    return loop;
}

/* ---- descriptors ---- */

static struct watch *watch_of(struct loop *loop, int fd)
{
    if (fd < 0 || fd >= loop->room || loop->watches[fd].fn == NULL)
        return NULL;
    return &loop->watches[fd];
}

static int make_room(struct loop *loop, int fd)
{
    int room = loop->room == 0 ? 64 : loop->room;
    struct watch *watches;

    if (fd < 0 || fd >= loop->ops->limit) {
        errno = EBADF;
        return -1;
    }
    while (room <= fd)
        room *= 2;
    if (room == loop->room)
        return 0;
    watches = realloc(loop->watches, (size_t)room * sizeof *watches);
    if (watches == NULL)
        return -1;
    memset(watches + loop->room, 0,
           (size_t)(room - loop->room) * sizeof *watches);
    loop->watches = watches;
    loop->room = room;
    return 0;
}

int loop_watch(struct loop *loop, int fd, unsigned want, loop_fd_fn *fn,
               void *arg)
{
    if (make_room(loop, fd) == -1 ||
        loop->ops->want(loop->poller, fd, 0, want) == -1)
        return -1;
    loop->watches[fd] =
        (struct watch){ .fn = fn, .arg = arg, .want = want, .next_dead = -1 };
    return 0;
}

int loop_want(struct loop *loop, int fd, unsigned want)
{
    struct watch *w = watch_of(loop, fd);

    if (w == NULL) {
        errno = EBADF;
        return -1;
    }
    if (w->want == want)
        return 0;
    if (loop->ops->want(loop->poller, fd, w->want, want) == -1)
        return -1;
    w->want = want;
    return 0;
}

void loop_forget(struct loop *loop, int fd)
{
    if (watch_of(loop, fd) == NULL)
        return;
    loop_want(loop, fd, 0);
    loop->watches[fd].fn = NULL;
}

void loop_close(struct loop *loop, int fd)
{
    loop_forget(loop, fd);
    /* No event is under way, or none for one that never was watched. */
    if (!loop->dispatching || make_room(loop, fd) == -1) {
        close(fd);
        return;
    }
    loop->watches[fd].next_dead = loop->dead;
    loop->dead = fd;
}

static void close_dead(struct loop *loop)
{
    while (loop->dead != -1) {
        int fd = loop->dead;

        loop->dead = loop->watches[fd].next_dead;
        close(fd);
    }
}

static void dispatch(struct loop *loop, const struct poller_event *events,
                     int count)
{
    loop->dispatching = true;
    for (int i = 0; i < count; i++) {
        /* An earlier call of this turn may have ended or changed the watch. */
        struct watch *w = watch_of(loop, events[i].fd);

        if (w != NULL && (w->want & events[i].ready) != 0)
            w->fn(w->arg, w->want & events[i].ready);
    }
    loop->dispatching = false;
    close_dead(loop);
}

/* ---- signals ---- */

int loop_signal(struct loop *loop, int signo, loop_fn *fn, void *arg)
{
    struct sigaction action = { .sa_handler = fn != NULL ? on_signal
                                                         : SIG_IGN };
    struct sigaction former;
    struct hook *hook;
    sigset_t set;

    if (signo < 1 || signo >= SIGNALS) {
        errno = EINVAL;
        return -1;
    }
    hook = &loop->hooks[signo];
    sigemptyset(&set);
    sigaddset(&set, signo);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 ||
        sigaction(signo, &action, &former) == -1)
        return -1;
    if (!hook->taken)
        hook->former = former;
    hook->taken = true;
    hook->fn = fn;
    hook->arg = arg;
    sigdelset(&loop->wait_mask, signo);
    return 0;
}

static void run_hooks(struct loop *loop)
{
    if (!any_came)
        return;
    any_came = 0;
    for (int s = 1; s < SIGNALS; s++)
        if (came[s]) {
            came[s] = 0;
            if (loop->hooks[s].fn != NULL)
                loop->hooks[s].fn(loop->hooks[s].arg);
        }
}

static void give_signals_back(struct loop *loop)
{
    for (int s = 1; s < SIGNALS; s++) {
        if (loop->hooks[s].taken)
            sigaction(s, &loop->hooks[s].former, NULL);
        came[s] = 0;
    }
    sigprocmask(SIG_SETMASK, &loop->former_mask, NULL);
}

/* ---- timers ---- */

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
    struct loop_timer **at = &loop->timers;

    if (!timer->set)
        return;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    timer->set = false;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer,
                    int64_t at_ms, loop_fn *fn, void *arg)
{
    timer->at_ms = at_ms;
    timer->fn = fn;
    timer->arg = arg;
    if (timer->set)
        return;
    timer->set = true;
    timer->next = loop->timers;
    loop->timers = timer;
}

static int wait_time(const struct loop *loop)
{
    int64_t first = INT64_MAX, left;

    for (const struct loop_timer *t = loop->timers; t != NULL; t = t->next)
        if (t->at_ms < first)
            first = t->at_ms;
    if (first == INT64_MAX)
        return -1;
    left = first - loop->now_ms;
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/*
 * A timer's call may set and clear timers, so the search starts anew after
 * each; one that is set again for now or earlier waits for the next turn.
 */
static void run_timers(struct loop *loop)
{
    struct loop_timer *due;

    do {
        due = NULL;
        for (struct loop_timer *t = loop->timers; t != NULL; t = t->next)
            if (t->at_ms <= loop->now_ms && t->ran != loop->turns)
                due = t;
        if (due != NULL) {
            due->ran = loop->turns;
            loop_timer_clear(loop, due);
            due->fn(due->arg);
        }
    } while (due != NULL);
}

/* ---- the turn ---- */

/* The kernel is short of memory for the wait: it may pass, but do not spin. */
static void rest(void)
{
    static const struct timespec time = { .tv_nsec = 10 * 1000000L };

    nanosleep(&time, NULL);
}

static int wait_for_events(struct loop *loop, struct poller_event *events)
{
    int count = loop->ops->wait(loop->poller, events, EVENTS_A_TURN,
                                wait_time(loop), &loop->wait_mask);

    if (count >= 0)
        return count;
    if (errno == EAGAIN || errno == ENOMEM)
        rest();
    else if (errno != EINTR)
        return -1;
    return 0;
}

static int turn(struct loop *loop)
{
    struct poller_event events[EVENTS_A_TURN];
    int count;

    if (loop->each_turn != NULL)
        loop->each_turn(loop->each_turn_arg);
    count = wait_for_events(loop, events);
    if (count == -1)
        return -1;
    loop->turns++;
    read_clock(loop);
    dispatch(loop, events, count);
    run_hooks(loop);
    run_timers(loop);
    return 0;
}

int loop_run(struct loop *loop)
{
    loop->stopping = false;
    while (!loop->stopping)
        if (turn(loop) == -1)
            return -1;
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    give_signals_back(loop);
    loop->ops->close(loop->poller);
    free(loop->watches);
    free(loop);
}

void loop_each_turn(struct loop *loop, loop_fn *fn, void *arg)
{
    loop->each_turn = fn;
    loop->each_turn_arg = arg;
}

int64_t loop_now(const struct loop *loop)
{
    return loop->now_ms;
}

const sigset_t *loop_mask(const struct loop *loop)
{
    return &loop->former_mask;
}

uint64_t loop_turns(const struct loop *loop)
{
    return loop->turns;
}
