/* SPDX-License-Identifier: MIT */
/*
 * Records of a packet, and the walk through a stream with its exact account:
 *
 *	emitted = decoded + lost + overwritten + unreadable + consumed
 *
 * `events_before` of a packet says how many records were written before it. What the walk has
 * counted so far is less by what was overwritten (a packet is missing) or does not parse (a packet
 * is damaged). The last sum comes from the control block: `events_total` plus the count in
 * `committed`. A capture that continues others (earlier_* of its control blocks) begins to count where they end.
 */
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t cairn_reader_int(const uint8_t *at, uint32_t size, bool is_signed)
{
	uint64_t v = 0;

	memcpy(&v, at, size < 8 ? size : 8);
	if (is_signed && size && size < 8 && (v >> (size * 8 - 1) & 1))
		v |= ~(uint64_t)0 << (size * 8);
	return v;
}

/* Slot of a dynamic field: place counted from the payload, and bytes. */
static void decode_slot(const struct cairn_schema_field *f, const uint8_t *payload, uint32_t *at,
			uint32_t *n)
{
	uint32_t slot = (uint32_t)cairn_reader_int(payload + f->offset, 4, false);

	*n = slot >> 16;
	/*
	 * __data_loc counts from the Linux record, 8 bytes before the payload; __rel_loc from the
	 * end of the slot
	 */
	*at = f->kind == CAIRN_SCHEMA_REL_LOC ? f->offset + 4 + (slot & 0xffff)
					      : (slot & 0xffff) - 8u;
}

int32_t cairn_schema_event_bytes(const struct cairn_schema_event *e, const uint8_t *payload,
				 uint32_t room)
{
	uint32_t end = e->fixed_bytes;

	if (end > room)
		return -1;
	for (uint32_t i = 0; e->nr_dynamic && i < e->nr_fields; i++) {
		const struct cairn_schema_field *f = &e->fields[i];
		uint32_t at, n;
		if (f->kind != CAIRN_SCHEMA_DATA_LOC && f->kind != CAIRN_SCHEMA_REL_LOC)
			continue;
		/* the largest power of two up to 4 that divides the element */
		uint32_t align = f->element % 4 == 0 ? 4 : f->element % 2 == 0 ? 2 : 1;
		decode_slot(f, payload, &at, &n);
		end = (end + align - 1) / align * align;
		if (at != end || n > room || end > room - n || n % f->element)
			return -1;
		end += n;
	}
	return end <= CAIRN_RECORD_MAX ? (int32_t)end : -1;
}

bool cairn_schema_field_bytes(const struct cairn_schema_field *f, const uint8_t *payload,
			      uint32_t bytes, const uint8_t **at, uint32_t *n)
{
	uint32_t place = f->offset;

	*n = f->size;
	if (f->size > bytes || place > bytes - f->size)
		return false;
	if (f->kind == CAIRN_SCHEMA_DATA_LOC || f->kind == CAIRN_SCHEMA_REL_LOC)
		decode_slot(f, payload, &place, n);
	if (*n > bytes || place > bytes - *n)
		return false;
	*at = payload + place;
	return true;
}

/* Bytes of the record at `at`, header and padding included, or 0. *payload_bytes excludes them. */
static uint32_t decode_record_bytes(const struct cairn_reader_packet *p, uint32_t at,
				    const struct cairn_schema_event **e, uint32_t *payload_bytes)
{
	uint32_t room = p->content - at;
	const uint8_t *r = p->bytes + at;

	*e = NULL;
	if (room < CAIRN_RECORD_HEADER_BYTES)
		return 0;
	room -= CAIRN_RECORD_HEADER_BYTES;
	uint32_t id = (uint32_t)cairn_reader_int(r + 6, 2, false);
	int32_t n;
	if (id == CAIRN_ID_DISCARDED) {
		uint64_t skip = room >= 4
					? cairn_reader_int(r + CAIRN_RECORD_HEADER_BYTES, 4, false)
					: UINT32_MAX;
		n = skip <= CAIRN_RECORD_MAX - 4 ? (int32_t)skip + 4 : -1;
	} else {
		*e = cairn_schema_find(&p->stream->image->schema, id);
		n = *e ? cairn_schema_event_bytes(*e, r + CAIRN_RECORD_HEADER_BYTES, room) : -1;
	}
	if (n < 0 || (uint32_t)n > room)
		return 0;
	*payload_bytes = (uint32_t)n;
	uint32_t rounded = ((uint32_t)n + 3) & ~3u;
	return rounded <= room ? CAIRN_RECORD_HEADER_BYTES + rounded : 0;
}

