/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast road: unicast to one exact filter, or from a pool to nobody here, decided by one line of
 * the MAC table and one bit of a VLAN row. What else there is walks (sorter_rules.c). Any thread.
 *
 * The look-ups of one frame wait for nothing of the frame before, so the processor has many of them
 * under way at a time: a loop that prefetches first was measured, and costs more than it saves.
 */
#include "sim/nic/sorter_tables.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* What one burst has in common. */
struct road {
        bool any_vlan;    /* no VLAN filter: members do not matter */
        bool unknown_out; /* what no filter has goes to the wire alone */
        uint32_t not_to;  /* the sender, if it does not want its own frames */
};

static inline uint32_t slot_value(const struct sorter *s, uint64_t mac)
{
        uint64_t slot = s->slots[sorter_slot_home(s, mac)];

        if (unlikely((slot & MAC_MASK) != mac && slot != SLOT_EMPTY))
                slot = s->slots[sorter_slot(s, mac)];
        return (uint32_t) (slot >> SLOT_SHIFT);
}

static inline bool member(const struct sorter *s, const struct frame_head *h, uint32_t pool)
{
        uint32_t vlan = sorter_vlan(h);
        const uint64_t *row =
                vlan ? s->rows + s->row_of[vlan] : sorter_property(s, ACCEPT_UNTAGGED);

        return pool_bit(row, pool);
}

/* false: this frame has to walk. */
static inline bool decide(const struct sorter *s, const struct road *road,
        const struct frame_head *h, struct verdict *ret)
{
        uint32_t pool;

        if (unlikely(mac_number_multicast(h->dst)))
                return false;
        pool = slot_value(s, h->dst);
        if (likely(pool < POOLS_MAX)) {
                if (unlikely(!((member(s, h, pool) | road->any_vlan) & (pool != road->not_to))))
                        return false;
                *ret = (struct verdict){.n = 1, .pool = pool};
                return true;
        }
        if (pool != SLOT_NONE || !road->unknown_out)
                return false;
        *ret = (struct verdict){.wire = true, .pool = POOL_NONE};
        return true;
}

/* VEPA: the wire has everything but reserved addresses. */
static void burst_vepa(const struct sorter *s, uint32_t from, const struct frame_head *heads,
        uint32_t n, struct verdict *ret, struct pool_set *sets)
{
        for (uint32_t i = 0; i < n; i++) {
                if (unlikely(mac_number_reserved(heads[i].dst)))
                        sorter_walk(s, from, &heads[i], &sets[i], &ret[i], NULL);
                else
                        ret[i] = (struct verdict){.wire = true, .pool = POOL_NONE};
        }
}

void sorter_burst(const struct sorter *s, uint32_t from, const struct frame_head *heads, uint32_t n,
        struct verdict *ret, struct pool_set *sets)
{
        bool wire = from == FROM_WIRE;
        const struct road road = {
                .any_vlan = !s->vlan_filter,
                .unknown_out = !wire && s->plain_unknown,
                .not_to = wire || s->pools[from].self_loopback ? POOL_NONE : from,
        };

        if (!wire && !s->switching) {
                burst_vepa(s, from, heads, n, ret, sets);
                return;
        }
        for (uint32_t i = 0; i < n; i++)
                if (unlikely(!s->plain_unicast || !decide(s, &road, &heads[i], &ret[i])))
                        sorter_walk(s, from, &heads[i], &sets[i], &ret[i], NULL);
}

uint32_t sorter_check_burst(const struct sorter *s, uint32_t pool, const struct frame_head *heads,
        uint32_t n, enum drop_reason *ret, uint32_t *ret_tag)
{
        const struct sorter_sender own = s->senders[pool];
        uint32_t good = 0, tag;

        for (uint32_t i = 0; i < n; i++) {
                const struct frame_head *h = &heads[i];
                uint32_t row = s->row_of[sorter_vlan(h)];
                bool tag_allowed = (!own.no_tag) & (own.any_tag | pool_bit(s->rows + row, pool));

                ret[i] = DROP_NONE;
                if (unlikely(!(own.tx_enable & (own.any_source | (h->src == own.mac)) &
                               ((!h->tagged) | tag_allowed))))
                        ret[i] = sorter_check_sender(s, pool, h, &tag);
                good += ret[i] == DROP_NONE;
        }
        *ret_tag = own.tag;
        return good;
}
