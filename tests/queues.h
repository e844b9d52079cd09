/*
 * queues: what the kernel holds for the clients of a server, by /proc/net/tcp.
 */
#ifndef ECHO_QUEUES_H
#define ECHO_QUEUES_H

#include <stddef.h>
#include <stdint.h>

/* Bytes to be sent and to be read, of the server's end of each connection. */
struct queues {
    size_t established;
    uint64_t least, most, all;
};

/* Of the connections to an IPv4 address as echod logs it. */
struct queues queues_of(const char *address);

/* How many of them are in a state of TCP_... */
size_t queues_in(const char *address, unsigned state);

/* Pages that the kernel has for TCP, of the whole machine. */
long queues_pages(void);

/* Sends to all, without a read, until none takes a byte for ms. */
void queues_stuff(const int *fds, size_t count, int ms);

/* The same for each step-th of them, from the second on. */
void queues_stuff_every(const int *fds, size_t count, size_t step, int ms);

#endif
