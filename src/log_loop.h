/*
 * log_loop: lends the log's descriptors to the loop while lines wait.
 */
#ifndef ECHO_LOG_LOOP_H
#define ECHO_LOG_LOOP_H

struct loop;

/* From now on lines that wait go out as soon as they can.  Takes the loop's
 * loop_each_turn(). */
void log_loop_attach(struct loop *loop);

#endif
