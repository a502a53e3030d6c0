/* SPDX-License-Identifier: MIT */
/*
 * The writer: what each event's generated code inlines. A ring is the record stream of one CPU (or thread); its control block is
 * struct cairn_ring (layout.h). States, invariants and the argument why this is right: the head of core/ring.c.
 *
 * Usual sequence, all of it on one CPU and in LIFO order with what interrupts it:
 *
 *	struct cairn_slot slot;
 *	void *payload = cairn_reserve(&slot, id, bytes);
 *	if (payload) {
 *		... fill exactly `bytes` bytes ...
 *		cairn_commit(&slot);
 *	}
 */
#ifndef CAIRN_RING_H
#define CAIRN_RING_H

#include "../../core/atomic.h"
#include "config.h"
#include "layout.h"
#include "port.h"

/* Eight bytes on a multiple of four: one store where the CPU allows it, else two, which the compiler knows. */
typedef uint64_t cairn_word4 __attribute__((__aligned__(4), __may_alias__));
typedef uint16_t cairn_half __attribute__((__may_alias__));

/* A reservation; lives on the emitter's stack from reserve to commit. Private to the two functions. */
struct cairn_slot {
	struct cairn_ring *ring;
	struct cairn_packet_header *hdr;
	char *record;
	uint64_t begin;
	uint64_t end;
	uint64_t ts;
	uint32_t size; /* of the record */
	uint32_t also; /* of cairn_reserve_for(): bit per instance that gets a copy, and bit 0; else not used */
#if CAIRN_PORT_STAGE
	bool staged; /* false wherever the compiler sees that the ring is a stream */
#endif
	unsigned long preempt;
};

enum cairn_turn { CAIRN_TURN_RESERVED, CAIRN_TURN_FULL, CAIRN_TURN_MOVED, CAIRN_TURN_NESTED };

enum cairn_nesting { CAIRN_AT_COMMITTED, CAIRN_OUTERMOST, CAIRN_ANY_DEPTH };

CAIRN_C_BEGIN

/* The ring of each CPU or stream; NULL = none (yet). Written by control operations, read by emitters. */
#if CAIRN_PORT_SHARE
extern struct cairn_ring **cairn_ring_table; /* of the copy whose region it is */
#define cairn_rings cairn_ring_table
#else
extern struct cairn_ring *cairn_rings[CAIRN_MAX_CPUS];
#endif

/* Out-of-line parts of the writer, see core/ring.c. Context: any, preemption off. */
bool cairn_ring_slow(struct cairn_ring *r, uint32_t size);
void cairn_ring_publish(struct cairn_ring *r, uint64_t from);
#if CAIRN_PORT_JUMPS
/* A turn that found an outer record pending. */
enum cairn_turn cairn_ring_nested(struct cairn_slot *s, struct cairn_ring *r, uint32_t size);
/*
 * Give up what is pending, count it as lost (cause abandoned), and let the stream go on. For cairn_port_recover().
 *
 * Returns   number of records given up.
 * Context   the ring's own writer context, outermost: no writer of what is pending will go on, and nothing may interrupt.
 */
uint64_t cairn_ring_recover(struct cairn_ring *r);
#endif
/* No ring under this index: ask the port for one, or count the loss. NULL or the ring. */
struct cairn_ring *cairn_ring_missing(void);
#if CAIRN_PORT_STAGE
/* The same with room for `size` bytes taken, if the ring is one for staging. */
struct cairn_ring *cairn_ring_stage(uint32_t size);
#endif
/* Count a record of more than CAIRN_RECORD_MAX bytes of payload as lost. */
void cairn_ring_too_big(void);

/*
 * cairn_reserve() and cairn_commit() for an event, to wherever its gate says (core/gate.c): the main buffer, instances. NULL: nowhere, or
 * nobody could take it (counted by each who could not).
 */
struct cairn_event;
void *cairn_reserve_for(struct cairn_slot *s, struct cairn_event *e, uint32_t bytes);
void cairn_commit_for(struct cairn_slot *s);

