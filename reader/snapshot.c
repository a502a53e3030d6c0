/* SPDX-License-Identifier: MIT */
/*
 * Copies of control blocks and packets of rings that may be live: copy, then validate
 * (docs/ring.md, section 8).
 *
 * The writer invalidates a slot's `seq` before the first byte of a newer packet and `seq` never
 * returns to an old value. So a copy whose slot still says `seq` afterwards holds no newer byte.
 * Below `committed` nothing of it changes. Each word is read by a pread of its own where order
 * matters; the kernel copies aligned words whole, and the fences keep the copies of one call before
 * those of the next.
 */
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SNAPSHOT_TRIES 16

static bool snapshot_power_of_2(uint64_t n)
{
	return n && (n & (n - 1)) == 0;
}

uint64_t cairn_reader_stream_seq(const struct cairn_ring *cb, uint64_t pos, uint64_t hint)
{
	unsigned shift = (unsigned)__builtin_ctzll(cb->pkt_mask + 1);
	uint64_t mask = CAIRN_POS_MASK >> shift;
	uint64_t low = (pos & CAIRN_POS_MASK) >> shift;
	uint64_t ahead = (low - hint) & mask; /* 0 .. mask */

	if (ahead <= mask / 2 || hint < mask + 1 - ahead)
		return hint + ahead;
	return hint - (mask + 1 - ahead);
}

/* A control block whose `committed` did not change while it was read. */
static bool snapshot_control_block(const struct cairn_image *im, uint64_t offset,
				   struct cairn_ring *cb)
{
	for (int i = 0; i < SNAPSHOT_TRIES; i++) {
		uint64_t again;
		if (!cairn_source_read_all(im->source, im->base + offset, cb, sizeof(*cb)))
			return false;
		__atomic_thread_fence(
			__ATOMIC_ACQUIRE); /* ORDER read:A and read:I, pair with commit:A and opened:A */
		if (!cairn_source_read_all(
			    im->source, im->base + offset + offsetof(struct cairn_ring, committed),
			    &again, sizeof(again)))
			return false;
		if (again == cb->committed)
			return true;
	}
	/* a busy writer; what is torn shows in the sums, and only there */
	return true;
}

static const char *snapshot_ring_wrong(const struct cairn_image *im, const struct cairn_ring *cb)
{
	const struct cairn_section *packets = &im->sections[CAIRN_SECTION_PACKETS];
	uint64_t ring = cb->ring_mask + 1;

	if (cb->magic != CAIRN_RING_MAGIC)
		return "the control block has no magic";
	if (cb->pkt_mask + 1 != im->sb.packet_bytes)
		return "the control block's packet size is not the region's";
	if (!snapshot_power_of_2(ring) || ring < 2 * (uint64_t)im->sb.packet_bytes ||
	    ring > CAIRN_POS_MASK)
		return "the control block's ring size is impossible";
	if (cairn_image_is_capture(im))
		return NULL;
	if (ring > packets->size || cb->packets_offset < packets->offset ||
	    cb->packets_offset - packets->offset > packets->size - ring)
		return "the control block's packets lie outside their section";
	return NULL;
}

int cairn_reader_stream_load(struct cairn_image *im, uint32_t index, struct cairn_reader_stream *st,
			     struct cairn_fault *why)
{
	const struct cairn_section *s = &im->sections[CAIRN_SECTION_RINGS];
	uint64_t at = s->offset + (uint64_t)index * sizeof(struct cairn_ring);
	struct cairn_ring *cb = &st->cb;

