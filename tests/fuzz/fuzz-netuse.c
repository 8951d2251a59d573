/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host/netuse on arbitrary bytes: nothing crashes, and no more is told than there is room for. One
 * thread. */
#include <stdlib.h>
#include <string.h>

#include "host/netuse.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

#define FEW 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        void *msg = malloc(size + 1); /* netlink's buffers are aligned, the fuzzer's need not be */
        int hops[FEW + 1] = {[FEW] = -7};
        int32_t pids[FEW + 1] = {[FEW] = -7};
        struct use_address address = {0};
        struct use_link link = {0};
        uint32_t index;

        CHECK(msg);
        if (size > 0)
                memcpy(msg, data, size);
        if (netuse_link(msg, size, &link) == 0)
                CHECK(memchr(link.name, 0, sizeof(link.name)) &&
                        (link.lower == 0 || link.lower != link.ifindex));
        if (netuse_address(msg, size, &address) == 1)
                CHECK(memchr(address.text, '/', sizeof(address.text)));
        CHECK(netuse_default_route(msg, size, hops, FEW) <= (int) FEW && hops[FEW] == -7);
        CHECK(netuse_rdma_contexts(msg, size, pids, FEW) <= (int) FEW && pids[FEW] == -7);
        (void) netuse_rdma_device(msg, size, "mlx5_2", &index);
        free(msg);
        return 0;
}
