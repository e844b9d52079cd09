/* What a running echod has given up, as /proc tells it. */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

#define BIND (1 << CAP_NET_BIND_SERVICE)

START_TEST(no_capability_is_left_but_the_one_to_bind)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    ck_assert_int_eq(harness_status(h, "CapPrm", 16) & ~BIND, 0);
    ck_assert_int_eq(harness_status(h, "CapEff", 16) & ~BIND, 0);
    ck_assert_int_eq(harness_status(h, "CapInh", 16), 0);
    ck_assert_int_eq(harness_status(h, "CapAmb", 16), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(harness_status(h, "CapBnd", 16), 0);
    }
    harness_stop(h);
}
END_TEST

START_TEST(no_privilege_can_be_gained_any_more)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    ck_assert_int_eq(harness_status(h, "NoNewPrivs", 10), 1);
    harness_stop(h);
}
END_TEST

static void prepare(struct harness *h)
{
    struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
    (void)h;
    umask(0);
    setrlimit(RLIMIT_CORE, &all);
    for (int fd = 3; fd < 40; fd++) {
        dup2(STDIN_FILENO, fd);
    }
}

START_TEST(what_it_was_started_with_is_closed_forbidden_and_masked)
{
    struct rlimit core;
    struct harness *h = harness_new();
    h->in_child = prepare;
    harness_serve_on(h, HARNESS_DEFAULTS);
    ck_assert_int_eq(prlimit(h->pid, RLIMIT_CORE, NULL, &core), 0);
    ck_assert_uint_eq(core.rlim_cur, 0);
    ck_assert_uint_eq(core.rlim_max, 0);
    ck_assert_int_eq(harness_status(h, "Umask", 8), 022);
    if (harness_is_plain(h)) {
        ck_assert_uint_le(harness_descriptors(h), 8);
    }
    client_talk(h->address, 1, 1000);
    harness_stop(h);
}
END_TEST

/* Root, after exec(2), is nobody special. */
static void give_up_capabilities(struct harness *h)
{
    (void)h;
    if (geteuid() == 0) {
        prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0);
    }
}

/* As in a unit: no capability, and a filter that has no capset(2). */
START_TEST(who_has_nothing_to_give_up_needs_no_call_for_it)
{
    char wrapper[HARNESS_PATH_MAX + 128];
    struct harness *h = harness_new();
    /* LeakSanitizer does not go with a tracer. */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    snprintf(wrapper, sizeof wrapper,
             "strace -D -f -qq -o %s/trace -e inject=capset:error=EPERM",
             h->dir);
    h->wrapper = wrapper;
    h->in_child = give_up_capabilities;
    harness_serve_on(h, HARNESS_DEFAULTS);
    h->wrapper = NULL;
    client_talk(h->address, 1, 1000);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_capability_is_left_but_the_one_to_bind,
        no_privilege_can_be_gained_any_more,
        what_it_was_started_with_is_closed_forbidden_and_masked,
        who_has_nothing_to_give_up_needs_no_call_for_it,
        NULL,
    };
    return harness_main(harness_suite("system_hardening", tests));
}
