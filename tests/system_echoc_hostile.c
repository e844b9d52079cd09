/* echoc against servers that are wrong: every mode ends in time, with the
 * right word and the right exit code. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "echoc_run.h"
#include "harness.h"
#include "hostile.h"

#define TALK NULL
#define PING "ping", "-c", "3", "-i", "0.02", "-W", "1", NULL
#define BENCH "bench", "-n", "3", "-t", "0.3", "--warmup", "0", "-W", "0.5", NULL
#define PROBE "probe", "-W", "0.4", NULL

static const struct {
    enum hostile_kind kind;
    int code;
    const char *word; /* in standard output or error */
    const char *args[12];
} cases[] = {
    { HOSTILE_CLOSES, 1, "closed the connection; 0 of 64 bytes|reset by peer",
      { "-W", "1", NULL } },
    { HOSTILE_RESETS, 1, "reset by peer; 0 of 64 bytes",
      { "-W", "1", NULL } },
    { HOSTILE_SILENT, 1, "did not answer for 1 s; 0 of 64 bytes",
      { "-W", "1", NULL } },
    { HOSTILE_SINK, 1, "closed the connection; 0 of 64 bytes",
      { "-W", "1", NULL } },
    { HOSTILE_WRONG, 1, "wrong data byte #10 should be 0x41 but was 0x61",
      { "-W", "1", NULL } },
    { HOSTILE_SHORT, 1, "63 of 64 bytes came back", { "-W", "1", NULL } },
    { HOSTILE_LONG, 1, "more came back than was sent: byte #64 is 0x21",
      { "-W", "1", NULL } },
    { HOSTILE_HALF, 1, "32 of 64 bytes came back", { "-W", "1", NULL } },
    { HOSTILE_LATE, 0, "AAAA", { "-W", "20", NULL } },
    { HOSTILE_LINGERS, 1, "did not close for 1 s after the end",
      { "-W", "1", NULL } },
    { HOSTILE_FLOODS, 1, "more came back than was sent|wrong data",
      { "-W", "1", NULL } },
    { HOSTILE_GREETS, 1, "more came back than was sent|wrong data byte #0",
      { "-W", "1", NULL } },

    { HOSTILE_CLOSES, 1, "closed by the server|reset by peer", { PING } },
    { HOSTILE_RESETS, 1, "seq=1 Connection reset by peer", { PING } },
    { HOSTILE_SILENT, 1, "3 packets transmitted, 0 received, 100% packet loss",
      { PING } },
    { HOSTILE_SINK, 1, "3 packets transmitted, 0 received, 100% packet loss",
      { PING } },
    { HOSTILE_WRONG, 1, "wrong data byte #10 should be 0x0a but was 0x2a",
      { PING } },
    { HOSTILE_WRONG, 1, "3 received, \\+1 corrupted, 0% packet loss",
      { PING } },
    { HOSTILE_SHORT, 1, "3 packets transmitted, 2 received", { PING } },
    { HOSTILE_LONG, 1, "More came back than was sent|wrong data byte #0",
      { PING } },
    { HOSTILE_HALF, 1, "seq=1 Connection closed by the server", { PING } },
    { HOSTILE_LATE, 0, "3 received, 0% packet loss", { PING } },
    { HOSTILE_LINGERS, 1, "seq=3 Not closed by the server", { PING } },
    { HOSTILE_LINGERS, 1, "seq=1 Not closed by the server",
      { "ping", "-R", "-c", "1", "-W", "0.5", NULL } },
    { HOSTILE_TARRIES, 0, "3 received, 0% packet loss", { PING } },
    { HOSTILE_FLOODS, 1, "More came back than was sent|corrupted", { PING } },

    { HOSTILE_CLOSES, 1, "x (closed by the server|receive ECONNRESET)",
      { BENCH } },
    { HOSTILE_RESETS, 1, "x receive ECONNRESET", { BENCH } },
    { HOSTILE_SILENT, 1, "3 messages lost; 3 x no answer", { BENCH } },
    { HOSTILE_SINK, 1, "3 messages lost; 3 x no answer", { BENCH } },
    { HOSTILE_WRONG, 1, "x wrong data", { BENCH } },
    { HOSTILE_SHORT, 1, "3 messages lost; 3 x no answer", { BENCH } },
    { HOSTILE_LONG, 1, "x more came back than was sent", { BENCH } },
    { HOSTILE_HALF, 1, "x (closed by the server|receive ECONNRESET)",
      { BENCH } },
    { HOSTILE_LINGERS, 1, "3 x not closed by the server", { BENCH } },
    { HOSTILE_TARRIES, 0, "errors +0 messages lost$",
      { "bench", "-r", "1", "-t", "0.9", "--warmup", "0", "-W", "0.6", NULL } },
    { HOSTILE_FLOODS, 1, "x (more came back than was sent|wrong data)",
      { BENCH } },

    { HOSTILE_CLOSES, 1, "FAIL  connect ", { PROBE } },
    { HOSTILE_RESETS, 1, "FAIL  connect +Connection reset by peer", { PROBE } },
    { HOSTILE_SILENT, 1, "FAIL  connect +it stopped: 0 of 1 bytes", { PROBE } },
    { HOSTILE_SINK, 1, "FAIL  half-close +0 of 20", { PROBE } },
    { HOSTILE_WRONG, 1, "FAIL  byte values +wrong data byte #10", { PROBE } },
    { HOSTILE_SHORT, 1, "FAIL  byte values ", { PROBE } },
    { HOSTILE_LONG, 1, "FAIL  connect +more came back than was sent, after 1",
      { PROBE } },
    { HOSTILE_HALF, 1, "FAIL  byte values +.* of 65536 bytes", { PROBE } },
    { HOSTILE_LINGERS, 1, "FAIL  half-close .*not closed after our FIN",
      { PROBE } },
    { HOSTILE_FLOODS, 1, "FAIL  connect ", { PROBE } },
};

