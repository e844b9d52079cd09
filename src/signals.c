#include <config.h>

#include "signals.h"

#include <errno.h>
#include <stddef.h>

/* All that a handler may touch. */
static volatile sig_atomic_t came[SIGNALS_END];
static volatile sig_atomic_t any_came;

static void on_signal(int signo)
{
    came[signo] = 1;
    any_came = 1;
}

void signals_begin(struct signals *signals)
{
    sigprocmask(SIG_SETMASK, NULL, &signals->former_mask);
    signals->wait_mask = signals->former_mask;
}

void signals_end(struct signals *signals)
{
    static const struct sigaction ignore = { .sa_handler = SIG_IGN };

    for (int s = 1; s < SIGNALS_END; s++) {
        if (signals->hooks[s].taken) {
            sigaction(s, &ignore, NULL); /* drops one that is pending */
            sigaction(s, &signals->hooks[s].former, NULL);
        }
        came[s] = 0;
    }
    sigprocmask(SIG_SETMASK, &signals->former_mask, NULL);
}

int signals_take(struct signals *signals, int signo, void (*fn)(void *arg),
                 void *arg)
{
    struct sigaction action = {.sa_handler = fn != NULL ? on_signal : SIG_IGN};
    struct sigaction former;
    sigset_t set;

    if (signo < 1 || signo >= SIGNALS_END) {
        errno = EINVAL;
        return -1;
    }
    sigemptyset(&set);
    sigaddset(&set, signo);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 ||
        sigaction(signo, &action, &former) == -1)
        return -1;
    if (!signals->hooks[signo].taken)
        signals->hooks[signo].former = former;
    signals->hooks[signo].taken = true;
    signals->hooks[signo].fn = fn;
    signals->hooks[signo].arg = arg;
    sigdelset(&signals->wait_mask, signo);
    return 0;
}

void signals_let_in(const struct signals *signals)
{
    sigset_t mask;

    sigprocmask(SIG_SETMASK, &signals->wait_mask, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

void signals_run(const struct signals *signals)
{
    if (!any_came)
        return;
    any_came = 0;
    for (int s = 1; s < SIGNALS_END; s++)
        if (came[s]) {
            came[s] = 0;
            if (signals->hooks[s].fn != NULL)
                signals->hooks[s].fn(signals->hooks[s].arg);
        }
}
