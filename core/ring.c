/* SPDX-License-Identifier: MIT */
/*
 * One CPU's ring: the out-of-line half of the writer (opening packets, publishing what nested writers left). The inline half,
 * reserve and commit, is in include/cairn/ring.h; read the two together.
 *
 * Glossary
 *	position	byte count since the ring began, 48 bits, never reduced modulo the ring; headers count too
 *	pos		position of the next record, with the number of records in its packet in the upper 16 bits: one
 *			compare-and-swap reserves and counts
 *	committed	value of pos below which everything is complete
 *	token		the right to move `committed`; held by the writer whose `begin` equals `committed`
 *	packet s	slot s mod N of the ring, positions s * P .. (s + 1) * P - 1
 *	pending		reserved and not yet committed
 *	lap		N packets
 *
 * Preconditions: C1 .. C4 of port.h. One CPU (thread) writes a ring; interrupts, NMIs and signals nest on it like a stack.
 * Another CPU may read everything at any time, stop the ring (enabled, limit), and move `consumed`.
 *
 * States of a slot, by hdr.seq:
 *
 *	~0 (never used) --open--> s --invalidate--> ~0 --open--> s + N --> ...
 *
 *	invalidate happens before pos enters the slot, validate after the header is whole; so bytes of the old lap are overwritten
 *	only while seq is ~0.
 *
 * Way of a record: reserve (swap on pos) -> filled -> commit. Commit of the token holder moves `committed` to its own end
 * and, if pos is further (nested writers came and went), publishes up to pos. Anyone else's commit does nothing.
 *
 * Invariants (checked by tests/model/nesting.c at every access, and by cairn_ring_valid())
 *	I1 Successful swaps on pos are totally ordered; ranges [begin, end) are disjoint and adjacent.
 *	I2 Times do not decrease in ring order: a clock value is used only if pos did not change between reading it and the swap.
 *	   A packet's ts_begin is not below any time in the packet before.
 *	I3 Exactly one token holder exists; only it touches committed, events_total and the mirrored header words. Writers nested
 *	   between its check and its release store see committed unequal to their own begin and leave.
 *	I4 Nothing stays unpublished: the holder returns only if pos == committed, or another holder began at the position it published.
 *	I5 A packet has one opener, the winner of the swap that enters it; nobody publishes into it before the opener's last step, since
 *	   committed is still at or below the position it closed.
 *	I6 A slot is not reused while it holds a pending record (lost: wrap) or, in discard mode, an unread packet (lost: full).
 *	I7 A packet as its header describes it is complete at every instruction: content_bits grows over committed records only, and seq is
 *	   ~0 while bytes of an older lap may be overwritten.
 *
 * Ordering between CPUs (on one CPU program order is enough)
 *	commit:A / read:A	payload and header words, then committed; reader acquires committed
 *	invalid:A / read:B	seq = ~0, release fence, then new bytes; a reader that copied new bytes sees ~0 after its acquire fence
 *	valid:A / read:C	header words, then seq = s; reader acquires seq
 *	consumed:A / open:A	reader is done with a packet, then consumed; writer acquires consumed and reuses the slot
 *	opened:A / read:I	control block and slots, then the block's magic
 *	stop:A / open:B		enabled = 0 then limit, against limit then enabled: full fences on both sides, one of the two sees the other
 */
#include "ring.h"

#include "debug.h"

static struct cairn_packet_header *ring_hdr(const struct cairn_ring *r, uint64_t pos)
{
	return (struct cairn_packet_header *)(uintptr_t)(r->base + (pos & r->ring_mask & ~r->pkt_mask));
}

static uint64_t ring_packet_bytes(const struct cairn_ring *r)
{
	return r->pkt_mask + 1;
}

/* First byte of the packet of a position, as a 48-bit position. */
static uint64_t ring_packet_start(const struct cairn_ring *r, uint64_t pos)
{
	return pos & CAIRN_POS_MASK & ~r->pkt_mask;
}

