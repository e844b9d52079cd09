#include <config.h>

#include "cli.h"
#include "loop.h"
#include "talk.h"
#include "window.h"

#include <errno.h>
#include <histedit.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#define HISTORY 500

/*
 * libedit asks for one character at a time; talk_getc() turns the loop until
 * there is one, so a server that closes, or talks unasked, is noticed while
 * the prompt waits.
 */
struct talk {
    struct loop *loop;
    struct loop_timer timer;
    struct window *window;
    EditLine *el;
    History *history;
    const char *peer;
    int64_t wait_ms;
    int fd;
    bool prompting; /* the cursor stands behind the prompt */
    bool key;       /* there is input to read */
    bool over;   /* no further line; result says how it went */
    bool quit;   /* SIGINT, SIGTERM or SIGHUP */
    bool ending; /* FIN is sent: the server's end is what we wait for */
    int result;
    char *reply; /* of the line under way, as it came back */
    size_t reply_len;
};

static void wrong(struct talk *t)
{
    t->over = true;
    t->result = CLI_WRONG;
}

/* What is said while the prompt waits gets a line of its own. */
static void leave_prompt(struct talk *t)
{
    if (t->prompting)
        putchar('\n');
    t->prompting = false;
}

/* ---- showing what came ---- */

static void put_escaped(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        printf("\\x%02x", (unsigned)(unsigned char)bytes[i]);
}

/* Characters that print go out as they are, all else as \xNN. */
static void put_text(const char *bytes, size_t len)
{
    mbstate_t state = { 0 };
    wchar_t wide;

    while (len > 0) {
        size_t n = mbrtowc(&wide, bytes, len, &state);

        if (n == 0 || n > len) {
            memset(&state, 0, sizeof state);
            n = 1;
            put_escaped(bytes, n);
        } else if (!iswprint((wint_t)wide)) {
            put_escaped(bytes, n);
        } else {
            fwrite(bytes, 1, n, stdout);
        }
        bytes += n;
        len -= n;
    }
}

static void show_reply(struct talk *t)
{
    size_t len = t->reply_len;

    leave_prompt(t);
    if (len > 0 && t->reply[len - 1] == '\n')
        len--;
    if (t->reply_len > 0) {
        printf("From server: ");
        put_text(t->reply, len);
        putchar('\n');
    }
    fflush(stdout);
    t->reply_len = 0;
}

/* ---- the connection ---- */

static void on_late(void *arg)
{
    struct talk *t = arg;

    show_reply(t);
    talk_say_late(t->window, t->peer, t->wait_ms);
    wrong(t);
    loop_stop(t->loop);
}

static bool all_back(const struct talk *t)
{
    return window_back(t->window) == window_in(t->window);
}

static bool keep(struct talk *t, const char *bytes, size_t len)
{
    char *reply = realloc(t->reply, t->reply_len + len);

    if (reply == NULL)
        return false;
    memcpy(reply + t->reply_len, bytes, len);
    t->reply = reply;
    t->reply_len += len;
    return true;
}

static void server_ends(struct talk *t, int error)
{
    t->over = true;
    show_reply(t);
    if (error == 0 && t->ending && all_back(t))
        return;
    talk_say_short(t->window, t->peer, error);
    wrong(t);
}

static void receive(struct talk *t)
{
    char bytes[4096];
    ssize_t n = recv(t->fd, bytes, sizeof bytes, 0);
    size_t matched;

    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        server_ends(t, n == 0 ? 0 : errno);
        return;
    }
    matched = window_check(t->window, bytes, (size_t)n);
    if (!keep(t, bytes, (size_t)n))
        wrong(t);
    if (matched < (size_t)n) {
        show_reply(t);
        talk_say_wrong(t->window, bytes, matched);
        wrong(t);
    }
}

static void send_some(struct talk *t)
{
    size_t len;
    const char *bytes = window_unsent(t->window, &len);
    ssize_t n = len == 0 ? 0 : send(t->fd, bytes, len, MSG_NOSIGNAL);

    if (n > 0)
        window_sent(t->window, (size_t)n);
    window_unsent(t->window, &len);
    loop_want(t->loop, t->fd, POLLER_IN | (len > 0 ? POLLER_OUT : 0u));
}

static void on_socket(void *arg, unsigned ready)
{
    struct talk *t = arg;

    if (ready & POLLER_IN)
        receive(t);
    if (!t->over && (ready & POLLER_OUT))
        send_some(t);
    if (t->over || (all_back(t) && !t->ending))
        loop_stop(t->loop);
}

/* Turns the loop until the server has done what is its turn. */
static void await_server(struct talk *t)
{
    loop_timer_set(t->loop, &t->timer, loop_now(t->loop) + t->wait_ms,
                   on_late, t);
    if (loop_run(t->loop) == -1)
        wrong(t);
    loop_timer_clear(t->loop, &t->timer);
}

static void say_line(struct talk *t, const char *line, size_t len)
{
    while (len > 0) {
        size_t room;
        char *place = window_room(t->window, &room);
        size_t n = len < room ? len : room;

        if (place == NULL) {
            cli_say("the line is too long");
            wrong(t);
            return;
        }
        memcpy(place, line, n);
        window_added(t->window, n);
        line += n;
        len -= n;
    }
    send_some(t);
    await_server(t);
    show_reply(t);
}

