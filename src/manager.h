/*
 * manager: what the service manager (systemd) is told while echod runs.
 *
 * Without one, all of this does nothing.  A message that the manager does not
 * take is sent again with the next status, at most MANAGER_STATUS_MS later.
 */
#ifndef ECHO_MANAGER_H
#define ECHO_MANAGER_H

#include "loop.h"
#include "sd.h"

struct server;

/* How often the status may change. */
#define MANAGER_STATUS_MS 2000

/* The caller's to embed, all zero at first. */
struct manager {
    struct loop *loop;
    const struct server *server;
    struct loop_timer status, watchdog;
    const char *state;         /* the line that goes with each status */
    char told[SD_MESSAGE_MAX]; /* the last message that was taken */
};

/*
 * All sockets listen: READY=1, the status from now on, and WATCHDOG=1 as
 * often as it was asked for.  After sd_open(); loop and server must outlive
 * manager_close().
 */
void manager_ready(struct manager *manager, struct loop *loop,
                   const struct server *server);

/* RELOADING=1 before a reload, READY=1 after it, however it went. */
void manager_reloading(struct manager *manager);
void manager_reloaded(struct manager *manager);

/* STOPPING=1; the status goes on to say how many clients are left. */
void manager_stopping(struct manager *manager);

/* Clears the timers; fine before manager_ready() too. */
void manager_close(struct manager *manager);

#endif
