/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts on IOMMU groups, the way to their members, and predictions. Machines are lines of text:
 * bridges "ADDRESS KIND ABOVE GROUP ACS", members of group 10 "ADDRESS CLASS DRIVER ABOVE PHYSFN";
 * "-": none. ACS: on, off, none, ? (not readable), or its bits.
 */
#include <stdio.h>

#include "model/group.h"
#include "unit.h"

#define GROUP      10
#define THINGS_MAX 64
#define FIELDS     5
#define FIELD_SIZE 24

#define RP1  "0:01.0 root-port - 1 on"
#define GOOD RP1
/* Behind the second root port a switch that does not redirect. */
#define BAD_SWITCH                                                                                 \
        "0:03.0 root-port - 3 on; 3:00.0 upstream 0:03.0 4 none; "                                 \
        "4:00.0 downstream 3:00.0 10 none"
#define DOWN "4:00.0 bridge pcieport 3:00.0 -; "

struct machine {
        struct groups groups;
        struct group_facts group;
        struct group_device devices[THINGS_MAX];
        struct bridge_facts bridges[THINGS_MAX];
};

/* ---- text to facts -----------------------------------------------------------------------------
 */

static void address_of(const char *text, char buf[static BDF_STR_MAX])
{
        unsigned bus, slot, function;

        buf[0] = '\0';
        if (streq(text, "-"))
                return;
        assert_int_equal(sscanf(text, "%x:%x.%x", &bus, &slot, &function), 3);
        snprintf(buf, BDF_STR_MAX, "0000:%02x:%02x.%x", bus & 255, slot & 31, function & 7);
}

static void word_of(const char *text, char *buf, size_t size)
{
        snprintf(buf, size, "%s", streq(text, "-") ? "" : text);
}

/* The next line's fields; false at the end. */
static bool next_line(const char **text, char fields[FIELDS][FIELD_SIZE])
{
        int n = 0;

        if (!**text)
                return false;
        assert_int_equal(sscanf(*text, " %23[^ ;] %23[^ ;] %23[^ ;] %23[^ ;] %23[^ ;]%n", fields[0],
                                 fields[1], fields[2], fields[3], fields[4], &n),
                FIELDS);
        *text += n;
        *text += strspn(*text, "; ");
        return true;
}

static int32_t acs_of(const char *text)
{
        uint32_t bits;

        if (streq(text, "?"))
                return ACS_UNKNOWN;
        if (streq(text, "none"))
                return ACS_NONE;
        if (streq(text, "on"))
                return ACS_ISOLATES;
        if (streq(text, "off"))
                return 0;
        assert_int_equal(parse_u32(text, 0, 255, &bits), 0);
        return (int32_t) bits;
}

static void read_bridges(struct machine *m, const char *text)
{
        char f[FIELDS][FIELD_SIZE];

        while (next_line(&text, f)) {
                struct bridge_facts *b = &m->bridges[m->groups.n_bridges++];

                address_of(f[0], b->address);
                word_of(f[1], b->kind, sizeof(b->kind));
                address_of(f[2], b->parent);
                b->group = streq(f[3], "-") ? -1 : atoi(f[3]);
                b->acs = acs_of(f[4]);
        }
}

static void read_members(struct machine *m, const char *text)
{
        char f[FIELDS][FIELD_SIZE];

        while (next_line(&text, f)) {
                struct group_device *d = &m->devices[m->group.n_devices++];

                address_of(f[0], d->address);
                d->pci_class = streq(f[1], "bridge") ? 0x060400
                               : streq(f[1], "nvme") ? 0x010802
                                                     : 0x020000;
                word_of(f[2], d->driver, sizeof(d->driver));
                address_of(f[3], d->parent);
                address_of(f[4], d->physfn);
        }
}

/* R: interrupts not remapped, U: allow_unsafe_interrupts, N: no-IOMMU mode, 0: no IOMMU, ?: not
 * known, P: passthrough, D: a direct region, n: vfio's group without IOMMU. */
