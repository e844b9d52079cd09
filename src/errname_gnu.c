#include <config.h>

#include "errname.h"

#include <string.h>

const char *errname(int error)
{
    const char *name = strerrorname_np(error);

    return name != NULL ? name : "EUNKNOWN";
}
