#include <config.h>

#include "cli.h"
#include "loop.h"
#include "talk.h"
#include "window.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_SIZE 65536

/*
 * Standard input and output stay as they are, blocking: they may be shared
 * with other programs.  A read after POLLIN does not block; a write of at
 * most PIPE_BUF after POLLOUT does not either.
 */
struct talk {
    struct loop *loop;
    struct loop_timer timer;
    struct window *window;
    const char *peer;
    int64_t wait_ms;
    int fd;
    size_t out_from, out_len; /* of out: came back, not yet written */
    size_t write_size;        /* at once */
    bool input_ended;  /* nothing more to read, or nobody to send it to */
    bool send_ended;   /* FIN is sent, or sending failed */
    bool server_ended; /* nothing more to receive */
    bool timed;        /* the timer runs */
    int result;
    char out[OUT_SIZE];
};

static unsigned socket_want(const struct talk *t)
{
    size_t unsent;

    window_unsent(t->window, &unsent);
    return (t->out_len == 0 && !t->server_ended ? POLLER_IN : 0u) |
           (unsent > 0 && !t->send_ended ? POLLER_OUT : 0u);
}

static unsigned input_want(const struct talk *t)
{
    size_t room;

    if (t->input_ended)
        return 0;
    window_room(t->window, &room);
    return room > 0 ? POLLER_IN : 0u;
}

/* The server's turn: it owes bytes, or its end, and we could take them. */
static bool waiting(const struct talk *t)
{
    return t->out_len == 0 && !t->server_ended &&
           (t->send_ended || window_back(t->window) < window_in(t->window));
}

static void end(struct talk *t, int result)
{
    t->result = result;
    t->input_ended = t->send_ended = t->server_ended = true;
}

static void on_late(void *arg)
{
    struct talk *t = arg;

    talk_say_late(t->window, t->peer, t->wait_ms);
    end(t, CLI_WRONG);
    loop_stop(t->loop);
}

/* Only what comes back, or our FIN, begins the time anew: input does not. */
static void watch_time(struct talk *t)
{
    if (!waiting(t))
        loop_timer_clear(t->loop, &t->timer);
    else if (!t->timed)
        loop_timer_set(t->loop, &t->timer, loop_now(t->loop) + t->wait_ms,
                       on_late, t);
    t->timed = waiting(t);
}

/* After every call of the loop: what each descriptor waits for next. */
static void settle(struct talk *t)
{
    size_t unsent;

    window_unsent(t->window, &unsent);
    if (t->input_ended && unsent == 0 && !t->send_ended) {
        shutdown(t->fd, SHUT_WR);
        t->send_ended = true;
        t->timed = false;
    }
    loop_want(t->loop, STDIN_FILENO, input_want(t));
    loop_want(t->loop, t->fd, socket_want(t));
    loop_want(t->loop, STDOUT_FILENO, t->out_len > 0 ? POLLER_OUT : 0u);
    watch_time(t);
    if (t->server_ended && t->out_len == 0)
        loop_stop(t->loop);
}

static void on_input(void *arg, unsigned ready)
{
    struct talk *t = arg;
    size_t room;
    char *place = window_room(t->window, &room);
    ssize_t n;

    (void)ready;
    n = place == NULL ? -1 : read(STDIN_FILENO, place, room);
    if (n > 0) {
        window_added(t->window, (size_t)n);
    } else if (n == 0) {
        t->input_ended = true;
    } else if (errno != EINTR && errno != EAGAIN) {
        cli_say("standard input: %s", strerror(errno));
        end(t, CLI_TROUBLE);
    }
    settle(t);
}

/* A failure to send is told by the receiving side, after what still comes. */
static void send_some(struct talk *t)
{
    size_t len;
    const char *bytes = window_unsent(t->window, &len);
    ssize_t n = send(t->fd, bytes, len, MSG_NOSIGNAL);

    if (n >= 0)
        window_sent(t->window, (size_t)n);
    else if (errno != EAGAIN && errno != EINTR)
        t->input_ended = t->send_ended = true;
}

static void server_ends(struct talk *t, int error)
{
    bool all = t->input_ended &&
               window_back(t->window) == window_in(t->window);

    if (error == 0 && all && t->result == CLI_RIGHT) {
        end(t, CLI_RIGHT);
        return;
    }
    talk_say_short(t->window, t->peer, error);
    end(t, CLI_WRONG);
}

static void receive(struct talk *t)
{
    ssize_t n = recv(t->fd, t->out, OUT_SIZE, 0);
    size_t matched;

    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        server_ends(t, n == 0 ? 0 : errno);
        return;
    }
    t->out_from = 0;
    t->out_len = (size_t)n;
    matched = window_check(t->window, t->out, (size_t)n);
    if (matched < (size_t)n) {
        talk_say_wrong(t->window, t->out, matched);
        end(t, CLI_WRONG);
    }
}

static void on_socket(void *arg, unsigned ready)
{
    struct talk *t = arg;

    if (ready & POLLER_OUT)
        send_some(t);
    if (ready & POLLER_IN)
        receive(t);
    settle(t);
}

static void on_output(void *arg, unsigned ready)
{
    struct talk *t = arg;
    size_t len = t->out_len < t->write_size ? t->out_len : t->write_size;
    ssize_t n = write(STDOUT_FILENO, t->out + t->out_from, len);

    (void)ready;
    if (n >= 0) {
        t->out_from += (size_t)n;
        t->out_len -= (size_t)n;
    } else if (errno != EINTR && errno != EAGAIN) {
        cli_say("standard output: %s", strerror(errno));
        t->out_len = 0;
        end(t, CLI_TROUBLE);
    }
    settle(t);
}

static size_t write_size(void)
{
    struct stat st;

    return fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? OUT_SIZE
                                                                 : PIPE_BUF;
}

static int converse(struct talk *t)
{
    if (loop_watch(t->loop, STDIN_FILENO, POLLER_IN, on_input, t) == -1 ||
        loop_watch(t->loop, STDOUT_FILENO, 0, on_output, t) == -1 ||
        loop_watch(t->loop, t->fd, POLLER_IN, on_socket, t) == -1 ||
        loop_run(t->loop) == -1) {
        cli_say("%s", strerror(errno));
        return CLI_TROUBLE;
    }
    return t->result;
}

int talk_pipe(int fd, const char *peer, int64_t wait_ms)
{
    struct talk *t = calloc(1, sizeof *t);
    int result = CLI_TROUBLE;

    if (t != NULL) {
        t->fd = fd;
        t->peer = peer;
        t->wait_ms = wait_ms;
        t->write_size = write_size();
        t->window = window_new();
        t->loop = loop_new(&poller_poll);
    }
    if (t == NULL || t->window == NULL || t->loop == NULL)
        cli_say("%s", strerror(errno));
    else
        result = converse(t);
    if (t != NULL) {
        loop_free(t->loop);
        window_free(t->window);
    }
    free(t);
    return result;
}
