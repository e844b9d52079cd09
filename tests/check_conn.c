#include <config.h>

#include "conn.h"
#include "bulk.h"
#include "poller.h"

#include "unit.h"

#include <arpa/inet.h>
#include <signal.h>

#define SCRATCH 3000

static char scratch[SCRATCH];
static struct conn conn;
static int client;

/* Socket buffers as small as the kernel allows: partial sends all the time. */
static void make_small(int fd)
{
    int least = 1;

    ck_assert_int_eq(
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
    ck_assert_int_eq(
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least), 0);
}

static void begin(void)
{
    int ends[2];

    unit_pair(ends);
    make_small(ends[0]);
    make_small(ends[1]);
    conn = (struct conn){ .fd = ends[0] };
    client = ends[1];
}

static void end(void)
{
    conn_drop(&conn);
    close(conn.fd);
    if (client != -1)
        close(client);
}

/* A pair over TCP, for what only TCP does. */
static void begin_tcp(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET };
    socklen_t len = sizeof any;
    int listening = socket(AF_INET, SOCK_STREAM, 0);

    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(listening, (struct sockaddr *)&any, len), 0);
    ck_assert_int_eq(listen(listening, 1), 0);
    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&any, &len), 0);
    client = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&any, len), 0);
    conn = (struct conn){ .fd = accept(listening, NULL, NULL) };
    ck_assert_int_ne(conn.fd, -1);
    close(listening);
}

static void say(const char *text)
{
    ck_assert_int_eq(write(client, text, strlen(text)),
                     (ssize_t)strlen(text));
}

/* The byte at any place of the stream, so that a model needs no copy. */
static char byte_at(uint64_t place)
{
    return (char)(place * 2654435761u >> 13);
}

START_TEST(a_new_connection_waits_for_bytes)
{
    begin();
    ck_assert_uint_eq(conn_want(&conn), POLLER_IN);
    ck_assert_int_eq(conn_fill(&conn, scratch, sizeof scratch), CONN_OPEN);
    ck_assert_uint_eq(conn.in, 0);
    end();
}
END_TEST

START_TEST(what_comes_goes_back_at_once_and_nothing_is_kept)
{
    char back[16];

    begin();
    say("hello");
    ck_assert_int_eq(conn_fill(&conn, scratch, sizeof scratch), CONN_OPEN);
    ck_assert_int_eq(read(client, back, sizeof back), 5);
    ck_assert_mem_eq(back, "hello", 5);
    ck_assert_ptr_null(conn.kept);
    ck_assert_uint_eq(conn.in, 5);
    ck_assert_uint_eq(conn.out, 5);
    ck_assert_uint_eq(conn_want(&conn), POLLER_IN);
    end();
}
END_TEST

START_TEST(no_more_is_read_than_there_is_scratch_for)
{
    char back[16];

    begin();
    say("hello");
    ck_assert_int_eq(conn_fill(&conn, scratch, 1), CONN_OPEN);
    ck_assert_int_eq(read(client, back, sizeof back), 1);
    ck_assert_uint_eq(conn.in, 1);
    end();
}
END_TEST

/* Until the client's side takes no more; returns how many bytes it holds. */
static uint64_t stuff(void)
{
    char block[100];

    while (conn.kept == NULL) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = byte_at(conn.in + i);
        ck_assert_int_eq(write(client, block, sizeof block), sizeof block);
        ck_assert_int_eq(conn_fill(&conn, scratch, sizeof scratch), CONN_OPEN);
    }
    return conn.out;
}

START_TEST(what_the_client_does_not_take_is_kept_and_nothing_more_is_read)
{
    begin();
    stuff();
    ck_assert_uint_eq(conn_want(&conn), POLLER_OUT);
    ck_assert_uint_eq(conn.out + conn.kept_len - conn.kept_from, conn.in);
    end();
}
END_TEST

START_TEST(a_flush_into_a_full_socket_changes_nothing)
{
    uint64_t out;

    begin();
    out = stuff();
    ck_assert_int_eq(conn_flush(&conn), CONN_OPEN);
    ck_assert_uint_eq(conn.out, out);
    ck_assert_uint_eq(conn_want(&conn), POLLER_OUT);
    end();
}
END_TEST

/* What the client has sent and seen, against the bytes that must come. */
struct model {
    uint64_t sent, seen;
};

