#include <config.h>

#include "fdlimit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static int refuse(int64_t need, const struct rlimit *limit, char *error,
                  size_t size)
{
    int saved = errno;

    snprintf(error, size,
             "limits.max_clients needs %" PRId64 " descriptors, but "
             "RLIMIT_NOFILE is %ju, at most %ju: %s",
             need, (uintmax_t)limit->rlim_cur, (uintmax_t)limit->rlim_max,
             strerror(saved));
    errno = saved;
    return -1;
}

int64_t fdlimit_reach(int64_t want)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return 0;
    if (limit.rlim_cur < (rlim_t)want) {
        limit.rlim_cur =
            limit.rlim_max < (rlim_t)want ? limit.rlim_max : (rlim_t)want;
        setrlimit(RLIMIT_NOFILE, &limit); /* what there was will have to do */
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur < (rlim_t)want ? (int64_t)limit.rlim_cur : want;
}

int fdlimit_raise(int64_t need, char *error, size_t size)
{
    struct rlimit limit = { 0 }, wanted;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return refuse(need, &limit, error, size);
    if (limit.rlim_cur >= (rlim_t)need)
        return 0;
    wanted = limit;
    wanted.rlim_cur = (rlim_t)need;
    if (wanted.rlim_max < wanted.rlim_cur)
        wanted.rlim_max = wanted.rlim_cur;
    if (setrlimit(RLIMIT_NOFILE, &wanted) == -1)
        return refuse(need, &limit, error, size);
    return 0;
}
