/* SPDX-License-Identifier: MIT */
/*
 * Following a ring that is written: which of its packets are closed, copying them in blocks, validating the copies.
 *
 * A block is a run of packets that lie one behind the other. The writer reuses them in their order, and invalidates a packet's number before
 * its first new byte, each time behind a release fence: so when, after the copy and an acquire fence, the number of the first packet still
 * stands, no byte of the block was new (docs/ring.md). Where that fails, or a header is not what it should be, packets are looked at one by one.
 */
#define _GNU_SOURCE
#include "capture_ring.h"
#include "regions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAPTURE_TRIES 8

static uint64_t capture_block_at(const struct capture *c, uint64_t i)
{
	return c->im.base + c->im.sections[CAIRN_SECTION_RINGS].offset +
	       i * sizeof(struct cairn_ring);
}

/* Cheap look: has anything happened to the block that matters? A packet behind the newest one seen, or its CPU left it, or it changed hands. */
static bool capture_block_moved(const struct capture *c, uint32_t i)
{
	const struct capture_block *b = &c->blocks[i];
	const struct cairn_reader_stream *st = &b->stream;
	struct cairn_ring cb;
	uint64_t now;

	if (!b->used || (c->im.sb.minor && st->retired))
		return true;
	if (c->im.sb.minor) {
		if (!cairn_source_read_all(c->im.source, capture_block_at(c, i), &cb, sizeof(cb)))
			return false;
		if (cb.state != st->cb.state || cb.packets_offset != st->cb.packets_offset ||
		    cb.committed & CAIRN_POS_RETIRED || cb.magic != st->cb.magic ||
		    cb.stream != st->cb.stream)
			return true;
	}
	uint64_t seq = st->end_seq ? st->end_seq : 1;
	uint64_t at = st->cb.packets_offset + seq % st->nr_slots * st->packet_bytes;
	if (!cairn_source_read_all(c->im.source,
				   c->im.base + at + offsetof(struct cairn_packet_header, seq),
				   &now, sizeof(now)))
		return false;
	return now != CAIRN_SEQ_INVALID && now >= seq;
}

static bool capture_target_is_dead(const struct capture *c)
{
	return (c->im.sb.flags & CAIRN_SB_USER) &&
	       !regions_process_alive(c->im.sb.pid, c->im.sb.start_time);
}

/*
 * Claim a ring that keeps the oldest, unless nobody waits for room in it, or it is given up. Returns 0, or -EBUSY. Without the right to write the region, what is
 * there is copied and stays there.
 */
static int capture_claim(struct capture *c, struct capture_block *r)
{
	if (r->claim != CAPTURE_CLAIM_NONE || r->stream.cb.mode != CAIRN_DISCARD ||
	    c->cannot_claim || c->gone || (c->im.state.flags & CAIRN_STATE_STOPPED) ||
	    capture_target_is_dead(c) || r->stream.retired)
		return 0;
	if (!claims_are_open(&c->claims))
		c->cannot_claim = claims_open(&c->claims, &c->im);
	if (c->cannot_claim)
		return 0;
	int e = claims_take(&c->claims, r->stream.index, &c->busy_owner);
	if (e == -EBUSY) {
		c->busy_ring = r->stream.index;
		return e;
	}
	r->claim = e == 0 ? CAPTURE_CLAIM_HELD : CAPTURE_CLAIM_NONE;
	return 0;
}

/* Where copying begins: at the oldest packet, or, in discard mode, where an earlier reader ended. */
static void capture_ring_begin(struct capture *c, struct capture_ring *r)
{
	const struct cairn_reader_stream *st = &r->stream;
	uint64_t end = st->end_seq;
	struct cairn_packet_header h;

	r->next = st->first_seq;
	r->counted = r->records = 0;
	memset(&r->earlier, 0, sizeof(r->earlier));
	if (st->cb.mode != CAIRN_DISCARD || end == 0)
		return;
	/* the ring began there: nobody has read in it, and what its predecessors held was given up */
	if (c->im.sb.minor && !st->cb.cleared && st->cb.consumed == st->cb.start)
		return;
	uint64_t seq = cairn_reader_stream_seq(&st->cb, st->cb.consumed, end - 1);
	if (seq == 0 || seq >= end)
		return;
	seq = seq < st->first_seq ? st->first_seq : seq;
	uint64_t at = st->cb.packets_offset + seq % st->nr_slots * st->packet_bytes;
	if (!cairn_source_read_all(c->im.source, c->im.base + at, &h, sizeof(h)) || h.seq != seq)
		return;
	r->next = r->counted = r->earlier.packets = seq;
	r->records = r->earlier.events = h.events_before;
}

