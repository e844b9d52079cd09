#include <config.h>

#include "ping_line.h"
#include "ticks.h"
#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- what is printed ---- */

static void print_stamp(const struct ping *p)
{
    struct timeval now;

    if (!p->options.stamps)
        return;
    gettimeofday(&now, NULL);
    printf("[%lld.%06ld] ", (long long)now.tv_sec, (long)now.tv_usec);
}

static void print_echo(const struct ping *p, const struct ping_line *l,
                       int64_t ns)
{
    char text[PING_REPORT_MS_MAX];

    if (p->options.quiet)
        return;
    print_stamp(p);
    printf("%" PRId64 " bytes from %s: seq=%" PRIu64, p->options.size, p->peer,
           l->back);
    if (p->options.reconnect)
        printf(" connect=%s ms", ping_report_ms(l->connect_ns, text));
    printf(" time=%s ms\n", ping_report_ms(ns, text));
    fflush(stdout);
}

void ping_line_trouble(const struct ping *p, uint64_t seq, const char *what)
{
    if (p->options.quiet)
        return;
    print_stamp(p);
    printf("From %s: seq=%" PRIu64 " %s\n", p->peer, seq, what);
    fflush(stdout);
}

static void print_wrong(const struct ping *p, const struct ping_line *l,
                        unsigned should, unsigned was)
{
    if (p->options.quiet)
        return;
    print_stamp(p);
    printf("From %s: seq=%" PRIu64 " wrong data byte #%" PRId64
           " should be 0x%02x but was 0x%02x\n",
           p->peer, l->back, l->got, should, was);
}

/* ---- a connection's life ---- */

void ping_line_end(struct ping_line *l)
{
    struct ping *p = l->ping;
    struct ping_line **at = &p->lines;

    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    loop_timer_clear(p->loop, &l->late);
    loop_close(p->loop, l->fd);
    free(l);
    if (p->lines == NULL && (p->sent_all || !p->options.reconnect))
        loop_stop(p->loop);
}

/* The connection is of no more use before its time. */
static void break_line(struct ping_line *l, const char *what)
{
    struct ping *p = l->ping;

    if (!l->ending || l->back <= l->last) {
        ping_line_trouble(p, l->back, what);
        p->stats.errors++;
        p->broken = true;
    }
    ping_line_end(l);
}

static void on_late(void *arg)
{
    struct ping_line *l = arg;

    if (l->connecting) {
        break_line(l, strerror(ETIMEDOUT));
    } else if (l->ending) {
        l->back = l->last; /* the message it did not close after */
        break_line(l, "Not closed by the server");
    } else {
        ping_line_end(l);
    }
}

/* All is back: FIN, the rest is read, and closing is the server's turn. */
static void finish_line(struct ping_line *l)
{
    struct ping *p = l->ping;

    l->ending = true;
    shutdown(l->fd, SHUT_WR);
    if (!p->options.reconnect)
        loop_timer_clear(p->loop, &p->closing);
    loop_timer_set(p->loop, &l->late, loop_now(p->loop) + p->options.wait_ms,
                   on_late, l);
}

static void settle_line(struct ping_line *l)
{
    loop_want(l->ping->loop, l->fd,
              l->connecting   ? POLLER_OUT
              : l->unsent > 0 ? POLLER_IN | POLLER_OUT
                              : POLLER_IN);
}

/* ---- messages ---- */

/* Byte i of message seq is seq - 1 + i: moved messages do not match. */
static const unsigned char *pattern(const struct ping *p, uint64_t seq,
                                    int64_t at)
{
    return p->pattern + (seq - 1 + (uint64_t)at) % 256;
}

static void send_some(struct ping_line *l)
{
    struct ping *p = l->ping;

    while (l->unsent > 0) {
        int64_t run = l->unsent < PING_CHUNK ? l->unsent : PING_CHUNK;
        ssize_t n = send(l->fd,
                         pattern(p, l->last, p->options.size - l->unsent),
                         (size_t)run, MSG_NOSIGNAL);

        if (n == -1 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n == -1) { /* receiving will tell, after what still comes */
            l->unsent = 0;
            break;
        }
        l->unsent -= n;
    }
    settle_line(l);
}

