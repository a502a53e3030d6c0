/* SPDX-License-Identifier: MIT */
/*
 * What rings are made of: control blocks, and extents of the arena of packets. Who may use which, and when it changes hands.
 *
 * Glossary
 *	block		a control block, one of RINGS; `state` says what it is for. Block i < nr_cpus is where CPU i's main ring begins
 *	extent		a ring's part of the arena; held by every block that is neither UNUSED nor POOLED
 *	settle		to see what became of requests (buffer.c): blocks that were left change hands
 *
 * States of a block:
 *
 *	UNUSED --take--> PREPARED --its CPU goes over--> LIVE --its CPU goes over--> FROZEN --settle--> POOLED --quiet--> UNUSED
 *	                    |                                                          |                  |
 *	                    +--request taken back--> POOLED                            +--of a snapshot   +--take--> PREPARED
 *
 * Invariants
 *	B1 Extents of blocks do not overlap.
 *	B2 A block that a writer may still hold a pointer to (it loaded the pointer, was interrupted, and what interrupted it went over to
 *	   another ring) stays with its CPU and its buffer and keeps its size. So wherever that writer goes on, it finds a ring of its own, and
 *	   its swap fails (pos is retired, or of a later life), or succeeds where it might have begun anew. POOLED is such a block; it
 *	   becomes UNUSED when its CPU has been seen in no event (cairn_work(), hand-over of a stream).
 *	B3 pos of a block is written by its own CPU alone, but for UNUSED ones: an unlocked compare-and-swap elsewhere would undo a store.
 *	B4 A block's memory is taken only when its `committed` has bit 0 (retired:B), or its request was taken back, or it was an instance's
 *	   and a grace period has passed.
 *
 * Ordering between CPUs
 *	retired:A / retired:B	see ring.c
 *	quiet:A / quiet:B	a CPU's last use of rings that it has left, then its count of quiet moments
 *	claim:A / claim:B	a reader's last use of a ring, then its claim given back
 */
#include "block.h"

#include "buffer.h"
#include "region.h"
#include "ring.h"

#define BLOCK_NO_EXTENT (~(uint64_t)0)
#define BLOCK_FRESH	(CAIRN_POS_RETIRED | 2) /* pos of a block that no CPU has come to yet: no ring that was left says that */

/*
 * Control block i if it is in use, or was; else NULL. The memory of others may not be there (cairn_port_populate()), and is not looked at:
 * block i of CPU i until its main ring is opened, further ones until they were taken once.
 */
static struct cairn_ring *block_at(unsigned i)
{
	const struct cairn_plan *p = &cairn_image.plan;
	bool there = i < p->nr_cpus ? CAIRN_LOAD_PTR(&cairn_rings[i]) != NULL : i - p->nr_cpus < cairn_load32(&cairn_image.control.blocks);

	return there ? &cairn_image.rings[i] : NULL;
}

static unsigned block_count(void)
{
	return cairn_image.plan.nr_cpus + cairn_load32(&cairn_image.control.blocks);
}

struct cairn_ring *cairn_block_next(const struct cairn_ring *r)
{
	unsigned i;

	for (i = r ? (unsigned)(r - cairn_image.rings) + 1 : 0; i < block_count(); i++) {
		if (block_at(i))
			return block_at(i);
	}
	return NULL;
}

/* End of an extent that [at, at + bytes) of the arena meets, or 0. */
static uint64_t block_meets(uint64_t at, uint64_t bytes)
{
	const struct cairn_plan *p = &cairn_image.plan;
	unsigned i;

	for (i = 0; i < block_count(); i++) {
		const struct cairn_ring *r = block_at(i);
		uint64_t from = i * p->ring_bytes, size = p->ring_bytes; /* kept for the main ring that will be opened here */

		if (r) {
			uint32_t state = cairn_load32(&r->state);

			if (state == CAIRN_RING_UNUSED || state == CAIRN_RING_POOLED)
				continue;
			from = r->packets_offset - p->packets;
			size = r->ring_mask + 1;
		}
		if (at < from + size && from < at + bytes)
			return from + size;
	}
	return 0;
}

/* Place in the arena for a ring of `bytes`, or BLOCK_NO_EXTENT. The caller makes a block hold it. */
static uint64_t block_find_extent(uint64_t bytes)
{
	uint64_t arena = cairn_image.plan.arena_bytes, at = cairn_image.control.hint;
	bool again = false;

	for (;;) {
		uint64_t end;

		at = (at + bytes - 1) & ~(bytes - 1);
		if (at + bytes > arena || at + bytes < at) {
			if (again)
				return BLOCK_NO_EXTENT;
			again = true;
			at = 0;
			continue;
		}
		end = block_meets(at, bytes);
		if (!end) {
			cairn_image.control.hint = at + bytes;
			return at;
		}
		at = end;
	}
}

