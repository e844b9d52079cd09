#include <config.h>

#include "server.h"
#include "bulk.h"
#include "clients.h"
#include "connlog.h"
#include "fdlimit.h"
#include "gate.h"
#include "heap.h"
#include "listener.h"
#include "log.h"
#include "loop.h"
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So few clients are not worth giving memory back for, */
#define FEW 16

/* and who comes and goes in waves has it done at most so often. */
#define GIVE_BACK_MS 1000

struct server {
    struct loop *loop;
    struct settings *settings;
    struct listener_set *listeners;
    struct clients *clients;
    struct gate *gate;
    struct loop_timer drain;
    struct stats stats;
    struct loop_timer give_back;
    size_t peak; /* the most clients since memory was given back */
    bool adopted; /* the sockets were handed over; server.listen is not used */
    bool draining;
};

/* ---- clients come and go ---- */

static bool has_room(void *arg)
{
    const struct server *s = arg;

    return clients_count(s->clients) <
           (size_t)s->settings->limits.max_clients;
}

static void on_accept(void *arg, int fd, const struct addr *peer)
{
    struct server *s = arg;
    int64_t now = loop_now(s->loop);
    struct source *source;
    enum gate_verdict verdict = gate_enter(s->gate, peer, now, &source);

    if (verdict != GATE_OPEN) {
        s->stats.refused[verdict]++;
        clients_turn_away(s->clients, fd, peer, gate_verdict_name(verdict));
    } else if (clients_add(s->clients, fd, peer, source) == -1) {
        gate_leave(s->gate, source, now);
    }
    if (clients_count(s->clients) > s->peak)
        s->peak = clients_count(s->clients);
}

static void give_back(void *arg)
{
    struct server *s = arg;

    heap_trim();
    s->peak = clients_count(s->clients);
}

/* One client that stays would hold all the memory of those below it. */
static void give_back_later(struct server *s)
{
    if (s->peak <= FEW || s->give_back.set ||
        clients_count(s->clients) > s->peak / 4)
        return;
    loop_timer_set(s->loop, &s->give_back, loop_now(s->loop) + GIVE_BACK_MS,
                   give_back, s);
}

/* The last client of a drain ends the server. */
static void on_gone(void *arg, struct source *source)
{
    struct server *s = arg;

    give_back_later(s);
    gate_leave(s->gate, source, loop_now(s->loop));
    if (s->draining && clients_count(s->clients) == 0)
        loop_stop(s->loop);
    else if (!s->draining)
        listener_resume(s->listeners);
}

/* ---- the server ---- */

static struct listen_options options_of(const struct settings *settings)
{
    return (struct listen_options){
        .backlog = (int)settings->server.backlog,
        .socket_buffer = (int)settings->server.socket_buffer,
        .keepalive_s = (int)(settings->server.keepalive / 1000),
        .nodelay = settings->server.tcp_nodelay != 0,
        .reuse_port = settings->server.reuse_port != 0,
    };
}

/* What a change of settings needs memory for. */
struct change {
    char *scratch;
    struct gate *gate;
};

static void drop_change(struct change *change)
{
    free(change->scratch);
    gate_free(change->gate);
}

static int prepare_change(struct change *change,
                          const struct settings *settings)
{
    change->scratch = malloc((size_t)settings->server.buffer_size);
    change->gate = gate_new(settings);
    if (change->scratch != NULL && change->gate != NULL)
        return 0;
    drop_change(change);
    errno = ENOMEM;
    return -1;
}

static struct source *adopt(void *arg, const struct addr *peer)
{
    const struct server *s = arg;

    return gate_adopt(s->gate, peer, loop_now(s->loop));
}

static bool is_forbidden(void *arg, const struct addr *peer)
{
    return !gate_admits(arg, peer);
}

/* Nothing here can fail; settings and change are taken over. */
static void apply(struct server *s, struct settings *settings,
                  const struct change *change)
{
    log_set((int)settings->log.facility, (int)settings->log.level);
    connlog_set(settings->log.connections, settings->log.rate);
    clients_apply(s->clients, settings, change->scratch);
    settings_free(s->settings);
    s->settings = settings;
    gate_free(s->gate);
    s->gate = change->gate;
    clients_set_sources(s->clients, adopt, s);
    clients_end(s->clients, is_forbidden, s->gate);
}

struct server *server_new(struct loop *loop, struct settings *settings)
{
    struct server *s = calloc(1, sizeof *s);
    struct change change;

    if (s == NULL || prepare_change(&change, settings) == -1) {
        free(s);
        return NULL;
    }
    s->loop = loop;
    s->clients = clients_new(loop, &s->stats, on_gone, s);
    s->listeners = listener_set_new(loop, on_accept, has_room, s);
    if (s->clients == NULL || s->listeners == NULL) {
        drop_change(&change);
        server_free(s);
        return NULL;
    }
    apply(s, settings, &change);
    return s;
}

