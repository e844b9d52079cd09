#include <config.h>

#include "listener.h"
#include "loop.h"

#include "unit.h"

#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/un.h>

static const struct listen_options plain = { .backlog = 64,
                                             .socket_buffer = 65536,
                                             .keepalive_s = 60,
                                             .nodelay = true };

static struct loop *loop;
static struct listener_set *set;
static char error[LISTENER_ERROR_MAX];
static struct loop_timer stopper;

static int accepted; /* how many */
static int last = -1; /* the last of them */
static int rooms;     /* how many more there is room for */

static void on_accept(void *arg, int fd, const struct addr *peer)
{
    (void)arg;
    (void)peer;
    accepted++;
    rooms--;
    if (last != -1)
        close(last);
    last = fd;
}

static bool has_room(void *arg)
{
    (void)arg;
    return rooms > 0;
}

static void set_up(void)
{
    unit_log_begin();
    unit_folder_make();
    loop = loop_new(&poller_poll);
    ck_assert_ptr_nonnull(loop);
    set = listener_set_new(loop, on_accept, has_room, NULL);
    ck_assert_ptr_nonnull(set);
    rooms = 1000;
}

static void tear_down(void)
{
    if (last != -1)
        close(last);
    listener_set_free(set);
    loop_free(loop);
    unit_folder_remove();
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void run_for(int64_t ms)
{
    loop_timer_set(loop, &stopper, loop_now(loop) + ms, stop, loop);
    ck_assert_int_eq(loop_run(loop), 0);
}

/* Until so many were accepted, or for ten seconds. */
static void run_until_accepted(int count)
{
    int64_t end = unit_now_ms() + 10000;

    while (accepted < count && unit_now_ms() < end)
        run_for(2);
    ck_assert_int_eq(accepted, count);
}

static struct addr parse(const char *text)
{
    struct addr addr;

    ck_assert_int_eq(addr_parse(&addr, text, 0), 0);
    return addr;
}

static int add(const char *text)
{
    struct addr addr = parse(text);

    return listener_add(set, &addr, false, error);
}

static int add_any(sa_family_t family)
{
    struct addr addr;

    addr_any(&addr, family, 0);
    return listener_add(set, &addr, true, error);
}

static void start_and_commit(void)
{
    ck_assert_msg(listener_start(set, error) == 0, "%s", error);
    listener_commit(set);
}

/* The port of the n-th line "listening on", n from 0. */
static uint16_t port_told(int n)
{
    const char *p = unit_log();

    for (; n >= 0; n--) {
        p = strstr(p, " listening on ");
        ck_assert_ptr_nonnull(p);
        p += strlen(" listening on ");
    }
    p += strcspn(p, "\n");
    while (p[-1] != ':')
        p--;
    return (uint16_t)atoi(p);
}

/* Opens 127.0.0.1 at a port of the kernel's and returns the address. */
static struct addr open_one(void)
{
    struct addr addr = parse("127.0.0.1:0");

    listener_begin(set, &plain);
    ck_assert_int_eq(listener_add(set, &addr, false, error), 0);
    start_and_commit();
    addr_set_port(&addr, port_told(0));
    return addr;
}

static int dial(const struct addr *addr)
{
    int fd = socket(addr->sa.any.sa_family, SOCK_STREAM, 0);

    ck_assert_int_ne(fd, -1);
    if (connect(fd, &addr->sa.any, addr->len) == 0)
        return fd;
    close(fd);
    return -1;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* ---- what an accepted socket is like ---- */

START_TEST(an_accepted_socket_has_the_options_from_its_first_byte_on)
{
    struct addr addr = open_one();
    int client = dial(&addr);

    run_until_accepted(1);
    ck_assert_int_eq(option(last, SOL_SOCKET, SO_OOBINLINE), 1);
    ck_assert_int_eq(option(last, SOL_SOCKET, SO_KEEPALIVE), 1);
    ck_assert_int_eq(option(last, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    ck_assert_int_ne(option(last, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_eq(option(last, SOL_SOCKET, SO_RCVBUF), 2 * 65536);
    ck_assert_int_eq(option(last, SOL_SOCKET, SO_SNDBUF), 2 * 65536);
    ck_assert(fcntl(last, F_GETFL) & O_NONBLOCK);
    ck_assert(fcntl(last, F_GETFD) & FD_CLOEXEC);
    close(client);
}
END_TEST

START_TEST(options_that_are_off_are_off_also_after_a_change)
{
    static const struct listen_options bare = { .backlog = 1 };
    struct addr addr = open_one();
    int client;

    listener_begin(set, &bare);
    ck_assert_int_eq(listener_add(set, &addr, false, error), 0);
    start_and_commit();
    client = dial(&addr);
    run_until_accepted(1);
    ck_assert_int_eq(option(last, SOL_SOCKET, SO_KEEPALIVE), 0);
    ck_assert_int_eq(option(last, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_eq(option(last, SOL_SOCKET, SO_OOBINLINE), 1);
    close(client);
}
END_TEST

START_TEST(reuse_port_lets_two_sets_share_a_port)
{
    struct listen_options shared = plain;
    struct listener_set *other =
        listener_set_new(loop, on_accept, has_room, NULL);
    struct addr addr = parse("127.0.0.1:0");

    shared.reuse_port = true;
    listener_begin(set, &shared);
    ck_assert_int_eq(listener_add(set, &addr, false, error), 0);
    start_and_commit();
    addr_set_port(&addr, port_told(0));
    listener_begin(other, &shared);
    ck_assert_msg(listener_add(other, &addr, false, error) == 0, "%s", error);
    ck_assert_int_eq(listener_start(other, error), 0);
    listener_commit(other);
    listener_set_free(other);
}
END_TEST

START_TEST(a_backlog_over_the_kernels_is_told_once)
{
    struct listen_options most = plain;
    int expected = listen_socket_max_backlog() < 65535 ? 1 : 0;
    struct addr addr = open_one();

    most.backlog = 65535;
    for (int i = 0; i < 2; i++) {
        listener_begin(set, &most);
        ck_assert_int_eq(listener_add(set, &addr, false, error), 0);
        start_and_commit();
    }
    ck_assert_int_eq(unit_log_count("server.backlog is 65535, but the kernel"),
                     expected);
}
END_TEST

/* ---- transactions ---- */

START_TEST(an_address_that_is_still_wanted_keeps_the_clients_that_wait)
{
    struct addr addr = open_one();
    int client = dial(&addr); /* waits in the backlog */

    listener_begin(set, &plain);
    ck_assert_int_eq(listener_add(set, &addr, false, error), 0);
    ck_assert_int_eq(add("127.0.0.1:0"), 0);
    start_and_commit();
    run_until_accepted(1);
    ck_assert_int_eq(write(last, "x", 1), 1);
    ck_assert_int_eq(read(client, error, 1), 1);
    close(client);
}
END_TEST

START_TEST(an_address_that_is_wanted_no_more_is_closed_and_told)
{
    struct addr addr = open_one();

    listener_begin(set, &plain);
    ck_assert_int_eq(add("[::1]:0"), 0);
    start_and_commit();
    ck_assert_uint_eq(listener_count(set), 1);
    ck_assert_int_eq(dial(&addr), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    ck_assert_int_eq(unit_log_count("no longer listening on 127.0.0.1:"), 1);
    ck_assert_int_eq(unit_log_count(" listening on [::1]:"), 1);
}
END_TEST

START_TEST(a_rollback_leaves_what_was_there_and_no_descriptor_more)
{
    struct addr addr = open_one();
    int client, before = unit_descriptors();

    listener_begin(set, &plain);
    ck_assert_int_eq(add("[::1]:0"), 0);
    ck_assert_int_eq(add("127.0.0.2:0"), 0);
    ck_assert_int_eq(add("192.0.2.1:0"), -1);
    ck_assert_int_eq(errno, EADDRNOTAVAIL);
    ck_assert_ptr_nonnull(
        strstr(error, "cannot listen on 192.0.2.1:0: Cannot assign"));
    listener_rollback(set);
    ck_assert_int_eq(unit_descriptors(), before);
    ck_assert_uint_eq(listener_count(set), 1);
    client = dial(&addr);
    run_until_accepted(1);
    close(client);
}
END_TEST

START_TEST(a_rollback_after_the_start_leaves_what_was_there_too)
{
    struct addr addr = open_one(), two = parse("127.0.0.2:0");
    int client, before = unit_descriptors();

    addr_set_port(&two, addr_port(&addr));
    listener_begin(set, &plain);
    ck_assert_int_eq(listener_add(set, &two, false, error), 0);
    ck_assert_int_eq(listener_start(set, error), 0);
    listener_rollback(set);
    ck_assert_int_eq(unit_descriptors(), before);
    ck_assert_int_eq(dial(&two), -1);
    client = dial(&addr);
    run_until_accepted(1);
    close(client);
}
END_TEST

START_TEST(an_address_that_is_taken_is_named)
{
    struct addr addr = open_one();
    struct listener_set *other =
        listener_set_new(loop, on_accept, has_room, NULL);
    char text[ADDR_TEXT_MAX];

    listener_begin(other, &plain);
    ck_assert_int_eq(listener_add(other, &addr, false, error), -1);
    ck_assert_int_eq(errno, EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error, addr_format(&addr, text)));
    listener_set_free(other);
}
END_TEST

START_TEST(a_family_that_the_host_does_not_have_may_be_missing)
{
    struct addr nowhere = parse("192.0.2.1:0");

    listener_begin(set, &plain);
    ck_assert_int_eq(listener_add(set, &nowhere, true, error), 0);
    ck_assert_uint_eq(listener_count(set), 0);
    ck_assert_int_eq(listener_start(set, error), -1);
    ck_assert_int_eq(errno, EAFNOSUPPORT);
    ck_assert_ptr_nonnull(strstr(error, "neither IPv4 nor IPv6"));
}
END_TEST

/* ---- port 0 ---- */

START_TEST(any_address_with_any_port_is_one_port_in_both_families)
{
    listener_begin(set, &plain);
    ck_assert_int_eq(add_any(AF_INET), 0);
    ck_assert_int_eq(add_any(AF_INET6), 0);
    start_and_commit();
    ck_assert_uint_ne(port_told(0), 0);
    ck_assert_uint_eq(port_told(0), port_told(1));
}
END_TEST

START_TEST(another_entry_with_any_port_does_not_get_in_the_way)
{
    listener_begin(set, &plain);
    ck_assert_int_eq(add("127.0.0.1:0"), 0);
    ck_assert_msg(add_any(AF_INET) == 0, "%s", error);
    ck_assert_msg(add_any(AF_INET6) == 0, "%s", error);
    start_and_commit();
    ck_assert_uint_ne(port_told(0), port_told(1));
    ck_assert_uint_eq(port_told(1), port_told(2));
}
END_TEST

START_TEST(a_family_that_is_added_later_gets_the_port_of_the_other)
{
    listener_begin(set, &plain);
    ck_assert_int_eq(add_any(AF_INET), 0);
    start_and_commit();
    listener_begin(set, &plain);
    ck_assert_int_eq(add_any(AF_INET), 0);
    ck_assert_int_eq(add_any(AF_INET6), 0);
    start_and_commit();
    ck_assert_uint_eq(listener_count(set), 2);
    ck_assert_uint_eq(port_told(0), port_told(1));
}
END_TEST

/* ---- unix sockets ---- */

static struct addr unix_addr(const char *path)
{
    char text[ADDR_TEXT_MAX];

    snprintf(text, sizeof text, "unix:%s", path);
    return parse(text);
}

START_TEST(a_unix_path_serves_everyone_and_goes_with_the_set)
{
    const char *path = unit_path("socket");
    struct addr addr = unix_addr(path);
    struct stat st;
    int client;

    umask(077);
    listener_begin(set, &plain);
    ck_assert_int_eq(listener_add(set, &addr, false, error), 0);
    start_and_commit();
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0666);
    client = dial(&addr);
    run_until_accepted(1);
    listener_close_all(set);
    ck_assert_int_eq(access(path, F_OK), -1);
    close(client);
}
END_TEST

START_TEST(a_unix_path_left_over_from_a_crash_is_replaced)
{
    const char *path = unit_path("socket");
    struct addr addr = unix_addr(path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(dead, &addr.sa.any, addr.len), 0);
    close(dead);
    listener_begin(set, &plain);
    ck_assert_msg(listener_add(set, &addr, false, error) == 0, "%s", error);
    start_and_commit();
    close(dial(&addr));
}
END_TEST

START_TEST(a_unix_path_where_somebody_listens_is_left_alone)
{
    const char *path = unit_path("socket");
    struct addr addr = unix_addr(path);
    int alive = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(alive, &addr.sa.any, addr.len), 0);
    ck_assert_int_eq(listen(alive, 1), 0);
    listener_begin(set, &plain);
    ck_assert_int_eq(listener_add(set, &addr, false, error), -1);
    ck_assert_int_eq(errno, EADDRINUSE);
    ck_assert_int_eq(access(path, F_OK), 0);
    close(alive);
    unlink(path);
}
END_TEST

START_TEST(a_file_at_a_unix_path_is_left_alone)
{
    const char *path = unit_path("socket");
    struct addr addr = unix_addr(path);

    unit_write_file(path, "precious");
    listener_begin(set, &plain);
    ck_assert_int_eq(listener_add(set, &addr, false, error), -1);
    ck_assert_int_eq(errno, EADDRINUSE);
    ck_assert_str_eq(unit_read_file(path), "precious");
    unlink(path);
}
END_TEST

/* ---- sockets that are handed over ---- */

START_TEST(a_socket_that_is_handed_over_is_served_whatever_the_keys_say)
{
    struct addr addr = parse("127.0.0.1:0");
    int fd = socket(AF_INET, SOCK_STREAM, 0), client;

    ck_assert_int_eq(bind(fd, &addr.sa.any, addr.len), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    listener_begin(set, &plain);
    ck_assert_int_eq(listener_adopt(set, fd, error), 0);
    ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    start_and_commit();
    listener_begin(set, &plain); /* a reload that adds nothing */
    start_and_commit();
    addr_set_port(&addr, port_told(0));
    client = dial(&addr);
    run_until_accepted(1);
    ck_assert_int_eq(option(last, SOL_SOCKET, SO_OOBINLINE), 1);
    close(client);
}
END_TEST

START_TEST(a_path_that_was_handed_over_is_not_ours_to_remove)
{
    const char *path = unit_path("socket");
    struct addr addr = unix_addr(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, &addr.sa.any, addr.len), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    listener_begin(set, &plain);
    ck_assert_int_eq(listener_adopt(set, fd, error), 0);
    start_and_commit();
    listener_close_all(set);
    ck_assert_int_eq(access(path, F_OK), 0);
    unlink(path);
}
END_TEST

START_TEST(what_does_not_listen_is_refused_with_its_number)
{
    char expected[64];
    int fds[] = { socket(AF_INET, SOCK_STREAM, 0),
                  socket(AF_INET, SOCK_DGRAM, 0), open("/dev/null", O_RDWR),
                  -1 };

    listener_begin(set, &plain);
    for (int i = 0; i < UNIT_LENGTH(fds); i++) {
        ck_assert_int_eq(listener_adopt(set, fds[i], error), -1);
        snprintf(expected, sizeof expected, "descriptor %d", fds[i]);
        ck_assert_ptr_nonnull(strstr(error, expected));
        close(fds[i]);
    }
    ck_assert_uint_eq(listener_count(set), 0);
}
END_TEST

/* ---- rest ---- */

START_TEST(a_paused_set_accepts_nobody_until_it_resumes)
{
    struct addr addr = open_one();
    int client = dial(&addr);

    listener_pause(set);
    listener_pause(set);
    run_for(20);
    ck_assert_int_eq(accepted, 0);
    listener_resume(set);
    listener_resume(set);
    run_until_accepted(1);
    close(client);
}
END_TEST

START_TEST(an_address_that_is_added_in_a_pause_waits_too)
{
    struct addr addr = open_one(), two = parse("127.0.0.2:0");
    int client;

    addr_set_port(&two, addr_port(&addr));
    listener_pause(set);
    listener_begin(set, &plain);
    ck_assert_int_eq(listener_add(set, &two, false, error), 0);
    start_and_commit();
    client = dial(&two);
    run_for(20);
    ck_assert_int_eq(accepted, 0);
    listener_resume(set);
    run_until_accepted(1);
    close(client);
}
END_TEST

START_TEST(a_full_house_is_told_once_and_the_rest_wait_their_turn)
{
    struct addr addr = open_one();
    int clients[6];

    rooms = 2;
    for (int i = 0; i < 4; i++)
        clients[i] = dial(&addr);
    run_until_accepted(2);
    run_for(20);
    ck_assert_int_eq(accepted, 2);
    ck_assert_int_eq(unit_log_count("limits.max_clients is reached"), 1);
    rooms = 1; /* one leaves, and the house is full again */
    listener_resume(set);
    run_until_accepted(3);
    run_for(20);
    ck_assert_int_eq(unit_log_count("limits.max_clients is reached"), 1);
    rooms = 2; /* all are in and the queue is seen empty: a new episode */
    listener_resume(set);
    run_until_accepted(4);
    run_for(1000);
    rooms = 0;
    clients[4] = dial(&addr);
    run_for(20);
    ck_assert_int_eq(unit_log_count("limits.max_clients is reached"), 2);
    rooms = 1;
    listener_resume(set);
    run_until_accepted(5);
    for (int i = 0; i < 5; i++)
        close(clients[i]);
}
END_TEST

START_TEST(one_full_house_after_the_other_does_not_fill_the_log)
{
    struct addr addr = open_one();
    int64_t from = unit_now_ms();
    int told, clients[20];

    for (int i = 0; i < UNIT_LENGTH(clients); i++) {
        rooms = 0;
        clients[i] = dial(&addr);
        run_for(5);
        rooms = 2; /* it comes in, and the queue is seen empty */
        listener_resume(set);
        run_until_accepted(i + 1);
        run_for(5);
    }
    told = unit_log_count("limits.max_clients is reached");
    ck_assert_int_ge(told, 1);
    ck_assert_int_le(told, 1 + (int)((unit_now_ms() - from) / 1000));
    for (int i = 0; i < UNIT_LENGTH(clients); i++)
        close(clients[i]);
}
END_TEST

START_TEST(without_a_descriptor_left_the_set_rests_and_comes_back_by_itself)
{
    struct addr addr = open_one();
    int client = dial(&addr), another;
    struct rlimit limit, none;
    uint64_t turns;
    int64_t late;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = (rlim_t)unit_free_fd();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    turns = loop_turns(loop);
    run_for(250);
    ck_assert_int_eq(accepted, 0);
    ck_assert_uint_le(loop_turns(loop) - turns, 10); /* it does not spin */
    ck_assert_int_eq(unit_log_count("cannot accept: Too many open files"), 1);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    /* valgrind, which plays the limit, has lost who waited: one more knocks. */
    another = dial(&addr);
    late = unit_now_ms() + 10000;
    while (accepted == 0 && unit_now_ms() < late)
        run_for(2);
    ck_assert_int_ge(accepted, 1);
    close(another);
    close(client);
}
END_TEST

/* A poller that has no memory for a while. */
static bool refusing;

static int want_or_refuse(struct poller *p, int fd, unsigned had,
                          unsigned want)
{
    if (refusing && want != 0) {
        errno = ENOMEM;
        return -1;
    }
    return poller_poll.want(p, fd, had, want);
}

static void use_refusing_poller(void)
{
    static struct poller_ops ops;

    ops = poller_poll;
    ops.want = want_or_refuse;
    ck_assert_int_eq(loop_use(loop, &ops), 0);
}

START_TEST(a_set_that_the_poller_refuses_to_watch_again_is_not_deaf_for_good)
{
    struct addr addr = open_one();
    int client;

    use_refusing_poller();
    listener_pause(set);
    refusing = true;
    listener_resume(set);
    refusing = false;
    client = dial(&addr);
    run_until_accepted(1);
    close(client);
}
END_TEST

START_TEST(a_start_that_the_poller_refuses_can_be_rolled_back)
{
    struct addr addr = open_one();
    int client, before = unit_descriptors();

    use_refusing_poller();
    refusing = true;
    listener_begin(set, &plain);
    ck_assert_int_eq(add("[::1]:0"), 0);
    ck_assert_int_eq(listener_start(set, error), -1);
    ck_assert_ptr_nonnull(strstr(error, "cannot listen on [::1]:"));
    listener_rollback(set);
    refusing = false;
    ck_assert_int_eq(unit_descriptors(), before);
    client = dial(&addr);
    run_until_accepted(1);
    close(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listener");
    TCase *tests = tcase_create("listener");

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 20);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests,
                   an_accepted_socket_has_the_options_from_its_first_byte_on);
    tcase_add_test(tests, options_that_are_off_are_off_also_after_a_change);
    tcase_add_test(tests, reuse_port_lets_two_sets_share_a_port);
    tcase_add_test(tests, a_backlog_over_the_kernels_is_told_once);
    tcase_add_test(
        tests, an_address_that_is_still_wanted_keeps_the_clients_that_wait);
    tcase_add_test(tests,
                   an_address_that_is_wanted_no_more_is_closed_and_told);
    tcase_add_test(tests,
                   a_rollback_leaves_what_was_there_and_no_descriptor_more);
    tcase_add_test(tests,
                   a_rollback_after_the_start_leaves_what_was_there_too);
    tcase_add_test(tests, an_address_that_is_taken_is_named);
    tcase_add_test(tests,
                   a_family_that_the_host_does_not_have_may_be_missing);
    tcase_add_test(tests,
                   any_address_with_any_port_is_one_port_in_both_families);
    tcase_add_test(tests,
                   another_entry_with_any_port_does_not_get_in_the_way);
    tcase_add_test(tests,
                   a_family_that_is_added_later_gets_the_port_of_the_other);
    tcase_add_test(tests,
                   a_unix_path_serves_everyone_and_goes_with_the_set);
    tcase_add_test(tests, a_unix_path_left_over_from_a_crash_is_replaced);
    tcase_add_test(tests, a_unix_path_where_somebody_listens_is_left_alone);
    tcase_add_test(tests, a_file_at_a_unix_path_is_left_alone);
    tcase_add_test(
        tests,
        a_socket_that_is_handed_over_is_served_whatever_the_keys_say);
    tcase_add_test(tests, a_path_that_was_handed_over_is_not_ours_to_remove);
    tcase_add_test(tests, what_does_not_listen_is_refused_with_its_number);
    tcase_add_test(tests, a_paused_set_accepts_nobody_until_it_resumes);
    tcase_add_test(tests, an_address_that_is_added_in_a_pause_waits_too);
    tcase_add_test(tests,
                   a_full_house_is_told_once_and_the_rest_wait_their_turn);
    tcase_add_test(tests,
                   one_full_house_after_the_other_does_not_fill_the_log);
    tcase_add_test(
        tests,
        without_a_descriptor_left_the_set_rests_and_comes_back_by_itself);
    tcase_add_test(
        tests,
        a_set_that_the_poller_refuses_to_watch_again_is_not_deaf_for_good);
    tcase_add_test(tests, a_start_that_the_poller_refuses_can_be_rolled_back);
    return unit_run(suite);
}
