/* The echo itself: every byte comes back, whatever the sizes and the order. */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

/* Exactness: each poller with each kind of buffer. */

static const struct {
    const char *poller;
    const char *buffer; /* NULL: the default */
    size_t clients, bytes, chunk;
} mixtures[] = {
    { "poll", "1", 20, 2000, 100 },
    { "poll", "128", 60, 30000, 700 },
    { "poll", NULL, 60, 200000, 20000 },
    { "poll", "1M", 40, 400000, 65536 },
    { "select", "1", 20, 2000, 100 },
    { "select", "128", 60, 30000, 700 },
    { "select", NULL, 60, 200000, 20000 },
    { "select", "1M", 40, 400000, 65536 },
    { "epoll", "1", 20, 2000, 100 },
    { "epoll", NULL, 60, 200000, 20000 },
    { "auto", "128", 300, 3000, 700 },
};

START_TEST(many_random_clients_get_exactly_their_bytes)
{
    const char *buffer = mixtures[_i].buffer;
    struct harness *h = harness_serve(
        "poller = %s\n%s%s\n[limits]\nmax_clients = 900\n",
        mixtures[_i].poller, buffer != NULL ? "buffer_size = " : "",
        buffer != NULL ? buffer : "");
    struct client_crowd crowd = {
        .address = h->address,
        .clients = mixtures[_i].clients,
        .bytes = mixtures[_i].bytes,
        .chunk = mixtures[_i].chunk,
        .seed = (uint64_t)(_i + 1) << 32,
    };
    client_crowd(&crowd);
    harness_expect_count(h, mixtures[_i].clients, " info disconnect .* "
                                                  "reason=eof ");
    harness_stop(h);
}
END_TEST

/* What the log counts is what the clients sent and got. */
START_TEST(counts_of_bytes_are_in_the_disconnect_line)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    client_talk(h->address, 7, 123457);
    harness_expect(h, " in=123457 out=123457 .*reason=eof");
    harness_stop(h);
}
END_TEST

START_TEST(every_byte_value_comes_back)
{
    unsigned char sent[256];
    unsigned char got[256];
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int fd = client_connect(h->address);
    for (size_t i = 0; i < sizeof sent; i++) {
        sent[i] = (unsigned char)i;
    }
    client_send(fd, sent, sizeof sent);
    client_recv(fd, got, sizeof got);
    ck_assert_mem_eq(sent, got, sizeof sent);
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(a_client_that_ends_without_a_byte_gets_the_end)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    client_talk(h->address, 1, 0);
    harness_expect(h, "disconnect .* in=0 out=0 .*reason=eof");
    harness_stop(h);
}
END_TEST

START_TEST(bytes_and_end_sent_at_once_come_back_whole)
{
    char bytes[100];
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    for (unsigned i = 0; i < 50; i++) {
        int fd = client_connect(h->address);
        client_payload(i, 0, bytes, sizeof bytes);
        client_send(fd, bytes, sizeof bytes);
        client_finish(fd);
        client_verify(fd, i, 0, sizeof bytes);
        client_expect_eof(fd);
        close(fd);
    }
    harness_stop(h);
}
END_TEST

/* More than echod's buffer: the kernels' hold the rest. */
START_TEST(all_sent_and_ended_before_the_first_read_comes_back)
{
    struct harness *h = harness_serve("buffer_size = 4K\n");
    int fd = client_connect(h->address);
    uint64_t sent = client_stuff(fd, 5);
    ck_assert_uint_gt(sent, 100000);
    client_finish(fd);
    client_verify(fd, 5, 0, (size_t)sent);
    client_expect_eof(fd);
    close(fd);
    harness_expect(h, " in=%llu out=%llu .*reason=eof",
                   (unsigned long long)sent, (unsigned long long)sent);
    harness_stop(h);
}
END_TEST

START_TEST(single_bytes_come_back_one_by_one)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int fd = client_connect(h->address);
    for (unsigned i = 0; i < 500; i++) {
        char byte = (char)i;
        client_send(fd, &byte, 1);
        client_recv(fd, &byte, 1);
        ck_assert_int_eq(byte, (char)i);
    }
    client_finish(fd);
    client_expect_eof(fd);
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(urgent_bytes_come_back_in_line_and_in_order)
{
    char got[12];
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int fd = client_connect(h->address);
    client_send(fd, "ab", 2);
    ck_assert_int_eq(send(fd, "!", 1, MSG_OOB), 1);
    client_send(fd, "cd", 2);
    ck_assert_int_eq(send(fd, "xyz?", 4, MSG_OOB), 4);
    client_send(fd, "end", 3);
    client_recv(fd, got, 12);
    ck_assert_mem_eq(got, "ab!cdxyz?end", 12);
    client_finish(fd);
    client_expect_eof(fd);
    close(fd);
    harness_expect(h, " in=12 out=12 ");
    harness_stop(h);
}
END_TEST

/* A byte of urgent data alone must not make the poller spin either. */
START_TEST(an_urgent_byte_alone_comes_back)
{
    char byte;
    struct harness *h = harness_serve("poller = select\n"
                                      "[limits]\nmax_clients = 900\n");
    int fd = client_connect(h->address);
    ck_assert_int_eq(send(fd, "!", 1, MSG_OOB), 1);
    client_recv(fd, &byte, 1);
    ck_assert_int_eq(byte, '!');
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(a_reset_ends_one_client_and_no_other)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int good = client_connect(h->address);
    client_echo(good, 1, 1000);
    for (unsigned i = 0; i < 20; i++) {
        int bad = client_connect(h->address);
        client_echo(bad, i, 10);
        client_abort(bad);
    }
    harness_expect_count(h, 20, "disconnect .* in=10 out=10 .*reason=reset");
    client_echo(good, 2, 1000);
    close(good);
    harness_stop(h);
}
END_TEST

/* The reset finds echod with bytes that it keeps. */
START_TEST(a_reset_while_bytes_are_kept_is_logged_as_one)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int fd = client_connect(h->address);
    client_stuff(fd, 3);
    client_abort(fd);
    harness_expect(h, "disconnect .*reason=reset");
    client_talk(h->address, 4, 10000);
    harness_stop(h);
}
END_TEST

START_TEST(nothing_is_left_open_when_the_clients_have_gone)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int first = client_connect(h->address);
    client_echo(first, 1, 1);
    size_t before = harness_descriptors(h);
    for (unsigned i = 0; i < 200; i++) {
        client_talk(h->address, i, 100);
    }
    harness_expect_count(h, 200, "disconnect ");
    client_echo(first, 1, 1); /* a turn later */
    ck_assert_uint_eq(harness_descriptors(h), before);
    close(first);
    harness_stop(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        counts_of_bytes_are_in_the_disconnect_line,
        every_byte_value_comes_back,
        a_client_that_ends_without_a_byte_gets_the_end,
        bytes_and_end_sent_at_once_come_back_whole,
        all_sent_and_ended_before_the_first_read_comes_back,
        single_bytes_come_back_one_by_one,
        urgent_bytes_come_back_in_line_and_in_order,
        an_urgent_byte_alone_comes_back,
        a_reset_ends_one_client_and_no_other,
        a_reset_while_bytes_are_kept_is_logged_as_one,
        nothing_is_left_open_when_the_clients_have_gone,
        NULL,
    };
    Suite *suite = harness_suite("system_echo", tests);
    harness_loop(suite, many_random_clients_get_exactly_their_bytes,
                 sizeof mixtures / sizeof *mixtures);
    return harness_main(suite);
}