static struct cairn_closed *ring_closed(const struct cairn_ring *r, uint64_t pos)
{
	return (struct cairn_closed *)(uintptr_t)r->closed + (pos & r->ring_mask) / ring_packet_bytes(r);
}

/* In bytes, so that nothing needs the logarithm of P: the packet's start nearest to the hint's, then divided. */
uint64_t cairn_ring_seq(const struct cairn_ring *r, uint64_t pos)
{
	uint64_t packet = ring_packet_bytes(r), hint = cairn_load64(&r->seq_hint);
	int64_t ahead = cairn_pos_diff(ring_packet_start(r, pos), hint * packet);

	return hint + (uint64_t)(ahead / (int64_t)packet);
}

uint64_t cairn_ring_lost(const struct cairn_ring *r)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < CAIRN_NR_LOST; i++)
		sum += cairn_load64(&r->lost[i]);
	return sum;
}

/* Let the writer go up to `limit`, unless the ring has been stopped meanwhile. */
static void ring_set_limit(struct cairn_ring *r, uint64_t limit)
{
	cairn_store64(&r->limit, limit);
	cairn_fence_full(); /* ORDER open:B, pairs with stop:A */
	if (CAIRN_UNLIKELY(!cairn_load32(&r->enabled)))
		cairn_store64(&r->limit, ring_packet_start(r, limit) - 4);
}

#if CAIRN_PORT_JUMPS
/* Whether one that nested in this publisher did not come back: behind a pending record, or one that began at `committed`. */
static bool ring_nested_was_left(const struct cairn_ring *r)
{
	uint64_t begun, done;

	do {
		begun = cairn_load64(&r->begun);
		done = cairn_load64(&r->done);
	} while (cairn_load64(&r->begun) != begun); /* one nested between the two */
	return begun != done || !cairn_port_marked(cairn_load64(&r->frame));
}
#endif

void cairn_ring_publish(struct cairn_ring *r, uint64_t from)
{
	for (;;) {
		uint64_t to = cairn_load64(&r->pos);
		uint64_t now = cairn_port_clock();
		uint64_t q = ring_packet_start(r, from), last = ring_packet_start(r, to);
		struct cairn_packet_header *h = ring_hdr(r, q);

		if (cairn_load64(&r->pos) != to)
			continue; /* a packet opened meanwhile would begin before `now` (I2) */
#if CAIRN_PORT_JUMPS
		if (CAIRN_UNLIKELY(ring_nested_was_left(r))) { /* not all up to `to` is whole */
			(void)cairn_port_recover(r, CAIRN_LEFT);
			return;
		}
		cairn_store64(&r->settled, to); /* if this writer is left from here on, cairn_ring_recover() ends its work */
#endif
		while (q != last) {
			struct cairn_closed *c = ring_closed(r, q);
			uint64_t end = cairn_load64(&c->end);
			uint64_t total = cairn_load64(&r->events_total) + (end >> CAIRN_POS_BITS);

			cairn_store64(&h->ts_end, cairn_load64(&c->ts_close));
			cairn_store64(&h->content_bits, (end & r->pkt_mask) * 8);
			q = (q + ring_packet_bytes(r)) & CAIRN_POS_MASK;
			h = ring_hdr(r, q);
			cairn_store64(&r->events_total, total);
			cairn_store64(&h->events_before, total);
		}
		/*
		 * Not if this writer was held up for hours: the next record's distance is measured from ts_end, but a decoder
		 * measures it from the last record, so ts_end must not run away from that one (see CAIRN_RING_GAP_BITS).
		 */
		if (CAIRN_LIKELY((now - cairn_load64(&h->ts_end)) >> CAIRN_RING_GAP_BITS == 0))
			cairn_store64(&h->ts_end, now);
		cairn_store64(&h->content_bits, (to & r->pkt_mask) * 8);
		cairn_store64_release(&r->committed, to); /* ORDER commit:A, pairs with read:A */
		if (cairn_load64(&r->pos) == to)
			return;
		if (cairn_load64(&r->committed) != to)
			return; /* a nested writer began exactly at `to` and took the token (I4) */
		from = to;
	}
}

