#include <config.h>

#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static int ready_pipe = -1; /* the child's end, until it is ready */

int detach_fill_standard(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
        if (fd == -1)
            return -1;
    } while (fd <= STDERR_FILENO);
    close(fd);
    return 0;
}

/* A byte says that the child serves; the end of the pipe that it is gone. */
static _Noreturn void wait_for(pid_t child, int fd)
{
    char byte;
    ssize_t got;
    int status;

    do
        got = read(fd, &byte, 1);
    while (got == -1 && errno == EINTR);
    if (got == 1)
        _exit(EX_OK);
    while (waitpid(child, &status, 0) == -1 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EX_OSERR);
}

int detach_begin(void)
{
    int ends[2];
    pid_t child;

    if (pipe(ends) == -1)
        return -1;
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    child = fork();
    if (child == -1)
        return -1;
    if (child > 0) {
        close(ends[1]);
        wait_for(child, ends[0]);
    }
    close(ends[0]);
    ready_pipe = ends[1];
    return setsid() == -1 ? -1 : 0;
}

void detach_ready(bool keep_stderr)
{
    int null;

    if (ready_pipe == -1)
        return;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null != -1) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        if (!keep_stderr)
            dup2(null, STDERR_FILENO);
        close(null);
    }
    if (chdir("/") == -1 || write(ready_pipe, "", 1) != 1) {
        /* a parent that is gone already has nobody to tell */
    }
    close(ready_pipe);
    ready_pipe = -1;
}
