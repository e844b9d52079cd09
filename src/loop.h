/*
 * loop: one turn is wait, descriptors, signals, timers, end of turn.
 *
 * The loop knows descriptors and a pointer, no more.  Nothing in it is safe
 * to call from a signal handler or a second thread; one loop a process, since
 * signals are the process's.
 */
#ifndef ECHO_LOOP_H
#define ECHO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "poller.h"

struct loop;
struct poller_policy;

/* A descriptor is ready; ready is of POLLER_IN and POLLER_OUT. */
typedef void loop_fd_fn(void *arg, unsigned ready);

/* A timer ran out, a signal came, a turn ends. */
typedef void loop_fn(void *arg);

/* The caller's to embed and to keep while it is set; all zero is "not set". */
struct loop_timer {
    int64_t at_ms; /* by loop_now() */
    loop_fn *fn;
    void *arg;
    struct loop_timer *next;
    uint64_t ran; /* the turn it ran in last */
    bool set;
};

/* A loop that waits with ops, or NULL with errno. */
struct loop *loop_new(const struct poller_ops *ops);

/*
 * Frees the loop, gives signals back their former handlers and mask; one that
 * came after the last turn is dropped.  NULL is fine.
 */
void loop_free(struct loop *loop);

/*
 * Waits with ops from now on: every watch is handed over, at any time, and no
 * event is lost, since what is not handled is reported again.  0, or -1 with
 * errno (EBADF: a descriptor is at or over the limit of ops; else as
 * poller_ops.open and .want), and the poller is the one it was.
 */
int loop_use(struct loop *loop, const struct poller_ops *ops);

/*
 * Uses what policy says for the descriptors there are, as loop_use(); and
 * from then on at the end of each turn, where a poller that cannot be had is
 * asked for again a second later.  NULL: no policy.
 */
int loop_follow(struct loop *loop, const struct poller_policy *policy);

/*
 * Calls fn(arg, ready) whenever fd is ready for want (which may be 0: known,
 * but not watched for now).  0, or -1 with errno as poller_ops.want.
 */
int loop_watch(struct loop *loop, int fd, unsigned want, loop_fd_fn *fn,
               void *arg);

/* Changes what a watched fd is watched for.  0, or -1 and nothing changed. */
int loop_want(struct loop *loop, int fd, unsigned want);

/* Ends a watch; fn is not called any more, not even later in this turn. */
void loop_forget(struct loop *loop, int fd);

/*
 * loop_forget() and close(2), which waits until every event of this turn had
 * its call: until then no new descriptor gets this number, so no event finds
 * the wrong one.
 */
void loop_close(struct loop *loop, int fd);

/*
 * Calls fn(arg) after the descriptors of a turn in which signo came, once
 * however often it came.  From here on the signal is blocked except while the
 * loop waits.  fn NULL: the signal is ignored.  0, or -1 with errno.
 */
int loop_signal(struct loop *loop, int signo, loop_fn *fn, void *arg);

/*
 * Calls fn(arg) once, in the first turn at or after at_ms.  A timer that is
 * set already is set anew; at most one call a turn, so a timer that sets
 * itself for the past cannot hold the loop.
 */
void loop_timer_set(struct loop *loop, struct loop_timer *timer,
                    int64_t at_ms, loop_fn *fn, void *arg);

/* Does nothing to a timer that is not set. */
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

/* Calls fn(arg) before each wait.  One function a loop; NULL: none. */
void loop_each_turn(struct loop *loop, loop_fn *fn, void *arg);

/*
 * Milliseconds of CLOCK_MONOTONIC, read once a turn, straight after the wait:
 * all that happens in a turn happens at the same time.
 */
int64_t loop_now(const struct loop *loop);

/* The signal mask from before the loop blocked anything, for a child. */
const sigset_t *loop_mask(const struct loop *loop);

/* How many turns there were. */
uint64_t loop_turns(const struct loop *loop);

/*
 * Turns until loop_stop().  0, or -1 with errno when the poller failed in a
 * way that no further turn can mend.
 */
int loop_run(struct loop *loop);

/* Ends loop_run() after the turn that is under way. */
void loop_stop(struct loop *loop);

#endif
