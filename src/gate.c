#include <config.h>

#include "gate.h"
#include "acl.h"
#include "addr.h"
#include "settings.h"
#include "source.h"

#include <stdlib.h>

struct gate {
    struct acl allow, deny;
    struct source_table *sources; /* NULL: nothing is limited by source */
};

const char *gate_verdict_name(enum gate_verdict verdict)
{
    static const char *const names[GATE_VERDICTS] = {
        [GATE_OPEN] = "open",
        [GATE_ACL] = "acl",
        [GATE_PER_SOURCE] = "per_source",
        [GATE_RATE] = "rate",
    };

    return names[verdict];
}

static int open_sources(struct gate *gate, const struct settings *settings)
{
    struct source_limits limits = {
        .clients = settings->limits.max_clients_per_source,
        .rate = settings->limits.connect_rate,
        .v4_bits = (unsigned)settings->limits.source_prefix_v4,
        .v6_bits = (unsigned)settings->limits.source_prefix_v6,
    };

    if (limits.clients == 0 && limits.rate == 0)
        return 0;
    gate->sources = source_table_new(&limits);
    return gate->sources != NULL ? 0 : -1;
}

struct gate *gate_new(const struct settings *settings)
{
    struct gate *gate = calloc(1, sizeof *gate);

    if (gate == NULL)
        return NULL;
    if (acl_parse(&gate->allow, settings->access.allow) == -1 ||
        acl_parse(&gate->deny, settings->access.deny) == -1 ||
        open_sources(gate, settings) == -1) {
        gate_free(gate);
        return NULL;
    }
    return gate;
}

void gate_free(struct gate *gate)
{
    if (gate == NULL)
        return;
    acl_free(&gate->allow);
    acl_free(&gate->deny);
    source_table_free(gate->sources);
    free(gate);
}

bool gate_admits(const struct gate *gate, const struct addr *peer)
{
    if (peer->sa.any.sa_family == AF_UNIX)
        return true;
    return (gate->allow.count == 0 || acl_match(&gate->allow, peer)) &&
           !acl_match(&gate->deny, peer);
}

enum gate_verdict gate_enter(struct gate *gate, const struct addr *peer,
                             int64_t now_ms, struct source **source)
{
    static const enum gate_verdict verdicts[] = {
        [SOURCE_OPEN] = GATE_OPEN,
        [SOURCE_FULL] = GATE_PER_SOURCE,
        [SOURCE_FAST] = GATE_RATE,
    };

    *source = NULL;
    if (!gate_admits(gate, peer))
        return GATE_ACL;
    if (gate->sources == NULL)
        return GATE_OPEN;
    return verdicts[source_enter(gate->sources, peer, now_ms, source)];
}

struct source *gate_adopt(struct gate *gate, const struct addr *peer,
                          int64_t now_ms)
{
    if (gate->sources == NULL)
        return NULL;
    return source_adopt(gate->sources, peer, now_ms);
}

void gate_leave(struct gate *gate, struct source *source, int64_t now_ms)
{
    if (gate->sources != NULL)
        source_leave(gate->sources, source, now_ms);
}