static void client_sends(struct model *m, size_t most)
{
    char block[4096];
    ssize_t n;

    for (size_t i = 0; i < most; i++)
        block[i] = byte_at(m->sent + i);
    n = write(client, block, most);
    if (n > 0)
        m->sent += (uint64_t)n;
}

static void client_reads(struct model *m, size_t most)
{
    char block[4096];
    ssize_t n = read(client, block, most);
    bool same = true;

    for (ssize_t i = 0; i < n; i++)
        same = same && block[i] == byte_at(m->seen++);
    ck_assert_msg(same, "other bytes before %llu than were sent",
                  (unsigned long long)m->seen);
}

START_TEST(once_the_client_reads_the_kept_bytes_go_out_and_are_freed)
{
    struct model m = { 0, 0 };

    begin();
    stuff();
    while (m.seen < conn.in) {
        client_reads(&m, 512);
        if (conn.kept != NULL)
            ck_assert_int_eq(conn_flush(&conn), CONN_OPEN);
    }
    ck_assert_ptr_null(conn.kept);
    ck_assert_uint_eq(conn_want(&conn), POLLER_IN);
    end();
}
END_TEST

static void serve(size_t size)
{
    if (conn_want(&conn) == POLLER_OUT)
        ck_assert_int_eq(conn_flush(&conn), CONN_OPEN);
    else
        ck_assert_int_eq(conn_fill(&conn, scratch, size), CONN_OPEN);
}

START_TEST(any_chunks_in_any_order_come_back_exactly)
{
    uint32_t seed = (uint32_t)_i + 1;
    struct model m = { 0, 0 };
    bool kept_some = false;

    begin();
    for (int step = 0; step < 5000; step++) {
        size_t size = 1 + unit_random(&seed) % 4096;

        switch (unit_random(&seed) % 3) {
        case 0:
            client_sends(&m, size);
            break;
        case 1:
            client_reads(&m, size);
            break;
        default:
            serve(1 + size % SCRATCH);
        }
        kept_some = kept_some || conn.kept != NULL;
        ck_assert_uint_le(conn.kept_len, SCRATCH);
        ck_assert_uint_eq(conn.out + conn.kept_len - conn.kept_from, conn.in);
    }
    while (m.seen < m.sent) {
        serve(SCRATCH);
        client_reads(&m, 4096);
    }
    ck_assert(kept_some); /* or the test would have tested nothing */
    ck_assert_uint_gt(m.sent, 50000);
    end();
}
END_TEST

/* Large reads, which go through a pipe where there may be one, among small
 * ones, which do not. */