CAIRN_C_END

/* This CPU's ring, or NULL. */
CAIRN_INLINE struct cairn_ring *cairn_ring_here(void)
{
#if CAIRN_PORT_RING
	return cairn_port_ring(); /* ORDER ring:B, pairs with ring:A */
#else
	unsigned cpu = cairn_port_cpu();

	if (CAIRN_UNLIKELY(cpu >= CAIRN_MAX_CPUS))
		return NULL;
	return CAIRN_LOAD_PTR(&cairn_rings[cpu]); /* ORDER ring:B, pairs with ring:A */
#endif
}

CAIRN_INLINE struct cairn_ring *cairn_ring_current(void)
{
	struct cairn_ring *r = cairn_ring_here();

	return CAIRN_LIKELY(r != NULL) ? r : cairn_ring_missing();
}

/*
 * A record this far (in bits of ticks) from its packet's ts_end, or before it, does not go into the packet. ts_end is at most
 * this far from the last record (publishing raises it), so that two records are always less than CAIRN_TS_BITS apart and a
 * decoder, which sees 48 bits of each time, extends them rightly.
 */
#define CAIRN_RING_GAP_BITS (CAIRN_TS_BITS - 1)

/*
 * The clock in full width. A narrower one (CAIRN_PORT_CLOCK_BITS) is widened against the last time of the packet `h`, which is read first: it is
 * right if less than 15/16 of the counter's range have passed since then; what lies further ahead is a step back.
 */
CAIRN_INLINE uint64_t cairn_ring_clock(const struct cairn_packet_header *h)
{
#if CAIRN_PORT_CLOCK_BITS < 64
	const uint64_t range = (uint64_t)1 << CAIRN_PORT_CLOCK_BITS;
	uint64_t last = cairn_load64(&h->ts_end), ahead = (cairn_port_clock() - last) & (range - 1);

	return last + ahead - (ahead >= range - range / 16 ? range : 0);
#else
	(void)h;
	return cairn_port_clock();
#endif
}

/* Difference of two positions, modulo 2^48. */
CAIRN_INLINE int64_t cairn_pos_diff(uint64_t a, uint64_t b)
{
	return (int64_t)((a - b) << (64 - CAIRN_POS_BITS)) >> (64 - CAIRN_POS_BITS);
}

#if CAIRN_PORT_STAGE
/*
 * Mode of a ring that is no stream, but where a context without one prepares records (port.h). It lies in no region. `pos` has the bytes, from
 * the control block's own address, in its lowest 16 bits, the number of changes in the next 32, and the number of records that are being
 * prepared. So it is never twice the same, and a swap tells whether anything nested since it was read. `base` is `pos` & 0xffff of a ring in
 * which nothing is being prepared; `committed` is never a position: so cairn_ring_commit() leaves its straight path.
 */
#define CAIRN_RING_STAGING 2u

#define CAIRN_STAGING_BYTES(pos) ((uint16_t)(pos))
#define CAIRN_STAGING_CHANGE     ((uint64_t)0x10000)

/* Room for the outermost record; NULL: something is being prepared, or was left, or nested in between: cairn_port_stage() knows more. */
CAIRN_INLINE char *cairn_staging_take(struct cairn_ring *r, uint32_t size)
{
	uint64_t o = cairn_load64(&r->pos);
	char *p = (char *)r + CAIRN_STAGING_BYTES(o);

	if (CAIRN_UNLIKELY(CAIRN_STAGING_BYTES(o) != cairn_load64_own(&r->base)))
		return NULL;
#if CAIRN_PORT_JUMPS
	cairn_port_mark(&r->frame);
#endif
	if (CAIRN_UNLIKELY(!cairn_local_cas64(&r->pos, o, o + size + CAIRN_STAGING_CHANGE + CAIRN_ONE_RECORD)))
		return NULL;
	if (!p)
		__builtin_unreachable(); /* so callers do not test it twice */
	return p;
}

