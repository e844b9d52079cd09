#include <config.h>

#include "listener.h"
#include "log.h"
#include "loop.h"
#include "sockopt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The greed of a turn: clients that are there get theirs in between. */
#define ACCEPTS_A_TURN 64

/* How long the set rests when the system has no descriptor or memory left and
 * no client of ours leaves: short enough not to be noticed, long enough to
 * cost nothing (10 tries a second). */
#define REST_MS 100

/* A client that makes one episode after the other does not fill the log. */
#define SAY_AGAIN_MS 1000

/* Tries to find a port that is free in both families. */
#define PORT_TRIES 16

struct listener {
    struct listener_set *set;
    struct addr asked; /* as wanted; its port may be 0 */
    struct addr bound;
    int fd;
    bool wanted;
    bool fresh;   /* opened since listener_begin() */
    bool adopted; /* handed over: no key opens or closes it */
    bool ready;   /* somebody waits to be accepted */
    struct listener *next;
};

/* Clients wait.  It ends when a queue is found empty, so it is said once. */
struct episode {
    bool said;
    int64_t again_ms; /* the next one is not said sooner */
};

struct listener_set {
    struct loop *loop;
    listener_accept_fn *accept;
    listener_room_fn *room;
    void *arg;
    struct listener *first;
    struct listen_options options;
    struct listen_options former; /* before listener_begin() */
    struct loop_timer rest;
    struct loop_timer accepting;
    bool paused;
    struct episode short_of; /* descriptors or memory */
    struct episode full;
    bool said_clamped;
    bool said_missing;
};

struct listener_set *listener_set_new(struct loop *loop,
                                      listener_accept_fn *accept,
                                      listener_room_fn *room, void *arg)
{
    struct listener_set *set = calloc(1, sizeof *set);

    if (set == NULL)
        return NULL;
    set->loop = loop;
    set->accept = accept;
    set->room = room;
    set->arg = arg;
    return set;
}

/* ---- accepting ---- */

static void resume_later(void *arg)
{
    listener_resume(arg);
}

static void say_once(const struct listener_set *set, struct episode *episode,
                     const char *why)
{
    int64_t now = loop_now(set->loop);

    if (episode->said || now < episode->again_ms)
        return;
    log_write(LOG_WARNING, "%s, new clients wait in the backlog", why);
    episode->said = true;
    episode->again_ms = now + SAY_AGAIN_MS;
}

static void rest(struct listener_set *set, int error)
{
    char why[LISTENER_ERROR_MAX];

    snprintf(why, sizeof why, "cannot accept: %s", strerror(error));
    say_once(set, &set->short_of, why);
    listener_pause(set);
    loop_timer_set(set->loop, &set->rest, loop_now(set->loop) + REST_MS,
                   resume_later, set);
}

/* Returns whether to try another one. */
static bool accept_one(struct listener *l)
{
    struct listener_set *set = l->set;
    struct addr peer = { .len = sizeof peer.sa };
    int fd = accept4(l->fd, &peer.sa.any, &peer.len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd != -1) {
        addr_unmap(&peer);
        set->accept(set->arg, fd, &peer);
        return true;
    }
    if (sockopt_is_lost_client(errno))
        return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        set->short_of.said = set->full.said = false;
    else
        rest(set, errno);
    return false;
}

static void accept_batch(struct listener *l)
{
    const struct listener_set *set = l->set;
    int budget = ACCEPTS_A_TURN;

    l->ready = false;
    while (budget-- > 0 && set->room(set->arg) && accept_one(l))
        ;
}

/* A full house is said only when somebody knocks at it. */
static void accept_all(void *arg)
{
    struct listener_set *set = arg;

    if (!set->room(set->arg)) {
        say_once(set, &set->full, "limits.max_clients is reached");
        listener_pause(set);
        return;
    }
    for (struct listener *l = set->first; l != NULL; l = l->next)
        if (l->ready && !set->paused)
            accept_batch(l);
}

/* Once the clients had their turn: the descriptors of those who left in it
 * are closed by then, so who comes never finds none. */
static void on_ready(void *arg, unsigned ready)
{
    struct listener *l = arg;

    (void)ready;
    l->ready = true;
    loop_timer_set(l->set->loop, &l->set->accepting, loop_now(l->set->loop),
                   accept_all, l->set);
}

/* 0, or -1 with errno where the poller refuses; EBADF is one that does not
 * listen yet.  Ending a watch never fails. */
static int want_all(struct listener_set *set, unsigned want)
{
    for (struct listener *l = set->first; l != NULL; l = l->next)
        if (loop_want(set->loop, l->fd, want) == -1 && errno != EBADF)
            return -1;
    return 0;
}