static void machine_make(
        struct machine *m, const char *bridges, const char *members, const char *host)
{
        *m = (struct machine){.group = {.id = GROUP, .type = "DMA-FQ"}};
        m->groups.iommu = (struct iommu_facts){.present = 1, .interrupt_remap = 1};
        if (strchr(host, '?'))
                m->groups.iommu = IOMMU_FACTS_NULL;
        if (strchr(host, '0'))
                m->groups.iommu.present = m->groups.iommu.interrupt_remap = 0;
        if (strchr(host, 'R'))
                m->groups.iommu.interrupt_remap = 0;
        if (strchr(host, 'U'))
                m->groups.iommu.unsafe_interrupts = 1;
        if (strchr(host, 'N'))
                m->groups.iommu.noiommu = 1;
        if (strchr(host, 'P'))
                m->groups.iommu.passthrough = 1;
        if (strchr(host, 'P'))
                snprintf(m->group.type, WORD_MAX, "identity");
        if (strchr(host, 'n'))
                snprintf(m->group.type, WORD_MAX, "noiommu");
        m->group.reserved[m->group.n_reserved++] =
                (struct reserved_region){0xfee00000, 0xfeefffff, "msi"};
        if (strchr(host, 'D'))
                m->group.reserved[m->group.n_reserved++] =
                        (struct reserved_region){0xe8000, 0xe8fff, "direct"};
        if (strchr(host, 'd'))
                m->group.reserved[m->group.n_reserved++] =
                        (struct reserved_region){0xe8000, 0xe8fff, "direct-relaxable"};
        read_bridges(m, bridges);
        read_members(m, members);
        m->group.devices = m->devices;
        m->groups.list = &m->group;
        m->groups.n = m->group.n_devices > 0;
        m->groups.bridges = m->bridges;
}

/* ---- verdicts ----------------------------------------------------------------------------------
 */

