/*
 * listener: the listening sockets, as one set that opens, rests and changes
 * together.
 *
 * A change, the first one too, is a transaction: listener_begin(), a
 * listener_add() for each address that is wanted from now on,
 * listener_start(), then listener_commit() or, after any failure,
 * listener_rollback(), which leaves what was there before.  An address that
 * was open before keeps its socket and the clients that wait in it.
 */
#ifndef ECHO_LISTENER_H
#define ECHO_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "listen_socket.h"

struct loop;
struct listener_set;

/* A client, non-blocking and close-on-exec; the callee owns fd. */
typedef void listener_accept_fn(void *arg, int fd, const struct addr *peer);

/* Whether there is room for one more.  If not, the set rests until
 * listener_resume(), and who comes waits in the backlog. */
typedef bool listener_room_fn(void *arg);

/* Longest error text of this module, terminated. */
#define LISTENER_ERROR_MAX 256

/* An empty set, or NULL with ENOMEM. */
struct listener_set *listener_set_new(struct loop *loop,
                                      listener_accept_fn *accept,
                                      listener_room_fn *room, void *arg);

/* Closes all and frees the set; NULL is fine. */
void listener_set_free(struct listener_set *set);

void listener_begin(struct listener_set *set,
                    const struct listen_options *options);

/*
 * Opens and binds a socket for addr, if the set has none.  An optional one
 * may be missing where the host does not have its family; the log says so
 * once.  0, or -1 with
 * errno and a sentence in error that names the address.
 */
int listener_add(struct listener_set *set, const struct addr *addr,
                 bool optional, char error[LISTENER_ERROR_MAX]);

/* Takes over a socket that listens already (LISTEN_FDS); as listener_add(). */
int listener_adopt(struct listener_set *set, int fd,
                   char error[LISTENER_ERROR_MAX]);

/* listen(2) on each socket that is wanted; as listener_add(). */
int listener_start(struct listener_set *set, char error[LISTENER_ERROR_MAX]);

/* Watches and logs the new ones, closes those that are wanted no more. */
void listener_commit(struct listener_set *set);

/* Closes what was opened since listener_begin(). */
void listener_rollback(struct listener_set *set);

/* Closes every socket; clients that still waited in them are reset. */
void listener_close_all(struct listener_set *set);

/* Accepts no more until listener_resume(), which is cheap when not paused. */
void listener_pause(struct listener_set *set);
void listener_resume(struct listener_set *set);

/* How many sockets there are. */
size_t listener_count(const struct listener_set *set);

#endif
