/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests: a driver on a function, and a port behind it. Held, or the round's thread. */
#include <stdio.h>

#include "sim/traffic_private.h"

/* ---- coming and going --------------------------------------------------------------------------
 */

static void free_guest(struct traffic_guest *g)
{
        struct traffic_nic *n = g->nic;

        if (g->port && g->watched)
                traffic_watch(n->traffic, port_fd(g->port), false);
        if (g->port)
                port_close(g->port);
        if (g->driver) {
                _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(n->nic);

                vfdrv_close(g->driver);
        }
        free(g);
}

static void free_guestp(struct traffic_guest **g)
{
        if (*g)
                free_guest(*g);
}

static void mac_bytes(uint64_t number, struct mac *ret)
{
        memcpy(ret->b, &number, sizeof(ret->b));
}

static int start_driver(
        struct traffic_guest *g, const struct traffic_guest_config *config, struct fault *f)
{
        _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(g->nic->nic);
        char why[160] = "";
        int r;

        g->setup = (struct vfdrv_config){
                .rx_ring = config->ring,
                .tx_ring = config->ring,
                .queues = g->queues,
                .buffer = config->buffer,
                .posted = config->vm,
                .drop = config->drop,
                .scatter = config->scatter,
                .mac = g->pool == POOL_PF ? g->nic->mac : 0,
        };
        r = vfdrv_open(
                held, g->pool, &g->setup, g->nic->traffic->now, &g->driver, why, sizeof(why));
        if (r < 0)
                return fault_set(f, fault_code_of_errno(-r), -r,
                        "the driver of guest %s does not start: %s", g->name,
                        why[0] ? why : strerror(-r));
        return 0;
}

/* Does epoll look at the port? Not while its frames would find no room. */
static void watch_port(struct traffic_guest *g, bool on)
{
        if (port_fd(g->port) < 0 || g->watched == on)
                return;
        if (traffic_watch(g->nic->traffic, port_fd(g->port), on) == 0)
                g->watched = on;
}

int traffic_restart_guest(struct traffic_guest *g)
{
        _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(g->nic->nic);
        int r;

        if (g->driver)
                vfdrv_close(g->driver);
        g->driver = NULL;
        g->n_waiting = 0; /* its bytes were the port's, its place the old ring's */
        r = vfdrv_open(held, g->pool, &g->setup, g->nic->traffic->now, &g->driver, NULL, 0);
        if (g->port)
                watch_port(g, r >= 0); /* nobody reads what comes for a driver that is not there */
        return r;
}

static int start_port(
        struct traffic_guest *g, const struct traffic_guest_config *config, struct fault *f)
{
        struct mac mac;
        int r;

        mac_bytes(vfdrv_mac(g->driver), &mac);
        r = port_open(&config->port, &mac, config->mtu ?: 1500, &g->port, f);
        if (r < 0)
                return r;
        port_set_link(g->port, vfdrv_link(g->driver));
        if (port_fd(g->port) >= 0)
                g->watched = traffic_watch(g->nic->traffic, port_fd(g->port), true) == 0;
        return 0;
}

int traffic_open_guest(struct traffic_nic *n, uint32_t pool,
        const struct traffic_guest_config *config, struct traffic_guest **ret, struct fault *f)
{
        _cleanup_(free_guestp) struct traffic_guest *g = NULL;
        int r;

        if (pool >= n->n_pools || pool >= nic_n_pools(n->nic))
                return fault_set(f, FAULT_NOT_FOUND, 0, "no such function of this NIC");
        if (n->guests[pool])
                return fault_set(f, FAULT_IN_USE, EBUSY, "guest %s has this function open",
                        n->guests[pool]->name);
        g = calloc(1, sizeof(*g));
        if (!g)
                return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory");
        g->nic = n;
        g->pool = pool;
        g->queues = n->config.queues ?: 1;
        snprintf(g->name, sizeof(g->name), "%s", config->name);
        r = start_driver(g, config, f);
        if (r == 0 && config->declared_port)
                r = start_port(g, config, f);
        if (r < 0)
                return r;
        n->open[n->n_open++] = pool;
        n->guests[pool] = g;
        if (ret)
                *ret = g;
        g = NULL;
        return 0;
}

void traffic_was_reset(struct traffic_nic *n, uint32_t pool)
{
        if (pool < n->n_pools && n->guests[pool])
                traffic_restart_guest(n->guests[pool]);
}

