/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated kernel's side of the datapath. Any thread, machine locked. */
#include <stdio.h>

#include "base/log.h"
#include "sim/kernel.h"
#include "sim/wiring.h"

/* NO_VF is the PF. */
static uint32_t pool_of(uint32_t vf)
{
        return vf == NO_VF ? POOL_PF : pool_of_vf(vf);
}

static void complain(struct machine *m, const struct sim_pf *pf, const struct fault *f)
{
        log_warning("%s: %s", pf->id.str, f->text);
        if (m->trouble.code == FAULT_NONE)
                m->trouble = *f;
}

static uint16_t rid_of(const struct bdf *address)
{
        return (uint16_t) (address->bus << 8 | address->devfn);
}

/* ---- the PF's driver ---------------------------------------------------------------------------
 */

static const struct topo_guest *declared(const struct sim_pf *pf, uint32_t vf, bool vm)
{
        for (size_t i = 0; i < pf->n_guests; i++)
                if (pf->guests[i].vf == vf && pf->guests[i].config.vm == vm)
                        return &pf->guests[i];
        return NULL;
}

/* The host's own driver on a function, with a real netdev when the topology says tap. */
static void host_config(
        const struct sim_pf *pf, const char *netdev, struct traffic_guest_config *ret)
{
        *ret = (struct traffic_guest_config){.mtu = pf->mtu, .scatter = true};
        snprintf(ret->name, sizeof(ret->name), "%s", netdev[0] ? netdev : "host");
        if (!pf->traffic.tap || netdev[0] == '\0')
                return;
        ret->declared_port = true;
        ret->port.kind = PORT_TAP;
        snprintf(ret->port.ifname, sizeof(ret->port.ifname), "%s", netdev);
}

static int open_function(struct machine *m, struct sim_pf *pf, uint32_t vf,
        const struct traffic_guest_config *config, const struct topo_guest *guest, struct fault *f)
{
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);
        struct traffic_guest *g;
        int r;

        r = traffic_open_guest(pf->nic, pool_of(vf), config, &g, f);
        if (r < 0 || !guest)
                return r;
        _cleanup_(nic_releasep) _unused_ struct nic *nic = nic_hold(traffic_nic(pf->nic));

        for (size_t i = 0; i < guest->n_vlans; i++) {
                r = vfdrv_set_vlan(traffic_guest_driver(g), (uint16_t) guest->vlans[i], true);
                if (r < 0)
                        log_warning("%s: guest %s asked for VLAN %u, and the PF refused: %s",
                                pf->id.str, config->name, guest->vlans[i], strerror(-r));
        }
        return 0;
}

void wiring_attach(struct machine *m, struct sim_pf *pf)
{
        struct traffic_guest_config config;
        struct fault f = FAULT_NULL;
        int r;

        if (!pf->profile->netdev || pf->nic)
                return;
        {
                _cleanup_(traffic_releasep) _unused_ struct traffic *held =
                        traffic_hold(m->traffic);

                r = traffic_add_nic(held, &pf->traffic, pf->profile, rid_of(&pf->address),
                        pf->hw_total_vfs, &pf->mac, &pf->nic, &f);
                if (r == 0)
                        traffic_set_link(pf->nic, kernel_link_up(pf));
        }
        if (r == 0 && pf->traffic.tap) {
                host_config(pf, pf->netdev, &config);
                r = open_function(m, pf, NO_VF, &config, NULL, &f);
        }
        if (r < 0)
                complain(m, pf, &f);
}

void wiring_detach(struct machine *m, struct sim_pf *pf)
{
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        if (pf->nic)
                traffic_remove_nic(pf->nic);
        pf->nic = NULL;
}

int wiring_set_count(struct machine *m, struct sim_pf *pf, uint32_t count)
{
        if (!pf->nic)
                return 0;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);
        _cleanup_(nic_releasep) _unused_ struct nic *nic = NULL;

        for (uint32_t i = count; i < pf->hw_total_vfs; i++)
                traffic_close_guest(pf->nic, pool_of(i));
        nic = nic_hold(traffic_nic(pf->nic));
        return pfdrv_set_numvfs(traffic_pfdrv(pf->nic), count, traffic_now(held));
}

/* ---- functions ---------------------------------------------------------------------------------
 */

void wiring_probed(struct machine *m, struct sim_pf *pf, uint32_t vf)
{
        const struct topo_guest *guest = declared(pf, vf, false);
        struct traffic_guest_config config;
        struct fault f = FAULT_NULL;
        int r;

        if (!pf->nic || (!guest && !pf->traffic.tap))
                return;
        if (guest)
                config = guest->config;
        else
                host_config(pf, pf->vfs[vf].netdev, &config);
        config.mtu = pf->mtu;
        r = open_function(m, pf, vf, &config, guest, &f);
        if (r < 0)
                complain(m, pf, &f);
}

