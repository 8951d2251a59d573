/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for libFuzzer: feeds every file of $FUZZ_CORPUS/NAME to the fuzz program fuzz-NAME it
 * is linked to, and prints TAP. One thread.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *directory, const char *name)
{
        static uint8_t data[1 << 20];
        char path[4096];
        uint8_t *copy;
        FILE *file;
        size_t n;

        if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int) sizeof(path))
                return -1;
        file = fopen(path, "re");
        if (!file)
                return -1;
        n = fread(data, 1, sizeof(data), file);
        fclose(file);

        /* A block of exactly this size, so that reading one byte too far is seen. */
        copy = malloc(n ? n : 1);
        if (!copy)
                return -1;
        memcpy(copy, data, n);
        LLVMFuzzerTestOneInput(copy, n);
        free(copy);
        return 0;
}

static int only_files(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

int main(int argc, char *argv[])
{
        const char *corpus = getenv("FUZZ_CORPUS"),
                   *name = argc > 0 ? strstr(argv[0], "fuzz-") : NULL;
        struct dirent **entries;
        char directory[2048];
        int n, bad = 0;

        /* The last one: a directory of the path may have the same in its name. */
        while (name && strstr(name + 1, "fuzz-"))
                name = strstr(name + 1, "fuzz-");
        if (!corpus || !name) {
                printf("Bail out! FUZZ_CORPUS is not set\n");
                return EXIT_FAILURE;
        }
        snprintf(directory, sizeof(directory), "%s/%s", corpus, name + strlen("fuzz-"));
        n = scandir(directory, &entries, only_files, alphasort);
        if (n <= 0) {
                printf("Bail out! no corpus in %s\n", directory);
                return EXIT_FAILURE;
        }
        printf("1..%d\n", n);
        for (int i = 0; i < n; i++) {
                int r = replay(directory, entries[i]->d_name);

                bad += r < 0;
                printf("%sok %d - %s\n", r < 0 ? "not " : "", i + 1, entries[i]->d_name);
                fflush(stdout);
                free(entries[i]);
        }
        free(entries);
        return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
