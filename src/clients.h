/*
 * clients: everyone who is connected, and how long each may take.
 *
 * A client reads or writes (conn.h) until it ends the conversation or a limit
 * does.  Then its side of the connection is ended first and the rest of what
 * it sends is thrown away for a while (lingering), so that no reset eats the
 * tail of the echo.  Who is turned away at the door lingers likewise, but
 * takes no place from those who are served.
 */
#ifndef ECHO_CLIENTS_H
#define ECHO_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "connlog.h"
#include "stats.h"

struct addr;
struct clients;
struct loop;
struct settings;
struct source;

/* How many that were turned away may linger at once. */
#define CLIENTS_TURNED_AWAY_MAX 64

/* A client has gone; source is what clients_add() was given. */
typedef void clients_gone_fn(void *arg, struct source *source);

/* None yet, or NULL with ENOMEM; stats is counted in. */
struct clients *clients_new(struct loop *loop, struct stats *stats,
                            clients_gone_fn *gone, void *arg);

/* Closes all at once and frees; NULL is fine. */
void clients_free(struct clients *clients);

/*
 * Settings from now on, which must outlive their use, and scratch of
 * server.buffer_size bytes, which is taken over.  Before the first client.
 */
void clients_apply(struct clients *clients, const struct settings *settings,
                   char *scratch);

/*
 * Serves fd from now on.  Takes fd over in any case; -1 where memory or the
 * poller fail, which the log is told: then fd is closed, and gone not called.
 */
int clients_add(struct clients *clients, int fd, const struct addr *peer,
                struct source *source);

/* Takes fd over: a line in the log that says why (a word of gate.h), FIN, and
 * a bounded linger where there is room. */
void clients_turn_away(struct clients *clients, int fd,
                       const struct addr *peer, const char *why);

/* How many are served, those who linger after it included. */
size_t clients_count(const struct clients *clients);

/*
 * Ends those of which test(arg, peer) is true (NULL: all) as if a limit did,
 * CONNLOG_SHUTDOWN.
 */
typedef bool clients_test_fn(void *arg, const struct addr *peer);
void clients_end(struct clients *clients, clients_test_fn *test, void *arg);

/* Gives every client the source that fn returns for its peer. */
typedef struct source *clients_source_fn(void *arg, const struct addr *peer);
void clients_set_sources(struct clients *clients, clients_source_fn *fn,
                         void *arg);

#endif
