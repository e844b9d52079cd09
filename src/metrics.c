#include <config.h>

#include "metrics.h"
#include "log.h"
#include "server.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Room for stats.file, which a line of the file holds, and what is added. */
#define NAME_MAX_WITH_END 256

static void put_head(FILE *out, const char *name, const char *type,
                     const char *help)
{
    fprintf(out, "# HELP echod_%s %s\n# TYPE echod_%s %s\n", name, help, name,
            type);
}

static void put_counter(FILE *out, const char *name, uint64_t value,
                        const char *help)
{
    put_head(out, name, "counter", help);
    fprintf(out, "echod_%s %" PRIu64 "\n", name, value);
}

static void put_reason(FILE *out, const char *name, const char *reason,
                       uint64_t value)
{
    fprintf(out, "echod_%s{reason=\"%s\"} %" PRIu64 "\n", name, reason, value);
}

static void put_ends(FILE *out, const struct stats *stats)
{
    put_head(out, "clients_refused_total", "counter",
             "Clients that were turned away.");
    for (int v = GATE_OPEN + 1; v < GATE_VERDICTS; v++)
        put_reason(out, "clients_refused_total",
                   gate_verdict_name((enum gate_verdict)v), stats->refused[v]);
    put_head(out, "clients_ended_total", "counter",
             "Clients that were served and have gone.");
    for (int r = 0; r < CONNLOG_REASONS; r++)
        put_reason(out, "clients_ended_total",
                   connlog_reason_name((enum connlog_reason)r),
                   stats->ended[r]);
}

static void put_all(const struct metrics *m, FILE *out)
{
    const struct stats *stats = server_stats(m->server);

    put_head(out, "info", "gauge", "What runs.");
    fprintf(out, "echod_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
    put_head(out, "start_time_seconds", "gauge",
             "When it started, in seconds since 1970.");
    fprintf(out, "echod_start_time_seconds %" PRId64 "\n", m->started);
    put_head(out, "clients", "gauge", "Clients that are served now.");
    fprintf(out, "echod_clients %zu\n", server_active(m->server));
    put_counter(out, "clients_accepted_total", stats->accepted,
                "Clients that were served.");
    put_ends(out, stats);
    put_counter(out, "received_bytes_total", stats->bytes_in,
                "Bytes that came from clients.");
    put_counter(out, "sent_bytes_total", stats->bytes_out,
                "Bytes that went back to clients.");
    put_counter(out, "log_lines_lost_total", log_dropped(),
                "Lines that no reader of the log took.");
    put_counter(out, "loop_turns_total", loop_turns(m->loop),
                "Turns of the loop.");
}

/* A new file whatever stood there: no link is followed. */
static FILE *create(const char *path)
{
    int fd;
    FILE *out;

    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd == -1)
        return NULL;
    out = fdopen(fd, "w");
    if (out == NULL)
        close(fd);
    return out;
}

/* No fsync(2), which could take long: after a crash of the system the counts
 * begin anew anyway. */
static int replace(const struct metrics *m, const char *path)
{
    char fresh[NAME_MAX_WITH_END];
    FILE *out;
    int failed, error;

    snprintf(fresh, sizeof fresh, "%s.new", path);
    out = create(fresh);
    if (out == NULL)
        return -1;
    put_all(m, out);
    failed = ferror(out);
    if (fclose(out) == EOF || failed || rename(fresh, path) == -1) {
        error = errno;
        unlink(fresh);
        errno = error;
        return -1;
    }
    return 0;
}

static void write_file(struct metrics *m)
{
    const char *path = server_settings(m->server)->stats.file;

    if (path[0] == '\0')
        return;
    if (replace(m, path) == 0) {
        m->failed = false;
    } else if (!m->failed) {
        log_errno(LOG_WARNING, errno, "cannot write stats.file %s", path);
        m->failed = true;
    }
}

static void on_time(void *arg)
{
    struct metrics *m = arg;
    const struct settings *settings = server_settings(m->server);

    write_file(m);
    if (settings->stats.file[0] != '\0')
        loop_timer_set(m->loop, &m->timer,
                       loop_now(m->loop) + settings->stats.interval, on_time,
                       m);
}

void metrics_start(struct metrics *m, struct loop *loop,
                   const struct server *server)
{
    m->loop = loop;
    m->server = server;
    m->started = time(NULL);
    on_time(m);
}

void metrics_reload(struct metrics *m)
{
    loop_timer_clear(m->loop, &m->timer);
    m->failed = false;
    on_time(m);
}

void metrics_close(struct metrics *m)
{
    if (m->loop == NULL)
        return;
    loop_timer_clear(m->loop, &m->timer);
    write_file(m);
    m->loop = NULL;
}