static struct cairn_ring *block_find(unsigned buffer, unsigned cpu, uint64_t ring_bytes)
{
	struct cairn_ring *fresh = NULL, *r;

	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		if (cairn_load32(&r->state) == CAIRN_RING_POOLED && r->cpu == cpu && r->buffer == buffer && r->ring_mask == ring_bytes - 1)
			return r; /* B2 */
		if (!fresh && cairn_load32(&r->state) == CAIRN_RING_UNUSED)
			fresh = r;
	}
	if (!fresh && block_count() < cairn_image.plan.nr_rings) {
		fresh = &cairn_image.rings[block_count()];
		if (cairn_populate((uint64_t)((char *)fresh - cairn_image.region), sizeof(*fresh)))
			return NULL;
		cairn_store32(&cairn_image.control.blocks, cairn_image.control.blocks + 1);
	}
	return fresh;
}

void cairn_block_pool(struct cairn_ring *r)
{
	cairn_store32(&r->magic, 0);
	cairn_store64(&r->committed, 0); /* to readers: never used */
	if (cairn_load64(&r->pos) == BLOCK_FRESH) { /* no CPU has ever come to it */
		cairn_store32(&r->state, CAIRN_RING_UNUSED);
		return;
	}
	r->quiet = cairn_load64(&cairn_image.control.quiet[r->cpu]);
	cairn_store32(&r->state, CAIRN_RING_POOLED);
}

int cairn_block_dress(struct cairn_ring *r)
{
	const struct cairn_plan *p = &cairn_image.plan;
	uint64_t ring_bytes = r->ring_mask + 1;
	int err = cairn_populate(r->closed_offset, ring_bytes / p->packet_bytes * sizeof(struct cairn_closed));

	if (!err)
		err = cairn_populate(r->packets_offset, ring_bytes);
	if (err)
		return err;
	cairn_store64(&r->closed, (uint64_t)(uintptr_t)(cairn_image.region + r->closed_offset));
	cairn_ring_dress(r, cairn_image.region + r->packets_offset, ring_bytes, p->packet_bytes, cairn_image.uuid);
	return 0;
}

struct cairn_ring *cairn_block_take(unsigned buffer, unsigned cpu, uint64_t ring_bytes)
{
	const struct cairn_plan *p = &cairn_image.plan;
	struct cairn_ring *r = block_find(buffer, cpu, ring_bytes);
	uint64_t at = r ? block_find_extent(ring_bytes) : BLOCK_NO_EXTENT;

	if (at == BLOCK_NO_EXTENT)
		return NULL;
	if (cairn_load32(&r->state) == CAIRN_RING_UNUSED) {
		r->index = (uint32_t)(r - cairn_image.rings);
		r->cpu = cpu;
		r->buffer = buffer;
		r->stream = buffer * p->nr_cpus + cpu;
		r->ring_mask = ring_bytes - 1;
		r->pkt_mask = p->packet_bytes - 1;
		r->limit = 0; /* below every position that pos may say */
		r->pos = BLOCK_FRESH;
		r->slot = (uint64_t)(uintptr_t)cairn_buffer_slot(buffer, cpu);
		cairn_region_has_ring(r->index);
	}
	r->packets_offset = p->packets + at;
	r->closed_offset = p->closed + at / p->packet_bytes * sizeof(struct cairn_closed);
	cairn_store32(&r->mode, cairn_image.buffers[buffer].mode);
	cairn_store32(&r->then, buffer);
	r->next = 0; /* of a request that its CPU was too quick for, perhaps */
	cairn_store64(&r->successor, 0);
	cairn_store64(&r->wake_bytes, 0);
	cairn_store64(&r->woken, 0);
	cairn_store64(&r->reader, 0);
	r->start_lost = 0;
	cairn_store32_release(&r->state, CAIRN_RING_PREPARED); /* ORDER busy:A: also to who opens it (buffer_open()), who acquires it */
	return r;
}

bool cairn_block_was_left(const struct cairn_ring *r)
{
	/* ORDER retired:B, pairs with retired:A (ring.c) */
	return cairn_load32(&r->state) == CAIRN_RING_FROZEN && cairn_load64_acquire(&r->committed) & CAIRN_POS_RETIRED;
}

bool cairn_block_keep_from_readers(struct cairn_ring *r)
{
	uint64_t nobody = 0;

	/* ORDER claim:A, pairs with claim:B: what the last reader did with its memory comes before what we do */
	return __atomic_compare_exchange_n(&r->reader, &nobody, CAIRN_READER_NOBODY, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED) ||
	       nobody == CAIRN_READER_NOBODY;
}

void cairn_blocks_settle(void)
{
	struct cairn_ring *r;

	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		if (cairn_load32(&r->state) == CAIRN_RING_POOLED && r->quiet != cairn_load64_acquire(&cairn_image.control.quiet[r->cpu])) /* ORDER quiet:B, pairs with quiet:A */
			cairn_store32(&r->state, CAIRN_RING_UNUSED);
		else if (cairn_load32(&r->then) == CAIRN_BUFFER_NONE && cairn_block_was_left(r) && cairn_block_keep_from_readers(r))
			cairn_block_pool(r);
	}
}
