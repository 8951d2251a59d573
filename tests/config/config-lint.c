/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges configurations, many in one run, for test-bad-configs.py and test-config-schema.py. One
 * thread.
 *
 * Standard input: for each configuration "FILES\n" and for each of its files "NAME BYTES\n" and
 * that many bytes. Standard output: a line for each, "ok HASH MICROSECONDS" or
 * "CODE MICROSECONDS TEXT"; a configuration that leaves something behind when refused ends it.
 * Microseconds are of CPU time.
 */
#include <inttypes.h>
#include <stdio.h>

#include "config/config.h"

static void die(const char *what)
{
        fprintf(stderr, "config-lint: %s\n", what);
        exit(2);
}

static bool read_files(struct config_files *files)
{
        unsigned n;

        if (scanf("%u\n", &n) != 1)
                return false;
        while (n-- > 0) {
                _cleanup_(freep) char *text = NULL;
                char name[CONFIG_NAME_MAX + 1];
                size_t size;

                if (scanf("%128s %zu", name, &size) != 2 || getchar() != '\n')
                        die("expected NAME BYTES");
                text = malloc(size + 1);
                if (!text || fread(text, 1, size, stdin) != size)
                        die("the text ends too early");
                if (config_files_add(files, name, "", text, size) < 0)
                        die("config_files_add");
        }
        return true;
}

/* Of this process: a busy machine makes it no longer. */
static uint64_t cpu_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static void judge(const struct config_files *files)
{
        static const struct declared nothing;
        struct declared d = {0};
        struct fault f = FAULT_NULL;
        uint64_t began = cpu_usec();
        int r;

        r = config_load(files, &d, &f);
        if (r == 0)
                printf("ok %016" PRIx64 " %" PRIu64 "\n", config_hash(files), cpu_usec() - began);
        else if (memcmp(&d, &nothing, sizeof(d)) != 0)
                die("refused, and something is left of it");
        else
                printf("%s %" PRIu64 " %s\n", fault_code_name(f.code), cpu_usec() - began, f.text);
        declared_done(&d);
}

int main(void)
{
        for (;;) {
                _cleanup_(config_files_done) struct config_files files = {0};

                if (!read_files(&files))
                        break;
                judge(&files);
        }
        return ferror(stdin) ? 2 : 0;
}
