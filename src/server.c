#include <config.h>

#include "server.h"
#include "conn.h"
#include "connlog.h"
#include "fdlimit.h"
#include "listener.h"
#include "log.h"
#include "loop.h"
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

/* What remains to be done for a client.  Each state is a queue, ordered by
 * the time of the last progress: its head is the next to run out of time. */
enum state {
    READING,   /* wait for bytes; limits.idle_timeout */
    WRITING,   /* bytes are kept that it does not take */
    LINGERING, /* our side is ended, wait for its; limits.linger_timeout */
    STATES
};

struct client {
    struct conn conn;
    struct server *server;
    uint64_t id;
    int64_t born_ms;
    int64_t moved_ms; /* of the last progress, or of entering LINGERING */
    struct addr_small peer;
    uint8_t state;
    uint8_t reason; /* of LINGERING: enum connlog_reason */
    bool announced; /* its connect line is written, or never will be */
    TAILQ_ENTRY(client) queue;
};

TAILQ_HEAD(client_queue, client);

struct server {
    struct loop *loop;
    struct settings *settings;
    struct listener_set *listeners;
    char *scratch; /* server.buffer_size bytes, for one call at a time */
    struct client_queue queues[STATES];
    struct loop_timer deadline; /* of the first head that runs out of time */
    struct loop_timer drain;
    struct loop_timer connlog;
    struct stats stats;
    size_t active;
    bool adopted; /* the sockets were handed over; server.listen is not used */
    bool draining;
};

/* ---- time ---- */

static int64_t time_allowed(const struct server *s, enum state state)
{
    switch (state) {
    case READING:
        return s->settings->limits.idle_timeout;
    case LINGERING:
        return s->settings->limits.linger_timeout;
    default:
        return 0;
    }
}

static void on_deadline(void *arg);

/* A head that moved since only makes the timer fire early: it is set anew. */
static void arm(struct server *s, const struct client *c)
{
    int64_t allowed = time_allowed(s, c->state);
    int64_t at = c->moved_ms + allowed;

    if (allowed != 0 && (!s->deadline.set || at < s->deadline.at_ms))
        loop_timer_set(s->loop, &s->deadline, at, on_deadline, s);
}

static void arm_heads(struct server *s)
{
    loop_timer_clear(s->loop, &s->deadline);
    for (int state = 0; state < STATES; state++)
        if (!TAILQ_EMPTY(&s->queues[state]))
            arm(s, TAILQ_FIRST(&s->queues[state]));
}

/* The summary of connection lines that the rate left out. */
static void on_connlog(void *arg)
{
    struct server *s = arg;
    int64_t at = connlog_tick(loop_now(s->loop));

    if (at != -1)
        loop_timer_set(s->loop, &s->connlog, at, on_connlog, s);
}

/* ---- one client ---- */

static struct connlog_client describe(const struct client *c,
                                      struct addr *peer)
{
    addr_unpack(peer, &c->peer);
    return (struct connlog_client){
        .id = c->id,
        .peer = peer,
        .in = c->conn.in,
        .out = c->conn.out,
        .ms = loop_now(c->server->loop) - c->born_ms,
        .active = c->server->active,
    };
}

static void announce(struct client *c)
{
    struct addr peer, local;
    struct connlog_client about = describe(c, &peer);

    if (c->announced || !connlog_wants_connect(c->conn.in > 0))
        return;
    c->announced = true;
    if (addr_local(&local, c->conn.fd) == 0)
        connlog_connect(&about, &local, loop_now(c->server->loop));
    on_connlog(c->server);
}

/* The last client of a drain ends the server. */
static void client_gone(struct server *s)
{
    s->active--;
    if (s->draining && s->active == 0)
        loop_stop(s->loop);
    else if (!s->draining)
        listener_resume(s->listeners);
}