CAIRN_INLINE void cairn_slot_stage(struct cairn_slot *s, struct cairn_ring *r, uint32_t size)
{
	s->ring = r;
	s->hdr = NULL;
	s->record = (char *)r + CAIRN_STAGING_BYTES(cairn_load64(&r->pos)) - size; /* of the last record taken, or of dead ones behind it */
	s->begin = s->end = s->ts = 0;
	s->size = size;
	s->staged = true;
}
#endif

/*
 * One try to reserve `size` bytes (header included, a multiple of 4) at `o`, which was read before this (I2: before the clock); fills the slot
 * but `preempt` if it succeeds.
 *
 * @nesting  CAIRN_OUTERMOST: `o` is pos; CAIRN_OUTERMOST and CAIRN_AT_COMMITTED refuse where an outer record is pending (CAIRN_PORT_JUMPS only:
 *           perhaps its writer was left).
 * Returns   CAIRN_TURN_FULL: the record does not go here, cairn_ring_slow() knows more; CAIRN_TURN_MOVED: a nested writer came
 *           between, or (CAIRN_AT_COMMITTED) an outer one is pending, try again; CAIRN_TURN_NESTED: see above,
 *           cairn_ring_nested() goes on.
 */
CAIRN_INLINE enum cairn_turn cairn_ring_turn_at(struct cairn_slot *s, struct cairn_ring *r, uint64_t o, uint32_t size,
						enum cairn_nesting nesting)
{
#if CAIRN_PORT_CLOCK_BITS == 64
	uint64_t ts = cairn_port_clock();
#endif
	/* base and masks never change while there are writers (and where one is late, its swap fails: core/block.c, B2) */
	char *p = (char *)(uintptr_t)(cairn_load64_own(&r->base) + (o & cairn_load64_own(&r->ring_mask)));
	struct cairn_packet_header *h = (struct cairn_packet_header *)(void *)(p - (o & cairn_load64_own(&r->pkt_mask)));
#if CAIRN_PORT_CLOCK_BITS < 64
	uint64_t ts = cairn_ring_clock(h);
#endif
	uint64_t n;

	__asm__("" : "+r"(h)); /* what commit needs of p - h is computed there: else it takes one more register up to then */
	if (CAIRN_UNLIKELY((ts - cairn_load64_own(&h->ts_end)) >> CAIRN_RING_GAP_BITS != 0))
		return CAIRN_TURN_FULL;
	n = o + size + CAIRN_ONE_RECORD;
	if (CAIRN_UNLIKELY(cairn_pos_diff(cairn_load64(&r->limit), n) < 0))
		return CAIRN_TURN_FULL;
#if CAIRN_PORT_JUMPS
	if (nesting != CAIRN_ANY_DEPTH) {
		if (nesting == CAIRN_AT_COMMITTED && CAIRN_UNLIKELY(cairn_load64_own(&r->pos) != o))
			return CAIRN_TURN_MOVED;
		if (nesting == CAIRN_OUTERMOST && CAIRN_UNLIKELY(cairn_load64_own(&r->committed) != o))
			return CAIRN_TURN_NESTED;
		/* The last step before the swap: who has marked and goes on moves pos, and whom it interrupted marks anew. */
		cairn_port_mark(&r->frame);
	}
#else
	(void)nesting;
#endif
	if (CAIRN_UNLIKELY(!cairn_local_cas64(&r->pos, o, n)))
		return CAIRN_TURN_MOVED;
	s->ring = r;
	s->hdr = h;
	s->record = p;
	s->begin = o;
	s->end = n;
	s->ts = ts;
	s->size = size;
#if CAIRN_PORT_STAGE
	s->staged = false;
#endif
	return CAIRN_TURN_RESERVED;
}

CAIRN_INLINE enum cairn_turn cairn_ring_turn(struct cairn_slot *s, struct cairn_ring *r, uint32_t size)
{
	return cairn_ring_turn_at(s, r, cairn_load64(&r->pos), size, CAIRN_OUTERMOST);
}