	memset(st, 0, sizeof(*st));
	st->image = im;
	st->index = index;
	if (!snapshot_control_block(im, at, cb)) {
		cairn_fault_set(why, im->base + at, "the control block is cut");
		return -EINVAL;
	}
	if (cb->state == CAIRN_RING_PREPARED) /* nothing was written to it yet */
		return 0;
	if (cb->magic == 0 &&
	    cb->committed == 0) /* never opened, or its opener was killed: the magic comes last */
		return 0;
	bool retired = cb->committed &
		       CAIRN_POS_RETIRED; /* left: pos then says where its successor began */
	cb->committed &= ~CAIRN_POS_RETIRED;
	if (retired || cb->pos & CAIRN_POS_RETIRED)
		cb->pos = cb->committed;
	const char *wrong = snapshot_ring_wrong(im, cb);
	if (wrong) {
		cairn_fault_set(why, im->base + at, "%s", wrong);
		return -EINVAL;
	}
	st->number = im->sb.minor ? CAIRN_PACKET_STREAM(cb->stream) : index;
	st->retired = retired || cb->state == CAIRN_RING_FROZEN;
	st->from_first = true;
	st->packet_bytes = im->sb.packet_bytes;
	st->nr_slots = (cb->ring_mask + 1) / st->packet_bytes;
	st->pending_bytes = (cb->pos - cb->committed) & CAIRN_POS_MASK;
	uint64_t seq = cairn_reader_stream_seq(cb, cb->committed, cb->seq_hint);
	bool open = cb->committed & cb->pkt_mask;
	st->open_seq =
		open && !st->retired
			? seq
			: CAIRN_SEQ_INVALID; /* the last packet of a block that was left is complete */
	st->end_seq = seq + (open ? 1 : 0);
	st->first_seq = st->end_seq > st->nr_slots ? st->end_seq - st->nr_slots : 0;
	st->nr_places = cairn_image_is_capture(im) ? 0 : st->end_seq - st->first_seq;
	if (im->sb.minor && !cairn_image_is_capture(im)) {
		st->mark_seq = cairn_reader_stream_seq(cb, cb->start, seq);
		st->mark_at = (uint32_t)(cb->start & cb->pkt_mask);
		if (st->mark_seq > st->end_seq) /* hides nothing that could be there */
			st->mark_seq = st->mark_at = 0;
	}
	return 1;
}

uint64_t cairn_reader_stream_absent(const struct cairn_reader_stream *st, uint64_t seq)
{
	const struct cairn_image *im = st->image;
	uint64_t slot = seq % st->nr_slots;
	uint64_t at = im->base + st->cb.packets_offset + slot * st->packet_bytes;
	uint64_t size = cairn_source_size(im->source), end = im->base + im->bytes;

	end = end < size ? end : size;
	uint64_t data = at < end ? cairn_source_next_data(im->source, at) : end;
	if (data >= end)
		return st->nr_slots - slot;
	return (data - at) / st->packet_bytes;
}

struct cairn_place cairn_reader_stream_place(const struct cairn_reader_stream *st, uint64_t i)
{
	struct cairn_place place = {.seq = st->first_seq + i};

	if (st->places)
		place = st->places[i];
	else
		place.offset = st->cb.packets_offset + place.seq % st->nr_slots * st->packet_bytes;
	if (!place.part)
		place.part = (struct cairn_reader_stream *)st;
	return place;
}

uint64_t cairn_reader_stream_next_place(const struct cairn_reader_stream *st, uint64_t i)
{
	uint64_t absent = st->places ? 0 : cairn_reader_stream_absent(st, st->first_seq + i);
	uint64_t left = st->nr_places - i;

	return i + (absent > left ? left : absent ? absent : 1);
}

static void snapshot_say(struct cairn_reader_packet *p, const struct cairn_sink *sink, uint32_t at,
			 const char *what, const char *kept)
{
	struct cairn_fault f;

	p->damaged = true;
	cairn_fault_set(&f, p->offset + at, "%s", what);
	snprintf(f.kept, sizeof(f.kept), "%s", kept);
	f.kind = CAIRN_FAULT_DAMAGE;
	f.image = (int)p->stream->image->index;
	f.path = p->stream->image->path;
	f.ring = p->stream->index;
	f.packet = (int64_t)p->seq;
	if (sink && sink->say)
		sink->say(sink->ctx, &f);
}

/*
 * Where the packet's content ends, when its own header cannot be believed: what its successor's
 * opener left.
 */
