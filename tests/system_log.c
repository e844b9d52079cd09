/* The log on standard error: exact lines, what is left out, stalled readers. */
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

#define STAMP                                                                  \
    "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]"          \
    "\\.[0-9]{3}[+-][0-9]{2}:[0-9]{2} "

static unsigned port_of(int fd)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    return ntohs(addr.sin_port);
}

START_TEST(connect_and_disconnect_have_exactly_these_lines)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    harness_expect(h, STAMP "info listening on %s$", h->address);
    int first = client_connect(h->address);
    int second = client_connect(h->address);
    client_echo(first, 1, 1000);
    client_echo(second, 1, 77);
    harness_expect(h,
                   STAMP "info connect id=1 peer=127\\.0\\.0\\.1:%u local=%s "
                         "active=1$",
                   port_of(first), h->address);
    harness_expect(h,
                   STAMP "info connect id=2 peer=127\\.0\\.0\\.1:%u local=%s "
                         "active=2$",
                   port_of(second), h->address);
    unsigned port = port_of(first);
    close(first);
    harness_expect(h,
                   STAMP "info disconnect id=1 peer=127\\.0\\.0\\.1:%u in=1000 "
                         "out=1000 ms=[0-9]+ reason=eof active=1$",
                   port);
    port = port_of(second);
    client_abort(second);
    harness_expect(h,
                   STAMP "info disconnect id=2 peer=127\\.0\\.0\\.1:%u in=77 "
                         "out=77 ms=[0-9]+ reason=reset active=0$",
                   port);
    harness_stop(h);
}
END_TEST

START_TEST(ms_is_how_long_the_client_stayed)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    int fd = client_connect(h->address);
    client_echo(fd, 1, 1);
    int64_t from = harness_now();
    poll(NULL, 0, 300);
    close(fd);
    long ms = atol(harness_expect(h, "disconnect .* ms=([0-9]+) "));
    ck_assert_int_ge(ms, 299);
    ck_assert_int_le(ms, harness_now() - from + 1000);
    harness_stop(h);
}
END_TEST

START_TEST(the_time_is_local_with_its_offset)
{
    setenv("TZ", "XXX-05:30", 1);
    tzset();
    time_t before = time(NULL);
    struct harness *h = harness_serve(HARNESS_DEFAULTS);
    struct tm tm = { 0 };
    const char *stamp = harness_expect(
        h, "^([0-9T:-]+)\\.[0-9]{3}\\+05:30 info listening on ");
    ck_assert_ptr_nonnull(strptime(stamp, "%Y-%m-%dT%H:%M:%S", &tm));
    time_t then = mktime(&tm);
    ck_assert(before <= then && then <= time(NULL));
    harness_stop(h);
}
END_TEST

START_TEST(no_byte_of_a_payload_is_ever_logged)
{
    static const char payload[] = "\n2026-01-01 warning SECRET id=7\n%s%n";
    struct harness *h = harness_serve("[log]\nlevel = debug\n");
    char echo[sizeof payload];
    int fd = client_connect(h->address);
    client_send(fd, payload, sizeof payload);
    client_recv(fd, echo, sizeof payload);
    close(fd);
    harness_expect(h, "disconnect ");
    ck_assert_uint_eq(harness_count(h, "SECRET|%%s"), 0);
    harness_stop(h);
}
END_TEST

/* log.connections: an empty client, a busy one, one that resets. */
static struct harness *three_clients(const char *connections)
{
    struct harness *h
        = harness_serve("[log]\nconnections = %s\n", connections);
    client_talk(h->address, 1, 0);
    client_talk(h->address, 1, 55);
    int fd = client_connect(h->address);
    client_echo(fd, 1, 66);
    client_abort(fd);
    /* The reset has been seen when a client that came later is done. */
    client_talk(h->address, 1, 0);
    harness_signal(h, SIGUSR1);
    harness_expect(h, "stats active=0 accepted=4 ");
    return h;
}

START_TEST(connections_all_logs_every_client)
{
    struct harness *h = three_clients("all");
    ck_assert_uint_eq(harness_count(h, " connect "), 4);
    ck_assert_uint_eq(harness_count(h, " disconnect "), 4);
    harness_stop(h);
}
END_TEST

START_TEST(connections_nonempty_leaves_out_clients_that_sent_nothing)
{
    struct harness *h = three_clients("nonempty");
    ck_assert_uint_eq(harness_count(h, " connect id=[23] "), 2);
    ck_assert_uint_eq(harness_count(h, " disconnect id=[23] "), 2);
    ck_assert_uint_eq(harness_count(h, "connect id"), 4);
    harness_stop(h);
}
END_TEST

START_TEST(connections_errors_logs_what_went_wrong)
{
    struct harness *h = three_clients("errors");
    ck_assert_uint_eq(harness_count(h, " disconnect id=3 .*reason=reset"), 1);
    ck_assert_uint_eq(harness_count(h, "connect id"), 1);
    harness_stop(h);
}
END_TEST

START_TEST(connections_none_logs_nobody)
{
    struct harness *h = three_clients("none");
    ck_assert_uint_eq(harness_count(h, "connect id"), 0);
    harness_stop(h);
}
END_TEST

