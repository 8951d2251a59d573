/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside a NIC. What the datapath thread writes and what drivers write stands on cache lines of
 * their own. Unless something else is said: the datapath thread, or whoever holds the NIC.
 */
#pragma once

#include "sim/nic/dma.h"
#include "sim/nic/mailbox.h"
#include "sim/nic/msix.h"
#include "sim/nic/nic.h"
#include "sim/nic/pktmem.h"
#include "sim/nic/registers.h"
#include "sim/nic/shaper.h"
#include "sim/nic/trace.h"

#include <net/ethernet.h>
#include <pthread.h>

#define likely(x)    __builtin_expect(!!(x), 1)
#define unlikely(x)  __builtin_expect(!!(x), 0)
#define _cache_line_ __attribute__((aligned(64)))
#define VECTOR_NONE  UINT32_MAX
#define HEADROOM     CELL_TAG /* before a frame in its first cell: a tag fits in */
#define TX_FETCH_MAX (NIC_BURST + TX_SEGMENTS + 1)
/* Each descriptor's bytes may begin in one page and end in the next, and a frame fills 2 besides.
 */
#define TX_PIECES_MAX   (2 * TX_FETCH_MAX + 2 * NIC_BURST)
#define RX_PIECES_MAX   6u  /* of a receive buffer of 16 KiB */
#define VISITS_MAX      64u /* of queues in one pass */
#define WIRE_BURSTS_MAX 4u

/* A frame in packet memory, known by its first cell. */
struct nic_frame {
        _cache_line_ struct frame_head head;
        uint8_t *memory;     /* of that cell; never changes, */
        uint32_t cell;       /* nor does its number */
        const uint8_t *rest; /* cut-through: its last bytes, still at their sender; NULL */
        uint32_t n_rest;
        uint32_t length; /* with the tag, wherever that is */
        uint32_t tag;    /* a port VLAN's, TPID << 16 | TCI, that is not in the bytes yet; 0 */
        uint32_t from;
        uint32_t pool;    /* who gets it, if n is 1; else nic_set() */
        uint32_t next;    /* on its sender's list; CELL_NONE */
        uint32_t hash;    /* RSS, for the pool it was last looked at for */
        uint32_t sums;    /* checksums: bits of rx_done.status, */
        uint32_t types;   /* and of rx_done.info */
        uint16_t n;       /* local receivers that still wait */
        uint16_t counted; /* replicas that the statistics have as in flight */
        uint8_t start;    /* in the first cell */
        uint8_t rss_type;
        bool wire;   /* the wire still waits for it, */
        bool queued; /* and has it in its queue */
        bool summed; /* sums and types are known */
};

struct nic_queue {
        /* Any thread: the doorbells. */
        _cache_line_ uint32_t tail;
        bool wanted; /* receive: frames wait for descriptors, so the doorbell has to tell */

        _cache_line_ struct nic_pool *pool;
        uint64_t ring;        /* IOVA */
        uint32_t bytes, size; /* of the ring; its descriptors */
        uint32_t head;        /* the next that the NIC takes */
        uint32_t number, vector;
        bool transmit, enabled;
        bool stopped;     /* by malicious-driver detection */
        bool drop;        /* receive: frames without a descriptor are dropped, not held */
        bool held;        /* transmit: on the NIC's list of held senders */
        uint32_t buffer;  /* receive: bytes of one */
        uint64_t stamp;   /* receive: of the groups that has one for it, */
        uint32_t slot;    /* which it is */
        uint32_t seen;    /* its tail when that was last looked at */
        uint64_t blocked; /* receive: the round in which it ran out of descriptors */
        struct dma_cache ring_pages, buffer_pages;

        /* Transmit. */
        struct tx_state state;
        uint64_t head_write_back; /* IOVA, bit 0: enabled */
        struct dma_cache head_pages;
        uint32_t held_first, held_last; /* frames that wait, by cell */
        struct nic_queue *next_held;
        uint32_t n_waits; /* receivers that hold it; if one, then this, whose tail was that: */
        uint32_t waits_tail;
        struct nic_queue *waits_for;
        uint64_t waits_wire, waits_epoch; /* what nic->wire_moved and epoch were */
        uint64_t due;                     /* ns: tokens */
};

struct nic_pool {
        /* Hardly ever written: doorbells look here. */
        _cache_line_ uint32_t number;
        uint16_t rid;
        bool bus_master, link;
        bool limited; /* bucket is in force */
        struct nic_queue *rx, *tx;
        struct rss_key *rss_key; /* NULL: RSS is off, all goes to queue 0 */

