/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP, TCP and UDP in a frame: where they are, and their checksums (RFC 1071). Pure, any thread. */
#include "sim/nic/frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define ETH_IP4 0x0800u
#define ETH_IP6 0x86ddu

#define IP4_HEADER    20u
#define IP4_FRAGMENT  0x3fffu /* more fragments, or an offset */
#define IP4_SUM_AT    10u
#define IP4_ADDRESSES 12u
#define IP6_HEADER    40u
#define IP6_ADDRESSES 8u
#define TCP_HEADER    20u
#define TCP_SUM_AT    16u
#define UDP_HEADER    8u
#define UDP_LENGTH_AT 4u
#define UDP_SUM_AT    6u

/* The protocol if a whole header of it is there, else 0. */
static uint8_t known_protocol(uint8_t protocol, uint32_t l4, uint32_t end)
{
        uint32_t need = protocol == IPPROTO_TCP ? TCP_HEADER : UDP_HEADER;

        if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
                return 0;
        return l4 + need <= end && l4 + need <= FRAME_L4_MAX ? protocol : 0;
}

static bool find_ip4(const uint8_t *p, uint32_t left, struct frame_ip *ip)
{
        uint32_t header = (p[0] & 15u) * 4, total = frame_be16(p + 2);

        if (p[0] >> 4 != 4 || header < IP4_HEADER || header > left)
                return false;
        ip->version = 4;
        ip->l4 = (uint16_t) (ip->at + header);
        if (total < header || total > left) {
                ip->protocol = 0;
                ip->end = ip->l4;
                return true;
        }
        ip->end = (uint16_t) (ip->at + total);
        ip->protocol = frame_be16(p + 6) & IP4_FRAGMENT ? 0 : known_protocol(p[9], ip->l4, ip->end);
        return true;
}

static bool find_ip6(const uint8_t *p, uint32_t left, struct frame_ip *ip)
{
        uint32_t total = IP6_HEADER + frame_be16(p + 4), header = IP6_HEADER;
        uint8_t next = p[6];

        if (p[0] >> 4 != 6 || left < IP6_HEADER)
                return false;
        ip->version = 6;
        ip->protocol = 0;
        ip->l4 = ip->end = (uint16_t) (ip->at + IP6_HEADER);
        if (total > left)
                return true;
        ip->end = (uint16_t) (ip->at + total);
        if (next == IPPROTO_HOPOPTS && ip->l4 + 2u <= ip->end && ip->l4 + 2u <= FRAME_L4_MAX) {
                next = p[IP6_HEADER];
                header += (p[IP6_HEADER + 1] + 1u) * 8;
                ip->l4 = (uint16_t) (ip->at + (header <= total ? header : total));
        }
        ip->protocol = known_protocol(next, ip->l4, ip->end);
        return true;
}

bool frame_ip(const uint8_t *bytes, uint32_t n, const struct frame_head *h, struct frame_ip *ret)
{
        struct frame_ip ip = {.at = h->payload_at};
        bool found;

        if (n < ip.at + IP4_HEADER)
                return false;
        if (h->ethertype == ETH_IP4)
                found = find_ip4(bytes + ip.at, n - ip.at, &ip);
        else
                found = h->ethertype == ETH_IP6 && find_ip6(bytes + ip.at, n - ip.at, &ip);
        if (found)
                *ret = ip;
        return found;
}

/*
 * Sums are of 16-bit words as memory has them: the one's complement sum of swapped words is the
 * swapped sum (RFC 1071 2B), so that nothing here is swapped. 64 bits do not overflow.
 */
typedef uint64_t lanes __attribute__((vector_size(16)));

