#include <config.h>

#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(int fd, const char *path, char *error, size_t size)
{
    snprintf(error, size, "cannot write process.pid_file %s: %s", path,
             strerror(errno));
    if (fd != -1)
        close(fd);
    return -1;
}

static int held(int fd, const char *path, char *error, size_t size)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (fcntl(fd, F_GETLK, &lock) == -1 || lock.l_type == F_UNLCK)
        lock.l_pid = 0;
    snprintf(error, size, "process.pid_file %s is held by process %ld", path,
             (long)lock.l_pid);
    close(fd);
    return -1;
}

/* Whether the path still leads to the open file. */
static bool is_at(const char *path, int fd)
{
    struct stat open_file, named;

    return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 &&
           open_file.st_dev == named.st_dev &&
           open_file.st_ino == named.st_ino;
}

static int open_locked(const char *path, char *error, size_t size)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd == -1)
        return fail(fd, path, error, size);
    if (fcntl(fd, F_SETLK, &lock) == -1)
        return errno == EACCES || errno == EAGAIN
                   ? held(fd, path, error, size)
                   : fail(fd, path, error, size);
    return fd;
}

int pidfile_create(const char *path, char *error, size_t size)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    int fd = open_locked(path, error, size);

    /* Its holder may have removed it between our open and our lock: ours is
     * then a file without a name, and the next process makes another. */
    while (fd != -1 && !is_at(path, fd)) {
        close(fd);
        fd = open_locked(path, error, size);
    }
    if (fd == -1)
        return -1;
    if (ftruncate(fd, 0) == -1 || write(fd, text, (size_t)len) != len)
        return fail(fd, path, error, size);
    return fd;
}

void pidfile_remove(const char *path, int fd)
{
    if (fd == -1)
        return;
    if ((!is_at(path, fd) || unlink(path) == -1) && ftruncate(fd, 0) == -1) {
        /* whoever reads it finds a number that no process has */
    }
    close(fd);
}
