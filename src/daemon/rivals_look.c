/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other managers of our PFs. Loop thread. */
#include <fcntl.h>

#include "base/log.h"
#include "config/planjson.h"
#include "config/rivals.h"
#include "daemon/rivals_look.h"

static int tell(const struct rivals *rivals, char ***ret)
{
        char text[512];
        int r = 0;

        for (size_t i = 0; r == 0 && i < rivals->n; i++) {
                rival_describe(&rivals->list[i], text, sizeof(text));
                r = texts_add(ret, text);
                if (rivals->list[i].kind == RIVAL_MANAGES)
                        log_warning("%s seems to manage these VFs too", text);
        }
        return r;
}

int rivals_look(const char *root_path, const struct state *state, char ***ret)
{
        _cleanup_(closep) int root = open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(freep) const struct pf_facts **pfs = calloc(state->n_pfs + 1, sizeof(*pfs));
        struct rivals rivals = {0};
        char **texts = NULL;
        int r;

        if (root < 0 || !pfs)
                return root < 0 ? -errno : -ENOMEM;
        for (size_t i = 0; i < state->n_pfs; i++)
                pfs[i] = &state->pfs[i]->facts;
        r = rivals_find(root, pfs, state->n_pfs, &rivals);
        if (r == 0)
                r = tell(&rivals, &texts);
        rivals_done(&rivals);
        if (r < 0) {
                texts_free(texts);
                return r;
        }
        *ret = texts;
        return 0;
}