static void decode_say(const struct cairn_reader_packet *p, const struct cairn_sink *sink,
		       uint32_t at, struct cairn_fault *f)
{
	f->kind = CAIRN_FAULT_DAMAGE;
	f->image = (int)p->stream->image->index;
	f->path = p->stream->image->path;
	f->ring = p->stream->index;
	f->packet = (int64_t)p->seq;
	f->offset = p->offset + at;
	if (sink && sink->say)
		sink->say(sink->ctx, f);
}

/* 64-bit time of a record: the first with these low bits that is not before `prev`. */
static uint64_t decode_time(const uint8_t *record, uint64_t prev)
{
	uint64_t low = cairn_reader_int(record, 8, false) & CAIRN_TS_MASK;

	return prev + ((low - prev) & CAIRN_TS_MASK);
}

uint64_t cairn_reader_packet_latest(const struct cairn_reader_packet *p)
{
	if (p->h.ts_end < p->h.ts_begin)
		return p->h.ts_begin + CAIRN_TS_MASK / 2;
	/* what was pending when the clock restarted ends behind the time at which its packet was closed */
	bool open = p->open || p->stream->image->state.clock_resets;
	return open ? p->h.ts_end + CAIRN_TS_MASK / 2 : p->h.ts_end;
}

void cairn_reader_packet_parse(struct cairn_reader_packet *p, const struct cairn_sink *sink)
{
	uint64_t latest = cairn_reader_packet_latest(p);
	uint32_t at = CAIRN_PACKET_HEADER_BYTES;
	uint32_t bad_times = 0, bad_at = 0;
	struct cairn_fault f;

	p->last_ts = p->h.ts_begin;
	p->nr_records = 0;
	while (at < p->content) {
		const struct cairn_schema_event *e;
		uint32_t payload;
		uint32_t n = decode_record_bytes(p, at, &e, &payload);
		if (n == 0)
			break;
		uint64_t ts = decode_time(p->bytes + at, p->last_ts);
		if (ts > latest)
			bad_at = bad_times++ ? bad_at : at;
		else
			p->last_ts = ts;
		p->nr_records++;
		at += n;
	}
	p->good = at;
	if (bad_times) {
		p->damaged = true;
		cairn_fault_set(&f, 0, "%u records have times outside their packet or order",
				bad_times);
		snprintf(f.kept, sizeof(f.kept), "gave them the time of the record before");
		decode_say(p, sink, bad_at, &f);
	}
	if (at < p->content) {
		uint32_t id = p->content - at >= 8
				      ? (uint32_t)cairn_reader_int(p->bytes + at + 6, 2, false)
				      : 0;
		p->damaged = true;
		cairn_fault_set(&f, 0,
				"the record with id %u is unknown or does not fit its packet", id);
		snprintf(f.kept, sizeof(f.kept), "kept %u records, left %u bytes", p->nr_records,
			 p->content - at);
		decode_say(p, sink, at, &f);
	}
}

void cairn_reader_account_add(struct cairn_reader_account *to, const struct cairn_reader_account *a)
{
	if (a->decoded && (!to->decoded || a->first_ts < to->first_ts))
		to->first_ts = a->first_ts;
	if (a->decoded && (!to->decoded || a->last_ts > to->last_ts))
		to->last_ts = a->last_ts;
	to->decoded += a->decoded;
	to->filtered += a->filtered;
	to->lost += a->lost;
	for (int i = 0; i < CAIRN_NR_LOST; i++)
		to->lost_by[i] += a->lost_by[i];
	to->overwritten += a->overwritten;
	to->unreadable += a->unreadable;
	to->consumed += a->consumed;
	to->elsewhere += a->elsewhere;
	to->packets += a->packets;
	to->bytes += a->bytes;
	to->damaged += a->damaged;
	to->torn += a->torn;
}

static uint64_t decode_sum(const uint64_t lost[CAIRN_NR_LOST])
{
	uint64_t sum = 0;

	for (int i = 0; i < CAIRN_NR_LOST; i++)
		sum += lost[i];
	return sum;
}

/*
 * Go on counting at `to`: what lies between is told elsewhere (in other files, in other buffers) or not at all (behind a clear mark). `by` are
 * the losses that were told of the stream so far.
 */
