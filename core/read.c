/* SPDX-License-Identifier: MIT */
/*
 * The consuming reader (spec ring-buffer.md section 8): copy, then validate, then move `consumed`. One code for both modes: in discard mode
 * the writer never overtakes `consumed`, so the validation never fails.
 *
 * Invariants
 *	R1 A packet that was handed out was whole: its number stood in its slot before and after the copy, and it lay below the packet that
 *	   `committed` was in, so nobody writes to it any more.
 *	R2 next_record + overrun is exact: the difference between a packet's events_before and the records handed out so far is what was
 *	   overwritten in between.
 *	R3 `consumed` never lies beyond the start of the packet that `committed` is in, unless the ring was left: then that packet is
 *	   complete too.
 *	R4 A ring that was left stays claimed until all of it was read: so its memory is not used again meanwhile (block.c).
 *
 * `consumed` is shared with readers outside, who may be hostile: a value that lies beyond `committed` or more than a lap behind is taken as
 * the nearest possible one. It can lose the reader's data, nothing else.
 */
#include "../include/cairn/read.h"

#include "buffer.h"
#include "region.h"
#include "ring.h"

enum { READ_TRIES = 100 };

static struct cairn_ring *read_ring(unsigned buffer, unsigned cpu)
{
	if (!cairn_image.region || buffer >= CAIRN_MAX_BUFFERS || cpu >= CAIRN_MAX_CPUS)
		return NULL;
	return CAIRN_LOAD_PTR(cairn_buffer_slot(buffer, cpu)); /* ORDER ring:B, pairs with ring:A */
}

static uint64_t read_slots(const struct cairn_ring *r)
{
	return (r->ring_mask + 1) / (r->pkt_mask + 1);
}

static const struct cairn_packet_header *read_header(const struct cairn_ring *r, uint64_t seq)
{
	uint64_t at = (seq & (read_slots(r) - 1)) * (r->pkt_mask + 1);

	return (const struct cairn_packet_header *)(uintptr_t)(r->base + at);
}

/* How far a ring can be read. */
struct read_extent {
	uint64_t committed;
	uint64_t end;  /* number of the first packet that is not complete */
	uint64_t open; /* number of the packet that committed lies in */
	bool left;     /* the writer has left the ring: nothing is to come */
};

static struct read_extent read_look(const struct cairn_ring *r)
{
	uint64_t committed = cairn_load64_acquire(&r->committed); /* ORDER read:A, pairs with commit:A; retired:B, pairs with retired:A */
	struct read_extent e = {committed & ~CAIRN_POS_RETIRED, 0, cairn_ring_seq(r, committed & ~CAIRN_POS_RETIRED),
				(committed & CAIRN_POS_RETIRED) != 0};

	e.end = e.open + (e.left && (e.committed & r->pkt_mask));
	return e;
}

/* The packet to read next: where `consumed` is, brought within the lap that is still there. */
static uint64_t read_wanted(const struct cairn_ring *r, const struct read_extent *e, uint64_t consumed)
{
	uint64_t slots = read_slots(r), newest = e->open + ((e->committed & r->pkt_mask) != 0);
	uint64_t oldest = newest > slots ? newest - slots : 0, wanted;
	int64_t behind = cairn_pos_diff(e->committed & ~r->pkt_mask, consumed & ~r->pkt_mask);

	if (behind < 0)
		return e->end;
	wanted = e->open - (uint64_t)behind / (r->pkt_mask + 1);
	return wanted > e->open || wanted < oldest ? oldest : wanted;
}

