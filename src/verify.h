/*
 * verify: bytes to send of which every one is known, and a look at what came
 * back.
 *
 * One endless stream, the same in every run; who sends remembers a position
 * in it, and a sender of its own gets a position of its own, so that bytes
 * that were lost, doubled, moved or mixed up between two connections do not
 * match.  Its period is no multiple of any usual buffer's size.  Nothing is
 * copied: a message is sent from the stream itself, and the check is one
 * memcmp(3).
 */
#ifndef ECHO_VERIFY_H
#define ECHO_VERIFY_H

#include <stddef.h>
#include <stdint.h>

/* The longest run that is contiguous in memory from any position. */
#define VERIFY_RUN 65536

/* A position that is far from those of the other senders. */
uint64_t verify_start(uint64_t sender);

/* VERIFY_RUN bytes of the stream from this position on. */
const char *verify_bytes(uint64_t position);

/* How many of the len bytes match the stream, from the first on. */
size_t verify_match(const char *got, size_t len, uint64_t position);

/* How many leading bytes of a and b are the same. */
size_t verify_same(const char *a, const char *b, size_t len);

#endif
