#include <config.h>

#include "harden.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void harden_begin(int first)
{
    struct rlimit none = { 0, 0 };

    closefrom(first);
    umask(S_IWGRP | S_IWOTH);
    setrlimit(RLIMIT_CORE, &none);
}

/* The last one is whatever this kernel says EINVAL after. */
void harden_bounds(void)
{
    unsigned long capability = 0;

    while (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0 ||
           errno != EINVAL) {
        if (errno == EPERM)
            return;
        capability++;
    }
}

/*
 * capget(2) and capset(2) have no wrapper in the C library, and libcap would
 * be a library more for two calls.  Who has nothing to give up does not ask:
 * a service manager may have seen to it, and forbidden capset(2) too.  What
 * is only inheritable gives nothing to who executes no program: it may stay.
 */
static int keep_only(uint32_t wanted)
{
    struct __user_cap_header_struct head = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
    bool holds;

    if (syscall(SYS_capget, &head, data) == -1)
        return -1;
    holds = (data[0].permitted & ~wanted) != 0 || data[1].permitted != 0;
    if (!holds && data[0].inheritable == 0 && data[1].inheritable == 0)
        return 0;
    data[0].permitted &= wanted;
    data[0].effective = data[0].permitted;
    data[1].permitted = data[1].effective = 0;
    data[0].inheritable = data[1].inheritable = 0;
    return syscall(SYS_capset, &head, data) == 0 || !holds ? 0 : -1;
}

static int fail(char *error, size_t size, const char *what)
{
    snprintf(error, size, "%s: %s", what, strerror(errno));
    return -1;
}

/* Kernels before 4.3 have no ambient set: EINVAL. */
int harden_finish(char *error, size_t size)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 &&
        errno != EINVAL)
        return fail(error, size, "PR_CAP_AMBIENT_CLEAR_ALL");
    if (keep_only(CAP_TO_MASK(CAP_NET_BIND_SERVICE)) == -1)
        return fail(error, size, "capset");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return fail(error, size, "PR_SET_NO_NEW_PRIVS");
    return 0;
}
