/*
 * idle PORT COUNT [ADDRESS]: that many connections which say nothing, from
 * addresses of 127/8 since one has too few ports.  Prints "ready" once all are accepted,
 * and ends with its standard input.
 */
#include <config.h>

#include "ref.h"

#define PORTS_A_SOURCE 10000

static void hold(const struct sockaddr_in *to, unsigned i)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    char byte = 'x';

    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + i / PORTS_A_SOURCE);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) == -1 ||
        connect(fd, (const struct sockaddr *)to, sizeof *to) == -1)
        ref_die("connect");
    if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
        ref_die("echo");
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = ref_address(argv);
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    char byte;

    if (argc > 3)
        to.sin_addr.s_addr = inet_addr(argv[3]);
    ref_begin();
    for (unsigned i = 0; i < count; i++)
        hold(&to, i);
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return EXIT_SUCCESS;
}
