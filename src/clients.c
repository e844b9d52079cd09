#include <config.h>

#include "clients.h"
#include "addr.h"
#include "conn.h"
#include "loop.h"
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

/* What remains to be done for a client.  Each state is a queue, ordered by
 * the time of the last progress: its head is the next to run out of time. */
enum state {
    READING,     /* wait for bytes; limits.idle_timeout */
    WRITING,     /* bytes are kept that it does not take; stall_timeout */
    LINGERING,   /* send what is kept, end our side, wait for its;
                  * limits.linger_timeout */
    TURNED_AWAY, /* the same for one who was never served */
    STATES
};

struct client {
    struct conn conn;
    struct clients *all;
    struct source *source;
    uint64_t id;
    int64_t born_ms;
    int64_t moved_ms; /* of the last progress, or of entering LINGERING */
    union addr_small peer;
    uint8_t state;
    uint8_t reason; /* of LINGERING: enum connlog_reason */
    bool announced; /* its connect line is written, or never will be */
    bool ended;     /* our side is: the FIN is on its way */
    TAILQ_ENTRY(client) queue;
    TAILQ_ENTRY(client) age; /* while READING or WRITING */
};

TAILQ_HEAD(client_queue, client);

struct clients {
    struct loop *loop;
    const struct settings *settings;
    char *scratch; /* server.buffer_size bytes, for one call at a time */
    struct client_queue queues[STATES];
    struct client_queue ages;   /* the oldest first; limits.max_lifetime */
    struct loop_timer deadline; /* of the first head that runs out of time */
    struct loop_timer connlog;
    struct stats *stats;
    clients_gone_fn *gone;
    void *arg;
    size_t count;       /* all but the turned away */
    size_t turned_away; /* clients of that state */
};

/* ---- time ---- */

static int64_t time_allowed(const struct clients *all, enum state state)
{
    switch (state) {
    case READING:
        return all->settings->limits.idle_timeout;
    case WRITING:
        return all->settings->limits.stall_timeout;
    default:
        return all->settings->limits.linger_timeout;
    }
}

static void on_deadline(void *arg);

static void arm_at(struct clients *all, int64_t at)
{
    if (!all->deadline.set || at < all->deadline.at_ms)
        loop_timer_set(all->loop, &all->deadline, at, on_deadline, all);
}

/* 0 is never, but for those who linger: not at all, though it was a while
 * when they began to. */
static bool runs_out(enum state state, int64_t allowed)
{
    return allowed != 0 || state >= LINGERING;
}

/* A head that moved since only makes the timer fire early: it is set anew. */
static void arm(const struct client *c)
{
    int64_t allowed = time_allowed(c->all, c->state);

    if (runs_out(c->state, allowed))
        arm_at(c->all, c->moved_ms + allowed);
}

static void arm_age(const struct client *c)
{
    int64_t allowed = c->all->settings->limits.max_lifetime;

    if (allowed != 0)
        arm_at(c->all, c->born_ms + allowed);
}

static void arm_heads(struct clients *all)
{
    for (int state = 0; state < STATES; state++)
        if (!TAILQ_EMPTY(&all->queues[state]))
            arm(TAILQ_FIRST(&all->queues[state]));
    if (!TAILQ_EMPTY(&all->ages))
        arm_age(TAILQ_FIRST(&all->ages));
}

/* ---- the log ---- */

/* The summary of connection lines that the rate left out. */
static void on_connlog(void *arg)
{
    struct clients *all = arg;
    int64_t at = connlog_tick(loop_now(all->loop));

    if (at != -1)
        loop_timer_set(all->loop, &all->connlog, at, on_connlog, all);
}

static struct connlog_client describe(const struct client *c,
                                      struct addr *peer)
{
    addr_unpack(peer, &c->peer);
    return (struct connlog_client){
        .id = c->id,
        .peer = peer,
        .in = c->conn.in,
        .out = c->conn.out,
        .ms = loop_now(c->all->loop) - c->born_ms,
        .active = c->all->count,
    };
}

static void announce(struct client *c)
{
    struct addr peer, local;
    struct connlog_client about;

    if (c->announced || !connlog_wants_connect(c->conn.in > 0))
        return;
    c->announced = true;
    about = describe(c, &peer);
    if (addr_local(&local, c->conn.fd) == 0)
        connlog_connect(&about, &local, loop_now(c->all->loop));
    on_connlog(c->all);
}

static void say_gone(struct client *c, enum connlog_reason reason, int error)
{
    struct addr peer;
    struct connlog_client about = describe(c, &peer);

    c->all->stats->ended[reason]++;
    connlog_disconnect(&about, reason, error, loop_now(c->all->loop));
    on_connlog(c->all);
}

/* ---- the end of a client ---- */

