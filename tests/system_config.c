/* The configuration: what is refused and how, -t, -T, -o, -h, -V. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

#define S "[server]\n"
#define L "[limits]\n"
#define G "[log]\n"
#define P "[process]\n"
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X200 X50 X50 X50 X50
#define TEXT(text) text, sizeof text - 1

/* One mistake a file: its line, and what must be said about it. */
static const struct {
    const char *text;
    size_t len;
    unsigned line; /* 0: no line, it is about all of the file */
    const char *words;
} bad[] = {
    /* Sections and keys. */
    { TEXT("[sever]\n"), 1, "unknown section \\[sever\\].*\\[server\\]" },
    { TEXT("\n\n[Server]\n"), 3, "unknown section \\[Server\\].*\\[server\\]" },
    { TEXT("[]\n"), 1, "unknown section \\[\\]" },
    { TEXT("[ server ]\n"), 1, "unknown section .*\\[server\\]" },
    { TEXT("[server.more]\n"), 1, "unknown section \\[server.more\\]" },
    { TEXT("[server\nport = 1\n"), 1, "needs its \\]" },
    { TEXT("[server] port = 1\n"), 1, "nothing may follow" },
    { TEXT("port = 1\n"), 1, "port.*before any \\[section\\]" },
    { TEXT(S "prot = 1\n"), 2, "unknown key server\\.prot.*server\\.port" },
    { TEXT(S "Port = 1\n"), 2, "unknown key server\\.Port.*server\\.port" },
    { TEXT(S "max_clients = 1\n"), 2, "unknown key.*limits\\.max_clients" },
    { TEXT(L "maxclients = 1\n"), 2, "unknown key.*limits\\.max_clients" },
    { TEXT(G "lvl = info\n"), 2, "unknown key log\\.lvl" },
    { TEXT(P "uid = 0\n"), 2, "unknown key process\\.uid" },
    { TEXT(S "= 1\n"), 2, "unknown key server\\." },
    { TEXT(S "what is this\n"), 2, "key = value.*what is this" },
    { TEXT(S "port\n"), 2, "key = value.*port" },
    { TEXT(S "port ; = 1\n"), 2, "key = value" },
    { TEXT(S "port = 1\nport = 2\n"), 3, "server\\.port .*twice.*line 2" },
    { TEXT(S "port = 1\n" G S "\nport = 1\n"), 6, "port .*twice.*line 2" },
    { TEXT(S "port = x\n" L "\n\n" S "#\nport = 2\n"), 2, "port: \"x\"" },
    /* What inih would take in silence. */
    { TEXT(S "listen = 127.0.0.1\n  port = 2\n"), 3, "blanks before.*port" },
    { TEXT(S "\tport = 2\n"), 2, "blanks before" },
    { TEXT(" [server]\n"), 1, "blanks before" },
    { TEXT(S "port = 1\0" "2\n"), 2, "NUL" },
    { TEXT("\0\n"), 1, "NUL" },
    { TEXT(S "port = 1\rbacklog = 2\n"), 2, "carriage return" },
    { TEXT("[server]\rport = 1\r"), 1, "carriage return" },
    { TEXT(S "port = 1\v\n"), 2, "control character" },
    { TEXT(S "port = \033[1m1\n"), 2, "control character" },
    { TEXT(S "listen = " X200 "\n"), 2, "209 bytes in a line; allowed: 198" },
    { TEXT(P "user = " X50 X50 X50 X50 X50 "\n"), 2, "257 bytes.*198" },
    { TEXT(S X200 " = 1\n"), 2, "bytes in a line" },
    { TEXT("[" X200 "]\n"), 1, "bytes in a line" },
    /* Counts. */
    { TEXT(S "port = 65536\n"), 2, "\"65536\".*range.*0 to 65535" },
    { TEXT(S "port = -1\n"), 2, "\"-1\".*0 to 65535" },
    { TEXT(S "port = +1\n"), 2, "\"\\+1\"" },
    { TEXT(S "port = 0x50\n"), 2, "\"0x50\"" },
    { TEXT(S "port = 1.5\n"), 2, "\"1\\.5\"" },
    { TEXT(S "port = 7 7\n"), 2, "\"7 7\"" },
    { TEXT(S "port =\n"), 2, "port: \"\"" },
    { TEXT(S "port = http\n"), 2, "\"http\".*0 to 65535" },
    { TEXT(S "port = 99999999999999999999999999\n"), 2, "range" },
    { TEXT(S "port = 18446744073709551617\n"), 2, "range" },
    { TEXT(S "port = 80 # http\n"), 2, "comment.* ;" },
    { TEXT(S "backlog = 0\n"), 2, "\"0\".*1 to 65535" },
    { TEXT(S "backlog = 65536\n"), 2, "range.*1 to 65535" },
    { TEXT(S "backlog = 1K\n"), 2, "\"1K\"" },
    { TEXT(L "max_clients = 0\n"), 2, "1 to 1000000" },
    { TEXT(L "max_clients = 1000001\n"), 2, "1 to 1000000" },
    { TEXT(G "rate = -5\n"), 2, "log\\.rate: \"-5\"" },
    /* Sizes. */
    { TEXT(S "buffer_size = 0\n"), 2, "1 to 16M" },
    { TEXT(S "buffer_size = 16777217\n"), 2, "range.*1 to 16M" },
    { TEXT(S "buffer_size = 17M\n"), 2, "range.*1 to 16M" },
    { TEXT(S "buffer_size = 1G\n"), 2, "\"1G\".*1 to 16M" },
    { TEXT(S "buffer_size = K\n"), 2, "\"K\"" },
    { TEXT(S "buffer_size = 64KB\n"), 2, "\"64KB\"" },
    { TEXT(S "buffer_size = 64 K\n"), 2, "\"64 K\"" },
    { TEXT(S "buffer_size = 9007199254740992M\n"), 2, "range" },
    { TEXT(S "socket_buffer = 4095\n"), 2, "range.*0, 4K to 16M" },
    { TEXT(S "socket_buffer = 20M\n"), 2, "range.*4K to 16M" },
    /* Times. */
    { TEXT(S "keepalive = 1d\n"), 2, "\"1d\"" },
    { TEXT(S "keepalive = 999ms\n"), 2, "range.*0, 1s to " },
    { TEXT(L "drain_timeout = forever\n"), 2, "\"forever\"" },
    { TEXT(L "drain_timeout = -1s\n"), 2, "\"-1s\"" },
    { TEXT(L "linger_timeout = 2h\n"), 2, "range.*to 1h" },
    { TEXT(L "drain_timeout = 9000000h\n"), 2, "range" },
    /* Names and booleans. */
    { TEXT(S "poller = kqueue\n"), 2, "\"kqueue\".*poll.*select" },
    { TEXT(S "poller =\n"), 2, "poller: \"\".*poll" },
    { TEXT(S "reuse_port = maybe\n"), 2, "\"maybe\".*yes.*no" },
    { TEXT(S "tcp_nodelay = 2\n"), 2, "\"2\".*yes.*no" },
    { TEXT(G "target = file\n"), 2, "\"file\".*auto, syslog, stderr" },
    { TEXT(G "facility = local8\n"), 2, "\"local8\".*local7" },
    { TEXT(G "level = verbose\n"), 2, "\"verbose\".*err, warning, notice" },
    { TEXT(G "connections = some\n"), 2, "\"some\".*all, nonempty, errors" },
    { TEXT(G "level = \"info\"\n"), 2, "allowed: err" },
    /* Addresses and texts. */
    { TEXT(S "listen =\n"), 2, "listen: \"\".*ADDR" },
    { TEXT(S "listen = ,\n"), 2, "listen: \",\".*ADDR" },
    { TEXT(S "listen = localhost\n"), 2, "\"localhost\".*ADDR" },
    { TEXT(S "listen = 127.0.0.1:http\n"), 2, "127\\.0\\.0\\.1:http" },
    { TEXT(S "listen = 127.0.0.1:65536\n"), 2, "127\\.0\\.0\\.1:65536" },
    { TEXT(S "listen = 127.0.0.1:\n"), 2, "127\\.0\\.0\\.1:" },
    { TEXT(S "listen = 127.0.0\n"), 2, "127\\.0\\.0" },
    { TEXT(S "listen = 256.0.0.1\n"), 2, "256\\.0\\.0\\.1" },
    { TEXT(S "listen = [::1\n"), 2, "\\[::1" },
    { TEXT(S "listen = [::1]7\n"), 2, "\\[::1\\]7" },
    { TEXT(S "listen = [127.0.0.1]\n"), 2, "\\[127" },
    { TEXT(S "listen = :7\n"), 2, ":7" },
    { TEXT(S "listen = *:7\n"), 2, "\\*:7" },
    { TEXT(S "listen = unix:\n"), 2, "unix:" },
    { TEXT(S "listen = unix:relative\n"), 2, "unix:relative" },
    { TEXT(S "listen = unix:/" X50 X50 X50 "\n"), 2, "long" },
    { TEXT(S "listen = fe80::1%nosuchif0\n"), 2, "nosuchif0" },
    { TEXT(S "listen = ::1, ::2, nowhere, ::3\n"), 2, "nowhere" },
    { TEXT(S "listen = ::1 ::1\n"), 2, "\\[::1\\]:25000 twice" },
    { TEXT(S "#\nlisten = * 0.0.0.0:7\nport = 7\n"), 3, "0\\.0\\.0\\.0:7 twice" },
    { TEXT(P "user = \"nobody\"\n"), 2, "process\\.user" },
    { TEXT(P "pid_file = echod.pid\n"), 2, "\"echod.pid\".*absolute" },
    /* Rules that cross keys. */
    { TEXT(S "poller = select\n" L "max_clients = 2000\n"), 2,
      "select .*max_clients = 2000" },
    { TEXT(S "#\nlisten = ::1 *\nport = 7\n"), 3,
      "\\[::\\]:7 holds \\[::1\\]:7 .*allowed: .*reuse_port" },
};

