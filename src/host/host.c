/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's backend operations. Worker threads; events on the loop thread. */
#include <stdio.h>

#include "host/access.h"
#include "host/devlink.h"
#include "host/driver.h"
#include "host/errtext.h"
#include "host/holders.h"
#include "host/host.h"
#include "host/iommu.h"
#include "host/locked.h"
#include "host/numvfs.h"
#include "host/observe.h"
#include "host/uevent.h"
#include "host/vfset.h"

struct host_backend {
        int root_fd;
        struct pci_names *names;
        struct locked *locked;
        struct access *access;
        struct uevents *events;
};

int host_backend_new(const char *sysfs_root, struct host_backend **ret)
{
        _cleanup_(host_backend_freep) struct host_backend *host = NULL;
        int r;

        host = calloc(1, sizeof(*host));
        if (!host)
                return -ENOMEM;
        host->root_fd = -1;
        r = sysfs_open_root(sysfs_root ?: "/sys", &host->root_fd);
        if (r == 0)
                r = pci_names_new(&host->names);
        if (r == 0)
                r = locked_new(host->root_fd, &host->locked);
        if (r == 0)
                r = access_new(
                        sysfs_root ? NULL : &devnode_udev_ops, &host->root_fd, &host->access);
        if (r == 0)
                r = uevents_new(host->root_fd, &host->events);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(host);
        return 0;
}