enum ring_opened { RING_LOST, RING_MOVED, RING_OPENED };

/* The record of `size` bytes is not written; a flush (size 0) has none. */
static enum ring_opened ring_lose(struct cairn_ring *r, enum cairn_lost cause, uint32_t size)
{
	if (size)
		cairn_local_inc64(&r->lost[cause]);
	return RING_LOST;
}

#if CAIRN_PORT_JUMPS
/*
 * What cairn_ring_recover() must know if an opener is left right behind its swap: where the packet at `o` ends. Swap, not store: a nested
 * opener may have closed it since we looked at pos, further on. False: pos has moved.
 */
static bool ring_foresee_close(struct cairn_ring *r, uint64_t o)
{
	struct cairn_closed *c = ring_closed(r, o);
	uint64_t old_end = cairn_load64(&c->end);

	if (cairn_load64(&r->pos) != o)
		return false;
	if (o & r->pkt_mask)
		(void)cairn_local_cas64(&c->end, old_end, o);
	return true;
}

static bool ring_enter(struct cairn_ring *r, uint64_t o, uint64_t n, bool nested)
{
	if (nested)
		cairn_local_inc64(&r->begun);
	else
		cairn_port_mark(&r->frame);
	if (cairn_local_cas64(&r->pos, o, n))
		return true;
	if (nested)
		cairn_local_inc64(&r->done);
	return false;
}
#else
static bool ring_enter(struct cairn_ring *r, uint64_t o, uint64_t n, bool nested)
{
	(void)nested;
	return cairn_local_cas64(&r->pos, o, n);
}
#endif

/*
 * Close packet at `o` (if one is open) and open the next one, for a record of `size` bytes, or 0 for a flush.
 *
 * Returns   RING_MOVED: pos changed meanwhile, look again; RING_LOST: counted as lost.
 */
static enum ring_opened ring_open_packet(struct cairn_ring *r, uint64_t o, uint64_t ts, uint32_t size)
{
	uint64_t packet = ring_packet_bytes(r), ring = r->ring_mask + 1;
	uint64_t ns = ring_packet_start(r, o + ((o & r->pkt_mask) ? packet : 0));
	uint64_t s, old_lap, lost, old_lost;
	struct cairn_packet_header *h;
	bool nested = false;

	if (size > packet - CAIRN_PACKET_HEADER_BYTES - 4)
		return ring_lose(r, CAIRN_LOST_BIG, size);
	if (cairn_load32(&r->mode) == CAIRN_DISCARD &&
	    cairn_pos_diff(ns + packet, cairn_load64_acquire(&r->consumed)) > (int64_t)ring) /* ORDER open:A, pairs with consumed:A */
		return ring_lose(r, CAIRN_LOST_FULL, size);
	if (cairn_pos_diff(ns + packet, ring_packet_start(r, cairn_load64(&r->committed))) > (int64_t)ring)
		return ring_lose(r, CAIRN_LOST_WRAP, size);

#if CAIRN_PORT_JUMPS
	nested = cairn_load64(&r->committed) != o; /* if pos was `o` still, which is looked at next */
	if (!ring_foresee_close(r, o))
		return RING_MOVED;
#endif
	h = ring_hdr(r, ns);
	s = cairn_ring_seq(r, ns);
	old_lap = s - ring / packet;
	/* Swap, not store: an interrupted opener must not wipe the packet that a nested opener has made valid since. */
	if (cairn_load64(&h->seq) == old_lap)
		(void)cairn_local_cas64(&h->seq, old_lap, CAIRN_SEQ_INVALID);
	/*
	 * ORDER invalid:A / read:B
	 *   invalidate, then write bytes of the new lap (first of all by moving pos, which lets nested writers in).
	 */
	cairn_fence_release(); /* ORDER invalid:A, pairs with read:B */
	lost = cairn_ring_lost(r);
	old_lost = cairn_load64(&h->events_discarded);
	if (!ring_enter(r, o, ns + CAIRN_PACKET_HEADER_BYTES, nested)) /* count of records starts at 0 again */
		return RING_MOVED;

