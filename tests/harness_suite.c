/* The program: supervisor, runner, what is left. */
#include <config.h>

#include "harness_parts.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char harness_top[HARNESS_PATH_MAX - 64];

int harness_ms(int ms)
{
    const char *factor = getenv("ECHOD_DEADLINE_FACTOR");
    int times = factor != NULL ? atoi(factor) : 1;
    return ms * (times > 0 ? times : 1);
}

int64_t harness_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void harness_remove(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static pid_t runner;

static void pass_on(int signo)
{
    kill(runner, signo);
}

static pid_t parent_of(const char *pid)
{
    char path[300];
    char text[512] = "";
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return -1;
    }
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    const char *name_end = strrchr(text, ')');
    int parent = -1;
    if (name_end != NULL) {
        sscanf(name_end + 1, " %*c %d", &parent);
    }
    return parent;
}

static void kill_children(void)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        pid_t pid = atoi(entry->d_name);
        if (pid > 1 && parent_of(entry->d_name) == getpid()) {
            kill(pid, SIGKILL);
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
}

/* Reaps until no child is left or the time is over. */
static bool reap_all(int ms)
{
    const struct timespec pause = { 0, 10000000 };
    int64_t until = harness_now() + ms;
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid == -1 && errno == ECHILD) {
            return true;
        }
        if (pid == 0 && harness_now() >= until) {
            return false;
        }
        if (pid == 0) {
            nanosleep(&pause, NULL);
        }
    }
}

static int run_suite(SRunner *srunner)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    srunner_run_all(srunner, CK_ENV);
    int failed = srunner_ntests_failed(srunner);
    srunner_free(srunner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int supervise(void)
{
    int status = 0;
    while (waitpid(runner, &status, 0) == -1 && errno == EINTR) {
    }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
    /* A tracer ends a little after what it traced. */
    if (code == EXIT_SUCCESS && !reap_all(harness_ms(2000))) {
        fprintf(stderr, "a test left a process behind\n");
        code = EXIT_FAILURE;
    }
    while (!reap_all(50)) {
        kill_children();
    }
    return code;
}

int harness_main(Suite *suite)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(harness_top, sizeof harness_top, "%s/echod-test-XXXXXX",
             tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
    if (mkdtemp(harness_top) == NULL || chmod(harness_top, 0755) == -1) {
        perror(harness_top);
        return EXIT_FAILURE;
    }
    /* Orphans become the supervisor's, so that none outlives it. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    SRunner *srunner = srunner_create(suite);
    runner = fork();
    if (runner == 0) {
        exit(run_suite(srunner));
    }
    signal(SIGINT, pass_on);
    signal(SIGTERM, pass_on);
    int code = supervise();
    srunner_free(srunner);
    harness_remove(harness_top);
    return code;
}

Suite *harness_suite(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, harness_ms(60000) / 1000);
    for (; *tests != NULL; tests++) {
        tcase_add_test(tcase, *tests);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

void harness_loop(Suite *suite, const TTest *test, size_t times)
{
    TCase *tcase = tcase_create(test->name);
    tcase_set_timeout(tcase, harness_ms(60000) / 1000);
    tcase_add_loop_test(tcase, test, 0, (int)times);
    suite_add_tcase(suite, tcase);
}