static void client_close(struct client *c, enum connlog_reason reason,
                         int error)
{
    struct server *s = c->server;
    struct addr peer;
    struct connlog_client about;

    TAILQ_REMOVE(&s->queues[c->state], c, queue);
    client_gone(s);
    about = describe(c, &peer);
    connlog_disconnect(&about, reason, error, loop_now(s->loop));
    on_connlog(s);
    loop_close(s->loop, c->conn.fd);
    conn_drop(&c->conn);
    free(c);
}

static void client_fail(struct client *c, int error)
{
    bool reset = error == ECONNRESET || error == EPIPE;

    if (c->state == LINGERING)
        client_close(c, c->reason, 0);
    else
        client_close(c, reset ? CONNLOG_RESET : CONNLOG_ERROR, error);
}

/* Moves the client to the tail of the queue that it belongs to now. */
static void enqueue(struct client *c, enum state state)
{
    struct server *s = c->server;

    TAILQ_REMOVE(&s->queues[c->state], c, queue);
    c->state = (uint8_t)state;
    c->moved_ms = loop_now(s->loop);
    TAILQ_INSERT_TAIL(&s->queues[state], c, queue);
    arm(s, c);
}

/* The only place that changes what a client is watched for. */
static void settle(struct client *c)
{
    if (loop_want(c->server->loop, c->conn.fd, conn_want(&c->conn)) == -1)
        client_fail(c, errno);
}

/* Ends our side first: the client gets all that was sent, then our FIN. */
static void client_linger(struct client *c, enum connlog_reason reason)
{
    conn_drop(&c->conn);
    if (c->server->settings->limits.linger_timeout == 0 ||
        shutdown(c->conn.fd, SHUT_WR) == -1) {
        client_close(c, reason, 0);
        return;
    }
    c->reason = (uint8_t)reason;
    enqueue(c, LINGERING);
    settle(c);
}

static enum conn_status serve(struct client *c)
{
    struct server *s = c->server;
    size_t size = (size_t)s->settings->server.buffer_size;

    switch (c->state) {
    case READING:
        return conn_fill(&c->conn, s->scratch, size);
    case WRITING:
        return conn_flush(&c->conn);
    default:
        return conn_discard(&c->conn, s->scratch, size);
    }
}

static void after_progress(struct client *c, uint64_t in, uint64_t out)
{
    struct server *s = c->server;

    s->stats.bytes_in += c->conn.in - in;
    s->stats.bytes_out += c->conn.out - out;
    if (c->state != LINGERING && (c->conn.in > in || c->conn.out > out))
        enqueue(c, conn_want(&c->conn) == POLLER_OUT ? WRITING : READING);
    announce(c);
}

static void on_client(void *arg, unsigned ready)
{
    struct client *c = arg;
    uint64_t in = c->conn.in, out = c->conn.out;
    enum conn_status status = serve(c);
    int error = errno;

    (void)ready;
    after_progress(c, in, out);
    if (status == CONN_FAIL)
        client_fail(c, error);
    else if (status == CONN_EOF)
        client_close(c, c->state == LINGERING ? c->reason : CONNLOG_EOF, 0);
    else
        settle(c);
}

static void expire(struct client *c)
{
    if (c->state == READING)
        client_linger(c, CONNLOG_IDLE);
    else
        client_close(c, c->reason, 0);
}

static void on_deadline(void *arg)
{
    struct server *s = arg;
    int64_t now = loop_now(s->loop);

    for (int state = 0; state < STATES; state++) {
        int64_t allowed = time_allowed(s, (enum state)state);
        struct client *c;

        while (allowed != 0 &&
               (c = TAILQ_FIRST(&s->queues[state])) != NULL &&
               c->moved_ms + allowed <= now)
            expire(c);
    }
    arm_heads(s);
}

/* ---- a new client ---- */

static bool has_room(void *arg)
{
    const struct server *s = arg;

    return s->active < (size_t)s->settings->limits.max_clients;
}

/* Costs itself: the others go on, and the log says what was missing. */
static void shed(struct server *s, int fd, const struct addr *peer, int error)
{
    struct connlog_client about = { .id = s->stats.accepted,
                                    .peer = peer,
                                    .active = s->active };

    connlog_disconnect(&about, CONNLOG_ERROR, error, loop_now(s->loop));
    on_connlog(s);
    close(fd);
}

