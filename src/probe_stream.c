#include <config.h>

#include "dial.h"
#include "probe_stream.h"
#include "ticks.h"
#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

bool probe_fail(struct probe_stream *s, const char *format, ...)
{
    va_list args;

    if (!s->failed) {
        va_start(args, format);
        vsnprintf(s->why, sizeof s->why, format, args);
        va_end(args);
    }
    s->failed = true;
    return false;
}

bool probe_open(struct probe_stream *s, const struct addr *addr,
                int64_t wait_ms, int64_t until_ms)
{
    struct dial_target target = { .addrs = { *addr }, .count = 1 };
    struct addr peer;
    char error[DIAL_ERROR_MAX];
    int64_t connect_ns;
    static uint64_t streams;

    *s = (struct probe_stream){ .wait_ms = wait_ms, .until_ms = until_ms,
                                .start = verify_start(streams++) };
    s->fd = dial(&target, wait_ms, &peer, &connect_ns, error);
    return s->fd != -1 || probe_fail(s, "%.200s", error);
}

void probe_close(struct probe_stream *s)
{
    if (s->fd != -1)
        close(s->fd);
    s->fd = -1;
}

/* ---- waiting ---- */

/* What is ready of events; 0: fail_late() is due. */
static short wait_for(const struct probe_stream *s, short events,
                      int64_t wait_ms)
{
    struct pollfd p = { .fd = s->fd, .events = events };
    int64_t rest = s->until_ms - ticks_now_ms();
    int ready;

    if (rest > wait_ms)
        rest = wait_ms;
    do
        ready = poll(&p, 1, rest > 0 ? (int)rest : 0);
    while (ready == -1 && errno == EINTR);
    if (ready <= 0 || rest <= 0)
        return 0;
    return (p.revents & (POLLERR | POLLHUP)) != 0 ? events : p.revents;
}

static bool fail_late(struct probe_stream *s)
{
    if (s->got < s->sent)
        return probe_fail(s,
                          "%s: %" PRIu64 " of %" PRIu64 " bytes came back",
                          ticks_now_ms() < s->until_ms ? "it stopped"
                                                       : "too slow",
                          s->got, s->sent);
    return probe_fail(s, s->fin ? "all came back, but the connection was not "
                                  "closed after our FIN"
                                : "it takes no more bytes");
}

static bool fail_ended(struct probe_stream *s, const char *how)
{
    s->ended = true;
    return probe_fail(s, "%s: %" PRIu64 " of %" PRIu64 " bytes came back", how,
                      s->got, s->sent);
}

/* ---- bytes ---- */

static bool check(struct probe_stream *s, const char *bytes, size_t len)
{
    uint64_t owed = s->sent - s->got;
    size_t look = len < owed ? len : (size_t)owed;
    size_t same = verify_match(bytes, look, s->start + s->got);

    s->got += same;
    if (same < look)
        return probe_fail(
            s, "wrong data byte #%" PRIu64 " should be 0x%02x but was 0x%02x",
            s->got, (unsigned)(unsigned char)*verify_bytes(s->start + s->got),
            (unsigned)(unsigned char)bytes[same]);
    if (look < len)
        return probe_fail(s,
                          "more came back than was sent, after %" PRIu64
                          " bytes",
                          s->got);
    return true;
}

/* At most CHUNK bytes, at once. */
static bool receive(struct probe_stream *s, size_t most)
{
    char bytes[CHUNK];
    ssize_t n = recv(s->fd, bytes, most, 0);

    if (n > 0)
        return check(s, bytes, (size_t)n);
    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n == -1)
        return fail_ended(s, strerror(errno));
    if (s->fin && s->got == s->sent) {
        s->ended = true;
        return true;
    }
    return fail_ended(s, "closed");
}

static bool send_some(struct probe_stream *s, uint64_t len)
{
    size_t run = len < VERIFY_RUN ? (size_t)len : VERIFY_RUN;
    ssize_t n = send(s->fd, verify_bytes(s->start + s->sent), run,
                     MSG_NOSIGNAL);

    if (n >= 0)
        s->sent += (uint64_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        return fail_ended(s, strerror(errno));
    return true;
}

/* ---- steps ---- */

bool probe_send(struct probe_stream *s, uint64_t len)
{
    uint64_t target = s->sent + len;

    while (!s->failed && s->sent < target) {
        short ready = wait_for(s, POLLIN | POLLOUT, s->wait_ms);

        if (ready == 0)
            return fail_late(s);
        if (ready & POLLIN && !receive(s, CHUNK))
            return false;
        if (ready & POLLOUT)
            send_some(s, target - s->sent);
    }
    return !s->failed;
}

bool probe_push(struct probe_stream *s, uint64_t len, int64_t pause_ms)
{
    uint64_t target = s->sent + len;

    while (!s->failed && s->sent < target &&
           wait_for(s, POLLOUT, pause_ms) != 0)
        send_some(s, target - s->sent);
    return !s->failed;
}

bool probe_crawl(struct probe_stream *s, uint64_t len)
{
    uint64_t target = s->got + len < s->sent ? s->got + len : s->sent;

    for (uint64_t turn = 0; !s->failed && s->got < target; turn++) {
        if (wait_for(s, POLLIN, s->wait_ms) == 0)
            return fail_late(s);
        if (receive(s, 1 + turn * 977 % 9001))
            send_some(s, 1 + turn * 1193 % 8999);
    }
    return !s->failed;
}

bool probe_receive(struct probe_stream *s)
{
    while (!s->failed && s->got < s->sent) {
        if (wait_for(s, POLLIN, s->wait_ms) == 0)
            return fail_late(s);
        receive(s, CHUNK);
    }
    return !s->failed;
}

bool probe_fin(struct probe_stream *s)
{
    if (s->failed)
        return false;
    s->fin = true;
    if (shutdown(s->fd, SHUT_WR) == -1)
        return fail_ended(s, strerror(errno));
    return true;
}

bool probe_drain(struct probe_stream *s)
{
    while (!s->failed && !s->ended) {
        if (wait_for(s, POLLIN, s->wait_ms) == 0)
            return fail_late(s);
        receive(s, CHUNK);
    }
    return !s->failed;
}

bool probe_collect(struct probe_stream *s, char *bytes, size_t size,
                   size_t *len)
{
    *len = 0;
    while (!s->failed && !s->ended) {
        ssize_t n;

        if (wait_for(s, POLLIN, s->wait_ms) == 0)
            return fail_late(s);
        n = recv(s->fd, bytes + *len, size - *len, 0);
        if (n > 0)
            *len += (size_t)n;
        else if (n == 0)
            s->ended = true;
        else if (errno != EAGAIN && errno != EINTR)
            return fail_ended(s, strerror(errno));
        if (*len == size)
            return probe_fail(s, "more came back than was sent");
    }
    return !s->failed;
}
