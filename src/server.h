/*
 * server: sockets, clients and settings as one, from bind to drain.
 */
#ifndef ECHO_SERVER_H
#define ECHO_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "stats.h"

struct loop;
struct settings;
struct server;

/* Longest error text of this module, terminated. */
#define SERVER_ERROR_MAX 512

/*
 * A server with no sockets yet, all else allocated.  Takes settings over.
 * NULL with ENOMEM, and settings is still the caller's.
 */
struct server *server_new(struct loop *loop, struct settings *settings);

/* Closes everything at once; NULL is fine. */
void server_free(struct server *server);

/*
 * Binds what server.listen names, or takes over adopt descriptors from first
 * on instead (adopt > 0).  0, or -1 with errno and a sentence in error.
 */
int server_bind(struct server *server, int first, int adopt,
                char error[SERVER_ERROR_MAX]);

/* Listens: clients are served from the next turn on.  As server_bind(). */
int server_listen(struct server *server, char error[SERVER_ERROR_MAX]);

/*
 * Swaps the settings, sockets included, for next, which is taken over; or
 * changes nothing, returns -1 with a sentence in error, and next is still the
 * caller's.  Clients stay.
 */
int server_reload(struct server *server, struct settings *next,
                  char error[SERVER_ERROR_MAX]);

/* How many descriptors the process needs to serve under these settings. */
int64_t server_descriptors(const struct server *server,
                           const struct settings *settings);

/* What is in force. */
const struct settings *server_settings(const struct server *server);

/*
 * Stops accepting; stops the loop when the last client has gone, at the
 * latest limits.drain_timeout and limits.linger_timeout from now.
 */
void server_drain(struct server *server);

/* How many clients are served. */
size_t server_active(const struct server *server);

const struct stats *server_stats(const struct server *server);

#endif