void traffic_serve_mailboxes(struct traffic_nic *n)
{
        _cleanup_(nic_releasep) _unused_ struct nic *held = nic_hold(n->nic);

        for (uint32_t i = 0; i < n->n_open; i++) {
                struct traffic_guest *g = n->guests[n->open[i]];

                if (!g->driver || g->pool == POOL_PF)
                        continue;
                vfdrv_serve_mailbox(g->driver);
                if (g->port)
                        port_set_link(g->port, vfdrv_link(g->driver));
        }
}

void traffic_close_guest(struct traffic_nic *n, uint32_t pool)
{
        if (pool >= n->n_pools || !n->guests[pool])
                return;
        for (uint32_t i = 0; i < n->n_open; i++)
                if (n->open[i] == pool) {
                        n->open[i] = n->open[--n->n_open];
                        break;
                }
        free_guest(n->guests[pool]);
        n->guests[pool] = NULL;
}

/* ---- looking -----------------------------------------------------------------------------------
 */

struct traffic_guest *traffic_guest(struct traffic_nic *n, uint32_t pool)
{
        return pool < n->n_pools ? n->guests[pool] : NULL;
}

const char *traffic_guest_name(const struct traffic_guest *g)
{
        return g->name;
}

struct vfdrv *traffic_guest_driver(struct traffic_guest *g)
{
        return g->driver;
}

void traffic_guest_stats(const struct traffic_guest *g, struct port_stats *ret)
{
        if (g->port)
                port_stats(g->port, ret);
        else
                *ret = g->stats;
}

/* ---- rounds ------------------------------------------------------------------------------------
 */

/* As Linux shows it to bridges and packet sockets: with the tag that the NIC took off. There is
 * room: the tag was in the buffer's frame on its way, and buffers are further apart than they are
 * long. */
static void restore_tag(struct vfdrv_frame *f)
{
        memmove(f->bytes + 16, f->bytes + 12, f->length - 12);
        f->bytes[12] = ETH_VLAN >> 8;
        f->bytes[13] = ETH_VLAN & 0xff;
        f->bytes[14] = (uint8_t) (f->tci >> 8);
        f->bytes[15] = (uint8_t) f->tci;
        f->length += 4;
}

/* What came for the guest goes to its port. What that does not take is lost there, as with a
 * socket whose buffer is full: the ring goes on. */
static uint32_t deliver(struct traffic_guest *g, uint32_t queue)
{
        struct vfdrv_frame frames[TRAFFIC_BURST];
        struct port_frame out[TRAFFIC_BURST];
        uint32_t n = vfdrv_receive(g->driver, queue, frames, TRAFFIC_BURST);

        for (uint32_t i = 0; i < n; i++) {
                if (frames[i].flags & VFDRV_VLAN)
                        restore_tag(&frames[i]);
                out[i] = (struct port_frame){frames[i].bytes, frames[i].length};
                traffic_captured(g->nic, g->pool, out[i].bytes, out[i].length, false, NULL);
        }
        if (n == 0)
                return 0;
        if (g->port)
                port_ops.transmit(g->port, out, n);
        else
                g->stats.transmitted += n;
        return n;
}

static uint32_t collect(struct traffic_guest *g)
{
        struct port_frame in[TRAFFIC_BURST];
        uint32_t sent;

        if (g->n_waiting == 0) {
                g->first_waiting = 0;
                g->n_waiting = port_ops.receive(g->port, in, TRAFFIC_BURST);
                for (uint32_t i = 0; i < g->n_waiting; i++)
                        g->waiting[i] =
                                (struct vfdrv_frame){.bytes = in[i].bytes, .length = in[i].length};
        }
        if (g->n_waiting == 0)
                return 0;
        sent = vfdrv_send(g->driver, 0, g->waiting + g->first_waiting, g->n_waiting);
        for (uint32_t i = 0; i < sent; i++)
                traffic_captured(g->nic, g->pool, g->waiting[g->first_waiting + i].bytes,
                        g->waiting[g->first_waiting + i].length, true, NULL);
        g->first_waiting += sent;
        g->n_waiting -= sent;
        watch_port(g, g->n_waiting == 0);
        return sent;
}

uint32_t traffic_guest_round(struct traffic_guest *g, uint64_t now)
{
        uint32_t moved = 0;

        for (uint32_t q = 0; g->driver && q < g->queues; q++)
                moved += deliver(g, q);
        if (!g->driver || !g->port || g->nic->muted)
                return moved;
        port_set_time(g->port, now);
        return moved + collect(g);
}
