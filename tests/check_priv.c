/*
 * As root the real thing, in Check's own process for each test; as an
 * ordinary user what such a one is told.
 */
#include <config.h>

#include "priv.h"

#include "unit.h"

#include <grp.h>
#include <pwd.h>

static char error[512];
static struct priv_ids ids;

static int lookup(const char *user, const char *group)
{
    error[0] = '\0';
    return priv_lookup(&ids, user, group, error, sizeof error);
}

START_TEST(a_user_is_found_by_name_and_by_number)
{
    const struct passwd *nobody = getpwnam("nobody");
    uid_t uid;
    gid_t gid;
    char number[24];

    ck_assert_ptr_nonnull(nobody);
    uid = nobody->pw_uid;
    gid = nobody->pw_gid;
    ck_assert_int_eq(lookup("nobody", ""), 0);
    ck_assert_uint_eq(ids.uid, uid);
    ck_assert_uint_eq(ids.gid, gid);
    snprintf(number, sizeof number, "%u", uid);
    ck_assert_int_eq(lookup(number, ""), 0);
    ck_assert_uint_eq(ids.uid, uid);
    ck_assert_uint_eq(ids.gid, gid);
}
END_TEST

START_TEST(a_group_stands_over_the_users_own)
{
    ck_assert_int_eq(lookup("nobody", "daemon"), 0);
    ck_assert_uint_eq(ids.uid, getpwnam("nobody")->pw_uid);
    ck_assert_uint_eq(ids.gid, getgrnam("daemon")->gr_gid);
    ck_assert_int_eq(lookup("nobody", "0"), 0);
    ck_assert_uint_eq(ids.gid, 0);
}
END_TEST

START_TEST(a_group_alone_changes_only_the_group)
{
    ck_assert_int_eq(lookup("", "daemon"), 0);
    ck_assert_uint_eq(ids.uid, geteuid());
    ck_assert_uint_eq(ids.gid, getgrnam("daemon")->gr_gid);
    ck_assert_int_eq(lookup("", ""), 0);
    ck_assert_uint_eq(ids.gid, getegid());
}
END_TEST

START_TEST(who_does_not_exist_is_named)
{
    ck_assert_int_eq(lookup("no-such-user", ""), -1);
    ck_assert_str_eq(error,
                     "process.user: there is no user \"no-such-user\"");
    ck_assert_int_eq(lookup("2147483646", ""), -1);
    ck_assert_str_eq(error, "process.user: there is no user \"2147483646\"");
    ck_assert_int_eq(lookup("4294967296", ""), -1);
    ck_assert_int_eq(lookup("nobody", "no-such-group"), -1);
    ck_assert_str_eq(error,
                     "process.group: there is no group \"no-such-group\"");
    ck_assert_int_eq(lookup("nobody", "4294967295"), -1);
}
END_TEST

START_TEST(root_becomes_a_user_for_good_and_a_user_is_refused)
{
    static const gid_t some[] = { 1, 2, 3 };
    bool root = geteuid() == 0;
    gid_t left[8];

    ck_assert_int_eq(lookup("nobody", ""), 0);
    if (root)
        ck_assert_int_eq(setgroups(3, some), 0);
    if (!root) {
        ck_assert_int_eq(priv_drop(&ids, error, sizeof error), -1);
        ck_assert_ptr_nonnull(strstr(error, "setgroups: "));
        return;
    }
    ck_assert_msg(priv_drop(&ids, error, sizeof error) == 0, "%s", error);
    ck_assert_uint_eq(getuid(), ids.uid);
    ck_assert_uint_eq(geteuid(), ids.uid);
    ck_assert_uint_eq(getgid(), ids.gid);
    ck_assert_uint_eq(getegid(), ids.gid);
    ck_assert_int_eq(getgroups(8, left), 0);
    ck_assert_int_eq(setuid(0), -1);
    ck_assert_int_eq(setgid(0), -1);
}
END_TEST

START_TEST(a_group_alone_may_be_dropped_to_and_root_stays_root)
{
    bool root = geteuid() == 0;

    ck_assert_int_eq(lookup("", "daemon"), 0);
    ck_assert_int_eq(priv_drop(&ids, error, sizeof error), root ? 0 : -1);
    if (root) {
        ck_assert_uint_eq(geteuid(), 0);
        ck_assert_uint_eq(getegid(), getgrnam("daemon")->gr_gid);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("priv");
    TCase *tests = tcase_create("priv");

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, a_user_is_found_by_name_and_by_number);
    tcase_add_test(tests, a_group_stands_over_the_users_own);
    tcase_add_test(tests, a_group_alone_changes_only_the_group);
    tcase_add_test(tests, who_does_not_exist_is_named);
    tcase_add_test(tests, root_becomes_a_user_for_good_and_a_user_is_refused);
    tcase_add_test(tests, a_group_alone_may_be_dropped_to_and_root_stays_root);
    return unit_run(suite);
}
