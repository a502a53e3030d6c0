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
 *	at rest		committed == pos: nobody is between reserve and commit
 *	retired		bit 0 of pos is set: the CPU goes on in another ring (docs/ring.md, Exchange)
 *	epoch		how often the clock has restarted; times of different epochs are not comparable
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
 *	I8 A ring is retired at rest, while no other writer is in its slow path, by one swap of pos to the next packet's begin with bit 0. So no
 *	   stale limit admits anything (a limit never lies beyond the open packet), every swap from an older pos fails, and nothing of the ring
 *	   changes any more but in_slow, limit (downwards), lost[SWITCH] and, as the last store of the exchange, committed. Its successor
 *	   begins at that position.
 *
 * Ordering between CPUs (on one CPU program order is enough)
 *	commit:A / read:A	payload and header words, then committed; reader acquires committed
 *	invalid:A / read:B	seq = ~0, release fence, then new bytes; a reader that copied new bytes sees ~0 after its acquire fence
 *	valid:A / read:C	header words, then seq = s; reader acquires seq
 *	consumed:A / open:A	reader is done with a packet, then consumed; writer acquires consumed and reuses the slot
 *	opened:A / read:I	control block and slots, then the block's magic
 *	stop:A / open:B		enabled = 0 (or successor, or the epoch) then limit, against limit then enabled, successor, epoch: full fences
 *				on both sides, one of the two sees the other
 *	request:A / request:B	successor block prepared, then its address
 *	ring:A / ring:B		successor block begun, then the pointer to it
 *	retired:A / retired:B	all that the CPU ever does to the old ring, then committed with bit 0
 *	wake:A / wake:B		committed, then woken?; the reader: woken = 0, then committed: full fences on both sides
 */
#include "ring.h"

#include "debug.h"

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

/* What the slow path found when it looked; the rest of it decides by that alone. */
struct ring_turn {
	uint64_t o, ts;
	uint32_t epoch, counting; /* orders */
	bool deferred; /* a successor waits, but an outer writer is pending or in here: go on in this ring until it has left */
};

static uint64_t ring_clock(const struct cairn_ring *r, uint64_t pos)
{
	return cairn_ring_clock(ring_hdr(r, pos));
}

static void ring_close_limit(struct cairn_ring *r, uint64_t pos)
{
	cairn_store64(&r->limit, ring_packet_start(r, pos) - 4);
}

