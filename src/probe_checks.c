#include <config.h>

#include "probe_checks.h"
#include "probe_stream.h"
#include "ticks.h"
#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MIB (INT64_C(1) << 20)

/* More than both kernels hold for a connection that nobody reads. */
#define LATE_BYTES (32 * MIB)

#define LARGE_BYTES (16 * MIB)
#define SMALL_WRITES 1000
#define HALF_CLOSES 20
#define CHURN 200
#define CHURN_BATCH 20

/* Silence after which a connection counts as full. */
#define FULL_MS 300

static bool open_stream(struct probe_stream *s, const struct probe_site *site)
{
    return probe_open(s, &site->addr, site->wait_ms,
                      ticks_now_ms() + PROBE_PATIENCE * site->wait_ms);
}

/* Closes and says how it went: what text holds already, or why it failed. */
static enum probe_outcome finish(struct probe_stream *s, char *text)
{
    if (s->failed)
        snprintf(text, PROBE_TEXT_MAX, "%s", s->why);
    probe_close(s);
    return s->failed ? PROBE_FAIL : PROBE_PASS;
}

static bool end_well(struct probe_stream *s)
{
    return probe_receive(s) && probe_fin(s) && probe_drain(s);
}

static double ms_since(int64_t start)
{
    return (double)(ticks_now() - start) / 1e6;
}

static enum probe_outcome check_connect(const struct probe_site *site,
                                        char *text)
{
    struct probe_stream s;
    int64_t start = ticks_now();
    double connected;

    open_stream(&s, site);
    connected = ms_since(start);
    start = ticks_now();
    if (probe_send(&s, 1) && probe_receive(&s))
        snprintf(text, PROBE_TEXT_MAX,
                 "%.3f ms to connect, %.3f ms to the first echo", connected,
                 ms_since(start));
    end_well(&s);
    return finish(&s, text);
}

static enum probe_outcome check_values(const struct probe_site *site,
                                       char *text)
{
    struct probe_stream s;

    open_stream(&s, site);
    probe_send(&s, 65536);
    end_well(&s);
    snprintf(text, PROBE_TEXT_MAX,
             "%" PRIu64 " bytes, all 256 values, in any order", s.got);
    return finish(&s, text);
}

static enum probe_outcome check_sizes(const struct probe_site *site,
                                      char *text)
{
    static const uint64_t sizes[] = { 1,    2,    3,     7,     255,  256,
                                      257,  511,  1023,  1025,  1447, 1448,
                                      1449, 1460, 4095,  4096,  4097, 8191,
                                      8193, 9001, 65535, 65536, 65537 };
    struct probe_stream s;
    size_t i = 0, count = sizeof sizes / sizeof *sizes;

    open_stream(&s, site);
    while (i < count && probe_send(&s, sizes[i]) && probe_receive(&s))
        i++;
    end_well(&s);
    snprintf(text, PROBE_TEXT_MAX, "%zu sizes from 1 to 65537 bytes", count);
    return finish(&s, text);
}

static enum probe_outcome check_large(const struct probe_site *site,
                                      char *text)
{
    struct probe_stream s;
    int64_t start = ticks_now();

    open_stream(&s, site);
    probe_send(&s, LARGE_BYTES);
    end_well(&s);
    snprintf(text, PROBE_TEXT_MAX, "%" PRIu64 " MiB, %.1f MiB/s each way",
             s.got / MIB, (double)s.got / MIB / ms_since(start) * 1000);
    return finish(&s, text);
}

/* Who writes before it reads must not stop for good when the way is full. */
static enum probe_outcome check_late_reader(const struct probe_site *site,
                                            char *text)
{
    struct probe_stream s;

    open_stream(&s, site);
    probe_push(&s, LATE_BYTES, FULL_MS);
    snprintf(text, PROBE_TEXT_MAX,
             "%.1f MiB were sent before the first byte was read",
             (double)s.sent / MIB);
    probe_crawl(&s, s.sent);
    end_well(&s);
    return finish(&s, text);
}

static bool half_close(const struct probe_site *site, uint64_t len,
                       struct probe_stream *s)
{
    open_stream(s, site);
    probe_push(s, len, FULL_MS);
    probe_fin(s);
    probe_drain(s);
    probe_close(s);
    return !s->failed;
}

/* Every second time more than one packet. */
static enum probe_outcome check_half_close(const struct probe_site *site,
                                           char *text)
{
    struct probe_stream s;
    char why[PROBE_WHY_MAX] = "";
    int right = 0;

    for (int i = 0; i < HALF_CLOSES; i++) {
        if (half_close(site, i % 2 == 0 ? 100 : 20000, &s))
            right++;
        else if (why[0] == '\0')
            memcpy(why, s.why, sizeof why);
        if (i == 2 && right == 0)
            break; /* each of them may have cost wait_ms */
    }
    snprintf(text, PROBE_TEXT_MAX, "%d of %d: all came back after our FIN%s%s",
             right, HALF_CLOSES, why[0] != '\0' ? "; " : "", why);
    return right == HALF_CLOSES ? PROBE_PASS : PROBE_FAIL;
}

