/*
 * json: writes one JSON value (RFC 8259), indented, straight to a stream.
 *
 * The caller nests by json_begin() and json_end(); name is NULL inside of an
 * array and for the outermost value.  Write errors are the stream's, see
 * ferror(3).
 */
#ifndef ECHO_JSON_H
#define ECHO_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The deepest nesting. */
#define JSON_DEPTH 16

/* The caller's; json_start() makes it ready. */
struct json {
    FILE *file;
    int depth;
    bool any[JSON_DEPTH]; /* something was written at this depth */
};

void json_start(struct json *json, FILE *file);

/* bracket is '{' or '['; json_end() takes the same one. */
void json_begin(struct json *json, const char *name, char bracket);
void json_end(struct json *json, char bracket);

/* Bytes that are not ASCII go out as they are: UTF-8 stays UTF-8. */
void json_text(struct json *json, const char *name, const char *value);
void json_integer(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);

/* Six decimals; null for what is not finite. */
void json_number(struct json *json, const char *name, double value);

#endif
