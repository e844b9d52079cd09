#include <config.h>

#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: echod [-c FILE] [-o SECTION.KEY=VALUE]... [-d] [-e] [-t | -T]\n"
    "       echod -h | -V\n";

static const char details[] =
    "\n"
    "The TCP echo service (RFC 862): sends back every byte it receives.\n"
    "\n"
    "  -c, --config FILE    read FILE (default " ECHOD_INI ")\n"
    "  -o, --set S.K=VALUE  set one key, over the file; may be repeated\n"
    "  -d, --daemon         detach; the parent exits when the child serves\n"
    "  -e, --stderr         log to standard error instead of syslog\n"
    "  -t, --test           check the configuration and exit\n"
    "  -T, --dump           print the effective configuration and exit\n"
    "  -h, --help           print this and exit\n"
    "  -V, --version        print the version and exit\n"
    "\n"
    "See echod(8) and echod.ini(5).\n";

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, 'o' },
    { "daemon", no_argument, NULL, 'd' },
    { "stderr", no_argument, NULL, 'e' },
    { "test", no_argument, NULL, 't' },
    { "dump", no_argument, NULL, 'T' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

static int complain(const char *what, const char *about)
{
    fprintf(stderr, "echod: %s%s\n%s", what, about, usage);
    return -1;
}

/* -h and -V win over the rest, as everywhere; -t and -T exclude each other. */
static int set_mode(struct options *options, enum options_mode mode)
{
    bool asks = mode == OPTIONS_HELP || mode == OPTIONS_VERSION;

    if (options->mode == OPTIONS_SERVE || options->mode == mode)
        options->mode = mode;
    else if (asks && options->mode != OPTIONS_HELP &&
             options->mode != OPTIONS_VERSION)
        options->mode = mode;
    else if (!asks && (options->mode == OPTIONS_TEST ||
                       options->mode == OPTIONS_DUMP))
        return complain("-t and -T exclude each other", "");
    return 0;
}

static int take(struct options *options, int option, const char **assignment)
{
    switch (option) {
    case 'c':
        options->config = optarg;
        return 0;
    case 'o':
        *assignment = optarg;
        return 0;
    case 'd':
        options->detach = true;
        return 0;
    case 'e':
        options->to_stderr = true;
        return 0;
    case 't':
        return set_mode(options, OPTIONS_TEST);
    case 'T':
        return set_mode(options, OPTIONS_DUMP);
    case 'h':
        return set_mode(options, OPTIONS_HELP);
    case 'V':
        return set_mode(options, OPTIONS_VERSION);
    default: /* getopt_long(3) has said what is wrong */
        fputs(usage, stderr);
        return -1;
    }
}

int options_parse(struct options *options, int argc, char **argv)
{
    size_t count = 0;
    int option;

    *options = (struct options){ .config = ECHOD_INI };
    options->assignments =
        calloc((size_t)argc + 1, sizeof *options->assignments);
    if (options->assignments == NULL)
        return complain("out of memory", "");
    while ((option = getopt_long(argc, argv, "c:o:detThV", long_options,
                                 NULL)) != -1) {
        if (take(options, option, &options->assignments[count]) == -1)
            return -1;
        count += option == 'o';
    }
    if (optind < argc)
        return complain("unexpected argument: ", argv[optind]);
    return 0;
}

void options_print_help(void)
{
    printf("%s%s", usage, details);
}

void options_print_version(void)
{
    printf("echod %s\n", PACKAGE_VERSION);
}
