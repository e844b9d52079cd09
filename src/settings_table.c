#include <config.h>

#include "settings_table.h"

#include <stdint.h>
#include <string.h>
#include <syslog.h>

#define AT(section, key) offsetof(struct settings, section.key)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define YEAR (365 * 24 * HOUR)

/* The order is that of poller_policies(). */
static const struct settings_name pollers[] = {
    { "auto", 0 }, { "poll", 1 }, { "select", 2 }, { "epoll", 3 }, { NULL, 0 }
};

static const struct settings_name targets[] = {
    { "auto", SETTINGS_TARGET_AUTO },
    { "syslog", SETTINGS_TARGET_SYSLOG },
    { "stderr", SETTINGS_TARGET_STDERR },
    { NULL, 0 },
};

static const struct settings_name facilities[] = {
    { "kern", LOG_KERN },     { "user", LOG_USER },
    { "mail", LOG_MAIL },     { "daemon", LOG_DAEMON },
    { "auth", LOG_AUTH },     { "syslog", LOG_SYSLOG },
    { "lpr", LOG_LPR },       { "news", LOG_NEWS },
    { "uucp", LOG_UUCP },     { "cron", LOG_CRON },
    { "authpriv", 10 << 3 },  { "ftp", 11 << 3 }, /* not POSIX */
    { "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },
    { "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
    { "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
    { "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
    { NULL, 0 },
};

static const struct settings_name levels[] = {
    { "err", LOG_ERR },   { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
    { "info", LOG_INFO }, { "debug", LOG_DEBUG },     { NULL, 0 },
};

static const struct settings_name connections[] = {
    { "all", SETTINGS_CONNECTIONS_ALL },
    { "nonempty", SETTINGS_CONNECTIONS_NONEMPTY },
    { "errors", SETTINGS_CONNECTIONS_ERRORS },
    { "none", SETTINGS_CONNECTIONS_NONE },
    { NULL, 0 },
};

static const struct settings_key keys[] = {
    { .section = "server",
      .name = "listen",
      .type = SETTINGS_LISTEN,
      .offset = AT(server, listen),
      .preset = "*",
      .live = true,
      .help = "Where to listen, separated by commas or blanks: * (every\n"
              "address of both families), ADDR, ADDR:PORT, [V6], [V6]:PORT\n"
              "or unix:/path.  Numbers only, no names." },
    { .section = "server",
      .name = "port",
      .type = SETTINGS_COUNT,
      .offset = AT(server, port),
      .preset = "25000",
      .max = UINT16_MAX,
      .live = true,
      .help = "TCP port of every entry of listen that has none of its own;\n"
              "0 is any free port, and the log says which." },
    { .section = "server",
      .name = "backlog",
      .type = SETTINGS_COUNT,
      .offset = AT(server, backlog),
      .preset = "4096",
      .min = 1,
      .max = 65535,
      .live = true,
      .help = "Connections that may wait to be accepted; the kernel may\n"
              "allow less (net.core.somaxconn)." },
    { .section = "server",
      .name = "buffer_size",
      .type = SETTINGS_SIZE,
      .offset = AT(server, buffer_size),
      .preset = "64K",
      .min = 1,
      .max = 16 * MIB,
      .live = true,
      .help = "Bytes read at once, and the most that is kept for a client\n"
              "that does not take its echo." },
    { .section = "server",
      .name = "poller",
      .type = SETTINGS_NAME,
      .offset = AT(server, poller),
      .preset = "auto",
      .names = pollers,
      .live = true,
      .help = "How to wait for descriptors: auto is poll while few are\n"
              "watched, and epoll, where the system has it, while many are.\n"
              "select cannot hold more than FD_SETSIZE (1024) of them." },
    { .section = "server",
      .name = "reuse_port",
      .type = SETTINGS_BOOL,
      .offset = AT(server, reuse_port),
      .preset = "no",
      .live = true,
      .help = "Let several instances listen on one port (SO_REUSEPORT)." },
    { .section = "server",
      .name = "socket_buffer",
      .type = SETTINGS_SIZE,
      .offset = AT(server, socket_buffer),
      .preset = "256K",
      .min = 4 * KIB,
      .or_zero = true,
      .max = 16 * MIB,
      .live = true,
      .help = "What the kernel may hold for a client that does not read, in\n"
              "each direction; 0 is the kernel's own tuning, which goes up to\n"
              "about 4 MiB a client." },
    { .section = "server",
      .name = "tcp_nodelay",
      .type = SETTINGS_BOOL,
      .offset = AT(server, tcp_nodelay),
      .preset = "yes",
      .live = true,
      .help = "Send small echoes at once (TCP_NODELAY)." },
    { .section = "server",
      .name = "keepalive",
      .type = SETTINGS_TIME,
      .offset = AT(server, keepalive),
      .preset = "5m",
      .min = SECOND,
      .or_zero = true,
      .max = 32767 * SECOND,
      .live = true,
      .help = "Idle time before TCP asks whether the client is still there;\n"
              "0 is never." },
    { .section = "limits",
      .name = "max_clients",
      .type = SETTINGS_COUNT,
      .offset = AT(limits, max_clients),
      .preset = "1000",
      .min = 1,
      .max = 1000000,
      .live = true,
      .help = "Clients served at once; more wait in the backlog." },
    { .section = "limits",
      .name = "max_clients_per_source",
      .type = SETTINGS_COUNT,
      .offset = AT(limits, max_clients_per_source),
      .preset = "0",
      .max = 1000000,
      .live = true,
      .help = "Clients served at once from one source; more are refused.\n"
              "0 is no limit." },
    { .section = "limits",
      .name = "source_prefix_v4",
      .type = SETTINGS_COUNT,
      .offset = AT(limits, source_prefix_v4),
      .preset = "32",
      .max = 32,
      .live = true,
      .help = "IPv4 addresses with the same first bits are one source." },
    { .section = "limits",
      .name = "source_prefix_v6",
      .type = SETTINGS_COUNT,
      .offset = AT(limits, source_prefix_v6),
      .preset = "64",
      .max = 128,
      .live = true,
      .help = "IPv6 addresses with the same first bits are one source." },
    { .section = "limits",
      .name = "connect_rate",
      .type = SETTINGS_COUNT,
      .offset = AT(limits, connect_rate),
      .preset = "0",
      .max = 1000000,
      .live = true,
      .help = "New clients a second from one source, and the most at once;\n"
              "more are refused, others never.  0 is no limit." },
    { .section = "limits",
      .name = "idle_timeout",
      .type = SETTINGS_TIME,
      .offset = AT(limits, idle_timeout),
      .preset = "1h",
      .min = 1,
      .or_zero = true,
      .max = YEAR,
      .live = true,
      .help = "Ends a client that moved no byte for so long; 0 is never." },
    { .section = "limits",
      .name = "stall_timeout",
      .type = SETTINGS_TIME,
      .offset = AT(limits, stall_timeout),
      .preset = "1m",
      .min = 1,
      .or_zero = true,
      .max = YEAR,
      .live = true,
      .help = "Ends a client that takes nothing of its waiting echo for so\n"
              "long; 0 is never." },
    { .section = "limits",
      .name = "max_lifetime",
      .type = SETTINGS_TIME,
      .offset = AT(limits, max_lifetime),
      .preset = "0",
      .min = 1,
      .or_zero = true,
      .max = YEAR,
      .live = true,
      .help = "Ends a client so long after it came, busy or not; 0 is never." },
    { .section = "limits",
      .name = "linger_timeout",
      .type = SETTINGS_TIME,
      .offset = AT(limits, linger_timeout),
      .preset = "2s",
      .min = 1,
      .or_zero = true,
      .max = HOUR,
      .live = true,
      .help = "When echod ends a connection first: how long it waits for the\n"
              "client's end, so that the tail of the echo is not lost to a\n"
              "reset; 0 is not at all." },
    { .section = "limits",
      .name = "drain_timeout",
      .type = SETTINGS_TIME,
      .offset = AT(limits, drain_timeout),
      .preset = "10s",
      .min = 1,
      .or_zero = true,
      .max = YEAR,
      .live = true,
      .help = "After SIGTERM: how long the clients there are may go on;\n"
              "0 is until the last one leaves." },
    { .section = "access",
      .name = "allow",
      .type = SETTINGS_NETS,
      .offset = AT(access, allow),
      .preset = "",
      .live = true,
      .help = "Who is served: addresses and networks, separated by commas or\n"
              "blanks; empty is everyone.  A long list goes on in indented\n"
              "lines." },
    { .section = "access",
      .name = "deny",
      .type = SETTINGS_NETS,
      .offset = AT(access, deny),
      .preset = "",
      .live = true,
      .help = "Who is refused all the same." },
    { .section = "log",
      .name = "target",
      .type = SETTINGS_NAME,
      .offset = AT(log, target),
      .preset = "auto",
      .names = targets,
      .help = "auto is syslog, and standard error too when that is a\n"
              "terminal." },
    { .section = "log",
      .name = "facility",
      .type = SETTINGS_NAME,
      .offset = AT(log, facility),
      .preset = "daemon",
      .names = facilities,
      .live = true,
      .help = "The syslog facility." },
    { .section = "log",
      .name = "level",
      .type = SETTINGS_NAME,
      .offset = AT(log, level),
      .preset = "info",
      .names = levels,
      .live = true,
      .help = "The least urgent lines that are written." },
    { .section = "log",
      .name = "connections",
      .type = SETTINGS_NAME,
      .offset = AT(log, connections),
      .preset = "all",
      .names = connections,
      .live = true,
      .help = "Which connections get lines: nonempty leaves out clients that\n"
              "sent nothing (health checks); errors writes only refusals, and\n"
              "disconnects by a reset, a stall or an error." },
    { .section = "log",
      .name = "rate",
      .type = SETTINGS_COUNT,
      .offset = AT(log, rate),
      .preset = "1000",
      .max = 1000000,
      .live = true,
      .help = "Connection lines a second; the rest are counted in one line.\n"
              "0 is no limit." },
    { .section = "process",
      .name = "user",
      .type = SETTINGS_TEXT,
      .offset = AT(process, user),
      .preset = "",
      .help = "User to become once the sockets are bound; needs root." },
    { .section = "process",
      .name = "group",
      .type = SETTINGS_TEXT,
      .offset = AT(process, group),
      .preset = "",
      .help = "Group to become; empty is the user's own." },
    { .section = "process",
      .name = "pid_file",
      .type = SETTINGS_PATH,
      .offset = AT(process, pid_file),
      .preset = "",
      .help = "File to write the process number to; empty is none." },
    { .section = "stats",
      .name = "file",
      .type = SETTINGS_PATH,
      .offset = AT(stats, file),
      .preset = "",
      .live = true,
      .help = "File to write the counters to, in Prometheus' text format;\n"
              "empty is none." },
    { .section = "stats",
      .name = "interval",
      .type = SETTINGS_TIME,
      .offset = AT(stats, interval),
      .preset = "15s",
      .min = 100,
      .max = HOUR,
      .live = true,
      .help = "How often to write them." },
};

const struct settings_key *settings_keys(size_t *count)
{
    *count = sizeof keys / sizeof *keys;
    return keys;
}

const struct settings_key *settings_key_find(const char *section,
                                             const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i].section, section) == 0 &&
            strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}