        _cache_line_ struct pool_stats stats;
        struct token_bucket bucket;
        bool uses_wire; /* of its last burst some went there */
        struct rss_config rss;
        uint64_t interrupts_enabled, causes; /* EIMS, EICR: a bit per vector */
        uint32_t misc_vector;
        uint32_t ivar[NIC_QUEUES_MAX / 2], ivar_misc;
        uint32_t eitr[MSIX_VECTORS_MAX];
        struct nic_mdd mdd;
        struct mailbox mailbox;
        struct msix msix;
};

/* One burst on its way through the sorter. */
struct nic_burst {
        uint32_t n;
        struct nic_frame *frame[NIC_BURST];
        struct frame_head head[NIC_BURST];
        struct verdict verdict[NIC_BURST];
        enum drop_reason reason[NIC_BURST];
        struct pool_set set[NIC_BURST];
};

/* What of a burst goes to one receive queue, in order. */
struct nic_group {
        struct nic_queue *queue;
        uint32_t n;
        struct nic_frame *frame[NIC_BURST];
};

/* One frame as its sender's descriptors say. */
struct tx_frame {
        uint32_t length;
        uint16_t begin, end; /* its descriptors in the burst */
        uint16_t piece;
        uint8_t n_pieces;
        uint8_t dropped; /* enum drop_reason: before it is even stored */
        uint32_t tag;    /* to insert, by the context: TPID << 16 | TCI; 0 */
        uint32_t sums;   /* TX_IXSM, TX_TXSM */
};

static inline struct tx_frame tx_frame(uint32_t length, uint32_t begin, uint32_t end)
{
        return (struct tx_frame){
                .length = length, .begin = (uint16_t) begin, .end = (uint16_t) end};
}

/* Descriptors of a burst that are side by side in the guest's memory. */
struct ring_piece {
        uint8_t *host;
        uint32_t begin, end;
};

/* The first n_plain frames are one descriptor, one piece and one cell each, with the same index in
 * all arrays, and nothing else is to be known of them: they have no tx_frame. */
struct tx_burst {
        uint32_t n_desc, n, n_pieces, n_ring;
        uint32_t n_plain;
        uint32_t consumed;         /* descriptors that are done with */
        bool cut;                  /* a frame goes on behind the last descriptor */
        enum mdd_cause bad;        /* after the last frame: why the queue stops, */
        enum drop_reason bad_as;   /* and what becomes of the frame at fault, */
        uint32_t bad_length;       /* as far as it is known */
        struct ring_piece ring[4]; /* wraps once, and each part is on two pages at most */
        struct tx_desc desc[TX_FETCH_MAX];
        struct tx_frame frame[NIC_BURST];
        struct dma_piece piece[TX_PIECES_MAX];
};

/* Frames, or pieces of one, into receive buffers: one descriptor each. */
struct rx_run {
        struct rx_desc desc[NIC_BURST];
        uint8_t *at[NIC_BURST]; /* the descriptor in the guest's memory */
        uint8_t *to[NIC_BURST];
        uint32_t length[NIC_BURST];
        uint32_t tag[NIC_BURST];   /* stripped: 1 << 16 | TCI; 0 */
        uint32_t shown[NIC_BURST]; /* the same, if the receiver is to learn of it */
};

struct nic {
        /* Read by all, hardly ever written. */
        struct nic_config config;
        struct memory *memory;
        struct iommu *iommu;
        struct nic_pool **pools; /* made when they first come; kept till the end */
        uint32_t n_pools;
        uint32_t n_made;
        uint32_t pool_words, queue_words; /* of bitmaps: a bit per pool; per transmit queue */
        uint64_t *pending;                /* what it points to is atomic: senders that rang */
        void (*wake)(void *userdata);
        void *wake_userdata;

        /* Atomic: what doorbells look at, and the datapath writes before and after it sleeps. */
        _cache_line_ bool asleep; /* nic_poll() said so */
        bool kicked;              /* a receiver that is waited for has descriptors */

        /* Who has the NIC; nic.c says how it goes. */
        _cache_line_ pthread_mutex_t lock;
        pthread_cond_t stopped, go;
        uint32_t holders; /* under the lock: who has it or wants it */
        bool is_held;
        uint64_t passes;
        uint32_t wanted; /* atomic: somebody waits for the end of a pass */
        bool passing;    /* atomic */