/* Whether a record of `size` bytes was reserved. */
CAIRN_INLINE bool cairn_ring_reserve(struct cairn_slot *s, uint32_t size)
{
	for (;;) {
		/* anew on each turn: a buffer exchange may have put another ring here (design.md D12) */
#if CAIRN_PORT_STAGE
		struct cairn_ring *r = cairn_ring_here();
#else
		struct cairn_ring *r = cairn_ring_current();
#endif
		enum cairn_turn turn;

#if CAIRN_PORT_STAGE
		if (CAIRN_UNLIKELY(r == NULL)) {
			r = cairn_ring_stage(size);
			if (r && r->mode == CAIRN_RING_STAGING) {
				cairn_slot_stage(s, r, size);
				return true;
			}
		}
#endif
		if (CAIRN_UNLIKELY(r == NULL))
			return false;
		turn = cairn_ring_turn(s, r, size);
#if CAIRN_PORT_JUMPS
		if (CAIRN_UNLIKELY(turn == CAIRN_TURN_NESTED))
			turn = cairn_ring_nested(s, r, size);
#endif
		if (CAIRN_LIKELY(turn == CAIRN_TURN_RESERVED))
			return true;
		if (turn == CAIRN_TURN_FULL && !cairn_ring_slow(r, size))
			return false;
	}
}

/* Publish the record, and what nested writers left behind it: by the holder of the token (I3). */
CAIRN_INLINE void cairn_ring_commit_first(const struct cairn_slot *s)
{
	struct cairn_ring *r = s->ring;

	cairn_barrier(); /* payload before everything below, for what interrupts us */
	cairn_store64(&s->hdr->ts_end, s->ts);
	cairn_store64(&s->hdr->content_bits, ((uint64_t)(s->record - (char *)s->hdr) + s->size) * 8);
	/*
	 * ORDER commit:A / read:A
	 *   payload, then committed. A reader that acquires this value sees the whole record.
	 */
	cairn_store64_release(&r->committed, s->end); /* ORDER commit:A, pairs with read:A */
	if (CAIRN_UNLIKELY(cairn_load64(&r->pos) != s->end && cairn_load64(&r->committed) == s->end))
		cairn_ring_publish(r, s->end);
}

CAIRN_INLINE void cairn_ring_commit(const struct cairn_slot *s)
{
	struct cairn_ring *r = s->ring;

	cairn_barrier();
	if (CAIRN_UNLIKELY(cairn_load64_own(&r->committed) != s->begin)) {
#if CAIRN_PORT_STAGE
		if (s->staged) {
			cairn_port_commit(r, s->record, s->size);
			return;
		}
#endif
#if CAIRN_PORT_JUMPS
		cairn_local_inc64(&r->done);
#endif
		return; /* an outer writer is pending and will publish us (I3) */
	}
	cairn_ring_commit_first(s);
}

/* Write the header, and zeros where the payload will not reach; returns the payload. */
CAIRN_INLINE void *cairn_record_begin(const struct cairn_slot *s, const uint32_t *id, uint32_t bytes)
{
	char *p = s->record;
	uint32_t task = cairn_load32(&s->ring->task);

#if CAIRN_PORT_IRQS_OFF
	if (cairn_port_irqs_off())
		task |= CAIRN_CTX_IRQS_OFF;
#endif
	if (bytes & 3)
		*(uint32_t *)(void *)(p + s->size - 4) = 0;
	*(uint32_t *)(void *)(p + 8) = task;
	/* the id over the upper bits of the time: cheaper than to put the two together first */
	*(cairn_word4 *)(void *)p = s->ts;
	*(cairn_half *)(void *)(p + 6) = (uint16_t)*id;
	return p + CAIRN_RECORD_HEADER_BYTES;
}

CAIRN_INLINE uint32_t cairn_record_size(uint32_t bytes)
{
	return (CAIRN_RECORD_HEADER_BYTES + bytes + 3) & ~3u;
}

