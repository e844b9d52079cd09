/*
 * A server and its clients in one process: the clients' side is driven from
 * timers of the same loop or between two runs of it.
 */
#include <config.h>

#include "server.h"
#include "clients.h"
#include "fdlimit.h"
#include "log.h"
#include "loop.h"
#include "settings.h"

#include "unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

static struct loop *loop;
static struct server *server;
static char error[SERVER_ERROR_MAX];
static struct addr where;
static struct loop_timer stopper;

static struct settings *load(const char *const *assignments)
{
    struct settings *settings = settings_new();

    ck_assert_ptr_nonnull(settings);
    ck_assert_int_eq(settings_load(settings, NULL,
                                   (char *const *)(uintptr_t)assignments,
                                   stderr),
                     0);
    return settings;
}

/* A server on 127.0.0.1, any port, with these settings over it. */
static void begin(const char *const *assignments)
{
    const char *all[16] = { "server.listen=127.0.0.1", "server.port=0",
                            "server.backlog=64" };
    const char *told;
    int count = 3;

    while (*assignments != NULL)
        all[count++] = *assignments++;
    unit_log_begin();
    loop = loop_new(&poller_poll);
    ck_assert_ptr_nonnull(loop);
    server = server_new(loop, load(all));
    ck_assert_ptr_nonnull(server);
    ck_assert_msg(server_bind(server, 0, 0, error) == 0, "%s", error);
    ck_assert_msg(server_listen(server, error) == 0, "%s", error);
    told = strstr(unit_log(), "listening on 127.0.0.1:");
    ck_assert_ptr_nonnull(told);
    ck_assert_int_eq(
        addr_parse(&where, "127.0.0.1",
                   (uint16_t)atoi(told + strlen("listening on 127.0.0.1:"))),
        0);
}

#define BEGIN(...) begin((const char *const[]){ __VA_ARGS__, NULL })

static void end(void)
{
    server_free(server);
    loop_free(loop);
    server = NULL; /* or what was not freed would not be lost */
    loop = NULL;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ne(fd, -1);
    ck_assert_int_eq(connect(fd, &where.sa.any, where.len), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void run_for(int64_t ms)
{
    loop_timer_set(loop, &stopper, loop_now(loop) + ms, stop, loop);
    ck_assert_int_eq(loop_run(loop), 0);
    loop_timer_clear(loop, &stopper);
}

static void run_until_active(size_t count)
{
    int64_t late = unit_now_ms() + 10000;

    while (server_active(server) != count && unit_now_ms() < late)
        run_for(1);
    ck_assert_uint_eq(server_active(server), count);
}

/* Until the client has something to read; how much, 0 for the end. */
static ssize_t receive(int fd, char *out, size_t size)
{
    int64_t late = unit_now_ms() + 10000;
    ssize_t n;

    while ((n = recv(fd, out, size, 0)) == -1 && errno == EAGAIN &&
           unit_now_ms() < late)
        run_for(1);
    return n;
}

static void assert_echo(int fd, const char *text)
{
    char back[64];

    ck_assert_int_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
    ck_assert_int_eq(receive(fd, back, sizeof back), (ssize_t)strlen(text));
    ck_assert_mem_eq(back, text, strlen(text));
}

START_TEST(every_client_gets_its_own_bytes_back)
{
    int a, b;

    BEGIN("server.poller=poll");
    a = dial();
    b = dial();
    assert_echo(a, "to a");
    assert_echo(b, "to b");
    ck_assert_uint_eq(server_active(server), 2);
    ck_assert_uint_eq(server_stats(server)->accepted, 2);
    ck_assert_uint_eq(server_stats(server)->bytes_in, 8);
    ck_assert_uint_eq(server_stats(server)->bytes_out, 8);
    close(a);
    close(b);
    run_until_active(0);
    ck_assert_int_eq(unit_log_count("reason=eof"), 2);
    end();
}
END_TEST

/* An option of the socket that listens. */
static int option(int level, int name)
{
    int value, listens;
    socklen_t len = sizeof value;

    for (int fd = 0; fd < 100; fd++)
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 &&
            listens && getsockopt(fd, level, name, &value, &len) == 0)
            return value;
    ck_abort_msg("no socket listens");
}

START_TEST(the_keys_of_the_server_reach_its_socket)
{
    static const char *const words[] = { "no", "yes" };
    char nodelay[32], reuse[32];

    snprintf(nodelay, sizeof nodelay, "server.tcp_nodelay=%s", words[_i]);
    snprintf(reuse, sizeof reuse, "server.reuse_port=%s", words[1 - _i]);
    BEGIN("server.keepalive=1200s", nodelay, reuse);
    ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPIDLE), 1200);
    ck_assert_int_eq(option(IPPROTO_TCP, TCP_NODELAY) != 0, _i == 1);
    ck_assert_int_eq(option(SOL_SOCKET, SO_REUSEPORT) != 0, _i == 0);
    end();
}
END_TEST