        /* The datapath's own. */
        _cache_line_ uint64_t now;
        uint64_t generation; /* the IOMMU's at the beginning of the pass */
        struct sorter *sorter;
        struct sorter *(*fresh)(void *userdata); /* who makes a new one when it is stale */
        void *fresh_userdata;
        bool stale;
        uint64_t *active, *timed; /* senders with work; with work at a time */
        uint64_t *owed;           /* pools that owe an interrupt */
        uint64_t *wanting;        /* scratch: pools with work */
        bool any_timed, any_owed;
        uint64_t owed_due;
        uint32_t turn; /* bit of `active` that begins */

        struct pktmem mem;
        uint32_t reserve; /* cells that senders leave to the wire */
        struct nic_frame *frames;
        struct pool_set *sets; /* receivers of frames that have more than one, by cell */

        struct nic_queue *held_first, *held_last;
        uint64_t round, stamp; /* never 0 in use */
        uint64_t epoch;        /* changes with every queue that is set up or ends */

        const struct port_ops *port;
        void *port_userdata;
        bool link, port_full;
        struct token_bucket wire;
        uint32_t *wire_queue; /* cells; a ring of mem.n */
        uint32_t wire_at, wire_n;
        uint64_t wire_moved;
        struct storm storm;
        struct schedule *schedule;

        struct nic_stats stats;
        struct pool_stats gone; /* of VFs that went */
        uint64_t mdd_count;
        void (*notify)(void *userdata, uint32_t pool);
        void *notify_userdata;

        struct nic_tracer *tracer;
        uint32_t tracing_pool, tracing_from;

        struct nic_burst burst;
        struct tx_burst tx;
        struct rx_run rx;
        uint32_t n_groups;
        struct nic_group group[NIC_BURST];
        uint8_t linear[FRAME_MAX + 64];
};

/* ---- looking things up ---- */

static inline struct nic_pool *nic_pool_at(const struct nic *nic, uint32_t pool)
{
        uint32_t n = __atomic_load_n(&nic->n_pools, __ATOMIC_RELAXED);

        return likely(pool < n) ? nic->pools[pool] : NULL;
}

static inline uint8_t *frame_bytes(const struct nic_frame *f)
{
        return f->memory + f->start;
}

/* Who it is for, if it has several receivers. */
static inline struct pool_set *nic_set(const struct nic *nic, const struct nic_frame *f)
{
        return &nic->sets[f->cell];
}

static inline uint32_t frame_stored(const struct nic_frame *f)
{
        return f->length - (f->tag ? 4 : 0);
}

static inline bool frame_one_cell(const struct nic_frame *f)
{
        return f->start + frame_stored(f) <= CELL_BYTES;
}

/* A transmit queue's bit in pending, active and timed: pools are side by side. */
static inline uint32_t nic_bit(const struct nic *nic, uint32_t pool, uint32_t queue)
{
        return queue * nic->pool_words * 64 + pool;
}

static inline uint32_t nic_tx_bit(const struct nic *nic, const struct nic_queue *q)
{
        return nic_bit(nic, q->pool->number, q->number);
}

static inline struct nic_queue *nic_tx_at(const struct nic *nic, uint32_t bit)
{
        uint32_t width = nic->pool_words * 64;

        return &nic->pools[bit % width]->tx[bit / width];
}

static inline void bit_set(uint64_t *map, uint32_t bit)
{
        map[bit / 64] |= UINT64_C(1) << bit % 64;
}

static inline void bit_clear(uint64_t *map, uint32_t bit)
{
        map[bit / 64] &= ~(UINT64_C(1) << bit % 64);
}

/* Lines that somebody else's processor wrote last: on their way before they are needed. */
static inline void prefetch_lines(const uint8_t *p, uint32_t n)
{
        for (uint32_t i = 0; i < n; i += 64)
                __builtin_prefetch(p + i);
}

/* The same for what is written too: it is fetched once, and not again to be written. */
static inline void prefetch_lines_to_write(const uint8_t *p, uint32_t n)
{
        for (uint32_t i = 0; i < n; i += 64) {
#ifdef __x86_64__
                __asm__ volatile("prefetchw %0" : : "m"(p[i]));
#else
                __builtin_prefetch(p + i, 1);
#endif
        }
}

/* Descriptors that the driver gave and the NIC has not taken; the tail was checked. */
static inline uint32_t ring_filled(uint32_t head, uint32_t tail, uint32_t size)
{
        return tail >= head ? tail - head : tail + size - head;
}

static inline void nic_tell(struct nic *nic, const struct trace_event *e)
{
        struct trace_event timed = *e;

        timed.time = nic->now;
        nic->tracer->event(nic->tracer->userdata, &timed);
}

