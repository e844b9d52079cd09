#include <config.h>

#include "settings.h"
#include "settings_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct settings *settings_new(void)
{
    size_t count;
    const struct settings_key *keys = settings_keys(&count);
    struct settings *settings = calloc(1, sizeof *settings);

    if (settings == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (settings_value_parse(settings, &keys[i], keys[i].preset) == -1) {
            settings_free(settings);
            return NULL;
        }
    return settings;
}

void settings_free(struct settings *settings)
{
    size_t count;
    const struct settings_key *keys = settings_keys(&count);

    if (settings == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        settings_value_free(settings, &keys[i]);
    free(settings);
}

/* ---- dump ---- */

static void dump_help(const struct settings_key *key, FILE *out)
{
    fputs("\n# ", out);
    for (const char *p = key->help; *p != '\0'; p++) {
        fputc(*p, out);
        if (*p == '\n')
            fputs("# ", out);
    }
    fputs("\n# Allowed: ", out);
    settings_value_print_allowed(key, out);
    fprintf(out, ".  Default: %s\n",
            key->preset[0] != '\0' ? key->preset : "empty");
    if (!key->live)
        fputs("# A change needs a restart.\n", out);
}

int settings_dump(const struct settings *settings, FILE *out)
{
    size_t count;
    const struct settings_key *keys = settings_keys(&count);
    const char *section = "";

    fputs("# The configuration of echod(8); echod.ini(5) says more.\n", out);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].section, section) != 0)
            fprintf(out, "\n[%s]\n", keys[i].section);
        section = keys[i].section;
        dump_help(&keys[i], out);
        fprintf(out, "%s =", keys[i].name);
        settings_value_dump(settings, &keys[i], out);
        fputc('\n', out);
    }
    return fflush(out) == EOF || ferror(out) ? -1 : 0;
}

/* ---- what a reload changes ---- */

static void print_change(const struct settings *now,
                         const struct settings *next,
                         const struct settings_key *key, FILE *out)
{
    fprintf(out, "%s.%s ", key->section, key->name);
    if (!key->live) {
        fputs("needs a restart", out);
        return;
    }
    settings_value_print(now, key, out);
    fputs(" -> ", out);
    settings_value_print(next, key, out);
}

int settings_diff(const struct settings *now, struct settings *next, FILE *out)
{
    size_t count;
    const struct settings_key *keys = settings_keys(&count);
    int differ = 0;

    for (size_t i = 0; i < count; i++) {
        if (settings_value_equal(now, next, &keys[i]))
            continue;
        if (differ++ > 0)
            fputs("; ", out);
        print_change(now, next, &keys[i], out);
        if (!keys[i].live && settings_value_copy(next, now, &keys[i]) == -1)
            return -1;
    }
    return differ;
}

/* ---- what values stand for ---- */

struct listens {
    struct settings_listen *item;
    size_t count;
    uint16_t port;
};

/* As the kernel takes it: only link-local addresses have a scope, and an IPv6
 * socket that is IPv6's alone takes no mapped one. */
static int parse_listen(struct addr *addr, const char *word, uint16_t port)
{
    if (addr_parse(addr, word, port) == -1)
        return -1;
    addr_unmap(addr);
    if (addr->sa.any.sa_family == AF_INET6 &&
        !IN6_IS_ADDR_LINKLOCAL(&addr->sa.v6.sin6_addr))
        addr->sa.v6.sin6_scope_id = 0;
    return 0;
}

static int add_listen(const char *word, void *arg)
{
    struct listens *list = arg;
    struct settings_listen *item =
        realloc(list->item, (list->count + 2) * sizeof *item);

    if (item == NULL)
        return -1;
    list->item = item;
    item += list->count;
    if (strcmp(word, "*") != 0) {
        list->count++;
        item->optional = false;
        return parse_listen(&item->addr, word, list->port);
    }
    list->count += 2;
    addr_any(&item[0].addr, AF_INET, list->port);
    addr_any(&item[1].addr, AF_INET6, list->port);
    item[0].optional = item[1].optional = true;
    return 0;
}

struct settings_listen *settings_listens(const struct settings *settings,
                                         size_t *count)
{
    struct listens list = { .port = (uint16_t)settings->server.port };

    if (settings_value_each(settings->server.listen, add_listen, &list) ==
        -1) {
        free(list.item);
        return NULL;
    }
    *count = list.count;
    return list.item;
}

const struct poller_policy *settings_poller(const struct settings *settings)
{
    size_t count;

    return poller_policies(&count) + settings->server.poller;
}
