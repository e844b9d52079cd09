/*
 * probe_stream: one connection of a check, with a deadline on every step.
 *
 * Every function returns true, or false when the check has failed; then
 * `why` says so in words, and every further call returns false at once.  So a
 * check is written as if nothing went wrong.  Nothing here waits without end:
 * a step in which no byte moves for `wait_ms` fails, and so does one that
 * goes on after `until_ms`.
 */
#ifndef ECHO_PROBE_STREAM_H
#define ECHO_PROBE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define PROBE_WHY_MAX 256

struct probe_stream {
    int fd;            /* -1: none */
    int64_t wait_ms;   /* the longest silence */
    int64_t until_ms;  /* by ticks_now_ms(): the end of the check */
    uint64_t start;    /* where in the stream of verify it began */
    uint64_t sent, got; /* bytes */
    bool fin;          /* our side has ended */
    bool ended;        /* the server's side has */
    bool failed;
    char why[PROBE_WHY_MAX];
};

/* Connects; the caller closes by probe_close() in any case. */
bool probe_open(struct probe_stream *s, const struct addr *addr,
                int64_t wait_ms, int64_t until_ms);

/* Closes; fine for one that never opened. */
void probe_close(struct probe_stream *s);

/* Sends len bytes and takes at the same time what comes back. */
bool probe_send(struct probe_stream *s, uint64_t len);

/*
 * Sends at most len bytes and reads nothing; ends early, and well, when none
 * was taken for pause_ms.
 */
bool probe_push(struct probe_stream *s, uint64_t len, int64_t pause_ms);

/*
 * After probe_push(): takes len bytes in small pieces of all sizes, and sends
 * such pieces whenever there is room, so that the way stays full while it
 * moves.
 */
bool probe_crawl(struct probe_stream *s, uint64_t len);

/* Takes what comes back until nothing that was sent is missing. */
bool probe_receive(struct probe_stream *s);

/* Ends our side. */
bool probe_fin(struct probe_stream *s);

/* Takes what still comes; all must, and then the server's end. */
bool probe_drain(struct probe_stream *s);

/*
 * Takes whatever comes, unchecked, until the server's end; *len of size bytes
 * are filled.  More than that fails.
 */
bool probe_collect(struct probe_stream *s, char *bytes, size_t size,
                   size_t *len);

/* Fails the check in the caller's words. */
bool probe_fail(struct probe_stream *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
