/*
 * client: the other end of an echo, for tests.
 *
 * Descriptors are non-blocking; every call waits on its own and ends the
 * running test when it fails or HARNESS_SOON has passed.
 */
#ifndef ECHO_CLIENT_H
#define ECHO_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Connects to an address as echod logs it. */
int client_connect(const char *address);

/* The same with SO_RCVBUF and SO_SNDBUF of that size; 0: the kernel's. */
int client_connect_sized(const char *address, int buffer);

/* The same, but returns -1 with errno where the connection fails. */
int client_try(const char *address, int buffer);

/* All n bytes. */
void client_send(int fd, const void *bytes, size_t n);
void client_recv(int fd, void *bytes, size_t n);

/* Sends until the kernel takes no more for 200 ms; returns how much it took.
 * The bytes are those of client_payload() from offset 0. */
uint64_t client_stuff(int fd, uint64_t seed);

/* FIN: nothing more is sent. */
void client_finish(int fd);

/* Nothing more comes, and the end is a FIN. */
void client_expect_eof(int fd);

/* The connection is or gets reset. */
void client_expect_reset(int fd);

/* Waits for readiness; false after ms (not scaled). */
bool client_wait(int fd, short events, int ms);

/* Bytes of an endless random text, the same for the same seed and offset. */
void client_payload(uint64_t seed, uint64_t offset, void *bytes, size_t n);

/* Receives n bytes, which must be client_payload() from offset on. */
void client_verify(int fd, uint64_t seed, uint64_t offset, size_t n);

/* Sends a byte and takes it back; false where the server has ended the
 * conversation instead, which it may do at any moment. */
bool client_talks(int fd);

/* Sends n bytes of a seed (which may be large) and verifies their echo. */
void client_echo(int fd, uint64_t seed, size_t n);

/* client_echo(), FIN, the end, close. */
void client_talk(const char *address, uint64_t seed, size_t n);

/* Closes with a reset. */
void client_abort(int fd);

/* Many clients at once, each with a temper of its own: some read late, some
 * send single bytes, some half-close at once, some when all has come back. */
struct client_crowd {
    const char *address;
    size_t clients;
    size_t bytes; /* of each, on average */
    size_t chunk; /* the most that is sent or received at once */
    uint64_t seed;
};

/* Connects all, then lets all talk at once; verifies every byte and end. */
void client_crowd(const struct client_crowd *crowd);

#endif