/* Both may bind, as long as neither listens. */
START_TEST(who_listens_second_on_a_port_is_told)
{
    int first = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    char listen_on[ADDR_TEXT_MAX + 16], text[ADDR_TEXT_MAX];

    ck_assert_int_eq(
        setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    ck_assert_int_eq(addr_parse(&where, "127.0.0.1:0", 0), 0);
    ck_assert_int_eq(bind(first, &where.sa.any, where.len), 0);
    ck_assert_int_eq(addr_local(&where, first), 0);
    addr_format(&where, text);
    snprintf(listen_on, sizeof listen_on, "server.listen=%s", text);
    loop = loop_new(&poller_poll);
    server = server_new(loop, load((const char *const[]){ listen_on, NULL }));
    ck_assert_msg(server_bind(server, 0, 0, error) == 0, "%s", error);
    ck_assert_int_eq(listen(first, 1), 0);
    ck_assert_int_eq(server_listen(server, error), -1);
    ck_assert_ptr_nonnull(strstr(error, text));
    close(first);
    end();
}
END_TEST

START_TEST(clients_that_are_silent_cost_no_turns)
{
    uint64_t before;
    int fd;

    BEGIN("limits.max_lifetime=1h");
    fd = dial();
    run_until_active(1);
    assert_echo(fd, "hello");
    before = loop_turns(loop);
    run_for(50);
    ck_assert_uint_le(loop_turns(loop) - before, 3);
    close(fd);
    end();
}
END_TEST

START_TEST(what_was_sent_before_the_client_ended_still_comes_back)
{
    char back[16];
    int fd;

    BEGIN("server.poller=poll");
    fd = dial();
    ck_assert_int_eq(send(fd, "tail", 4, 0), 4);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    ck_assert_int_eq(receive(fd, back, sizeof back), 4);
    ck_assert_int_eq(receive(fd, back, sizeof back), 0);
    close(fd);
    end();
}
END_TEST

START_TEST(over_max_clients_one_waits_and_is_served_when_another_leaves)
{
    int first, second, third;

    BEGIN("limits.max_clients=2");
    first = dial();
    second = dial();
    run_until_active(2);
    third = dial();
    run_for(20);
    ck_assert_uint_eq(server_active(server), 2);
    ck_assert_int_eq(unit_log_count("limits.max_clients is reached"), 1);
    close(first);
    assert_echo(third, "at last");
    close(second);
    close(third);
    run_until_active(0);
    end();
}
END_TEST

/* Many leave and as many come in one turn, with no descriptor to spare. */
START_TEST(a_full_house_that_changes_at_once_needs_no_descriptor_more)
{
    enum { CROWD = 50 };
    int old[CROWD], new[CROWD];
    struct rlimit limit, tight;

    BEGIN("limits.max_clients=60", "log.connections=none");
    for (int i = 0; i < CROWD; i++)
        old[i] = dial();
    run_until_active(CROWD);
    for (int i = 0; i < CROWD; i++)
        new[i] = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    tight = limit;
    tight.rlim_cur = (rlim_t)unit_free_fd() + 10; /* max_clients, no more */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int i = 0; i < CROWD; i++) {
        ck_assert_int_eq(shutdown(old[i], SHUT_WR), 0);
        ck_assert_int_eq(connect(new[i], &where.sa.any, where.len), 0);
    }
    while (server_stats(server)->accepted < 2 * CROWD)
        run_for(1);
    ck_assert_int_eq(unit_log_count("cannot accept"), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < CROWD; i++) {
        close(old[i]);
        close(new[i]);
    }
    run_until_active(0);
    end();
}
END_TEST

START_TEST(an_idle_client_is_ended_with_a_fin)
{
    char byte;
    int fd;

    BEGIN("limits.idle_timeout=50ms");
    fd = dial();
    assert_echo(fd, "hello");
    ck_assert_int_eq(receive(fd, &byte, 1), 0);
    close(fd);
    run_until_active(0);
    ck_assert_int_eq(unit_log_count("reason=idle"), 1);
    end();
}
END_TEST

