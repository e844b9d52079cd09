/*
 * priv: becoming an ordinary user, for good.
 */
#ifndef ECHO_PRIV_H
#define ECHO_PRIV_H

#include <stddef.h>
#include <sys/types.h>

struct priv_ids {
    uid_t uid;
    gid_t gid;
};

/*
 * Looks up a user and a group, by name or number; group "" is the user's own,
 * user "" changes only the group.  Before fork and chroot: the look-up reads
 * files.  0, or -1 with a sentence in error.
 */
int priv_lookup(struct priv_ids *ids, const char *user, const char *group,
                char *error, size_t size);

/*
 * setgroups, setgid, setuid, then proof: the ids are as asked, real,
 * effective and saved, no supplementary group is left, and root cannot be had
 * back.  0, or -1 with a sentence in error, after which the process must end.
 */
int priv_drop(const struct priv_ids *ids, char *error, size_t size);

#endif