START_TEST(a_nonempty_client_is_logged_with_its_first_byte)
{
    struct harness *h = harness_serve("[log]\nconnections = nonempty\n");
    int fd = client_connect(h->address);
    client_talk(h->address, 1, 0);
    ck_assert_uint_eq(harness_count(h, "connect id"), 0);
    client_echo(fd, 1, 1);
    harness_expect(h, " connect id=1 ");
    client_echo(fd, 1, 1);
    ck_assert_uint_eq(harness_count(h, "connect id"), 1);
    close(fd);
    harness_stop(h);
}
END_TEST

START_TEST(a_level_leaves_out_what_is_less_urgent)
{
    struct harness *h = harness_serve("[log]\nlevel = info\n");
    harness_write(h, "echod.ini", "[server]\nlisten = 127.0.0.1\nport = 0\n"
                                  "[log]\nlevel = notice\n");
    harness_signal(h, SIGHUP);
    harness_expect(h, "notice reloaded .*: log\\.level info -> notice$");
    harness_mark(h);
    client_talk(h->address, 1, 10);
    harness_signal(h, SIGUSR1);
    harness_signal(h, SIGHUP);
    harness_expect(h, "notice reloaded ");
    ck_assert_uint_eq(harness_count(h, " info "), 0);
    harness_stop(h);
}
END_TEST

static size_t left_out_of(struct harness *h)
{
    size_t sum = 0;
    char *log = harness_log(h);
    char *rest = NULL;
    for (char *line = strtok_r(log, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        unsigned n;
        if (sscanf(line, "%*s notice %u connection lines left out ", &n) == 1) {
            sum += n;
        }
    }
    free(log);
    return sum;
}

START_TEST(lines_over_the_rate_are_counted_in_one_summary)
{
    enum { CLIENTS = 200 };
    struct harness *h = harness_serve("[log]\nrate = 10\n");
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_talk(h->address, i, 10);
    }
    int64_t until = harness_now() + harness_ms(HARNESS_SOON);
    size_t written;
    size_t left_out;
    do {
        poll(NULL, 0, 20);
        left_out = left_out_of(h);
        written = harness_count(h, " (dis)?connect id");
        ck_assert_int_lt(harness_now(), until);
    } while (written + left_out < 2 * CLIENTS);
    ck_assert_uint_eq(written + left_out, 2 * CLIENTS);
    size_t summaries = harness_count(h, "lines left out in a second.*10$");
    ck_assert_uint_ge(summaries, 1);
    ck_assert_uint_le(written, 10 * (summaries + 2));
    /* A later second has its own allowance. */
    poll(NULL, 0, 1100);
    harness_mark(h);
    client_talk(h->address, 1, 10);
    harness_expect(h, " disconnect ");
    harness_stop(h);
}
END_TEST

START_TEST(rate_0_is_no_limit)
{
    struct harness *h = harness_serve("[log]\nrate = 0\n");
    for (unsigned i = 0; i < 1200; i++) {
        client_talk(h->address, i, 1);
    }
    harness_expect_count(h, 2400, "connect id");
    ck_assert_uint_eq(harness_count(h, "left out|lost"), 0);
    harness_stop(h);
}
END_TEST

/* Standard error is a pipe that nobody reads for a while. */

static int stalled[2];

static void stall(struct harness *h)
{
    (void)h;
    dup2(stalled[1], STDERR_FILENO);
}

/* Reads on until a line says how many were lost. */
static size_t read_until_lost(FILE *file, unsigned *lost)
{
    char line[4096];
    size_t lines = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%*s warning %u messages lost: ", lost) == 1) {
            return lines;
        }
        lines += strstr(line, "connect id=") != NULL;
    }
    ck_abort_msg("no line says what was lost");
}

START_TEST(a_stalled_reader_of_standard_error_stops_nobody)
{
    enum { CLIENTS = 2000 };
    unsigned lost;
    char address[300];
    struct harness *h = harness_new();
    ck_assert_int_eq(pipe2(stalled, O_CLOEXEC), 0);
    h->in_child = stall;
    harness_write(h, "echod.ini",
                  "[server]\nlisten = unix:%s/s\n[log]\nrate = 0\n", h->dir);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    close(stalled[1]);
    ck_assert(client_wait(stalled[0], POLLIN, harness_ms(HARNESS_SOON)));
    snprintf(address, sizeof address, "unix:%s/s", h->dir);
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_talk(address, i, 10);
    }
    FILE *file = fdopen(stalled[0], "re");
    size_t lines = read_until_lost(file, &lost);
    ck_assert_uint_gt(lost, 0);
    ck_assert_uint_eq(lines + lost, 2 * CLIENTS);
    harness_signal(h, SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    fclose(file);
    harness_free(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        connect_and_disconnect_have_exactly_these_lines,
        ms_is_how_long_the_client_stayed,
        the_time_is_local_with_its_offset,
        no_byte_of_a_payload_is_ever_logged,
        connections_all_logs_every_client,
        connections_nonempty_leaves_out_clients_that_sent_nothing,
        connections_errors_logs_what_went_wrong,
        connections_none_logs_nobody,
        a_nonempty_client_is_logged_with_its_first_byte,
        a_level_leaves_out_what_is_less_urgent,
        lines_over_the_rate_are_counted_in_one_summary,
        rate_0_is_no_limit,
        a_stalled_reader_of_standard_error_stops_nobody,
        NULL,
    };
    return harness_main(harness_suite("system_log", tests));
}
