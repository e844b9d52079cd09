/* stats.file: the counters for Prometheus. */
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "harness.h"

#define LAST "echod_loop_turns_total "

/* The whole file; "" where there is none. */
static const char *slurp(const char *path)
{
    static char text[16384];
    FILE *file = fopen(path, "re");
    size_t n = 0;
    if (file != NULL) {
        n = fread(text, 1, sizeof text - 1, file);
        fclose(file);
    }
    text[n] = '\0';
    return text;
}

/* The value of a sample, -1 where it is missing. */
static long long sample(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = text; p != NULL; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, name, len) == 0 && p[len] == ' ') {
            return strtoll(p + len, NULL, 10);
        }
    }
    return -1;
}

/* Waits until the sample has the value. */
static void await(const char *path, const char *name, long long want)
{
    int64_t deadline = harness_now() + harness_ms(HARNESS_SOON);
    while (sample(slurp(path), name) != want) {
        ck_assert_msg(harness_now() < deadline, "%s is not %lld in:\n%s", name,
                      want, slurp(path));
        poll(NULL, 0, 10);
    }
}

static struct harness *serve(char path[HARNESS_PATH_MAX + 16],
                             const char *more)
{
    struct harness *h = harness_new();
    snprintf(path, HARNESS_PATH_MAX + 16, "%s/echod.prom", h->dir);
    harness_serve_on(h, "[stats]\nfile = %s\ninterval = 100ms\n%s", path,
                     more);
    return h;
}

START_TEST(the_file_counts_clients_bytes_and_reasons)
{
    char path[HARNESS_PATH_MAX + 16];
    struct harness *h = serve(path, "");
    await(path, "echod_clients", 0);
    int fd = client_connect(h->address);
    client_echo(fd, 1, 5000);
    await(path, "echod_clients", 1);
    await(path, "echod_received_bytes_total", 5000);
    await(path, "echod_sent_bytes_total", 5000);
    client_finish(fd);
    client_expect_eof(fd);
    close(fd);
    await(path, "echod_clients_ended_total{reason=\"eof\"}", 1);
    fd = client_connect(h->address);
    client_echo(fd, 1, 10);
    client_abort(fd);
    await(path, "echod_clients_ended_total{reason=\"reset\"}", 1);
    await(path, "echod_clients_accepted_total", 2);
    await(path, "echod_clients", 0);
    ck_assert_int_eq(sample(slurp(path), "echod_log_lines_lost_total"), 0);
    ck_assert_int_gt(sample(slurp(path), "echod_loop_turns_total"), 3);
    harness_stop(h);
}
END_TEST

START_TEST(refusals_are_counted_by_their_reasons)
{
    char path[HARNESS_PATH_MAX + 16];
    struct harness *h = serve(path, "[access]\ndeny = 127.0.0.0/8\n");
    for (int i = 0; i < 3; i++) {
        int fd = client_connect(h->address);
        client_expect_eof(fd);
        close(fd);
    }
    await(path, "echod_clients_refused_total{reason=\"acl\"}", 3);
    await(path, "echod_clients_refused_total{reason=\"rate\"}", 0);
    await(path, "echod_clients_refused_total{reason=\"per_source\"}", 0);
    await(path, "echod_clients_accepted_total", 0);
    harness_stop(h);
}
END_TEST

/* "# HELP name text", "# TYPE name type", then samples of that name only. */
START_TEST(every_line_is_of_the_text_format)
{
    static const char line_form[] =
        "^(# HELP echod_[a-z_]+ [ -~]+|# TYPE echod_[a-z_]+ (counter|gauge)"
        "|echod_[a-z_]+([{][a-z]+=\"[a-z0-9._-]+\"[}])? [0-9]+)$";
    char path[HARNESS_PATH_MAX + 16], *rest = NULL, family[64] = "";
    struct harness *h = serve(path, "");
    regex_t form;
    await(path, "echod_clients", 0);
    char *text = strdup(slurp(path));
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    ck_assert_int_eq(regcomp(&form, line_form, REG_EXTENDED | REG_NOSUB), 0);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        ck_assert_msg(regexec(&form, line, 0, NULL, 0) == 0, "%s", line);
        if (sscanf(line, "# TYPE %63s ", family) == 0 && line[0] != '#') {
            ck_assert_msg(strncmp(line, family, strlen(family)) == 0, "%s",
                          line);
        }
    }
    regfree(&form);
    free(text);
    harness_stop(h);
}
END_TEST