void host_backend_free(struct host_backend *host)
{
        if (!host)
                return;
        uevents_free(host->events);
        if (host->locked)
                locked_free(host->locked);
        access_freep(&host->access);
        pci_names_free(host->names);
        closep(&host->root_fd);
        free(host);
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* A step with its device, opened and checked. */
struct target {
        struct host_backend *host;
        const struct step *step;
        const struct dev_id *id;
        const char *pf; /* addresses */
        char vf[BDF_STR_MAX];
        int pf_fd;
        int vf_fd; /* -1 for steps on the PF */
};

static int set_numvfs(const struct target *t, struct fault *f)
{
        return numvfs_set(t->pf_fd, t->pf, t->step->value, f);
}

static int set_autoprobe(const struct target *t, struct fault *f)
{
        const struct advice_case c = errtext_of_pf(STEP_SET_AUTOPROBE, t->pf_fd);
        uint32_t now;
        int r;

        r = sysfs_write(t->pf_fd, "sriov_drivers_autoprobe", t->step->value ? "1" : "0");
        if (r == 0)
                r = sysfs_read_u32(t->pf_fd, "sriov_drivers_autoprobe", &now);
        if (r < 0)
                return errtext_fault(f, &c, -r, "autoprobe %u of %s", t->step->value, t->pf);
        if (now != t->step->value)
                return fault_set(f, FAULT_NOT_APPLIED, 0, "autoprobe of %s: wrote %u and read %u",
                        t->pf, t->step->value, now);
        return 0;
}

static int set_vf(const struct target *t, struct fault *f)
{
        return vfset_apply(t->pf_fd, t->pf, t->step, f);
}

static int unbind(const struct target *t, struct fault *f)
{
        return driver_unbind(t->vf_fd, t->vf, f);
}

static int bind_driver(const struct target *t, struct fault *f)
{
        return driver_bind(t->host->root_fd, t->vf_fd, t->vf, t->step->name, f);
}

static int probe(const struct target *t, struct fault *f)
{
        return driver_probe(t->host->root_fd, t->pf_fd, t->vf_fd, t->vf, f);
}

static int set_override(const struct target *t, struct fault *f)
{
        return driver_set_override(t->vf_fd, t->vf, t->step->name, f);
}

static int clear_override(const struct target *t, struct fault *f)
{
        return driver_clear_override(t->vf_fd, t->vf, f);
}

static int reset(const struct target *t, struct fault *f)
{
        const struct advice_case c = errtext_of_vf(STEP_RESET, t->vf_fd);
        int r;

        r = sysfs_write(t->vf_fd, "reset", "1");
        if (r < 0)
                return errtext_fault(f, &c, -r, "reset of VF %u (%s)", t->step->vf, t->vf);
        return 0;
}

static int set_msix(const struct target *t, struct fault *f)
{
        const struct advice_case c = errtext_of_vf(STEP_SET_MSIX, t->vf_fd);
        char text[16];
        int r;

        snprintf(text, sizeof(text), "%u", t->step->value);
        r = sysfs_write(t->vf_fd, "sriov_vf_msix_count", text);
        if (r < 0)
                return errtext_fault(f, &c, -r, "%u MSI-X vectors for VF %u (%s)", t->step->value,
                        t->step->vf, t->vf);
        return 0; /* the file is write-only: there is nothing to read back */
}

static int set_eswitch(const struct target *t, struct fault *f)
{
        const struct advice_case c = errtext_of_pf(STEP_SET_ESWITCH, t->pf_fd);

        return devlink_set_eswitch(&c, t->pf, t->step->name, f);
}

static int set_mtu(const struct target *t, struct fault *f)
{
        return vfset_mtu(t->pf_fd, t->pf, t->step->value, f);
}

static int link_up(const struct target *t, struct fault *f)
{
        return vfset_link_up(t->pf_fd, t->pf, f);
}

static int set_access(const struct target *t, struct fault *f)
{
        return access_set(t->host->access, t->vf_fd, t->vf, t->step->value, f);
}

static int (*const step_functions[STEP_MAX])(const struct target *, struct fault *) = {
        [STEP_SET_NUMVFS] = set_numvfs,
        [STEP_SET_AUTOPROBE] = set_autoprobe,
        [STEP_SET_VF] = set_vf,
        [STEP_UNBIND] = unbind,
        [STEP_BIND] = bind_driver,
        [STEP_PROBE] = probe,
        [STEP_SET_OVERRIDE] = set_override,
        [STEP_CLEAR_OVERRIDE] = clear_override,
        [STEP_RESET] = reset,
        [STEP_SET_MSIX] = set_msix,
        [STEP_SET_ESWITCH] = set_eswitch,
        [STEP_SET_MTU] = set_mtu,
        [STEP_LINK_UP] = link_up,
        [STEP_SET_ACCESS] = set_access,
};

/* The VF's directory and address, by the PF's links only. */
static int open_vf(struct target *t, struct fault *f)
{
        _cleanup_(freep) struct vf_link *links = NULL;
        size_t n;
        int r;

        r = sysfs_vf_links(t->pf_fd, &links, &n);
        if (r < 0)
                return errtext_fault(f, NULL, -r, "VFs of %s could not be read", t->pf);
        for (size_t i = 0; i < n; i++) {
                if (links[i].index != t->step->vf)
                        continue;
                memcpy(t->vf, links[i].address, sizeof(t->vf));
                r = sysfs_open_vf(t->pf_fd, t->step->vf, &t->vf_fd);
                if (r < 0)
                        return fault_set(
                                f, FAULT_GONE, ENODEV, "VF %u of %s vanished", t->step->vf, t->pf);
                return 0;
        }
        return fault_set(f, FAULT_NOT_FOUND, 0, "%s of VF %u refused: %s has %zu VFs%s",
                step_kind_name(t->step->kind), t->step->vf, t->pf, n,
                n > 0 ? ", numbered from 0" : "");
}

/* The server has taken the census; this is the one question that is cheap enough to be asked again
 * right before the write. */
static int refuse_open(const struct target *t, struct fault *f)
{
        struct holder open = {.kind = "vfio", .pid = -1};
        int r;

        if (!step_destructive(t->step) || t->step->force)
                return 0;
        r = holders_open(t->pf_fd, t->step->vf, &open.vf);
        if (r < 0)
                return errtext_fault(f, NULL, -r, "VFs of %s could not be read", t->pf);
        return r == 0 ? 0 : step_refuse_held(t->step, t->id, &open, 1, f);
}

static int host_step(
        void *backend, const struct pf_ref *ref, const struct step *step, struct fault *f)
{
        _cleanup_(closep) int pf_fd = -1;
        struct target t = {.host = backend, .step = step, .id = &ref->id, .vf_fd = -1};
        int r;

        r = step_check(step, f);
        if (r < 0)
                return r;
        r = sysfs_open_pf(t.host->root_fd, ref, &pf_fd, f);
        if (r < 0)
                return r;
        t.pf_fd = pf_fd;
        t.pf = dev_id_address(&ref->id);
        if (step->vf != NO_VF)
                r = open_vf(&t, f);
        if (r == 0)
                r = refuse_open(&t, f);
        if (r == 0)
                r = step_functions[step->kind](&t, f);
        closep(&t.vf_fd);
        return r;
}

/* ---- readings -------------------------------------------------------------------------------- */

static int host_list(void *backend, struct dev_id **ret, size_t *ret_n, struct fault *f)
{
        struct host_backend *host = backend;
        int r;

        r = sysfs_list_pfs(host->root_fd, ret, ret_n);
        if (r < 0)
                return errtext_fault(f, NULL, -r, "PCI devices could not be listed");
        return 0;
}

static int host_observe(
        void *backend, const struct dev_id *pf, struct pf_facts *ret, struct fault *f)
{
        struct host_backend *host = backend;

        return observe_pf(host->root_fd, host->names, host->locked, host->access, pf, ret, f);
}

static int host_groups(void *backend, struct groups *ret, struct fault *f)
{
        struct host_backend *host = backend;
        int r;

        r = iommu_groups(host->root_fd, ret);
        if (r < 0)
                return errtext_fault(f, NULL, -r, "IOMMU groups could not be listed");
        return 0;
}

static int host_holders(void *backend, const struct dev_id *pf, uint32_t vf, struct holder **ret,
        size_t *ret_n, struct fault *f)
{
        struct host_backend *host = backend;
        _cleanup_(closep) int fd = -1;
        int r;

        r = sysfs_open_device(host->root_fd, dev_id_address(pf), &fd);
        if (r < 0 || !sysfs_is_pf(fd))
                return fault_set(f, FAULT_GONE, ENODEV, "no PF at %s", dev_id_address(pf));
        r = holders_find(host->root_fd, fd, "/proc", vf, ret, ret_n);
        if (r < 0)
                return errtext_fault(f, NULL, -r, "who uses the VFs of %s could not be found out",
                        dev_id_address(pf));
        return 0;
}

static int host_event_fd(void *backend)
{
        struct host_backend *host = backend;

        return uevents_fd(host->events);
}

static int host_next_event(void *backend, struct dev_id *ret_pf)
{
        struct host_backend *host = backend;

        return uevents_next(host->events, ret_pf);
}

const struct backend_ops host_backend_ops = {
        .name = "host",
        .list = host_list,
        .observe = host_observe,
        .groups = host_groups,
        .step = host_step,
        .holders = host_holders,
        .event_fd = host_event_fd,
        .next_event = host_next_event,
};