/* -t on a file: the code, and all of standard error. */
static char *test_file(struct harness *h, const char *path, int want)
{
    harness_run(h, HARNESS_ARGS("-t", "-c", path));
    int code = harness_wait(h);
    harness_join(h);
    char *log = harness_log(h);
    ck_assert_msg(code == want, "exit code %d: %s", code, log);
    return log;
}

static void write_bytes(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(a_bad_file_is_refused_with_its_line)
{
    char pattern[400];
    struct harness *h = harness_new();
    write_bytes(h->config, bad[_i].text, bad[_i].len);
    char *log = test_file(h, h->config, 78);
    snprintf(pattern, sizeof pattern, "^%s:%u: .*%.100s", h->config,
             bad[_i].line, bad[_i].words);
    harness_expect(h, "%s", pattern);
    free(log);
    harness_free(h);
}
END_TEST

/* One mistake is one line; the exceptions are files with several. */
START_TEST(a_mistake_is_one_line)
{
    struct harness *h = harness_new();
    write_bytes(h->config, TEXT(S "port = 65536\n"));
    free(test_file(h, h->config, 78));
    ck_assert_uint_eq(harness_count(h, "^"), 1);
    harness_free(h);
}
END_TEST

START_TEST(every_mistake_is_told_at_once)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini",
                  "%s", "stray = 1\n" S "port = x\nport = y\nbaklog = 5\n"
                        "[sevrer]\nhello\nport = 9\n" L "max_clients = 0\n"
                        "  idle_timeout = 5m\n" G "level = loud\n"
                        "rate = -1\n" P "user = a;b\n\npid_file = \"x\"\n");
    free(test_file(h, h->config, 78));
    static const unsigned lines[] = {
        1, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 18,
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        harness_expect(h, "echod.ini:%u: ", lines[i]);
    }
    harness_free(h);
}
END_TEST

