/*
 * gate: who may come in.
 */
#ifndef ECHO_GATE_H
#define ECHO_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct addr;
struct gate;
struct settings;
struct source;

enum gate_verdict {
    GATE_OPEN,
    GATE_ACL,        /* access.allow and deny */
    GATE_PER_SOURCE, /* limits.max_clients_per_source */
    GATE_RATE,       /* limits.connect_rate */
    GATE_VERDICTS
};

/* "acl", "per_source", "rate"; "open". */
const char *gate_verdict_name(enum gate_verdict verdict);

/* A gate as settings say, which it keeps nothing of; NULL with ENOMEM. */
struct gate *gate_new(const struct settings *settings);

/* NULL is fine; the sources it gave out are invalid then. */
void gate_free(struct gate *gate);

/* Whether the access lists let peer in; a unix socket is guarded by the mode
 * of its folder instead. */
bool gate_admits(const struct gate *gate, const struct addr *peer);

/* A client comes.  With GATE_OPEN it has *source (which may be NULL) until
 * gate_leave(). */
enum gate_verdict gate_enter(struct gate *gate, const struct addr *peer,
                             int64_t now_ms, struct source **source);

/* The source of a client that came through another gate. */
struct source *gate_adopt(struct gate *gate, const struct addr *peer,
                          int64_t now_ms);

void gate_leave(struct gate *gate, struct source *source, int64_t now_ms);

#endif
