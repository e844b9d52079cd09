/* The plain epoll loop: one buffer for all, and a client's own for what it
 * does not take at once.  REF_BUFFER_SIZE in the environment: another size. */
#include <config.h>

#include "ref.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

struct client {
    int fd;
    char *rest;
    size_t from, len;
};

static int set;
static char *buffer;
static size_t size = REF_BUFFER;

static void want(struct client *c, int call, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};

    if (epoll_ctl(set, call, c->fd, &event) == -1)
        ref_die("epoll_ctl");
}

static void client_close(struct client *c)
{
    close(c->fd);
    free(c->rest);
    free(c);
}

static void accept_one(const struct client *listener)
{
    struct client *c = calloc(1, sizeof *c);

    if (c == NULL)
        ref_die("calloc");
    c->fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK);
    if (c->fd == -1)
        free(c);
    else
        want(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void on_readable(struct client *c)
{
    ssize_t got = read(c->fd, buffer, size), sent;

    if (got == -1 && errno == EAGAIN)
        return;
    if (got <= 0) {
        client_close(c);
        return;
    }
    sent = write(c->fd, buffer, (size_t)got);
    if (sent == got)
        return;
    if (sent == -1 && errno != EAGAIN) {
        client_close(c);
        return;
    }
    sent = sent == -1 ? 0 : sent;
    c->len = (size_t)(got - sent);
    c->rest = malloc(c->len);
    if (c->rest == NULL)
        ref_die("malloc");
    memcpy(c->rest, buffer + sent, c->len);
    c->from = 0;
    want(c, EPOLL_CTL_MOD, EPOLLOUT);
}

static void on_writable(struct client *c)
{
    ssize_t sent = write(c->fd, c->rest + c->from, c->len - c->from);

    if (sent == -1) {
        if (errno != EAGAIN)
            client_close(c);
        return;
    }
    c->from += (size_t)sent;
    if (c->from < c->len)
        return;
    free(c->rest);
    c->rest = NULL;
    want(c, EPOLL_CTL_MOD, EPOLLIN);
}

int main(int argc, char **argv)
{
    struct client listener = {.fd = ref_listen(argv, SOCK_NONBLOCK)};
    const char *other = getenv("REF_BUFFER_SIZE");

    (void)argc;
    if (other != NULL)
        size = strtoul(other, NULL, 10);
    buffer = malloc(size);
    set = epoll_create1(0);
    if (buffer == NULL || set == -1)
        ref_die("start");
    want(&listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(set, events, 256, -1);

        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;

            if (c == &listener)
                accept_one(c);
            else if (c->rest != NULL)
                on_writable(c);
            else
                on_readable(c);
        }
    }
}