static uint32_t snapshot_closed_end(const struct cairn_reader_stream *st, uint64_t seq)
{
	const struct cairn_image *im = st->image;
	const struct cairn_section *s = &im->sections[CAIRN_SECTION_RINGS];
	uint64_t at = st->cb.closed_offset + seq % st->nr_slots * sizeof(struct cairn_closed);
	struct cairn_closed c;

	if (cairn_image_is_capture(im) || st->cb.closed_offset < s->offset ||
	    st->cb.closed_offset - s->offset > s->size || at - s->offset > s->size - sizeof(c) ||
	    !cairn_source_read_all(im->source, im->base + at, &c, sizeof(c)))
		return CAIRN_PACKET_HEADER_BYTES;
	if (cairn_reader_stream_seq(&st->cb, c.end, seq) != seq)
		return CAIRN_PACKET_HEADER_BYTES;
	uint32_t end = (uint32_t)(c.end & st->cb.pkt_mask);
	return end < CAIRN_PACKET_HEADER_BYTES ? CAIRN_PACKET_HEADER_BYTES : end;
}

static void snapshot_set_content(struct cairn_reader_packet *p, const struct cairn_sink *sink)
{
	const struct cairn_reader_stream *st = p->stream;
	uint64_t bits = p->h.content_bits;

	if (p->open && !cairn_image_is_capture(st->image)) {
		p->content = (uint32_t)(st->cb.committed & st->cb.pkt_mask);
		if (p->content < CAIRN_PACKET_HEADER_BYTES) {
			snapshot_say(p, sink, 0, "the open packet ends inside its header",
				     "kept no record of it");
			p->content = CAIRN_PACKET_HEADER_BYTES;
		}
		return;
	}
	if (bits >= CAIRN_PACKET_HEADER_BYTES * 8 && bits <= (uint64_t)st->packet_bytes * 8 &&
	    bits % 32 == 0) {
		p->content = (uint32_t)(bits / 8);
		return;
	}
	p->content = snapshot_closed_end(st, p->seq);
	snapshot_say(p, sink, offsetof(struct cairn_packet_header, content_bits),
		     "the packet's content size is impossible",
		     p->content > CAIRN_PACKET_HEADER_BYTES
			     ? "took the end that the writer noted elsewhere"
			     : "kept no record of it");
}

static bool snapshot_is_another(const struct cairn_reader_stream *st,
				const struct cairn_packet_header *h)
{
	return h->cpu_id != st->cb.cpu || CAIRN_PACKET_STREAM(h->flags) != st->number;
}

/* Has the target given the block, or its memory, another use since the control block was copied? */
static bool snapshot_block_moved(const struct cairn_reader_stream *st)
{
	const struct cairn_image *im = st->image;
	struct cairn_ring now;

	if (cairn_image_is_capture(im) || im->sb.minor == 0)
		return false;
	return !cairn_source_read_all(im->source,
				      im->base + im->sections[CAIRN_SECTION_RINGS].offset +
					      st->index * sizeof(now),
				      &now, sizeof(now)) ||
	       now.magic != CAIRN_RING_MAGIC || now.packets_offset != st->cb.packets_offset ||
	       now.stream != st->cb.stream;
}

static void snapshot_check_header(struct cairn_reader_packet *p, const struct cairn_sink *sink)
{
	const struct cairn_reader_stream *st = p->stream;
	struct cairn_packet_header *h = &p->h;
	const char *kept = "kept what parses";

	if (h->magic != CAIRN_CTF_MAGIC)
		snapshot_say(p, sink, 0, "the packet has no magic", kept);
	else if (memcmp(h->uuid, st->image->sb.uuid, sizeof(h->uuid)))
		snapshot_say(p, sink, offsetof(struct cairn_packet_header, uuid),
			     "the packet's UUID is not the region's", kept);
	else if (h->packet_bits != (uint64_t)st->packet_bytes * 8)
		snapshot_say(p, sink, offsetof(struct cairn_packet_header, packet_bits),
			     "the packet's size is not the region's", kept);
	else if (snapshot_is_another(st, h) || h->stream_id)
		snapshot_say(p, sink, offsetof(struct cairn_packet_header, cpu_id),
			     "the packet names another CPU or ring than its place", kept);
	if (h->ts_begin > h->ts_end) {
		snapshot_say(p, sink, offsetof(struct cairn_packet_header, ts_begin),
			     "the packet ends before it begins", kept);
		/* the first record's time, counted back from the end; unless it is the end that lies */
		uint64_t low = cairn_reader_int(p->bytes + CAIRN_PACKET_HEADER_BYTES, 8, false);
		uint64_t back = (h->ts_end - low) & CAIRN_TS_MASK;
		if (back <= CAIRN_TS_MASK / 2 && back <= h->ts_end)
			h->ts_begin = h->ts_end - back;
	}
}