/* Whatever ends it, however short the time is. */
START_TEST(a_millisecond_is_a_time_too)
{
    static const struct {
        const char *limit, *reason;
    } limits[] = { { "limits.idle_timeout=1ms", "reason=idle" },
                   { "limits.max_lifetime=1ms", "reason=lifetime" } };
    char byte;
    int fd;

    BEGIN(limits[_i].limit, "limits.linger_timeout=1h");
    fd = dial();
    ck_assert_int_eq(receive(fd, &byte, 1), 0);
    close(fd);
    run_until_active(0);
    ck_assert_int_eq(unit_log_count(limits[_i].reason), 1);
    end();
}
END_TEST

START_TEST(a_linger_of_a_millisecond_waits_for_the_fin_to_go_out)
{
    char byte;
    int fd;

    BEGIN("limits.idle_timeout=20ms", "limits.linger_timeout=1ms");
    fd = dial();
    assert_echo(fd, "hello");
    ck_assert_int_eq(receive(fd, &byte, 1), 0);
    run_until_active(0);
    close(fd);
    end();
}
END_TEST

START_TEST(connection_lines_over_the_rate_are_summed_up_though_nobody_leaves)
{
    int fds[4];

    BEGIN("log.rate=1");
    for (int i = 0; i < 4; i++)
        fds[i] = dial();
    run_until_active(4);
    run_for(1100);
    ck_assert_int_eq(unit_log_count("3 connection lines left out"), 1);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    run_until_active(0);
    run_for(1100); /* and those that leave, though nobody comes */
    ck_assert_int_eq(unit_log_count("3 connection lines left out"), 2);
    end();
}
END_TEST

static int dial_from(const char *from)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct addr local;

    ck_assert_int_eq(addr_parse(&local, from, 1), 0);
    ((struct sockaddr_in *)&local.sa.any)->sin_port = 0;
    ck_assert_int_eq(bind(fd, &local.sa.any, local.len), 0);
    ck_assert_int_eq(connect(fd, &where.sa.any, where.len), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

START_TEST(a_reset_while_it_lingers_changes_no_reason)
{
    struct linger none = { .l_onoff = 1, .l_linger = 0 };
    char byte;
    int fd;

    BEGIN("limits.idle_timeout=20ms", "limits.linger_timeout=1h");
    fd = dial();
    ck_assert_int_eq(receive(fd, &byte, 1), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none),
                     0);
    close(fd);
    run_until_active(0);
    ck_assert_int_eq(unit_log_count("reason=idle"), 1);
    end();
}
END_TEST

START_TEST(who_is_served_takes_the_place_of_one_who_was_turned_away)
{
    int refused[3], served[2], before;

    BEGIN("access.deny=127.0.0.2", "limits.max_clients=2",
          "limits.linger_timeout=1h");
    before = unit_descriptors();
    for (int i = 0; i < 3; i++)
        refused[i] = dial_from("127.0.0.2");
    run_for(20);
    ck_assert_int_eq(unit_descriptors(), before + 3 + 2);
    for (int i = 0; i < 2; i++) {
        served[i] = dial();
        assert_echo(served[i], "hello");
        ck_assert_int_eq(unit_descriptors(), before + 3 + 2 + i + 1);
    }
    ck_assert_uint_eq(server_active(server), 2);
    for (int i = 0; i < 2; i++)
        close(served[i]);
    run_until_active(0);
    ck_assert_int_eq(unit_descriptors(), before + 3);
    for (int i = 0; i < 3; i++)
        close(refused[i]);
    end();
}
END_TEST

START_TEST(a_source_has_so_many_clients_and_no_more)
{
    int fds[3];
    char byte;

    BEGIN("limits.max_clients_per_source=2");
    for (int i = 0; i < 2; i++) {
        fds[i] = dial();
        assert_echo(fds[i], "hello");
    }
    fds[2] = dial();
    ck_assert_int_eq(receive(fds[2], &byte, 1), 0);
    ck_assert_uint_eq(server_active(server), 2);
    ck_assert_uint_eq(server_stats(server)->refused[GATE_PER_SOURCE], 1);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    run_until_active(0);
    end();
}
END_TEST