/* Let the writer go up to `limit`, unless the ring has been stopped meanwhile, or asked for something. */
static void ring_set_limit(struct cairn_ring *r, const struct ring_turn *t, uint64_t limit)
{
	cairn_store64(&r->limit, limit);
	cairn_fence_full(); /* ORDER open:B, pairs with stop:A */
	if (CAIRN_UNLIKELY(!cairn_load32(&r->enabled) || (!t->deferred && cairn_load64(&r->successor)) ||
			   cairn_load32(&cairn_ring_orders.epoch) != t->epoch ||
			   cairn_load32(&cairn_ring_orders.counting) != t->counting))
		ring_close_limit(r, limit);
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

/* Enough is unread now that packets up to `ns`, the open one, are published: tell the reader, once until it looks. */
static void ring_wake(struct cairn_ring *r, uint64_t ns)
{
	uint64_t level = cairn_load64(&r->wake_bytes);

	if (CAIRN_LIKELY(!level) || cairn_pos_diff(ns, cairn_load64(&r->consumed)) < (int64_t)level)
		return;
	/*
	 * ORDER wake:A / wake:B
	 *   committed, then is the reader awake; the reader: asleep, then is there a packet. One of the two sees the other's store.
	 */
	cairn_fence_full(); /* ORDER wake:A, pairs with wake:B */
	if (cairn_load64(&r->woken))
		return;
	cairn_store64(&r->woken, 1);
#if CAIRN_PORT_WAKE
	cairn_port_wake(r->cpu);
#endif
}

void cairn_ring_publish(struct cairn_ring *r, uint64_t from)
{
	for (;;) {
		uint64_t to = cairn_load64(&r->pos);
		uint64_t now = ring_clock(r, to);
		uint64_t q = ring_packet_start(r, from), last = ring_packet_start(r, to);
		struct cairn_packet_header *h = ring_hdr(r, q);
		bool closes = q != last;

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
		if (closes)
			ring_wake(r, last);
		if (cairn_load64(&r->pos) == to) {
			if (CAIRN_UNLIKELY(cairn_load64(&r->successor)))
				ring_close_limit(r, to); /* the request was deferred while we were pending */
			return;
		}
		if (cairn_load64(&r->committed) != to)
			return; /* a nested writer began exactly at `to` and took the token (I4), or retired the ring there (I8) */
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

/* Whether the packet in this slot, of the lap before, is one that cairn_keep() protects. */
static bool ring_is_kept(const struct cairn_packet_header *h, uint64_t old_lap)
{
	uint64_t from = cairn_load64(&cairn_ring_orders.keep_from);

	return CAIRN_UNLIKELY(from != 0) && cairn_load64(&cairn_ring_orders.stop_at) && cairn_load64(&h->seq) == old_lap && cairn_load64(&h->ts_end) >= from &&
	       CAIRN_PACKET_EPOCH(cairn_load32(&h->flags)) == (cairn_load32(&cairn_ring_orders.epoch) & 0xffff);
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
 * Close packet at t->o (if one is open) and open the next one, for a record of `size` bytes, or 0 for a flush.
 *
 * @close    time at which the old packet ends: t->ts, or its own ts_end where the clock has restarted since.
 * Returns   RING_MOVED: pos changed meanwhile, look again; RING_LOST: counted as lost.
 */
static enum ring_opened ring_open_packet(struct cairn_ring *r, const struct ring_turn *t, uint64_t close, uint32_t size)
{
	uint64_t packet = ring_packet_bytes(r), ring = r->ring_mask + 1, o = t->o;
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
	if (ring_is_kept(h, old_lap))
		return ring_lose(r, CAIRN_LOST_FULL, size);
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
		cairn_store64(&c->ts_close, close);
		cairn_store64(&ring_hdr(r, o)->events_discarded, lost);
	}
	cairn_store64(&h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8);
	cairn_store64(&h->ts_begin, t->ts);
	cairn_store64(&h->ts_end, t->ts);
	cairn_store32(&h->flags, r->stream | t->epoch << 16);
	/* Swap, not store: a nested opener may have closed this packet already, with a later and higher count. */
	(void)cairn_local_cas64(&h->events_discarded, old_lost, lost);
	/*
	 * ORDER valid:A / read:C
	 *   header words, then the number that makes the packet valid.
	 */
	cairn_store64_release(&h->seq, s); /* ORDER valid:A, pairs with read:C */
	cairn_store64(&r->seq_hint, s);
	ring_set_limit(r, t, t->counting ? ns - 4 : ns + packet - 4);
	if (nested)
		cairn_local_inc64(&r->done);
	if (cairn_load64(&r->committed) == o)
		cairn_ring_publish(r, o);
	return RING_OPENED;
}

/* ---- exchange (docs/ring.md) ---- */

#if CAIRN_PORT_JUMPS
/* Something is pending, a record or an exchange, whose writer was left: it has been given up, or brought to its end. */
static bool ring_gave_up(struct cairn_ring *r)
{
	uint64_t committed = cairn_load64(&r->committed);

	return !(committed & CAIRN_POS_RETIRED) && committed != cairn_load64(&r->pos) && cairn_port_recover(r, CAIRN_LEFT_PERHAPS);
}
#endif

/* A record found its ring retired: the pointer leads on by now (or here again, in a new life), or, nested in the exchange itself, it does not yet. */
static bool ring_was_left(struct cairn_ring *r, uint32_t size)
{
	struct cairn_ring **slot = (struct cairn_ring **)(uintptr_t)r->slot;

	if (CAIRN_LOAD_PTR(slot) != r || !(cairn_load64(&r->pos) & CAIRN_POS_RETIRED))
		return true;
	if (cairn_load32(&r->enabled))
		(void)ring_lose(r, CAIRN_LOST_SWITCH, size);
	return false;
}

/* The record of what was there at o; what a retired ring's last packet says, as if it had been closed. */
static void ring_close_last(struct cairn_ring *r, uint64_t o, uint64_t ts)
{
	struct cairn_closed *c = ring_closed(r, o);

	if (!(o & r->pkt_mask))
		return;
	cairn_store64(&c->end, o);
	cairn_store64(&c->ts_close, ts);
	cairn_store64(&ring_hdr(r, o)->events_discarded, cairn_ring_lost(r));
}

/* `n` begins at ns, where `r` has ended. Losses by this exchange itself come later. */
static void ring_begin_successor(struct cairn_ring *n, const struct cairn_ring *r, uint64_t ns, uint64_t total, uint64_t ts)
{
	unsigned i;

	for (i = 0; i < CAIRN_NR_LOST; i++) {
		cairn_store64(&n->lost[i], cairn_load64(&r->lost[i]));
		cairn_store64(&n->start_lost_by[i], cairn_load64(&r->start_lost_by[i]));
	}
	cairn_store64(&n->start_events, cairn_load64(&r->start_events));
	cairn_store64(&n->start_lost, cairn_load64(&r->start_lost));
	cairn_store32(&n->cleared, cairn_load32(&r->cleared));
	cairn_store64(&n->events_total, total);
	cairn_store64(&ring_hdr(n, ns)->events_before, total);
	cairn_store64(&n->seq_hint, cairn_ring_seq(r, ns));
	cairn_store64(&ring_hdr(n, ns)->ts_end, ts); /* narrow clocks are widened against it, and a step back shows */
	cairn_store32(&ring_hdr(n, ns)->flags, n->stream | CAIRN_PACKET_EPOCH(cairn_load32(&ring_hdr(r, cairn_load64(&r->committed))->flags)) << 16);
	cairn_store32(&n->task, cairn_load32(&r->task));
	cairn_store64(&n->settled, ns);
	cairn_store64(&n->begun, 0);
	cairn_store64(&n->done, 0);
	cairn_store64(&n->consumed, ns);
	cairn_store64(&n->start, ns);
	ring_close_limit(n, ns);
	cairn_store64(&n->pos, ns);
	cairn_store64(&n->committed, ns);
	cairn_store32(&n->state, CAIRN_RING_LIVE);
}

void cairn_ring_complete_exchange(struct cairn_ring *r)
{
	struct cairn_ring *n = (struct cairn_ring *)(uintptr_t)(cairn_load64(&r->successor) & ~CAIRN_SUCCESSOR_TAKEN), *here = r;
	uint64_t o = cairn_load64(&r->committed), ns = cairn_load64(&r->pos) & CAIRN_POS_MASK & ~CAIRN_POS_RETIRED;
	uint64_t ts = ring_clock(r, o);

	ring_close_last(r, o, ts);
	ring_begin_successor(n, r, ns, cairn_load64(&r->events_total) + (o >> CAIRN_POS_BITS), ts);
	cairn_store32(&r->state, CAIRN_RING_FROZEN);
	/*
	 * ORDER ring:A / ring:B
	 *   the whole control block, then the pointer to it. A swap with the bus locked: an instance that is being removed has no pointer any
	 *   more, and must not get one again.
	 */
	(void)__atomic_compare_exchange_n((struct cairn_ring **)(uintptr_t)r->slot, &here, n, false, __ATOMIC_RELEASE,
					  __ATOMIC_RELAXED); /* ORDER ring:A, pairs with ring:B */
	/* From here on nothing is lost for this exchange, and nobody asks n for one before it has seen r's committed. */
	cairn_store64(&n->lost[CAIRN_LOST_SWITCH], cairn_load64(&r->lost[CAIRN_LOST_SWITCH]));
	/*
	 * ORDER retired:A / retired:B
	 *   everything that this CPU does to r, and to begin n, then committed with bit 0: who sees it may take r's memory.
	 */
	cairn_store64_release(&r->committed, o | CAIRN_POS_RETIRED); /* ORDER retired:A, pairs with retired:B (block.c) */
}

/*
 * Leave `r`, which is at rest, for its successor. The request is claimed first, so that who made it cannot take it back meanwhile; what
 * nests between the claim and the swap is still written to `r`. From the swap to the store of the pointer nested writers find no ring and
 * are lost (cause "switch").
 */
static void ring_exchange(struct cairn_ring *r, uint64_t successor)
{
	uint64_t o, ns;

	/* ORDER request:B, pairs with request:A: the block behind the address is prepared. With the bus locked: another CPU may take it back. */
	if (!__atomic_compare_exchange_n(&r->successor, &successor, successor | CAIRN_SUCCESSOR_TAKEN, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return;
	do {
		o = cairn_load64(&r->pos);
		ns = ring_packet_start(r, o + ((o & r->pkt_mask) ? ring_packet_bytes(r) : 0));
#if CAIRN_PORT_JUMPS
		cairn_port_mark(&r->frame);
#endif
	} while (!cairn_local_cas64(&r->pos, o, ns | CAIRN_POS_RETIRED)); /* I8 */
	cairn_ring_complete_exchange(r);
}

/*
 * Count this writer into the slow path, and out of it. Only the one who is alone there may retire the ring: another one could have looked at
 * its pos before, and would go on to invalidate a packet or to count a loss. The last one out sees to a request that was deferred for it.
 */
static void ring_enter_slow(struct cairn_ring *r)
{
	cairn_local_inc64(&r->in_slow);
	cairn_barrier(); /* before pos is looked at, for what interrupts us */
}

static void ring_leave_slow(struct cairn_ring *r)
{
	uint64_t in = cairn_load64(&r->in_slow); /* what nests between load and store has left again */

	in -= in != 0; /* 0: somebody below us found that others were left (cairn_ring_recover()) */
	cairn_store64(&r->in_slow, in);
	/* Only at rest: else we nest in an outer writer, whose publishing does the same, and we shall need the limit that we have just set. */
	if (CAIRN_UNLIKELY(!in && cairn_load64(&r->successor)) && !(cairn_load64(&r->successor) & CAIRN_SUCCESSOR_TAKEN) &&
	    cairn_load64(&r->committed) == cairn_load64(&r->pos))
		ring_close_limit(r, cairn_load64(&r->pos));
}

/* Whether a request waits that this writer must leave to another one. */
static bool ring_must_defer(const struct cairn_ring *r, uint64_t o, uint64_t successor)
{
	return cairn_load64(&r->committed) != o || successor & CAIRN_SUCCESSOR_TAKEN || cairn_load64(&r->in_slow) != 1;
}

/* In the slow path: go over if that is asked for and may be done here. Whether it may not. */
static bool ring_obey(struct cairn_ring *r, uint64_t o, uint64_t successor)
{
	if (ring_must_defer(r, o, successor))
		return false;
	ring_exchange(r, successor);
	return true;
}

void cairn_ring_poll(struct cairn_ring *r)
{
	uint64_t o, successor;

	ring_enter_slow(r);
	o = cairn_load64(&r->pos);
	successor = cairn_load64(&r->successor);
	if (successor && !(o & CAIRN_POS_RETIRED))
		(void)ring_obey(r, o, successor);
	ring_leave_slow(r);
}

void cairn_ring_tick(struct cairn_ring *r)
{
#if CAIRN_PORT_CLOCK_BITS < 64
	uint64_t o = cairn_load64(&r->pos);
	struct cairn_packet_header *h = ring_hdr(r, o);
	uint64_t last = cairn_load64(&h->ts_end), now = cairn_ring_clock(h);

	/* A swap, and at rest: a commit that comes between, or is pending, has a time of its own to store. */
	if (cairn_load64(&r->committed) == o && (int64_t)(now - last) > 0 && (now - last) >> CAIRN_RING_GAP_BITS == 0)
		(void)cairn_local_cas64(&h->ts_end, last, now);
#endif
	cairn_ring_poll(r);
}

uint64_t cairn_ring_last(const struct cairn_ring *r)
{
	return cairn_load64(&ring_hdr(r, cairn_load64(&r->pos))->ts_end);
}

uint64_t cairn_ring_now(const struct cairn_ring *r)
{
	return ring_clock(r, cairn_load64(&r->pos));
}

void cairn_ring_pull(struct cairn_ring *r)
{
	ring_close_limit(r, cairn_load64(&r->pos));
}

/* ---- orders to all rings ---- */

#if CAIRN_PORT_SHARE
static struct cairn_orders ring_own_orders;
struct cairn_orders *cairn_ring_orders_used = &ring_own_orders;
#else
struct cairn_orders cairn_ring_orders;
#endif

/* One event less to come. False: there were enough. */
static bool ring_take_ticket(void)
{
	uint64_t left = cairn_load64(&cairn_ring_orders.left);

	while (left && !__atomic_compare_exchange_n(&cairn_ring_orders.left, &left, left - 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return left != 0;
}

/* Whether the ring is still wanted now that its orders say when to stop. */
static bool ring_goes_on(const struct ring_turn *t)
{
	uint64_t at = cairn_load64(&cairn_ring_orders.stop_at);

	if (at && (int64_t)(t->ts - at) >= 0) {
		cairn_freeze();
		return false;
	}
	return true;
}

/* The record fits where pos is: let it in, and while events are counted, no other. False: pos moved. */
static enum ring_opened ring_admit(struct cairn_ring *r, const struct ring_turn *t, uint32_t size)
{
	uint64_t limit = ring_packet_start(r, t->o) + ring_packet_bytes(r) - 4;

	if (CAIRN_UNLIKELY(t->counting)) {
		if (!ring_take_ticket()) {
			cairn_freeze();
			return RING_LOST;
		}
		limit = (t->o & CAIRN_POS_MASK) + size;
	}
	ring_set_limit(r, t, limit);
	return cairn_load64(&r->pos) == t->o ? RING_OPENED : RING_MOVED;
}

/* ---- the slow path ---- */

/* One look at a ring that could not take a record of `size` bytes. */
static enum ring_opened ring_look(struct cairn_ring *r, struct ring_turn *t, uint32_t size, unsigned *retries)
{
	struct cairn_packet_header *h = ring_hdr(r, t->o);
	uint64_t off = t->o & r->pkt_mask, ahead;

	if (CAIRN_UNLIKELY(cairn_load64(&cairn_ring_orders.stop_at) != 0) && !ring_goes_on(t))
		return RING_LOST;
	/* Nothing is open: the first packet of all; or an exchange has just been, then ts_end is the last time of the ring before. */
	if (!off && ((int64_t)(t->ts - cairn_load64(&h->ts_end)) >= 0 || CAIRN_PACKET_EPOCH(cairn_load32(&h->flags)) != (t->epoch & 0xffff)))
		return ring_open_packet(r, t, t->ts, size);
	if (off && CAIRN_UNLIKELY(CAIRN_PACKET_EPOCH(cairn_load32(&h->flags)) != (t->epoch & 0xffff)))
		return ring_open_packet(r, t, cairn_load64(&h->ts_end), size);
	ahead = t->ts - cairn_load64(&h->ts_end);
	if ((int64_t)ahead < 0) { /* a step back, or an event nested between the two reads */
		return ++*retries <= CAIRN_CLOCK_RETRIES ? RING_MOVED : ring_lose(r, CAIRN_LOST_CLOCK, size);
	}
	if (size && off + size < ring_packet_bytes(r) && ahead >> CAIRN_RING_GAP_BITS == 0)
		return ring_admit(r, t, size);
	return ring_open_packet(r, t, t->ts, size);
}

static struct ring_turn ring_begin_turn(const struct cairn_ring *r)
{
	return (struct ring_turn){.o = cairn_load64(&r->pos),
				  .epoch = cairn_load32(&cairn_ring_orders.epoch),
				  .counting = cairn_load32_acquire(&cairn_ring_orders.counting)}; /* ORDER count:B, pairs with count:A */
}

static bool ring_slow(struct cairn_ring *r, uint32_t size)
{
	unsigned retries = 0;

	for (;;) {
		struct ring_turn t = ring_begin_turn(r);
		enum ring_opened opened;
		uint64_t successor;

		if (CAIRN_UNLIKELY(t.o & CAIRN_POS_RETIRED))
			return ring_was_left(r, size);
		successor = cairn_load64(&r->successor);
		if (CAIRN_UNLIKELY(successor != 0)) {
			if (ring_obey(r, t.o, successor))
				continue;
			t.deferred = true;
		}
		t.ts = ring_clock(r, t.o);
		if (!cairn_load32(&r->enabled))
			return false;
		opened = ring_look(r, &t, size, &retries);
		if (opened != RING_MOVED)
			return opened == RING_OPENED;
	}
}

/*
 * The fast path could not reserve `size` bytes: the packet is full, limit is stale, the clock is odd, the ring is stopped, or asked for
 * something.
 *
 * Returns   true: try again; false: do not write (counted as lost unless the ring is stopped).
 */
CAIRN_COLD bool cairn_ring_slow(struct cairn_ring *r, uint32_t size)
{
	bool again;

#if CAIRN_PORT_JUMPS
	if (ring_gave_up(r))
		return true;
#endif
	ring_enter_slow(r);
	again = ring_slow(r, size);
	ring_leave_slow(r);
	return again;
}

static void ring_flush(struct cairn_ring *r)
{
	unsigned retries = 0;

	for (;;) {
		struct ring_turn t = ring_begin_turn(r);
		uint64_t successor;

		if (!(t.o >> CAIRN_POS_BITS) || t.o & CAIRN_POS_RETIRED)
			return;
		successor = cairn_load64(&r->successor);
		if (successor) { /* what is left is whole; if it cannot be left now, it is as soon as the outer writer is done */
			(void)ring_obey(r, t.o, successor);
			return;
		}
		if (!cairn_load32(&r->enabled))
			return;
		t.ts = ring_clock(r, t.o);
		if (ring_look(r, &t, 0, &retries) != RING_MOVED)
			return;
	}
}

/* As a record that does not fit would close it; but an empty packet stays, and nothing is lost if no packet is free. */
void cairn_ring_flush(struct cairn_ring *r)
{
#if CAIRN_PORT_JUMPS
	while (ring_gave_up(r))
		;
#endif
	ring_enter_slow(r);
	ring_flush(r);
	ring_leave_slow(r);
}

/* Not from the slow path: the ring may be left between the look at the pointer and the count. */
void cairn_ring_lose(struct cairn_ring *r, enum cairn_lost cause)
{
	struct cairn_ring **slot = (struct cairn_ring **)(uintptr_t)r->slot;

	for (;;) {
		bool mine;

		ring_enter_slow(r);
		mine = CAIRN_LOAD_PTR(slot) == r; /* then it is not left before we are out */
		/* nested in the exchange: the successor takes over that one counter last */
		if (mine && cairn_load64(&r->pos) & CAIRN_POS_RETIRED)
			cause = CAIRN_LOST_SWITCH;
		if (mine && cairn_load32(&r->enabled))
			cairn_local_inc64(&r->lost[cause]);
		ring_leave_slow(r);
		if (mine)
			return;
		r = CAIRN_LOAD_PTR(slot);
		if (!r)
			return;
	}
}

void cairn_ring_dress(struct cairn_ring *r, char *packets, uint64_t ring_bytes, uint64_t packet_bytes, const uint8_t *uuid)
{
	uint64_t slot;
	unsigned i;

	cairn_store64(&r->base, (uint64_t)(uintptr_t)packets); /* a stale writer may look (block.c, B2) */
	if (r->ring_mask != ring_bytes - 1) { /* else it has had this size before, and stale writers may look */
		r->ring_mask = ring_bytes - 1;
		r->pkt_mask = packet_bytes - 1;
	}
	for (slot = 0; slot < ring_bytes / packet_bytes; slot++) {
		struct cairn_packet_header *h = (struct cairn_packet_header *)(void *)(packets + slot * packet_bytes);

		h->magic = CAIRN_CTF_MAGIC;
		for (i = 0; i < sizeof(h->uuid); i++)
			h->uuid[i] = uuid[i];
		h->stream_id = 0;
		h->ts_begin = 0;
		cairn_store64(&h->ts_end, 0);
		h->content_bits = CAIRN_PACKET_HEADER_BYTES * 8;
		h->packet_bits = packet_bytes * 8;
		h->seq = CAIRN_SEQ_INVALID;
		h->events_discarded = h->events_before = 0;
		h->cpu_id = r->cpu;
		h->flags = r->stream;
	}
	/*
	 * ORDER opened:A / read:I
	 *   the control block and its slots, then the magic: who sees it sees a ring.
	 */
	cairn_fence_release(); /* ORDER opened:A, pairs with read:I (reader/snapshot.c) */
	cairn_store32(&r->magic, CAIRN_RING_MAGIC);
}

void cairn_ring_setup(struct cairn_ring *r, char *packets, struct cairn_closed *closed, uint64_t ring_bytes, uint64_t packet_bytes,
		      const uint8_t *uuid, uint64_t first_pos)
{
	r->closed = (uint64_t)(uintptr_t)closed;
	r->pos = r->committed = r->consumed = r->start = first_pos;
	r->limit = first_pos - 4;
	r->settled = first_pos;
	r->seq_hint = first_pos / packet_bytes;
	cairn_ring_dress(r, packets, ring_bytes, packet_bytes, uuid);
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
	cairn_ring_pull(r);
}

void cairn_ring_forget_slow(struct cairn_ring *r)
{
	uint64_t successor = cairn_load64(&r->successor);

	cairn_store64(&r->in_slow, 0);
	if (successor & CAIRN_SUCCESSOR_TAKEN && !(cairn_load64(&r->pos) & CAIRN_POS_RETIRED))
		(void)__atomic_compare_exchange_n(&r->successor, &successor, successor & ~CAIRN_SUCCESSOR_TAKEN, false, __ATOMIC_RELAXED,
						  __ATOMIC_RELAXED);
}

bool cairn_ring_valid(const struct cairn_ring *r)
{
	uint64_t pos = r->pos & CAIRN_POS_MASK, committed = r->committed & CAIRN_POS_MASK & ~CAIRN_POS_RETIRED;

	return r->magic == CAIRN_RING_MAGIC && r->ring_mask > r->pkt_mask && (r->ring_mask & (r->ring_mask + 1)) == 0 &&
	       (r->pkt_mask & (r->pkt_mask + 1)) == 0 && cairn_pos_diff(pos, committed) >= 0 &&
	       cairn_pos_diff(pos, ring_packet_start(r, committed)) < (int64_t)r->ring_mask + 1;
}
