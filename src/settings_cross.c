#include <config.h>

#include "settings_cross.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct settings_place *settings_place_of(struct settings_places *places,
                                         const struct settings_key *key)
{
    size_t count;

    return &places->of[key - settings_keys(&count)];
}

/* Of the keys of a rule, the names ending in NULL: the first that an option
 * set, or the first of the file. */
static struct settings_place blame(struct settings_places *places,
                                   const char *const names[][2])
{
    struct settings_place found = {0};

    for (; (*names)[0] != NULL; names++) {
        const struct settings_place *place = settings_place_of(
            places, settings_key_find((*names)[0], (*names)[1]));

        if (place->assignment != NULL)
            return *place;
        if (found.line == 0)
            found = *place;
    }
    return found;
}

static bool is_any(const struct addr *addr)
{
    struct addr any;

    addr_any(&any, addr->sa.any.sa_family, addr_port(addr));
    return addr_equal(addr, &any);
}

/*
 * Whether the kernel lets only one of the two listen, where SO_REUSEPORT does
 * not say otherwise: a wildcard holds every address of its family, but none
 * of the other, since IPV6_V6ONLY is set.
 */
static bool collide(const struct addr *a, const struct addr *b)
{
    return a->sa.any.sa_family == b->sa.any.sa_family &&
           a->sa.any.sa_family != AF_UNIX && addr_port(a) != 0 &&
           addr_port(a) == addr_port(b) && (is_any(a) || is_any(b));
}

static void check_pair(const struct settings *s, const struct addr *a,
                       const struct addr *b, struct settings_mistakes *m)
{
    char text[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX];

    if (addr_equal(a, b))
        settings_mistake(m, "server.listen names %s twice",
                         addr_format(a, text));
    else if (!s->server.reuse_port && collide(a, b))
        settings_mistake(m,
                         "server.listen: %s holds %s already; allowed: one of "
                         "them, another port, or server.reuse_port = yes",
                         addr_format(is_any(a) ? a : b, text),
                         addr_format(is_any(a) ? b : a, other));
}

static void check_listens(const struct settings *s,
                          const struct settings_listen *listens, size_t count,
                          struct settings_mistakes *m)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            check_pair(s, &listens[i].addr, &listens[j].addr, m);
}

static void check_poller(const struct settings *s, size_t listens,
                         struct settings_mistakes *m)
{
    const struct poller_ops *ops = settings_poller(s)->few;
    int64_t need =
        s->limits.max_clients + (int64_t)listens + SETTINGS_SPARE_FDS;

    if (need > ops->limit)
        settings_mistake(
            m,
            "server.poller = %s holds %d descriptors, "
            "limits.max_clients = %lld needs %lld; allowed: %lld clients, "
            "or another poller",
            ops->name, ops->limit, (long long)s->limits.max_clients,
            (long long)need,
            (long long)(s->limits.max_clients - need + ops->limit));
}

void settings_cross_check(const struct settings *settings,
                          struct settings_places *places,
                          struct settings_mistakes *m)
{
    static const char *const of_listen[][2] = {{"server", "listen"},
                                               {"server", "port"},
                                               {"server", "reuse_port"},
                                               {NULL, NULL}};
    static const char *const of_poller[][2] = {{"server", "poller"},
                                               {"limits", "max_clients"},
                                               {"server", "listen"},
                                               {NULL, NULL}};
    size_t count;
    struct settings_listen *listens = settings_listens(settings, &count);

    if (listens == NULL) {
        settings_mistake(m, "%s", strerror(errno));
        return;
    }
    m->at = blame(places, of_listen);
    check_listens(settings, listens, count, m);
    m->at = blame(places, of_poller);
    check_poller(settings, count, m);
    free(listens);
}