/* What a client sends with its connection is often there already: the read
 * that is tried at once saves a turn. */
static void on_accept(void *arg, int fd, const struct addr *peer)
{
    struct server *s = arg;
    struct client *c = calloc(1, sizeof *c);

    s->stats.accepted++;
    if (c == NULL || loop_watch(s->loop, fd, POLLER_IN, on_client, c) == -1) {
        shed(s, fd, peer, errno);
        free(c);
        return;
    }
    s->active++;
    c->conn.fd = fd;
    c->server = s;
    c->id = s->stats.accepted;
    c->born_ms = c->moved_ms = loop_now(s->loop);
    addr_pack(&c->peer, peer);
    TAILQ_INSERT_TAIL(&s->queues[READING], c, queue);
    arm(s, c);
    announce(c);
    on_client(c, POLLER_IN);
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

static void apply(struct server *s)
{
    const struct settings *settings = s->settings;

    log_set((int)settings->log.facility, (int)settings->log.level);
    connlog_set(settings->log.connections, settings->log.rate);
    arm_heads(s);
}

struct server *server_new(struct loop *loop, struct settings *settings)
{
    struct server *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->loop = loop;
    for (int state = 0; state < STATES; state++)
        TAILQ_INIT(&s->queues[state]);
    s->scratch = malloc((size_t)settings->server.buffer_size);
    s->listeners = listener_set_new(loop, on_accept, has_room, s);
    if (s->scratch == NULL || s->listeners == NULL) {
        server_free(s);
        return NULL;
    }
    s->settings = settings;
    apply(s);
    return s;
}

static void close_clients(struct server *s)
{
    for (int state = 0; state < STATES; state++)
        while (!TAILQ_EMPTY(&s->queues[state]))
            client_close(TAILQ_FIRST(&s->queues[state]), CONNLOG_SHUTDOWN, 0);
}

void server_free(struct server *s)
{
    if (s == NULL)
        return;
    s->draining = true;
    close_clients(s);
    connlog_tick(INT64_MAX); /* what the rate left out must not go unsaid */
    listener_set_free(s->listeners);
    loop_timer_clear(s->loop, &s->deadline);
    loop_timer_clear(s->loop, &s->drain);
    loop_timer_clear(s->loop, &s->connlog);
    settings_free(s->settings);
    free(s->scratch);
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

int server_listen(struct server *s, char error[SERVER_ERROR_MAX])
{
    if (listener_start(s->listeners, error) == -1)
        return -1;
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

int server_reload(struct server *s, struct settings *next,
                  char error[SERVER_ERROR_MAX])
{
    char *scratch = malloc((size_t)next->server.buffer_size);

    if (scratch == NULL) {
        snprintf(error, SERVER_ERROR_MAX, "server.buffer_size: %s",
                 strerror(errno));
        return -1;
    }
    if (fdlimit_raise(server_descriptors(s, next), error, SERVER_ERROR_MAX) ==
            -1 ||
        change_listeners(s, next, error) == -1) {
        free(scratch);
        return -1;
    }
    listener_commit(s->listeners);
    free(s->scratch);
    s->scratch = scratch;
    settings_free(s->settings);
    s->settings = next;
    apply(s);
    listener_resume(s->listeners);
    return 0;
}

/* ---- the end ---- */

static void on_drained(void *arg)
{
    struct server *s = arg;
    static const enum state served[] = { READING, WRITING };

    for (size_t i = 0; i < sizeof served / sizeof *served; i++)
        while (!TAILQ_EMPTY(&s->queues[served[i]]))
            client_linger(TAILQ_FIRST(&s->queues[served[i]]),
                          CONNLOG_SHUTDOWN);
}

void server_drain(struct server *s)
{
    int64_t allowed = s->settings->limits.drain_timeout;

    s->draining = true;
    listener_close_all(s->listeners);
    if (s->active == 0)
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
    return s->active;
}

const struct stats *server_stats(const struct server *s)
{
    return &s->stats;
}
