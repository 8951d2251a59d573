/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 4096 bytes of PCI Express configuration space of a PF, a VF or a bridge, as hardware has them
 * (PCIe Base Specification, SR-IOV chapter; names as in linux/pci_regs.h). `lspci -F` on the dump
 * is the judge: tests/cli/test-lspci.py. Plain values, any thread.
 */
#pragma once

#include <stdio.h>

#include "base/parse.h"
#include "sim/host/groups.h"

#define CFG_SIZE 4096u

/* Where the capabilities stand in all functions of ours that have them (igb's places). */
enum {
        CFG_PM = 0x40,
        CFG_MSIX = 0x70,
        CFG_PCIE = 0xa0,
        CFG_AER = 0x100,
        CFG_SERIAL = 0x140,
        CFG_ARI = 0x150,
        CFG_SRIOV = 0x160,
        CFG_ACS = 0x1b0,
};

/* Fields of the SR-IOV capability, from its beginning. */
enum {
        SRIOV_CAP = 0x04,
        SRIOV_CTRL = 0x08,
        SRIOV_INITIAL_VF = 0x0c,
        SRIOV_TOTAL_VF = 0x0e,
        SRIOV_NUM_VF = 0x10,
        SRIOV_FUNC_LINK = 0x12,
        SRIOV_OFFSET = 0x14,
        SRIOV_STRIDE = 0x16,
        SRIOV_VF_DID = 0x1a,
        SRIOV_SUP_PGSIZE = 0x1c,
        SRIOV_SYS_PGSIZE = 0x20,
        SRIOV_BAR = 0x24,
};

#define SRIOV_CTRL_VFE 0x01u
#define SRIOV_CTRL_MSE 0x08u
#define SRIOV_CTRL_ARI 0x10u

struct cfgspace {
        uint8_t bytes[CFG_SIZE];
        uint8_t writable[CFG_SIZE]; /* bits that a write reaches */
        uint32_t vf_bar_size;       /* of a PF; 0: no SR-IOV capability */
        bool flr;                   /* the function can be reset alone */
};

struct cfg_function {
        uint32_t pci_class; /* 24 bits */
        uint16_t vendor_id, device_id;
        uint16_t subsystem_vendor_id, subsystem_id; /* vendor 0: vendor_id and device_id */
        uint8_t function, next_function; /* of a PF under ARI: its own and the next one, 0: none */
        uint16_t msix;                   /* table size, at least 1 */
        uint32_t bar_size;               /* a power of two, at least 4096 */
        uint64_t bar;                    /* where BAR 0 is; BAR 3 (MSI-X, 16 KiB) follows it */
        uint64_t serial;                 /* 0: none */
        bool multifunction;
        bool enabled; /* a driver has it: memory space and bus master */
};

struct cfg_sriov {
        uint16_t total_vfs, offset, stride, vf_device_id;
        uint64_t vf_bar; /* where the VFs' BAR 0 begin; their BAR 3 follow */
};

struct cfg_bridge {
        enum pci_node_type type;
        bool acs;
        uint8_t primary, secondary, subordinate;
        uint8_t port;
};

void cfgspace_pf(struct cfgspace *c, const struct cfg_function *fn, const struct cfg_sriov *sriov);

/* Vendor and device read FFFFh, BARs 0: the PF's capability has them. fn's ids are the PF's. */
void cfgspace_vf(struct cfgspace *c, const struct cfg_function *fn);
void cfgspace_bridge(struct cfgspace *c, const struct cfg_bridge *bridge);

/*
 * Where VF index (from 0) of the PF is: its routing ID is the PF's + offset + index * stride, which
 * may be on a later bus (SR-IOV 2.1.2). False, and nothing written, beyond bus 255.
 */
bool cfgspace_vf_address(
        const struct bdf *pf, uint16_t offset, uint16_t stride, uint32_t index, struct bdf *ret);

/* Little endian, 1, 2 or 4 bytes, naturally aligned. */
uint32_t cfgspace_read(const struct cfgspace *c, unsigned offset, unsigned size);

/* What a write began; bits. */
enum {
        CFG_VFS_ENABLED = 1,
        CFG_VFS_DISABLED = 2,
        CFG_FLR = 4, /* Initiate Function Level Reset: the bit itself always reads 0 */
};

/*
 * A configuration write as the bus would do it; returns the CFG_ events it made. Read-only bits
 * stay. NumVFs takes a value only while VF Enable is 0 and up to TotalVFs; System Page Size only
 * while VF Enable is 0 and one of the supported sizes: VF BARs are never smaller than such a page.
 */
unsigned cfgspace_write(struct cfgspace *c, unsigned offset, unsigned size, uint32_t value);

/* In the form of `lspci -xxxx`, which `lspci -F` reads: a title and 256 lines. */
void cfgspace_print(
        FILE *file, const struct bdf *address, const char *title, const struct cfgspace *c);
