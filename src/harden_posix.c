#include <config.h>

#include "harden.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void harden_begin(int first)
{
    struct rlimit none = { 0, 0 };
    long end = sysconf(_SC_OPEN_MAX);

    for (int fd = first; fd < end; fd++)
        close(fd);
    umask(S_IWGRP | S_IWOTH);
    setrlimit(RLIMIT_CORE, &none);
}

void harden_bounds(void)
{
}

int harden_finish(char *error, size_t size)
{
    (void)error;
    (void)size;
    return 0;
}