void server_free(struct server *s)
{
    if (s == NULL)
        return;
    clients_free(s->clients);
    bulk_limit(0);
    listener_set_free(s->listeners);
    gate_free(s->gate);
    loop_timer_clear(s->loop, &s->drain);
    loop_timer_clear(s->loop, &s->give_back);
    settings_free(s->settings);
    free(s);
}

static int add_listeners(struct server *s, const struct settings *settings,
                         char error[SERVER_ERROR_MAX])
{
    size_t count;
    struct settings_listen *listens = settings_listens(settings, &count);
    int result = 0;

    if (listens == NULL) {
        snprintf(error, SERVER_ERROR_MAX, "%s", strerror(errno));
        return -1;
    }
    for (size_t i = 0; i < count && result == 0; i++)
        result = listener_add(s->listeners, &listens[i].addr,
                              listens[i].optional, error);
    free(listens);
    return result;
}

int server_bind(struct server *s, int first, int adopt,
                char error[SERVER_ERROR_MAX])
{
    struct listen_options options = options_of(s->settings);

    listener_begin(s->listeners, &options);
    s->adopted = adopt > 0;
    if (!s->adopted)
        return add_listeners(s, s->settings, error);
    for (int fd = first; fd < first + adopt; fd++)
        if (listener_adopt(s->listeners, fd, error) == -1)
            return -1;
    return 0;
}

/* Pipes get the descriptors that are left over, and none of a client's. */
static void allow_pipes(struct server *s)
{
    int64_t need = server_descriptors(s, s->settings);
    int64_t have = fdlimit_reach(need + 2 * BULK_PIPES_MAX);
    int64_t limit = settings_poller(s->settings)->few->limit;
    int64_t left = (have < limit ? have : limit) - need;

    bulk_limit(left > 0 ? (int)(left / 2) : 0);
}

int server_listen(struct server *s, char error[SERVER_ERROR_MAX])
{
    if (listener_start(s->listeners, error) == -1)
        return -1;
    allow_pipes(s); /* all is done before the log says that it listens */
    listener_commit(s->listeners);
    return 0;
}

/* ---- reload ---- */

int64_t server_descriptors(const struct server *s,
                           const struct settings *settings)
{
    return settings->limits.max_clients + SETTINGS_SPARE_FDS +
           (int64_t)listener_count(s->listeners);
}

static int change_listeners(struct server *s, const struct settings *next,
                            char error[SERVER_ERROR_MAX])
{
    struct listen_options options = options_of(next);

    listener_begin(s->listeners, &options);
    if ((!s->adopted && add_listeners(s, next, error) == -1) ||
        listener_start(s->listeners, error) == -1) {
        listener_rollback(s->listeners);
        return -1;
    }
    return 0;
}

/* The sockets that were there before are back in force where it fails. */
static int change_poller(struct server *s, const struct settings *next,
                         char error[SERVER_ERROR_MAX])
{
    const struct poller_policy *policy = settings_poller(next);

    if (loop_follow(s->loop, policy) == 0)
        return 0;
    snprintf(error, SERVER_ERROR_MAX, "server.poller: cannot go over to %s: %s",
             policy->name, strerror(errno));
    listener_rollback(s->listeners);
    return -1;
}

int server_reload(struct server *s, struct settings *next,
                  char error[SERVER_ERROR_MAX])
{
    struct change change;

    if (prepare_change(&change, next) == -1) {
        snprintf(error, SERVER_ERROR_MAX, "%s", strerror(errno));
        return -1;
    }
    if (fdlimit_raise(server_descriptors(s, next), error, SERVER_ERROR_MAX) ==
            -1 ||
        change_listeners(s, next, error) == -1 ||
        change_poller(s, next, error) == -1) {
        drop_change(&change);
        return -1;
    }
    listener_commit(s->listeners);
    apply(s, next, &change);
    allow_pipes(s);
    listener_resume(s->listeners);
    return 0;
}

/* ---- the end ---- */

static void on_drained(void *arg)
{
    struct server *s = arg;

    clients_end(s->clients, NULL, NULL);
}

void server_drain(struct server *s)
{
    int64_t allowed = s->settings->limits.drain_timeout;

    s->draining = true;
    listener_close_all(s->listeners);
    if (clients_count(s->clients) == 0)
        loop_stop(s->loop);
    else if (allowed != 0)
        loop_timer_set(s->loop, &s->drain, loop_now(s->loop) + allowed,
                       on_drained, s);
}

const struct settings *server_settings(const struct server *s)
{
    return s->settings;
}

size_t server_active(const struct server *s)
{
    return clients_count(s->clients);
}

const struct stats *server_stats(const struct server *s)
{
    return &s->stats;
}