static const struct verdict_case {
        const char *name;
        const char *bridges, *members, *host;
        const char *moving; /* "-": nobody */
        const char *verdict;
        uint32_t in_the_way;
        const char *breaks_at; /* "-": nowhere */
        const char *reason;    /* a part of it */
} verdicts[] = {
        /* one device */
        {"a VF alone", GOOD, "1:10.0 net igbvf 0:01.0 1:00.0", "", "-", "isolated", 0, "-",
                "alone"},
        {"a VF alone that moves", GOOD, "1:10.0 net igbvf 0:01.0 1:00.0", "", "1:10.0", "isolated",
                0, "-", "alone"},
        {"a VF alone on vfio", GOOD, "1:10.0 net vfio-pci 0:01.0 1:00.0", "", "-", "isolated", 0,
                "-", "alone"},
        {"a PF alone", GOOD, "1:00.0 net igb 0:01.0 -", "", "-", "isolated", 0, "-", "alone"},
        {"on the root bus", "", "0:05.0 net igb - -", "", "-", "isolated", 0, "-", "alone"},
        {"a bridge is in it", BAD_SWITCH, DOWN "5:00.0 net igb 4:00.0 -", "", "-", "isolated", 0,
                "4:00.0", "breaks at the downstream 0000:04:00.0"},
        {"passthrough is a note", GOOD, "1:10.0 net vfio-pci 0:01.0 1:00.0", "P", "-", "isolated",
                0, "-", "alone"},
        {"relaxable regions do not matter", GOOD, "1:10.0 net vfio-pci 0:01.0 1:00.0", "d", "-",
                "isolated", 0, "-", "alone"},
        {"nothing is known of the host", GOOD, "1:10.0 net - 0:01.0 1:00.0", "?", "-", "isolated",
                0, "-", "alone"},
        /* several, somebody in the way */
        {"VF with its PF", BAD_SWITCH,
                DOWN "5:00.0 net igb 4:00.0 -; 5:10.0 net igbvf 4:00.0 5:00.0", "", "5:10.0",
                "not-viable", 1, "4:00.0", "0000:05:00.0 is on the host driver igb:"},
        {"as it stands both are", BAD_SWITCH,
                DOWN "5:00.0 net igb 4:00.0 -; 5:10.0 net igbvf 4:00.0 5:00.0", "", "-",
                "not-viable", 2, "4:00.0", "igb (and 1 more)"},
        {"another VF is in the way", BAD_SWITCH,
                DOWN "5:00.0 net vfio-pci 4:00.0 -; 5:10.0 net - 4:00.0 5:00.0; "
                     "5:10.2 net igbvf 4:00.0 5:00.0",
                "", "5:10.0", "not-viable", 1, "4:00.0", "0000:05:10.2 is on the host driver"},
        {"a device of another kind", BAD_SWITCH,
                DOWN "5:00.0 nvme nvme 4:00.0 -; 6:00.0 net vfio-pci 4:00.0 -", "", "-",
                "not-viable", 1, "4:00.0", "host driver nvme"},
        {"functions of one slot", GOOD, "1:00.0 net igb 0:01.0 -; 1:00.1 net igb 0:01.0 -", "",
                "1:00.0", "not-viable", 1, "-", "no isolation (ACS) between"},
        {"a bridge on shpchp", BAD_SWITCH,
                "4:00.0 bridge shpchp 3:00.0 -; 5:00.0 net vfio-pci 4:00.0 -; "
                "5:10.0 net vfio-pci 4:00.0 5:00.0",
                "", "-", "not-viable", 1, "4:00.0", "host driver shpchp"},
        {"igb_uio does not own DMA", BAD_SWITCH,
                DOWN "5:00.0 net igb_uio 4:00.0 -; 5:10.0 net vfio-pci 4:00.0 5:00.0", "", "-",
                "not-viable", 1, "4:00.0", "igb_uio"},
        {"pci-pf-stub neither", BAD_SWITCH,
                DOWN "5:00.0 net pci-pf-stub 4:00.0 -; 5:10.0 net vfio-pci 4:00.0 5:00.0", "", "-",
                "not-viable", 1, "4:00.0", "pci-pf-stub"},
        {"in the way counts before interrupts", BAD_SWITCH,
                DOWN "5:00.0 net igb 4:00.0 -; 5:10.0 net - 4:00.0 5:00.0", "RU", "5:10.0",
                "not-viable", 1, "4:00.0", "igb"},
        /* several, and vfio may */
        {"all on vfio", BAD_SWITCH,
                DOWN "5:00.0 net vfio-pci 4:00.0 -; 5:10.0 net vfio-pci 4:00.0 5:00.0", "", "-",
                "shared", 0, "4:00.0", "breaks at the downstream 0000:04:00.0"},
        {"the last one moves", BAD_SWITCH,
                DOWN "5:00.0 net vfio-pci 4:00.0 -; 5:10.0 net igbvf 4:00.0 5:00.0", "", "5:10.0",
                "shared", 0, "4:00.0", "2 devices share"},
        {"no drivers at all", BAD_SWITCH, DOWN "5:00.0 net - 4:00.0 -; 6:00.0 net - 4:00.0 -", "",
                "-", "shared", 0, "4:00.0", "2 devices share"},
        {"pci-stub is out of the way", BAD_SWITCH,
                DOWN "5:00.0 net pci-stub 4:00.0 -; 5:10.0 net vfio-pci 4:00.0 5:00.0", "", "-",
                "shared", 0, "4:00.0", "2 devices"},
        {"variants of vfio", BAD_SWITCH,
                DOWN "5:00.0 net mlx5_vfio_pci 4:00.0 -; 5:10.0 net xe-vfio-pci 4:00.0 5:00.0", "",
                "-", "shared", 0, "4:00.0", "2 devices"},
        {"functions of one slot on vfio", GOOD,
                "1:00.0 net vfio-pci 0:01.0 -; 1:00.1 net vfio-pci 0:01.0 -", "", "-", "shared", 0,
                "-", "no isolation (ACS) between"},
        {"a bridge on no driver", BAD_SWITCH,
                "4:00.0 bridge - 3:00.0 -; 5:00.0 net vfio-pci 4:00.0 -; "
                "5:10.0 net - 4:00.0 5:00.0",
                "", "-", "shared", 0, "4:00.0", "2 devices"},
        {"shared and not known more", BAD_SWITCH,
                DOWN "5:00.0 net vfio-pci 4:00.0 -; 5:10.0 net - 4:00.0 5:00.0", "?", "-", "shared",
                0, "4:00.0", "2 devices"},
        /* interrupts */
        {"no remapping: the kernel refuses", GOOD, "1:10.0 net - 0:01.0 1:00.0", "R", "-",
                "not-viable", 0, "-", "EPERM"},
        {"no remapping, and told to go on", GOOD, "1:10.0 net - 0:01.0 1:00.0", "RU", "-", "unsafe",
                0, "-", "allow_unsafe_interrupts"},
        {"remapping, whatever it was told", GOOD, "1:10.0 net - 0:01.0 1:00.0", "U", "-",
                "isolated", 0, "-", "alone"},
        {"unsafe counts before shared", BAD_SWITCH,
                DOWN "5:00.0 net vfio-pci 4:00.0 -; 5:10.0 net - 4:00.0 5:00.0", "RU", "-",
                "unsafe", 0, "4:00.0", "forge"},
        {"remapping of no IOMMU", GOOD, "1:10.0 net - 0:01.0 1:00.0", "0", "-", "isolated", 0, "-",
                "alone"},
        /* regions */
        {"firmware's own memory", GOOD, "1:10.0 net vfio-pci 0:01.0 1:00.0", "D", "-", "not-viable",
                0, "-", "0xe8000-0xe8fff"},
        {"and in the way counts more", BAD_SWITCH,
                DOWN "5:00.0 net igb 4:00.0 -; 5:10.0 net - 4:00.0 5:00.0", "D", "5:10.0",
                "not-viable", 1, "4:00.0", "igb"},
        /* no IOMMU */
        {"vfio's group", "", "1:10.0 net vfio-pci 0:01.0 1:00.0", "0n", "-", "unsafe", 0, "-",
                "without an IOMMU"},
        {"with a host driver in it", "", "1:10.0 net igbvf 0:01.0 1:00.0", "0n", "-", "unsafe", 0,
                "-", "without an IOMMU"},
        {"no group", GOOD, "", "0", "-", "no-iommu", 0, "-", "no IOMMU group"},
        {"no group, nothing known", "", "", "?", "-", "no-iommu", 0, "-", "no IOMMU group"},
        {"no group, and vfio does without", "", "", "0N", "-", "unsafe", 0, "-",
                "enable_unsafe_noiommu_mode"},
        {"no group in spite of an IOMMU", GOOD, "", "", "-", "no-iommu", 0, "-", "no IOMMU group"},
        /* where it breaks */
        {"a root port without ACS", "0:01.0 root-port - 10 none",
                "0:01.0 bridge pcieport - -; 1:00.0 net igb 0:01.0 -; "
                "1:10.0 net - 0:01.0 1:00.0",
                "", "-", "not-viable", 1, "0:01.0", "breaks at the root-port 0000:00:01.0"},
        {"the topmost of several",
                "0:01.0 root-port - 10 off; 1:00.0 upstream 0:01.0 10 none; "
                "2:00.0 downstream 1:00.0 10 on",
                "3:00.0 net vfio-pci 2:00.0 -; 3:10.0 net - 2:00.0 3:00.0", "", "-", "shared", 0,
                "0:01.0", "root-port"},
        {"a bridge to PCI", "0:01.0 root-port - 1 on; 1:00.0 bridge 0:01.0 10 none",
                "1:00.0 bridge - 0:01.0 -; 2:01.0 net igb 1:00.0 -; 2:02.0 net - 1:00.0 -", "", "-",
                "not-viable", 1, "1:00.0", "bridge 0000:01:00.0"},
        {"not readable, by the groups",
                "0:03.0 root-port - 3 ?; 3:00.0 upstream 0:03.0 4 ?; "
                "4:00.0 downstream 3:00.0 10 ?",
                DOWN "5:00.0 net igb 4:00.0 -; 5:10.0 net - 4:00.0 5:00.0", "", "-", "not-viable",
                1, "4:00.0", "downstream 0000:04:00.0"},
        {"bits say no and the groups yes (a quirk)", "0:01.0 root-port - 1 none",
                "1:10.0 net - 0:01.0 1:00.0", "", "-", "isolated", 0, "-", "alone"},
        {"bridges in a circle", "0:01.0 root-port 0:02.0 10 on; 0:02.0 root-port 0:01.0 10 on",
                "1:00.0 net vfio-pci 0:01.0 -; 1:10.0 net - 0:01.0 1:00.0", "", "-", "shared", 0,
                "0:02.0", "2 devices"},
};

