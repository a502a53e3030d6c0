/* SPDX-License-Identifier: MIT */
/*
 * A decoder of the ring's memory, from the packet headers alone, written for the model tests; and
 * the comparison of what it finds with the truth. Failures name the invariant of core/ring.c.
 */
#ifndef CAIRN_TESTS_MODEL_IMAGE_H
#define CAIRN_TESTS_MODEL_IMAGE_H

#include "truth.h"

/* Parse the records of a valid packet; returns their number. */
static uint64_t world_parse(const struct cairn_packet_header *h)
{
	const uint8_t *base = (const uint8_t *)h;
	uint64_t off = CAIRN_PACKET_HEADER_BYTES, content = h->content_bits / 8, t = h->ts_begin,
		 n = 0;

	WORLD_REQUIRE(h->content_bits % 32 == 0 && content >= off && content <= w.packet_bytes - 4,
		      "I7", "packet %" PRIu64 ": content %" PRIu64 " bits", h->seq,
		      h->content_bits);
	while (off < content) {
		uint64_t head;
		uint32_t number, task, bytes, size, i;
		const struct world_write *wr;

		WORLD_REQUIRE(content - off >= CAIRN_RECORD_HEADER_BYTES, "I7",
			      "record cut at %" PRIu64, off);
		memcpy(&head, base + off, 8);
		memcpy(&task, base + off + 8, 4);
		number = (uint32_t)(head >> CAIRN_TS_BITS) - CAIRN_ID_FIRST;
		WORLD_REQUIRE(number < w.nr_writes, "I7",
			      "packet %" PRIu64 " offset %" PRIu64 ": id %u unknown", h->seq, off,
			      number + CAIRN_ID_FIRST);
		wr = &world_writes[number];
		WORLD_REQUIRE(wr->state == WRITE_FILLED || wr->state == WRITE_COMMITTED, "I7",
			      "record %u is in the content but in state %d", number, wr->state);
		WORLD_REQUIRE(wr->packet == h->seq && wr->begin == off, "I1",
			      "record %u is at %" PRIu64 "+%" PRIu64 ", was reserved at %" PRIu64
			      "+%" PRIu64,
			      number, h->seq, off, wr->packet, wr->begin);
		bytes = wr->bytes;
		size = world_record_bytes(bytes);
		WORLD_REQUIRE(size <= content - off, "I7", "record %u reaches beyond the content",
			      number);
		t += (head - t) & CAIRN_TS_MASK;
		WORLD_REQUIRE(t == wr->ts || w.clock_back, "I2",
			      "record %u: time %" PRIu64 " decoded, %" PRIu64 " written", number, t,
			      wr->ts);
		WORLD_REQUIRE(task == (uint32_t)w.task, "I7", "record %u: task word 0x%x", number,
			      task);
		for (i = 0; i < size - CAIRN_RECORD_HEADER_BYTES; i++) {
			uint8_t want = i < bytes ? world_byte(number, i) : 0;

			WORLD_REQUIRE(base[off + CAIRN_RECORD_HEADER_BYTES + i] == want, "I7",
				      "record %u: byte %u is 0x%02x, not 0x%02x", number, i,
				      base[off + CAIRN_RECORD_HEADER_BYTES + i], want);
		}
		off += size;
		n++;
	}
	WORLD_REQUIRE(t <= h->ts_end || w.clock_leapt || w.clock_back, "I7",
		      "packet %" PRIu64 ": ts_end %" PRIu64 " before its last record %" PRIu64,
		      h->seq, h->ts_end, t);
	return n;
}

static bool world_being_opened(uint64_t packet)
{
	for (unsigned i = 0; i < w.depth; i++)
		if (w.frame[i].opening && w.frame[i].packet == packet)
			return true;
	return false;
}