/* ---- tell.c: only when there is a tracer ---- */

void tell_descriptors(struct nic *nic, enum trace_step step, const struct nic_queue *q, uint32_t n);
void tell_guest_memory(struct nic *nic, const struct nic_queue *q, const struct tx_desc *d);
void tell_wait(struct nic *nic, const struct nic_queue *q);
void tell_port(
        struct nic *nic, enum trace_step step, uint32_t from, const struct port_frame *frame);
void tell_frame(struct nic *nic, enum trace_step step, const struct nic_frame *f, uint32_t pool);
void tell_drop(struct nic *nic, uint32_t pool, uint32_t from, uint32_t length, const uint8_t *bytes,
        enum drop_reason why);
void tell_sender(struct nic *nic, const struct nic_frame *f, enum drop_reason why, uint32_t tag);
void tell_dma(
        struct nic *nic, const struct nic_queue *q, uint64_t iova, const struct dma_piece *piece);
void tell_write_back(struct nic *nic, const struct nic_queue *q, uint32_t index, uint32_t status,
        uint32_t length, uint32_t tag);
/* Sorts it, too. */
void tell_sorting(struct nic *nic, const struct nic_frame *f, const struct frame_head *h,
        struct pool_set *set, struct verdict *ret);

/* ---- nic.c ---- */

/* A transmit queue has work for the datapath: as a doorbell says it. Any thread. */
void nic_ring(struct nic *nic, uint32_t pool, uint32_t queue);
void nic_kick(struct nic *nic);
void nic_pass_begin(struct nic *nic);
void nic_pass_end(struct nic *nic);
/* At the beginning of a pass: tables that are out of date are made anew. */
void nic_freshen(struct nic *nic);

/* ---- queue.c: queues begin, stop and end ---- */

void queue_init(struct nic_queue *q, struct nic_pool *pool, uint32_t number, bool transmit);
/* Checks what the driver set up; MDD stops it if that is wrong. */
void queue_enable(struct nic *nic, struct nic_queue *q);
/* By its driver. What waits for it or from it is dropped as "reset". */
void queue_disable(struct nic *nic, struct nic_queue *q);
/* By malicious-driver detection. */
void queue_stop(struct nic *nic, struct nic_queue *q, enum mdd_cause cause);
/* Its tail as the driver wrote it; false: beyond the ring, and the queue stopped. */
static inline bool queue_tail(struct nic *nic, struct nic_queue *q)
{
        uint32_t tail = __atomic_load_n(&q->tail, __ATOMIC_SEQ_CST);

        if (unlikely(tail >= q->size)) {
                queue_stop(nic, q, MDD_TAIL);
                return false;
        }
        q->seen = tail;
        return true;
}
/* Descriptors that the driver gave: as many as are wanted, or all there are. The tail is on a cache
 * line that its driver writes, so it is looked at only when what was seen before is not enough. */
static inline uint32_t queue_filled(struct nic *nic, struct nic_queue *q, uint32_t want)
{
        uint32_t n = ring_filled(q->head, q->seen, q->size);

        if (n >= want)
                return n;
        return queue_tail(nic, q) ? ring_filled(q->head, q->seen, q->size) : 0;
}
/* Queues, interrupts and mailbox as after a reset. */
void pool_reset(struct nic *nic, struct nic_pool *p);
/* All its senders look again: something that stopped them has changed. */
void pool_ring(struct nic *nic, struct nic_pool *p);

/* ---- interrupt.c ---- */

/* 6 of the walk in: a vector of the function, if it has one for that. */
void raise_interrupt(struct nic *nic, struct nic_pool *p, uint32_t vector);
/* Moderated ones that are due. */
void interrupts_due(struct nic *nic);

/* ---- rx_walk.c ---- */

/* One burst from the port, to its receivers. How many came. */
uint32_t rx_walk(struct nic *nic);

/* rx_offload.c: whether its checksums are right, of a frame that is stored; and of frames that went
 * past packet memory, by what the receiver got (should it change that already, it deceives itself).
 */
void rx_sums(struct nic *nic, struct nic_frame *f);
void rx_sums_there(struct nic_frame *const *frames, const struct rx_run *r, uint32_t n);

/* The queue that takes this frame in its pool: RSS is noted in the frame. NULL: none. */
struct nic_queue *rx_queue_by_rss(struct nic *nic, struct nic_pool *p, struct nic_frame *f);
static inline struct nic_queue *rx_queue_of(struct nic *nic, uint32_t pool, struct nic_frame *f)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (unlikely(!p))
                return NULL;
        return likely(!p->rss_key) ? &p->rx[0] : rx_queue_by_rss(nic, p, f);
}