START_TEST(so_many_and_no_more_who_were_turned_away_linger)
{
    enum { MORE = CLIENTS_TURNED_AWAY_MAX + 5 };
    int fds[MORE], before;

    BEGIN("access.deny=127.0.0.1", "limits.linger_timeout=1h",
          "log.connections=none");
    before = unit_descriptors();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MORE; i++) {
            fds[i] = dial();
            run_for(0);
        }
        run_for(20);
        ck_assert_int_eq(unit_descriptors(),
                         before + MORE + CLIENTS_TURNED_AWAY_MAX);
        for (int i = 0; i < MORE; i++)
            close(fds[i]);
        run_for(20);
        ck_assert_int_eq(unit_descriptors(), before);
    }
    end();
}
END_TEST

START_TEST(refusals_over_the_rate_are_summed_up_though_nobody_is_served)
{
    int fds[4];

    BEGIN("log.rate=1", "access.deny=127.0.0.1");
    for (int i = 0; i < 4; i++)
        fds[i] = dial();
    for (int i = 0; i < 100 && unit_log_count("left out") == 0; i++)
        run_for(100);
    ck_assert_int_eq(unit_log_count("3 connection lines left out"), 1);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    end();
}
END_TEST

START_TEST(a_lingering_client_that_stays_is_closed_at_last)
{
    int fd;

    BEGIN("limits.idle_timeout=20ms", "limits.linger_timeout=20ms");
    fd = dial();
    run_until_active(1);
    run_until_active(0);
    ck_assert_int_eq(unit_log_count("reason=idle"), 1);
    close(fd);
    end();
}
END_TEST

/* ---- reload ---- */

static int reload(const char *const *assignments)
{
    struct settings *next = load(assignments);
    int result = server_reload(server, next, error);

    if (result != 0)
        settings_free(next);
    return result;
}

#define RELOAD(...) reload((const char *const[]){ __VA_ARGS__, NULL })

/* So many large reads that the client counts as bulky, see conn.c; then it
 * sends until nothing moves any more. */
static void stuff(int fd)
{
    static char block[65536];

    for (int i = 0; i < 16; i++)
        for (ssize_t sent = send(fd, block, sizeof block, 0); sent > 0;) {
            ssize_t got = receive(fd, block, sizeof block);

            ck_assert_int_gt(got, 0);
            sent -= got;
        }
    for (int still = 0; still < 3; still++) {
        while (send(fd, block, sizeof block, 0) > 0)
            still = 0;
        run_for(1);
    }
}

enum { DEAF = 5 };

/* How many pipes are open for so many clients that send and never read. */
static int pipes_of_the_deaf(int fds[DEAF])
{
    int before = unit_descriptors();

    for (int i = 0; i < DEAF; i++) {
        fds[i] = dial();
        stuff(fds[i]);
    }
    return (unit_descriptors() - before - 2 * DEAF) / 2;
}

static void close_all(const int *fds, int count)
{
    for (int i = 0; i < count; i++)
        close(fds[i]);
    run_until_active(0);
}

/* So many clients that of what select can hold so many descriptors are left;
 * or of less, where the system gives less. */
static const char *clients_that_leave(int64_t descriptors)
{
    static char key[64];
    int64_t most = fdlimit_reach(poller_select.limit);

    snprintf(key, sizeof key, "limits.max_clients=%lld",
             (long long)(most - SETTINGS_SPARE_FDS - 1 - descriptors));
    return key;
}

START_TEST(pipes_get_the_descriptors_that_no_client_needs)
{
    static const int left[] = { 0, 4, 100 };
    static const int pipes[] = { 0, 2, DEAF };
    int fds[DEAF];

    BEGIN("server.poller=select", clients_that_leave(left[_i]));
    ck_assert_int_eq(pipes_of_the_deaf(fds), pipes[_i]);
    close_all(fds, DEAF);
    end();
}
END_TEST

START_TEST(a_reload_to_fewer_clients_leaves_descriptors_for_pipes)
{
    int fds[2 * DEAF];

    BEGIN("server.poller=select", clients_that_leave(0));
    ck_assert_int_eq(pipes_of_the_deaf(fds), 0);
    ck_assert_int_eq(RELOAD("server.listen=127.0.0.1", "server.port=0",
                            "server.poller=select", clients_that_leave(4)),
                     0);
    ck_assert_int_eq(pipes_of_the_deaf(fds + DEAF), 2);
    close_all(fds, 2 * DEAF);
    end();
}
END_TEST

