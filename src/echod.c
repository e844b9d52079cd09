/*
 * echod: the TCP echo service of RFC 862.
 *
 * The table of contents: main() reads the options and the settings; start()
 * does in order what only works in that order; then the loop turns until a
 * signal stops it.
 */
#include <config.h>

#include "detach.h"
#include "fdlimit.h"
#include "harden.h"
#include "log.h"
#include "log_loop.h"
#include "loop.h"
#include "manager.h"
#include "metrics.h"
#include "options.h"
#include "pidfile.h"
#include "poller_policy.h"
#include "priv.h"
#include "sd.h"
#include "server.h"
#include "settings.h"

#include <errno.h>
#include <inttypes.h>
#include <paths.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

struct echod {
    struct options options;
    struct settings *settings; /* until the server takes them over */
    struct loop *loop;
    struct server *server;
    struct manager manager;
    struct metrics metrics;
    int adopt; /* sockets that the service manager handed over */
    char *config_path; /* what options.config points to, if that is ours */
    char *pid_path;
    int pid_fd;
    bool stopping;
};

/* ---- errors ---- */

static bool log_to_stderr = true; /* until log_open() */

static int fail(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Before echod serves, whoever started it reads standard error. */
static int fail(int code, const char *format, ...)
{
    char text[LOG_LINE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_write(LOG_ERR, "%s", text);
    if (!log_to_stderr)
        fprintf(stderr, "echod: %s\n", text);
    return code;
}

/* ---- settings ---- */

/* Settings, or NULL with the exit code for the reason, which is in errors. */
static struct settings *load(const struct options *options, FILE *errors,
                             int *code)
{
    struct settings *settings = settings_new();
    int mistakes;

    if (settings == NULL) {
        fprintf(errors, "%s\n", strerror(errno));
        *code = EX_OSERR;
        return NULL;
    }
    mistakes = settings_load(settings, options->config,
                             (char *const *)options->assignments, errors);
    if (mistakes == 0)
        return settings;
    settings_free(settings);
    *code = mistakes == -1 ? EX_NOINPUT : EX_CONFIG;
    return NULL;
}

/* What was to be printed is: EX_OK, or the code for why not. */
static int printed(bool done)
{
    if (done && fflush(stdout) == 0)
        return EX_OK;
    return fail(EX_OSERR, "standard output: %s", strerror(errno));
}

/* -t and -T */
static int report(const struct echod *e)
{
    if (e->options.mode == OPTIONS_TEST)
        return EX_OK;
    return printed(settings_dump(e->settings, stdout) == 0);
}

/* ---- signals ---- */

static void log_lines(char *text)
{
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        log_write(LOG_ERR, "%s", line);
}

/* Swaps the settings; the answer is in out, for the log. */
static int reload(struct echod *e, FILE *out)
{
    char error[SERVER_ERROR_MAX];
    int code, differ;
    struct settings *next = load(&e->options, out, &code);

    if (next == NULL)
        return -1;
    differ = settings_diff(server_settings(e->server), next, out);
    if (differ == 0)
        fputs("nothing changed", out);
    if (differ != -1 && server_reload(e->server, next, error) == 0)
        return 0;
    rewind(out);
    fprintf(out, "%s\n", differ == -1 ? strerror(errno) : error);
    settings_free(next);
    return -1;
}

static void on_hangup(void *arg)
{
    struct echod *e = arg;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int result;

    if (out == NULL || e->stopping) {
        log_write(LOG_ERR, "not reloaded: %s",
                  e->stopping ? "echod is stopping" : strerror(errno));
        if (out != NULL)
            fclose(out);
        free(text);
        return;
    }
    manager_reloading(&e->manager);
    result = reload(e, out);
    fclose(out);
    if (result == 0) {
        log_write(LOG_NOTICE, "reloaded %s: %s", e->options.config, text);
        metrics_reload(&e->metrics);
    } else {
        log_lines(text);
        log_write(LOG_ERR, "not reloaded, the old configuration holds: %s",
                  e->options.config);
    }
    manager_reloaded(&e->manager);
    free(text);
}

/* The first one lets clients finish, a second one does not wait. */
static void on_terminate(void *arg)
{
    struct echod *e = arg;

    if (e->stopping) {
        loop_stop(e->loop);
        return;
    }
    e->stopping = true;
    log_write(LOG_NOTICE, "stopping, active=%zu", server_active(e->server));
    manager_stopping(&e->manager);
    server_drain(e->server);
}

static void on_usr1(void *arg)
{
    const struct echod *e = arg;
    const struct stats *stats = server_stats(e->server);

    log_write(LOG_INFO,
              "stats active=%zu accepted=%" PRIu64 " refused=%" PRIu64
              " bytes_in=%" PRIu64 " bytes_out=%" PRIu64
              " log_dropped=%" PRIu64,
              server_active(e->server), stats->accepted, stats_refused(stats),
              stats->bytes_in, stats->bytes_out, log_dropped());
}

static int watch_signals(struct echod *e)
{
    if (loop_signal(e->loop, SIGHUP, on_hangup, e) == -1 ||
        loop_signal(e->loop, SIGTERM, on_terminate, e) == -1 ||
        loop_signal(e->loop, SIGINT, on_terminate, e) == -1 ||
        loop_signal(e->loop, SIGUSR1, on_usr1, e) == -1 ||
        loop_signal(e->loop, SIGPIPE, NULL, NULL) == -1)
        return fail(EX_OSERR, "signals: %s", strerror(errno));
    return EX_OK;
}

/* ---- the start, step by step ---- */

static int targets_of(const struct echod *e)
{
    if (e->options.to_stderr)
        return LOG_TO_STDERR;
    switch (e->settings->log.target) {
    case SETTINGS_TARGET_SYSLOG:
        return LOG_TO_SYSLOG;
    case SETTINGS_TARGET_STDERR:
        return LOG_TO_STDERR;
    default:
        return LOG_TO_SYSLOG | (!e->options.detach && isatty(STDERR_FILENO)
                                    ? LOG_TO_STDERR
                                    : 0);
    }
}

/* Before anything else can take their numbers, and in the process that they
 * are meant for, which detach() leaves. */
static int meet_manager(struct echod *e)
{
    e->adopt = sd_listen_fds();
    if (e->adopt == -1)
        return fail(EX_OSERR, "LISTEN_FDS: %s", strerror(errno));
    harden_begin(SD_FIRST_FD + e->adopt);
    if (sd_open() == -1)
        return fail(EX_OSERR, "NOTIFY_SOCKET, WATCHDOG_USEC: %s",
                    strerror(errno));
    return EX_OK;
}

static int open_log(struct echod *e)
{
    struct log_options options = {
        .tag = "echod",
        .path = _PATH_LOG,
        .targets = targets_of(e),
        .facility = (int)e->settings->log.facility,
        .priority = (int)e->settings->log.level,
    };

    if (log_open(&options) == -1)
        return fail(EX_OSERR, "the log: %s", strerror(errno));
    log_to_stderr = (options.targets & LOG_TO_STDERR) != 0;
    if ((options.targets & LOG_TO_SYSLOG) != 0 && !log_reaches_syslog())
        fprintf(stderr,
                "echod: no syslog daemon at %s, lines wait for it (-e logs to "
                "standard error)\n",
                options.path);
    return EX_OK;
}

static int open_server(struct echod *e)
{
    const struct poller_policy *policy = settings_poller(e->settings);

    e->loop = loop_new(policy->few);
    if (e->loop == NULL || loop_follow(e->loop, policy) == -1)
        return fail(EX_OSERR, "the loop: %s", strerror(errno));
    log_loop_attach(e->loop);
    e->server = server_new(e->loop, e->settings);
    if (e->server == NULL)
        return fail(EX_OSERR, "the server: %s", strerror(errno));
    e->settings = NULL;
    return watch_signals(e);
}

static int bind_server(struct echod *e)
{
    char error[SERVER_ERROR_MAX];

    if (server_bind(e->server, SD_FIRST_FD, e->adopt, error) == -1)
        return fail(EX_UNAVAILABLE, "%s", error);
    if (fdlimit_raise(server_descriptors(e->server,
                                         server_settings(e->server)),
                      error, sizeof error) == -1)
        return fail(EX_CONFIG, "%s", error);
    return EX_OK;
}

static int write_pid(struct echod *e)
{
    const char *path = server_settings(e->server)->process.pid_file;
    char error[SERVER_ERROR_MAX];

    if (path[0] == '\0')
        return EX_OK;
    e->pid_path = strdup(path);
    if (e->pid_path == NULL)
        return fail(EX_OSERR, "%s", strerror(errno));
    e->pid_fd = pidfile_create(path, error, sizeof error);
    if (e->pid_fd == -1)
        return fail(EX_CANTCREAT, "%s", error);
    return EX_OK;
}

static int become_user(const struct settings *s)
{
    char error[SERVER_ERROR_MAX];
    struct priv_ids ids;

    if (s->process.user[0] == '\0' && s->process.group[0] == '\0')
        return EX_OK;
    if (priv_lookup(&ids, s->process.user, s->process.group, error,
                    sizeof error) == -1)
        return fail(EX_NOPERM, "%s", error);
    if (geteuid() != 0 && ids.uid == geteuid() && ids.gid == getegid())
        return EX_OK;
    if (priv_drop(&ids, error, sizeof error) == -1)
        return fail(EX_NOPERM, "cannot become process.user \"%s\": %s",
                    s->process.user, error);
    return EX_OK;
}

static int drop_privileges(struct echod *e)
{
    char error[SERVER_ERROR_MAX];
    int code;

    harden_bounds();
    code = become_user(server_settings(e->server));
    if (code == EX_OK && harden_finish(error, sizeof error) == -1)
        return fail(EX_NOPERM, "cannot give up privileges: %s", error);
    return code;
}

static int listen_last(struct echod *e)
{
    char error[SERVER_ERROR_MAX];

    if (server_listen(e->server, error) == -1)
        return fail(EX_UNAVAILABLE, "%s", error);
    detach_ready(log_to_stderr);
    manager_ready(&e->manager, e->loop, e->server);
    metrics_start(&e->metrics, e->loop, e->server);
    return EX_OK;
}

/* A daemon's folder is the root, and a reload looks for the file from there.
 * Links stay what they are: they may point to another file by then. */
static int fix_config_path(struct echod *e)
{
    char *here;

    if (e->options.config[0] == '/')
        return 0;
    here = realpath(".", NULL);
    if (here == NULL ||
        asprintf(&e->config_path, "%s/%s", here, e->options.config) == -1) {
        free(here);
        e->config_path = NULL;
        return -1;
    }
    free(here);
    e->options.config = e->config_path;
    return 0;
}

static int detach(struct echod *e)
{
    if (!e->options.detach)
        return EX_OK;
    if (fix_config_path(e) == -1 || detach_begin() == -1)
        return fail(EX_OSERR, "cannot detach: %s", strerror(errno));
    return EX_OK;
}

/* The log before the sockets, so that syslog hears why they failed; listen()
 * last, so that no client is taken and then dropped by a later failure. */
static int start(struct echod *e)
{
    static int (*const steps[])(struct echod *) = {
        meet_manager, detach, open_log, open_server, bind_server, write_pid,
    };
    int code = EX_OK;

    for (size_t i = 0; i < sizeof steps / sizeof *steps && code == EX_OK; i++)
        code = steps[i](e);
    if (code == EX_OK)
        code = drop_privileges(e);
    if (code == EX_OK)
        code = listen_last(e);
    return code;
}

static void finish(struct echod *e)
{
    manager_close(&e->manager);
    metrics_close(&e->metrics);
    server_free(e->server);
    if (e->pid_path != NULL)
        pidfile_remove(e->pid_path, e->pid_fd);
    loop_free(e->loop); /* from here on a signal kills */
    settings_free(e->settings);
    free(e->pid_path);
    free(e->config_path);
    free(e->options.assignments);
    sd_close();
    log_close();
}

static int serve(struct echod *e)
{
    int code = start(e);

    if (code != EX_OK)
        return code;
    if (loop_run(e->loop) == -1)
        return fail(EX_OSERR, "waiting for clients: %s", strerror(errno));
    return EX_OK;
}

static int run(struct echod *e)
{
    int code = EX_OK;

    switch (e->options.mode) {
    case OPTIONS_HELP:
        options_print_help();
        return printed(true);
    case OPTIONS_VERSION:
        options_print_version();
        return printed(true);
    default:
        break;
    }
    e->settings = load(&e->options, stderr, &code);
    if (e->settings == NULL)
        return code;
    return e->options.mode == OPTIONS_SERVE ? serve(e) : report(e);
}

int main(int argc, char **argv)
{
    struct echod echod = { .pid_fd = -1 };
    int code = EX_USAGE;

    if (detach_fill_standard() == -1)
        return EX_OSERR;
    if (options_parse(&echod.options, argc, argv) == 0)
        code = run(&echod);
    finish(&echod);
    return code;
}
