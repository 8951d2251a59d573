/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host that outlives the daemon. One thread, and the server's workers. */
#include <stdio.h>
#include <sys/stat.h>

#include "../crash/serving.h"
#include "host.h"
#include "sim/kernel.h"
#include "sim/simops.h"

#define TURN_USEC 20000000ull /* longer nothing takes */

const char *const host_pfs[PFS] = {"pci/0000:01:00.0", "pci/0000:02:00.0", "pci/0000:03:00.0",
        "pci/0000:04:00.0", "pci/0000:05:00.0"};
const uint32_t host_counts[PFS] = {10, 8, 4, 6, 2};

static const char topology_text[] =
        "{ \"version\": 1, \"host\": { \"iommu\": true, \"latency\": \"none\", \"memory_mib\": 64 "
        "},"
        "  \"bridges\": [ { \"name\": \"rp1\", \"type\": \"root-port\" },"
        "    { \"name\": \"rp2\", \"type\": \"root-port\" },"
        "    { \"name\": \"rp3\", \"type\": \"root-port\" },"
        "    { \"name\": \"rp4\", \"type\": \"root-port\" },"
        "    { \"name\": \"rp5\", \"type\": \"root-port\" } ],"
        "  \"pfs\": ["
        "    { \"profile\": \"ice\", \"below\": \"rp1\", \"address\": \"0000:01:00.0\","
        "      \"total_vfs\": 10, \"numa_node\": 0 },"
        "    { \"profile\": \"mlx5\", \"below\": \"rp2\", \"address\": \"0000:02:00.0\","
        "      \"total_vfs\": 8, \"numa_node\": 1 },"
        "    { \"profile\": \"nvme\", \"below\": \"rp3\", \"address\": \"0000:03:00.0\","
        "      \"total_vfs\": 4 },"
        "    { \"profile\": \"igb\", \"below\": \"rp4\", \"address\": \"0000:04:00.0\","
        "      \"numa_node\": 0 },"
        "    { \"profile\": \"igb\", \"below\": \"rp5\", \"address\": \"0000:05:00.0\" } ] }";

_Noreturn void die(const char *what, int error)
{
        printf("Bail out! %s%s%s\n", what, error < 0 ? ": " : "",
                error < 0 ? strerror(-error) : "");
        fflush(stdout);
        _exit(70);
}

void host_turn(struct host *h, uint64_t usec)
{
        int r = sd_event_run(h->event, usec);

        if (r < 0)
                die("event loop", r);
        h->tick++;
}

/* ---- the hardware ------------------------------------------------------------------------------
 */

size_t host_index(const struct dev_id *id)
{
        size_t i;

        for (i = 0; i < PFS && !streq(host_pfs[i], id->str); i++)
                ;
        if (i == PFS)
                die("a PF that nobody knows", 0);
        return i;
}

struct sim_pf *host_pf(const struct host *h, size_t pf)
{
        return machine_slot(h->machine, host_pfs[pf]);
}

struct sim_vf *host_vf(const struct host *h, size_t pf, uint32_t vf)
{
        struct sim_pf *p = host_pf(h, pf);

        return p->present && vf < p->num_vfs && p->vfs[vf].exists ? &p->vfs[vf] : NULL;
}

static void bind_vfio(struct host *h, size_t pf, uint32_t index)
{
        struct sim_pf *p = host_pf(h, pf);

        snprintf(p->vfs[index].driver_override, DRIVER_MAX, "vfio-pci");
        if (kernel_unbind(h->machine, p, index, KERNEL_NOWAIT) < 0 ||
                kernel_bind(h->machine, p, index, "vfio-pci") < 0)
                die("a VF can not be bound to vfio-pci", 0);
}

/* VFs as their PF's driver makes them, half of them with an address that an administrator gave. */
static void be_born(struct host *h, size_t pf)
{
        struct sim_pf *p = host_pf(h, pf);

        for (uint32_t i = 0; i < h->n_vfs[pf]; i++) {
                struct truth *t = &h->vfs[pf][i];
                struct vf_attrs a = {.present = BIT(VF_ATTR_MAC),
                        .mac.b = {0x02, 0xbb, 0, 0, (uint8_t) pf, (uint8_t) i}};

                if (kernel_has_netdev(p) && i % 2 == 0 &&
                        kernel_set_vf(h->machine, p, i, VF_SETTING_MAC, &a) < 0)
                        die("a VF takes no MAC", 0);
                if (pf == PF_ON_VFIO && i % 2)
                        bind_vfio(h, pf, i);
                *t = (struct truth){.attrs = p->vfs[i].attrs, .born = h->tick};
                memcpy(t->driver, p->vfs[i].driver, sizeof(t->driver));
                memcpy(t->override, p->vfs[i].driver_override, sizeof(t->override));
        }
}

