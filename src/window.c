#include <config.h>

#include "verify.h"
#include "window.h"

#include <stdlib.h>

/* checked <= sent <= len */
struct block {
    char *bytes;
    size_t len, sent, checked;
};

/*
 * Blocks [first, last) are in use, numbered without end; their places are
 * the numbers modulo WINDOW_BLOCKS.  All before `sending` is sent.
 */
struct window {
    struct block blocks[WINDOW_BLOCKS];
    uint64_t first, sending, last;
    uint64_t in, back;
};

static struct block *block_of(struct window *w, uint64_t number)
{
    return &w->blocks[number % WINDOW_BLOCKS];
}

static const struct block *peek(const struct window *w, uint64_t number)
{
    return &w->blocks[number % WINDOW_BLOCKS];
}

struct window *window_new(void)
{
    return calloc(1, sizeof(struct window));
}

void window_free(struct window *w)
{
    if (w == NULL)
        return;
    for (; w->first < w->last; w->first++)
        free(block_of(w, w->first)->bytes);
    free(w);
}

static int add_block(struct window *w)
{
    struct block *b = block_of(w, w->last);

    *b = (struct block){ .bytes = malloc(WINDOW_BLOCK) };
    if (b->bytes == NULL)
        return -1;
    w->last++;
    return 0;
}

static bool last_is_full(const struct window *w)
{
    return w->first == w->last || peek(w, w->last - 1)->len == WINDOW_BLOCK;
}

char *window_room(struct window *w, size_t *room)
{
    struct block *b;

    *room = 0;
    if (last_is_full(w)) {
        if (w->last - w->first == WINDOW_BLOCKS)
            return NULL;
        *room = 1;
        if (add_block(w) == -1)
            return NULL;
    }
    b = block_of(w, w->last - 1);
    *room = WINDOW_BLOCK - b->len;
    return b->bytes + b->len;
}

void window_added(struct window *w, size_t len)
{
    block_of(w, w->last - 1)->len += len;
    w->in += len;
}

const char *window_unsent(const struct window *w, size_t *len)
{
    const struct block *b = peek(w, w->sending);

    *len = 0;
    if (w->sending == w->last)
        return NULL;
    *len = b->len - b->sent;
    return b->bytes + b->sent;
}

void window_sent(struct window *w, size_t len)
{
    struct block *b = block_of(w, w->sending);

    b->sent += len;
    if (b->sent == WINDOW_BLOCK)
        w->sending++;
}

static void drop_checked(struct window *w)
{
    struct block *b = block_of(w, w->first);

    if (b->checked < WINDOW_BLOCK)
        return;
    free(b->bytes);
    b->bytes = NULL;
    w->first++;
}

size_t window_check(struct window *w, const char *got, size_t len)
{
    size_t done = 0;

    while (done < len && w->first < w->last) {
        struct block *b = block_of(w, w->first);
        size_t there = b->sent - b->checked;
        size_t run = len - done < there ? len - done : there;
        size_t same = verify_same(got + done, b->bytes + b->checked, run);

        done += same;
        b->checked += same;
        w->back += same;
        if (same < run || run == 0)
            break;
        drop_checked(w);
    }
    return done;
}

bool window_expects(const struct window *w, unsigned char *byte)
{
    const struct block *b = peek(w, w->first);

    if (w->first == w->last || b->checked == b->sent)
        return false;
    *byte = (unsigned char)b->bytes[b->checked];
    return true;
}

uint64_t window_in(const struct window *w)
{
    return w->in;
}

uint64_t window_back(const struct window *w)
{
    return w->back;
}