START_TEST(a_reload_keeps_the_clients_and_the_socket)
{
    int fd, other;

    BEGIN("server.buffer_size=1");
    fd = dial();
    assert_echo(fd, "x");
    ck_assert_msg(RELOAD("server.listen=127.0.0.1", "server.port=0",
                         "server.buffer_size=1M") == 0,
                  "%s", error);
    assert_echo(fd, "still here");
    other = dial();
    assert_echo(other, "me too");
    ck_assert_uint_eq(server_active(server), 2);
    ck_assert_int_eq(server_settings(server)->server.buffer_size, 1 << 20);
    ck_assert_int_eq(unit_log_count("listening on"), 1);
    close(fd);
    close(other);
    end();
}
END_TEST

START_TEST(a_reload_to_another_level_of_the_log_acts_at_once)
{
    static const char *const levels[] = { "log.level=warning",
                                          "log.level=info" };
    int fd;

    BEGIN("server.poller=poll");
    for (int i = 0; i < 2; i++) {
        fd = dial();
        run_until_active(1);
        ck_assert_int_eq(
            RELOAD("server.listen=127.0.0.1", "server.port=0", levels[i]), 0);
        close(fd);
        run_until_active(0);
        ck_assert_int_eq(unit_log_count("reason=eof"), i);
    }
    end();
}
END_TEST

