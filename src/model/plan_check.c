/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every planner refuses: a busy PF, a VF in use. Pure, any thread. */
#include <stdio.h>

#include "model/plan_steps.h"

int plan_refuse_busy(const struct pf_facts *pf, struct fault *f)
{
        return fault_set(f, FAULT_BUSY, 0,
                "%s refused: its %s has not returned for %llu s; wait until it does (a VF "
                "held open is the usual cause)",
                dev_id_address(&pf->id), pf->busy_step,
                (unsigned long long) (pf->busy_usec / 1000000));
}

static int refuse(const struct plan_world *w, const char *what, const char *who,
        const struct holder *first, bool forcible, struct fault *f)
{
        return fault_set(f, FAULT_IN_USE, 0, "%s on %s refused: %s; %s%s", what,
                dev_id_address(&w->facts->id), who, holder_remedy(first),
                !forcible                  ? ""
                : holder_waited_for(first) ? "; --force goes ahead all the same and the kernel "
                                             "then waits for the holder"
                                           : "; --force goes ahead all the same and breaks that");
}

int plan_refuse_held(
        const struct plan_world *w, uint32_t vf, const char *what, bool forcible, struct fault *f)
{
        const struct holder *first = NULL;
        char who[FAULT_TEXT_MAX / 2];

        if (holders_of(w->holders, w->n_holders, vf, vf == NO_VF && !w->way_back, who, sizeof(who),
                    &first) > 0)
                return refuse(w, what, who, first, forcible, f);
        for (uint32_t i = 0; i < w->facts->n_vfs; i++) {
                const struct vf_facts *v = &w->facts->vfs[i];
                const struct holder open = {.vf = v->index, .kind = "vfio", .pid = -1};

                if ((vf != NO_VF && v->index != vf) || !vf_facts_held(v))
                        continue;
                snprintf(who, sizeof(who), "VF %u has its %s device open", v->index, v->driver);
                return refuse(w, what, who, &open, forcible, f);
        }
        return 0;
}
