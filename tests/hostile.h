/*
 * hostile: echo servers that are wrong in one way each, as a thread of the
 * test.
 */
#ifndef ECHO_HOSTILE_H
#define ECHO_HOSTILE_H

#include <pthread.h>
#include <stddef.h>

enum hostile_kind {
    HOSTILE_CLOSES,  /* at once */
    HOSTILE_RESETS,  /* when the first bytes come */
    HOSTILE_SILENT,  /* accepts, reads nothing, says nothing */
    HOSTILE_SINK,    /* reads, says nothing, closes after a FIN */
    HOSTILE_WRONG,   /* one bit of byte 10 is wrong */
    HOSTILE_SHORT,   /* the last byte of the first read is missing */
    HOSTILE_LONG,    /* a byte too many after the first read */
    HOSTILE_HALF,    /* closes after half of the first read */
    HOSTILE_LATE,    /* right, but the first answer comes after 600 ms */
    HOSTILE_LINGERS, /* right, but never closes */
    HOSTILE_TARRIES, /* right, but closes 300 ms after a FIN */
    HOSTILE_FLOODS,  /* sends without end */
    HOSTILE_GREETS,  /* says a line first; right after it */
};

#define HOSTILE_LATE_MS 600
#define HOSTILE_TARRY_MS 300
#define HOSTILE_CONNS 64

struct hostile {
    enum hostile_kind kind;
    char port[8]; /* of 127.0.0.1 */
    int listener;
    int stop[2];
    pthread_t thread;
    struct hostile_conn {
        int fd;
        size_t got;
    } conns[HOSTILE_CONNS];
    size_t count;
};

void hostile_start(struct hostile *h, enum hostile_kind kind);
void hostile_stop(struct hostile *h);

#endif
