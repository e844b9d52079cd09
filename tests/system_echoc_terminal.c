/* echoc talk in a real pseudo-terminal, typed by a script; the screen is in
 * the test's log. */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "echoc_run.h"
#include "harness.h"
#include "hostile.h"

struct screen {
    int fd;
    pid_t pid;
    char text[65536];
    size_t len, mark; /* what is expected comes behind mark */
};

static struct screen screen;

static void open_screen(const char *host, const char *port)
{
    int slave;

    memset(&screen, 0, sizeof screen);
    screen.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ne(screen.fd, -1);
    ck_assert_int_eq(grantpt(screen.fd), 0);
    ck_assert_int_eq(unlockpt(screen.fd), 0);
    slave = open(ptsname(screen.fd), O_RDWR | O_NOCTTY);
    ck_assert_int_ne(slave, -1);
    screen.pid = fork();
    if (screen.pid == 0) {
        setenv("TERM", "xterm", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        setenv("HOME", "/nonexistent", 1);
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        for (int fd = 0; fd < 3; fd++)
            dup2(slave, fd);
        close(slave);
        echoc_exec(ECHOC_ARGS("-W", "10", host, port));
    }
    close(slave);
}

static bool more(void)
{
    struct pollfd p = { .fd = screen.fd, .events = POLLIN };
    char bytes[4096];
    ssize_t n;

    if (poll(&p, 1, harness_ms(HARNESS_SOON)) != 1)
        ck_abort_msg("the screen stands still:\n%s", screen.text);
    n = read(screen.fd, bytes, sizeof bytes);
    if (n <= 0)
        return false; /* EIO: the other side has closed */
    for (ssize_t i = 0; i < n; i++)
        if (bytes[i] != '\0' && screen.len < sizeof screen.text - 1)
            screen.text[screen.len++] = bytes[i]; /* NULs are padding */
    return true;
}

static void see(const char *what)
{
    const char *at;

    while ((at = strstr(screen.text + screen.mark, what)) == NULL)
        if (!more())
            ck_abort_msg("no '%s' on the screen:\n%s", what, screen.text);
    screen.mark = (size_t)(at - screen.text) + strlen(what);
}

static void type(const char *keys)
{
    ck_assert_int_eq(write(screen.fd, keys, strlen(keys)),
                     (ssize_t)strlen(keys));
}

static void expect_exit(int code)
{
    int status;

    while (more()) {
    }
    ck_assert_int_eq(waitpid(screen.pid, &status, 0), screen.pid);
    printf("%s\n", screen.text);
    close(screen.fd);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), code);
}

static struct harness *open_session(void)
{
    struct harness *h = harness_serve(HARNESS_DEFAULTS);

    open_screen("127.0.0.1", echoc_port(h->address));
    see("EXIT or Ctrl-D ends.");
    see("> ");
    return h;
}

START_TEST(two_lines_their_echoes_and_exit)
{
    struct harness *h = open_session();

    type("Hello, world\r");
    see("From server: Hello, world\r\n");
    see("> ");
    type("gr\303\274\303\237e \342\202\254\r");
    see("From server: gr\303\274\303\237e \342\202\254\r\n");
    see("> ");
    type("EXIT\r");
    expect_exit(0);
    harness_expect(h, " in=25 out=25 .*reason=eof");
    harness_stop(h);
}
END_TEST

START_TEST(ctrl_d_ends_it)
{
    struct harness *h = open_session();

    type("x\r");
    see("From server: x\r\n");
    see("> ");
    type("\004");
    expect_exit(0);
    harness_expect(h, " in=2 out=2 .*reason=eof");
    harness_stop(h);
}
END_TEST

START_TEST(a_line_can_be_edited_and_called_back)
{
    struct harness *h = open_session();

    type("Helpo\177\177lo\r"); /* backspace, twice */
    see("From server: Hello\r\n");
    see("> ");
    type("\033[A again\r"); /* up */
    see("From server: Hello again\r\n");
    see("> ");
    type("\001oh, \005!\r"); /* Ctrl-A, Ctrl-E */
    see("From server: oh, !\r\n");
    see("> ");
    type("EXIT\r");
    expect_exit(0);
    harness_stop(h);
}
END_TEST

START_TEST(what_is_not_text_is_shown_escaped)
{
    struct harness *h = open_session();

    type("a\026\001b\026\033c\r"); /* Ctrl-V takes the next key as it is */
    see("From server: a\\x01b\\x1bc\r\n");
    see("> ");
    type("EXIT\r");
    expect_exit(0);
    harness_stop(h);
}
END_TEST

START_TEST(a_server_that_closes_is_noticed_while_the_prompt_waits)
{
    struct harness *h =
        harness_serve("\n[limits]\nmax_lifetime = %dms\n", harness_ms(1500));

    open_screen("127.0.0.1", echoc_port(h->address));
    see("> ");
    type("half a li");
    see("half a li");
    see("closed the connection; 0 of 0 bytes came back");
    expect_exit(1);
    harness_stop(h);
}
END_TEST

START_TEST(interrupt_leaves_the_terminal_as_it_was)
{
    struct harness *h = open_session();
    struct termios before, after;
    int slave = open(ptsname(screen.fd), O_RDWR | O_NOCTTY);
    int status;

    ck_assert_int_eq(tcgetattr(slave, &before), 0);
    ck_assert_int_eq(before.c_lflag & ICANON, 0);
    kill(screen.pid, SIGINT);
    ck_assert_int_eq(waitpid(screen.pid, &status, 0), screen.pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_int_eq(tcgetattr(slave, &after), 0);
    ck_assert_int_ne(after.c_lflag & ICANON, 0);
    ck_assert_int_ne(after.c_lflag & ECHO, 0);
    close(slave);
    close(screen.fd);
    harness_stop(h);
}
END_TEST

static const struct {
    enum hostile_kind kind;
    const char *word;
} wrongs[] = {
    { HOSTILE_WRONG, "wrong data byte #10 should be 0x61 but was 0x41" },
    { HOSTILE_HALF, "closed the connection; 6 of 13 bytes came back" },
    { HOSTILE_LONG, "more came back than was sent: byte #13 is 0x21" },
    { HOSTILE_GREETS, "more came back than was sent: byte #0 is 0x68" },
    { HOSTILE_CLOSES, "closed the connection; 0 of 0 bytes came back" },
};

START_TEST(a_wrong_server_ends_it)
{
    struct hostile server;

    hostile_start(&server, wrongs[_i].kind);
    open_screen("127.0.0.1", server.port);
    see("EXIT or Ctrl-D ends.");
    if (_i < 3) {
        see("> ");
        type("aaaaaaaaaaaa\r");
    }
    see(wrongs[_i].word);
    expect_exit(1);
    hostile_stop(&server);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        two_lines_their_echoes_and_exit,
        ctrl_d_ends_it,
        a_line_can_be_edited_and_called_back,
        what_is_not_text_is_shown_escaped,
        a_server_that_closes_is_noticed_while_the_prompt_waits,
        interrupt_leaves_the_terminal_as_it_was,
        NULL
    };
    Suite *s = harness_suite("echoc in a terminal", tests);

    harness_loop(s, a_wrong_server_ends_it, sizeof wrongs / sizeof *wrongs);
    return harness_main(s);
}