	if (o & r->pkt_mask) {
		struct cairn_closed *c = ring_closed(r, o);

		cairn_store64(&c->end, o);
		cairn_store64(&c->ts_close, ts);
		cairn_store64(&ring_hdr(r, o)->events_discarded, lost);
	}
	cairn_store64(&h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8);
	cairn_store64(&h->ts_begin, ts);
	cairn_store64(&h->ts_end, ts);
	/* Swap, not store: a nested opener may have closed this packet already, with a later and higher count. */
	(void)cairn_local_cas64(&h->events_discarded, old_lost, lost);
	/*
	 * ORDER valid:A / read:C
	 *   header words, then the number that makes the packet valid.
	 */
	cairn_store64_release(&h->seq, s); /* ORDER valid:A, pairs with read:C */
	cairn_store64(&r->seq_hint, s);
	ring_set_limit(r, ns + packet - 4);
	if (nested)
		cairn_local_inc64(&r->done);
	if (cairn_load64(&r->committed) == o)
		cairn_ring_publish(r, o);
	return RING_OPENED;
}

/*
 * The fast path could not reserve `size` bytes: the packet is full, limit is stale, the clock is odd, or the ring is stopped.
 *
 * Returns   true: try again; false: do not write (counted as lost unless the ring is stopped).
 */
CAIRN_COLD bool cairn_ring_slow(struct cairn_ring *r, uint32_t size)
{
	unsigned retries = 0;

#if CAIRN_PORT_JUMPS
	if (cairn_load64(&r->committed) != cairn_load64(&r->pos) && cairn_port_recover(r, CAIRN_LEFT_PERHAPS))
		return true;
#endif
	for (;;) {
		uint64_t o = cairn_load64(&r->pos);
		uint64_t ts = cairn_port_clock();
		uint64_t off = o & r->pkt_mask;
		enum ring_opened opened;

		if (!cairn_load32(&r->enabled))
			return false;
		if (off != 0) {
			uint64_t ahead = ts - cairn_load64(&ring_hdr(r, o)->ts_end);

			if ((int64_t)ahead < 0) { /* a step back, or an event nested between the two reads */
				if (++retries <= CAIRN_CLOCK_RETRIES)
					continue;
				(void)ring_lose(r, CAIRN_LOST_CLOCK, size);
				return false;
			}
			if (off + size < ring_packet_bytes(r) && ahead >> CAIRN_RING_GAP_BITS == 0) {
				ring_set_limit(r, ring_packet_start(r, o) + ring_packet_bytes(r) - 4);
				if (cairn_load64(&r->pos) == o)
					return true;
				continue;
			}
		}
		opened = ring_open_packet(r, o, ts, size);
		if (opened != RING_MOVED)
			return opened == RING_OPENED;
	}
}

/* As a record that does not fit would close it; but an empty packet stays, and nothing is lost if no packet is free. */
void cairn_ring_flush(struct cairn_ring *r)
{
	unsigned retries = 0;

#if CAIRN_PORT_JUMPS
	while (cairn_load64(&r->committed) != cairn_load64(&r->pos) && cairn_port_recover(r, CAIRN_LEFT_PERHAPS))
		;
#endif
	for (;;) {
		uint64_t o = cairn_load64(&r->pos);
		uint64_t ts = cairn_port_clock();

		if (!cairn_load32(&r->enabled) || !(o >> CAIRN_POS_BITS))
			return;
		if ((int64_t)(ts - cairn_load64(&ring_hdr(r, o)->ts_end)) < 0) {
			if (++retries > CAIRN_CLOCK_RETRIES)
				return;
			continue;
		}
		if (ring_open_packet(r, o, ts, 0) != RING_MOVED)
			return;
	}
}