static void decode_jump(struct cairn_walk *w, const struct cairn_reader_before *to,
			const uint64_t by[CAIRN_NR_LOST])
{
	/* up to here all losses were told; those in between are not ours */
	uint64_t lost = decode_sum(by), next = decode_sum(to->lost);

	if (lost > w->discarded) {
		w->unsaid += lost - w->discarded;
		w->discarded = lost;
	}
	if (next > w->discarded) {
		w->untold += next - w->discarded;
		w->discarded = next;
	}
	for (int i = 0; i < CAIRN_NR_LOST; i++)
		if (to->lost[i] > by[i])
			w->told[i] += to->lost[i] - by[i];
	w->events = to->events;
	w->next_seq = to->packets;
	w->gap_damaged = false;
}

/* Count from where the files, or the blocks of another buffer, before this one end. */
static void decode_begin(struct cairn_walk *w, const struct cairn_reader_stream *st)
{
	const struct cairn_reader_stream *first =
		st->nr_places ? cairn_reader_stream_place(st, 0).part : st;
	const struct cairn_ring *cb = &first->cb;

	w->count_from_first = !st->from_first;
	if (cairn_image_is_capture(first->image)) { /* only tools write these words */
		w->events = cb->earlier_events;
		w->next_seq = cb->earlier_packets;
		memcpy(w->told, cb->earlier_lost, sizeof(w->told));
	} else {
		w->events = st->before.events;
		w->next_seq = st->before.packets;
		memcpy(w->told, st->before.lost, sizeof(w->told));
	}
	w->discarded = w->untold = decode_sum(w->told);
}

int cairn_walk_init(struct cairn_walk *w, const struct cairn_reader_stream *st,
		    const struct cairn_sink *sink)
{
	memset(w, 0, sizeof(*w));
	w->stream = st;
	if (sink)
		w->sink = *sink;
	w->packet.stream = st;
	decode_begin(w, st);
	if (st->nr_places == 0)
		return 0;
	w->packet.bytes = malloc(st->packet_bytes);
	return w->packet.bytes ? 0 : -ENOMEM;
}

void cairn_walk_fini(struct cairn_walk *w)
{
	free(w->packet.bytes);
	w->packet.bytes = NULL;
}

/* Most records that a packet can hold. */
static uint64_t decode_most_records(const struct cairn_reader_stream *st)
{
	return (st->packet_bytes - CAIRN_PACKET_HEADER_BYTES) / CAIRN_RECORD_HEADER_BYTES;
}

/*
 * The writer of a ring that keeps the oldest overwrites only what a reader has taken. What the ring's predecessors held was given up, or taken
 * from them.
 */
static bool decode_was_consumed(const struct cairn_walk *w)
{
	const struct cairn_reader_stream *st = w->stream;

	if (cairn_image_is_capture(st->image) || st->cb.mode != CAIRN_DISCARD)
		return false;
	if (st->image->sb.minor == 0)
		return st->cb.consumed != 0;
	uint64_t from = cairn_reader_stream_seq(&st->cb, st->cb.start, st->end_seq);
	return ((st->cb.consumed ^ st->cb.start) & CAIRN_POS_MASK) && w->next_seq >= from;
}

/* `n` records were written and are not there. */
static void decode_missing(struct cairn_walk *w, uint64_t n)
{
	bool consumed = decode_was_consumed(w);

	if (w->gap_damaged)
		w->account.unreadable += n;
	else if (consumed)
		w->account.consumed += n;
	else
		w->account.overwritten += n;
	w->unsaid += consumed && !w->gap_damaged ? 0 : n;
	w->events += n;
	w->gap_damaged = false;
}

/* Total that the control block vouches for, or 0 if it contradicts what was decoded. */
static uint64_t decode_total(const struct cairn_walk *w)
{
	const struct cairn_ring *cb = &w->stream->cb;

	if (w->stream->image->sb.region_bytes == 0 && cairn_image_is_capture(w->stream->image))
		return 0; /* never finished: its control blocks are those of the start */
	if (w->open_total_known)
		return w->open_total;
	return cb->events_total + (cb->committed >> CAIRN_POS_BITS);
}