/* Read block `i` anew. 1 if it holds something, 0, or -EBUSY. */
static int capture_block_load(struct capture *c, uint32_t i)
{
	struct capture_block *b = &c->blocks[i];
	struct cairn_reader_stream st;
	struct cairn_fault why;

	if (cairn_reader_stream_load(&c->im, i, &st, &why) <= 0) {
		if (!capture_is_gone(c) && c->im.sb.minor)
			b->used = false; /* it went back to the pool; a claim keeps it from that */
		return 0;
	}
	if (capture_is_gone(c))
		return 0;
	b->used = true;
	b->stream = st;
	int e = capture_claim(c, b);
	return e < 0 ? e : 1;
}

static struct capture_ring *capture_find_stream(struct capture *c, uint32_t number)
{
	for (uint32_t i = 0; i < c->nr_rings; i++)
		if (c->rings[i].stream.number == number)
			return &c->rings[i];
	return NULL;
}

/* The stream of a block that was just loaded; a new one begins there. NULL: the capture has no room for another. */
static struct capture_ring *capture_stream_of(struct capture *c, struct capture_block *b)
{
	struct capture_ring *r = capture_find_stream(c, b->stream.number);

	if (r || c->nr_rings == c->most_rings)
		return r;
	r = &c->rings[c->nr_rings++];
	memset(r, 0, sizeof(*r));
	r->stream = b->stream;
	r->block = b;
	return r;
}

int capture_look(struct capture *c)
{
	int n = 0;

	for (uint32_t i = 0; i < c->nr_blocks; i++) {
		if (!capture_block_moved(c, i))
			continue;
		int e = capture_block_load(c, i);
		if (e < 0)
			return e;
		struct capture_ring *r = e > 0 ? capture_stream_of(c, &c->blocks[i]) : NULL;
		if (r)
			r->news = true;
		n += r != NULL;
	}
	return n;
}

/* Everything before `next` is in the file: the target may use its place. */
static void capture_consume(struct capture *c, struct capture_ring *r)
{
	if (r->block->claim != CAPTURE_CLAIM_HELD)
		return;
	if (claims_holds(&c->claims, r->stream.index))
		claims_consume(&c->claims, r->stream.index, r->next * r->stream.packet_bytes);
	else
		r->block->claim = CAPTURE_CLAIM_LOST;
}

static int capture_put(struct capture *c, struct capture_ring *r, const void *packets, uint64_t n)
{
	uint64_t bytes = n * c->im.sb.packet_bytes;
	int e = capture_write(c, c->packets_at + c->written, packets, (size_t)bytes);

	if (e == 0) {
		c->written += bytes;
		r->written += n;
	} else if (ftruncate(c->fd, (off_t)(c->packets_at + c->written)) < 0) {
		/* half a packet stays at the end; readers take what parses of it */
	}
	return e;
}

/* Records in packet `seq` of those just copied, from what its successor's opener left; 0 if that was overwritten. */
static uint64_t capture_closed_records(const struct capture *c,
				       const struct cairn_reader_stream *st, uint64_t seq)
{
	uint64_t at = st->cb.closed_offset + seq % st->nr_slots * sizeof(struct cairn_closed);
	struct cairn_closed closed;

	if (!cairn_source_read_all(c->im.source, c->im.base + at, &closed, sizeof(closed)) ||
	    cairn_reader_stream_seq(&st->cb, closed.end, seq) != seq)
		return 0;
	return closed.end >> CAIRN_POS_BITS;
}

static void capture_note(const struct capture *c, struct capture_ring *r, uint64_t seq,
			 uint64_t events_before)
{
	r->counted = seq + 1;
	r->records = events_before + capture_closed_records(c, &r->stream, seq);
}

static bool capture_block_is_good(const struct capture *c, struct capture_ring *r, uint64_t n)
{
	const struct cairn_reader_stream *st = &r->stream;
	uint64_t at = st->cb.packets_offset + r->next % st->nr_slots * st->packet_bytes;
	struct cairn_packet_header h = {0};
	uint64_t again;

	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* ORDER read:B, pairs with invalid:A */
	if (!cairn_source_read_all(c->im.source,
				   c->im.base + at + offsetof(struct cairn_packet_header, seq),
				   &again, sizeof(again)) ||
	    again != r->next)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		memcpy(&h, c->block + i * st->packet_bytes, sizeof(h));
		if (h.seq != r->next + i || h.magic != CAIRN_CTF_MAGIC ||
		    memcmp(h.uuid, c->sb.uuid, sizeof(h.uuid)))
			return false;
	}
	capture_note(c, r, r->next + n - 1, h.events_before);
	return true;
}

