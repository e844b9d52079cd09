#include <config.h>

#include "settings.h"
#include "poller_policy.h"
#include "settings_value.h"

#include "unit_settings.h"

#include <syslog.h>

static int load_bytes(const char *bytes, size_t len)
{
    FILE *out = fopen(file, "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, len, out), len);
    ck_assert_int_eq(fclose(out), 0);
    return load_both(file, NULL);
}

static int load(const char *text)
{
    return load_bytes(text, strlen(text));
}

static int load_assignment(const char *assignment)
{
    const char *const list[] = { assignment, NULL };

    return load_both(NULL, list);
}

START_TEST(without_a_file_all_is_as_the_contract_says)
{
    ck_assert_int_eq(load_both(NULL, NULL), 0);
    ck_assert_str_eq(settings->server.listen, "*");
    ck_assert_int_eq(settings->server.port, 25000);
    ck_assert_int_eq(settings->server.backlog, 4096);
    ck_assert_int_eq(settings->server.socket_buffer, 256 * 1024);
    ck_assert_int_eq(settings->server.keepalive, 300000);
    ck_assert_int_eq(settings->limits.max_clients, 1000);
    ck_assert_int_eq(settings->limits.idle_timeout, 3600000);
    ck_assert_int_eq(settings->limits.drain_timeout, 10000);
    ck_assert_int_eq(settings->log.facility, LOG_DAEMON);
    ck_assert_int_eq(settings->log.level, LOG_INFO);
    ck_assert_int_eq(settings->log.rate, 1000);
    ck_assert_str_eq(settings->process.user, "");
}
END_TEST

/* What is fine, and the port that comes of it. */
static const struct {
    const char *text;
    int64_t port;
} good[] = {
    { "", 25000 },
    { "\n\n", 25000 },
    { "[server]\nport = 7\n", 7 },
    { "[server]\nport=7", 7 },
    { "[server]\nport : 7\n", 7 },
    { "[server]\r\nport = 7\r\n", 7 },
    { "[server]\r\nport = 7\r", 7 },
    { "\xef\xbb\xbf[server]\nport = 7\n", 7 },
    { "\xef\xbb\xbf[server]\r\nport = 7\r\n", 7 },
    { "# c\n; c\n  # c\n[server]\nport = 7 ; c\n", 7 },
    { "[server] ; c\nport = 7\n[log]\n[server]\n", 7 },
    { "[server]\nport\t=\t7\t\n", 7 },
};

START_TEST(a_good_file_is_read)
{
    ck_assert_msg(load(good[_i].text) == 0, "%s", said);
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(settings->server.port, good[_i].port);
}
END_TEST

START_TEST(a_comment_may_be_as_long_as_it_likes)
{
    char text[2048];

    memset(text, 'x', sizeof text);
    memcpy(text, "[server]\n#", 10);
    /* What inih would take for a line of its own. */
    memcpy(text + 9 + 199, "port = 1", 8);
    strcpy(text + 1000, "\nport = 7\n");
    ck_assert_msg(load(text) == 0, "%s", said);
    ck_assert_int_eq(settings->server.port, 7);
}
END_TEST

START_TEST(a_value_that_just_fits_its_line_is_whole)
{
    char text[512] = "[process]\npid_file = /";
    size_t len = strlen(text), room = SETTINGS_LINE_MAX - (len - 10);

    memset(text + len, 'x', room);
    strcpy(text + len + room, "\n");
    ck_assert_msg(load(text) == 0, "%s", said);
    ck_assert_uint_eq(strlen(settings->process.pid_file), room + 1);
    strcpy(text + len + room, "x\n");
    ck_assert_int_eq(load(text), 1);
    ck_assert_int_eq(strncmp(said, ":2: 199 bytes in a line; allowed: 198", 37),
                     0);
}
END_TEST

/* What is wrong, and all that is said of it. */
static const struct {
    const char *text;
    const char *says;
} bad[] = {
    { "port = 7\n", ":1: key port stands before any [section]\n" },
    { "[server\nport = 7\n", ":1: a section needs its ]: [server\n" },
    { "[server] x\n", ":1: nothing may follow a section: [server] x\n" },
    { "[server];\n", ":1: nothing may follow a section: [server];\n" },
    { "[server]\nport\n",
      ":2: neither [section] nor key = value: port\n" },
    { "[server]\nport = 65536\n",
      ":2: server.port: \"65536\" is out of range; allowed: 0 to 65535\n" },
    { "[server]\nport = 7 # c\n",
      ":2: server.port: \"7 # c\" is not a value of this key; allowed: 0 to "
      "65535; a comment behind a value begins with \" ;\"\n" },
    { "[server]\nport =\n", ":2: server.port: \"\" is not a value of this "
                            "key; allowed: 0 to 65535\n" },
    { "[server]\nport = \"7\"\n",
      ":2: server.port: \"\"7\"\" is not a value of this key; allowed: 0 to "
      "65535\n" },
    { "[server]\nbuffer_size = 17M\n",
      ":2: server.buffer_size: \"17M\" is out of range; allowed: 1 to 16M\n" },
    { "[server]\nsocket_buffer = 1K\n",
      ":2: server.socket_buffer: \"1K\" is out of range; allowed: 0, 4K to "
      "16M\n" },
    { "[server]\ntcp_nodelay = maybe\n",
      ":2: server.tcp_nodelay: \"maybe\" is not a value of this key; "
      "allowed: yes, no\n" },
    { "[log]\nconnections = some\n",
      ":2: log.connections: \"some\" is not a value of this key; allowed: "
      "all, nonempty, errors, none\n" },
    { "[server]\nport = 1\nbacklog = 5\nport = 2\n",
      ":4: server.port is set twice, first on line 2\n" },
    { "[server]\nprot = 7\n",
      ":2: unknown key server.prot; did you mean server.port? (echod -T "
      "shows them all)\n" },
    { "[server]\nmax_clients = 7\n",
      ":2: unknown key server.max_clients; did you mean limits.max_clients? "
      "(echod -T shows them all)\n" },
    { "[server]\nxyzzy_plugh = 7\n",
      ":2: unknown key server.xyzzy_plugh (echod -T shows them all)\n" },
    { "[server]\nPort = 7\n",
      ":2: unknown key server.Port; did you mean server.port? (echod -T "
      "shows them all)\n" },
    { "[server]\nport = 7\rx\n", ":2: a carriage return inside the line\n" },
    { "[server]\rport = 7\r", ":1: a carriage return inside the line\n" },
    { "[server]\nport = 7\x01\n", ":2: a control character\n" },
    { "[server]\nlisten = 127.0.0.1, 127.0.0.1\n",
      ":2: server.listen names 127.0.0.1:25000 twice\n" },
    { "[server]\nlisten = * 0.0.0.0\n",
      ":2: server.listen names 0.0.0.0:25000 twice\n" },
    { "[server]\nlisten = [::1%lo], ::1\n",
      ":2: server.listen names [::1]:25000 twice\n" },
    { "[server]\nlisten = 127.0.0.1 ::ffff:127.0.0.1\n",
      ":2: server.listen names 127.0.0.1:25000 twice\n" },
};

START_TEST(a_mistake_is_told_with_its_line_and_what_is_allowed)
{
    ck_assert_int_eq(load(bad[_i].text), 1);
    ck_assert_str_eq(said, bad[_i].says);
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
    static const char text[] = "[server]\nport = 7\0" "1\n";

    ck_assert_int_eq(load_bytes(text, sizeof text - 1), 1);
    ck_assert_str_eq(said, ":2: a NUL byte\n");
}
END_TEST

START_TEST(an_unknown_section_is_told_once_with_those_there_are)
{
    ck_assert_int_eq(load("[sever]\nport = 7\n[log]\nrate = 7\n"), 1);
    ck_assert_int_eq(strncmp(said,
                             ":1: unknown section [sever]; did you mean "
                             "[server]? (sections: server limits ",
                             68),
                     0);
    ck_assert_int_eq(settings->log.rate, 7);
}
END_TEST

START_TEST(keys_of_an_unknown_section_are_held_against_the_one_that_was_meant)
{
    ck_assert_int_eq(load("[sever]\nport = x\nnonsense\nprot = 7\n"
                          "[server]\nbacklog = 5\n[sever ; old]\n"
                          "backlog = 6\n"),
                     6);
    ck_assert_ptr_nonnull(strstr(said, ":1: unknown section [sever]"));
    ck_assert_ptr_nonnull(strstr(said, ":2: server.port: \"x\""));
    ck_assert_ptr_nonnull(strstr(said, ":3: neither [section] nor"));
    ck_assert_ptr_nonnull(strstr(said, ":4: unknown key server.prot; did you "
                                       "mean server.port?"));
    ck_assert_ptr_nonnull(strstr(said, ":7: unknown section [sever ; old]"));
    ck_assert_ptr_nonnull(strstr(said, ":8: unknown key sever.backlog; did "
                                       "you mean server.backlog?"));
}
END_TEST

START_TEST(where_no_section_is_near_the_keys_say_where_they_belong)
{
    ck_assert_int_eq(load("[nowhere_at_all]\nport = 7\nxyzzy_plugh = 7\n"
                          "allow = 10.0.0.0/8\n  foo\n[]\nport = 8\n"),
                     7);
    ck_assert_ptr_nonnull(strstr(said, ":1: unknown section"));
    ck_assert_ptr_nonnull(strstr(said, ":2: unknown key nowhere_at_all.port; "
                                       "did you mean server.port?"));
    ck_assert_ptr_nonnull(strstr(said, ":3: unknown key nowhere_at_all.xyzzy"));
    ck_assert_ptr_nonnull(strstr(said, ":4: unknown key nowhere_at_all.allow"));
    ck_assert_ptr_nonnull(strstr(said, ":5: access.allow: \"foo\""));
    ck_assert_ptr_nonnull(strstr(said, ":6: unknown section []"));
    ck_assert_ptr_nonnull(strstr(said, ":7: unknown key ?.port"));
}
END_TEST

START_TEST(the_value_of_an_unknown_key_is_held_against_the_one_that_was_meant)
{
    ck_assert_int_eq(load("[limits]\nmax_cleints = 0\nallow = ::1\n  foo\n"),
                     4);
    ck_assert_ptr_nonnull(strstr(said, ":2: unknown key limits.max_cleints"));
    ck_assert_ptr_nonnull(strstr(said, ":2: limits.max_clients: \"0\""));
    ck_assert_ptr_nonnull(strstr(said, ":3: unknown key limits.allow; did you "
                                       "mean access.allow?"));
    ck_assert_ptr_nonnull(strstr(said, ":4: access.allow: \"foo\""));
}
END_TEST

START_TEST(every_mistake_is_told_at_once)
{
    ck_assert_int_eq(load("x = 1\n[server]\nport = -1\nbacklog = 0\nq = 2\n"
                          "[nowhere_at_all]\n[log]\nlevel = loud\n"),
                     6);
    ck_assert_ptr_nonnull(strstr(said, ":1: key x"));
    ck_assert_ptr_nonnull(strstr(said, ":3: server.port"));
    ck_assert_ptr_nonnull(strstr(said, ":4: server.backlog"));
    ck_assert_ptr_nonnull(strstr(said, ":5: unknown key server.q"));
    ck_assert_ptr_nonnull(strstr(said, ":6: unknown section"));
    ck_assert_ptr_nonnull(strstr(said, ":8: log.level"));
}
END_TEST

START_TEST(every_wrong_word_of_a_list_is_told_by_itself)
{
    ck_assert_int_eq(load("[access]\nallow = 10.0.0.0/8, 10.0.0.0/33 foo\n"
                          "  ::1, bar\ndeny = ::2 # not me\n"),
                     4);
    ck_assert_ptr_nonnull(
        strstr(said, ":2: access.allow: \"10.0.0.0/33\" is out of range"));
    ck_assert_ptr_nonnull(strstr(said, ":2: access.allow: \"foo\" is not"));
    ck_assert_ptr_nonnull(strstr(said, ":3: access.allow: \"bar\" is not"));
    ck_assert_ptr_nonnull(strstr(said, ":4: access.deny: \"#\" is not"));
    ck_assert_ptr_nonnull(strstr(said, "a comment behind a value begins"));
}
END_TEST

START_TEST(what_is_not_a_readable_file_is_an_error_with_its_errno)
{
    ck_assert_int_eq(load_both("/no/such/file", NULL), -1);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_str_eq(said, "/no/such/file: No such file or directory\n");
    ck_assert_int_eq(load_both("/", NULL), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_str_eq(said, "/: not a regular file\n");
    ck_assert_int_eq(load_both("/dev/zero", NULL), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(load_both("/dev/null", NULL), 0);
}
END_TEST

START_TEST(a_pipe_is_refused_without_a_wait)
{
    ck_assert_int_eq(mkfifo(file, 0600), 0);
    ck_assert_int_eq(load_both(file, NULL), -1);
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(a_file_over_one_mebibyte_is_refused)
{
    ck_assert_int_eq(load(""), 0);
    ck_assert_int_eq(truncate(file, 1024 * 1024 + 1), 0);
    ck_assert_int_eq(load_both(file, NULL), -1);
    ck_assert_int_eq(errno, EFBIG);
    ck_assert_str_eq(said, ": larger than 1 MiB\n");
}
END_TEST

START_TEST(an_assignment_stands_over_the_file_and_the_last_one_wins)
{
    static const char *const list[] = { "server.port=8",
                                        " server . port = 9 ", NULL };

    unit_write_file(file, "[server]\nport = 7\n");
    ck_assert_msg(load_both(file, list) == 0, "%s", said);
    ck_assert_int_eq(settings->server.port, 9);
}
END_TEST

static const struct {
    const char *assignment;
    const char *says;
} bad_assignments[] = {
    { "server.port", "-o server.port: not of the form SECTION.KEY=VALUE\n" },
    { "port=7", "-o port=7: not of the form SECTION.KEY=VALUE\n" },
    { "", "-o : not of the form SECTION.KEY=VALUE\n" },
    { "port=1.5", "-o port=1.5: not of the form SECTION.KEY=VALUE\n" },
    { "server.prot=7",
      "-o server.prot=7: unknown key server.prot; did you mean server.port? "
      "(echod -T shows them all)\n" },
    { "server.port=x",
      "-o server.port=x: server.port: \"x\" is not a value of this key; "
      "allowed: 0 to 65535\n" },
};

START_TEST(a_mistake_in_an_assignment_is_told)
{
    ck_assert_int_eq(load_assignment(bad_assignments[_i].assignment), 1);
    ck_assert_str_eq(said, bad_assignments[_i].says);
}
END_TEST

/* ---- dump ---- */

static void dump_to_file(void)
{
    FILE *out = fopen(file, "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(settings_dump(settings, out), 0);
    ck_assert_int_eq(fclose(out), 0);
}

static void assert_loads_to_the_same(void)
{
    size_t count;
    const struct settings_key *keys = settings_keys(&count);
    struct settings *before = settings;

    dump_to_file();
    settings = NULL;
    ck_assert_msg(load_both(file, NULL) == 0, "%s", said);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(settings_value_equal(before, settings, &keys[i]),
                      "%s.%s is not the same", keys[i].section, keys[i].name);
    settings_free(before);
}

START_TEST(the_dump_names_every_key_with_its_help)
{
    size_t count;
    const struct settings_key *keys = settings_keys(&count);
    const char *text;
    char line[128];

    ck_assert_int_eq(load_both(NULL, NULL), 0);
    dump_to_file();
    text = unit_read_file(file);
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "\n%s =", keys[i].name);
        ck_assert_msg(strstr(text, line) != NULL, "no %s", keys[i].name);
    }
    ck_assert_ptr_nonnull(strstr(text, "\n[server]\n"));
    ck_assert_ptr_nonnull(strstr(text, "# Allowed: 0 to 65535.  Default: "));
}
END_TEST

/* A number of the key's range, its ends and "never" often among them. */
static int64_t number_at_random(const struct settings_key *key, uint32_t *seed)
{
    uint64_t wide = (uint64_t)unit_random(seed) << 32 | unit_random(seed);

    switch (unit_random(seed) % 8) {
    case 0:
        return key->min;
    case 1:
        return key->max;
    case 2:
        return key->or_zero ? 0 : key->min;
    case 3: /* one that is round, and so has a unit */
        wide = wide % 9 * 60000;
        break;
    default:
        break;
    }
    return key->min + (int64_t)(wide % (uint64_t)(key->max - key->min + 1));
}

/* Of the names that the key may have. */
static int64_t name_at_random(const struct settings_key *key, uint32_t *seed)
{
    uint32_t count = 0;

    while (key->names[count].name != NULL)
        count++;
    return key->names[unit_random(seed) % count].value;
}

/* Any text that a line of the file has room for. */
static void text_at_random(const struct settings_key *key, char *text,
                           uint32_t *seed)
{
    static const char *const pieces[] = { "a", "b",  "= ", ":", "#",        "[",
                                          "]", "\'", "\\",  "%", "\xc3\xa4", "/",
                                          ".", "-",  ", ", "*" };
    uint32_t count = unit_random(seed) % 40;
    char *at = text;

    if (key->type == SETTINGS_PATH && count > 0)
        at = stpcpy(at, "/");
    for (uint32_t i = 0; i < count; i++)
        at = stpcpy(at, pieces[unit_random(seed) % UNIT_LENGTH(pieces)]);
    while (at > text && at[-1] == ' ') /* no part of a value */
        at--;
    *at = '\0';
}

/* An address to listen on or a network, for each i another one. */
static int word_at_random(const struct settings_key *key, char *text,
                          uint32_t i, uint32_t r)
{
    bool listen = key->type == SETTINGS_LISTEN;

    switch (r % 4) {
    case 0:
        return listen ? sprintf(text, "127.0.%u.1", i)
                      : sprintf(text, "10.%u.%u.0/%u", r >> 24, i, 24 + r % 9);
    case 1:
        return listen ? sprintf(text, "127.0.%u.1:%u", i, r >> 16)
                      : sprintf(text, "192.0.2.%u", i);
    case 2:
        return listen ? sprintf(text, "[fd00::%x:%x]:%u", i, r >> 24, r >> 16)
                      : sprintf(text, "fd00:%x:%x::/48", i, r >> 16);
    default:
        return listen ? sprintf(text, "unix:/run/%u/%08x", i, r)
                      : sprintf(text, "2001:DB8:%x::%x", i, r >> 16);
    }
}

static void list_at_random(const struct settings_key *key, char *text,
                           uint32_t *seed)
{
    static const char *const between[] = { " ", ",", ", ", "\t", " ,  " };
    uint32_t count = unit_random(seed) % 60;

    strcpy(text, count == 0 && key->type == SETTINGS_LISTEN ? "*" : "");
    for (uint32_t i = 0; i < count; i++) {
        text += word_at_random(key, text, i, unit_random(seed));
        if (i + 1 < count)
            text = stpcpy(text, between[unit_random(seed) % 5]);
    }
}

/* A value that is allowed. */
static void set_at_random(const struct settings_key *key, uint32_t *seed)
{
    int64_t *number = (int64_t *)(void *)((char *)settings + key->offset);
    char text[60 * 48];

    switch (key->type) {
    case SETTINGS_NAME:
        *number = name_at_random(key, seed);
        return;
    case SETTINGS_BOOL:
        *number = unit_random(seed) % 2;
        return;
    case SETTINGS_LISTEN:
    case SETTINGS_NETS:
        list_at_random(key, text, seed);
        break;
    case SETTINGS_TEXT:
    case SETTINGS_PATH:
        text_at_random(key, text, seed);
        break;
    default:
        *number = number_at_random(key, seed);
        return;
    }
    ck_assert_msg(settings_value_parse(settings, key, text) == 0, "%s.%s = %s",
                  key->section, key->name, text);
}

/* SETTINGS_SEED repeats a run. */
static uint32_t seed_of_this_run(void)
{
    const char *given = getenv("SETTINGS_SEED");
    uint32_t seed = given != NULL ? (uint32_t)strtoul(given, NULL, 10)
                                  : (uint32_t)time(NULL) ^ (uint32_t)getpid();

    printf("SETTINGS_SEED=%u\n", seed);
    fflush(stdout);
    return seed != 0 ? seed : 1;
}

START_TEST(a_dump_of_any_settings_loads_to_the_same)
{
    size_t count;
    const struct settings_key *keys = settings_keys(&count);
    uint32_t seed = seed_of_this_run();

    for (int round = 0; round < 300; round++) {
        ck_assert_int_eq(load_both(NULL, NULL), 0);
        for (size_t i = 0; i < count; i++)
            if (unit_random(&seed) % 4 != 0)
                set_at_random(&keys[i], &seed);
        if (strcmp(settings_poller(settings)->name, "select") == 0)
            settings->limits.max_clients %= 900; /* as many as it may hold */
        settings->limits.max_clients += settings->limits.max_clients == 0;
        assert_loads_to_the_same();
    }
}
END_TEST

START_TEST(a_dump_to_a_full_disk_is_an_error)
{
    FILE *full = fopen("/dev/full", "w");

    ck_assert_ptr_nonnull(full);
    ck_assert_int_eq(load_both(NULL, NULL), 0);
    ck_assert_int_eq(settings_dump(settings, full), -1);
    fclose(full);
}
END_TEST

/* ---- what a reload changes ---- */

START_TEST(a_diff_names_what_changes_and_keeps_what_needs_a_restart)
{
    struct settings *now = settings_new();
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    ck_assert_int_eq(load("[limits]\nidle_timeout = 5m\n[process]\n"
                          "user = nobody\n[server]\nlisten = 127.0.0.1\n"),
                     0);
    ck_assert_int_eq(settings_diff(now, settings, out), 3);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_str_eq(text, "server.listen * -> 127.0.0.1; "
                           "limits.idle_timeout 1h -> 5m; "
                           "process.user needs a restart");
    ck_assert_str_eq(settings->process.user, "");
    ck_assert_int_eq(settings->limits.idle_timeout, 300000);
    free(text);
    settings_free(now);
}
END_TEST

START_TEST(no_difference_is_no_text)
{
    struct settings *now = settings_new();
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    ck_assert_int_eq(load("[limits]\nidle_timeout = 60m\n"), 0);
    ck_assert_int_eq(settings_diff(now, settings, out), 0);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_str_eq(text, "");
    free(text);
    settings_free(now);
}
END_TEST

/* ---- what values stand for ---- */

START_TEST(an_entry_without_a_port_gets_the_ports_and_a_star_is_two)
{
    static const char *const expected[] = { "0.0.0.0:7", "[::]:7",
                                            "127.0.0.1:7", "[::1]:8",
                                            "unix:/run/e" };
    struct settings_listen *listens;
    char text[ADDR_TEXT_MAX];
    size_t count;

    ck_assert_int_eq(load("[server]\nport = 7\nreuse_port = yes\n"
                          "listen = *, 127.0.0.1 [::1]:8, unix:/run/e\n"),
                     0);
    listens = settings_listens(settings, &count);
    ck_assert_ptr_nonnull(listens);
    ck_assert_uint_eq(count, UNIT_LENGTH(expected));
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(addr_format(&listens[i].addr, text), expected[i]);
        ck_assert(listens[i].optional == (i < 2));
    }
    free(listens);
}
END_TEST

START_TEST(each_poller_that_can_be_named_is_the_one_that_is_used)
{
    size_t count;
    const struct poller_policy *policies = poller_policies(&count);
    char assignment[64];

    for (size_t i = 0; i < count; i++) {
        const char *const list[] = { assignment, "limits.max_clients=9",
                                     NULL };

        snprintf(assignment, sizeof assignment, "server.poller=%s",
                 policies[i].name);
        ck_assert_msg(load_both(NULL, list) == 0, "%s", said);
        ck_assert_str_eq(settings_poller(settings)->name, policies[i].name);
    }
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    settings_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings");
    TCase *tests = tcase_create("settings");

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, without_a_file_all_is_as_the_contract_says);
    tcase_add_loop_test(tests, a_good_file_is_read, 0, UNIT_LENGTH(good));
    tcase_add_test(tests, a_comment_may_be_as_long_as_it_likes);
    tcase_add_test(tests, a_value_that_just_fits_its_line_is_whole);
    tcase_add_loop_test(tests,
                        a_mistake_is_told_with_its_line_and_what_is_allowed, 0,
                        UNIT_LENGTH(bad));
    tcase_add_test(tests, a_nul_byte_is_refused);
    tcase_add_test(tests,
                   an_unknown_section_is_told_once_with_those_there_are);
    tcase_add_test(
        tests,
        keys_of_an_unknown_section_are_held_against_the_one_that_was_meant);
    tcase_add_test(tests,
                   where_no_section_is_near_the_keys_say_where_they_belong);
    tcase_add_test(
        tests,
        the_value_of_an_unknown_key_is_held_against_the_one_that_was_meant);
    tcase_add_test(tests, every_mistake_is_told_at_once);
    tcase_add_test(tests, every_wrong_word_of_a_list_is_told_by_itself);
    tcase_add_test(tests,
                   what_is_not_a_readable_file_is_an_error_with_its_errno);
    tcase_add_test(tests, a_pipe_is_refused_without_a_wait);
    tcase_add_test(tests, a_file_over_one_mebibyte_is_refused);
    tcase_add_test(tests,
                   an_assignment_stands_over_the_file_and_the_last_one_wins);
    tcase_add_loop_test(tests, a_mistake_in_an_assignment_is_told, 0,
                        UNIT_LENGTH(bad_assignments));
    tcase_add_test(tests, the_dump_names_every_key_with_its_help);
    tcase_add_test(tests, a_dump_of_any_settings_loads_to_the_same);
    tcase_add_test(tests, a_dump_to_a_full_disk_is_an_error);
    tcase_add_test(tests,
                   a_diff_names_what_changes_and_keeps_what_needs_a_restart);
    tcase_add_test(tests, no_difference_is_no_text);
    tcase_add_test(tests,
                   an_entry_without_a_port_gets_the_ports_and_a_star_is_two);
    tcase_add_test(tests,
                   each_poller_that_can_be_named_is_the_one_that_is_used);
    tcase_add_test(tests, freeing_nothing_is_fine);
    return unit_run(suite);
}