/* Rules (5) and (7) for the packet just read, against what came before it. */
static void decode_link(struct cairn_walk *w)
{
	struct cairn_reader_packet *p = &w->packet;
	const struct cairn_ring *cb = &w->stream->cb;
	struct cairn_fault f;
	if (w->count_from_first) {
		w->count_from_first = false;
		w->events = p->h.events_before;
		w->next_seq = p->seq;
	}
	uint64_t missing = p->seq > w->next_seq ? p->seq - w->next_seq : 0;
	uint64_t before = p->h.events_before;
	uint64_t most = decode_most_records(w->stream);
	uint64_t span = missing > UINT64_MAX / most ? UINT64_MAX : missing * most;

	/*
	 * the opener leaves it to the publisher: an open, empty packet may still hold the old lap's
	 * value
	 */
	if (p->open && p->content == CAIRN_PACKET_HEADER_BYTES &&
	    !cairn_image_is_capture(w->stream->image) && cb->committed >> CAIRN_POS_BITS == 0)
		before = cb->events_total;
	if (w->gap_damaged)
		span = span > UINT64_MAX - most ? UINT64_MAX : span + most;
	if (before < w->events || before - w->events > span) {
		p->damaged = true;
		cairn_fault_set(&f, 0,
				"events_before is %llu, but %llu records stand before the packet",
				(unsigned long long)before, (unsigned long long)w->events);
		snprintf(f.kept, sizeof(f.kept), "kept its records");
		decode_say(p, &w->sink, offsetof(struct cairn_packet_header, events_before), &f);
	} else if (before > w->events) {
		decode_missing(w, before - w->events);
	}
	w->gap_damaged = false;
	bool restarted = w->stream->image->sb.minor
				 ? cairn_image_epoch(w->stream->image, p->h.flags) != w->epoch
				 : w->stream->image->state.clock_resets != 0;
	if (w->any && p->h.ts_begin + p->shift < w->prev_end && !restarted) {
		p->damaged = true;
		cairn_fault_set(&f, 0,
				"the packet begins %llu clock ticks before the one before it ends",
				(unsigned long long)(w->prev_end - p->shift - p->h.ts_begin));
		snprintf(f.kept, sizeof(f.kept), "kept its records");
		decode_say(p, &w->sink, offsetof(struct cairn_packet_header, ts_begin), &f);
	}
}

uint64_t cairn_walk_discarded(const struct cairn_walk *w)
{
	uint64_t told = w->any ? w->packet.h.events_discarded : 0;
	uint64_t lost = 0;

	for (int i = 0; i < CAIRN_NR_LOST; i++)
		lost += w->stream->cb.lost[i];
	/* a damaged header must not invent losses: the control block bounds them */
	bool believed = told <= lost || w->stream->image->sb.region_bytes == 0;
	return believed && told > w->discarded ? told : w->discarded;
}

/* The packet is left now: its losses stand before what follows. */
static void decode_leave(struct cairn_walk *w)
{
	uint64_t discarded = cairn_walk_discarded(w);

	w->unsaid += discarded - w->discarded;
	w->discarded = discarded;
}

/*
 * A writer inside publish has added a packet to events_total that lies behind `committed`. What the
 * open packet says of itself was final when its predecessor was published, and wins.
 */
static void decode_note_open(struct cairn_walk *w)
{
	const struct cairn_reader_packet *p = &w->packet;
	const struct cairn_ring *cb = &w->stream->cb;
	uint64_t count = cb->committed >> CAIRN_POS_BITS;
	uint64_t ahead = cb->events_total - p->h.events_before;

	if (w->part->image == w->stream->image && w->part->index != w->stream->index)
		return; /* another block, whose CPU was seen before it went over */
	if (!p->open || p->damaged || count == 0 || cairn_image_is_capture(w->stream->image) ||
	    cb->events_total < p->h.events_before ||
	    ahead > decode_most_records(w->stream) * w->stream->nr_slots)
		return;
	w->open_total = p->h.events_before + count;
	w->open_total_known = true;
}

/* Packet `seq` cannot be read: pass over those behind it that are not in the file either. */
static void decode_pass_absent(struct cairn_walk *w, uint64_t seq)
{
	const struct cairn_reader_stream *st = w->stream;
	uint64_t n = st->places ? 0 : cairn_reader_stream_absent(st, seq);
	uint64_t left = st->nr_places - w->next_place;
	struct cairn_fault f;

	n = n && n - 1 < left ? n - 1 : n ? left : 0;
	if (n == 0)
		return;
	w->next_place += n;
	w->account.damaged += n;
	cairn_fault_set(&f, 0, "%llu packets behind it lie outside the file or in a hole of it",
			(unsigned long long)n);
	snprintf(f.kept, sizeof(f.kept), "left them out");
	decode_say(&w->packet, &w->sink, 0, &f);
}

