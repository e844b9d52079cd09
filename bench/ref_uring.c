/* io_uring: one receive or send of a client under way, submitted in batches
 * with the wait. */
#include <config.h>

#include "ref.h"

#include <liburing.h>

struct client {
    int fd;
    int sending;
    unsigned from, len;
    char buffer[REF_BUFFER];
};

static struct io_uring ring;

static struct io_uring_sqe *entry(void)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    if (sqe == NULL) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    if (sqe == NULL)
        ref_die("io_uring_get_sqe");
    return sqe;
}

static void accept_next(int listener)
{
    struct io_uring_sqe *sqe = entry();

    io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
    io_uring_sqe_set_data(sqe, NULL);
}

static void receive(struct client *c)
{
    struct io_uring_sqe *sqe = entry();

    c->sending = 0;
    io_uring_prep_recv(sqe, c->fd, c->buffer, sizeof c->buffer, 0);
    io_uring_sqe_set_data(sqe, c);
}

static void send_rest(struct client *c)
{
    struct io_uring_sqe *sqe = entry();

    c->sending = 1;
    io_uring_prep_send(sqe, c->fd, c->buffer + c->from, c->len - c->from,
                       MSG_NOSIGNAL);
    io_uring_sqe_set_data(sqe, c);
}

static void on_accepted(int listener, int fd)
{
    struct client *c = fd < 0 ? NULL : malloc(sizeof *c);

    accept_next(listener);
    if (c == NULL)
        return;
    c->fd = fd;
    receive(c);
}

static void on_done(struct client *c, int result)
{
    if (result <= 0) {
        close(c->fd);
        free(c);
    } else if (!c->sending) {
        c->from = 0;
        c->len = (unsigned)result;
        send_rest(c);
    } else {
        c->from += (unsigned)result;
        if (c->from < c->len)
            send_rest(c);
        else
            receive(c);
    }
}

int main(int argc, char **argv)
{
    int listener = ref_listen(argv, 0);

    (void)argc;
    if (io_uring_queue_init(4096, &ring, 0) < 0)
        ref_die("io_uring_queue_init");
    accept_next(listener);
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;

        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            struct client *c = io_uring_cqe_get_data(cqe);

            count++;
            if (c == NULL)
                on_accepted(listener, cqe->res);
            else
                on_done(c, cqe->res);
        }
        io_uring_cq_advance(&ring, count);
    }
}
