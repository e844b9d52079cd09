/*
 * bulk: a client's bytes back to it through a pipe, uncopied, by splice(2).
 *
 * A pipe is used as a buffer is: an empty one is shared by all, for one call
 * at a time, and only one that holds bytes the client did not take belongs to
 * a connection.  So there is one pipe, and one more for each bulky client that
 * does not keep up.  Where there is no pipe, the caller copies.
 *
 * bulk_splice.c, and bulk_none.c for systems without splice(2).  Writing to a
 * connection that is gone raises SIGPIPE, which must be ignored.
 */
#ifndef ECHO_BULK_H
#define ECHO_BULK_H

#include <stddef.h>
#include <sys/types.h>

/* A pipe. */
struct bulk;

/* More pipes than this, of two descriptors each, there are never. */
#define BULK_PIPES_MAX 16

/* Bytes that a pipe holds at most, where the system gives so much.  Measured:
 * four times the usual 64K saves a tenth of the server's time. */
#define BULK_PIPE_SIZE 262144

/* How many there may be; none until the first call.  Those in use stay. */
void bulk_limit(int pipes);

/* An empty pipe, or NULL: there are enough, or none to be had, or only such as
 * hold too little to be worth it. */
struct bulk *bulk_take(void);

/* Takes a pipe back; NULL is fine.  Bytes that are still in it are lost. */
void bulk_give(struct bulk *bulk);

/*
 * Moves what there is from the socket fd into an empty pipe, as far as it
 * goes.  Returns how many bytes, or 0, and what that means is for recv(2) to
 * say: nothing there, an end of file, a splice(2) that will not, and the mark
 * of an urgent byte, which it does not get past, all look alike from here.  -1
 * with errno: an error of the connection, which recv(2) would not tell again.
 */
ssize_t bulk_in(struct bulk *bulk, int fd);

/*
 * Moves what the pipe holds to the socket fd, as far as the kernel takes it
 * now.  Returns how many bytes, or -1 with errno: EOPNOTSUPP where splice(2)
 * will not, then send(2) may, with the bytes from bulk_read(); else an error
 * of the connection.
 */
ssize_t bulk_out(struct bulk *bulk, int fd);

/* The bytes in the pipe. */
size_t bulk_held(const struct bulk *bulk);

/* Takes all bytes out of the pipe, bulk_held() of them.  0, or -1 with errno,
 * and they are lost. */
int bulk_read(struct bulk *bulk, char *bytes);

#endif
