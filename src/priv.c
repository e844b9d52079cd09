#include <config.h>

#include "priv.h"
#include "units.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A name first: "0" could be one, and useradd(8) has been known to agree. */
static int lookup_user(struct priv_ids *ids, const char *user, char *error,
                       size_t size)
{
    const struct passwd *pw = getpwnam(user);
    int64_t number;

    if (pw == NULL && units_parse_count(user, &number) == 0 &&
        number <= INT32_MAX)
        pw = getpwuid((uid_t)number);
    if (pw == NULL) {
        snprintf(error, size, "process.user: there is no user \"%s\"", user);
        return -1;
    }
    ids->uid = pw->pw_uid;
    ids->gid = pw->pw_gid;
    return 0;
}

static int lookup_group(struct priv_ids *ids, const char *group, char *error,
                        size_t size)
{
    const struct group *gr = getgrnam(group);
    int64_t number;

    if (gr == NULL && units_parse_count(group, &number) == 0 &&
        number <= INT32_MAX)
        gr = getgrgid((gid_t)number);
    if (gr == NULL) {
        snprintf(error, size, "process.group: there is no group \"%s\"", group);
        return -1;
    }
    ids->gid = gr->gr_gid;
    return 0;
}

int priv_lookup(struct priv_ids *ids, const char *user, const char *group,
                char *error, size_t size)
{
    ids->uid = geteuid();
    ids->gid = getegid();
    if (user[0] != '\0' && lookup_user(ids, user, error, size) == -1)
        return -1;
    if (group[0] != '\0' && lookup_group(ids, group, error, size) == -1)
        return -1;
    return 0;
}

static int fail(char *error, size_t size, const char *what)
{
    snprintf(error, size, "%s: %s", what, strerror(errno));
    return -1;
}

/* getresuid(2) is not POSIX, but it is the one way to see the saved ids. */
static int prove(const struct priv_ids *ids, char *error, size_t size)
{
    uid_t uid[3];
    gid_t gid[3], other;
    int groups = getgroups(1, &other);

    if (getresuid(&uid[0], &uid[1], &uid[2]) == -1 ||
        getresgid(&gid[0], &gid[1], &gid[2]) == -1)
        return fail(error, size, "getresuid");
    for (int i = 0; i < 3; i++)
        if (uid[i] != ids->uid || gid[i] != ids->gid) {
            snprintf(error, size, "the user or group is not as asked for");
            return -1;
        }
    if (groups > 1 || (groups == 1 && other != ids->gid) || groups == -1) {
        snprintf(error, size, "supplementary groups are left");
        return -1;
    }
    if (ids->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {
        snprintf(error, size, "root could be had back");
        return -1;
    }
    return 0;
}

int priv_drop(const struct priv_ids *ids, char *error, size_t size)
{
    if (setgroups(0, NULL) == -1)
        return fail(error, size, "setgroups");
    if (setgid(ids->gid) == -1)
        return fail(error, size, "setgid");
    if (setuid(ids->uid) == -1)
        return fail(error, size, "setuid");
    return prove(ids, error, size);
}
