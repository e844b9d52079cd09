#include <config.h>

#include "log_loop.h"
#include "log.h"
#include "loop.h"

static struct loop *lent_to;
static int lent[LOG_SINKS];
static struct loop_timer retry;

static void on_writable(void *arg, unsigned ready)
{
    (void)arg;
    (void)ready;
    log_flush();
}

static void on_retry(void *arg)
{
    (void)arg;
    log_flush();
}

static void retry_at(int64_t at_ms)
{
    if (!retry.set || at_ms < retry.at_ms)
        loop_timer_set(lent_to, &retry, at_ms, on_retry, NULL);
}

/* Where the poller will not have the descriptor, time has to do. */
static void lend(int which, int fd)
{
    if (lent[which] != -1)
        loop_forget(lent_to, lent[which]);
    lent[which] = fd;
    if (fd != -1 &&
        loop_watch(lent_to, fd, POLLER_OUT, on_writable, NULL) == -1) {
        lent[which] = -1;
        retry_at(loop_now(lent_to) + LOG_RETRY_MS);
    }
}

static void before_wait(void *arg)
{
    struct log_wait waits[LOG_SINKS];

    (void)arg;
    log_waits(waits);
    for (int which = 0; which < LOG_SINKS; which++) {
        if (waits[which].fd != lent[which])
            lend(which, waits[which].fd);
        if (waits[which].retry_ms != -1)
            retry_at(waits[which].retry_ms);
    }
}

void log_loop_attach(struct loop *loop)
{
    lent_to = loop;
    for (int which = 0; which < LOG_SINKS; which++)
        lent[which] = -1;
    loop_each_turn(loop, before_wait, NULL);
}
