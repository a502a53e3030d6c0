/* SPDX-License-Identifier: MIT */
/*
 * Streams that threads share, one for each CPU: for threads beyond the pool of per-thread streams. Part of share.c.
 *
 * There is no reserve step. A record is prepared in its thread's staging area and then, in one transaction, given a time and copied to the
 * end of the content; the transaction ends in the store to `committed`. Until that store nothing of it counts, and the next transaction writes over it; so no
 * record is ever pending, and whoever is killed, migrated or interrupted in the middle leaves the stream as it was.
 *
 *	rseq	the transaction is a restartable sequence: undivided on its CPU
 *	shared	the stream is claimed by an exchange; the thread that finds it taken tries the next of four
 *
 * Invariants, beside those of core/ring.c that readers know of (I2, I6, I7)
 *	P1 A transaction stores only what was computed from the value that `committed` has when it begins: it reads it itself (a record by
 *	   restartable sequence; under a claim), or compares it with the value read before (opening a packet). The position grows for
 *	   ever, so an equal value means that no transaction took place in between.
 *	P2 All stores but the last lie behind the content (record, header of the next packet), or say the same again, or may run ahead: ts_end,
 *	   pos, the closing words of the open packet. So a transaction may be abandoned after any of its stores, and started anew.
 *	P3 The header's content_bits is that of the record before (or, of a closed packet, the whole): it never covers a record that is not
 *	   committed. Readers take the end of the open packet from `committed`.
 *	P4 A time is used only if `committed` did not change between its reading and the transaction (I2); in a sequence that reads both it
 *	   cannot.
 *	P5 Counters of losses are incremented with the bus locked: they are not part of a transaction.
 */
#ifndef CAIRN_PORT_LINUX_PERCPU_H
#define CAIRN_PORT_LINUX_PERCPU_H

#include "../../arch/rseq.h"
#include "../../include/cairn/cairn.h"

#include <string.h>

/* Then the record is lost: a debugger that steps through it would abort it for ever. */
#define PERCPU_TRIES 1000
/* Streams that are looked at for one that nobody has claimed. */
#define PERCPU_CLAIMS 4

/* Where a transaction runs. */
struct percpu_at {
	struct cairn_ring *ring;
	char *rseq;   /* the thread's struct rseq; NULL: the ring is claimed */
	uint32_t cpu; /* with rseq: the CPU whose ring it is */
};

enum percpu_result {
	PERCPU_DONE,  /* written, counted as lost, or refused since the ring is off */
	PERCPU_AGAIN, /* nothing has happened yet */
};

static enum percpu_result percpu_lose(struct cairn_ring *r, enum cairn_lost cause, uint32_t size)
{
	if (size)
		__atomic_fetch_add(&r->lost[cause], 1, __ATOMIC_RELAXED);
	return PERCPU_DONE;
}

static struct cairn_packet_header *percpu_header(const struct cairn_ring *r, uint64_t pos)
{
	return (struct cairn_packet_header *)(uintptr_t)(r->base +
							 (pos & r->ring_mask & ~r->pkt_mask));
}

/* As the core does it: a stop that comes meanwhile is not undone. What a thread stores late is stale downwards. */
static void percpu_set_limit(struct cairn_ring *r, uint64_t packet_start)
{
	cairn_store64(&r->limit, packet_start + r->pkt_mask + 1 - 4);
	cairn_fence_full(); /* ORDER open:B, pairs with stop:A */
	if (!cairn_load32(&r->enabled))
		cairn_store64(&r->limit, packet_start - 4);
}

static bool percpu_store(struct percpu_at at, uint64_t expected,
			 const struct cairn_arch_store *stores, unsigned nr)
{
	unsigned i;

#if CAIRN_ARCH_HAS_RSEQ
	if (at.rseq)
		return cairn_arch_rseq_store(at.rseq, at.cpu, at.ring, expected, stores,
					     &stores[nr - 1]);
#endif
	(void)at;
	(void)expected;
	for (i = 0; i < nr; i++)
		cairn_store64_release(
			stores[i].to,
			stores[i]
				.value); /* ORDER commit:A, invalid:A, valid:A: the order of the list */
	return true;
}

