/* A thread a client, blocking calls. */
#include <config.h>

#include "ref.h"

#include <pthread.h>
#include <stdint.h>

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buffer[REF_BUFFER];
    ssize_t got;

    while ((got = read(fd, buffer, sizeof buffer)) > 0)
        for (ssize_t sent = 0, n; sent < got; sent += n) {
            n = write(fd, buffer + sent, (size_t)(got - sent));
            if (n <= 0)
                goto end;
        }
end:
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    int listener = ref_listen(argv, 0);
    pthread_attr_t attr;

    (void)argc;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 4 * REF_BUFFER);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;

        if (fd != -1 &&
            pthread_create(&thread, &attr, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
    }
}