void ping_line_send(struct ping_line *l)
{
    struct ping *p = l->ping;
    int64_t now = ticks_now();

    if (p->stats.sent == 0)
        p->first_ns = now;
    l->last = ++p->stats.sent;
    l->unsent = p->options.size;
    p->sent_ns[l->last % PING_PENDING] = now;
    p->stats.elapsed_ns = now - p->first_ns;
    if (!l->connecting)
        send_some(l);
}

/* With -c it is over when all were sent and are back. */
void ping_line_look_for_end(struct ping_line *l)
{
    struct ping *p = l->ping;

    if (l->back <= l->last)
        return;
    if (p->options.reconnect || p->sent_all)
        finish_line(l);
}

static void take_echo(struct ping_line *l)
{
    struct ping *p = l->ping;
    int64_t now = ticks_now();
    int64_t ns = now - p->sent_ns[l->back % PING_PENDING];

    p->stats.received++;
    p->stats.corrupted += l->wrong;
    p->stats.elapsed_ns = now - p->first_ns;
    ping_report_add(&p->stats.rtt, ns);
    print_echo(p, l, ns);
    l->back++;
    l->got = 0;
    l->wrong = false;
    ping_line_look_for_end(l);
}

static void check_run(struct ping_line *l, const char *bytes, size_t len)
{
    struct ping *p = l->ping;
    const unsigned char *should = pattern(p, l->back, l->got);
    size_t same = verify_same(bytes, (const char *)should, len);

    if (same < len && !l->wrong) {
        l->got += (int64_t)same;
        l->wrong = true;
        print_wrong(p, l, should[same], (unsigned char)bytes[same]);
        l->got -= (int64_t)same;
    }
    l->got += (int64_t)len;
}

/* False when more came than was sent. */
static bool take_bytes(struct ping_line *l, const char *bytes, size_t len)
{
    struct ping *p = l->ping;

    while (len > 0) {
        int64_t there = p->options.size - l->got;
        size_t run = (int64_t)len < there ? len : (size_t)there;

        if (l->back > l->last ||
            (l->back == l->last && l->got + (int64_t)run >
                                       p->options.size - l->unsent))
            return false;
        check_run(l, bytes, run);
        if (l->got == p->options.size)
            take_echo(l);
        bytes += run;
        len -= run;
    }
    return true;
}

static void receive(struct ping_line *l)
{
    struct ping *p = l->ping;
    ssize_t n = recv(l->fd, p->bytes, PING_CHUNK, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == -1) {
        break_line(l, strerror(errno));
    } else if (n == 0) {
        break_line(l, "Connection closed by the server");
    } else if (!take_bytes(l, p->bytes, (size_t)n)) {
        l->ending = false;
        break_line(l, "More came back than was sent");
    }
}

static void connected(struct ping_line *l)
{
    struct ping *p = l->ping;
    int error = dial_outcome(l->fd);

    if (error != 0) {
        break_line(l, strerror(error));
        return;
    }
    l->connecting = false;
    l->connect_ns = ticks_now() - l->start_ns;
    ping_report_add(&p->stats.connect, l->connect_ns);
    p->sent_ns[l->last % PING_PENDING] = ticks_now();
    send_some(l);
}

static void on_socket(void *arg, unsigned ready)
{
    struct ping_line *l = arg;

    if (l->connecting) {
        connected(l);
        return;
    }
    if (ready & POLLER_OUT)
        send_some(l);
    if (ready & POLLER_IN)
        receive(l);
}

struct ping_line *ping_line_add(struct ping *p, int fd, bool connecting,
                                int64_t start_ns)
{
    struct ping_line *l = calloc(1, sizeof *l);

    if (l == NULL) {
        close(fd);
        return NULL;
    }
    *l = (struct ping_line){ .ping = p, .fd = fd, .connecting = connecting,
                        .next = p->lines, .back = p->stats.sent + 1,
                        .start_ns = start_ns };
    if (loop_watch(p->loop, fd, connecting ? POLLER_OUT : POLLER_IN, on_socket,
                   l) == -1) {
        close(fd);
        free(l);
        return NULL;
    }
    p->lines = l;
    if (p->options.reconnect)
        loop_timer_set(p->loop, &l->late,
                       loop_now(p->loop) + p->options.wait_ms, on_late, l);
    return l;
}
