#include <config.h>

#include "json.h"

#include <inttypes.h>
#include <math.h>

void json_start(struct json *json, FILE *file)
{
    *json = (struct json){ .file = file };
}

static void write_string(FILE *file, const char *text)
{
    putc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else if ((unsigned char)*text < ' ' || *text == 0x7f)
            fprintf(file, "\\u%04x", (unsigned)*text);
        else
            putc(*text, file);
    }
    putc('"', file);
}

/* What stands before a value: comma, new line, name. */
static void lead(struct json *json, const char *name)
{
    if (json->depth > 0)
        fprintf(json->file, "%s\n%*s", json->any[json->depth] ? "," : "",
                json->depth * 2, "");
    json->any[json->depth] = true;
    if (name != NULL) {
        write_string(json->file, name);
        fputs(": ", json->file);
    }
}

void json_begin(struct json *json, const char *name, char bracket)
{
    lead(json, name);
    putc(bracket, json->file);
    json->any[++json->depth] = false;
}

void json_end(struct json *json, char bracket)
{
    if (json->any[json->depth--])
        fprintf(json->file, "\n%*s", json->depth * 2, "");
    putc(bracket == '{' ? '}' : ']', json->file);
    if (json->depth == 0)
        putc('\n', json->file);
}

void json_text(struct json *json, const char *name, const char *value)
{
    lead(json, name);
    write_string(json->file, value);
}

void json_integer(struct json *json, const char *name, int64_t value)
{
    lead(json, name);
    fprintf(json->file, "%" PRId64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
    lead(json, name);
    fputs(value ? "true" : "false", json->file);
}

void json_number(struct json *json, const char *name, double value)
{
    lead(json, name);
    if (isfinite(value))
        fprintf(json->file, "%.6f", value);
    else
        fputs("null", json->file);
}