/* Close the packet at `o` (if one is open) and open the next, for a record of `size` bytes or, 0, for a flush. */
static enum percpu_result percpu_open_packet(struct percpu_at at, uint64_t o, uint64_t ts,
					     uint32_t size)
{
	struct cairn_ring *r = at.ring;
	uint64_t packet = r->pkt_mask + 1, ring = r->ring_mask + 1;
	uint64_t ns = (o + ((o & r->pkt_mask) ? packet : 0)) & CAIRN_POS_MASK & ~r->pkt_mask;
	struct cairn_packet_header *h = percpu_header(r, ns), *before = percpu_header(r, o);
	uint64_t seq = cairn_load64(&r->seq_hint), total = 0, lost = cairn_ring_lost(r);
	struct cairn_arch_store stores[16];
	unsigned nr = 0;

	if (size > packet - CAIRN_PACKET_HEADER_BYTES - 4)
		return percpu_lose(r, CAIRN_LOST_BIG, size);
	if (cairn_load32(&r->mode) == CAIRN_DISCARD &&
	    cairn_pos_diff(ns + packet, cairn_load64_acquire(&r->consumed)) >
		    (int64_t)ring) /* ORDER open:A, pairs with consumed:A */
		return percpu_lose(r, CAIRN_LOST_FULL, size);
#define PERCPU_STORE(word, v) (stores[nr++] = (struct cairn_arch_store){&(word), (v)})
	if (o & r->pkt_mask) {
		struct cairn_closed *c =
			(struct cairn_closed *)(uintptr_t)r->closed + (o & r->ring_mask) / packet;

		seq = cairn_load64(&before->seq) + 1;
		total = cairn_load64(&before->events_before) + (o >> CAIRN_POS_BITS);
		PERCPU_STORE(c->end, o);
		PERCPU_STORE(c->ts_close, ts);
		PERCPU_STORE(before->ts_end, ts);
		PERCPU_STORE(before->content_bits, (o & r->pkt_mask) * 8);
		PERCPU_STORE(before->events_discarded, lost);
	}
	PERCPU_STORE(h->seq, CAIRN_SEQ_INVALID); /* ORDER invalid:A, pairs with read:B */
	PERCPU_STORE(h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8);
	PERCPU_STORE(h->ts_begin, ts);
	PERCPU_STORE(h->ts_end, ts);
	PERCPU_STORE(h->events_discarded, lost);
	PERCPU_STORE(h->events_before, total);
	PERCPU_STORE(h->seq, seq); /* ORDER valid:A, pairs with read:C */
	PERCPU_STORE(r->seq_hint, seq);
	PERCPU_STORE(r->pos, ns + CAIRN_PACKET_HEADER_BYTES);
	PERCPU_STORE(r->events_total, total);
	PERCPU_STORE(r->committed,
		     ns + CAIRN_PACKET_HEADER_BYTES); /* ORDER commit:A, pairs with read:A */
#undef PERCPU_STORE
	if (!percpu_store(at, o, stores, nr))
		return PERCPU_AGAIN;
	percpu_set_limit(r, ns);
	return size ? PERCPU_AGAIN : PERCPU_DONE;
}

/* The record does not go where `committed` is: the packet is full, limit is stale, the clock is odd, or the ring is stopped. */
static CAIRN_COLD enum percpu_result percpu_slow(struct percpu_at at, uint64_t o, uint64_t ts,
						 uint32_t size, unsigned tries)
{
	struct cairn_ring *r = at.ring;
	uint64_t off = o & r->pkt_mask;

	if (!cairn_load32(&r->enabled))
		return PERCPU_DONE;
	if (off) {
		uint64_t ahead = ts - cairn_load64(&percpu_header(r, o)->ts_end);

		if ((int64_t)ahead <
		    0) /* a step back; or another thread was faster, and its transaction makes ours fail */
			return tries < PERCPU_TRIES ? PERCPU_AGAIN
						    : percpu_lose(r, CAIRN_LOST_CLOCK, size);
		if (size && off + size <= r->pkt_mask && ahead >> CAIRN_RING_GAP_BITS == 0) {
			percpu_set_limit(r, o & CAIRN_POS_MASK & ~r->pkt_mask);
			return PERCPU_AGAIN;
		}
	}
	return percpu_open_packet(at, o, ts, size);
}

/* The time of an attempt, and where the stream then ended. */
struct percpu_now {
	uint64_t o, ts;
};

CAIRN_INLINE struct percpu_now percpu_look(const struct cairn_ring *r)
{
	struct percpu_now now;

	now.o = cairn_load64(&r->committed); /* before the clock (P4) */
	now.ts = cairn_port_clock();
	return now;
}

/* Close the packet, unless it is empty. */
static CAIRN_COLD enum percpu_result percpu_flush(struct percpu_at at, unsigned tries)
{
	struct percpu_now now = percpu_look(at.ring);

	return now.o >> CAIRN_POS_BITS ? percpu_slow(at, now.o, now.ts, 0, tries) : PERCPU_DONE;
}

/* Write the record to a ring that is claimed. */
static enum percpu_result percpu_write(struct cairn_ring *r, const char *record, uint32_t size, unsigned tries)
{
	struct percpu_now now = percpu_look(r);
	uint64_t n = now.o + size + CAIRN_ONE_RECORD;
	char *p = (char *)(uintptr_t)(r->base + (now.o & r->ring_mask));
	struct cairn_packet_header *h =
		(struct cairn_packet_header *)(void *)(p - (now.o & r->pkt_mask));

	if (CAIRN_UNLIKELY(cairn_pos_diff(cairn_load64(&r->limit), n) < 0 ||
			   (now.ts - cairn_load64(&h->ts_end)) >> CAIRN_RING_GAP_BITS != 0)) {
		struct percpu_at at = {r, NULL, 0};

		return percpu_slow(at, now.o, now.ts, size, tries);
	}
	memcpy(p, &now.ts, 8);
	memcpy(p + 6, record + 6, 2); /* the id, over the upper bits of the time */
	cairn_bytes_copy(p + 8, record + 8, size - 8);
	cairn_store64(&h->ts_end, now.ts);
	cairn_store64_release(&h->content_bits, (now.o & r->pkt_mask) * 8); /* P3 */
	cairn_store64_release(&r->pos, n);
	cairn_store64_release(&r->committed, n); /* ORDER commit:A, pairs with read:A */
	return PERCPU_DONE;
}

#endif
