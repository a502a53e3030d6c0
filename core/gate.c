/* SPDX-License-Identifier: MIT */
/*
 * Events whose gate is not RECORD alone: which buffers their record goes to, and the grace period that lets a buffer be taken away.
 *
 * The record is assigned once, in the first ring that takes it, and copied from there to the others before it is committed.
 *
 * Ordering between CPUs
 *	enter:A / grace:A	depth + 1, full barrier, then the event's gate and the buffers' pointers; the other side: gate and pointers, full
 *				barrier on every CPU, then depth. One of the two sees the other's store. Where the port can make every core
 *				serialize (CAIRN_PORT_SYNC_CORES) that is the barrier of both, and entering pays for none.
 *	leave:A / grace:B	all that was done with the rings, then depth - 1
 */
#include "buffer.h"

#include "region.h"
#include "ring.h"

#define GATE_DEPTH_MAX	8u
#define GATE_GENERATION 0x100u

bool cairn_gate_enter(unsigned cpu)
{
	uint64_t v = cairn_load64(&cairn_image.control.depth[cpu]);

	if ((v & CAIRN_GATE_DEPTH_MASK) >= GATE_DEPTH_MAX)
		return false;
	cairn_store64(&cairn_image.control.depth[cpu], v + 1);
#if CAIRN_PORT_SYNC_CORES
	cairn_barrier();
#else
	cairn_fence_full(); /* ORDER enter:A, pairs with grace:A */
#endif
	return true;
}

void cairn_gate_leave(unsigned cpu)
{
	uint64_t v = cairn_load64(&cairn_image.control.depth[cpu]) - 1;

	if (!(v & CAIRN_GATE_DEPTH_MASK))
		v += GATE_GENERATION;
	cairn_store64_release(&cairn_image.control.depth[cpu], v); /* ORDER leave:A, pairs with grace:B */
}

void cairn_gate_begin_grace(void)
{
	unsigned i;

	cairn_fence_full(); /* ORDER grace:A, pairs with enter:A */
#if CAIRN_PORT_SYNC_CORES
	cairn_port_sync_cores();
#endif
	for (i = 0; i < CAIRN_MAX_CPUS; i++)
		cairn_image.control.depth_then[i] = cairn_load64_acquire(&cairn_image.control.depth[i]); /* ORDER grace:B, pairs with leave:A */
}

bool cairn_gate_grace_is_over(void)
{
	bool over = true;
	unsigned i;

	for (i = 0; i < CAIRN_MAX_CPUS; i++) {
		uint64_t now;

		if (!(cairn_image.control.depth_then[i] & CAIRN_GATE_DEPTH_MASK))
			continue;
		/* Back at 0 since then; a change of depth alone is one that nests in who was there. */
		now = cairn_load64_acquire(&cairn_image.control.depth[i]); /* ORDER grace:B, pairs with leave:A */
		if (!(now & CAIRN_GATE_DEPTH_MASK) || now / GATE_GENERATION != cairn_image.control.depth_then[i] / GATE_GENERATION)
			cairn_image.control.depth_then[i] = 0;
		else
			over = false;
	}
	return over;
}

/* As cairn_ring_reserve(), in an instance. */
static bool gate_reserve(struct cairn_slot *s, unsigned buffer, unsigned cpu, uint32_t size)
{
	for (;;) {
		struct cairn_ring *r = CAIRN_LOAD_PTR(cairn_buffer_slot(buffer, cpu)); /* ORDER ring:B, pairs with ring:A */
		enum cairn_turn turn;

		if (!r) {
			/*
			 * ORDER leaving:A / leaving:B
			 *   that the buffer goes, then its pointers: to one that is being removed nothing is lost.
			 */
			cairn_fence_acquire(); /* ORDER leaving:B, pairs with leaving:A */
			if (!(cairn_load32(&cairn_image.control.leaving) >> buffer & 1))
				cairn_lost_no_stream();
			return false;
		}
		turn = cairn_ring_turn(s, r, size);
#if CAIRN_PORT_JUMPS
		if (turn == CAIRN_TURN_NESTED)
			turn = cairn_ring_nested(s, r, size);
#endif
		if (turn == CAIRN_TURN_RESERVED)
			break;
		if (turn == CAIRN_TURN_FULL && !cairn_ring_slow(r, size))
			return false;
	}
	return true;
}