/* Copy a run of closed packets. Returns their number, 0 if they must be looked at one by one, or a negative errno number. */
static int64_t capture_ring_block(struct capture *c, struct capture_ring *r, uint64_t n)
{
	const struct cairn_reader_stream *st = &r->stream;
	uint64_t slot = r->next % st->nr_slots;
	uint64_t most = c->block_bytes / st->packet_bytes;

	n = n < most ? n : most;
	n = n < st->nr_slots - slot ? n : st->nr_slots - slot;
	if (!cairn_source_read_all(c->im.source,
				   c->im.base + st->cb.packets_offset + slot * st->packet_bytes,
				   c->block, (size_t)(n * st->packet_bytes)) ||
	    !capture_block_is_good(c, r, n))
		return 0;
	int e = capture_put(c, r, c->block, n);
	if (e < 0)
		return e;
	r->next += n;
	return (int64_t)n;
}

/* The packet `next` alone; what is not there is counted. Returns packets copied, 0 or 1, or a negative errno number. */
static int64_t capture_ring_one(struct capture *c, struct capture_ring *r, uint64_t end)
{
	const struct cairn_reader_stream *st = &r->stream;
	struct cairn_reader_packet p = {.bytes = c->block};
	uint64_t at = st->cb.packets_offset + r->next % st->nr_slots * st->packet_bytes;
	int got = cairn_reader_packet_read(st, r->next, at, &p, NULL);

	if (got != CAIRN_READER_OK || memcmp(p.h.uuid, c->sb.uuid, sizeof(p.h.uuid))) {
		uint64_t n = got < 0 ? cairn_reader_stream_absent(st, r->next) : 0;
		n = n > end - r->next ? end - r->next : n ? n : 1;
		c->missed += n;
		r->next += n;
		return 0;
	}
	capture_note(c, r, r->next, p.h.events_before);
	int e = capture_put(c, r, p.bytes, 1);
	r->next += e == 0;
	return e < 0 ? e : 1;
}

/* The closed packets that are left of the block that is read, at most `room` bytes or one packet. Returns their number. */
static int64_t capture_ring_copy(struct capture *c, struct capture_ring *r, uint64_t room)
{
	const struct cairn_reader_stream *st = &r->stream;
	uint64_t end = st->end_seq;
	uint64_t most = room / st->packet_bytes;
	int64_t copied = 0;

	if (st->open_seq != CAIRN_SEQ_INVALID)
		end = st->open_seq;
	if (r->next < st->first_seq) {
		c->missed += st->first_seq - r->next;
		r->next = st->first_seq;
	}
	if (r->next < end && (end - r->next) * 256 / st->nr_slots > c->fill)
		c->fill = (unsigned)((end - r->next) * 256 / st->nr_slots);
	most = most ? most : 1;
	while (r->next < end && (uint64_t)copied < most) {
		uint64_t left = most - (uint64_t)copied;
		int64_t n = capture_ring_block(c, r, end - r->next < left ? end - r->next : left);
		if (n == 0)
			n = capture_ring_one(c, r, end);
		if (n < 0)
			return n;
		copied += n;
		capture_consume(c, r);
	}
	return copied;
}

/* Of the blocks of a stream, the one that was written next after `after`; NULL = the oldest. */
static struct capture_block *capture_next_block(struct capture *c, uint32_t number,
						const struct capture_block *after)
{
	struct capture_block *best = NULL;

	for (uint32_t i = 0; i < c->nr_blocks; i++) {
		struct capture_block *b = &c->blocks[i];
		if (!b->used || b->stream.number != number || b == after)
			continue;
		if (after && (b->stream.end_seq < after->stream.end_seq ||
			      (b->stream.end_seq == after->stream.end_seq &&
			       (!after->stream.retired || b->stream.retired))))
			continue;
		if (!best || b->stream.end_seq < best->stream.end_seq ||
		    (b->stream.end_seq == best->stream.end_seq && b->stream.retired &&
		     !best->stream.retired))
			best = b;
	}
	return best;
}

/* A block that was left is read to its end: its claim goes back, so that the target can use its memory. */
static void capture_leave(struct capture *c, struct capture_block *b)
{
	if (b->claim != CAPTURE_CLAIM_HELD)
		return;
	claims_give_back(&c->claims, b->stream.index);
	b->claim = CAPTURE_CLAIM_NONE;
}