/* First byte of the packet, just parsed, that lies behind its block's clear mark; counts the records before it. */
static uint32_t decode_mark_at(struct cairn_reader_packet *p,
			       const struct cairn_reader_stream *from)
{
	uint32_t at = CAIRN_PACKET_HEADER_BYTES;

	p->nr_skipped = 0;
	if (p->seq != from->mark_seq || !from->mark_at)
		return at;
	while (at < p->good && at < from->mark_at) {
		const struct cairn_schema_event *e;
		uint32_t payload, n = decode_record_bytes(p, at, &e, &payload);
		if (n == 0)
			break;
		at += n;
		p->nr_skipped++;
	}
	return at;
}

/*
 * Go on counting at the clear mark, once the first packet behind it has come, or none will. A snapshot that was taken before the mark was set
 * stays, and its packets come before.
 */
static void decode_pass_mark(struct cairn_walk *w, const struct cairn_reader_packet *p)
{
	const struct cairn_reader_mark *mark = &w->stream->mark;
	static const uint64_t none[CAIRN_NR_LOST];

	if (!mark->set || w->past_mark)
		return;
	if (p && !p->nr_skipped && p->h.events_before < mark->before.events &&
	    mark->before.events - p->h.events_before >= p->nr_records)
		return;
	w->past_mark = true;
	if (w->events > mark->before.events)
		return;
	struct cairn_reader_before to = mark->before;
	to.packets = w->next_seq;
	if (p && p->nr_skipped)
		to.events = p->h.events_before;
	if (p && to.packets > p->seq)
		to.packets = p->seq;
	decode_jump(w, &to, w->before ? w->before->cb.lost : none);
}

/* After the last packet: what was overwritten behind it, and the losses that no packet tells. */
static void decode_finish(struct cairn_walk *w)
{
	struct cairn_reader_account *a = &w->account;
	uint64_t total = decode_total(w);
	uint64_t lost = 0;
	struct cairn_fault f;

	w->over = true;
	decode_pass_mark(w, NULL);
	for (int i = 0; i < CAIRN_NR_LOST; i++) {
		a->lost_by[i] = w->stream->cb.lost[i];
		lost += a->lost_by[i];
	}
	for (int i = 0; i < CAIRN_NR_LOST; i++)
		a->lost_by[i] = a->lost_by[i] > w->told[i] ? a->lost_by[i] - w->told[i] : 0;
	if (lost < w->discarded) {
		a->lost_by[CAIRN_LOST_FULL] +=
			w->discarded - lost; /* an unfinished capture: the cause is not known */
		lost = w->discarded;
	}
	w->unsaid += lost - w->discarded;
	w->discarded = lost;
	a->lost = lost - w->untold;
	uint64_t most = decode_most_records(w->stream);
	uint64_t last = w->next_seq;
	uint64_t end = w->stream->end_seq;
	if (cairn_image_is_capture(w->stream->image))
		end = cairn_reader_stream_seq(&w->stream->cb, w->stream->cb.committed,
					      w->stream->cb.seq_hint) +
		      1;
	uint64_t span = end > last ? (end - last + 1) * most : most;
	if (total > w->events && total - w->events <= span) {
		w->gap_damaged |= w->any && last >= end;
		decode_missing(w, total - w->events);
	} else if (total && total != w->events) {
		cairn_fault_set(
			&f, CAIRN_NO_OFFSET,
			"the control block says %llu records were written, the packets say %llu",
			(unsigned long long)total, (unsigned long long)w->events);
		snprintf(f.kept, sizeof(f.kept), "believed the packets");
		w->packet.stream = w->stream;
		decode_say(&w->packet, &w->sink, 0, &f);
	}
}

/*
 * The next packets come from another file. What lies between the two is in files that were not given: not lost, and not counted.
 */
static void decode_enter(struct cairn_walk *w, const struct cairn_reader_stream *from)
{
	const struct cairn_reader_stream *before = w->part;

	w->before = w->any ? before : NULL;
	w->part = from;
	if (!before || !cairn_image_is_capture(from->image) || from->cb.earlier_events <= w->events)
		return;
	struct cairn_reader_before to = {from->cb.earlier_packets, from->cb.earlier_events, {0}};
	memcpy(to.lost, from->cb.earlier_lost, sizeof(to.lost));
	w->account.elsewhere += from->cb.earlier_events - w->events;
	decode_jump(w, &to, before->cb.lost);
}