static enum probe_outcome check_small_writes(const struct probe_site *site,
                                             char *text)
{
    struct probe_stream s;
    int64_t start;

    open_stream(&s, site);
    start = ticks_now();
    for (int i = 0; i < SMALL_WRITES && !s.failed; i++)
        probe_send(&s, 1);
    end_well(&s);
    snprintf(text, PROBE_TEXT_MAX, "%d writes of one byte in %.1f ms",
             SMALL_WRITES, ms_since(start));
    return finish(&s, text);
}

/* ---- urgent data ---- */

#define URGENT_AT 126
#define URGENT_BYTES 253

static bool send_urgent(struct probe_stream *s)
{
    return probe_push(s, URGENT_AT, FULL_MS) &&
           (send(s->fd, verify_bytes(s->start + s->sent), 1,
                 MSG_OOB | MSG_NOSIGNAL) == 1 ||
            probe_fail(s, "%s", strerror(errno))) &&
           ++s->sent > 0 &&
           probe_push(s, URGENT_BYTES - URGENT_AT - 1, FULL_MS) &&
           probe_fin(s);
}

static bool compare_urgent(struct probe_stream *s, const char *bytes,
                           size_t len)
{
    uint64_t after = s->start + URGENT_AT + 1;

    if (len == URGENT_BYTES && verify_match(bytes, len, s->start) == len)
        return true;
    if (len == URGENT_BYTES - 1 &&
        verify_match(bytes, URGENT_AT, s->start) == URGENT_AT &&
        verify_match(bytes + URGENT_AT, len - URGENT_AT, after) ==
            len - URGENT_AT)
        return probe_fail(s,
                          "the urgent byte is missing: 252 of 253 bytes "
                          "came back");
    return probe_fail(s, "%zu of 253 bytes came back, not those that were sent",
                      len);
}

static enum probe_outcome check_urgent(const struct probe_site *site,
                                       char *text)
{
    struct probe_stream s;
    char bytes[2 * URGENT_BYTES];
    size_t len;

    if (site->addr.sa.any.sa_family == AF_UNIX) {
        snprintf(text, PROBE_TEXT_MAX, "a unix socket has no urgent data");
        return PROBE_NONE;
    }
    open_stream(&s, site);
    if (!s.failed && send_urgent(&s) &&
        probe_collect(&s, bytes, sizeof bytes, &len) &&
        compare_urgent(&s, bytes, len))
        snprintf(text, PROBE_TEXT_MAX,
                 "253 of 253 bytes came back, the urgent one in its place");
    return finish(&s, text);
}

/* ---- others beside us ---- */

static enum probe_outcome check_neighbour(const struct probe_site *site,
                                          char *text)
{
    struct probe_stream slow, s;
    int64_t start;

    open_stream(&slow, site);
    probe_push(&slow, LATE_BYTES, FULL_MS);
    start = ticks_now();
    open_stream(&s, site);
    if (probe_send(&s, 64) && probe_receive(&s))
        snprintf(text, PROBE_TEXT_MAX,
                 "%.3f ms beside a connection that does not read",
                 ms_since(start));
    end_well(&s);
    probe_close(&slow);
    return finish(&s, text);
}

/* A batch at once, so that it is quick on a slow machine or a long way too;
 * returns how many went well, and copies the first failure to why. */
static int churn_batch(const struct probe_site *site, char why[PROBE_WHY_MAX])
{
    struct probe_stream batch[CHURN_BATCH];
    int right = 0;

    for (int i = 0; i < CHURN_BATCH; i++) {
        open_stream(&batch[i], site);
        probe_send(&batch[i], 1);
    }
    for (int i = 0; i < CHURN_BATCH; i++) {
        end_well(&batch[i]);
        probe_close(&batch[i]);
        if (!batch[i].failed)
            right++;
        else if (right == i)
            memcpy(why, batch[i].why, PROBE_WHY_MAX);
    }
    return right;
}

static enum probe_outcome check_churn(const struct probe_site *site,
                                      char *text)
{
    int64_t start = ticks_now();
    char why[PROBE_WHY_MAX] = "";
    int done = 0, right = 0;

    for (; done < CHURN && right == done; done += CHURN_BATCH)
        right += churn_batch(site, why);
    if (right == done)
        snprintf(text, PROBE_TEXT_MAX, "%d of %d connections, %.0f/s", right,
                 done, done / ms_since(start) * 1000);
    else
        snprintf(text, PROBE_TEXT_MAX, "%d of the first %d connections: %s",
                 right, done, why);
    return right == done ? PROBE_PASS : PROBE_FAIL;
}

/* The last ones may make a server that defends itself refuse us. */
const struct probe_check probe_checks[] = {
    { "connect", check_connect },
    { "byte values", check_values },
    { "odd sizes", check_sizes },
    { "large", check_large },
    { "one-byte writes", check_small_writes },
    { "half-close", check_half_close },
    { "late reader", check_late_reader },
    { "urgent data", check_urgent },
    { "slow neighbour", check_neighbour },
    { "quick connects", check_churn },
    { NULL, NULL },
};
