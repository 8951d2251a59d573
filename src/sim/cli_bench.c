/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sriov-sim bench: throughput beside its bound, and the I/O models. The program's first thread. */
#include <stdio.h>

#include "config/json.h"
#include "sim/bench.h"
#include "sim/cli_private.h"
#include "sim/models.h"

#define MODEL_FRAMES 400000u
#define HOT          256u /* descriptors of a ring */
#define COLD         4096u

static void put_bar(double part)
{
        unsigned n = part <= 0 ? 0 : part >= 1 ? 20 : (unsigned) (part * 20 + 0.5);

        for (unsigned i = 0; i < n; i++)
                fputs("\xe2\x96\x88", stdout); /* full block */
}

/* ---- throughput --------------------------------------------------------------------------------
 */

static void print_result(const struct bench_case *b, const struct bench_result *r, bool first)
{
        if (first)
                printf("%5s %5s %-5s %-5s %5s %9s %9s %8s  %s\n", "SIZE", "VFS", "RINGS", "VLAN",
                        "CORES", "MFRAMES/S", "GBIT/S", "BOUND", "OF THE BOUND");
        printf("%5u %5u %-5s %-5s %5d %9.2f %9.2f %8.2f  %3.0f %% ", b->size, b->vfs,
                b->ring > HOT ? "cold" : "hot", b->vlan ? "port" : "no", b->single ? 1 : 2, r->mpps,
                r->gbps, r->bound_mpps, r->mpps / r->bound_mpps * 100);
        put_bar(r->mpps / r->bound_mpps);
        putchar('\n');
        fflush(stdout);
}

static void print_json(const struct bench_case *b, const struct bench_result *r, bool first)
{
        printf("%s\n  {\"size\": %u, \"vfs\": %u, \"rings\": \"%s\", \"cores\": %d, "
               "\"iommu\": true, \"antispoof\": true, \"vlan_filter\": true, "
               "\"port_vlan\": %s, \"copies\": 2, \"mpps\": %.3f, \"min_mpps\": %.3f, "
               "\"max_mpps\": %.3f, \"gbps\": %.3f, \"bound_mpps\": %.3f, \"ratio\": %.4f}",
                first ? "" : ",", b->size, b->vfs, b->ring > HOT ? "cold" : "hot",
                b->single ? 1 : 2, b->vlan ? "true" : "false", r->mpps, r->min_mpps, r->max_mpps,
                r->gbps, r->bound_mpps, r->mpps / r->bound_mpps);
        fflush(stdout);
}

static int bench_all(struct cli *c)
{
        static const uint32_t sizes[] = {64, 256, 1518}, counts[] = {2, 8, 64, 256};
        static const struct {
                uint32_t ring;
                bool vlan, single;
        } ways[] = {
                {HOT, false, true}, {HOT, true, true}, {COLD, false, true}, {COLD, true, true},
                {HOT, false, false}, /* the NIC and the guests each with a core */
        };
        const size_t n_ways = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? ELEMENTSOF(ways) : 4;
        bool json = c->options->json, first = true;

        if (json)
                printf("{\"results\": [");
        for (size_t i = 0; i < ELEMENTSOF(sizes) * ELEMENTSOF(counts) * n_ways; i++) {
                const struct bench_case b = {
                        .size = sizes[i / (ELEMENTSOF(counts) * n_ways)],
                        .vfs = counts[i / n_ways % ELEMENTSOF(counts)],
                        .ring = ways[i % n_ways].ring,
                        .vlan = ways[i % n_ways].vlan,
                        .single = ways[i % n_ways].single,
                        .ms = 60,
                        .samples = 5,
                };
                struct bench_result result;
                int r = bench_run(&b, &result);

                if (r < 0)
                        return cli_failed(c, strerror(-r));
                (json ? print_json : print_result)(&b, &result, first);
                first = false;
        }
        if (json)
                printf("\n]}\n");
        else
                puts("\nFrames from VF to VF: IOMMU, MAC and VLAN anti-spoof and VLAN filter on, "
                     "two copies; VLAN port: a tag\n"
                     "is inserted and taken off for each. On one core the NIC and the guests' "
                     "drivers take turns and nothing\n"
                     "is subtracted; on two each side has its own. Bound: the same copies and "
                     "descriptor transfers without\n"
                     "any logic, measured by turns in the same run. Sizes count the FCS; hot rings "
                     "have 256 descriptors,\n"
                     "cold ones 4096.");
        return EXIT_SUCCESS;
}

/* ---- models ------------------------------------------------------------------------------------
 */

static int bench_models(struct cli *c)
{
        static const uint32_t sizes[] = {60, 1514};
        bool json = c->options->json, first = true;
        struct model_cost cost;

        if (json)
                printf("{\"results\": [");
        else
                printf("%-12s %5s %7s %7s %6s %9s %6s %9s\n", "MODEL", "BYTES", "COPIES", "TRANSL.",
                        "EXITS", "CLASSIF.", "INTR.", "NS/FRAME");
        for (size_t i = 0; i < ELEMENTSOF(sizes) * MODEL_MAX; i++) {
                enum io_model model = i % MODEL_MAX;
                uint32_t size = sizes[i / MODEL_MAX];
                int r = io_model_run(model, size, MODEL_FRAMES, &cost);

                if (r < 0)
                        return cli_failed(c, strerror(-r));
                if (json)
                        printf("%s\n  {\"model\": \"%s\", \"size\": %u, \"copies\": %.3f, "
                               "\"translations\": %.3f, \"exits\": %.3f, \"classifications\": "
                               "%.3f, \"interrupts\": %.3f, \"ns\": %.1f}",
                                first ? "" : ",", io_model_name(model), size, cost.copies,
                                cost.translations, cost.exits, cost.classifications,
                                cost.interrupts, cost.ns);
                else
                        printf("%-12s %5u %7.2f %7.2f %6.2f %9.2f %6.2f %9.1f\n",
                                io_model_name(model), size, cost.copies, cost.translations,
                                cost.exits, cost.classifications, cost.interrupts, cost.ns);
                first = false;
        }
        if (json) {
                printf("\n]}\n");
                return EXIT_SUCCESS;
        }
        putchar('\n');
        for (unsigned i = 0; i < MODEL_MAX; i++)
                printf("%-12s %s\n", io_model_name(i), io_model_about(i));
        puts("\nFrom guest to guest, per frame. Copies, lookups and classifications are done and "
             "timed; what a\n"
             "processor loses by an exit from a guest is not, as there is none: on real hardware "
             "each\n"
             "costs a microsecond or two more. Translations, interrupts and copies of models with "
             "hardware\n"
             "are those of one frame alone, as sriov-sim trace shows them; in bursts interrupts "
             "are fewer.");
        return EXIT_SUCCESS;
}

int cli_bench(struct cli *c)
{
        return c->options->models ? bench_models(c) : bench_all(c);
}
