/*
 * units: the numbers of a configuration file, as text and back.
 *
 * Every parser takes the whole text (no blanks around it, nothing after it),
 * stores the value and returns 0; it returns -1 with errno EINVAL where the
 * text is not such a number and ERANGE where it does not fit 63 bits, and
 * then leaves *value alone.  Signs are refused: nothing here is negative.
 *
 * Every formatter writes the shortest text that its parser reads back as the
 * same value, always terminated; UNITS_TEXT_MAX bytes hold any of them.
 */
#ifndef ECHO_UNITS_H
#define ECHO_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT_MAX 24

/* A plain decimal number: "4096". */
int units_parse_count(const char *text, int64_t *value);
void units_format_count(char text[UNITS_TEXT_MAX], int64_t value);

/* Bytes, or K or M (1024, 1024 * 1024; either case): "64K" is 65536. */
int units_parse_size(const char *text, int64_t *bytes);
void units_format_size(char text[UNITS_TEXT_MAX], int64_t bytes);

/* A time with ms, s, m or h; a bare number is seconds.  In milliseconds. */
int units_parse_time(const char *text, int64_t *ms);
void units_format_time(char text[UNITS_TEXT_MAX], int64_t ms);

/* yes/no, true/false, on/off, 1/0, in either case.  Never ERANGE. */
int units_parse_bool(const char *text, bool *value);
const char *units_format_bool(bool value);

#endif
