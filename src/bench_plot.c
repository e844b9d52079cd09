#include <config.h>

#include "bench_report.h"
#include "cli.h"
#include "histogram.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Starts gnuplot with these standard streams; -1 with errno. */
static pid_t start_gnuplot(char *const argv[], int in, int out)
{
    posix_spawn_file_actions_t files;
    pid_t pid = -1;
    int error;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    error = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    errno = error;
    return error == 0 ? pid : -1;
}

static bool succeeded(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) == -1)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool can_plot(void)
{
    char *argv[] = { (char[]){ "gnuplot" }, (char[]){ "--version" }, NULL };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid = start_gnuplot(argv, null, null);

    close(null);
    if (pid != -1 && succeeded(pid))
        return true;
    cli_say("--plot needs gnuplot, and there is none that runs");
    return false;
}

FILE *bench_report_plot_open(const char *path)
{
    int fd;
    FILE *file;

    if (!can_plot())
        return NULL;
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    file = fd == -1 ? NULL : fdopen(fd, "w");
    if (file == NULL)
        cli_say("%s: %s", path, strerror(errno));
    return file;
}

/* In single quotes, where gnuplot knows nothing but the quote itself: a path
 * may have what would be a command in double ones. */
static void write_title(const struct bench_report *r, FILE *file)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);

    if (memory == NULL)
        return;
    bench_report_load(r, memory);
    fclose(memory);
    fputs("set title '", file);
    for (const char *p = text; *p != '\0'; p++)
        fputs(*p == '\'' ? "''" : (char[]){ *p, '\0' }, file);
    fputs("' noenhanced\n", file);
    free(text);
}

/* Latency by 1 / (1 - p) on a logarithmic axis: 1, 10, 100 is 0, 90, 99 %. */
static void write_script(const struct bench_report *r, FILE *file)
{
    const struct histogram *h = r->figures->latency;
    double count = (double)histogram_count(h);

    write_title(r, file);
    fprintf(file,
            "set terminal svg size 800,480 dynamic background '#ffffff'\n"
            "set logscale xy\n"
            "set grid xtics ytics mytics\n"
            "set rmargin 6\n" /* half of the last percentile */
            "set xlabel 'percentile'\n"
            "set ylabel 'latency in ms'\n"
            "set xtics ('0' 1, '50' 2, '90' 10, '99' 100, '99.9' 1000, "
            "'99.99' 10000, '99.999' 100000, '99.9999' 1000000)\n"
            "plot '-' using 1:2 with steps linewidth 2 notitle\n");
    for (double rest = 1; rest <= count; rest *= 1.1)
        fprintf(file, "%f %f\n", rest,
                (double)histogram_percentile(h, 100 - 100 / rest) / 1e6);
    fprintf(file, "%f %f\ne\n", count, (double)histogram_max(h) / 1e6);
}

/* What gnuplot could not write it does not tell: it writes to a file of ours,
 * and the picture is copied from there. */
static bool draw(const struct bench_report *r, FILE *script, FILE *picture)
{
    char *argv[] = { (char[]){ "gnuplot" }, NULL };
    pid_t pid;

    write_script(r, script);
    if (fflush(script) != 0 || lseek(fileno(script), 0, SEEK_SET) == -1)
        return false;
    pid = start_gnuplot(argv, fileno(script), fileno(picture));
    return pid != -1 && succeeded(pid);
}

/* In place of what the file had; a device has no length to cut. */
static bool copy(FILE *picture, FILE *file)
{
    char bytes[BUFSIZ];
    size_t n, all = 0;

    if (ftruncate(fileno(file), 0) == -1 && errno != EINVAL)
        return false;
    rewind(picture);
    while ((n = fread(bytes, 1, sizeof bytes, picture)) > 0) {
        if (fwrite(bytes, 1, n, file) < n)
            return false;
        all += n;
    }
    return all > 0 && !ferror(picture) && fflush(file) == 0;
}

static void close_file(FILE *file)
{
    if (file != NULL)
        fclose(file);
}

bool bench_report_plot(const struct bench_report *r, const char *path,
                       FILE *file)
{
    FILE *script = tmpfile(), *picture = tmpfile();
    bool drawn = script != NULL && picture != NULL &&
                 histogram_count(r->figures->latency) > 0 &&
                 draw(r, script, picture);
    bool kept;

    errno = 0;
    kept = drawn && copy(picture, file);
    if (!drawn)
        cli_say("%s: the picture could not be drawn", path);
    else if (!kept)
        cli_say("%s: %s", path,
                errno != 0 ? strerror(errno) : "gnuplot drew nothing");
    close_file(script);
    close_file(picture);
    return kept;
}
