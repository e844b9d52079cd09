#include <config.h>

#include "listen_socket.h"

#include "unit_settings.h"

static int load_with(const char *text, const char *const *assignments)
{
    unit_write_file(file, text);
    return load_both(file, assignments);
}

static int load(const char *text)
{
    return load_with(text, NULL);
}

/* ---- what can listen beside what ---- */

/* PORT is a free one. */
static const struct {
    const char *keys;
    bool allowed;
} sockets[] = {
    { "listen = *, 127.0.0.1", false },
    { "listen = 127.0.0.1, *", false },
    { "listen = *, ::1", false },
    { "listen = 0.0.0.0, 127.0.0.1", false },
    { "listen = ::, ::1", false },
    { "listen = [::]:PORT, [::1]:PORT\nport = 0", false },
    { "listen = 0.0.0.0, ::1", true },
    { "listen = ::, 127.0.0.1", true },
    { "listen = 0.0.0.0, ::", true },
    { "listen = 127.0.0.1, 127.0.0.2", true },
    { "listen = 127.0.0.1, ::1", true },
    { "listen = ::ffff:127.0.0.1", true },
    { "listen = ::, ::ffff:127.0.0.1", true },
    { "listen = [::1%lo]", true },
    { "listen = *, 127.0.0.1, ::1\nport = 0", true },
    { "listen = 0.0.0.0, 127.0.0.1:0", true },
    { "listen = *, 127.0.0.1, ::1\nreuse_port = yes", true },
    { "listen = ::, ::1\nreuse_port = yes", true },
};

/* A port that nobody gets by chance until fd is closed: bound, but without
 * listening, and SO_REUSEADDR lets those in who ask for it by number. */
static uint16_t hold_port(int *fd)
{
    struct addr any;
    int yes = 1, no = 0;

    *fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ne(*fd, -1);
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    addr_any(&any, AF_INET6, 0);
    ck_assert_int_eq(bind(*fd, &any.sa.any, any.len), 0);
    ck_assert_int_eq(addr_local(&any, *fd), 0);
    return addr_port(&any);
}

/* Whether all of them listen at the same time, bound first as echod does. */
static bool can_listen(const struct settings_listen *listens, size_t count,
                       bool reuse_port)
{
    struct listen_options options = { .reuse_port = reuse_port };
    int fds[8];
    size_t bound = 0, listening = 0;

    ck_assert_uint_le(count, sizeof fds / sizeof *fds);
    while (bound < count && (fds[bound] = listen_socket_open(
                                 &listens[bound].addr, &options)) != -1)
        bound++;
    while (listening < bound && listen(fds[listening], 1) == 0)
        listening++;
    for (size_t i = 0; i < bound; i++)
        close(fds[i]);
    return listening == count;
}

/* With every PORT put in. */
static void make_text(char text[256], const char *keys, uint16_t port)
{
    size_t len = (size_t)sprintf(text, "[server]\n");
    const char *mark;

    if (strstr(keys, "port = 0") == NULL)
        len += (size_t)sprintf(text + len, "port = %u\n", port);
    for (; (mark = strstr(keys, "PORT")) != NULL; keys = mark + 4)
        len += (size_t)sprintf(text + len, "%.*s%u", (int)(mark - keys), keys,
                               port);
    sprintf(text + len, "%s\n", keys);
}

START_TEST(what_is_allowed_is_what_the_kernel_allows)
{
    char text[256];
    size_t count;
    int held;
    struct settings_listen *listens;

    make_text(text, sockets[_i].keys, hold_port(&held));
    ck_assert_msg(load(text) == (sockets[_i].allowed ? 0 : 1), "%s%s", text,
                  said);
    listens = settings_listens(settings, &count);
    ck_assert_ptr_nonnull(listens);
    ck_assert_msg(can_listen(listens, count,
                             settings->server.reuse_port != 0) ==
                      sockets[_i].allowed,
                  "%s", text);
    free(listens);
    close(held);
}
END_TEST