_Static_assert(ELEMENTSOF(verdicts) >= 40, "a table of at least 40");

static void every_verdict(_unused_ void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(verdicts); i++) {
                const struct verdict_case *c = &verdicts[i];
                char moving[BDF_STR_MAX], breaks[BDF_STR_MAX];
                struct group_report report;
                struct machine m;

                machine_make(&m, c->bridges, c->members, c->host);
                address_of(c->moving, moving);
                address_of(c->breaks_at, breaks);
                group_judge(&m.groups, m.groups.n ? &m.group : NULL, moving[0] ? moving : NULL,
                        &report);
                if (!streq(group_verdict_name(report.verdict), c->verdict) ||
                        report.n_in_the_way != c->in_the_way ||
                        !streq(report.breaks_at ? report.breaks_at->address : "", breaks) ||
                        !strstr(report.reason, c->reason))
                        fail_msg("%s: %s, %u in the way, breaks at '%s': %s", c->name,
                                group_verdict_name(report.verdict), report.n_in_the_way,
                                report.breaks_at ? report.breaks_at->address : "", report.reason);
                assert_true((report.in_the_way != NULL) == (report.n_in_the_way > 0));
                /* Whatever is not isolated comes with something to do. */
                assert_true((report.advice[0] != '\0') == (report.verdict != GROUP_ISOLATED));
                assert_true(strlen(report.reason) + 1 < sizeof(report.reason));
                assert_true(strlen(report.advice) + 1 < sizeof(report.advice));
        }
}

