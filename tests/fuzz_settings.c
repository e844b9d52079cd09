/*
 * Any bytes at all as the INI file: no crash, a line for every mistake that is
 * counted, and what is accepted is dumped as a file that means the same.
 *
 * For libFuzzer, 'make fuzz'; 'make check' runs the same on tests/corpus.
 */
#include <config.h>

#include "settings.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A text that a FILE was written to. */
struct text {
    FILE *file;
    char *bytes;
    size_t len;
};

static void require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void text_open(struct text *text)
{
    text->file = open_memstream(&text->bytes, &text->len);
    require(text->file != NULL, "out of memory");
}

/* A regular file of these bytes, as a descriptor and a path. */
static int file_of(const void *bytes, size_t size, char path[32])
{
    int fd = memfd_create("settings", MFD_CLOEXEC);

    require(fd != -1 && write(fd, bytes, size) == (ssize_t)size, "memfd");
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* The settings in the bytes, or NULL where there are mistakes in them. */
static struct settings *load(const void *bytes, size_t size)
{
    struct settings *settings = settings_new();
    struct text errors;
    char path[32];
    int fd = file_of(bytes, size, path);
    int mistakes;
    int lines = 0;

    text_open(&errors);
    mistakes = settings_load(settings, path, NULL, errors.file);
    fclose(errors.file);
    for (const char *at = errors.bytes; *at != '\0'; lines++) {
        require(strncmp(at, path, strlen(path)) == 0, "a line without a file");
        at = strchr(at, '\n');
        require(at != NULL, "a line without an end");
        at++;
    }
    require(lines == mistakes, "not a line for each mistake");
    free(errors.bytes);
    close(fd);
    if (mistakes == 0)
        return settings;
    settings_free(settings);
    return NULL;
}

static void dump(const struct settings *settings, struct text *text)
{
    text_open(text);
    require(settings_dump(settings, text->file) == 0, "no dump");
    fclose(text->file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct settings *first = load(bytes, size);
    struct settings *second;
    struct text once, twice;

    if (first == NULL)
        return 0;
    dump(first, &once);
    second = load(once.bytes, once.len);
    require(second != NULL, "the dump is not accepted");
    dump(second, &twice);
    require(strcmp(once.bytes, twice.bytes) == 0, "the dump changes");
    require(settings_diff(first, second, stderr) == 0, "the dump differs");
    settings_free(first);
    settings_free(second);
    free(once.bytes);
    free(twice.bytes);
    return 0;
}
