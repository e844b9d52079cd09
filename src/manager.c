#include <config.h>

#include "manager.h"
#include "server.h"
#include "settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * The state goes with each status: the manager takes the same one twice, and
 * so one that was lost is made up for.
 */
static void tell(struct manager *m)
{
    const struct stats *stats = server_stats(m->server);
    char text[SD_MESSAGE_MAX];

    snprintf(text, sizeof text,
             "%s\nSTATUS=%zu of at most %" PRId64 " clients; %" PRIu64
             " accepted, %" PRIu64 " refused",
             m->state, server_active(m->server),
             server_settings(m->server)->limits.max_clients, stats->accepted,
             stats_refused(stats));
    if (strcmp(text, m->told) != 0 && sd_notify("%s", text) == 0)
        memcpy(m->told, text, sizeof text);
}

static void on_status(void *arg)
{
    struct manager *m = arg;

    tell(m);
    loop_timer_set(m->loop, &m->status,
                   loop_now(m->loop) + MANAGER_STATUS_MS, on_status, m);
}

/* One that is lost is no harm: they come twice as often as they must. */
static void on_watchdog(void *arg)
{
    struct manager *m = arg;

    sd_notify("WATCHDOG=1");
    loop_timer_set(m->loop, &m->watchdog,
                   loop_now(m->loop) + sd_watchdog_ms(), on_watchdog, m);
}

void manager_ready(struct manager *m, struct loop *loop,
                   const struct server *server)
{
    if (!sd_is_open())
        return;
    m->loop = loop;
    m->server = server;
    m->state = "READY=1";
    on_status(m);
    if (sd_watchdog_ms() > 0)
        on_watchdog(m);
}

void manager_reloading(struct manager *m)
{
    if (m->loop == NULL)
        return;
    sd_notify_reloading();
    m->told[0] = '\0';
}

void manager_reloaded(struct manager *m)
{
    if (m->loop != NULL)
        tell(m);
}

void manager_stopping(struct manager *m)
{
    if (m->loop == NULL)
        return;
    m->state = "STOPPING=1";
    tell(m);
}

void manager_close(struct manager *m)
{
    if (m->loop == NULL)
        return;
    loop_timer_clear(m->loop, &m->status);
    loop_timer_clear(m->loop, &m->watchdog);
    m->loop = NULL;
}
