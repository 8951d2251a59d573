/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other managers of our PFs. Loop thread. */
#include <fcntl.h>

#include "base/log.h"
#include "daemon/rivals_look.h"

static void tell(const struct rivals *rivals)
{
        char text[RIVAL_TEXT_MAX];

        for (size_t i = 0; i < rivals->n; i++) {
                if (rivals->list[i].kind != RIVAL_MANAGES)
                        continue;
                rival_describe(&rivals->list[i], text, sizeof(text));
                log_warning("%s seems to manage these VFs too", text);
        }
}

int rivals_look(const char *root_path, const struct state *state, struct rivals *ret)
{
        _cleanup_(closep) int root = open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(freep) const struct pf_facts **pfs = calloc(state->n_pfs + 1, sizeof(*pfs));
        int r;

        if (root < 0 || !pfs)
                return root < 0 ? -errno : -ENOMEM;
        for (size_t i = 0; i < state->n_pfs; i++)
                pfs[i] = &state->pfs[i]->facts;
        r = rivals_find(root, pfs, state->n_pfs, ret);
        if (r == 0)
                tell(ret);
        return r;
}