START_TEST(scopes_keep_the_same_link_local_address_apart)
{
    ck_assert_msg(load("[server]\nlisten = [fe80::1%1], [fe80::1%2]\n") == 0,
                  "%s", said);
}
END_TEST

START_TEST(of_two_that_collide_both_are_named)
{
    ck_assert_int_eq(load("[server]\n\nlisten = [::1]:7 *\nport = 7\n"), 1);
    ck_assert_str_eq(said, ":3: server.listen: [::]:7 holds [::1]:7 already; "
                           "allowed: one of them, another port, or "
                           "server.reuse_port = yes\n");
}
END_TEST

/* ---- how many a poller holds ---- */

START_TEST(select_is_refused_more_clients_than_it_can_hold)
{
    ck_assert_int_eq(load("[server]\nlisten = 127.0.0.1\npoller = select\n"
                          "[limits]\nmax_clients = 1007\n"),
                     0);
    ck_assert_int_eq(load("[server]\nlisten = 127.0.0.1\npoller = select\n"
                          "[limits]\nmax_clients = 1008\n"),
                     1);
    ck_assert_str_eq(said, ":3: server.poller = select holds 1024 "
                           "descriptors, limits.max_clients = 1008 needs "
                           "1025; allowed: 1007 clients, or another poller\n");
}
END_TEST

/* ---- where a mistake is told of ---- */

/* The file alone is right. */
static const struct {
    const char *file;
    const char *list[3];
    const char *says;
} crossed[] = {
    { "[server]\nlisten = *\n", { "server.listen=*, ::1" },
      "-o server.listen=*, ::1: server.listen: [::]:25000 holds " },
    { "[server]\nlisten = ::, [::1]:7\n", { "server.port=7" },
      "-o server.port=7: server.listen: [::]:7 holds [::1]:7" },
    { "[server]\nlisten = *, ::1\nreuse_port = yes\n",
      { "log.rate=1", "server.reuse_port=no" },
      "-o server.reuse_port=no: server.listen: [::]:25000 holds " },
    { "[server]\npoller = select\n", { "limits.max_clients=5000" },
      "-o limits.max_clients=5000: server.poller = select holds " },
    { "[limits]\nmax_clients = 5000\n", { "server.poller=select" },
      "-o server.poller=select: server.poller = select holds " },
};

START_TEST(what_an_option_makes_wrong_is_told_of_the_option)
{
    ck_assert_int_eq(load(crossed[_i].file), 0);
    ck_assert_int_eq(load_with(crossed[_i].file, crossed[_i].list), 1);
    ck_assert_msg(strncmp(said, crossed[_i].says, strlen(crossed[_i].says)) ==
                      0,
                  "%s", said);
}
END_TEST

START_TEST(what_two_keys_of_the_file_make_wrong_is_told_of_the_one_there_is)
{
    ck_assert_int_eq(load("[limits]\n\nmax_clients = 5000\n"), 0);
    ck_assert_int_eq(load("[server]\nport = 7\n\nlisten = *, ::1\n"), 1);
    ck_assert_int_eq(strncmp(said, ":4: server.listen: ", 19), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings_cross");
    TCase *tests = tcase_create("settings_cross");

    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, what_is_allowed_is_what_the_kernel_allows, 0,
                        UNIT_LENGTH(sockets));
    tcase_add_test(tests, scopes_keep_the_same_link_local_address_apart);
    tcase_add_test(tests, of_two_that_collide_both_are_named);
    tcase_add_test(tests, select_is_refused_more_clients_than_it_can_hold);
    tcase_add_loop_test(tests, what_an_option_makes_wrong_is_told_of_the_option,
                        0, UNIT_LENGTH(crossed));
    tcase_add_test(
        tests,
        what_two_keys_of_the_file_make_wrong_is_told_of_the_one_there_is);
    return unit_run(suite);
}
