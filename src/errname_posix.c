#include <config.h>

#include "errname.h"

#include <errno.h>
#include <stddef.h>

#define NAME(symbol) { symbol, #symbol }

const char *errname(int error)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {
        NAME(EACCES),       NAME(EBADF),       NAME(ECONNABORTED),
        NAME(ECONNREFUSED), NAME(ECONNRESET),  NAME(EHOSTUNREACH),
        NAME(EINVAL),       NAME(EIO),         NAME(EMFILE),
        NAME(ENETDOWN),     NAME(ENETUNREACH), NAME(ENFILE),
        NAME(ENOBUFS),      NAME(ENOMEM),      NAME(ENOTCONN),
        NAME(EPERM),        NAME(EPIPE),       NAME(ETIMEDOUT),
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].error == error)
            return names[i].name;
    return "EUNKNOWN";
}