static inline uint64_t sum_bytes(const uint8_t *b, uint32_t n)
{
        lanes all = {0}, high = {0}, sum;
        uint64_t rest = 0;
        uint32_t word = 0;
        uint16_t last[2] = {0};

        for (; n >= sizeof(sum); b += sizeof(sum), n -= (uint32_t) sizeof(sum)) {
                lanes v;

                memcpy(&v, b, sizeof(v));
                all += v;
                high += v >> 32;
        }
        /* The lower halves are what is left of the sum of all, which may have wrapped. */
        sum = high + (all - (high << 32));
        if (n & 8) {
                memcpy(&rest, b, 8);
                rest = (rest & UINT64_C(0xffffffff)) + (rest >> 32);
        }
        if (n & 4)
                memcpy(&word, b + (n & 8), 4);
        if (n & 2)
                memcpy(&last[0], b + (n & 12), 2);
        if (n & 1)
                memcpy(&last[1], b + (n & 14), 1);
        return sum[0] + sum[1] + rest + word + last[0] + last[1];
}

static uint16_t fold(uint64_t sum)
{
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t) sum;
}

/* Of what TCP or UDP has summed, pseudo header included; 0: its length is wrong. */
static uint32_t l4_length(const uint8_t *bytes, const struct frame_ip *ip)
{
        uint32_t there = ip->end - ip->l4, says;

        if (ip->protocol == IPPROTO_TCP)
                return there;
        says = frame_be16(bytes + ip->l4 + UDP_LENGTH_AT);
        return says >= UDP_HEADER && says <= there ? says : 0;
}

static uint64_t sum_l4(const uint8_t *bytes, const struct frame_ip *ip, uint32_t n)
{
        const uint8_t *addresses =
                bytes + ip->at + (ip->version == 4 ? IP4_ADDRESSES : IP6_ADDRESSES);

        return sum_bytes(addresses, ip->version == 4 ? 8 : 32) + htons(ip->protocol) +
               htons((uint16_t) n) + sum_bytes(bytes + ip->l4, n);
}

uint32_t frame_checksums(const uint8_t *bytes, uint32_t n, const struct frame_head *h)
{
        struct frame_ip ip;
        uint32_t what, length;

        if (!frame_ip(bytes, n, h, &ip))
                return 0;
        what = FRAME_IP6;
        if (ip.version == 4) {
                what = FRAME_IP4;
                if (fold(sum_bytes(bytes + ip.at, ip.l4 - ip.at)) != 0xffff)
                        what |= FRAME_IP4_BAD;
        }
        if (!ip.protocol)
                return what;
        what |= ip.protocol == IPPROTO_TCP ? FRAME_TCP : FRAME_UDP;
        length = l4_length(bytes, &ip);
        if (!length || (what & FRAME_UDP && !frame_be16(bytes + ip.l4 + UDP_SUM_AT)))
                return what;
        what |= FRAME_L4;
        if (fold(sum_l4(bytes, &ip, length)) != 0xffff)
                what |= FRAME_L4_BAD;
        return what;
}

/* The sum of what is summed, at `to`, where 0 was summed. */
static void put_sum(uint8_t *to, uint64_t sum, bool zero_means_none)
{
        uint16_t value = (uint16_t) ~fold(sum);

        if (!value && zero_means_none)
                value = 0xffff;
        memcpy(to, &value, sizeof(value));
}

int frame_insert_checksums(uint8_t *bytes, uint32_t n, const struct frame_head *h, bool ip, bool l4)
{
        struct frame_ip at;
        uint32_t length = 0;
        uint8_t *sum;

        if (!frame_ip(bytes, n, h, &at) || (ip && at.version != 4))
                return -EINVAL;
        if (l4) {
                length = at.protocol ? l4_length(bytes, &at) : 0;
                if (!length)
                        return -EINVAL;
                sum = bytes + at.l4 + (at.protocol == IPPROTO_TCP ? TCP_SUM_AT : UDP_SUM_AT);
                memset(sum, 0, 2);
                put_sum(sum, sum_l4(bytes, &at, length), at.protocol == IPPROTO_UDP);
        }
        if (ip) {
                sum = bytes + at.at + IP4_SUM_AT;
                memset(sum, 0, 2);
                put_sum(sum, sum_bytes(bytes + at.at, at.l4 - at.at), false);
        }
        return 0;
}