void listener_pause(struct listener_set *set)
{
    if (set->paused)
        return;
    set->paused = true;
    want_all(set, 0);
}

void listener_resume(struct listener_set *set)
{
    if (!set->paused)
        return;
    set->paused = false;
    loop_timer_clear(set->loop, &set->rest);
    if (want_all(set, POLLER_IN) == -1)
        rest(set, errno);
}

/* ---- opening ---- */

static int fail(char error[LISTENER_ERROR_MAX], const char *what,
                const struct addr *addr)
{
    char text[ADDR_TEXT_MAX];
    int saved = errno;

    snprintf(error, LISTENER_ERROR_MAX, "%s %s: %s", what,
             addr_format(addr, text), strerror(saved));
    errno = saved;
    return -1;
}

static int insert(struct listener_set *set, int fd, const struct addr *asked,
                  bool adopted)
{
    struct listener *l = calloc(1, sizeof *l);
    struct listener **end = &set->first;

    if (l == NULL)
        return -1;
    if (addr_local(&l->bound, fd) == -1) {
        free(l);
        return -1;
    }
    while (*end != NULL)
        end = &(*end)->next;
    *end = l;
    l->set = set;
    l->asked = *asked;
    l->fd = fd;
    l->wanted = l->fresh = true;
    l->adopted = adopted;
    return 0;
}

/* By its bound address too: port 0 may have become the port that is asked for
 * now, which the socket itself would keep from being bound anew. */
static struct listener *find(struct listener_set *set, const struct addr *addr)
{
    for (struct listener *l = set->first; l != NULL; l = l->next)
        if (!l->adopted &&
            (addr_equal(&l->asked, addr) || addr_equal(&l->bound, addr)))
            return l;
    return NULL;
}

/* Said once: it is the same at each reload. */
static bool is_missing_family(struct listener_set *set, const struct addr *addr)
{
    char text[ADDR_TEXT_MAX];

    if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL &&
        errno != EPROTONOSUPPORT)
        return false;
    if (!set->said_missing)
        log_errno(LOG_NOTICE, errno,
                  "this host has no IPv%c, not listening on %s",
                  addr->sa.any.sa_family == AF_INET ? '4' : '6',
                  addr_format(addr, text));
    set->said_missing = true;
    return true;
}

static int open_into(struct listener_set *set, const struct addr *asked,
                     const struct addr *addr)
{
    int fd = listen_socket_open(addr, &set->options);

    if (fd == -1)
        return -1;
    if (insert(set, fd, asked, false) == 0)
        return 0;
    close(fd);
    return -1;
}

/*
 * "*" with port 0 is one free port, the same in both families: IPv6 asks for
 * what IPv4 has got, and where that is taken, a fresh IPv4 socket looks for
 * another.
 */
static struct listener *port_lender(const struct listener_set *set)
{
    struct addr any;

    addr_any(&any, AF_INET, 0);
    for (struct listener *l = set->first; l != NULL; l = l->next)
        if (l->wanted && addr_equal(&l->asked, &any))
            return l;
    return NULL;
}

static int move_port(struct listener *l, const struct listen_options *options)
{
    int fd = listen_socket_open(&l->asked, options);

    if (fd == -1)
        return -1;
    close(l->fd);
    l->fd = fd;
    return addr_local(&l->bound, fd);
}

static int open_same_port(struct listener_set *set, const struct addr *asked,
                          struct addr *addr)
{
    struct listener *lender = port_lender(set);

    for (int tries = PORT_TRIES; lender != NULL && tries > 0; tries--) {
        addr_set_port(addr, addr_port(&lender->bound));
        if (open_into(set, asked, addr) == 0)
            return 0;
        if (errno != EADDRINUSE || !lender->fresh ||
            move_port(lender, &set->options) == -1)
            return -1;
    }
    return open_into(set, asked, addr);
}

int listener_add(struct listener_set *set, const struct addr *asked,
                 bool optional, char error[LISTENER_ERROR_MAX])
{
    struct listener *old = find(set, asked);
    struct addr addr = *asked;
    bool any_port = optional && addr_port(asked) == 0;

    if (old != NULL) {
        old->wanted = true;
        return 0;
    }
    if ((any_port ? open_same_port(set, asked, &addr)
                  : open_into(set, asked, &addr)) == 0)
        return 0;
    if (optional && is_missing_family(set, &addr))
        return 0;
    return fail(error, "cannot listen on", &addr);
}