START_TEST(each_wrong_server_is_told_in_time)
{
    const char *args[16];
    char input[64], text[5000];
    struct hostile server;
    struct echoc_run r;
    size_t n = 0;

    memset(input, 'A', sizeof input);
    hostile_start(&server, cases[_i].kind);
    while (cases[_i].args[n] != NULL) {
        args[n] = cases[_i].args[n];
        n++;
    }
    args[n++] = "127.0.0.1";
    args[n++] = server.port;
    args[n] = NULL;
    echoc_run(&r, input, sizeof input, args);
    snprintf(text, sizeof text, "%.2000s%.2000s", r.err, r.out);
    printf("%s", text);
    echoc_match(text, cases[_i].word);
    ck_assert_int_eq(r.code, cases[_i].code);
    echoc_free(&r);
    hostile_stop(&server);
}
END_TEST

/* Nothing listens there as long as the socket is bound only. */
START_TEST(a_refused_connection_is_code_2_in_every_mode)
{
    static const char *const modes[] = { "talk", "ping", "bench", "probe" };
    struct hostile server;
    struct echoc_run r;

    hostile_start(&server, HOSTILE_SINK);
    hostile_stop(&server);
    echoc_run(&r, NULL, 0,
              ECHOC_ARGS(modes[_i], "-W", "5", "127.0.0.1", server.port));
    echoc_match(r.err, "^echoc: 127\\.0\\.0\\.1:[0-9]+: Connection refused$");
    ck_assert_str_eq(r.out, "");
    ck_assert_int_eq(r.code, 2);
    echoc_free(&r);
}
END_TEST

/* It is the server's turn from the first line on, whatever follows. */
START_TEST(input_that_goes_on_does_not_excuse_a_silent_server)
{
    struct hostile server;
    char command[512];

    hostile_start(&server, HOSTILE_SINK);
    snprintf(command, sizeof command,
             "i=0; while [ $i -lt 40 ] && echo x; do i=$((i + 1)); "
             "sleep 0.2; done 2>/dev/null | "
             "\"$ECHOC\" -W 1 127.0.0.1 %s 2>&1 | "
             "grep 'did not answer for 1 s; 0 of [1-7]*[0-9] bytes'",
             server.port);
    ck_assert_int_eq(system(command), 0);
    hostile_stop(&server);
}
END_TEST

static const struct {
    const char *word;
    const char *args[6];
} mistakes[] = {
    { "which host", { NULL } },
    { "which host", { "ping", NULL } },
    { "too many arguments", { "a", "b", "c", NULL } },
    { "is no port", { "localhost", "70000", NULL } },
    { "no such host", { "no such host", NULL } },
    { "-W x: seconds from 0.001", { "-W", "x", "h", NULL } },
    { "which host", { "", NULL } },
    { "--warmup -1: seconds from 0 to 86400",
      { "bench", "--warmup", "-1", "h", NULL } },
    { "-w 0: seconds from 0.001 to 31536000 ",
      { "ping", "-w", "0", "h", NULL } },
    { "-c 0: a number from 1", { "ping", "-c", "0", "h", NULL } },
    { "-s 0: a size from 1 to 1024M", { "ping", "-s", "0", "h", NULL } },
    { "-i -1: seconds", { "ping", "-i", "-1", "h", NULL } },
    { "-r 0: messages a second", { "bench", "-r", "0", "h", NULL } },
    { "-n 1e3: a number from", { "bench", "-n", "1e3", "h", NULL } },
    { "--idle x: seconds from 1", { "probe", "--idle", "x", "h", NULL } },
    { "--idle : seconds from 1", { "probe", "--idle", "", "h", NULL } },
    { "Try 'echoc --help'", { "-x", NULL } },
    { "is not an IPv6 address", { "ping", "-6", "127.0.0.1", NULL } },
};

START_TEST(each_mistake_on_the_command_line_is_named)
{
    struct echoc_run r;

    echoc_run(&r, NULL, 0, mistakes[_i].args);
    echoc_match(r.err, mistakes[_i].word);
    ck_assert_str_eq(r.out, "");
    ck_assert_int_eq(r.code, 2);
    echoc_free(&r);
}
END_TEST

START_TEST(help_and_version_are_for_every_mode)
{
    static const char *const modes[] = { "talk", "ping", "bench", "probe" };
    struct echoc_run r;

    echoc_run(&r, NULL, 0, ECHOC_ARGS(modes[_i], "--help"));
    echoc_match(r.out, "^usage: echoc ");
    ck_assert_int_eq(r.code, 0);
    echoc_free(&r);
    echoc_run(&r, NULL, 0, ECHOC_ARGS(modes[_i], "-V"));
    ck_assert_str_eq(r.out, "echoc " PACKAGE_VERSION "\n");
    ck_assert_int_eq(r.code, 0);
    echoc_free(&r);
}
END_TEST

int main(void)
{
    static const TTest *const none[] = { NULL };
    Suite *s = harness_suite("echoc, hostile servers", none);

    harness_loop(s, each_wrong_server_is_told_in_time,
                 sizeof cases / sizeof *cases);
    harness_loop(s, a_refused_connection_is_code_2_in_every_mode, 4);
    harness_loop(s, input_that_goes_on_does_not_excuse_a_silent_server, 1);
    harness_loop(s, each_mistake_on_the_command_line_is_named,
                 sizeof mistakes / sizeof *mistakes);
    harness_loop(s, help_and_version_are_for_every_mode, 4);
    return harness_main(s);
}
