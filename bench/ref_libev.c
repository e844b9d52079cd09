/* libev: one buffer for all; a client that does not take its echo waits. */
#include <config.h>

#include "ref.h"

#include <errno.h>
#include <ev.h>
#include <string.h>

struct client {
    ev_io io; /* first: a watcher is its client */
    char *rest;
    size_t from, len;
};

static char buffer[REF_BUFFER];

static void client_close(struct ev_loop *loop, struct client *c)
{
    ev_io_stop(loop, &c->io);
    close(c->io.fd);
    free(c->rest);
    free(c);
}

static void want(struct ev_loop *loop, struct client *c, int events)
{
    ev_io_stop(loop, &c->io);
    ev_io_set(&c->io, c->io.fd, events);
    ev_io_start(loop, &c->io);
}

static void flush(struct ev_loop *loop, struct client *c)
{
    ssize_t sent = write(c->io.fd, c->rest + c->from, c->len - c->from);

    if (sent == -1) {
        if (errno != EAGAIN)
            client_close(loop, c);
        return;
    }
    c->from += (size_t)sent;
    if (c->from < c->len)
        return;
    free(c->rest);
    c->rest = NULL;
    want(loop, c, EV_READ);
}

static void on_client(struct ev_loop *loop, ev_io *io, int events)
{
    struct client *c = (struct client *)(void *)io;
    ssize_t got, sent;

    (void)events;
    if (c->rest != NULL) {
        flush(loop, c);
        return;
    }
    got = read(io->fd, buffer, sizeof buffer);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            client_close(loop, c);
        return;
    }
    sent = write(io->fd, buffer, (size_t)got);
    if (sent == got)
        return;
    sent = sent == -1 ? 0 : sent;
    c->from = 0;
    c->len = (size_t)(got - sent);
    c->rest = malloc(c->len);
    if (c->rest == NULL)
        ref_die("malloc");
    memcpy(c->rest, buffer + sent, c->len);
    want(loop, c, EV_WRITE);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
    int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK);
    struct client *c = fd == -1 ? NULL : calloc(1, sizeof *c);

    (void)events;
    if (c == NULL)
        return;
    ev_io_init(&c->io, on_client, fd, EV_READ);
    ev_io_start(loop, &c->io);
}

int main(int argc, char **argv)
{
    struct ev_loop *loop = EV_DEFAULT;
    ev_io listener;

    (void)argc;
    ev_io_init(&listener, on_accept, ref_listen(argv, SOCK_NONBLOCK), EV_READ);
    ev_io_start(loop, &listener);
    ev_run(loop, 0);
    return 0;
}