int64_t capture_stream_copy(struct capture *c, struct capture_ring *r, uint64_t room)
{
	uint32_t number = r->stream.number;
	uint64_t behind = 0; /* end of the block before */
	int64_t copied = 0;

	for (struct capture_block *b = capture_next_block(c, number, NULL); b;
	     b = capture_next_block(c, number, b)) {
		uint64_t bytes = (uint64_t)copied * c->im.sb.packet_bytes;
		r->block = b;
		r->stream = b->stream;
		if (r->stream.first_seq < behind) /* slots from before it was begun */
			r->stream.first_seq =
				behind < r->stream.end_seq ? behind : r->stream.end_seq;
		behind = r->stream.end_seq;
		if (!r->used)
			capture_ring_begin(c, r);
		r->used = true;
		int64_t n = capture_ring_copy(c, r, bytes < room ? room - bytes : 0);
		if (n < 0)
			return n;
		copied += n;
		if (r->next < (b->stream.open_seq == CAIRN_SEQ_INVALID ? b->stream.end_seq
								       : b->stream.open_seq))
			return copied; /* the rest of it comes first, next time */
	}
	r->news = false;
	for (uint32_t i = 0; i < c->nr_blocks; i++) {
		struct capture_block *b = &c->blocks[i];
		if (b->used && b->stream.number == number && b->stream.retired &&
		    r->next >= b->stream.end_seq)
			capture_leave(c, b);
	}
	return copied;
}

/*
 * The open packet up to `committed` of the control block just read. Its header is made to say what
 * the copy holds, and the control block's total is made to belong to it: the two were not read in
 * one moment.
 */
static int capture_ring_open_packet(struct capture *c, struct capture_ring *r, bool *again)
{
	struct cairn_reader_stream *st = &r->stream;
	struct cairn_reader_packet p = {.bytes = c->block};

	*again = false;
	if (st->open_seq == CAIRN_SEQ_INVALID || r->next != st->open_seq)
		return 0;
	uint64_t at = st->cb.packets_offset + st->open_seq % st->nr_slots * st->packet_bytes;
	if (cairn_reader_packet_read(st, st->open_seq, at, &p, NULL) != CAIRN_READER_OK) {
		*again = true;
		return 0;
	}
	bool empty = st->cb.committed >> CAIRN_POS_BITS == 0;
	if (empty)
		p.h.events_before = st->cb.events_total;
	else
		st->cb.events_total = p.h.events_before;
	cairn_reader_packet_parse(&p, NULL);
	p.h.content_bits = (uint64_t)p.content * 8;
	if (p.last_ts > p.h.ts_end)
		p.h.ts_end = p.last_ts;
	memcpy(p.bytes, &p.h, sizeof(p.h));
	memset(p.bytes + p.content, 0, st->packet_bytes - p.content);
	return capture_put(c, r, p.bytes, 1);
}

/* Load metadata, so that the open packets can be parsed. */
static void capture_load_schema(struct capture *c)
{
	const struct cairn_section *s = &c->im.sections[CAIRN_SECTION_METADATA];
	uint64_t n = c->im.state.metadata_bytes < s->size ? c->im.state.metadata_bytes : s->size;
	uint8_t *bytes = n && n <= CAPTURE_SECTION_MAX ? malloc((size_t)n) : NULL;

	cairn_schema_free(&c->im.schema);
	if (bytes && cairn_source_read_all(c->im.source, c->im.base + s->offset, bytes, (size_t)n))
		(void)!cairn_schema_load(&c->im.schema, bytes, (size_t)n, c->im.sb.uuid, 0, NULL);
	free(bytes);
}

int capture_ring_finish(struct capture *c, struct capture_ring *r)
{
	bool again = true;
	int e = 0;

	for (int try = 0; try < CAPTURE_TRIES && again && e == 0; try++) {
		again = false;
		/* what was left meanwhile is in other blocks; once the target is gone, the last copies of the control blocks count */
		bool gone = capture_is_gone(c);
		for (uint32_t i = 0; i < c->nr_blocks && e >= 0 && !gone; i++)
			if (!c->blocks[i].used || c->blocks[i].stream.number == r->stream.number)
				e = capture_block_load(c, i);
		if (e < 0)
			return e;
		int64_t n = capture_stream_copy(c, r, UINT64_MAX);
		e = n < 0 ? (int)n : 0;
		if (gone || capture_is_gone(c))
			return e;
		struct cairn_state st;
		if (e == 0 && cairn_image_read_state(&c->im, &st) &&
		    st.metadata_bytes != c->schema_bytes) {
			c->schema_bytes = st.metadata_bytes;
			c->im.state = st;
			capture_load_schema(c);
		}
		if (e == 0)
			e = capture_ring_open_packet(c, r, &again);
		if (r->stream.retired) /* its successor was not seen yet */
			again = true;
	}
	return e;
}

void capture_give_back(struct capture *c)
{
	for (uint32_t i = 0; i < c->nr_blocks; i++)
		capture_leave(c, &c->blocks[i]);
}
