/*
 * probe_checks: what is looked for, one function a check.
 */
#ifndef ECHO_PROBE_CHECKS_H
#define ECHO_PROBE_CHECKS_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

enum probe_outcome {
    PROBE_PASS,
    PROBE_FAIL,
    PROBE_NONE, /* there is no such thing on this kind of connection */
};

#define PROBE_TEXT_MAX 400

struct probe_site {
    struct addr addr;
    int64_t wait_ms; /* the longest silence that is no failure */
};

/* A check may take six times the longest silence, all in all. */
#define PROBE_PATIENCE 6

/* No check has more descriptors open, the standard ones included. */
#define PROBE_DESCRIPTORS 128

struct probe_check {
    const char *name;

    /* Fills text with figures, or with what went wrong and where. */
    enum probe_outcome (*run)(const struct probe_site *site,
                              char text[PROBE_TEXT_MAX]);
};

/* All checks but the silent ones, in the order to run them in; the last
 * element has no name. */
extern const struct probe_check probe_checks[];

/* What became of a connection that was silent. */
struct probe_idle {
    int64_t seconds; /* how long it is to be */
    enum probe_outcome outcome;
    char text[PROBE_TEXT_MAX];
};

/*
 * Opens a connection for each of the count gaps, which are sorted, proves
 * that it echoes, and after its gap whether it still does; all side by side.
 * done(arg, idle) is called for each as soon as it is known.
 */
void probe_idle(const struct probe_site *site, struct probe_idle *idles,
                size_t count,
                void (*done)(void *arg, const struct probe_idle *idle),
                void *arg);

#endif