void wiring_left(struct machine *m, struct sim_pf *pf, uint32_t vf)
{
        if (!pf->nic)
                return;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        traffic_close_guest(pf->nic, pool_of(vf));
}

void wiring_opened(struct machine *m, struct sim_pf *pf, uint32_t vf, const char *name)
{
        const struct topo_guest *guest = declared(pf, vf, true);
        struct traffic_guest_config config = {.vm = true, .scatter = true};
        struct fault f = FAULT_NULL;

        if (!pf->nic)
                return;
        if (guest && streq(guest->config.name, name))
                config = guest->config;
        else
                guest = NULL;
        snprintf(config.name, sizeof(config.name), "%s", name);
        config.mtu = pf->mtu;
        if (open_function(m, pf, vf, &config, guest, &f) < 0)
                complain(m, pf, &f);
}

int wiring_open_netdev(struct machine *m, struct sim_pf *pf, uint32_t vf, struct fault *f)
{
        const char *driver = vf == NO_VF ? pf->driver : pf->vfs[vf].driver;
        const char *own = vf == NO_VF ? pf->profile->driver : pf->profile->vf_driver;
        struct traffic_guest_config config;

        if (!pf->nic)
                return fault_set(f, FAULT_NOT_SUPPORTED, EOPNOTSUPP, "PF %s has no datapath: %s",
                        dev_id_address(&pf->id),
                        pf->profile->netdev ? "its driver is not bound" : "it is no network card");
        if (traffic_guest(pf->nic, pool_of(vf)))
                return 0;
        if (!streq(driver, own))
                return fault_set(f, FAULT_NO_DRIVER, ENODEV,
                        "nobody has this function open (driver: %s): a guest has to hold it, or it "
                        "has to be on %s",
                        driver[0] ? driver : "none", own);
        host_config(pf, vf == NO_VF ? pf->netdev : pf->vfs[vf].netdev, &config);
        return open_function(m, pf, vf, &config, NULL, f);
}

/* ---- settings ----------------------------------------------------------------------------------
 */

int wiring_set_vf(struct machine *m, struct sim_pf *pf, uint32_t vf, enum vf_setting setting,
        const struct vf_attrs *attrs)
{
        if (!pf->nic)
                return 0;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);
        int r;

        {
                _cleanup_(nic_releasep) _unused_ struct nic *nic = nic_hold(traffic_nic(pf->nic));

                r = pfdrv_set_vf(traffic_pfdrv(pf->nic), vf, setting, attrs, traffic_now(held));
        }
        traffic_serve_mailboxes(pf->nic);
        return r;
}

void wiring_reset(struct machine *m, struct sim_pf *pf, uint32_t vf)
{
        if (!pf->nic)
                return;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        {
                _cleanup_(nic_releasep) _unused_ struct nic *nic = nic_hold(traffic_nic(pf->nic));

                nic_reset_function(nic, pool_of(vf));
                pfdrv_vf_was_reset(traffic_pfdrv(pf->nic), vf, traffic_now(held));
        }
        traffic_was_reset(pf->nic, pool_of(vf));
}

void wiring_set_deaf(struct machine *m, struct sim_pf *pf, bool deaf)
{
        if (!pf->nic)
                return;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);
        _cleanup_(nic_releasep) _unused_ struct nic *nic = nic_hold(traffic_nic(pf->nic));

        pfdrv_set_deaf(traffic_pfdrv(pf->nic), deaf);
}

int wiring_wild_dma(struct machine *m, struct sim_pf *pf, uint32_t vf, uint32_t count)
{
        if (!pf->nic)
                return -ENOTCONN;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        return traffic_wild_dma(pf->nic, pool_of(vf), count);
}

void wiring_set_mtu(struct machine *m, struct sim_pf *pf)
{
        if (!pf->nic)
                return;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);
        _cleanup_(nic_releasep) _unused_ struct nic *nic = nic_hold(traffic_nic(pf->nic));

        pfdrv_set_mtu(traffic_pfdrv(pf->nic), pf->mtu);
}

void wiring_set_link(struct machine *m, struct sim_pf *pf)
{
        if (!pf->nic)
                return;
        _cleanup_(traffic_releasep) _unused_ struct traffic *held = traffic_hold(m->traffic);

        traffic_set_link(pf->nic, kernel_link_up(pf));
        traffic_serve_mailboxes(pf->nic);
}

bool wiring_vf_stats(struct machine *m, struct sim_pf *pf, uint32_t vf, struct pool_stats *ret)
{
        (void) m;
        if (!pf->nic || !pf->profile->stats)
                return false;
        nic_pool_stats(traffic_nic(pf->nic), pool_of(vf), ret);
        return true;
}