/* An override helps where the kernel would say yes, and nowhere else. */
static void overrides(_unused_ void **state)
{
        static const struct {
                enum group_verdict verdict;
                bool plain, shared;
        } rules[] = {
                {GROUP_ISOLATED, true, true},
                {GROUP_SHARED, false, true},
                {GROUP_UNSAFE, false, true},
                {GROUP_NOT_VIABLE, false, false},
                {GROUP_NO_IOMMU, false, false},
        };

        assert_int_equal(ELEMENTSOF(rules), GROUP_VERDICT_MAX);
        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                assert_int_equal(group_allows(rules[i].verdict, false), rules[i].plain);
                assert_int_equal(group_allows(rules[i].verdict, true), rules[i].shared);
        }
}

/* ---- predictions -------------------------------------------------------------------------------
 */

static const struct prediction {
        const char *name;
        const char *bridges, *members, *host;
        const char *pf;      /* its address; "-": in no group */
        const char *verdict; /* NULL: nothing can be said */
        const char *reason;
} predictions[] = {
        {"behind a good port", GOOD, "1:00.0 net igb 0:01.0 -", "", "1:00.0", "isolated", "alone"},
        {"on the root bus", "", "0:05.0 net igb - -", "", "0:05.0", "isolated", "alone"},
        {"a function of several", GOOD, "1:00.0 net igb 0:01.0 -; 1:00.1 net igb 0:01.0 -", "",
                "1:00.1", "isolated", "alone"},
        {"behind the switch", BAD_SWITCH, DOWN "5:00.0 net igb 4:00.0 -", "", "5:00.0",
                "not-viable", "2 devices share the group and 0000:05:00.0 is on"},
        {"behind the switch, on vfio", BAD_SWITCH, DOWN "5:00.0 net vfio-pci 4:00.0 -", "",
                "5:00.0", "shared", "2 devices share"},
        {"behind the switch, a neighbour", BAD_SWITCH,
                DOWN "5:00.0 net vfio-pci 4:00.0 -; 6:00.0 nvme nvme 4:00.0 -", "", "5:00.0",
                "not-viable", "nvme"},
        {"a root port without ACS", "0:01.0 root-port - 10 none",
                "0:01.0 bridge pcieport - -; 1:00.0 net igb 0:01.0 -", "", "1:00.0", "not-viable",
                "root-port"},
        {"not readable, and the groups say yes", "0:01.0 root-port - 1 ?",
                "1:00.0 net igb 0:01.0 -", "", "1:00.0", "isolated", "alone"},
        {"no remapping", GOOD, "1:00.0 net igb 0:01.0 -", "R", "1:00.0", "not-viable", "EPERM"},
        {"no remapping, told to go on", GOOD, "1:00.0 net igb 0:01.0 -", "RU", "1:00.0", "unsafe",
                "forge"},
        {"the PF's own region stays with it", GOOD, "1:00.0 net igb 0:01.0 -", "D", "1:00.0",
                "isolated", "alone"},
        {"unless they share", BAD_SWITCH, DOWN "5:00.0 net vfio-pci 4:00.0 -", "D", "5:00.0",
                "not-viable", "RMRR"},
        {"no IOMMU", "", "", "0", "-", "no-iommu", "no IOMMU group"},
        {"no IOMMU, vfio does without", "", "", "0N", "-", "unsafe", "enable_unsafe_noiommu_mode"},
        {"another group was read", GOOD, "1:00.0 net igb 0:01.0 -", "", "2:00.0", NULL, ""},
        {"nothing was read", "", "", "", "2:00.0", NULL, ""},
};

