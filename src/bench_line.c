#include <config.h>

#include "bench_line.h"
#include "dial.h"
#include "histogram.h"
#include "ticks.h"
#include "verify.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_socket(void *arg, unsigned ready);

static void settle(struct bench_line *l)
{
    unsigned want = l->state == BENCH_CONNECTING ? POLLER_OUT
                    : l->unsent > 0              ? POLLER_IN | POLLER_OUT
                                                 : POLLER_IN;

    loop_want(l->load->loop, l->fd, want);
}

/* ---- counting ---- */

void bench_line_count(struct bench_load *load, const char *what, int error)
{
    struct bench_figures *f = load->figures;
    size_t i = 0;

    while (i < f->kinds &&
           (f->errors[i].what != what || f->errors[i].error != error))
        i++;
    if (i == BENCH_ERRORS)
        i--; /* the last kind takes the rest */
    else if (i == f->kinds)
        f->errors[f->kinds++] =
            (struct bench_error){ .what = what, .error = error };
    f->errors[i].count++;
}

static bool measured(const struct bench_load *load, int64_t ns)
{
    return ns >= load->from_ns && ns < load->to_ns && load->begin_ns != 0;
}

/* When message k of a line is due. */
int64_t bench_line_due(const struct bench_line *l, uint64_t k)
{
    const struct bench_options *o = &l->load->options;
    uint64_t i = l->index + k * (uint64_t)o->connections;

    return l->load->begin_ns + (int64_t)((double)i * 1e9 / o->rate);
}

static void count_echo(struct bench_line *l, int64_t now)
{
    struct bench_load *load = l->load;
    int64_t start =
        load->options.rate > 0 ? bench_line_due(l, l->back) : l->start_ns;

    if (measured(load, now))
        load->figures->echoes++;
    if (measured(load, start))
        histogram_add(load->figures->latency, now - start);
}

/* ---- a line's life ---- */

/* With -R one message is on the connection, and others may wait behind it. */
static void lose(struct bench_line *l)
{
    uint64_t count = l->begun - l->back;

    if (l->load->options.reconnect && count > 1)
        count = 1;
    l->load->figures->lost += count;
    l->back += count;
    l->unsent = 0;
}

static void take_down(struct bench_line *l)
{
    struct bench_load *load = l->load;

    load->connecting -= l->state == BENCH_CONNECTING;
    loop_close(load->loop, l->fd);
    l->state = BENCH_DOWN;
    load->open--;
    if (load->ending && load->open == 0 && l->begun == l->back)
        loop_stop(load->loop);
}

void bench_line_fail(struct bench_line *l, const char *what, int error)
{
    bench_line_count(l->load, what, error);
    lose(l);
    take_down(l);
}

void bench_line_end(struct bench_line *l)
{
    shutdown(l->fd, SHUT_WR);
    l->state = BENCH_ENDING;
    l->progress_ns = ticks_now(); /* from here it is the server's turn */
    settle(l);
}

/* Messages that go out on the next connection. */
static int64_t waiting(const struct bench_line *l)
{
    int64_t count = (int64_t)(l->begun - l->back);

    return l->load->options.reconnect && count > 1 ? 1 : count;
}

void bench_line_up(struct bench_line *l, int fd, enum bench_state state)
{
    struct bench_load *load = l->load;

    if (fd == -1) {
        bench_line_count(load, "connect", errno);
        lose(l);
        return;
    }
    if (loop_watch(load->loop, fd, POLLER_OUT, on_socket, l) == -1) {
        bench_line_count(load, "watch", errno);
        close(fd);
        return;
    }
    l->fd = fd;
    l->state = state;
    l->sent_to = l->got_to = verify_start(l->index);
    l->left = load->options.size;
    l->unsent = waiting(l) * load->options.size;
    load->open++;
    load->connecting += state == BENCH_CONNECTING;
    settle(l);
}

/* ---- sending ---- */

static ssize_t send_once(struct bench_line *l)
{
    int64_t run = l->unsent < VERIFY_RUN ? l->unsent : VERIFY_RUN;
    ssize_t n = send(l->fd, verify_bytes(l->sent_to), (size_t)run,
                     MSG_NOSIGNAL);

    if (n > 0) {
        l->sent_to += (uint64_t)n;
        l->unsent -= n;
    }
    return n;
}

/* One send(2): who is slow waits for its turn, the others need not. */
static void send_some(struct bench_line *l)
{
    if (send_once(l) == -1 && errno != EAGAIN && errno != EINTR)
        l->unsent = 0; /* receiving tells why, after what still comes */
    settle(l);
}