/* The record's head; who runs is told by the main ring's word. */
static void *gate_begin(struct cairn_slot *s, const struct cairn_ring *main, const uint32_t *id, uint32_t bytes)
{
	void *p = cairn_record_begin(s, id, bytes);
	uint32_t *task = (uint32_t *)(void *)(s->record + 8);

	if (main)
		*task = (*task & CAIRN_CTX_IRQS_OFF) | cairn_load32(&main->task);
	return p;
}

/* The lowest of `buffers` that takes the record; those up to it are taken out. NULL: none did. Preemption is off. */
static void *gate_reserve_one(struct cairn_slot *s, uint32_t *buffers, unsigned cpu, uint32_t id, uint32_t bytes)
{
	const struct cairn_ring *main = CAIRN_LOAD_PTR(&cairn_rings[cpu]); /* ORDER ring:B, pairs with ring:A */
	unsigned b;

	for (b = 1; b < CAIRN_MAX_BUFFERS && *buffers >> b; b++) {
		if (!(*buffers >> b & 1))
			continue;
		*buffers &= ~(1u << b);
		if (gate_reserve(s, b, cpu, cairn_record_size(bytes)))
			return gate_begin(s, main, &id, bytes);
	}
	return NULL;
}

CAIRN_COLD void *cairn_reserve_for(struct cairn_slot *s, struct cairn_event *e, uint32_t bytes)
{
	unsigned long preempt = cairn_port_preempt_off();
	unsigned cpu = cairn_port_cpu();
	/* a context without streams of its own writes to the main buffer only */
	bool instances = cairn_load32(&e->gate) >> CAIRN_GATE_BUFFERS_SHIFT && cpu < CAIRN_MAX_CPUS;
	uint32_t gate, also = 0;
	void *p = NULL;

	if (instances && !cairn_gate_enter(cpu)) {
		struct cairn_ring *r = CAIRN_LOAD_PTR(&cairn_rings[cpu]); /* ORDER ring:B, pairs with ring:A */

		if (r)
			cairn_ring_lose(r, CAIRN_LOST_RECURSION);
		cairn_port_preempt_on(preempt);
		return NULL;
	}
	gate = cairn_load32(&e->gate); /* with instances: what it says from here on holds until we leave */
	if (instances)
		also = gate >> CAIRN_GATE_BUFFERS_SHIFT;
	if (gate & CAIRN_GATE_RECORD) {
		p = cairn_reserve(s, e->id, bytes);
		if (p)
			cairn_port_preempt_on(s->preempt); /* ours holds */
	}
	if (!p && also && bytes <= CAIRN_RECORD_MAX) {
#if CAIRN_PORT_STAGE
		s->staged = false;
#endif
		p = gate_reserve_one(s, &also, cpu, e->id, bytes);
	}
	s->also = instances ? also | 1 : 0;
	s->preempt = preempt;
	if (p)
		return p;
	if (instances)
		cairn_gate_leave(cpu);
	cairn_port_preempt_on(preempt);
	return NULL;
}

CAIRN_COLD void cairn_commit_for(struct cairn_slot *s)
{
	uint32_t bytes = s->size - CAIRN_RECORD_HEADER_BYTES, also = s->also & ~1u;
	uint16_t id = *(const cairn_half *)(const void *)(s->record + 6);
	unsigned cpu = cairn_port_cpu();
	struct cairn_slot copy;

	while (also) {
		void *p = gate_reserve_one(&copy, &also, cpu, id, bytes);

		if (!p)
			break;
		cairn_bytes_copy(p, s->record + CAIRN_RECORD_HEADER_BYTES, bytes);
		cairn_ring_commit(&copy);
	}
	cairn_ring_commit(s);
	if (s->also)
		cairn_gate_leave(cpu);
	cairn_port_preempt_on(s->preempt);
}