/* The frames, in order, as far as the queue has descriptors; those it can never take are dropped.
 * How many are done with. */
uint32_t rx_deliver(
        struct nic *nic, struct nic_queue *q, struct nic_frame *const *frames, uint32_t n);

/* ---- tx_walk.c ---- */

enum tx_outcome {
        TX_IDLE,  /* no more descriptors, or the queue does not run */
        TX_MORE,  /* again in the next pass */
        TX_WAITS, /* for tokens, till q->due */
        TX_HELD,  /* for receivers or the wire */
        TX_FULL,  /* packet memory */
};
/* tx_gather.c: 3 of the walk out. The frames that come next, up to `bytes`, admitted by tokens and
 * packet memory; not stored yet. False: nothing to do, *ret says why. */
bool tx_burst_begin(struct nic *nic, struct nic_queue *q, struct tx_burst *b, uint32_t bytes,
        enum tx_outcome *ret);
/* Why the queue is to stop when the frames of the burst before that one are through. */
void tx_burst_bad(struct tx_burst *b, enum mdd_cause cause, enum drop_reason as, uint32_t length);
/* One burst of a queue that has no frames waiting, up to `bytes`. How many frames. */
uint32_t tx_walk(struct nic *nic, struct nic_queue *q, uint32_t bytes, enum tx_outcome *ret);
/* 7 of the walk out: what waits for the wire, as far as wire and port allow. */
void transmit_to_port(struct nic *nic);
/* Behind what waits already; and out of it, sent or not. */
void wire_push(struct nic *nic, struct nic_frame *f);
void wire_forget(struct nic *nic, struct nic_frame *f);
/* When something that waits may go, by the clock. */
uint64_t wire_due(const struct nic *nic, uint64_t now);
/* The sender's bytes behind the header come in too (cut-through that is none after all). */
void tx_store_rest(struct nic_frame *f);
/* All its bytes are in packet memory then, and the tag of the port VLAN among them. */
void tx_complete(struct nic_frame *f);

/* ---- pass.c ---- */

/* A sender waits no more; it may not have. */
void held_remove(struct nic *nic, struct nic_queue *q);

/* ---- replicas.c: who gets which, and who waits ---- */

/* Frames of one origin with their receivers noted. q: their sender's queue; NULL: the wire. Returns
 * how many of them are still waiting afterwards: these are on q's list. */
uint32_t replicas_spread(
        struct nic *nic, struct nic_queue *q, struct nic_frame *const *frames, uint32_t n);
/* What the sorter said of a frame becomes its receivers; false: it has none, and is gone. */
bool replicas_note_any(
        struct nic *nic, struct nic_frame *f, const struct verdict *v, const struct pool_set *set);
static inline bool replicas_note(
        struct nic *nic, struct nic_frame *f, const struct verdict *v, const struct pool_set *set)
{
        f->n = (uint16_t) v->n;
        f->pool = v->pool;
        f->wire = v->wire;
        f->queued = false;
        /* Checksums are looked at when the first receiver is there; what is no IP has none. */
        f->sums = f->types = 0;
        f->summed = f->head.ethertype != ETHERTYPE_IP && f->head.ethertype != ETHERTYPE_IPV6;
        return likely(v->n + v->wire == 1) || replicas_note_any(nic, f, v, set);
}
/* The sorter's answer for a burst of one origin; told rule by rule if somebody asks. */
void burst_sort(struct nic *nic, uint32_t from, struct nic_burst *b);
/* Tries again for a held sender. True: it is held no more. */
bool replicas_retry(struct nic *nic, struct nic_queue *q, uint32_t *moved);
/* One replica of a frame is over. */
void replica_done(struct nic *nic, struct nic_frame *f);
/* Counts it, where it belongs: pool's, or the wire's (FROM_WIRE). */
void replica_drop(struct nic *nic, struct nic_frame *f, uint32_t pool, enum drop_reason why);
/* What waits from this transmit queue, or for this receive queue, is dropped. */
void replicas_forget_sender(struct nic *nic, struct nic_queue *q, enum drop_reason why);
void replicas_forget_receiver(struct nic *nic, struct nic_queue *q, enum drop_reason why);

/* What is stored of the frame as one run of bytes, in the cell or in nic->linear. */
const uint8_t *frame_linear(struct nic *nic, const struct nic_frame *f);