/* Content bytes of the copy, or 0 if the slot holds another packet (any more). *records is the number of records in it. */
CAIRN_READS_RACING static uint64_t read_copy(const struct cairn_ring *r, uint64_t seq, uint64_t *buf, uint64_t *records)
{
	const struct cairn_packet_header *h = read_header(r, seq);
	const uint64_t *from = (const uint64_t *)(const void *)h;
	const struct cairn_closed *closed = (const struct cairn_closed *)(uintptr_t)r->closed + (seq & (read_slots(r) - 1));
	uint64_t bytes, i;

	if (cairn_load64_acquire(&h->seq) != seq) /* ORDER read:C, pairs with valid:A */
		return 0;
	bytes = cairn_load64(&h->content_bits) / 8;
	if (bytes < CAIRN_PACKET_HEADER_BYTES || bytes > r->pkt_mask + 1)
		return 0; /* of an older lap: the number has changed meanwhile, or memory is damaged */
	for (i = 0; i < (bytes + 7) / 8; i++)
		buf[i] = cairn_load64(&from[i]);
	*records = cairn_load64(&closed->end) >> CAIRN_POS_BITS;
	/*
	 * ORDER read:B / invalid:A
	 *   bytes, then the number again: if any byte was of a new lap, the number is no longer this one.
	 */
	cairn_fence_acquire(); /* ORDER read:B, pairs with invalid:A */
	return cairn_load64(&h->seq) == seq ? bytes : 0;
}

/* Offset of the first unread record in the packet `seq`, if `consumed` says one that can be. */
static uint32_t read_first(const struct cairn_ring *r, uint64_t seq, uint64_t consumed, uint64_t bytes)
{
	uint64_t off = consumed & r->pkt_mask & ~(uint64_t)3;

	if (cairn_ring_seq(r, consumed) != seq || off < CAIRN_PACKET_HEADER_BYTES || off > bytes)
		return CAIRN_PACKET_HEADER_BYTES;
	return (uint32_t)off;
}