static void world_check_packet(const struct cairn_packet_header *h, uint64_t committed_packet,
			       uint64_t committed_off)
{
	const struct world_packet *a = world_about(h->seq);
	uint64_t content = h->content_bits / 8, n;

	WORLD_REQUIRE(h->magic == CAIRN_CTF_MAGIC && h->packet_bits == w.packet_bytes * 8, "I7",
		      "header of %" PRIu64, h->seq);
	WORLD_REQUIRE(h->ts_begin <= h->ts_end || w.clock_back, "I2",
		      "packet %" PRIu64 ": begin %" PRIu64 ", end %" PRIu64, h->seq, h->ts_begin,
		      h->ts_end);
	n = world_parse(h);
	WORLD_REQUIRE(content <= a->end, "I7", "packet %" PRIu64 " has content beyond its records",
		      h->seq);
	if (h->seq < committed_packet)
		WORLD_REQUIRE(content == a->end, "I4",
			      "packet %" PRIu64 " is below committed, %" PRIu64 " of %" PRIu64
			      " bytes in its content",
			      h->seq, content, a->end);
	else if (h->seq == committed_packet)
		WORLD_REQUIRE(content >= committed_off, "I7",
			      "content %" PRIu64 " below committed %" PRIu64, content,
			      committed_off);
	if (n)
		WORLD_REQUIRE(h->events_before == a->before, "section 7",
			      "packet %" PRIu64 ": events_before %" PRIu64 ", in truth %" PRIu64,
			      h->seq, h->events_before, a->before);
	WORLD_REQUIRE(h->events_discarded <= a->lost_max, "section 7",
		      "packet %" PRIu64 ": events_discarded %" PRIu64 " of %" PRIu64, h->seq,
		      h->events_discarded, a->lost_max);
	if (h->seq < committed_packet)
		WORLD_REQUIRE(h->events_discarded >= a->lost_min, "section 7",
			      "packet %" PRIu64 ": events_discarded %" PRIu64 ", at least %" PRIu64
			      " when it was closed",
			      h->seq, h->events_discarded, a->lost_min);
}

/* Whether packet `p` may be absent: it is being opened, or its slot is the next to be reused and
 * may be. */
static bool world_may_be_absent(uint64_t p, uint64_t committed_packet)
{
	if (world_being_opened(p) || world_about(p)->left)
		return true;
	if (p + w.nr_packets != w.packet + 1)
		return false;
	if (p >= committed_packet)
		return false; /* I6 */
	return w.overwrites || cairn_pos_diff(w.ring.consumed, (p + 1) * w.packet_bytes) >= 0;
}

/* Decode the image and compare it with the truth. May be called at any point. */
static void world_check(void)
{
	uint64_t committed_packet = world_packet_of(w.ring.committed);
	uint64_t committed_off = w.ring.committed & w.ring.pkt_mask;
	uint64_t first = world_oldest(), p;
	const struct cairn_packet_header *prev = NULL;

	world_checks++;
	if (!w.opened) {
		for (p = 0; p < w.nr_packets; p++)
			WORLD_REQUIRE(world_hdr(p)->seq == CAIRN_SEQ_INVALID ||
					      world_being_opened(w.packet),
				      "I7", "slot %" PRIu64 " valid before any packet was opened",
				      p);
		return;
	}
	WORLD_REQUIRE(cairn_ring_valid(&w.ring), "I6", "pos %" PRIx64 " committed %" PRIx64,
		      w.ring.pos, w.ring.committed);
	for (p = 0; p < w.nr_packets; p++) {
		uint64_t seq = world_hdr(p)->seq;

		WORLD_REQUIRE(seq == CAIRN_SEQ_INVALID ||
				      (seq % w.nr_packets == p && seq - first <= w.packet - first),
			      "I7",
			      "slot %" PRIu64 " says packet %" PRIu64 "; %" PRIu64 "..%" PRIu64
			      " may be",
			      p, seq, first, w.packet);
	}
	for (p = first; p != w.packet + 1; p++) {
		const struct cairn_packet_header *h = world_hdr(p);

		if (h->seq != p) {
			WORLD_REQUIRE(world_may_be_absent(p, committed_packet), "I6",
				      "packet %" PRIu64 " is missing", p);
			prev = NULL;
			continue;
		}
		world_check_packet(h, committed_packet, committed_off);
		if (prev) {
			WORLD_REQUIRE(prev->ts_end <= h->ts_begin || w.clock_back, "I2",
				      "packet %" PRIu64 " ends at %" PRIu64
				      ", the next begins at %" PRIu64,
				      p - 1, prev->ts_end, h->ts_begin);
			WORLD_REQUIRE(prev->events_discarded <= h->events_discarded, "section 7",
				      "events_discarded falls from %" PRIu64 " to %" PRIu64,
				      prev->events_discarded, h->events_discarded);
		}
		prev = h;
	}
	WORLD_REQUIRE(prev == NULL || prev->events_discarded <= world_lost(), "section 7",
		      "more discarded than lost");
}

#endif
