/* libuv: the usual callbacks, a buffer and a request a write. */
#include <config.h>

#include "ref.h"

#include <uv.h>

struct request {
    uv_write_t write;
    uv_buf_t buffer;
};

static void on_alloc(uv_handle_t *handle, size_t wish, uv_buf_t *buffer)
{
    (void)handle;
    *buffer = uv_buf_init(malloc(wish), (unsigned)wish);
}

static void on_close(uv_handle_t *handle)
{
    free(handle);
}

static void on_written(uv_write_t *write, int status)
{
    struct request *request = (struct request *)(void *)write;

    (void)status;
    free(request->buffer.base);
    free(request);
}

static void on_ended(uv_shutdown_t *shutdown, int status)
{
    (void)status;
    uv_close((uv_handle_t *)shutdown->handle, on_close);
    free(shutdown);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct request *request;

    if (got > 0) {
        request = malloc(sizeof *request);
        if (request == NULL)
            ref_die("malloc");
        request->buffer = uv_buf_init(buffer->base, (unsigned)got);
        uv_write(&request->write, stream, &request->buffer, 1, on_written);
        return;
    }
    free(buffer->base);
    if (got == UV_EOF)
        uv_shutdown(malloc(sizeof(uv_shutdown_t)), stream, on_ended);
    else if (got < 0)
        uv_close((uv_handle_t *)stream, on_close);
}

static void on_connection(uv_stream_t *listener, int status)
{
    uv_tcp_t *client = malloc(sizeof *client);

    if (status < 0 || client == NULL)
        ref_die("uv_listen");
    uv_tcp_init(listener->loop, client);
    if (uv_accept(listener, (uv_stream_t *)client) == 0)
        uv_read_start((uv_stream_t *)client, on_alloc, on_read);
    else
        uv_close((uv_handle_t *)client, on_close);
}

int main(int argc, char **argv)
{
    int fd = ref_listen(argv, SOCK_NONBLOCK);
    uv_tcp_t listener;

    (void)argc;
    uv_tcp_init(uv_default_loop(), &listener);
    if (uv_tcp_open(&listener, fd) != 0 ||
        uv_listen((uv_stream_t *)&listener, REF_BACKLOG, on_connection) != 0)
        ref_die("uv_listen");
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
