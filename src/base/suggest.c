/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Optimal string alignment distance, and who is nearest. Pure, any thread. */
#include <limits.h>

#include "base/suggest.h"

#define WORD_SIZE 64

static unsigned least(unsigned a, unsigned b)
{
        return a < b ? a : b;
}

unsigned edit_distance(const char *a, const char *b)
{
        unsigned d[WORD_SIZE][WORD_SIZE];
        size_t n = strlen(a), m = strlen(b);

        if (n >= WORD_SIZE || m >= WORD_SIZE)
                return UINT_MAX;
        for (size_t i = 0; i <= n; i++)
                for (size_t j = 0; j <= m; j++) {
                        if (i == 0 || j == 0) {
                                d[i][j] = (unsigned) (i + j);
                                continue;
                        }
                        d[i][j] = least(d[i - 1][j], d[i][j - 1]) + 1;
                        d[i][j] = least(d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
                }
        return d[n][m];
}

const char *suggest(const char *typed, const char *const *words)
{
        unsigned best = (unsigned) strlen(typed) / 3 + 1;
        const char *found = NULL;

        for (; *words; words++) {
                unsigned d = edit_distance(typed, *words);

                /* As many edits as the word has letters is another word. */
                if (d < strlen(*words) && (found ? d < best : d <= best)) {
                        best = d;
                        found = *words;
                }
        }
        return found;
}