static void send_much(int pipes)
{
    static char block[256 * 1024], large[256 * 1024];
    uint32_t seed = 5;
    struct model m = { 0, 0 };
    bool spliced = false, same = true;
    int little = 32768;

    begin_tcp();
    ck_assert_int_eq(
        setsockopt(conn.fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little), 0);
    ck_assert_int_eq(fcntl(conn.fd, F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(fcntl(client, F_SETFL, O_NONBLOCK), 0);
    signal(SIGPIPE, SIG_IGN);
    bulk_limit(pipes);
    while (m.seen < 2 << 20) {
        size_t size = unit_random(&seed) % (m.sent / 200000 % 4 == 0
                                                ? 1000
                                                : sizeof block);
        ssize_t n;

        for (size_t i = 0; i < size; i++)
            block[i] = byte_at(m.sent + i);
        n = write(client, block, size);
        m.sent += n > 0 ? (uint64_t)n : 0;
        ck_assert_int_eq(conn_want(&conn) == POLLER_OUT
                             ? conn_flush(&conn)
                             : conn_fill(&conn, large, sizeof large),
                         CONN_OPEN);
        spliced = spliced || conn.bulk != NULL;
        n = read(client, block, unit_random(&seed) % sizeof block);
        for (ssize_t i = 0; i < n; i++)
            same = same && block[i] == byte_at(m.seen++);
        ck_assert_msg(same, "other bytes before %llu than were sent",
                      (unsigned long long)m.seen);
    }
    ck_assert(spliced == (pipes > 0));
    end();
    bulk_limit(0);
}

START_TEST(large_reads_come_back_exactly_with_a_pipe_and_without)
{
    int before = unit_descriptors();

    send_much(_i);
    ck_assert_int_eq(unit_descriptors(), before);
}
END_TEST

/* A client over TCP that has sent much and got it back. */
static uint64_t begin_bulky(void)
{
    static char block[65536], large[65536];
    uint64_t seen = 0;

    begin_tcp();
    ck_assert_int_eq(fcntl(conn.fd, F_SETFL, O_NONBLOCK), 0);
    signal(SIGPIPE, SIG_IGN);
    bulk_limit(1);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(write(client, block, sizeof block), sizeof block);
        while (conn.out < (uint64_t)(i + 1) * sizeof block)
            ck_assert_int_eq(conn_fill(&conn, large, sizeof large), CONN_OPEN);
        while (seen < conn.out)
            seen += (uint64_t)read(client, large, sizeof large);
    }
    return seen;
}

static void end_bulky(int before)
{
    end();
    bulk_limit(0);
    ck_assert_int_eq(unit_descriptors(), before);
}

START_TEST(a_single_byte_after_large_reads_comes_back)
{
    int before = unit_descriptors();
    uint64_t much = begin_bulky();
    char back[2];

    say("!");
    ck_assert_int_eq(conn_fill(&conn, scratch, sizeof scratch), CONN_OPEN);
    ck_assert_int_eq(read(client, back, sizeof back), 1);
    ck_assert_int_eq(back[0], '!');
    ck_assert_uint_eq(conn.in, much + 1);
    ck_assert_uint_eq(conn.out, much + 1);
    end_bulky(before);
}
END_TEST

START_TEST(a_pause_after_large_reads_is_no_end_and_keeps_no_pipe)
{
    int before = unit_descriptors();

    begin_bulky();
    ck_assert_int_eq(conn_fill(&conn, scratch, sizeof scratch), CONN_OPEN);
    ck_assert_uint_eq(conn_want(&conn), POLLER_IN);
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    ck_assert_int_eq(conn_fill(&conn, scratch, sizeof scratch), CONN_EOF);
    end_bulky(before);
}
END_TEST

/* Two buffers go into the pipe, and the way out has room for one. */
START_TEST(a_last_byte_in_a_pipe_is_not_forgotten)
{
    char back[16];
    int source[2], way_out[2];

    ck_assert_int_eq(pipe2(source, O_DIRECT), 0);
    ck_assert_int_eq(pipe2(way_out, O_NONBLOCK), 0);
    ck_assert_int_gt(fcntl(way_out[1], F_SETPIPE_SZ, 1), 0);
    ck_assert_int_eq(write(source[1], "much", 4), 4);
    ck_assert_int_eq(write(source[1], "!", 1), 1);
    bulk_limit(1);
    conn = (struct conn){ .fd = way_out[1], .bulk = bulk_take() };
    client = way_out[0];
    ck_assert_int_eq(bulk_in(conn.bulk, source[0]), 5);
    ck_assert_int_eq(conn_flush(&conn), CONN_OPEN);
    ck_assert_uint_eq(conn.out, 4);
    ck_assert_uint_eq(conn_want(&conn), POLLER_OUT);
    ck_assert_int_eq(read(client, back, sizeof back), 4);
    ck_assert_int_eq(conn_flush(&conn), CONN_OPEN);
    ck_assert_int_eq(read(client, back, sizeof back), 1);
    ck_assert_int_eq(back[0], '!');
    ck_assert_uint_eq(conn_want(&conn), POLLER_IN);
    close(source[0]);
    close(source[1]);
    end();
    bulk_limit(0);
}
END_TEST

START_TEST(the_end_is_read_only_when_everything_was_echoed)
{
    uint64_t seen = 0;
    char back[512];
    enum conn_status status = CONN_OPEN;

    begin();
    stuff();
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    while (status == CONN_OPEN) {
        ssize_t n = read(client, back, sizeof back);

        seen += n > 0 ? (uint64_t)n : 0;
        status = conn_want(&conn) == POLLER_OUT
                     ? conn_flush(&conn)
                     : conn_fill(&conn, scratch, sizeof scratch);
    }
    ck_assert_int_eq(status, CONN_EOF);
    while (seen < conn.in) {
        ssize_t n = read(client, back, sizeof back);

        ck_assert_int_gt(n, 0);
        seen += (uint64_t)n;
    }
    ck_assert_uint_eq(conn.in, conn.out);
    end();
}
END_TEST

START_TEST(a_reset_fails_with_its_errno)
{
    struct linger none = { .l_onoff = 1, .l_linger = 0 };

    begin_tcp();
    ck_assert_int_eq(
        setsockopt(client, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    close(client);
    client = -1;
    ck_assert_int_eq(conn_fill(&conn, scratch, sizeof scratch), CONN_FAIL);
    ck_assert_int_eq(errno, ECONNRESET);
    end();
}
END_TEST

START_TEST(a_client_that_has_gone_fails_the_echo_without_a_signal)
{
    begin();
    signal(SIGPIPE, SIG_DFL);
    say("hello");
    close(client);
    client = -1;
    ck_assert_int_eq(conn_fill(&conn, scratch, sizeof scratch), CONN_FAIL);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_uint_eq(conn.in, 5);
    ck_assert_uint_eq(conn.out, 0);
    end();
}
END_TEST

START_TEST(a_client_that_goes_while_bytes_are_kept_fails_the_flush)
{
    begin();
    stuff();
    close(client);
    client = -1;
    ck_assert_int_eq(conn_flush(&conn), CONN_FAIL);
    ck_assert(errno == EPIPE || errno == ECONNRESET);
    end();
}
END_TEST

START_TEST(what_is_discarded_is_counted_but_not_echoed)
{
    char byte;

    begin();
    ck_assert_int_eq(conn_discard(&conn, scratch, sizeof scratch), CONN_OPEN);
    say("hello");
    ck_assert_int_eq(conn_discard(&conn, scratch, sizeof scratch), CONN_OPEN);
    ck_assert_uint_eq(conn.in, 5);
    say("!"); /* a single byte is no end, whatever errno was before */
    errno = 0;
    ck_assert_int_eq(conn_discard(&conn, scratch, sizeof scratch), CONN_OPEN);
    ck_assert_uint_eq(conn.in, 6);
    ck_assert_uint_eq(conn.out, 0);
    ck_assert_int_eq(read(client, &byte, 1), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    ck_assert_int_eq(conn_discard(&conn, scratch, sizeof scratch), CONN_EOF);
    end();
}
END_TEST

START_TEST(dropping_frees_what_is_kept_and_twice_is_fine)
{
    begin();
    stuff();
    conn_drop(&conn);
    conn_drop(&conn);
    ck_assert_uint_eq(conn_want(&conn), POLLER_IN);
    ck_assert_uint_eq(conn.kept_len, 0);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conn");
    TCase *tests = tcase_create("conn");

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_new_connection_waits_for_bytes);
    tcase_add_test(tests, what_comes_goes_back_at_once_and_nothing_is_kept);
    tcase_add_test(tests, no_more_is_read_than_there_is_scratch_for);
    tcase_add_test(
        tests, what_the_client_does_not_take_is_kept_and_nothing_more_is_read);
    tcase_add_test(tests, a_flush_into_a_full_socket_changes_nothing);
    tcase_add_test(tests,
                   once_the_client_reads_the_kept_bytes_go_out_and_are_freed);
    tcase_add_loop_test(tests, any_chunks_in_any_order_come_back_exactly, 0,
                        4);
    tcase_add_loop_test(
        tests, large_reads_come_back_exactly_with_a_pipe_and_without, 0, 2);
    tcase_add_test(tests, a_single_byte_after_large_reads_comes_back);
    tcase_add_test(tests,
                   a_pause_after_large_reads_is_no_end_and_keeps_no_pipe);
    tcase_add_test(tests, a_last_byte_in_a_pipe_is_not_forgotten);
    tcase_add_test(tests, the_end_is_read_only_when_everything_was_echoed);
    tcase_add_test(tests, a_reset_fails_with_its_errno);
    tcase_add_test(tests,
                   a_client_that_has_gone_fails_the_echo_without_a_signal);
    tcase_add_test(tests,
                   a_client_that_goes_while_bytes_are_kept_fails_the_flush);
    tcase_add_test(tests, what_is_discarded_is_counted_but_not_echoed);
    tcase_add_test(tests, dropping_frees_what_is_kept_and_twice_is_fine);
    return unit_run(suite);
}
