/* What the system says of an echod, and allows the test itself. */
#include <config.h>

#include "harness_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

bool harness_is_wrapped(void)
{
    const char *wrapper = getenv("ECHOD_WRAPPER");
    return wrapper != NULL && *wrapper != '\0';
}

size_t harness_raise_descriptors(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

static FILE *open_proc(const struct harness *h, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)h->pid, name);
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    return file;
}

long harness_status(const struct harness *h, const char *name, int base)
{
    char line[256];
    size_t len = strlen(name);
    long value = -1;
    FILE *file = open_proc(h, "status");
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            value = strtol(line + len + 1, NULL, base);
        }
    }
    fclose(file);
    ck_assert_msg(value >= 0, "no %s in /proc/PID/status", name);
    return value;
}

long harness_resident(const struct harness *h)
{
    return harness_status(h, "VmRSS", 10);
}

size_t harness_descriptors(const struct harness *h)
{
    char path[64];
    size_t count = 0;
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)h->pid);
    DIR *dir = opendir(path);
    ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
    while ((entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

long harness_cpu(const struct harness *h)
{
    char text[1024] = "";
    unsigned long user = 0;
    unsigned long system = 0;
    FILE *file = open_proc(h, "stat");
    size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    const char *name_end = strrchr(text, ')');
    ck_assert_ptr_nonnull(name_end);
    sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
           &user, &system);
    return (long)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

bool harness_is_plain(const struct harness *h)
{
    /* ASan reserves terabytes of addresses for its shadow. */
    return !harness_is_wrapped() && harness_status(h, "VmSize", 10) < 1L << 30;
}
