/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a PCI function's configuration space says about SR-IOV and ARI. Pure, any thread.
 *
 * The kernel shows an ordinary user the first 64 bytes and root all of them: `seen` says how far
 * the answer can be trusted.
 */
#pragma once

#include "base/util.h"

#define CONFIG_SPACE_MAX 4096
#define VF_BARS          6

enum caps_seen {
        CAPS_NOTHING,
        CAPS_HEADER,   /* the first 64 bytes */
        CAPS_STANDARD, /* 256: the PCI Express capability */
        CAPS_ALL,      /* extended capabilities too, or there are none: no PCI Express */
};

struct pci_caps {
        enum caps_seen seen;
        bool bridge;
        uint8_t secondary, subordinate; /* bus numbers behind a bridge */
        bool express;
        bool ari_forwarding_supported, ari_forwarding; /* of a port */
        bool ari;                                      /* of a function */
        bool sriov;
        bool ari_hierarchy; /* VFs are numbered as ARI allows */
        uint16_t initial_vfs, total_vfs, num_vfs, offset, stride, vf_device_id;
        uint32_t page_size; /* a bit for each: 1 is 4 KiB */
        uint32_t vf_bars[VF_BARS];
        uint16_t serial_at; /* where the device's serial number is (8 bytes); 0 none */
};

/* Whatever the bytes are: what does not fit is not there. */
void pci_caps_parse(const uint8_t *bytes, size_t n, struct pci_caps *ret);