START_TEST(a_mistake_of_the_command_line_is_told_with_the_others)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini", "%s", S "port = x\n");
    harness_run(h, HARNESS_ARGS("-t", "-c", h->config, "-o",
                                "server.backlog=0", "-o", "log.levl=info",
                                "-o", "server.listen=*, ::1"));
    ck_assert_int_eq(harness_wait(h), 78);
    harness_expect(h, "^-o server\\.listen=.*: .*\\[::\\].*\\[::1\\]");
    harness_expect(h, "echod.ini:2: ");
    harness_expect(h, "server\\.backlog=0.*1 to 65535");
    harness_expect(h, "unknown key log\\.levl.*log\\.level");
    harness_free(h);
}
END_TEST

/* Starting says what -t says, and leaves nothing behind. */
START_TEST(echod_does_not_start_with_a_bad_file)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini", "[server]\nlisten = unix:%s/s\nport = x\n"
                                  "[log]\nlevel = loud\n",
                  h->dir);
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config));
    ck_assert_int_eq(harness_wait(h), 78);
    harness_expect(h, "echod.ini:3: ");
    harness_expect(h, "echod.ini:5: ");
    ck_assert_int_eq(access(strcat(h->dir, "/s"), F_OK), -1);
    harness_free(h);
}
END_TEST

