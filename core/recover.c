/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a ring whose writer was left by a jump (CAIRN_PORT_JUMPS of port.h): out of a signal handler, or out of a thread.
 * Names and invariants: ring.c.
 *
 * A writer that never comes back leaves `committed` at its begin for ever, and whatever was written since behind it. What is known to be
 * complete is kept: all up to `committed`; a record whose commit had stored content_bits; what a publisher was about to publish.
 * Of the rest nobody knows which are whole, so all of it is given up and counted. A nested writer that was left while the outer one
 * went on shows when that one publishes: begun != done.
 *
 * pos falls back to what is kept, or, if packets were opened behind it, to the begin of the newest of them; the packets between stay, empty.
 * So no packet number is used twice, and readers on other CPUs are not deceived: what changes lies beyond `committed`, and in packets
 * that `committed` has not reached readers take nothing but the header, whose words change as publishing changes them.
 * pos is stored, not swapped: nothing interrupts.
 */
#include "ring.h"

#if CAIRN_PORT_JUMPS
CAIRN_COLD enum cairn_turn cairn_ring_nested(struct cairn_slot *s, struct cairn_ring *r, uint32_t size)
{
	enum cairn_turn turn;

	/* also where nothing is pending any more; a ring that was left for good has no writer */
	if (!(cairn_load64(&r->committed) & CAIRN_POS_RETIRED) && cairn_port_recover(r, CAIRN_LEFT_PERHAPS))
		return CAIRN_TURN_MOVED;
	cairn_local_inc64(&r->begun);
	turn = cairn_ring_turn_at(s, r, cairn_load64(&r->pos), size, CAIRN_ANY_DEPTH);
	if (turn != CAIRN_TURN_RESERVED)
		cairn_local_inc64(&r->done);
	return turn;
}

/* First position behind `committed` that is not known to be complete. */
static uint64_t recover_known_complete(const struct cairn_ring *r)
{
	uint64_t committed = cairn_load64(&r->committed), settled = cairn_load64(&r->settled), off = committed & r->pkt_mask;
	uint64_t content = cairn_load64(&ring_hdr(r, committed)->content_bits) / 8;

	if (cairn_pos_diff(settled, committed) > 0)
		return settled;
	if (off && content > off)
		return committed + (content - off) + CAIRN_ONE_RECORD;
	return committed;
}

static bool recover_is_open(const struct cairn_ring *r, uint64_t packet_start)
{
	return cairn_load64(&ring_hdr(r, packet_start)->seq) == cairn_ring_seq(r, packet_start);
}

/* When the packet at `q` was closed: with the begin of the next one that was opened to the end. */
static uint64_t recover_close_time(const struct cairn_ring *r, uint64_t q, uint64_t last)
{
	while (last != q) {
		q = (q + ring_packet_bytes(r)) & CAIRN_POS_MASK;
		if (recover_is_open(r, q))
			return cairn_load64(&ring_hdr(r, q)->ts_begin);
	}
	return cairn_port_clock();
}

/* Do what an opener that was left has not done. */
static void recover_finish_opening(struct cairn_ring *r, uint64_t packet_start, uint64_t begin, uint64_t lost)
{
	struct cairn_packet_header *h = ring_hdr(r, packet_start);

	if (recover_is_open(r, packet_start))
		return;
	cairn_store64(&h->content_bits, 8 * CAIRN_PACKET_HEADER_BYTES);
	cairn_store64(&h->ts_begin, begin);
	cairn_store64(&h->ts_end, begin);
	cairn_store64(&h->events_discarded, lost);
	cairn_store64_release(&h->seq, cairn_ring_seq(r, packet_start)); /* ORDER valid:A, pairs with read:C */
}

CAIRN_COLD uint64_t cairn_ring_recover(struct cairn_ring *r)
{
	uint64_t pos = cairn_load64(&r->pos), keep = recover_known_complete(r), given_up = 0, now;
	uint64_t q = ring_packet_start(r, cairn_load64(&r->committed)), last = ring_packet_start(r, pos);
	struct cairn_packet_header *h = ring_hdr(r, q);

	cairn_ring_forget_slow(r);
	if (pos & CAIRN_POS_RETIRED) { /* left in the middle of an exchange, which takes place where nothing is pending */
		if (!(cairn_load64(&r->committed) & CAIRN_POS_RETIRED))
			cairn_ring_complete_exchange(r);
		return 0;
	}
	if (!(keep & r->pkt_mask)) { /* the first packet of all */
		keep += CAIRN_PACKET_HEADER_BYTES;
		recover_finish_opening(r, q, recover_close_time(r, q, last), 0);
	}
	cairn_store64(&r->events_total, cairn_load64(&h->events_before));
	for (; q != last; h = ring_hdr(r, q)) {
		struct cairn_closed *c = ring_closed(r, q);
		uint64_t close = recover_close_time(r, q, last), end = cairn_load64(&c->end), kept = end, total;

		if (cairn_pos_diff(q + ring_packet_bytes(r), keep) > 0) /* not whole */
			kept = q == ring_packet_start(r, keep) ? keep : q + CAIRN_PACKET_HEADER_BYTES;
		given_up += (end >> CAIRN_POS_BITS) - (kept >> CAIRN_POS_BITS);
		total = cairn_load64(&r->events_total) + (kept >> CAIRN_POS_BITS);
		cairn_store64(&c->end, kept);
		cairn_store64(&c->ts_close, close);
		cairn_store64(&h->ts_end, close);
		cairn_store64(&h->content_bits, (kept & r->pkt_mask) * 8);
		q = (q + ring_packet_bytes(r)) & CAIRN_POS_MASK;
		recover_finish_opening(r, q, close, cairn_load64(&h->events_discarded));
		cairn_store64(&r->events_total, total);
		cairn_store64(&ring_hdr(r, q)->events_before, total);
	}
	if (q != ring_packet_start(r, keep))
		keep = q + CAIRN_PACKET_HEADER_BYTES;
	given_up += (pos >> CAIRN_POS_BITS) - (keep >> CAIRN_POS_BITS);
	now = cairn_port_clock();
	if ((now - cairn_load64(&h->ts_end)) >> CAIRN_RING_GAP_BITS == 0)
		cairn_store64(&h->ts_end, now);
	cairn_store64(&h->content_bits, (keep & r->pkt_mask) * 8);
	cairn_store64(&r->seq_hint, cairn_ring_seq(r, q));
	cairn_store64_release(&r->committed, keep); /* ORDER commit:A, pairs with read:A */
	cairn_store64(&r->lost[CAIRN_LOST_ABANDONED], cairn_load64(&r->lost[CAIRN_LOST_ABANDONED]) + given_up);
	cairn_store64(&r->pos, keep);
	cairn_store64(&r->done, cairn_load64(&r->begun));
	return given_up;
}
#endif
