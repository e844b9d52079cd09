/*
 * demo_files: real files through an echo server, compared by sha256.
 *
 *     sha256sum FILE... | demo_files ADDRESS CLIENTS
 *
 * CLIENTS processes take one file after the other, send it in chunks of random
 * size, receive in others, end with FIN, and give what came back to
 * sha256sum(1).  Prints figures; exit code 1 where anything differs.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"

#define CHUNK_MAX 200000
#define HASH_LEN 64
#define PATIENCE_MS 60000

struct shared {
    atomic_size_t next; /* line of the list */
    atomic_size_t files, different;
    atomic_ullong bytes;
};

static struct shared *shared;
static struct addr server;

static int dial(void)
{
    int fd = socket(server.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1 || connect(fd, &server.sa.any, server.len) == -1
        || fcntl(fd, F_SETFL, O_NONBLOCK) == -1) {
        perror("connect");
        exit(2);
    }
    return fd;
}

/* Reads the next chunk of the file once the last one is sent. */
struct chunk {
    FILE *file;
    char bytes[CHUNK_MAX];
    size_t from, len;
    bool ended;
};

static int send_chunk(struct chunk *chunk, int fd)
{
    if (chunk->from == chunk->len) {
        size_t want = 1 + (size_t)random() % CHUNK_MAX;
        chunk->from = 0;
        chunk->len = fread(chunk->bytes, 1, want, chunk->file);
        if (chunk->len == 0) {
            chunk->ended = true;
            return shutdown(fd, SHUT_WR);
        }
    }
    ssize_t n = send(fd, chunk->bytes + chunk->from, chunk->len - chunk->from,
                     MSG_NOSIGNAL);
    if (n == -1) {
        return errno == EAGAIN ? 0 : -1;
    }
    chunk->from += (size_t)n;
    return 0;
}

/* 1: go on; 0: the end; -1: a failure. */
static int receive(int fd, FILE *hash)
{
    static char bytes[CHUNK_MAX];
    ssize_t n = recv(fd, bytes, 1 + (size_t)random() % CHUNK_MAX, 0);
    if (n == -1) {
        return errno == EAGAIN ? 1 : -1;
    }
    atomic_fetch_add(&shared->bytes, (unsigned long long)n);
    if (n > 0 && fwrite(bytes, 1, (size_t)n, hash) != (size_t)n) {
        return -1;
    }
    return n > 0;
}

static int exchange(struct chunk *chunk, int fd, FILE *hash)
{
    int more = 1;
    while (more == 1) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        ready.events |= chunk->ended ? 0 : POLLOUT;
        if (poll(&ready, 1, PATIENCE_MS) != 1) {
            return -1;
        }
        if ((ready.revents & POLLOUT) != 0 && !chunk->ended
            && send_chunk(chunk, fd) == -1) {
            return -1;
        }
        if ((ready.revents & ~POLLOUT) != 0) {
            more = receive(fd, hash);
        }
    }
    return more;
}

/* Whether what comes back has this hash. */
static bool comes_back(const char *want, const char *path)
{
    static struct chunk chunk;
    char name[64];
    char command[128];
    char got[HASH_LEN + 1] = "";
    snprintf(name, sizeof name, "sum.%d", (int)getpid());
    snprintf(command, sizeof command, "sha256sum >%s", name);
    memset(&chunk, 0, sizeof chunk);
    chunk.file = fopen(path, "re");
    FILE *hash = popen(command, "we");
    if (chunk.file == NULL || hash == NULL) {
        perror(path);
        exit(2);
    }
    int fd = dial();
    int result = exchange(&chunk, fd, hash);
    fclose(chunk.file);
    close(fd);
    pclose(hash);
    FILE *sum = fopen(name, "re");
    if (sum == NULL || fread(got, 1, HASH_LEN, sum) != HASH_LEN) {
        result = -1;
    }
    if (sum != NULL) {
        fclose(sum);
    }
    unlink(name);
    return result == 0 && strncmp(got, want, HASH_LEN) == 0;
}

static _Noreturn void work(char **lines, size_t count)
{
    size_t i;
    srandom((unsigned)getpid());
    while ((i = atomic_fetch_add(&shared->next, 1)) < count) {
        const char *path = lines[i] + HASH_LEN + 2;
        if (!comes_back(lines[i], path)) {
            printf("different: %s\n", path);
            atomic_fetch_add(&shared->different, 1);
        }
        atomic_fetch_add(&shared->files, 1);
    }
    exit(0);
}

static char **read_list(size_t *count)
{
    char **lines = NULL;
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    *count = 0;
    while ((len = getline(&line, &size, stdin)) > HASH_LEN + 2) {
        lines = realloc(lines, (*count + 1) * sizeof *lines);
        line[len - 1] = '\0';
        lines[(*count)++] = strdup(line);
    }
    free(line);
    return lines;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* How many workers failed. */
static int run(char **lines, size_t count, int clients)
{
    int failed = 0;
    int status;
    for (int i = 0; i < clients; i++) {
        if (fork() == 0) {
            work(lines, count);
        }
    }
    while (wait(&status) != -1) {
        failed += status != 0;
    }
    return failed;
}

int main(int argc, char **argv)
{
    size_t count;
    if (argc != 3 || addr_parse(&server, argv[1], 25000) == -1) {
        fputs("usage: demo_files ADDRESS CLIENTS\n", stderr);
        return 2;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        return 2;
    }
    char **lines = read_list(&count);
    double from = seconds();
    int failed = run(lines, count, atoi(argv[2]));
    printf("%zu files, %.1f MiB, %s clients, %.1f s: %zu differences\n",
           atomic_load(&shared->files),
           (double)atomic_load(&shared->bytes) / 1048576, argv[2],
           seconds() - from, atomic_load(&shared->different));
    return failed > 0 || atomic_load(&shared->files) != count
           || atomic_load(&shared->different) > 0;
}
