/*
 * window: bytes on their way: read, sent, and not back yet.
 *
 * A queue of blocks, each filled, sent and compared from its front; there is
 * no wrap within a block, and a block is freed when all of it came back.  Its
 * bound is what makes a client of any input size small: who reads the input
 * stops when there is no room.
 */
#ifndef ECHO_WINDOW_H
#define ECHO_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that fit at most; the last block may waste what it has left. */
#define WINDOW_BLOCK 65536
#define WINDOW_BLOCKS 32

struct window;

/* An empty window, or NULL with ENOMEM. */
struct window *window_new(void);

/* NULL is fine. */
void window_free(struct window *w);

/*
 * A place for the next bytes and in *room how many fit; window_added() says
 * how many were put there.  NULL with *room 0 when the window is full, NULL
 * with errno ENOMEM and *room 1 when there is no memory.
 */
char *window_room(struct window *w, size_t *room);
void window_added(struct window *w, size_t len);

/* The next bytes to send, *len 0 when there are none; and how many went. */
const char *window_unsent(const struct window *w, size_t *len);
void window_sent(struct window *w, size_t len);

/*
 * Compares what came back with what was sent.  Returns how many bytes match;
 * those are done with.  Fewer than len: window_expects() tells what should
 * have come there, or false when nothing more was sent.
 */
size_t window_check(struct window *w, const char *got, size_t len);
bool window_expects(const struct window *w, unsigned char *byte);

/* Bytes since window_new(): added, and back and right. */
uint64_t window_in(const struct window *w);
uint64_t window_back(const struct window *w);

#endif