/*
 * Reserve a record of `id` with `bytes` bytes of payload on this CPU and write its header.
 *
 * @bytes    0 .. CAIRN_RECORD_MAX; more is lost with cause "too big".
 * Returns   the payload, 4-byte aligned, contents undefined but for the last word, or NULL: not written (the loss, if it is
 *           one, has been counted).
 * Context   any, NMI included. Preemption is off from here to cairn_commit(), which must follow unless NULL was returned.
 */
CAIRN_INLINE void *cairn_reserve(struct cairn_slot *s, uint32_t id, uint32_t bytes)
{
	unsigned long preempt = cairn_port_preempt_off();

	s->preempt = preempt;
	if (CAIRN_UNLIKELY(bytes > CAIRN_RECORD_MAX)) {
		cairn_ring_too_big();
		cairn_port_preempt_on(preempt);
		return NULL;
	}
	if (CAIRN_UNLIKELY(!cairn_ring_reserve(s, cairn_record_size(bytes)))) {
		cairn_port_preempt_on(preempt);
		return NULL;
	}
	return cairn_record_begin(s, &id, bytes);
}

/*
 * The same in one try, without any call, so that a caller which has nothing else to call saves no register. cairn_commit_once() ends it.
 *
 * It begins at `committed`: if the swap finds `pos` there, it was there all the time, as pos is never behind committed and comes back to
 * a value only where all behind it was given up (cairn_ring_recover()); so nobody is pending, and this writer holds the token until it
 * commits. For a CPU that also means that what it needs first was stored by a plain store, not by the last swap.
 *
 * @bytes    0 .. CAIRN_RECORD_MAX.
 * Returns   NULL: nothing has happened, and cairn_reserve() finds out why (a full packet, an interrupt between or interrupted, no ring, ...).
 */
CAIRN_INLINE void *cairn_reserve_once(struct cairn_slot *s, const uint32_t *id, uint32_t bytes)
{
	struct cairn_ring *r;

	s->preempt = cairn_port_preempt_off();
	r = cairn_ring_here();
	if (CAIRN_LIKELY(r != NULL &&
			 cairn_ring_turn_at(s, r, cairn_load64(&r->committed), cairn_record_size(bytes), CAIRN_AT_COMMITTED) ==
				 CAIRN_TURN_RESERVED))
		return cairn_record_begin(s, id, bytes);
	cairn_port_preempt_on(s->preempt);
	return NULL;
}

CAIRN_INLINE void cairn_commit_once(struct cairn_slot *s)
{
	cairn_ring_commit_first(s);
	cairn_port_preempt_on(s->preempt);
}

#if CAIRN_PORT_STAGE
/*
 * The same in one try for a context that has no stream of its own but prepares its records elsewhere. NULL: nothing has happened.
 * cairn_commit_staged() ends it.
 */
CAIRN_INLINE void *cairn_reserve_staged(struct cairn_slot *s, const uint32_t *id, uint32_t bytes)
{
	uint32_t size = cairn_record_size(bytes);
	char *p = NULL;

	s->preempt = cairn_port_preempt_off();
	s->ring = cairn_port_staging();
	if (CAIRN_LIKELY(s->ring != NULL && (p = cairn_staging_take(s->ring, size)))) {
		s->record = p;
		s->size = size;
		if (bytes & 3)
			*(uint32_t *)(void *)(p + size - 4) = 0;
		*(cairn_half *)(void *)(p + 6) = (uint16_t)*id;
		return p + CAIRN_RECORD_HEADER_BYTES;
	}
	cairn_port_preempt_on(s->preempt);
	return NULL;
}

CAIRN_INLINE void cairn_commit_staged(struct cairn_slot *s)
{
	cairn_barrier(); /* the payload, then its transfer, for what interrupts us */
	cairn_port_commit(s->ring, s->record, s->size);
	cairn_port_preempt_on(s->preempt);
}
#endif

/* Make the record visible. Context: that of cairn_reserve(). Do not touch the payload afterwards. */
CAIRN_INLINE void cairn_commit(struct cairn_slot *s)
{
	cairn_ring_commit(s);
	cairn_port_preempt_on(s->preempt);
}

#endif