int listener_adopt(struct listener_set *set, int fd,
                   char error[LISTENER_ERROR_MAX])
{
    struct addr none = { 0 };

    if (listen_socket_adopt(fd) == 0 && insert(set, fd, &none, true) == 0)
        return 0;
    if (errno == EINVAL)
        snprintf(error, LISTENER_ERROR_MAX,
                 "descriptor %d is not a listening stream socket", fd);
    else
        snprintf(error, LISTENER_ERROR_MAX, "descriptor %d: %s", fd,
                 strerror(errno));
    return -1;
}

/* ---- the transaction ---- */

void listener_begin(struct listener_set *set,
                    const struct listen_options *options)
{
    set->former = set->options;
    set->options = *options;
    for (struct listener *l = set->first; l != NULL; l = l->next)
        l->wanted = l->adopted;
}

static void tell_clamped(struct listener_set *set)
{
    int most = set->said_clamped ? 0 : listen_socket_max_backlog();

    if (most == 0 || most >= set->options.backlog)
        return;
    set->said_clamped = true;
    log_write(LOG_NOTICE,
              "server.backlog is %d, but the kernel allows %d "
              "(net.core.somaxconn)",
              set->options.backlog, most);
}

static int start_fresh(struct listener_set *set, struct listener *l)
{
    if (!l->adopted && listen(l->fd, set->options.backlog) == -1)
        return -1;
    return loop_watch(set->loop, l->fd, set->paused ? 0 : POLLER_IN, on_ready,
                      l);
}

/* A second listen(2) changes the backlog; an adopted socket keeps its own. */
static void refresh(struct listener_set *set, struct listener *l)
{
    char text[ADDR_TEXT_MAX];

    if (listen_socket_set(l->fd, l->bound.sa.any.sa_family,
                          &set->options) == -1 ||
        (!l->adopted && listen(l->fd, set->options.backlog) == -1))
        log_errno(LOG_WARNING, errno, "cannot change %s",
                  addr_format(&l->bound, text));
}

int listener_start(struct listener_set *set, char error[LISTENER_ERROR_MAX])
{
    size_t wanted = 0;

    for (struct listener *l = set->first; l != NULL; l = l->next) {
        wanted += l->wanted;
        if (l->fresh && start_fresh(set, l) == -1)
            return fail(error, "cannot listen on", &l->bound);
    }
    if (wanted > 0)
        return 0;
    snprintf(error, LISTENER_ERROR_MAX,
             "cannot listen: this host has neither IPv4 nor IPv6");
    errno = EAFNOSUPPORT;
    return -1;
}

/* Closes what the test says, in the list and on disk. */
static void remove_if(struct listener_set *set,
                      bool (*test)(const struct listener *))
{
    struct listener **at = &set->first;

    while (*at != NULL) {
        struct listener *l = *at;

        if (!test(l)) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        if (l->bound.sa.any.sa_family == AF_UNIX && !l->adopted)
            unlink(l->bound.sa.un.sun_path);
        loop_close(set->loop, l->fd);
        free(l);
    }
}

static bool is_unwanted(const struct listener *l)
{
    return !l->wanted;
}

static bool is_fresh(const struct listener *l)
{
    return l->fresh;
}

static bool is_any(const struct listener *l)
{
    (void)l;
    return true;
}

void listener_commit(struct listener_set *set)
{
    char text[ADDR_TEXT_MAX];

    /* First: it opens a file, and who reads "listening on" may count. */
    tell_clamped(set);
    for (struct listener *l = set->first; l != NULL; l = l->next) {
        addr_format(&l->bound, text);
        if (!l->wanted)
            log_write(LOG_INFO, "no longer listening on %s", text);
        else if (l->fresh)
            log_write(LOG_INFO, "listening on %s", text);
        if (l->wanted && (!l->fresh || l->adopted))
            refresh(set, l);
        l->fresh = false;
    }
    remove_if(set, is_unwanted);
}

void listener_rollback(struct listener_set *set)
{
    set->options = set->former;
    remove_if(set, is_fresh);
    for (struct listener *l = set->first; l != NULL; l = l->next)
        l->wanted = true;
}

void listener_close_all(struct listener_set *set)
{
    loop_timer_clear(set->loop, &set->rest);
    loop_timer_clear(set->loop, &set->accepting);
    remove_if(set, is_any);
}

void listener_set_free(struct listener_set *set)
{
    if (set == NULL)
        return;
    listener_close_all(set);
    free(set);
}

size_t listener_count(const struct listener_set *set)
{
    size_t count = 0;

    for (const struct listener *l = set->first; l != NULL; l = l->next)
        count++;
    return count;
}
