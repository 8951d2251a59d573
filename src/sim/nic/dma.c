/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DMA: what the queue's own pages do not answer. Datapath thread. */
#include "sim/nic/nic_private.h"

static void tell(struct nic *nic, uint16_t rid, uint64_t iova, uint32_t access,
        enum iommu_reason blocked, const struct iommu_page *page)
{
        const struct trace_event e = {
                .step = TRACE_TRANSLATE,
                .pool = nic->tracing_pool,
                .from = nic->tracing_from,
                .rid = rid,
                .iova = iova,
                .address = blocked ? 0 : page->address + (iova - page->iova),
                .page_size = blocked ? 0 : page->size,
                .access = access,
                .blocked = blocked,
        };

        nic_tell(nic, &e);
}

/* What it translates to, for so many bytes. NULL: blocked. */
static uint8_t *translate(
        struct nic *nic, struct dma_cache *c, uint16_t rid, uint64_t iova, uint64_t *ret_left)
{
        struct iommu_page page = {};
        enum iommu_reason r = iommu_translate(nic->iommu, rid, iova, c->access, &page);
        uint8_t *host;

        if (unlikely(nic->tracer))
                tell(nic, rid, iova, c->access, r, &page);
        if (r != IOMMU_OK)
                return NULL;
        host = memory_at(nic->memory, page.address);
        dma_refresh(c, nic->generation);
        /* A page looked up after an invalidation in this pass is used, and not remembered. */
        if (page.generation == nic->generation && !nic->tracer) {
                memmove(&c->page[1], &c->page[0], sizeof(c->page) - sizeof(c->page[0]));
                c->page[0] = (struct dma_page){page.iova, page.size, host};
        }
        *ret_left = page.size - (iova - page.iova);
        return host + (iova - page.iova);
}

uint8_t *dma_find_other(struct dma_cache *c, uint64_t iova, uint32_t n)
{
        for (uint32_t i = 1; i < DMA_PAGES; i++) {
                struct dma_page page = c->page[i];
                uint64_t at = iova - page.iova;

                if (at >= page.size || n > page.size - at)
                        continue;
                memmove(&c->page[1], &c->page[0], i * sizeof(page));
                c->page[0] = page;
                return page.host + at;
        }
        return NULL;
}

bool dma_map_first(
        struct nic *nic, struct dma_cache *c, uint16_t rid, uint64_t iova, struct dma_piece *piece)
{
        uint64_t left = 0;

        piece->host = translate(nic, c, rid, iova, &left);
        if (piece->n > left)
                piece->n = (uint32_t) left;
        return piece->host;
}

uint32_t dma_map(struct nic *nic, struct dma_cache *c, uint16_t rid, uint64_t iova, uint32_t n,
        struct dma_piece *pieces, uint32_t room)
{
        uint32_t count = 0;

        for (uint32_t take; n > 0; iova += take, n -= take) {
                struct dma_piece piece = {.n = n};

                if (!dma_map_first(nic, c, rid, iova, &piece))
                        return 0;
                take = piece.n;
                if (count && pieces[count - 1].host + pieces[count - 1].n == piece.host) {
                        pieces[count - 1].n += take;
                } else {
                        if (count == room)
                                return 0;
                        pieces[count++] = piece;
                }
        }
        return count;
}