START_TEST(a_reader_never_sees_half_a_file)
{
    char path[HARNESS_PATH_MAX + 16];
    struct harness *h = serve(path, "");
    struct stat before, after;
    await(path, "echod_clients", 0);
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_eq(before.st_mode & 07777, 0644);
    size_t replaced = 0;
    for (int64_t end = harness_now() + 1000; harness_now() < end;) {
        const char *text = slurp(path);
        ck_assert_int_eq(stat(path, &after), 0);
        replaced += before.st_ino != after.st_ino;
        ck_assert_msg(strstr(text, "\n" LAST) != NULL, "half a file:\n%s",
                      text);
    }
    ck_assert_uint_gt(replaced, 0);
    harness_stop(h);
    strcat(path, ".new");
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_said_once_and_echo_goes_on)
{
    struct harness *h = harness_serve(
        "[stats]\nfile = /nonexistent/echod.prom\ninterval = 100ms\n");
    harness_expect(h, "warning cannot write stats.file /nonexistent/echod.prom"
                      ": No such file or directory");
    for (int64_t end = harness_now() + 500; harness_now() < end;) {
        client_talk(h->address, 1, 1000);
    }
    ck_assert_uint_eq(harness_count(h, "cannot write"), 1);
    harness_stop(h);
}
END_TEST

START_TEST(a_link_in_its_way_is_replaced_and_not_followed)
{
    char path[HARNESS_PATH_MAX + 16], fresh[HARNESS_PATH_MAX + 32];
    struct harness *h = harness_new();
    char *victim = strdup(harness_write(h, "victim", "precious\n"));
    snprintf(path, sizeof path, "%s/echod.prom", h->dir);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    ck_assert_int_eq(symlink(victim, path), 0);
    ck_assert_int_eq(symlink(victim, fresh), 0);
    harness_serve_on(h, "[stats]\nfile = %s\n", path);
    await(path, "echod_clients", 0);
    ck_assert_str_eq(slurp(victim), "precious\n");
    free(victim);
    harness_stop(h);
}
END_TEST

START_TEST(a_reload_moves_the_file_and_the_end_has_the_last_counts)
{
    char path[HARNESS_PATH_MAX + 16], moved[HARNESS_PATH_MAX + 16];
    struct harness *h = serve(path, "");
    await(path, "echod_clients", 0);
    snprintf(moved, sizeof moved, "%s/moved.prom", h->dir);
    harness_write(h, "echod.ini",
                  "[server]\nlisten = 127.0.0.1\nport = 0\n"
                  "[stats]\nfile = %s\ninterval = 1h\n", moved);
    harness_signal(h, SIGHUP);
    await(moved, "echod_clients", 0);
    ck_assert_int_eq(unlink(path), 0);
    client_talk(h->address, 1, 777);
    harness_expect(h, "disconnect ");
    ck_assert_int_eq(sample(slurp(moved), "echod_received_bytes_total"), 0);
    harness_signal(h, SIGTERM);
    ck_assert_int_eq(harness_wait(h), 0);
    ck_assert_int_eq(sample(slurp(moved), "echod_received_bytes_total"), 777);
    ck_assert_int_eq(access(path, F_OK), -1);
    harness_free(h);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_file_counts_clients_bytes_and_reasons,
        refusals_are_counted_by_their_reasons,
        every_line_is_of_the_text_format,
        a_reader_never_sees_half_a_file,
        a_file_that_cannot_be_written_is_said_once_and_echo_goes_on,
        a_link_in_its_way_is_replaced_and_not_followed,
        a_reload_moves_the_file_and_the_end_has_the_last_counts,
        NULL,
    };
    return harness_main(harness_suite("system_stats", tests));
}