/* The slot does not hold packet `p->seq`. Is that normal? */
static int snapshot_other_seq(struct cairn_reader_packet *p, const struct cairn_sink *sink)
{
	const struct cairn_reader_stream *st = p->stream;
	uint64_t seq = p->h.seq;

	if (seq == CAIRN_SEQ_INVALID)
		return CAIRN_READER_ABSENT;
	bool plausible = seq % st->nr_slots == p->seq % st->nr_slots;
	uint64_t now = seq > p->seq ? seq - p->seq : 0;
	if (plausible && now) {
		/* overtaken: the writer is at most where `pos` can be, and a live one goes on */
		return CAIRN_READER_ABSENT;
	}
	if (plausible || p->h.magic != CAIRN_CTF_MAGIC ||
	    memcmp(p->h.uuid, st->image->sb.uuid, sizeof(p->h.uuid))) {
		snapshot_say(p, sink, offsetof(struct cairn_packet_header, seq),
			     "the slot holds an older packet or none", "left it out");
		return -EINVAL;
	}
	snapshot_say(p, sink, offsetof(struct cairn_packet_header, seq),
		     "the packet's number does not belong in its slot", "kept what parses");
	return CAIRN_READER_OK;
}

int cairn_reader_packet_read(const struct cairn_reader_stream *st, uint64_t seq, uint64_t offset,
			     struct cairn_reader_packet *p, const struct cairn_sink *sink)
{
	const struct cairn_image *im = st->image;
	uint64_t at = im->base + offset;
	uint64_t again;

	p->stream = st;
	p->seq = seq;
	p->offset = at;
	p->open = seq == st->open_seq;
	p->damaged = false;
	p->good = CAIRN_PACKET_HEADER_BYTES;
	p->nr_records = 0;
	p->content = CAIRN_PACKET_HEADER_BYTES;
	uint64_t room = im->bytes > offset ? im->bytes - offset : 0;
	uint32_t n = room < st->packet_bytes ? (uint32_t)room : st->packet_bytes;
	int64_t got = n ? cairn_source_read(im->source, at, p->bytes, n) : 0;
	if (got < (int64_t)CAIRN_PACKET_HEADER_BYTES) {
		snapshot_say(p, sink, 0, "the packet is cut off", "left it out");
		return -EIO;
	}
	memset(p->bytes + got, 0, st->packet_bytes - (size_t)got);
	memcpy(&p->h, p->bytes, sizeof(p->h));
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* ORDER read:B, pairs with invalid:A */
	if (!cairn_source_read_all(im->source, at + offsetof(struct cairn_packet_header, seq),
				   &again, sizeof(again)))
		again = CAIRN_SEQ_INVALID;
	if (again != p->h.seq)
		return CAIRN_READER_ABSENT;
	if ((p->h.seq != seq || snapshot_is_another(st, &p->h)) && snapshot_block_moved(st)) {
		p->h.seq = seq; /* whatever stands there, it is not ours: overwritten */
		return CAIRN_READER_ABSENT;
	}
	if (p->h.seq != seq) {
		int e = snapshot_other_seq(p, sink);
		if (e != CAIRN_READER_OK)
			return e;
	}
	snapshot_check_header(p, sink);
	snapshot_set_content(p, sink);
	if (p->content > (uint64_t)got) {
		p->content = (uint32_t)got & ~3u;
		snapshot_say(p, sink, (uint32_t)got, "the packet is cut off", "kept what parses");
	}
	return CAIRN_READER_OK;
}