CAIRN_COLD void *cairn_reserve_again(struct cairn_slot *s, uint32_t id, uint32_t bytes)
{
	return cairn_reserve(s, id, bytes);
}

CAIRN_COLD void cairn_commit_again(struct cairn_slot *s)
{
	cairn_commit(s);
}

void cairn_ring_setup(struct cairn_ring *r, char *packets, struct cairn_closed *closed, uint64_t ring_bytes, uint64_t packet_bytes,
		      const uint8_t *uuid, uint64_t first_pos)
{
	uint64_t slot;
	unsigned i;

	r->base = (uint64_t)(uintptr_t)packets;
	r->closed = (uint64_t)(uintptr_t)closed;
	r->ring_mask = ring_bytes - 1;
	r->pkt_mask = packet_bytes - 1;
	r->pos = r->committed = r->consumed = r->start = first_pos;
	r->limit = first_pos - 4;
	r->settled = first_pos;
	r->seq_hint = first_pos / packet_bytes;
	for (slot = 0; slot < ring_bytes / packet_bytes; slot++) {
		struct cairn_packet_header *h = (struct cairn_packet_header *)(void *)(packets + slot * packet_bytes);

		h->magic = CAIRN_CTF_MAGIC;
		for (i = 0; i < sizeof(h->uuid); i++)
			h->uuid[i] = uuid[i];
		h->stream_id = 0;
		h->ts_begin = h->ts_end = 0;
		h->content_bits = CAIRN_PACKET_HEADER_BYTES * 8;
		h->packet_bits = packet_bytes * 8;
		h->seq = CAIRN_SEQ_INVALID;
		h->events_discarded = h->events_before = 0;
		h->cpu_id = r->cpu;
		h->flags = r->index;
	}
	/*
	 * ORDER opened:A / read:I
	 *   the control block and its slots, then the magic: who sees it sees a ring.
	 */
	cairn_fence_release(); /* ORDER opened:A, pairs with read:I (reader/snapshot.c) */
	cairn_store32(&r->magic, CAIRN_RING_MAGIC);
}

void cairn_ring_start(struct cairn_ring *r)
{
	cairn_store32(&r->enabled, 1); /* limit is stale downwards: the next event's slow path raises it */
}

void cairn_ring_stop(struct cairn_ring *r)
{
	cairn_store32(&r->enabled, 0);
	/*
	 * ORDER stop:A / open:B
	 *   enabled = 0, then limit; the writer: limit, then enabled. With full fences one of the two sees the other's store.
	 */
	cairn_fence_full(); /* ORDER stop:A, pairs with open:B */
	cairn_store64(&r->limit, ring_packet_start(r, cairn_load64(&r->pos)) - 4);
}

#if CAIRN_PORT_JUMPS
CAIRN_COLD enum cairn_turn cairn_ring_nested(struct cairn_slot *s, struct cairn_ring *r, uint32_t size)
{
	enum cairn_turn turn;

	if (cairn_port_recover(r, CAIRN_LEFT_PERHAPS))
		return CAIRN_TURN_MOVED;
	cairn_local_inc64(&r->begun);
	turn = cairn_ring_turn_at(s, r, cairn_load64(&r->pos), size, CAIRN_ANY_DEPTH);
	if (turn != CAIRN_TURN_RESERVED)
		cairn_local_inc64(&r->done);
	return turn;
}

/*
 * ---- after a jump ----
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

/* First position behind `committed` that is not known to be complete. */
static uint64_t ring_known_complete(const struct cairn_ring *r)
{
	uint64_t committed = cairn_load64(&r->committed), settled = cairn_load64(&r->settled), off = committed & r->pkt_mask;
	uint64_t content = cairn_load64(&ring_hdr(r, committed)->content_bits) / 8;

	if (cairn_pos_diff(settled, committed) > 0)
		return settled;
	if (off && content > off)
		return committed + (content - off) + CAIRN_ONE_RECORD;
	return committed;
}

