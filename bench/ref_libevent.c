/* libevent: bufferevents, input moved to output. */
#include <config.h>

#include "ref.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)arg;
    evbuffer_add_buffer(bufferevent_get_output(bev),
                        bufferevent_get_input(bev));
}

static void on_written(struct bufferevent *bev, void *arg)
{
    (void)arg;
    bufferevent_free(bev);
}

static void on_event(struct bufferevent *bev, short events, void *arg)
{
    if (!(events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
        return;
    if (evbuffer_get_length(bufferevent_get_output(bev)) == 0 ||
        (events & BEV_EVENT_ERROR))
        on_written(bev, arg);
    else
        bufferevent_setcb(bev, NULL, on_written, on_event, arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
                      struct sockaddr *addr, int len, void *arg)
{
    struct bufferevent *bev =
        bufferevent_socket_new(arg, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)listener;
    (void)addr;
    (void)len;
    if (bev == NULL)
        ref_die("bufferevent_socket_new");
    bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
    int fd = ref_listen(argv, SOCK_NONBLOCK);
    struct event_base *base = event_base_new();

    (void)argc;
    if (base == NULL ||
        evconnlistener_new(base, on_accept, base, LEV_OPT_CLOSE_ON_EXEC, 0,
                           fd) == NULL)
        ref_die("libevent");
    return event_base_dispatch(base);
}