/* The one way out: every count that a client is in is taken back here. */
static void client_close(struct client *c, enum connlog_reason reason,
                         int error)
{
    struct clients *all = c->all;

    TAILQ_REMOVE(&all->queues[c->state], c, queue);
    if (c->state == READING || c->state == WRITING)
        TAILQ_REMOVE(&all->ages, c, age);
    loop_close(all->loop, c->conn.fd);
    conn_drop(&c->conn);
    if (c->state == TURNED_AWAY) {
        all->turned_away--;
    } else {
        all->count--;
        say_gone(c, reason, error);
        all->gone(all->arg, c->source);
    }
    free(c);
}

static void client_fail(struct client *c, int error)
{
    bool reset = error == ECONNRESET || error == EPIPE;

    if (c->state == LINGERING || c->state == TURNED_AWAY)
        client_close(c, c->reason, 0);
    else
        client_close(c, reset ? CONNLOG_RESET : CONNLOG_ERROR, error);
}

/*
 * A client that took nothing for all of its time takes nothing now: the
 * kernel would hold its bytes for minutes more, a reset frees them at once.
 */
static void abandon(struct client *c)
{
    struct linger none = { .l_onoff = 1, .l_linger = 0 };

    if (c->reason == CONNLOG_STALLED)
        setsockopt(c->conn.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    client_close(c, c->reason, 0);
}

/* ---- states ---- */

/* Moves the client to the tail of the queue that it belongs to now. */
static void enqueue(struct client *c, enum state state)
{
    struct clients *all = c->all;

    TAILQ_REMOVE(&all->queues[c->state], c, queue);
    c->state = (uint8_t)state;
    c->moved_ms = loop_now(all->loop);
    TAILQ_INSERT_TAIL(&all->queues[state], c, queue);
    arm(c);
}

/*
 * The only place that changes what a client is watched for; on the way, our
 * side of one that lingers is ended once nothing is left to send.
 */
static void settle(struct client *c)
{
    unsigned want = conn_want(&c->conn);

    if (c->state >= LINGERING && want == POLLER_IN && !c->ended) {
        c->ended = true;
        if (shutdown(c->conn.fd, SHUT_WR) == -1) {
            client_fail(c, errno);
            return;
        }
    }
    if (loop_want(c->all->loop, c->conn.fd, want) == -1)
        client_fail(c, errno);
}

/* Ends our side first: the client gets all that it sent, then our FIN. */
static void client_linger(struct client *c, enum connlog_reason reason)
{
    c->reason = (uint8_t)reason;
    if (reason == CONNLOG_STALLED)
        conn_drop(&c->conn);
    TAILQ_REMOVE(&c->all->ages, c, age);
    enqueue(c, LINGERING);
    if (c->all->settings->limits.linger_timeout == 0)
        abandon(c);
    else
        settle(c);
}

static void expire(struct client *c)
{
    static const enum connlog_reason reasons[] = {
        [READING] = CONNLOG_IDLE,
        [WRITING] = CONNLOG_STALLED,
    };

    if (c->state == READING || c->state == WRITING)
        client_linger(c, reasons[c->state]);
    else
        abandon(c);
}

static void on_deadline(void *arg)
{
    struct clients *all = arg;
    int64_t now = loop_now(all->loop);
    int64_t lifetime = all->settings->limits.max_lifetime;
    struct client *c;

    for (int state = 0; state < STATES; state++) {
        int64_t allowed = time_allowed(all, (enum state)state);

        while (runs_out((enum state)state, allowed) &&
               (c = TAILQ_FIRST(&all->queues[state])) != NULL &&
               c->moved_ms + allowed <= now)
            expire(c);
    }
    while (lifetime != 0 && (c = TAILQ_FIRST(&all->ages)) != NULL &&
           c->born_ms + lifetime <= now)
        client_linger(c, CONNLOG_LIFETIME);
    arm_heads(all);
}

/* ---- readiness ---- */

static enum conn_status serve(struct client *c)
{
    struct clients *all = c->all;
    size_t size = (size_t)all->settings->server.buffer_size;

    if (conn_want(&c->conn) == POLLER_OUT)
        return conn_flush(&c->conn);
    if (c->state == READING)
        return conn_fill(&c->conn, all->scratch, size);
    return conn_discard(&c->conn, all->scratch, size);
}

static void after_progress(struct client *c, uint64_t in, uint64_t out)
{
    struct stats *stats = c->all->stats;

    if (c->state == TURNED_AWAY)
        return;
    stats->bytes_in += c->conn.in - in;
    stats->bytes_out += c->conn.out - out;
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
        client_close(c, c->state == READING ? CONNLOG_EOF : c->reason, 0);
    else
        settle(c);
}

/* ---- a new client ---- */

/* Costs itself: the others go on, and the log says what was missing. */
static void shed(struct clients *all, int fd, const struct addr *peer,
                 int error)
{
    struct connlog_client about = { .id = all->stats->accepted,
                                    .peer = peer,
                                    .active = all->count };

    all->stats->ended[CONNLOG_ERROR]++;
    connlog_disconnect(&about, CONNLOG_ERROR, error, loop_now(all->loop));
    on_connlog(all);
    close(fd);
}

static struct client *client_new(struct clients *all, int fd, enum state state)
{
    struct client *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    if (loop_watch(all->loop, fd, POLLER_IN, on_client, c) == -1) {
        free(c);
        return NULL;
    }
    c->conn.fd = fd;
    c->all = all;
    c->born_ms = c->moved_ms = loop_now(all->loop);
    c->state = (uint8_t)state;
    TAILQ_INSERT_TAIL(&all->queues[state], c, queue);
    return c;
}

static bool is_full(const struct clients *all)
{
    return all->count + all->turned_away >=
           (size_t)all->settings->limits.max_clients;
}

/* What a client sends with its connection is often there already: the read
 * that is tried at once saves a turn. */
int clients_add(struct clients *all, int fd, const struct addr *peer,
                struct source *source)
{
    struct client *c;

    if (is_full(all) && all->turned_away > 0)
        client_close(TAILQ_FIRST(&all->queues[TURNED_AWAY]), 0, 0);
    all->stats->accepted++;
    c = client_new(all, fd, READING);
    if (c == NULL) {
        shed(all, fd, peer, errno);
        return -1;
    }
    all->count++;
    TAILQ_INSERT_TAIL(&all->ages, c, age);
    c->source = source;
    c->id = all->stats->accepted;
    addr_pack(&c->peer, peer);
    arm(c);
    arm_age(c);
    on_client(c, POLLER_IN);
    return 0;
}

/*
 * Without room the descriptor is closed at once, which may be a reset for a
 * client that has sent something: a flood of those who are turned away takes
 * nothing from those who are served.
 */
void clients_turn_away(struct clients *all, int fd, const struct addr *peer,
                       const char *why)
{
    struct client *c = NULL;

    connlog_refuse(peer, why, loop_now(all->loop));
    on_connlog(all);
    if (all->turned_away < CLIENTS_TURNED_AWAY_MAX && !is_full(all) &&
        all->settings->limits.linger_timeout != 0)
        c = client_new(all, fd, TURNED_AWAY);
    if (c == NULL) {
        close(fd);
        return;
    }
    all->turned_away++;
    arm(c);
    settle(c);
}

/* ---- all of them ---- */

struct clients *clients_new(struct loop *loop, struct stats *stats,
                            clients_gone_fn *gone, void *arg)
{
    struct clients *all = calloc(1, sizeof *all);

    if (all == NULL)
        return NULL;
    all->loop = loop;
    all->stats = stats;
    all->gone = gone;
    all->arg = arg;
    for (int state = 0; state < STATES; state++)
        TAILQ_INIT(&all->queues[state]);
    TAILQ_INIT(&all->ages);
    return all;
}

void clients_free(struct clients *all)
{
    if (all == NULL)
        return;
    for (int state = 0; state < STATES; state++)
        while (!TAILQ_EMPTY(&all->queues[state]))
            client_close(TAILQ_FIRST(&all->queues[state]), CONNLOG_SHUTDOWN,
                         0);
    connlog_tick(INT64_MAX); /* what the rate left out must not go unsaid */
    loop_timer_clear(all->loop, &all->deadline);
    loop_timer_clear(all->loop, &all->connlog);
    free(all->scratch);
    free(all);
}

void clients_apply(struct clients *all, const struct settings *settings,
                   char *scratch)
{
    all->settings = settings;
    free(all->scratch);
    all->scratch = scratch;
    arm_heads(all);
}

size_t clients_count(const struct clients *all)
{
    return all->count;
}

void clients_end(struct clients *all, clients_test_fn *test, void *arg)
{
    struct client *c = TAILQ_FIRST(&all->ages), *next;
    struct addr peer;

    for (; c != NULL; c = next) {
        next = TAILQ_NEXT(c, age);
        addr_unpack(&peer, &c->peer);
        if (test == NULL || test(arg, &peer))
            client_linger(c, CONNLOG_SHUTDOWN);
    }
}

void clients_set_sources(struct clients *all, clients_source_fn *fn, void *arg)
{
    struct client *c;
    struct addr peer;

    for (int state = READING; state <= LINGERING; state++)
        TAILQ_FOREACH(c, &all->queues[state], queue) {
            addr_unpack(&peer, &c->peer);
            c->source = fn(arg, &peer);
        }
}
