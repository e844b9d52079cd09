#include <config.h>

#include "queues.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "addr.h"
#include "harness.h"

/* A line of the table. */
struct line {
    unsigned address, port, state, unsent, unread;
};

static bool next_line(FILE *table, struct line *line)
{
    char text[512];
    while (fgets(text, sizeof text, table) != NULL) {
        if (sscanf(text, "%*d: %8X:%4X %*8X:%*4X %2X %8X:%8X", &line->address,
                   &line->port, &line->state, &line->unsent, &line->unread)
            == 5) {
            return true;
        }
    }
    fclose(table);
    return false;
}

static FILE *open_table(const char *address, struct sockaddr_in *local)
{
    struct addr addr;
    FILE *table = fopen("/proc/net/tcp", "re");
    ck_assert_ptr_nonnull(table);
    ck_assert_int_eq(addr_parse(&addr, address, 0), 0);
    ck_assert_int_eq(addr.sa.any.sa_family, AF_INET);
    *local = addr.sa.v4;
    return table;
}

static bool is_of(const struct line *line, const struct sockaddr_in *local)
{
    return line->address == local->sin_addr.s_addr
           && line->port == ntohs(local->sin_port);
}

struct queues queues_of(const char *address)
{
    struct queues queues = { .least = UINT64_MAX };
    struct sockaddr_in local;
    struct line line;
    FILE *table = open_table(address, &local);
    while (next_line(table, &line)) {
        if (is_of(&line, &local) && line.state == TCP_ESTABLISHED) {
            uint64_t held = (uint64_t)line.unsent + line.unread;
            queues.established++;
            queues.all += held;
            queues.least = held < queues.least ? held : queues.least;
            queues.most = held > queues.most ? held : queues.most;
        }
    }
    return queues;
}

size_t queues_in(const char *address, unsigned state)
{
    size_t count = 0;
    struct sockaddr_in local;
    struct line line;
    FILE *table = open_table(address, &local);
    while (next_line(table, &line)) {
        count += is_of(&line, &local) && line.state == state;
    }
    return count;
}

long queues_pages(void)
{
    char text[256];
    long pages = -1;
    FILE *file = fopen("/proc/net/sockstat", "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(text, sizeof text, file) != NULL) {
        sscanf(text, "TCP: inuse %*d orphan %*d tw %*d alloc %*d mem %ld",
               &pages);
    }
    fclose(file);
    ck_assert_int_ne(pages, -1);
    return pages;
}

static uint64_t stuff_once(const int *fds, size_t count, size_t step)
{
    static const char bytes[65536];
    uint64_t sent = 0;
    for (size_t i = step - 1; i < count; i += step) {
        ssize_t n;
        while ((n = send(fds[i], bytes, sizeof bytes, MSG_NOSIGNAL)) > 0) {
            sent += (uint64_t)n;
        }
    }
    return sent;
}

void queues_stuff_every(const int *fds, size_t count, size_t step, int ms)
{
    int64_t quiet = harness_now();
    while (harness_now() - quiet < ms) {
        if (stuff_once(fds, count, step) > 0) {
            quiet = harness_now();
        }
        poll(NULL, 0, 10);
    }
}

void queues_stuff(const int *fds, size_t count, int ms)
{
    queues_stuff_every(fds, count, 1, ms);
}