static void say_goodbye(struct talk *t)
{
    shutdown(t->fd, SHUT_WR);
    t->ending = true;
    await_server(t);
}

/* ---- the prompt ---- */

static void on_input(void *arg, unsigned ready)
{
    struct talk *t = arg;

    (void)ready;
    t->key = true;
    loop_stop(t->loop);
}

/* One byte when there is one; 0 at the end, the server's or the user's. */
static ssize_t read_byte(struct talk *t, char *byte)
{
    t->key = false;
    loop_want(t->loop, STDIN_FILENO, POLLER_IN);
    while (!t->key && !t->over && !t->quit)
        if (loop_run(t->loop) == -1)
            return -1;
    loop_want(t->loop, STDIN_FILENO, 0);
    return t->key ? read(STDIN_FILENO, byte, 1) : 0;
}

static int talk_getc(EditLine *el, wchar_t *c)
{
    mbstate_t state = { 0 };
    struct talk *t;
    char byte;

    el_get(el, EL_CLIENTDATA, &t);
    for (;;) {
        ssize_t n = read_byte(t, &byte);
        size_t used;

        if (n == -1 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return (int)n;
        used = mbrtowc(c, &byte, 1, &state);
        if (used == (size_t)-1) { /* not of this locale: taken as it is */
            *c = (wchar_t)(unsigned char)byte;
            return 1;
        }
        if (used != (size_t)-2)
            return 1;
    }
}

static char *prompt(EditLine *el)
{
    static char text[] = "> ";

    (void)el;
    return text;
}

static void on_quit(void *arg)
{
    struct talk *t = arg;

    t->quit = true;
    loop_stop(t->loop);
}

static void on_resize(void *arg)
{
    struct talk *t = arg;

    el_resize(t->el);
}

/* Ctrl-Z: the shell gets its terminal as it was, and back again. */
static void on_suspend(void *arg)
{
    struct talk *t = arg;

    el_set(t->el, EL_PREP_TERM, 0);
    kill(getpid(), SIGSTOP);
    el_set(t->el, EL_PREP_TERM, 1);
    el_set(t->el, EL_REFRESH);
}

static bool open_prompt(struct talk *t)
{
    HistEvent event;

    t->history = history_init();
    t->el = el_init("echoc", stdin, stdout, stderr);
    if (t->el == NULL || t->history == NULL)
        return false;
    history(t->history, &event, H_SETSIZE, HISTORY);
    history(t->history, &event, H_SETUNIQUE, 1);
    el_set(t->el, EL_CLIENTDATA, t);
    el_set(t->el, EL_PROMPT, prompt);
    el_set(t->el, EL_EDITOR, "emacs");
    el_set(t->el, EL_HIST, history, t->history);
    el_set(t->el, EL_GETCFN, talk_getc);
    el_source(t->el, NULL); /* the user's ~/.editrc, where there is one */
    return true;
}

static bool open_loop(struct talk *t)
{
    t->window = window_new();
    t->loop = loop_new(&poller_poll);
    return t->window != NULL && t->loop != NULL &&
           loop_watch(t->loop, t->fd, POLLER_IN, on_socket, t) == 0 &&
           loop_watch(t->loop, STDIN_FILENO, 0, on_input, t) == 0 &&
           loop_signal(t->loop, SIGINT, on_quit, t) == 0 &&
           loop_signal(t->loop, SIGTERM, on_quit, t) == 0 &&
           loop_signal(t->loop, SIGHUP, on_quit, t) == 0 &&
           loop_signal(t->loop, SIGTSTP, on_suspend, t) == 0 &&
           loop_signal(t->loop, SIGWINCH, on_resize, t) == 0;
}

/* A line and its length, or NULL at the end. */
static const char *read_line(struct talk *t, int *len)
{
    const char *line;

    t->prompting = true;
    el_set(t->el, EL_PREP_TERM, 1); /* before the prompt invites to type */
    line = el_gets(t->el, len);
    if (line == NULL || *len <= 0 || t->over || t->quit) {
        leave_prompt(t);
        return NULL;
    }
    t->prompting = false;
    return strcmp(line, "EXIT\n") == 0 ? NULL : line;
}

static void converse(struct talk *t)
{
    HistEvent event;
    const char *line;
    int len;

    printf("Connected to %s. EXIT or Ctrl-D ends.\n", t->peer);
    while (!t->over && !t->quit && (line = read_line(t, &len)) != NULL) {
        if (line[0] != '\n')
            history(t->history, &event, H_ENTER, line);
        say_line(t, line, (size_t)len);
    }
    fflush(stdout);
}

int talk_terminal(int fd, const char *peer, int64_t wait_ms)
{
    struct talk t = { .fd = fd, .peer = peer, .wait_ms = wait_ms };

    if (open_loop(&t) && open_prompt(&t)) {
        converse(&t);
        if (!t.over)
            say_goodbye(&t);
    } else {
        cli_say("cannot open the prompt: %s", strerror(errno));
        t.result = CLI_TROUBLE;
    }
    if (t.quit && !all_back(&t))
        t.result = CLI_WRONG;
    if (t.el != NULL)
        el_end(t.el);
    if (t.history != NULL)
        history_end(t.history);
    loop_free(t.loop);
    window_free(t.window);
    free(t.reply);
    return t.result;
}