START_TEST(those_who_linger_over_a_reload_still_count_as_of_their_source)
{
    int first, second;
    char byte;

    BEGIN("limits.idle_timeout=20ms", "limits.linger_timeout=1h",
          "limits.max_clients_per_source=1");
    first = dial();
    ck_assert_int_eq(receive(first, &byte, 1), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_msg(RELOAD("server.listen=127.0.0.1", "server.port=0",
                             "limits.linger_timeout=1h",
                             "limits.max_clients_per_source=1") == 0,
                      "%s", error);
    second = dial();
    ck_assert_int_eq(receive(second, &byte, 1), 0);
    ck_assert_int_eq(unit_log_count("reason=per_source"), 1);
    close(first);
    close(second);
    run_until_active(0);
    second = dial();
    assert_echo(second, "now it is my turn");
    close(second);
    end();
}
END_TEST

START_TEST(a_reload_to_no_linger_closes_those_who_linger)
{
    int fd;

    BEGIN("limits.idle_timeout=20ms", "limits.linger_timeout=1h");
    fd = dial();
    run_until_active(1);
    run_for(100);
    ck_assert_uint_eq(server_active(server), 1);
    ck_assert_msg(RELOAD("server.listen=127.0.0.1", "server.port=0",
                         "limits.linger_timeout=0") == 0,
                  "%s", error);
    run_until_active(0);
    ck_assert_int_eq(unit_log_count("reason=idle"), 1);
    close(fd);
    end();
}
END_TEST

START_TEST(a_reload_that_moves_the_port_keeps_the_clients)
{
    char port[64];
    int fd;

    BEGIN("server.poller=poll");
    fd = dial();
    assert_echo(fd, "x");
    snprintf(port, sizeof port, "server.port=%u",
             addr_port(&where) == 65535 ? 2000 : addr_port(&where) + 1u);
    /* The next port may be another's: then the old one must hold. */
    if (RELOAD("server.listen=127.0.0.3", port) == 0)
        ck_assert_int_eq(unit_log_count("no longer listening on"), 1);
    assert_echo(fd, "still here");
    close(fd);
    end();
}
END_TEST

START_TEST(a_reload_that_fails_changes_nothing)
{
    int fd, before;

    BEGIN("server.buffer_size=128");
    fd = dial();
    run_until_active(1);
    before = unit_descriptors();
    ck_assert_int_eq(RELOAD("server.listen=127.0.0.1:0 127.0.0.2:0 192.0.2.1:0",
                            "server.buffer_size=1M"),
                     -1);
    ck_assert_ptr_nonnull(strstr(error, "192.0.2.1:0"));
    ck_assert_int_eq(unit_descriptors(), before);
    ck_assert_int_eq(server_settings(server)->server.buffer_size, 128);
    assert_echo(fd, "still here");
    close(fd);
    close(dial());
    end();
}
END_TEST

START_TEST(a_reload_that_needs_more_descriptors_than_there_are_is_refused)
{
    struct rlimit limit;

    BEGIN("limits.max_clients=10");
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max = 100;
    setrlimit(RLIMIT_NOFILE, &limit); /* valgrind keeps its own, which is low */
    if (geteuid() == 0) /* who may raise the limit over it all the same */
        ck_assert_int_eq(setuid(65534), 0);
    ck_assert_int_eq(RELOAD("server.listen=127.0.0.1", "server.port=0",
                            "limits.max_clients=1000000"),
                     -1);
    ck_assert_ptr_nonnull(strstr(error, "limits.max_clients needs 10000"));
    ck_assert_int_eq(server_settings(server)->limits.max_clients, 10);
    end();
}
END_TEST

START_TEST(more_room_after_a_reload_lets_in_who_waits)
{
    int first, second;

    BEGIN("limits.max_clients=1");
    first = dial();
    run_until_active(1);
    second = dial();
    run_for(20);
    ck_assert_uint_eq(server_active(server), 1);
    ck_assert_int_eq(RELOAD("server.listen=127.0.0.1", "server.port=0",
                            "limits.max_clients=2"),
                     0);
    assert_echo(second, "in");
    close(first);
    close(second);
    end();
}
END_TEST

START_TEST(a_shorter_idle_timeout_acts_on_those_who_are_there)
{
    char byte;
    int fd;

    BEGIN("limits.idle_timeout=1h");
    fd = dial();
    run_until_active(1);
    ck_assert_int_eq(RELOAD("server.listen=127.0.0.1", "server.port=0",
                            "limits.idle_timeout=10ms"),
                     0);
    ck_assert_int_eq(receive(fd, &byte, 1), 0);
    close(fd);
    end();
}
END_TEST

/* Watches one descriptor that is over the limit of select. */
START_TEST(a_poller_that_cannot_hold_who_is_there_is_refused)
{
    struct rlimit limit;
    int high[1100], count = 0, fd;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    BEGIN("server.poller=poll");
    fd = dial();
    while (unit_free_fd() <= poller_select.limit)
        high[count++] = dup(STDIN_FILENO);
    run_until_active(1);
    while (count > 0)
        close(high[--count]);
    count = unit_descriptors();
    ck_assert_int_eq(RELOAD("server.listen=127.0.0.1 127.0.0.2",
                            "server.port=0", "server.poller=select",
                            "limits.max_clients=9"),
                     -1);
    ck_assert_int_eq(unit_descriptors(), count); /* nor is what was new open */
    ck_assert_int_eq(unit_log_count("listening on 127.0.0.2"), 0);
    ck_assert_ptr_nonnull(strstr(error, "server.poller: cannot go over to "
                                        "select"));
    assert_echo(fd, "still here");
    close(fd);
    end();
}
END_TEST

/* ---- the end ---- */

START_TEST(a_drain_ends_when_the_last_client_has_gone)
{
    int fd, late = socket(AF_INET, SOCK_STREAM, 0);

    BEGIN("limits.drain_timeout=0");
    fd = dial();
    run_until_active(1);
    server_drain(server);
    assert_echo(fd, "still served");
    ck_assert_int_eq(connect(late, &where.sa.any, where.len), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    close(late);
    close(fd);
    ck_assert_int_eq(loop_run(loop), 0); /* ends by itself */
    ck_assert_uint_eq(server_active(server), 0);
    end();
}
END_TEST

static void drain(void *arg)
{
    server_drain(arg);
}

START_TEST(a_drain_without_clients_ends_at_once)
{
    BEGIN("limits.drain_timeout=1h");
    loop_timer_set(loop, &stopper, loop_now(loop), drain, server);
    ck_assert_int_eq(loop_run(loop), 0); /* or this would take an hour */
    end();
}
END_TEST

START_TEST(a_drain_is_over_after_drain_and_linger_timeout_at_the_latest)
{
    int64_t before;
    char byte;
    int fd;

    BEGIN("limits.drain_timeout=50ms", "limits.linger_timeout=50ms");
    fd = dial();
    run_until_active(1);
    before = unit_now_ms();
    server_drain(server);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_ge(unit_now_ms() - before, 99);
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
    ck_assert_int_eq(unit_log_count("reason=shutdown"), 1);
    close(fd);
    end();
}
END_TEST

START_TEST(a_drain_of_a_millisecond_ends_those_who_stay)
{
    char byte;
    int fd;

    BEGIN("limits.drain_timeout=1ms", "limits.linger_timeout=1ms");
    fd = dial();
    run_until_active(1);
    server_drain(server);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
    close(fd);
    end();
}
END_TEST

START_TEST(what_waits_for_its_time_ends_with_the_server)
{
    enum { CROWD = 40, STAY = 3 };
    int fds[CROWD];

    BEGIN("limits.drain_timeout=20ms", "limits.idle_timeout=300ms",
          "log.rate=1");
    for (int i = 0; i < CROWD; i++)
        fds[i] = dial();
    run_until_active(CROWD);
    for (int i = STAY; i < CROWD; i++)
        close(fds[i]);
    run_until_active(STAY); /* their memory goes back in a second */
    server_drain(server);
    server_free(server);
    run_for(1100);
    for (int i = 0; i < STAY; i++)
        close(fds[i]);
    loop_free(loop);
}
END_TEST

START_TEST(freeing_gives_back_the_pipe_of_large_reads)
{
    static char block[65536], back[65536];
    int fd, before = unit_descriptors();

    BEGIN("server.poller=poll");
    fd = dial();
    for (int i = 0; i < 20; i++) {
        size_t seen = 0;

        ck_assert_int_eq(send(fd, block, sizeof block, 0), sizeof block);
        run_for(1);
        while (seen < sizeof block)
            seen += (size_t)receive(fd, back, sizeof back);
    }
    end();
    close(fd);
    ck_assert_int_eq(unit_descriptors(), before);
}
END_TEST

START_TEST(freeing_closes_who_is_there_and_leaves_no_descriptor)
{
    int fds[10], before = unit_descriptors();

    BEGIN("limits.max_clients=10");
    for (int i = 0; i < 10; i++)
        fds[i] = dial();
    run_until_active(10);
    end();
    ck_assert_int_eq(unit_log_count("reason=shutdown"), 10);
    for (int i = 0; i < 10; i++)
        close(fds[i]);
    ck_assert_int_eq(unit_descriptors(), before);
    server_free(NULL);
}
END_TEST

/* ---- a poller that fails ---- */

static int refuse_from; /* descriptors from here on are refused */

static int want_or_refuse(struct poller *p, int fd, unsigned had,
                          unsigned want)
{
    if (want != 0 && fd >= refuse_from) {
        errno = ENOMEM;
        return -1;
    }
    return poller_poll.want(p, fd, had, want);
}

START_TEST(a_client_that_the_poller_refuses_costs_only_itself)
{
    static struct poller_ops refusing;
    int first, second;
    char byte;

    BEGIN("limits.max_clients_per_source=2");
    refusing = poller_poll;
    refusing.want = want_or_refuse;
    first = dial();
    run_until_active(1);
    second = dial();
    refuse_from = unit_free_fd();
    ck_assert_int_eq(loop_use(loop, &refusing), 0);
    ck_assert_int_le(receive(second, &byte, 1), 0);
    ck_assert_int_eq(unit_log_count("reason=error error=ENOMEM"), 1);
    assert_echo(first, "not me");
    refuse_from = INT32_MAX;
    close(second);
    second = dial();
    assert_echo(second, "nor me, later");
    close(first);
    close(second);
    end();
}
END_TEST

START_TEST(a_reload_to_a_socket_that_the_poller_refuses_changes_nothing)
{
    static struct poller_ops refusing;
    int fd, before;

    BEGIN("server.buffer_size=128");
    refusing = poller_poll;
    refusing.want = want_or_refuse;
    fd = dial();
    run_until_active(1);
    before = unit_descriptors();
    refuse_from = unit_free_fd();
    ck_assert_int_eq(loop_use(loop, &refusing), 0);
    ck_assert_int_eq(RELOAD("server.listen=127.0.0.1:0 127.0.0.2:0",
                            "server.buffer_size=1M"),
                     -1);
    ck_assert_ptr_nonnull(strstr(error, "cannot listen on 127.0.0.2:"));
    ck_assert_int_eq(unit_descriptors(), before);
    ck_assert_int_eq(server_settings(server)->server.buffer_size, 128);
    assert_echo(fd, "still here");
    close(fd);
    end();
}
END_TEST

START_TEST(sockets_that_are_handed_over_take_the_place_of_listen)
{
    static const char *const taken[] = { "server.listen=192.0.2.1", NULL };
    int fd = socket(AF_INET, SOCK_STREAM, 0), client;

    unit_log_begin();
    ck_assert_int_eq(addr_parse(&where, "127.0.0.1:0", 0), 0);
    ck_assert_int_eq(bind(fd, &where.sa.any, where.len), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(addr_local(&where, fd), 0);
    loop = loop_new(&poller_poll);
    server = server_new(loop, load(taken));
    ck_assert_msg(server_bind(server, fd, 1, error) == 0, "%s", error);
    ck_assert_int_eq(server_listen(server, error), 0);
    client = dial();
    assert_echo(client, "hello");
    ck_assert_int_eq(reload(taken), 0);
    assert_echo(client, "hello again");
    close(client);
    end();
}
END_TEST

START_TEST(what_is_handed_over_but_does_not_listen_is_refused)
{
    static const char *const none[] = { NULL };

    loop = loop_new(&poller_poll);
    server = server_new(loop, load(none));
    ck_assert_int_eq(server_bind(server, STDIN_FILENO, 1, error), -1);
    ck_assert_ptr_nonnull(strstr(error, "descriptor 0"));
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server");
    TCase *tests = tcase_create("server");

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, every_client_gets_its_own_bytes_back);
    tcase_add_loop_test(tests, the_keys_of_the_server_reach_its_socket, 0, 2);
    tcase_add_test(tests, who_listens_second_on_a_port_is_told);
    tcase_add_test(tests, clients_that_are_silent_cost_no_turns);
    tcase_add_test(tests,
                   what_was_sent_before_the_client_ended_still_comes_back);
    tcase_add_test(
        tests, over_max_clients_one_waits_and_is_served_when_another_leaves);
    tcase_add_test(
        tests, a_full_house_that_changes_at_once_needs_no_descriptor_more);
    tcase_add_test(tests, an_idle_client_is_ended_with_a_fin);
    tcase_add_loop_test(tests, a_millisecond_is_a_time_too, 0, 2);
    tcase_add_test(tests,
                   a_linger_of_a_millisecond_waits_for_the_fin_to_go_out);
    tcase_add_test(
        tests,
        connection_lines_over_the_rate_are_summed_up_though_nobody_leaves);
    tcase_add_test(tests, a_reset_while_it_lingers_changes_no_reason);
    tcase_add_test(
        tests, who_is_served_takes_the_place_of_one_who_was_turned_away);
    tcase_add_test(tests, a_source_has_so_many_clients_and_no_more);
    tcase_add_test(tests, so_many_and_no_more_who_were_turned_away_linger);
    tcase_add_test(
        tests, refusals_over_the_rate_are_summed_up_though_nobody_is_served);
    tcase_add_test(tests, a_lingering_client_that_stays_is_closed_at_last);
    tcase_add_loop_test(tests, pipes_get_the_descriptors_that_no_client_needs,
                        0, 3);
    tcase_add_test(tests,
                   a_reload_to_fewer_clients_leaves_descriptors_for_pipes);
    tcase_add_test(tests, a_reload_keeps_the_clients_and_the_socket);
    tcase_add_test(tests,
                   a_reload_to_another_level_of_the_log_acts_at_once);
    tcase_add_test(
        tests, those_who_linger_over_a_reload_still_count_as_of_their_source);
    tcase_add_test(tests, a_reload_to_no_linger_closes_those_who_linger);
    tcase_add_test(tests, a_reload_that_moves_the_port_keeps_the_clients);
    tcase_add_test(tests, a_reload_that_fails_changes_nothing);
    tcase_add_test(
        tests,
        a_reload_that_needs_more_descriptors_than_there_are_is_refused);
    tcase_add_test(tests, more_room_after_a_reload_lets_in_who_waits);
    tcase_add_test(tests, a_shorter_idle_timeout_acts_on_those_who_are_there);
    tcase_add_test(tests,
                   a_poller_that_cannot_hold_who_is_there_is_refused);
    tcase_add_test(tests, a_drain_ends_when_the_last_client_has_gone);
    tcase_add_test(tests, a_drain_without_clients_ends_at_once);
    tcase_add_test(
        tests, a_drain_is_over_after_drain_and_linger_timeout_at_the_latest);
    tcase_add_test(tests, a_drain_of_a_millisecond_ends_those_who_stay);
    tcase_add_test(tests, what_waits_for_its_time_ends_with_the_server);
    tcase_add_test(tests, freeing_gives_back_the_pipe_of_large_reads);
    tcase_add_test(tests,
                   freeing_closes_who_is_there_and_leaves_no_descriptor);
    tcase_add_test(tests, a_client_that_the_poller_refuses_costs_only_itself);
    tcase_add_test(
        tests, a_reload_to_a_socket_that_the_poller_refuses_changes_nothing);
    tcase_add_test(tests,
                   sockets_that_are_handed_over_take_the_place_of_listen);
    tcase_add_test(tests, what_is_handed_over_but_does_not_listen_is_refused);
    return unit_run(suite);
}
