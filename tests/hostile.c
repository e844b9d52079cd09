#include <config.h>

#include "hostile.h"

#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

static void drop(struct hostile_conn *c)
{
    close(c->fd);
    c->fd = -1;
}

static void reset(int fd)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
}

static void take(struct hostile *h)
{
    int fd = accept(h->listener, NULL, NULL);

    if (fd == -1)
        return;
    if (h->kind == HOSTILE_CLOSES || h->count == HOSTILE_CONNS) {
        close(fd);
    } else {
        if (h->kind == HOSTILE_GREETS)
            send(fd, "hello\n", 6, MSG_NOSIGNAL);
        h->conns[h->count++] = (struct hostile_conn){ .fd = fd };
    }
}

static void spoil(const struct hostile *h, struct hostile_conn *c, char *bytes,
                  size_t *n)
{
    bool first = c->got == 0;

    if (h->kind == HOSTILE_WRONG && c->got <= 10 && c->got + *n > 10)
        bytes[10 - c->got] ^= 0x20;
    if (h->kind == HOSTILE_LATE && first)
        poll(NULL, 0, HOSTILE_LATE_MS);
    if (h->kind == HOSTILE_SHORT && first)
        --*n;
    if (h->kind == HOSTILE_LONG && first)
        bytes[(*n)++] = '!';
    if (h->kind == HOSTILE_HALF)
        *n /= 2;
}

static void answer(struct hostile *h, struct hostile_conn *c)
{
    char bytes[CHUNK + 1];
    ssize_t got = recv(c->fd, bytes, CHUNK, 0);
    size_t n = got > 0 ? (size_t)got : 0;

    if (got <= 0 && h->kind == HOSTILE_TARRIES)
        poll(NULL, 0, HOSTILE_TARRY_MS);
    if (got <= 0 && h->kind != HOSTILE_LINGERS) {
        drop(c);
        return;
    }
    if (got <= 0) {
        c->fd = -1; /* left open: the end of the process closes it */
        return;
    }
    if (h->kind == HOSTILE_RESETS) {
        reset(c->fd);
        c->fd = -1;
        return;
    }
    spoil(h, c, bytes, &n);
    c->got += (size_t)got;
    if (h->kind != HOSTILE_SINK)
        send(c->fd, bytes, n, MSG_NOSIGNAL);
    if (h->kind == HOSTILE_HALF)
        drop(c);
}

static void flood(struct hostile_conn *c)
{
    char bytes[4096];

    memset(bytes, 'x', sizeof bytes);
    if (send(c->fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
        drop(c);
}

static void *serve(void *arg)
{
    struct hostile *h = arg;
    short events = h->kind == HOSTILE_FLOODS   ? POLLOUT
                   : h->kind == HOSTILE_SILENT ? 0
                                               : POLLIN;

    for (;;) {
        struct pollfd polls[HOSTILE_CONNS + 2] = {
            { .fd = h->stop[0], .events = POLLIN },
            { .fd = h->listener, .events = POLLIN },
        };
        size_t count = h->count;

        for (size_t i = 0; i < count; i++)
            polls[i + 2] = (struct pollfd){
                .fd = events == 0 ? -1 : h->conns[i].fd, .events = events
            };
        poll(polls, count + 2, -1);
        if (polls[0].revents != 0)
            return NULL;
        if (polls[1].revents != 0)
            take(h);
        for (size_t i = 0; i < count; i++)
            if (polls[i + 2].revents != 0 && h->kind == HOSTILE_FLOODS)
                flood(&h->conns[i]);
            else if (polls[i + 2].revents != 0)
                answer(h, &h->conns[i]);
    }
}

void hostile_start(struct hostile *h, enum hostile_kind kind)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof addr;

    memset(h, 0, sizeof *h);
    h->kind = kind;
    h->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(h->listener, (struct sockaddr *)&addr, len), 0);
    ck_assert_int_eq(listen(h->listener, 128), 0);
    ck_assert_int_eq(
        getsockname(h->listener, (struct sockaddr *)&addr, &len), 0);
    snprintf(h->port, sizeof h->port, "%u", ntohs(addr.sin_port));
    ck_assert_int_eq(pipe(h->stop), 0);
    ck_assert_int_eq(pthread_create(&h->thread, NULL, serve, h), 0);
}

void hostile_stop(struct hostile *h)
{
    close(h->stop[1]);
    pthread_join(h->thread, NULL);
    close(h->stop[0]);
    close(h->listener);
    for (size_t i = 0; i < h->count; i++)
        if (h->conns[i].fd != -1)
            close(h->conns[i].fd);
}
