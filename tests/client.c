#include <config.h>

#include "client.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "addr.h"
#include "harness.h"

#define PIECE 65536

/* Connecting and ending. */

static void set_buffers(int fd, int buffer)
{
    if (buffer > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
}

int client_try(const char *address, int buffer)
{
    struct addr addr;
    struct timeval soon = { harness_ms(HARNESS_SOON) / 1000, 0 };
    ck_assert_msg(addr_parse(&addr, address, 0) == 0, "address %s", address);
    int fd = socket(addr.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_msg(fd >= 0, "socket: %s", strerror(errno));
    set_buffers(fd, buffer);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    if (connect(fd, &addr.sa.any, addr.len) == -1) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

int client_connect_sized(const char *address, int buffer)
{
    int fd = client_try(address, buffer);
    ck_assert_msg(fd >= 0, "connect %s: %s", address, strerror(errno));
    return fd;
}

int client_connect(const char *address)
{
    return client_connect_sized(address, 0);
}

void client_finish(int fd)
{
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
}

void client_abort(int fd)
{
    struct linger now = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* Moving bytes. */

bool client_wait(int fd, short events, int ms)
{
    struct pollfd poller = { .fd = fd, .events = events };
    int n;
    while ((n = poll(&poller, 1, ms)) == -1 && errno == EINTR) {
    }
    return n == 1;
}

static void await(int fd, short events, const char *what)
{
    if (!client_wait(fd, events, harness_ms(HARNESS_SOON))) {
        ck_abort_msg("nothing to %s in time", what);
    }
}

void client_send(int fd, const void *bytes, size_t n)
{
    const char *from = bytes;
    while (n > 0) {
        ssize_t sent = send(fd, from, n, MSG_NOSIGNAL);
        if (sent == -1 && errno == EAGAIN) {
            await(fd, POLLOUT, "send");
            continue;
        }
        ck_assert_msg(sent > 0, "send: %s", strerror(errno));
        from += sent;
        n -= (size_t)sent;
    }
}

/* At least one byte; 0 at the end. */
static size_t receive_some(int fd, void *bytes, size_t n)
{
    ssize_t got;
    while ((got = recv(fd, bytes, n, 0)) == -1 && errno == EAGAIN) {
        await(fd, POLLIN, "receive");
    }
    ck_assert_msg(got >= 0, "recv: %s", strerror(errno));
    return (size_t)got;
}

void client_recv(int fd, void *bytes, size_t n)
{
    char *to = bytes;
    while (n > 0) {
        size_t got = receive_some(fd, to, n);
        ck_assert_msg(got > 0, "the end came with %zu bytes missing", n);
        to += got;
        n -= got;
    }
}

void client_expect_eof(int fd)
{
    char byte;
    ck_assert_msg(receive_some(fd, &byte, 1) == 0, "a byte too many");
}

void client_expect_reset(int fd)
{
    char bytes[PIECE];
    ssize_t got;
    do {
        await(fd, POLLIN, "receive");
        got = recv(fd, bytes, sizeof bytes, 0);
    } while (got > 0);
    ck_assert_int_eq(got, -1);
    ck_assert_int_eq(errno, ECONNRESET);
}

/* Payload. */

/* The eight bytes at 8 * block: SplitMix64 of Steele, Lea and Flood. */
static uint64_t block_of(uint64_t seed, uint64_t block)
{
    uint64_t z = seed * 0xd1342543de82ef95U + block * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

void client_payload(uint64_t seed, uint64_t offset, void *bytes, size_t n)
{
    unsigned char *to = bytes;
    while (n > 0) {
        uint64_t block = block_of(seed, offset / 8);
        size_t skip = offset % 8;
        size_t len = 8 - skip < n ? 8 - skip : n;
        memcpy(to, (unsigned char *)&block + skip, len);
        to += len;
        offset += len;
        n -= len;
    }
}

static void check_payload(uint64_t seed, uint64_t offset,
                          const unsigned char *bytes, size_t n)
{
    unsigned char right[PIECE];
    while (n > 0) {
        size_t len = n < sizeof right ? n : sizeof right;
        client_payload(seed, offset, right, len);
        for (size_t i = 0; memcmp(bytes, right, len) != 0 && i < len; i++) {
            ck_assert_msg(bytes[i] == right[i],
                          "byte %llu should be 0x%02x but was 0x%02x",
                          (unsigned long long)(offset + i), right[i],
                          bytes[i]);
        }
        bytes += len;
        offset += len;
        n -= len;
    }
}

void client_verify(int fd, uint64_t seed, uint64_t offset, size_t n)
{
    unsigned char bytes[PIECE];
    while (n > 0) {
        size_t len = n < sizeof bytes ? n : sizeof bytes;
        client_recv(fd, bytes, len);
        check_payload(seed, offset, bytes, len);
        offset += len;
        n -= len;
    }
}

/* Sends some of what is left; how much the kernel took. */
static size_t send_payload(int fd, uint64_t seed, uint64_t offset, size_t n)
{
    unsigned char bytes[PIECE];
    n = n < sizeof bytes ? n : sizeof bytes;
    client_payload(seed, offset, bytes, n);
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
    if (sent == -1 && errno == EAGAIN) {
        return 0;
    }
    ck_assert_msg(sent > 0, "send: %s", strerror(errno));
    return (size_t)sent;
}

uint64_t client_stuff(int fd, uint64_t seed)
{
    uint64_t sent = 0;
    while (client_wait(fd, POLLOUT, 200)) {
        sent += send_payload(fd, seed, sent, PIECE);
    }
    return sent;
}

bool client_talks(int fd)
{
    char byte = 'x';
    ssize_t n;
    if (send(fd, &byte, 1, MSG_NOSIGNAL) == -1) {
        return false;
    }
    ck_assert(client_wait(fd, POLLIN, harness_ms(HARNESS_SOON)));
    n = recv(fd, &byte, 1, 0);
    ck_assert(n < 1 || byte == 'x');
    return n == 1;
}

void client_echo(int fd, uint64_t seed, size_t n)
{
    unsigned char bytes[PIECE];
    uint64_t sent = 0;
    uint64_t got = 0;
    while (got < n) {
        if (sent < n) {
            sent += send_payload(fd, seed, sent, n - (size_t)sent);
        }
        await(fd, sent < n ? POLLIN | POLLOUT : POLLIN, "receive");
        ssize_t len = recv(fd, bytes, sizeof bytes, 0);
        if (len == -1 && errno == EAGAIN) {
            continue;
        }
        ck_assert_msg(len > 0, "recv: %s", len == 0 ? "end" : strerror(errno));
        ck_assert_msg(got + (uint64_t)len <= n, "bytes too many");
        check_payload(seed, got, bytes, (size_t)len);
        got += (uint64_t)len;
    }
}

void client_talk(const char *address, uint64_t seed, size_t n)
{
    int fd = client_connect(address);
    client_echo(fd, seed, n);
    client_finish(fd);
    client_expect_eof(fd);
    close(fd);
}

/* A crowd. */

/* A late reader reads once this much is under way, or all, or no more goes. */
#define LATE 65536

/* Enough of single bytes: each costs system calls at both ends. */
#define TINY 2000

struct member {
    int fd; /* -1: its end has come */
    bool late, tiny, patient, finished;
    uint64_t seed, total, sent, got;
    unsigned dice;
};

static unsigned roll(struct member *member, size_t sides)
{
    member->dice = member->dice * 1103515245U + 12345U;
    return (member->dice >> 8) % (unsigned)sides;
}

static void member_begin(struct member *member,
                         const struct client_crowd *crowd, size_t i)
{
    memset(member, 0, sizeof *member);
    member->seed = crowd->seed + i;
    member->dice = (unsigned)member->seed;
    member->late = i % 3 == 1;
    member->tiny = i % 5 == 2;
    member->patient = i % 2 == 0;
    member->total = crowd->bytes / 2 + roll(member, crowd->bytes + 1);
    if (member->tiny && member->total > TINY) {
        member->total = TINY;
    }
    member->fd = client_connect(crowd->address);
}

static bool member_may_send(const struct member *member)
{
    return member->sent < member->total;
}

static void member_send(struct member *member, size_t chunk)
{
    size_t n = 1 + (member->tiny ? 0 : roll(member, chunk));
    uint64_t left = member->total - member->sent;
    n = n < left ? n : (size_t)left;
    member->sent += send_payload(member->fd, member->seed, member->sent, n);
}

static void member_finish(struct member *member)
{
    if (!member->finished && member->sent == member->total
        && (!member->patient || member->got == member->total)) {
        client_finish(member->fd);
        member->finished = true;
    }
}

static void member_receive(struct member *member, size_t chunk)
{
    unsigned char bytes[PIECE];
    size_t n = 1 + roll(member, chunk < PIECE ? chunk : PIECE);
    ssize_t got = recv(member->fd, bytes, n, 0);
    if (got == -1 && errno == EAGAIN) {
        return;
    }
    ck_assert_msg(got >= 0, "recv: %s", strerror(errno));
    if (got == 0) {
        ck_assert_msg(member->finished && member->got == member->total,
                      "the end came after %llu of %llu bytes",
                      (unsigned long long)member->got,
                      (unsigned long long)member->total);
        close(member->fd);
        member->fd = -1;
        return;
    }
    check_payload(member->seed, member->got, bytes, (size_t)got);
    member->got += (uint64_t)got;
}

static void member_turn(struct member *member, short ready, size_t chunk)
{
    if ((ready & POLLOUT) != 0) {
        member_send(member, chunk);
        if (member->late && member_may_send(member)
            && member->sent - member->got < LATE) {
            return;
        }
    }
    if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0) {
        member_receive(member, chunk);
    }
    if (member->fd != -1) {
        member_finish(member);
    }
}

void client_crowd(const struct client_crowd *crowd)
{
    struct member *members = calloc(crowd->clients, sizeof *members);
    struct pollfd *fds = calloc(crowd->clients, sizeof *fds);
    size_t left = crowd->clients;
    for (size_t i = 0; i < crowd->clients; i++) {
        member_begin(&members[i], crowd, i);
    }
    while (left > 0) {
        for (size_t i = 0; i < crowd->clients; i++) {
            member_finish(&members[i]);
            fds[i].fd = members[i].fd;
            fds[i].events = POLLIN;
            if (member_may_send(&members[i])) {
                fds[i].events |= POLLOUT;
            }
        }
        int n = poll(fds, crowd->clients, harness_ms(HARNESS_SOON));
        ck_assert_msg(n > 0, "%zu clients wait in vain", left);
        for (size_t i = 0; i < crowd->clients; i++) {
            if (fds[i].fd != -1 && fds[i].revents != 0) {
                member_turn(&members[i], fds[i].revents, crowd->chunk);
                left -= members[i].fd == -1;
            }
        }
    }
    free(members);
    free(fds);
}