/* Files that are none. */

START_TEST(a_folder_is_refused)
{
    struct harness *h = harness_new();
    free(test_file(h, h->dir, 66));
    harness_expect(h, "^%s: not a regular file", h->dir);
    harness_free(h);
}
END_TEST

START_TEST(a_fifo_is_refused_and_does_not_hang)
{
    struct harness *h = harness_new();
    ck_assert_int_eq(mkfifo(h->config, 0600), 0);
    free(test_file(h, h->config, 66));
    harness_expect(h, "^%s: not a regular file", h->config);
    harness_free(h);
}
END_TEST

START_TEST(a_device_without_end_is_refused)
{
    struct harness *h = harness_new();
    free(test_file(h, "/dev/zero", 66));
    harness_expect(h, "^/dev/zero: not a regular file");
    harness_free(h);
}
END_TEST

START_TEST(a_missing_file_is_refused)
{
    struct harness *h = harness_new();
    free(test_file(h, h->config, 66));
    harness_expect(h, "^%s: No such file or directory", h->config);
    harness_free(h);
}
END_TEST

START_TEST(a_huge_file_is_refused)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini", "[server]\n");
    ck_assert_int_eq(truncate(h->config, 1 << 21), 0);
    free(test_file(h, h->config, 66));
    harness_expect(h, "^%s: larger than 1 MiB", h->config);
    harness_free(h);
}
END_TEST

/* Good files. */

static const struct {
    const char *text;
    size_t len;
} good[] = {
    { TEXT("") },
    { TEXT("\n\n") },
    { TEXT("# nothing\n; else\n  ; at all\n") },
    { TEXT("[server]") },
    { TEXT("[server] ; comment\nport = 80 ; comment\n") },
    { TEXT("\xef\xbb\xbf[server]\r\nport = 80\r\n") },
    { TEXT("[server]\nport: 80\nlisten=*\nbacklog=1") },
    { TEXT("# " X200 X200 "\n[server]\nport = 1\n") },
    { TEXT(S L "\n" S "port = 1\n" G "rate = 0\n" S "backlog = 7\n") },
    { TEXT(S "buffer_size = 16m\nkeepalive = 0\nsocket_buffer = 0\n") },
    { TEXT(S "listen = *, unix:/x [::1]:7,127.0.0.1:8\n") },
    { TEXT(S "reuse_port = TRUE\ntcp_nodelay = off\npoller = POLL\n") },
};

START_TEST(a_good_file_is_accepted_without_a_word)
{
    struct harness *h = harness_new();
    write_bytes(h->config, good[_i].text, good[_i].len);
    char *log = test_file(h, h->config, 0);
    ck_assert_str_eq(log, "");
    free(log);
    harness_free(h);
}
END_TEST

/* -T, -o, -h, -V. */

static char *dump(struct harness *h, const char *const *args)
{
    harness_run(h, args);
    ck_assert_int_eq(harness_wait(h), 0);
    return harness_output(h);
}

START_TEST(a_dump_loads_to_the_same_dump)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini",
                  "%s", S "listen = [::1]:9 127.0.0.1\nbuffer_size = 3000\n"
                        "keepalive = 90s\n" L "max_clients = 17\n"
                        "drain_timeout = 1500ms\n" G "level = debug\n"
                        "connections = errors\n" P "pid_file = /run/x y\n");
    char *first = dump(h, HARNESS_ARGS("-T", "-c", h->config));
    ck_assert_ptr_nonnull(strstr(first, "\nkeepalive = 90s\n"));
    ck_assert_ptr_nonnull(strstr(first, "\nbuffer_size = 3000\n"));
    ck_assert_ptr_nonnull(strstr(first, "\ndrain_timeout = 1500ms\n"));
    ck_assert_ptr_nonnull(strstr(first, "\npid_file = /run/x y\n"));
    harness_write(h, "echod.ini", "%s", first);
    char *second = dump(h, HARNESS_ARGS("-T", "-c", h->config));
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
    harness_free(h);
}
END_TEST

