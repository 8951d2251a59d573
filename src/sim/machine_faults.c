/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults that wait for their time, and the log of what was done. Any thread, machine locked. */
#include <stdarg.h>
#include <stdio.h>

#include "sim/wiring.h"

int machine_inject(
        struct machine *m, struct sim_pf *pf, const struct sim_fault *fault, uint32_t *ret_id)
{
        struct machine_fault *added;
        int r;

        if (fault->kind == SIM_FAULT_DMA) { /* done, and over */
                *ret_id = ++m->next_fault;
                return wiring_wild_dma(m, pf, fault->vf, fault->count ?: 1);
        }
        r = array_grow(&m->faults, &m->faults_capacity, m->n_faults, sizeof(*m->faults));
        if (r < 0)
                return r;
        added = &m->faults[m->n_faults++];
        *added = (struct machine_fault){.pf = pf, .fault = *fault};
        added->fault.id = *ret_id = ++m->next_fault;
        if (fault->kind == SIM_FAULT_MAILBOX)
                wiring_set_deaf(m, pf, true);
        return 0;
}

static bool is_deaf(const struct machine *m, const struct sim_pf *pf)
{
        for (size_t i = 0; i < m->n_faults; i++)
                if (m->faults[i].pf == pf && m->faults[i].fault.kind == SIM_FAULT_MAILBOX)
                        return true;
        return false;
}

int machine_release(struct machine *m, uint32_t id)
{
        size_t kept = 0, before = m->n_faults;

        for (size_t i = 0; i < m->n_faults; i++)
                if (id != 0 && m->faults[i].fault.id != id)
                        m->faults[kept++] = m->faults[i];
        m->n_faults = kept;
        for (size_t i = 0; i < m->n_pfs; i++)
                wiring_set_deaf(m, &m->pfs[i], is_deaf(m, &m->pfs[i]));
        machine_changed(m);
        return id != 0 && kept == before ? -ENOENT : 0;
}

bool machine_fault_exists(const struct machine *m, uint32_t id)
{
        for (size_t i = 0; i < m->n_faults; i++)
                if (m->faults[i].fault.id == id)
                        return true;
        return false;
}

struct machine_strike machine_strike(struct machine *m, const struct sim_pf *pf, uint32_t op,
        uint32_t vf, const struct vf_attrs *attrs)
{
        struct machine_strike s = {.count = -1};

        for (size_t i = 0; i < m->n_faults; i++) {
                struct sim_fault *fault = &m->faults[i].fault;

                if (m->faults[i].pf != pf || fault->kind == SIM_FAULT_OMIT ||
                        !sim_fault_strikes(fault, op, vf, attrs))
                        continue;
                switch (fault->kind) {
                case SIM_FAULT_DELAY:
                        s.delay_ms += fault->ms;
                        break;
                case SIM_FAULT_ERRNO:
                        s.error = fault->error;
                        break;
                case SIM_FAULT_PARTIAL:
                        s.count = fault->count;
                        break;
                case SIM_FAULT_HANG:
                        s.hang = fault->id;
                        break;
                case SIM_FAULT_IGNORE:
                        s.ignore = true;
                        break;
                case SIM_FAULT_VANISH:
                        s.vanish = true;
                        break;
                case SIM_FAULT_MAILBOX:
                case SIM_FAULT_DMA:
                case SIM_FAULT_OMIT:
                case SIM_FAULT_KIND_MAX:
                        break;
                }
        }
        return s;
}

bool machine_omits(struct machine *m, const struct sim_pf *pf, uint32_t vf)
{
        bool omits = false;

        for (size_t i = 0; i < m->n_faults; i++)
                if (m->faults[i].pf == pf && m->faults[i].fault.kind == SIM_FAULT_OMIT)
                        omits |= sim_fault_strikes(&m->faults[i].fault, SIM_OP_OBSERVE, vf, NULL);
        return omits;
}

void machine_log(struct machine *m, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(m->log[m->n_log++ % MACHINE_LOG_LINES], MACHINE_LOG_MAX, fmt, ap);
        va_end(ap);
}