static void every_prediction(_unused_ void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(predictions); i++) {
                const struct prediction *c = &predictions[i];
                bool none = streq(c->pf, "-"), known;
                char address[BDF_STR_MAX];
                struct group_report report;
                struct pf_facts pf;
                struct dev_id id = {""};
                struct machine m;

                machine_make(&m, c->bridges, c->members, c->host);
                address_of(none ? "1:00.0" : c->pf, address);
                assert_int_equal(dev_id_from_address(address, &id), 0);
                pf_facts_init(&pf, &id);
                pf.iommu_group = none ? -1 : GROUP;
                known = group_predict(&m.groups, &pf, &report);
                if (known != (c->verdict != NULL) ||
                        (known && (!streq(group_verdict_name(report.verdict), c->verdict) ||
                                          !strstr(report.reason, c->reason))))
                        fail_msg("%s: %s: %s", c->name, group_verdict_name(report.verdict),
                                report.reason);
        }
}

/* ---- the way -----------------------------------------------------------------------------------
 */

static const struct way {
        const char *name;
        const char *bridges, *members;
        const char *want; /* "BUS:SLOT.FN isolates,": the last with '*' by its registers */
} ways[] = {
        {"good port", GOOD, "1:10.0 net - 0:01.0 1:00.0", "0000:00:01.0 1"},
        {"not readable", "0:01.0 root-port - 1 ?", "1:10.0 net - 0:01.0 1:00.0", "0000:00:01.0 1"},
        {"a quirk", "0:01.0 root-port - 1 none", "1:10.0 net - 0:01.0 1:00.0", "0000:00:01.0 1"},
        {"root bus", "", "0:05.0 net igb - -", ""},
        {"bad switch", BAD_SWITCH, DOWN "5:00.0 net igb 4:00.0 -",
                "0000:00:03.0 1 0000:03:00.0 1 0000:04:00.0 0"},
        {"nothing to read",
                "0:03.0 root-port - 10 ?; 3:00.0 upstream 0:03.0 10 ?; "
                "4:00.0 downstream 3:00.0 10 ?",
                "5:00.0 net igb 4:00.0 -", "0000:00:03.0 0 0000:03:00.0 1* 0000:04:00.0 -1*"},
        {"below the break the bits count",
                "0:03.0 root-port - 10 none; 3:00.0 upstream 0:03.0 10 none; "
                "4:00.0 downstream 3:00.0 10 on",
                "5:00.0 net igb 4:00.0 -", "0000:00:03.0 0 0000:03:00.0 1* 0000:04:00.0 1*"},
        {"three of the four bits",
                "0:03.0 root-port - 10 none; 3:00.0 upstream 0:03.0 10 none; "
                "4:00.0 downstream 3:00.0 10 13",
                "5:00.0 net igb 4:00.0 -", "0000:00:03.0 0 0000:03:00.0 1* 0000:04:00.0 0*"},
        {"an upstream port of several functions",
                "0:03.0 root-port - 10 none; 3:00.0 upstream 0:03.0 10 none; "
                "3:00.1 upstream 0:03.0 10 none; 4:00.0 downstream 3:00.0 10 on",
                "5:00.0 net igb 4:00.0 -", "0000:00:03.0 0 0000:03:00.0 0* 0000:04:00.0 1*"},
        {"no groups at all: registers",
                "0:01.0 root-port - - on; 1:00.0 upstream 0:01.0 - none; "
                "2:00.0 downstream 1:00.0 - off",
                "3:00.0 net igb 2:00.0 -", "0000:00:01.0 1* 0000:01:00.0 1* 0000:02:00.0 0*"},
        {"two branches, each bridge once",
                "0:03.0 root-port - 10 none; 3:00.0 upstream 0:03.0 10 none; "
                "4:00.0 downstream 3:00.0 10 none; 4:01.0 downstream 3:00.0 10 none",
                "6:00.0 net igb 4:01.0 -; 5:00.0 net igb 4:00.0 -; 5:10.0 net - 4:00.0 5:00.0",
                "0000:00:03.0 0 0000:03:00.0 1* 0000:04:00.0 0* 0000:04:01.0 0*"},
        {"a bridge that nobody knows", "", "1:00.0 net igb 0:09.0 -", ""},
        {"in a circle", "0:01.0 root-port 0:02.0 10 on; 0:02.0 root-port 0:01.0 10 on",
                "1:00.0 net igb 0:01.0 -", "0000:00:01.0 1* 0000:00:02.0 1*"},
};

