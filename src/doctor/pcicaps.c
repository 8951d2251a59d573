/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking the capability lists (PCI Express Base Specification, chapters 7 and 9). Pure. */
#include "doctor/pcicaps.h"

#define HEADER_SIZE   64u
#define STANDARD_SIZE 256u

#define STATUS_CAPABILITIES 0x10
#define HEADER_TYPE_BRIDGE  1
#define CAP_ID_EXPRESS      0x10
#define EXT_CAP_ID_SERIAL   0x0003
#define EXT_CAP_ID_ARI      0x000e
#define EXT_CAP_ID_SRIOV    0x0010
#define DEVICE2_ARI         (1u << 5) /* in Device Capabilities 2 and Device Control 2 */
#define SRIOV_CONTROL_ARI   (1u << 4)
#define SRIOV_SIZE          0x40u
#define EXPRESS_SIZE        0x2cu /* up to and with Device Control 2 */
#define STANDARD_LIST_LENGTH                                                                       \
        48u /* no list is longer: each takes 4 bytes of the space behind 64                        \
             */
#define EXTENDED_LIST_LENGTH ((CONFIG_SPACE_MAX - STANDARD_SIZE) / 4)

static uint16_t get16(const uint8_t *at)
{
        return (uint16_t) (at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
        return get16(at) | (uint32_t) get16(at + 2) << 16;
}

static void parse_express(const uint8_t *at, size_t left, struct pci_caps *caps)
{
        caps->express = true;
        if (left < EXPRESS_SIZE || (get16(at + 2) & 0xf) < 2) /* version 1 has no second set */
                return;
        caps->ari_forwarding_supported = get32(at + 0x24) & DEVICE2_ARI;
        caps->ari_forwarding = get16(at + 0x28) & DEVICE2_ARI;
}

static void parse_standard(const uint8_t *bytes, size_t n, struct pci_caps *caps)
{
        size_t at;

        if (!(bytes[6] & STATUS_CAPABILITIES))
                return;
        at = bytes[0x34] & ~3u;
        for (unsigned i = 0; i < STANDARD_LIST_LENGTH && at >= HEADER_SIZE && at + 2 <= n; i++) {
                if (bytes[at] == CAP_ID_EXPRESS)
                        parse_express(bytes + at, n - at, caps);
                at = bytes[at + 1] & ~3u;
        }
}

static void parse_sriov(const uint8_t *at, size_t left, struct pci_caps *caps)
{
        if (left < SRIOV_SIZE)
                return;
        caps->sriov = true;
        caps->ari_hierarchy = get16(at + 0x08) & SRIOV_CONTROL_ARI;
        caps->initial_vfs = get16(at + 0x0c);
        caps->total_vfs = get16(at + 0x0e);
        caps->num_vfs = get16(at + 0x10);
        caps->offset = get16(at + 0x14);
        caps->stride = get16(at + 0x16);
        caps->vf_device_id = get16(at + 0x1a);
        caps->page_size = get32(at + 0x20);
        for (unsigned i = 0; i < VF_BARS; i++)
                caps->vf_bars[i] = get32(at + 0x24 + i * 4);
}

static void parse_extended(const uint8_t *bytes, size_t n, struct pci_caps *caps)
{
        size_t at = STANDARD_SIZE;

        for (unsigned i = 0; i < EXTENDED_LIST_LENGTH && at >= STANDARD_SIZE && at + 4 <= n; i++) {
                uint32_t head = get32(bytes + at);

                if (head == 0 || head == UINT32_MAX)
                        return;
                if ((head & 0xffff) == EXT_CAP_ID_SERIAL && at + 12 <= n)
                        caps->serial_at = (uint16_t) (at + 4);
                if ((head & 0xffff) == EXT_CAP_ID_ARI)
                        caps->ari = true;
                if ((head & 0xffff) == EXT_CAP_ID_SRIOV)
                        parse_sriov(bytes + at, n - at, caps);
                at = head >> 20 & ~3u;
        }
}

void pci_caps_parse(const uint8_t *bytes, size_t n, struct pci_caps *ret)
{
        struct pci_caps caps = {.seen = CAPS_NOTHING};

        if (n >= HEADER_SIZE && get16(bytes) != 0xffff) { /* all ones: nobody answers */
                caps.seen = CAPS_HEADER;
                caps.bridge = (bytes[0x0e] & 0x7f) == HEADER_TYPE_BRIDGE;
                if (caps.bridge) {
                        caps.secondary = bytes[0x19];
                        caps.subordinate = bytes[0x1a];
                }
                if (n >= STANDARD_SIZE) {
                        parse_standard(bytes, n < STANDARD_SIZE ? n : STANDARD_SIZE, &caps);
                        caps.seen = n > STANDARD_SIZE || !caps.express ? CAPS_ALL : CAPS_STANDARD;
                }
                if (n > STANDARD_SIZE)
                        parse_extended(bytes, n, &caps);
        }
        *ret = caps;
}
