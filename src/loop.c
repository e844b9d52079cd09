#include <config.h>

#include "loop.h"
#include "poller_policy.h"
#include "signals.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The greed of a turn: who is ready beyond this comes first in the next. */
#define EVENTS_A_TURN 1024

/* How long to go on with a poller that should be another one. */
#define UNSUITED_MS 1000

/* A busy loop looks for signals so often. */
#define SIGNALS_MS 10

/* The table of watches is never smaller. */
#define LEAST_ROOM 64


/* The table is indexed by descriptor.  fn NULL: not watched. */
struct watch {
    loop_fd_fn *fn;
    void *arg;
    unsigned want;
    int next_dead; /* the list of those to close, ends in -1 */
};

struct loop {
    const struct poller_ops *ops;
    struct poller *poller;
    const struct poller_policy *policy;
    int64_t unsuited_until_ms; /* policy's poller could not be had */
    struct watch *watches;
    int room;
    int top;     /* the highest descriptor that is known, plus one */
    int watched; /* those with a want */
    int dead; /* first of those to close after the dispatch, or -1 */
    bool dispatching;
    struct loop_timer *timers; /* a handful, so a list without order */
    struct signals signals;
    int64_t signals_ms; /* when to look for them, if busy until then */
    loop_fn *each_turn;
    void *each_turn_arg;
    int64_t now_ms;
    uint64_t turns;
    bool stopping;
};

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
    signals_begin(&loop->signals);
    read_clock(loop);
    return loop;
}

/* ---- descriptors ---- */

static struct watch *watch_of(struct loop *loop, int fd)
{
    if (fd < 0 || fd >= loop->top || loop->watches[fd].fn == NULL)
        return NULL;
    return &loop->watches[fd];
}

static int resize(struct loop *loop, int room)
{
    struct watch *watches =
        realloc(loop->watches, (size_t)room * sizeof *watches);

    if (watches == NULL)
        return -1;
    loop->watches = watches;
    loop->room = room;
    return 0;
}

/* A place for fd below top.  Those beyond were never written, so that they
 * take no memory yet. */
static int make_room(struct loop *loop, int fd)
{
    int room = loop->room == 0 ? LEAST_ROOM : loop->room;

    if (fd < 0 || fd >= loop->ops->limit) {
        errno = EBADF;
        return -1;
    }
    while (room <= fd)
        room *= 2;
    if (room != loop->room && resize(loop, room) == -1)
        return -1;
    while (loop->top <= fd)
        loop->watches[loop->top++] = (struct watch){ .fn = NULL };
    return 0;
}

/* Who is known has a place below top, and so has who is to be closed. */
static void shrink(struct loop *loop)
{
    while (loop->top > 0 && loop->watches[loop->top - 1].fn == NULL)
        loop->top--;
    if (loop->room > LEAST_ROOM && loop->top <= loop->room / 4)
        resize(loop, loop->room / 2); /* failing to is no loss */
}

static void count_watched(struct loop *loop, unsigned had, unsigned want)
{
    loop->watched += (want != 0) - (had != 0);
}

int loop_watch(struct loop *loop, int fd, unsigned want, loop_fd_fn *fn,
               void *arg)
{
    if (make_room(loop, fd) == -1 ||
        loop->ops->want(loop->poller, fd, 0, want) == -1)
        return -1;
    loop->watches[fd] =
        (struct watch){ .fn = fn, .arg = arg, .want = want };
    count_watched(loop, 0, want);
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
    count_watched(loop, w->want, want);
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

/* ---- one poller for another ---- */

static int watch_all(const struct loop *loop, const struct poller_ops *ops,
                     struct poller *poller)
{
    for (int fd = 0; fd < loop->top; fd++) {
        const struct watch *w = &loop->watches[fd];

        if (w->fn != NULL && w->want != 0 &&
            ops->want(poller, fd, 0, w->want) == -1)
            return -1;
    }
    return 0;
}

int loop_use(struct loop *loop, const struct poller_ops *ops)
{
    struct poller *poller = ops->open();
    int error;

    if (poller == NULL)
        return -1;
    if (watch_all(loop, ops, poller) == -1) {
        error = errno;
        ops->close(poller);
        errno = error;
        return -1;
    }
    loop->ops->close(loop->poller);
    loop->ops = ops;
    loop->poller = poller;
    return 0;
}

static int suit(struct loop *loop)
{
    const struct poller_ops *ops =
        loop->policy == NULL
            ? loop->ops
            : poller_policy_next(loop->policy, loop->ops, loop->watched);

    if (ops == loop->ops || loop->now_ms < loop->unsuited_until_ms)
        return 0;
    if (loop_use(loop, ops) == 0)
        return 0;
    loop->unsuited_until_ms = loop->now_ms + UNSUITED_MS;
    return -1;
}

int loop_follow(struct loop *loop, const struct poller_policy *policy)
{
    const struct poller_policy *former = loop->policy;

    loop->policy = policy;
    loop->unsuited_until_ms = 0;
    if (suit(loop) == 0 || loop->ops == policy->few ||
        loop_use(loop, policy->few) == 0)
        return 0;
    loop->policy = former;
    return -1;
}

/* ---- signals ---- */

int loop_signal(struct loop *loop, int signo, loop_fn *fn, void *arg)
{
    return signals_take(&loop->signals, signo, fn, arg);
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
                                wait_time(loop), &loop->signals.wait_mask);

    if (count >= 0)
        return count;
    if (errno == EAGAIN || errno == ENOMEM)
        rest();
    else if (errno != EINTR)
        return -1;
    return 0;
}

/* While somebody is ready the wait lets no signal in. */
static void see_signals(struct loop *loop, bool busy)
{
    if (!busy || loop->now_ms >= loop->signals_ms) {
        loop->signals_ms = loop->now_ms + SIGNALS_MS;
        if (busy)
            signals_let_in(&loop->signals);
    }
    signals_run(&loop->signals);
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
    see_signals(loop, count > 0);
    run_timers(loop);
    shrink(loop);
    suit(loop);
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
    signals_end(&loop->signals);
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
    return &loop->signals.former_mask;
}

uint64_t loop_turns(const struct loop *loop)
{
    return loop->turns;
}