static bool ring_is_open(const struct cairn_ring *r, uint64_t packet_start)
{
	return cairn_load64(&ring_hdr(r, packet_start)->seq) == cairn_ring_seq(r, packet_start);
}

/* When the packet at `q` was closed: with the begin of the next one that was opened to the end. */
static uint64_t ring_close_time(const struct cairn_ring *r, uint64_t q, uint64_t last)
{
	while (last != q) {
		q = (q + ring_packet_bytes(r)) & CAIRN_POS_MASK;
		if (ring_is_open(r, q))
			return cairn_load64(&ring_hdr(r, q)->ts_begin);
	}
	return cairn_port_clock();
}

/* Do what an opener that was left has not done. */
static void ring_finish_opening(struct cairn_ring *r, uint64_t packet_start, uint64_t begin, uint64_t lost)
{
	struct cairn_packet_header *h = ring_hdr(r, packet_start);

	if (ring_is_open(r, packet_start))
		return;
	cairn_store64(&h->content_bits, 8 * CAIRN_PACKET_HEADER_BYTES);
	cairn_store64(&h->ts_begin, begin);
	cairn_store64(&h->ts_end, begin);
	cairn_store64(&h->events_discarded, lost);
	cairn_store64_release(&h->seq, cairn_ring_seq(r, packet_start)); /* ORDER valid:A, pairs with read:C */
}

CAIRN_COLD uint64_t cairn_ring_recover(struct cairn_ring *r)
{
	uint64_t pos = cairn_load64(&r->pos), keep = ring_known_complete(r), given_up = 0, now;
	uint64_t q = ring_packet_start(r, cairn_load64(&r->committed)), last = ring_packet_start(r, pos);
	struct cairn_packet_header *h = ring_hdr(r, q);

	if (!(keep & r->pkt_mask)) { /* the first packet of all */
		keep += CAIRN_PACKET_HEADER_BYTES;
		ring_finish_opening(r, q, ring_close_time(r, q, last), 0);
	}
	cairn_store64(&r->events_total, cairn_load64(&h->events_before));
	for (; q != last; h = ring_hdr(r, q)) {
		struct cairn_closed *c = ring_closed(r, q);
		uint64_t close = ring_close_time(r, q, last), end = cairn_load64(&c->end), kept = end, total;

		if (cairn_pos_diff(q + ring_packet_bytes(r), keep) > 0) /* not whole */
			kept = q == ring_packet_start(r, keep) ? keep : q + CAIRN_PACKET_HEADER_BYTES;
		given_up += (end >> CAIRN_POS_BITS) - (kept >> CAIRN_POS_BITS);
		total = cairn_load64(&r->events_total) + (kept >> CAIRN_POS_BITS);
		cairn_store64(&c->end, kept);
		cairn_store64(&c->ts_close, close);
		cairn_store64(&h->ts_end, close);
		cairn_store64(&h->content_bits, (kept & r->pkt_mask) * 8);
		q = (q + ring_packet_bytes(r)) & CAIRN_POS_MASK;
		ring_finish_opening(r, q, close, cairn_load64(&h->events_discarded));
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

bool cairn_ring_valid(const struct cairn_ring *r)
{
	uint64_t pos = r->pos & CAIRN_POS_MASK, committed = r->committed & CAIRN_POS_MASK;

	return r->magic == CAIRN_RING_MAGIC && r->ring_mask > r->pkt_mask && (r->ring_mask & (r->ring_mask + 1)) == 0 &&
	       (r->pkt_mask & (r->pkt_mask + 1)) == 0 && cairn_pos_diff(pos, committed) >= 0 &&
	       cairn_pos_diff(pos, ring_packet_start(r, committed)) < (int64_t)r->ring_mask + 1;
}