static void every_way(_unused_ void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                _cleanup_(freep) struct group_hop *hops = NULL;
                char text[512] = "";
                struct machine m;
                size_t n = 0, at = 0;

                machine_make(&m, ways[i].bridges, ways[i].members, "");
                assert_int_equal(group_path(&m.groups, &m.group, &hops, &n), 0);
                for (size_t k = 0; k < n; k++)
                        at += (size_t) snprintf(text + at, sizeof(text) - at, "%s%s %d%s",
                                k ? " " : "", hops[k].bridge->address, hops[k].isolates,
                                hops[k].grouping ? "" : "*");
                if (!streq(text, ways[i].want))
                        fail_msg("%s: '%s'", ways[i].name, text);
        }
}

static void acs_texts(_unused_ void **state)
{
        static const struct {
                int32_t acs;
                const char *text;
        } rows[] = {
                {ACS_ISOLATES, "SV RR CR UF"},
                {ACS_ISOLATES | 0x60, "SV RR CR UF"},
                {ACS_REQUEST_REDIRECT, "RR"},
                {0x60, "off"},
                {0, "off"},
                {ACS_NONE, "none"},
                {ACS_UNKNOWN, "not readable"},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char text[ACS_TEXT_MAX];

                acs_format(rows[i].acs, text);
                assert_string_equal(text, rows[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_verdict),
                cmocka_unit_test(overrides),
                cmocka_unit_test(every_prediction),
                cmocka_unit_test(every_way),
                cmocka_unit_test(acs_texts),
        };

        return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