int cairn_walk_packet(struct cairn_walk *w)
{
	const struct cairn_reader_stream *st = w->stream;
	struct cairn_reader_packet *p = &w->packet;

	decode_leave(w);
	while (w->next_place < st->nr_places) {
		const struct cairn_place place = cairn_reader_stream_place(st, w->next_place++);
		const struct cairn_reader_stream *from = place.part;
		uint64_t seq = place.seq;
		if (seq < from->mark_seq)
			continue;
		if (from != w->part)
			decode_enter(w, from);
		int e = cairn_reader_packet_read(from, seq, place.offset, p, &w->sink);
		p->stream = st;
		if (e != CAIRN_READER_OK) {
			w->account.torn +=
				e == CAIRN_READER_ABSENT && p->h.seq == CAIRN_SEQ_INVALID;
			w->account.damaged += e < 0;
			w->gap_damaged |= e < 0;
			if (e < 0)
				decode_pass_absent(w, seq);
			continue;
		}
		p->shift = cairn_image_shift(st->image, p->h.flags);
		cairn_reader_packet_parse(p, &w->sink);
		p->from = decode_mark_at(p, from);
		decode_pass_mark(w, p);
		decode_link(w);
		decode_note_open(w);
		if (!st->mark.set)
			w->account.overwritten += p->nr_skipped, w->unsaid += p->nr_skipped;
		w->any = true;
		w->next_seq = seq + 1;
		w->epoch = cairn_image_epoch(st->image, p->h.flags);
		w->prev_end = (p->h.ts_end > p->last_ts || p->damaged ? p->h.ts_end : p->last_ts) +
			      p->shift;
		w->events += p->nr_records;
		w->gap_damaged = p->good < p->content;
		w->account.packets++;
		w->account.damaged += p->damaged;
		w->account.decoded += p->nr_records - p->nr_skipped;
		w->account.bytes += p->good - p->from;
		w->at = p->from;
		w->ts = p->h.ts_begin;
		return 1;
	}
	if (!w->over)
		decode_finish(w);
	cairn_walk_fini(w); /* a merge of many streams keeps no bytes of those that ended */
	return 0;
}

static void decode_count_time(struct cairn_walk *w)
{
	struct cairn_reader_account *a = &w->account;

	uint64_t ts = w->ts + w->packet.shift;

	if (a->first_ts == 0 || ts < a->first_ts)
		a->first_ts = ts;
	if (ts > a->last_ts)
		a->last_ts = ts;
}

int cairn_walk_next(struct cairn_walk *w, struct cairn_reader_record *r)
{
	struct cairn_reader_packet *p = &w->packet;

	if (w->over)
		return 0;
	for (;;) {
		while (!w->any || w->at >= p->content)
			if (!cairn_walk_packet(w))
				return 0;
		uint32_t at = w->at;
		memset(r, 0, sizeof(*r));
		r->stream = w->stream;
		r->offset = p->offset + at;
		if (at >= p->good) { /* the rest of a damaged packet */
			w->at = p->content;
			r->ts = w->ts + p->shift;
			r->id = p->content - at >= 8
					? (uint32_t)cairn_reader_int(p->bytes + at + 6, 2, false)
					: 0;
			r->payload = p->bytes + at;
			r->bytes = p->content - at;
			return 1;
		}
		uint32_t n = decode_record_bytes(p, at, &r->event, &r->bytes);
		w->at = at + n;
		uint64_t ts = decode_time(p->bytes + at, w->ts);
		if (ts <= cairn_reader_packet_latest(p))
			w->ts = ts;
		decode_count_time(w);
		r->id = (uint32_t)cairn_reader_int(p->bytes + at + 6, 2, false);
		if (r->id == CAIRN_ID_DISCARDED) {
			w->account.filtered++;
			continue;
		}
		r->ts = w->ts + p->shift;
		r->task = (uint32_t)cairn_reader_int(p->bytes + at + 8, 4, false);
		r->payload = p->bytes + at + CAIRN_RECORD_HEADER_BYTES;
		return 1;
	}
}

uint64_t cairn_walk_take_unsaid(struct cairn_walk *w)
{
	uint64_t n = w->unsaid;

	w->unsaid = 0;
	return n;
}
