/*
 * As many clients as echod takes by default, all of which send for ever and
 * never read: what the kernel holds for each, and whether the connections to
 * another echod of the machine notice.
 *
 * For 'make deaf-check', and not of the suite: it takes a gibibyte of the
 * kernel's memory, beside which no other test may run on a small machine.
 * DEAF_CLIENTS is how many.
 */
#include <config.h>

#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"
#include "queues.h"

enum { OTHERS = 50, BYTES = 100000, MOST = 1 << 20 };

static int number_of_clients(void)
{
    const char *text = getenv("DEAF_CLIENTS");
    return text != NULL ? atoi(text) : 1000;
}

struct others {
    const char *address;
    atomic_uint_fast64_t rounds;
    atomic_bool over;
};

/* Echoes that are checked, until it is over. */
static void *talk(void *arg)
{
    struct others *others = arg;
    while (!others->over) {
        struct client_crowd crowd = {
            .address = others->address,
            .clients = OTHERS,
            .bytes = BYTES,
            .chunk = 20000,
            .seed = ++others->rounds << 32,
        };
        client_crowd(&crowd);
    }
    return NULL;
}

static void report(int count, const struct queues *queues, long pages,
                   uint64_t rounds)
{
    printf("figure: %d clients that never read: %llu to %llu KiB queued for "
           "each, %llu MiB for all; the kernel has %.0f MiB more for TCP, "
           "%.0f KiB each\n",
           count, (unsigned long long)(queues->least >> 10),
           (unsigned long long)(queues->most >> 10),
           (unsigned long long)(queues->all >> 20),
           (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576,
           (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024 / count);
    printf("figure: meanwhile %llu connections to another echod, every byte "
           "right\n",
           (unsigned long long)rounds * OTHERS);
    fflush(stdout);
}

START_TEST(a_thousand_that_never_read_hold_a_mebibyte_each_and_nobody_up)
{
    int count = number_of_clients();
    int *fds = calloc((size_t)count, sizeof *fds);
    pthread_t thread;
    harness_raise_descriptors();
    struct harness *h = harness_serve(HARNESS_DEFAULTS
                                      "[limits]\nstall_timeout = 0\n");
    struct harness *other = harness_serve(HARNESS_DEFAULTS);
    struct others others = { .address = other->address };
    long before = queues_pages();
    for (int i = 0; i < count; i++) {
        fds[i] = client_connect_sized(h->address, 2048);
    }
    pthread_create(&thread, NULL, talk, &others);
    queues_stuff(fds, (size_t)count, 2000);
    /* All are held, and somebody else is served, for some rounds more. */
    uint64_t rounds = others.rounds;
    while (others.rounds < rounds + 3) {
        client_wait(-1, 0, 20);
    }
    others.over = true;
    pthread_join(thread, NULL);
    /* Nobody comes or goes now: the kernel's table, read in pieces, shows some
     * twice while they do. */
    struct queues queues = queues_of(h->address);
    long pages = queues_pages() - before;
    report(count, &queues, pages, others.rounds);
    ck_assert_uint_eq(queues.established, (unsigned)count);
    ck_assert_uint_le(queues.most, MOST);
    /* The whole machine's, and what surrounds the bytes: a quarter more. */
    ck_assert_int_le(pages, count * (MOST / sysconf(_SC_PAGESIZE)) * 5 / 4);
    ck_assert_uint_eq(harness_count(h, "disconnect "), 0);
    ck_assert_uint_eq(harness_count(other, "reason=[^e]"), 0);
    for (int i = 0; i < count; i++) {
        client_abort(fds[i]);
    }
    free(fds);
    harness_stop(other);
    harness_stop(h);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deaf_crowd");
    TCase *tcase = tcase_create("deaf_crowd");
    tcase_set_timeout(tcase, harness_ms(120000) / 1000);
    tcase_add_test(
        tcase, a_thousand_that_never_read_hold_a_mebibyte_each_and_nobody_up);
    suite_add_tcase(suite, tcase);
    return harness_main(suite);
}
