/*
 * signals: blocked but while the loop waits, and told after it.
 *
 * The loop's own; others use loop_signal().  One set a process, since signals
 * are the process's.
 */
#ifndef ECHO_SIGNALS_H
#define ECHO_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#define SIGNALS_END 65

struct signals {
    struct {
        void (*fn)(void *arg);
        void *arg;
        struct sigaction former;
        bool taken;
    } hooks[SIGNALS_END];
    sigset_t former_mask; /* from before anything was blocked */
    sigset_t wait_mask;   /* to wait with: former_mask, less what is taken */
};

/* Nothing is taken yet; the struct is all zero. */
void signals_begin(struct signals *signals);

/* Gives handlers and mask back as they were.  What came after the last turn
 * is dropped: a second SIGTERM must not kill a process that is ending well. */
void signals_end(struct signals *signals);

/* As loop_signal(). */
int signals_take(struct signals *signals, int signo, void (*fn)(void *arg),
                 void *arg);

/*
 * Takes those that are pending, without a wait: ppoll(2) and its kin let none
 * in when they find a descriptor ready, so on a busy server none would come.
 */
void signals_let_in(const struct signals *signals);

/* Calls the functions of the signals that came since the last call. */
void signals_run(const struct signals *signals);

#endif
