/* SPDX-License-Identifier: MIT */
/* What the rest of the core does with a ring besides writing to it. The writer itself: include/cairn/ring.h and ring.c. */
#ifndef CAIRN_CORE_RING_H
#define CAIRN_CORE_RING_H

#include "../include/cairn/flight.h"
#include "../include/cairn/ring.h"

/*
 * Make a control block and its slots ready; the ring is stopped until cairn_ring_start().
 *
 * @r          zeroed but for cpu, index, stream, slot, packets_offset, closed_offset, task, mode.
 * @packets    ring_bytes, aligned like a packet header; `closed` has an entry for each packet.
 * @uuid       the region's, 16 bytes.
 * @first_pos  normally 0; a multiple of packet_bytes (tests begin just below the wrap of positions).
 */
CAIRN_PRIVATE void cairn_ring_setup(struct cairn_ring *r, char *packets,
				    struct cairn_closed *closed, uint64_t ring_bytes,
				    uint64_t packet_bytes, const uint8_t *uuid, uint64_t first_pos);

/* Admit or refuse records from now on; records in the middle of being written are finished. Context: any CPU, thread. */
CAIRN_PRIVATE void cairn_ring_start(struct cairn_ring *r);
CAIRN_PRIVATE void cairn_ring_stop(struct cairn_ring *r);

/* Close the part-filled packet and open the next. Context: the ring's own writer context, any nesting. */
CAIRN_PRIVATE void cairn_ring_flush(struct cairn_ring *r);

/*
 * What all rings are to do from their next packet or event on. Written by core/trace.c, which pulls the limit of each ring where it must
 * be heard at once.
 */
struct cairn_orders {
	uint32_t epoch;	    /* of the clock; a packet holds times of one epoch */
	uint32_t counting;  /* `left` counts */
	uint64_t left;	    /* events until all rings freeze */
	uint64_t stop_at;   /* clock at which they freeze; 0 = never */
	uint64_t keep_from; /* if stop_at is set: packets with a time from here on are not overwritten; 0 = all may be */
};
#if CAIRN_PORT_SHARE
CAIRN_PRIVATE extern struct cairn_orders *cairn_ring_orders_used; /* this copy's, or another's (cairn_adopt()) */
#define cairn_ring_orders (*cairn_ring_orders_used)
#else
CAIRN_PRIVATE extern struct cairn_orders cairn_ring_orders;
#endif

/* The part of cairn_ring_setup() that concerns the packets: base, masks, headers, magic. Not pos and what goes with it. */
CAIRN_PRIVATE void cairn_ring_dress(struct cairn_ring *r, char *packets, uint64_t ring_bytes, uint64_t packet_bytes, const uint8_t *uuid);

/*
 * read.c. Clear: readers begin at `committed`, and what was before is not told. Give up: readers begin there, too; what was before counts as
 * overwritten. Clamp: `consumed` comes to lie in what is still there, as discard mode wants it.
 * Context: any CPU, thread; a reader that moves `consumed` at the same time may win.
 */
CAIRN_PRIVATE void cairn_ring_clear(struct cairn_ring *r);
CAIRN_PRIVATE void cairn_ring_give_up(struct cairn_ring *r);
CAIRN_PRIVATE void cairn_ring_clamp(struct cairn_ring *r);

/*
 * If a successor waits and the ring is at rest, go on there. tick: also, with a narrow clock, note the time, so that it can be widened
 * against it. Context: the ring's own CPU, any nesting.
 */
CAIRN_PRIVATE void cairn_ring_poll(struct cairn_ring *r);
CAIRN_PRIVATE void cairn_ring_tick(struct cairn_ring *r);

/* The last time in it. Context: any CPU; a hint there. */
CAIRN_PRIVATE uint64_t cairn_ring_last(const struct cairn_ring *r);

/* The clock, in full width. Context: the ring's own CPU. */
CAIRN_PRIVATE uint64_t cairn_ring_now(const struct cairn_ring *r);

/* Make the ring's next event take the slow path, where it obeys what was ordered before. Context: any. */
CAIRN_PRIVATE void cairn_ring_pull(struct cairn_ring *r);

/* Behind the swap that retires the ring: all that is left to do, from the ring's own words. Context: the ring's own CPU. */
CAIRN_PRIVATE void cairn_ring_complete_exchange(struct cairn_ring *r);

/*
 * Whoever was in the slow path does not come back: it is empty, and a request that was claimed there is open again. Context: the ring's own
 * writer context, outermost, nothing interrupts; or cairn_ring_hand_over().
 */
CAIRN_PRIVATE void cairn_ring_forget_slow(struct cairn_ring *r);

/* Count a record as lost that never came to the ring. Context: the ring's own CPU, any nesting. */
CAIRN_PRIVATE void cairn_ring_lose(struct cairn_ring *r, enum cairn_lost cause);

/* Number of the packet that a position lies in: the 64-bit number nearest to seq_hint. */
CAIRN_PRIVATE uint64_t cairn_ring_seq(const struct cairn_ring *r, uint64_t pos);

/* The invariants that can be seen from the control block alone. For tests, with the ring at rest. */
CAIRN_PRIVATE bool cairn_ring_valid(const struct cairn_ring *r);

/* ---- places, for ring.c and recover.c ---- */

CAIRN_INLINE struct cairn_packet_header *ring_hdr(const struct cairn_ring *r, uint64_t pos)
{
	return (struct cairn_packet_header *)(uintptr_t)(r->base + (pos & r->ring_mask & ~r->pkt_mask));
}

CAIRN_INLINE uint64_t ring_packet_bytes(const struct cairn_ring *r)
{
	return r->pkt_mask + 1;
}

/* First byte of the packet of a position, as a 48-bit position. */
CAIRN_INLINE uint64_t ring_packet_start(const struct cairn_ring *r, uint64_t pos)
{
	return pos & CAIRN_POS_MASK & ~r->pkt_mask;
}

CAIRN_INLINE struct cairn_closed *ring_closed(const struct cairn_ring *r, uint64_t pos)
{
	return (struct cairn_closed *)(uintptr_t)r->closed + (pos & r->ring_mask) / ring_packet_bytes(r);
}

#endif