/* The ring is read to its end and was left: go on where its CPU has gone. 0, or CAIRN_EAGAIN: there is nothing (yet). */
static int read_follow(struct cairn_ring_reader *c)
{
	struct cairn_ring *n = CAIRN_LOAD_PTR((struct cairn_ring **)(uintptr_t)c->ring->slot); /* ORDER ring:B, pairs with ring:A */
	uint64_t nobody = 0;

	if (!n || n == c->ring)
		return CAIRN_EAGAIN;
	/* ORDER claim:A, pairs with claim:B */
	if (!__atomic_compare_exchange_n(&n->reader, &nobody, c->owner, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return CAIRN_EBUSY;
	cairn_store64_release(&c->ring->reader, 0); /* ORDER claim:B, pairs with claim:A, also of block.c, which takes its memory */
	c->ring = n;
	return 0;
}

int64_t cairn_ring_reader_read(struct cairn_ring_reader *c, void *buf, size_t room)
{
	unsigned tries;

	if (room < c->ring->pkt_mask + 1)
		return CAIRN_ERANGE;
	for (tries = 0; tries < READ_TRIES; tries++) {
		struct cairn_ring *r = c->ring;
		struct read_extent e = read_look(r);
		uint64_t consumed = cairn_load64(&r->consumed), wanted = read_wanted(r, &e, consumed), bytes, records, cleared;
		const struct cairn_packet_header *copy = buf;

		if (wanted >= e.end) {
			int err = e.left && c->follows ? read_follow(c) : CAIRN_EAGAIN;

			if (err)
				return err;
			continue;
		}
		bytes = read_copy(r, wanted, buf, &records);
		if (!bytes) {
			/* It is not there (any more): overtaken, or `consumed` lies where the ring has never been. On from the next one. */
			if (cairn_load64(&read_header(r, wanted)->seq) != wanted)
				cairn_store64_release(&r->consumed, (wanted + 1) * (r->pkt_mask + 1) & CAIRN_POS_MASK); /* ORDER consumed:A, pairs with open:A */
			continue;
		}
		cleared = cairn_load64(&r->start_events);
		cleared = cleared < copy->events_before ? cleared : copy->events_before;
		if (c->next_record < cleared)
			c->next_record = cleared; /* what was cleared was not overwritten */
		c->first = read_first(r, wanted, consumed, bytes);
		c->overrun += copy->events_before - c->next_record;
		c->next_record = copy->events_before + records;
		/*
		 * ORDER consumed:A / open:A
		 *   done with the packet, then consumed; the writer may reuse the slot.
		 */
		cairn_store64_release(&r->consumed, (wanted + 1) * (r->pkt_mask + 1) & CAIRN_POS_MASK); /* ORDER consumed:A, pairs with open:A */
		return (int64_t)bytes;
	}
	return CAIRN_EAGAIN;
}

bool cairn_ring_reader_sleep(struct cairn_ring_reader *c)
{
	struct cairn_ring *r = c->ring;
	uint64_t level = cairn_load64(&r->wake_bytes);
	struct read_extent e;

	cairn_store64(&r->woken, 0);
	cairn_fence_full(); /* ORDER wake:B, pairs with wake:A (ring.c) */
	e = read_look(r);
	return !e.left && cairn_pos_diff(e.committed & ~r->pkt_mask, cairn_load64(&r->consumed)) < (int64_t)(level ? level : 1);
}

/* Records in the packets before the one where reading begins; false if the writer was faster. */
static bool read_begin(const struct cairn_ring *r, uint64_t *records)
{
	struct read_extent e = read_look(r);
	uint64_t wanted = read_wanted(r, &e, cairn_load64(&r->consumed));
	const struct cairn_packet_header *h = read_header(r, wanted);

	if (!(e.committed & r->pkt_mask)) { /* no packet was ever opened in it; the total is of the rings before it */
		*records = cairn_load64(&r->events_total);
		/* It grows when a packet is closed, which lies behind the release fence of the opening of the next one. */
		cairn_fence_acquire(); /* ORDER read:B, pairs with invalid:A */
		return (cairn_load64(&r->committed) & ~CAIRN_POS_RETIRED) == e.committed;
	}
	if (wanted == e.open + 1) { /* all of a ring that was left */
		*records = cairn_load64(&r->events_total) + (e.committed >> CAIRN_POS_BITS);
		return true;
	}
	/* Also of the open packet: it was set before committed came to lie in it. (events_total is not: it runs ahead of committed.) */
	if (cairn_load64_acquire(&h->seq) != wanted) /* ORDER read:C, pairs with valid:A */
		return false;
	*records = cairn_load64(&h->events_before);
	cairn_fence_acquire(); /* ORDER read:B, pairs with invalid:A */
	return cairn_load64(&h->seq) == wanted;
}

static int read_claim(struct cairn_ring_reader *c, struct cairn_ring *r, uint64_t owner, uint64_t before)
{
	unsigned tries = 0;

	if (!r || !owner || owner == CAIRN_READER_NOBODY)
		return CAIRN_EINVAL;
	/* ORDER claim:A, pairs with claim:B: what the last owner did to `consumed` comes before what we do */
	if (!__atomic_compare_exchange_n(&r->reader, &before, owner, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return CAIRN_EBUSY;
	c->ring = r;
	c->owner = owner;
	c->follows = true;
	c->first = CAIRN_PACKET_HEADER_BYTES;
	c->overrun = 0;
	while (!read_begin(r, &c->next_record)) {
		if (++tries == READ_TRIES) {
			cairn_ring_reader_close(c);
			return CAIRN_EAGAIN;
		}
	}
	return 0;
}

int cairn_ring_reader_open(struct cairn_ring_reader *c, unsigned ring, uint64_t owner)
{
	return cairn_buffer_reader_open(c, 0, ring, owner);
}

/* The CPU may leave the ring between the look at the pointer and the claim, and its memory be used again; once claimed it stays. */
int cairn_buffer_reader_open(struct cairn_ring_reader *c, unsigned buffer, unsigned cpu, uint64_t owner)
{
	unsigned tries;

	for (tries = 0; tries < READ_TRIES; tries++) {
		struct cairn_ring *r = read_ring(buffer, cpu);
		int err = read_claim(c, r, owner, 0);

		if (!err && cairn_load32(&r->magic) == CAIRN_RING_MAGIC && r->buffer == buffer && r->cpu == cpu)
			return 0;
		if (!err)
			cairn_ring_reader_close(c);
		else if (err != CAIRN_EBUSY || cairn_load64(&r->reader) != CAIRN_READER_NOBODY)
			return err;
	}
	return CAIRN_EAGAIN;
}

int cairn_snapshot_reader_open(struct cairn_ring_reader *c, unsigned buffer, unsigned cpu, uint64_t owner)
{
	struct cairn_ring *r = cairn_buffer_snapshot_ring(buffer, cpu);
	int err = read_claim(c, r, owner, 0);

	if (err)
		return err == CAIRN_EBUSY && cairn_load64(&r->reader) == CAIRN_READER_NOBODY ? CAIRN_EAGAIN : err;
	c->follows = false;
	if (cairn_buffer_snapshot_ring(buffer, cpu) == r)
		return 0;
	cairn_ring_reader_close(c); /* given up between the look and the claim; once claimed it stays */
	return CAIRN_EAGAIN;
}

int cairn_ring_reader_take_over(struct cairn_ring_reader *c, unsigned ring, uint64_t owner, uint64_t dead)
{
	return dead ? read_claim(c, read_ring(0, ring), owner, dead) : CAIRN_EINVAL;
}

void cairn_ring_reader_close(struct cairn_ring_reader *c)
{
	cairn_store64_release(&c->ring->reader, 0); /* ORDER claim:B, pairs with claim:A */
	c->ring = NULL;
}

void cairn_ring_give_up(struct cairn_ring *r)
{
	uint64_t at = cairn_load64_acquire(&r->committed) & CAIRN_POS_MASK & ~CAIRN_POS_RETIRED; /* ORDER read:A, pairs with commit:A */

	cairn_store64(&r->start, at);
	cairn_store64_release(&r->consumed, at); /* ORDER consumed:A, pairs with open:A */
}

void cairn_ring_clear(struct cairn_ring *r)
{
	uint64_t committed, at, total;
	unsigned i, tries = 0;

	do { /* a count that belongs to the position: no packet was published between the two */
		committed = cairn_load64_acquire(&r->committed); /* ORDER read:A, pairs with commit:A */
		total = cairn_load64(&r->events_total);
	} while (cairn_load64_acquire(&r->committed) != committed && ++tries < READ_TRIES);
	at = committed & CAIRN_POS_MASK & ~CAIRN_POS_RETIRED;
	for (i = 0; i < CAIRN_NR_LOST; i++)
		cairn_store64(&r->start_lost_by[i], cairn_load64(&r->lost[i]));
	cairn_store64(&r->start_lost, cairn_ring_lost(r));
	cairn_store64(&r->start_events, total + (committed >> CAIRN_POS_BITS));
	cairn_store32(&r->cleared, r->cleared + 1);
	cairn_store64(&r->start, at);
	cairn_store64_release(&r->consumed, at); /* ORDER consumed:A, pairs with open:A */
}

void cairn_ring_clamp(struct cairn_ring *r)
{
	uint64_t committed = cairn_load64_acquire(&r->committed); /* ORDER read:A, pairs with commit:A */
	uint64_t open = committed & CAIRN_POS_MASK & ~r->pkt_mask, consumed = cairn_load64(&r->consumed);
	int64_t behind = cairn_pos_diff(open, consumed & ~r->pkt_mask), most = (int64_t)(r->ring_mask - r->pkt_mask);

	if (behind < 0 || behind > most)
		cairn_store64_release(&r->consumed, behind < 0 ? open : (open - (uint64_t)most) & CAIRN_POS_MASK); /* ORDER consumed:A, pairs with open:A */
}
