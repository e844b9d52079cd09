/*
 * settings_table: the keys of the INI file, one row a key.
 *
 * A row gives a key its type, default, range, place in struct settings and
 * help; reading, the dump, the answer to a reload, the checks of man page and
 * etc/echod.ini and the fuzz dictionary all come from it.  A key exists here
 * only once it acts.
 */
#ifndef ECHO_SETTINGS_TABLE_H
#define ECHO_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum settings_target {
    SETTINGS_TARGET_AUTO,
    SETTINGS_TARGET_SYSLOG,
    SETTINGS_TARGET_STDERR,
};

enum settings_connections {
    SETTINGS_CONNECTIONS_ALL,
    SETTINGS_CONNECTIONS_NONEMPTY,
    SETTINGS_CONNECTIONS_ERRORS,
    SETTINGS_CONNECTIONS_NONE,
};

/*
 * Sizes in bytes, times in milliseconds (0: never), booleans 0 or 1, names as
 * their value; texts are allocated and never NULL.
 */
struct settings {
    struct {
        char *listen; /* as written; settings_listens() takes it apart */
        int64_t port;
        int64_t backlog;
        int64_t buffer_size;
        int64_t poller; /* settings_poller() has what it stands for */
        int64_t reuse_port;
        int64_t socket_buffer;
        int64_t tcp_nodelay;
        int64_t keepalive;
    } server;
    struct {
        int64_t max_clients;
        int64_t max_clients_per_source;
        int64_t source_prefix_v4;
        int64_t source_prefix_v6;
        int64_t connect_rate;
        int64_t idle_timeout;
        int64_t stall_timeout;
        int64_t max_lifetime;
        int64_t linger_timeout;
        int64_t drain_timeout;
    } limits;
    struct {
        char *allow; /* as acl_parse() reads it */
        char *deny;
    } access;
    struct {
        int64_t target;      /* enum settings_target */
        int64_t facility;    /* LOG_DAEMON ... */
        int64_t level;       /* LOG_ERR ... LOG_DEBUG */
        int64_t connections; /* enum settings_connections */
        int64_t rate;
    } log;
    struct {
        char *user;
        char *group;
        char *pid_file;
    } process;
    struct {
        char *file;
        int64_t interval;
    } stats;
};

enum settings_type {
    SETTINGS_COUNT,
    SETTINGS_SIZE,
    SETTINGS_TIME,
    SETTINGS_BOOL,
    SETTINGS_NAME,   /* one of names */
    SETTINGS_TEXT,   /* any printable text */
    SETTINGS_PATH,   /* an absolute path, or empty */
    SETTINGS_LISTEN, /* addresses to listen on, as text */
    SETTINGS_NETS,   /* addresses and networks, as text */
};

struct settings_name {
    const char *name;
    int64_t value;
};

/* A row. */
struct settings_key {
    const char *section;
    const char *name;
    enum settings_type type;
    size_t offset; /* in struct settings: an int64_t, or a char * */
    const char *preset;
    int64_t min, max;                  /* of numbers */
    bool or_zero;                      /* 0 is allowed below min: "never" */
    const struct settings_name *names; /* of SETTINGS_NAME; ends in NULL */
    bool live;                         /* acts on a reload */
    const char *help;                  /* lines for a comment */
};

/* The table, in the order of the file. */
const struct settings_key *settings_keys(size_t *count);

/* A row of it, or NULL. */
const struct settings_key *settings_key_find(const char *section,
                                             const char *name);

#endif
