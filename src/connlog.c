#include <config.h>

#include "connlog.h"
#include "errname.h"
#include "log.h"
#include "settings.h"

#include <inttypes.h>
#include <stdio.h>

#define SECOND_MS 1000

static struct {
    int64_t connections;
    int64_t rate;
    int64_t window_ms; /* start of the second that is counted */
    int64_t lines;     /* written in it */
    uint64_t left_out; /* not written in it */
} state;

const char *connlog_reason_name(enum connlog_reason reason)
{
    static const char *const names[CONNLOG_REASONS] = {
        [CONNLOG_EOF] = "eof",           [CONNLOG_RESET] = "reset",
        [CONNLOG_IDLE] = "idle",         [CONNLOG_STALLED] = "stalled",
        [CONNLOG_LIFETIME] = "lifetime", [CONNLOG_SHUTDOWN] = "shutdown",
        [CONNLOG_ERROR] = "error",
    };

    return names[reason];
}

void connlog_set(int64_t connections, int64_t rate)
{
    state.connections = connections;
    state.rate = rate;
}

int64_t connlog_tick(int64_t now_ms)
{
    if (state.left_out == 0)
        return -1;
    if (now_ms < state.window_ms + SECOND_MS)
        return state.window_ms + SECOND_MS;
    log_write(LOG_NOTICE,
              "%" PRIu64 " connection lines left out in a second, log.rate is "
              "%" PRId64,
              state.left_out, state.rate);
    state.left_out = 0;
    return -1;
}

/* Takes one line of this second's allowance; false: it is used up. */
static bool take_line(int64_t now_ms)
{
    if (now_ms >= state.window_ms + SECOND_MS) {
        connlog_tick(now_ms);
        state.window_ms = now_ms;
        state.lines = 0;
    }
    if (state.rate == 0 || state.lines < state.rate) {
        state.lines++;
        return true;
    }
    state.left_out++;
    return false;
}

bool connlog_wants_connect(bool has_bytes)
{
    return state.connections == SETTINGS_CONNECTIONS_ALL ||
           (state.connections == SETTINGS_CONNECTIONS_NONEMPTY && has_bytes);
}

/* Faults are what errors is for; the rest is how conversations end. */
static bool wants_disconnect(const struct connlog_client *client,
                             enum connlog_reason reason)
{
    switch (state.connections) {
    case SETTINGS_CONNECTIONS_ALL:
        return true;
    case SETTINGS_CONNECTIONS_NONEMPTY:
        return client->in > 0;
    case SETTINGS_CONNECTIONS_ERRORS:
        return reason == CONNLOG_RESET || reason == CONNLOG_STALLED ||
               reason == CONNLOG_ERROR;
    default:
        return false;
    }
}

void connlog_connect(const struct connlog_client *client,
                     const struct addr *local, int64_t now_ms)
{
    char peer_text[ADDR_TEXT_MAX], local_text[ADDR_TEXT_MAX];

    if (!log_wants(LOG_INFO) || !take_line(now_ms))
        return;
    log_write(LOG_INFO, "connect id=%" PRIu64 " peer=%s local=%s active=%zu",
              client->id, addr_format(client->peer, peer_text),
              addr_format(local, local_text), client->active);
}

void connlog_disconnect(const struct connlog_client *client,
                        enum connlog_reason reason, int error, int64_t now_ms)
{
    char peer[ADDR_TEXT_MAX], cause[64] = "";

    if (!log_wants(LOG_INFO) || !wants_disconnect(client, reason) ||
        !take_line(now_ms))
        return;
    if (reason == CONNLOG_ERROR)
        snprintf(cause, sizeof cause, " error=%s", errname(error));
    log_write(LOG_INFO,
              "disconnect id=%" PRIu64 " peer=%s in=%" PRIu64 " out=%" PRIu64
              " ms=%" PRId64 " reason=%s%s active=%zu",
              client->id, addr_format(client->peer, peer), client->in,
              client->out, client->ms, connlog_reason_name(reason), cause,
              client->active);
}

void connlog_refuse(const struct addr *peer, const char *why, int64_t now_ms)
{
    char text[ADDR_TEXT_MAX];

    if (state.connections == SETTINGS_CONNECTIONS_NONE ||
        !log_wants(LOG_NOTICE) || !take_line(now_ms))
        return;
    log_write(LOG_NOTICE, "refuse peer=%s reason=%s", addr_format(peer, text),
              why);
}