START_TEST(the_defaults_are_those_of_the_contract)
{
    static const char *const lines[] = {
        "listen = *",          "port = 25000",        "backlog = 4096",
        "reuse_port = no",     "socket_buffer = 256K", "tcp_nodelay = yes",
        "keepalive = 5m",      "max_clients = 1000",  "idle_timeout = 1h",
        "linger_timeout = 2s", "drain_timeout = 10s", "target = auto",
        "facility = daemon",   "level = info",        "connections = all",
        "rate = 1000",         "user =",              "group =",
        "pid_file =",
        "stall_timeout = 1m",  "max_lifetime = 0",   "connect_rate = 0",
        "max_clients_per_source = 0", "source_prefix_v4 = 32",
        "source_prefix_v6 = 64",      "allow =",            "deny =",
        "file =",              "interval = 15s",
    };
    struct harness *h = harness_new();
    harness_write(h, "echod.ini", "\n");
    char *text = dump(h, HARNESS_ARGS("--dump", "--config", h->config));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[100];
        snprintf(line, sizeof line, "\n%s\n", lines[i]);
        ck_assert_msg(strstr(text, line) != NULL, "no %s", lines[i]);
    }
    free(text);
    harness_free(h);
}
END_TEST

START_TEST(an_option_stands_over_the_file_and_the_last_one_wins)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini", "%s", S "port = 1\nbacklog = 7\n");
    char *text = dump(h, HARNESS_ARGS("-T", "-c", h->config, "-o",
                                      "server.port=2", "--set",
                                      "server.port = 3", "-o",
                                      "process.user="));
    ck_assert_ptr_nonnull(strstr(text, "\nport = 3\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nbacklog = 7\n"));
    free(text);
    harness_free(h);
}
END_TEST

START_TEST(an_option_acts)
{
    struct harness *h = harness_new();
    harness_write(h, "echod.ini", "[server]\nlisten = 203.0.113.7\n");
    harness_run(h, HARNESS_ARGS("-e", "-c", h->config, "-o",
                                "server.listen=127.0.0.1:0"));
    harness_await(h);
    client_talk(h->address, 1, 1000);
    harness_stop(h);
}
END_TEST

START_TEST(help_names_every_option)
{
    static const char *const options[] = { "-c", "--config", "-o", "--set",
                                           "-d", "--daemon", "-e", "--stderr",
                                           "-t", "--test",   "-T", "--dump",
                                           "-h", "--help",   "-V",
                                           "--version" };
    struct harness *h = harness_new();
    char *text = dump(h, HARNESS_ARGS("--help"));
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        ck_assert_msg(strstr(text, options[i]) != NULL, "no %s", options[i]);
    }
    char *shorter = dump(h, HARNESS_ARGS("-h"));
    ck_assert_str_eq(text, shorter);
    free(text);
    free(shorter);
    harness_free(h);
}
END_TEST

START_TEST(version_is_the_packages)
{
    struct harness *h = harness_new();
    char *text = dump(h, HARNESS_ARGS("-V"));
    ck_assert_int_eq(strncmp(text, "echod " PACKAGE_VERSION "\n",
                             strlen("echod " PACKAGE_VERSION "\n")), 0);
    free(text);
    harness_free(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_mistake_is_one_line,
        every_mistake_is_told_at_once,
        a_mistake_of_the_command_line_is_told_with_the_others,
        echod_does_not_start_with_a_bad_file,
        a_folder_is_refused,
        a_fifo_is_refused_and_does_not_hang,
        a_device_without_end_is_refused,
        a_missing_file_is_refused,
        a_huge_file_is_refused,
        a_dump_loads_to_the_same_dump,
        the_defaults_are_those_of_the_contract,
        an_option_stands_over_the_file_and_the_last_one_wins,
        an_option_acts,
        help_names_every_option,
        version_is_the_packages,
        NULL,
    };
    Suite *suite = harness_suite("system_config", tests);
    harness_loop(suite, a_bad_file_is_refused_with_its_line,
                 sizeof bad / sizeof *bad);
    harness_loop(suite, a_good_file_is_accepted_without_a_word,
                 sizeof good / sizeof *good);
    return harness_main(suite);
}