static void forget(struct host *h, size_t pf)
{
        memset(h->vfs[pf], 0, sizeof(h->vfs[pf]));
        for (uint32_t i = 0; i < PF_VFS; i++)
                h->vfs[pf][i].born = h->tick;
        h->n_vfs[pf] = 0;
}

bool host_set_numvfs(struct host *h, size_t pf, uint32_t count)
{
        if (kernel_set_numvfs(h->machine, host_pf(h, pf), count, -1, KERNEL_NOWAIT) < 0)
                return false;
        forget(h, pf);
        h->n_vfs[pf] = count;
        be_born(h, pf);
        return true;
}

void host_notice(struct host *h)
{
        for (size_t i = 0; i < PFS; i++) {
                const struct sim_pf *pf = host_pf(h, i);

                if (pf->present && pf->generation == h->generations[i])
                        continue;
                if (h->n_vfs[i] > 0)
                        forget(h, i);
                if (pf->present)
                        h->generations[i] = pf->generation;
        }
}

static void new_machine(struct host *h)
{
        _cleanup_(topology_freep) struct topology *t = NULL;
        struct fault f = FAULT_NULL;

        if (topology_parse("lease", topology_text, strlen(topology_text), &t, &f) < 0)
                die(f.text, 0);
        h->without_reset = *t->pfs[PF_WITHOUT_RESET].profile;
        h->without_reset.vf_resets = "";
        t->pfs[PF_WITHOUT_RESET].profile = &h->without_reset;
        if (machine_new(t, &h->machine, &f) < 0)
                die(f.text, 0);
        _cleanup_(machine_unlockp) _unused_ struct machine *locked = machine_lock(h->machine);

        for (size_t i = 0; i < PFS; i++) {
                h->generations[i] = host_pf(h, i)->generation;
                if (!host_set_numvfs(h, i, host_counts[i]))
                        die("VFs can not be made", 0);
        }
}

/* ---- the backend -------------------------------------------------------------------------------
 */

static void serve(struct host *h)
{
        int r;

        (void) unlink(h->address + strlen("unix:"));
        r = backend_server_new(h->event, &sim_backend_ops, h->machine, getuid(), &h->server);
        if (r >= 0)
                r = backend_server_listen(h->server, h->address);
        if (r < 0)
                die("the backend does not serve", r);
}

static void serve_no_more(struct host *h)
{
        while (serving_work(h->server))
                host_turn(h, TURN_USEC);
        backend_server_free(h->server);
        h->server = NULL;
}

void host_restart_backend(struct host *h)
{
        serve_no_more(h);
        serve(h);
}

/* ---- lives -------------------------------------------------------------------------------------
 */

void host_begin_life(struct host *h)
{
        static const char *const nowhere[] = {NULL};
        struct daemon_options options = {
                .backend = h->address,
                .no_bus = true,
                .config_dirs = nowhere,
                .boot_id = h->boot_id,
        };
        struct store *store = NULL;
        int r;

        r = store_new(&testdisk_ops, h->disk, NULL, &store);
        if (r >= 0)
                r = ledger_new_with(store, h->boot_id, NULL, &options.ledger);
        if (r >= 0)
                r = daemon_new(h->event, &options, &h->daemon);
        if (r < 0)
                die("a daemon can not be started", r);
}

void host_end_life(struct host *h)
{
        daemon_free(h->daemon);
        h->daemon = NULL;
        testdisk_killed(h->disk);
}

static void new_boot_id(struct host *h)
{
        snprintf(h->boot_id, sizeof(h->boot_id), "00000000-0000-4000-8000-%012u", ++h->boots);
}

void host_reboot(struct host *h, uint64_t seed)
{
        serve_no_more(h);
        machine_free(h->machine);
        testdisk_power_loss(h->disk, seed);
        new_boot_id(h);
        new_machine(h);
        serve(h);
}

/* ---- making one --------------------------------------------------------------------------------
 */

void host_new(struct host *h)
{
        *h = (struct host){.dir = "/tmp/lease-XXXXXX"};
        if (!mkdtemp(h->dir))
                die(h->dir, -errno);
        snprintf(h->address, sizeof(h->address), "unix:%s/socket", h->dir);
        if (sd_event_new(&h->event) < 0)
                die("no event loop", 0);
        h->disk = testdisk_new();
        new_boot_id(h);
        new_machine(h);
        serve(h);
}

void host_done(struct host *h)
{
        serve_no_more(h);
        machine_free(h->machine);
        testdisk_free(h->disk);
        sd_event_unref(h->event);
        (void) unlink(h->address + strlen("unix:"));
        (void) rmdir(h->dir);
}
