/*
 * cpu PID: the CPU time of a process, of all below it and of those of them that
 * have ended, in microseconds.
 *
 * From the clock of each process, which counts nanoseconds and leaves out what
 * a hypervisor gave to others; the times in /proc/PID/stat are counted in ticks
 * of 10 ms.  For children that have ended there is nothing else.
 */
#include <config.h>

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 4096

static struct process {
    int pid, parent;
    unsigned long ended_ticks;
} processes[PROCESSES_MAX];
static size_t count;

/* Its name is in parentheses and may hold anything. */
static void take(const char *pid)
{
    struct process *p = &processes[count];
    char path[64], line[1024];
    const char *rest;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    file = fopen(path, "r");
    if (file == NULL)
        return;
    p->pid = atoi(pid);
    rest = fgets(line, sizeof line, file) == NULL ? NULL : strrchr(line, ')');
    fclose(file);
    if (rest != NULL) {
        unsigned long user, system;

        if (sscanf(rest,
                   ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
                   "%lu %lu",
                   &p->parent, &user, &system) != 3)
            return;
        p->ended_ticks = user + system;
        count++;
    }
}

static int parent_of(int pid)
{
    for (size_t i = 0; i < count; i++)
        if (processes[i].pid == pid)
            return processes[i].parent;
    return 0;
}

static int is_below(int pid, int root)
{
    while (pid != root && pid > 1)
        pid = parent_of(pid);
    return pid == root;
}

static uint64_t time_of(const struct process *p)
{
    uint64_t ended_us =
        p->ended_ticks * 1000000u / (unsigned long)sysconf(_SC_CLK_TCK);
    struct timespec t = {.tv_sec = 0};
    clockid_t clock;

    if (clock_getcpuclockid(p->pid, &clock) == 0)
        clock_gettime(clock, &t);
    return ended_us + (uint64_t)t.tv_sec * 1000000u +
           (uint64_t)t.tv_nsec / 1000u;
}

int main(int argc, char **argv)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    uint64_t sum = 0;

    if (argc != 2 || proc == NULL)
        return EXIT_FAILURE;
    while ((entry = readdir(proc)) != NULL && count < PROCESSES_MAX)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            take(entry->d_name);
    closedir(proc);
    for (size_t i = 0; i < count; i++)
        if (is_below(processes[i].pid, atoi(argv[1])))
            sum += time_of(&processes[i]);
    printf("%llu\n", (unsigned long long)sum);
    return EXIT_SUCCESS;
}