static void established(struct bench_line *l)
{
    l->load->connecting--;
    l->state = BENCH_UP;
    l->progress_ns = ticks_now();
    histogram_add(l->load->figures->connect, l->progress_ns - l->connect_ns);
}

/*
 * To a server on this host the connection is up when connect(2) returns: what
 * goes out at once saves a wait, as it does for a client that blocks.  An
 * error of the connection is told but once, here or to dial_outcome().
 */
static void send_at_once(struct bench_line *l)
{
    if (send_once(l) > 0) {
        established(l);
        settle(l);
    } else if (errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
        bench_line_fail(l, "connect", errno);
    }
}

void bench_line_dial(struct bench_line *l)
{
    l->connect_ns = l->progress_ns = ticks_now();
    bench_line_up(l, dial_start(l->load->addr), BENCH_CONNECTING);
    if (l->state == BENCH_CONNECTING && l->unsent > 0)
        send_at_once(l);
}

/* Behind those that are under way, or at once when there are none. */
static void enqueue(struct bench_line *l)
{
    bool first = l->begun - l->back == 1;

    if (l->load->options.reconnect && l->state == BENCH_DOWN) {
        bench_line_dial(l);
    } else if (!l->load->options.reconnect || first) {
        l->unsent += l->load->options.size;
        if (l->state == BENCH_UP && l->unsent == l->load->options.size)
            send_some(l);
    }
}

void bench_line_begin(struct bench_line *l, int64_t now)
{
    if (l->begun++ == l->back)
        l->progress_ns = l->start_ns = now;
    enqueue(l);
}

/* Closed loop: the next message, if there is to be one. */
static void go_on(struct bench_line *l, int64_t now)
{
    struct bench_load *load = l->load;

    if (load->ending) {
        if (l->begun == l->back)
            bench_line_end(l);
    } else if (load->options.rate == 0) {
        bench_line_begin(l, now);
    }
}

/* ---- receiving ---- */

static void take_echo(struct bench_line *l, int64_t now)
{
    count_echo(l, now);
    l->back++;
    l->left = l->load->options.size;
    if (l->load->options.reconnect)
        bench_line_end(l);
    else
        go_on(l, now);
}

/* How many bytes may come: what was sent and is not back. */
static uint64_t owed(const struct bench_line *l)
{
    return l->sent_to - l->got_to;
}

static void take_bytes(struct bench_line *l, size_t len, int64_t now)
{
    struct bench_load *load = l->load;

    if (len > owed(l)) {
        bench_line_fail(l, "more came back than was sent", 0);
        return;
    }
    if (verify_match(load->bytes, len, l->got_to) < len) {
        bench_line_fail(l, "wrong data", 0);
        return;
    }
    l->got_to += len;
    l->progress_ns = now;
    if (measured(load, now))
        load->figures->bytes += len;
    for (int64_t rest = (int64_t)len; rest > 0 && l->state == BENCH_UP;) {
        int64_t run = rest < l->left ? rest : l->left;

        rest -= run;
        l->left -= run;
        if (l->left == 0)
            take_echo(l, now);
    }
}

/* The server's end: after ours it is how it should be. */
static void take_end(struct bench_line *l)
{
    struct bench_load *load = l->load;

    if (l->state != BENCH_ENDING) {
        bench_line_fail(l, "closed by the server", 0);
        return;
    }
    take_down(l);
    if (!load->options.reconnect)
        return;
    if (l->begun > l->back)
        bench_line_dial(l);
    else if (load->options.rate == 0 && !load->ending)
        bench_line_begin(l, ticks_now());
}

static void receive(struct bench_line *l)
{
    ssize_t n = recv(l->fd, l->load->bytes, BENCH_CHUNK, 0);

    if (n > 0)
        take_bytes(l, (size_t)n, ticks_now());
    else if (n == 0)
        take_end(l);
    else if (errno != EAGAIN && errno != EINTR)
        bench_line_fail(l, "receive", errno);
}

static void connected(struct bench_line *l)
{
    struct bench_load *load = l->load;
    int error = dial_outcome(l->fd);

    if (error != 0) {
        bench_line_fail(l, "connect", error);
        return;
    }
    established(l);
    if (l->unsent > 0)
        send_some(l);
    else if (load->begin_ns != 0 || load->ending)
        go_on(l, l->progress_ns);
    if (l->state == BENCH_UP)
        settle(l);
}

static void on_socket(void *arg, unsigned ready)
{
    struct bench_line *l = arg;

    if (l->state == BENCH_CONNECTING) {
        connected(l);
        return;
    }
    if (ready & POLLER_OUT)
        send_some(l);
    if (ready & POLLER_IN)
        receive(l);
}
