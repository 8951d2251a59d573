/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/vfmsg on arbitrary bytes: nothing crashes, what it calls trusted is sorted and in range, and
 * every setting that it read encodes and reads back the same. One thread.
 */
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "host/vfmsg.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_again(const struct vf_reading *vf, enum vf_setting setting)
{
        const struct ifinfomsg header = {.ifi_type = ARPHRD_ETHER};
        const struct nlattr count = {.nla_len = 8, .nla_type = IFLA_NUM_VF};
        const uint32_t num_vfs = vf->vf + 1;
        uint8_t msg[sizeof(header) + sizeof(count) + sizeof(num_vfs) + VFMSG_ENCODED_MAX];
        uint8_t *at = msg;
        struct vf_readings again;
        size_t n;

        memcpy(at, &header, sizeof(header));
        at += sizeof(header);
        memcpy(at, &count, sizeof(count));
        at += sizeof(count);
        memcpy(at, &num_vfs, sizeof(num_vfs));
        at += sizeof(num_vfs);
        if (vfmsg_encode(vf->vf, setting, &vf->attrs, at, &n) < 0)
                return;
        CHECK(vfmsg_decode_vfs(msg, (size_t) (at - msg) + n, &again) == 0);
        /* A count as large as that would not fit, and is not believed. */
        if (vfmsg_fits(num_vfs, (uint32_t) n, 0)) {
                CHECK(again.trusted && again.n == 1 && again.list[0].vf == vf->vf);
                CHECK(again.list[0].attrs.present == vf_setting_attrs(setting));
                CHECK(vf_attrs_differ(&again.list[0].attrs, &vf->attrs) == 0);
        }
        vf_readings_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct vf_readings readings;
        struct link_reading link;

        if (vfmsg_decode_link(data, size, &link) == 0) {
                CHECK(memchr(link.name, '\0', sizeof(link.name)));
                CHECK(memchr(link.port_name, '\0', sizeof(link.port_name)));
                CHECK(link.address_len <= sizeof(link.address) && link.mtu >= -1);
        }
        if (vfmsg_decode_vfs(data, size, &readings) < 0)
                return 0;
        CHECK(readings.trusted || readings.n == 0);
        CHECK(readings.n <= readings.num_vfs);
        for (size_t i = 0; i < readings.n; i++) {
                const struct vf_reading *vf = &readings.list[i];

                CHECK(vf->vf < readings.num_vfs);
                CHECK(i == 0 || readings.list[i - 1].vf < vf->vf);
                CHECK(vf_readings_find(&readings, vf->vf) == vf);
                CHECK(vf->attrs.reset == 0);
                for (unsigned s = 0; s < VF_SETTING_MAX; s++)
                        encode_again(vf, s);
        }
        vf_readings_done(&readings);
        return 0;
}
