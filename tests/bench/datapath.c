/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One case of `sriov-sim bench` (src/sim/bench.c), for whoever tunes the datapath:
 *
 *   datapath [--size=N] [--vfs=N] [--ring=N] [--vlan] [--two-cores] [--cut-through] [--ms=N]
 *            [--samples=N]
 *
 * One line of JSON. Ratios of one run are what counts; figures of two runs do not compare.
 */
#include <getopt.h>
#include <stdio.h>

#include "base/parse.h"
#include "sim/bench.h"

static int parse(int argc, char *argv[], struct bench_case *ret)
{
        static const struct option options[] = {
                {"size", required_argument, NULL, 's'},
                {"vfs", required_argument, NULL, 'v'},
                {"ring", required_argument, NULL, 'r'},
                {"ms", required_argument, NULL, 'm'},
                {"samples", required_argument, NULL, 'n'},
                {"vlan", no_argument, NULL, 'l'},
                {"two-cores", no_argument, NULL, '2'},
                {"cut-through", no_argument, NULL, 'c'},
                {NULL, 0, NULL, 0},
        };
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                uint32_t *number = c == 's'   ? &ret->size
                                   : c == 'v' ? &ret->vfs
                                   : c == 'r' ? &ret->ring
                                   : c == 'm' ? &ret->ms
                                              : &ret->samples;

                if (c == 'l')
                        ret->vlan = true;
                else if (c == '2')
                        ret->single = false;
                else if (c == 'c')
                        ret->cut_through = true;
                else if (c == '?' || parse_u32(optarg, 1, 100000, number) < 0)
                        return -EINVAL;
        }
        return optind == argc ? 0 : -EINVAL;
}

int main(int argc, char *argv[])
{
        struct bench_case c = {
                .size = 64, .vfs = 2, .ring = 256, .single = true, .ms = 100, .samples = 5};
        struct bench_result r;
        int e;

        e = parse(argc, argv, &c);
        if (e == 0)
                e = bench_run(&c, &r);
        if (e < 0) {
                fprintf(stderr, "datapath: %s\n", strerror(-e));
                return EXIT_FAILURE;
        }
        printf("{\"size\": %u, \"vfs\": %u, \"ring\": %u, \"vlan\": %s, \"cores\": %d, "
               "\"cut_through\": %s, \"mpps\": %.2f, \"gbps\": %.1f, \"bound_mpps\": %.2f, "
               "\"ratio\": %.3f}\n",
                c.size, c.vfs, c.ring, c.vlan ? "true" : "false", c.single ? 1 : 2,
                c.cut_through ? "true" : "false", r.mpps, r.gbps, r.bound_mpps,
                r.mpps / r.bound_mpps);
        return EXIT_SUCCESS;
}
