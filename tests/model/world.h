/* SPDX-License-Identifier: MIT */
/*
 * A ring whose every shared access belongs to the test. The shipped source (core/ring.c and the
 * inline writer) is compiled here with CAIRN_MODEL=1, so that each access is a call of
 * cairn_model_*() below. Before each of them, before each clock read and between payload stores
 * lies a *point*: there an interrupt may come and run an *action*, for instance a whole nested
 * write, which has points of its own.
 *
 * A *script* says at which points of a run, counted from its start, which actions happen. The same
 * script always gives the same run; world_explore() enumerates all scripts of up to n actions.
 *
 * While the code runs, the world notes what must be true (which record lies where, which packet is
 * open, who holds the token), from the compare-and-swaps on pos alone (truth.h). world_check()
 * decodes the image and compares (image.h).
 *
 * Words that never change while a ring lives (base, masks) are no points: moving an interrupt
 * across a load of a constant changes nothing. Of the counters of losses, which are summed one by
 * one, the first two are.
 */
#ifndef CAIRN_TESTS_MODEL_WORLD_H
#define CAIRN_TESTS_MODEL_WORLD_H

#include "image.h"

/* ---- points ---- */

static void world_act(struct world_action a);

static void world_point(void)
{
	if (!w.armed)
		return;
	for (;;) {
		uint32_t at = w.points++;

		if (at > w.max_points)
			world_fail("progress", "no end after %u points", at);
		if (w.dirty && w.next == w.nr_script && !w.checked_elsewhere) {
			w.dirty = false;
			world_check();
		}
		if (world_at_point)
			world_at_point();
		if (w.next == w.nr_script || w.script[w.next].at != at)
			return;
		world_act(w.script[w.next++].action);
	}
}

static struct world_frame *world_top(void)
{
	return &w.frame[w.depth - 1];
}

/* ---- what the accesses mean ---- */

/* A swap on pos succeeded: a record was reserved or a packet entered. */
static void world_moved(uint64_t o, uint64_t n)
{
	struct world_frame *f = world_top();
	struct world_write *wr = &world_writes[f->number];
	uint64_t off = o & w.ring.pkt_mask, to = n & w.ring.pkt_mask,
		 size = world_record_bytes(wr->bytes);
	struct world_packet *a;

	WORLD_REQUIRE(f->clock >= w.last_time || w.clock_back, "I2",
		      "time %" PRIu64 " after %" PRIu64, f->clock, w.last_time);
	w.last_time = f->clock;
	if (n >> CAIRN_POS_BITS) { /* a record */
		a = world_about(w.packet);
		WORLD_REQUIRE(w.opened && ((o ^ n) & CAIRN_POS_MASK & ~w.ring.pkt_mask) == 0 &&
				      to == off + size && off == a->end && to <= w.packet_bytes - 4,
			      "I1", "record of %" PRIu64 " bytes from %" PRIx64 " to %" PRIx64,
			      size, o, n);
		a->end = to;
		a->records++;
		WORLD_REQUIRE(n >> CAIRN_POS_BITS == a->records, "I1",
			      "%" PRIu64 " records counted, %" PRIu64 " reserved",
			      n >> CAIRN_POS_BITS, a->records);
		wr->state = WRITE_RESERVED;
		wr->packet = w.packet;
		wr->begin = off;
		wr->ts = f->clock;
		w.nr_kept++;
	} else {
		uint64_t before = 0;

		WORLD_REQUIRE(to == CAIRN_PACKET_HEADER_BYTES, "I1", "packet opened at %" PRIx64,
			      n);
		WORLD_REQUIRE(((n - o) & CAIRN_POS_MASK) == (off ? w.packet_bytes - off : 0) + to,
			      "I1", "opened %" PRIx64 " after %" PRIx64, n, o);
		WORLD_REQUIRE(w.opened == (off != 0), "I1", "open at %" PRIx64, o);
		if (!w.overwrites)
			WORLD_REQUIRE(
				f->acquired &&
					cairn_pos_diff(n - to + w.packet_bytes, f->consumed) <=
						(int64_t)(w.nr_packets * w.packet_bytes),
				"I6",
				"packet opened at %" PRIx64
				" without acquiring a `consumed` that frees it",
				n);
		if (w.opened) {
			a = world_about(w.packet);
			a->closed = true;
			a->lost_min = f->lost;
			a->lost_max = world_lost();
			before = a->before + a->records;
			w.packet++;
		}
		w.opened = true;
		a = world_about(w.packet);
		*a = (struct world_packet){.end = to, .before = before, .lost_max = ~(uint64_t)0};
		f->opening = true;
		f->packet = w.packet;
	}
	f->may_hold = true;
	f->mark = o;
}

/* Who stores to committed, events_total or a published header must hold the token (I3). */
static void world_needs_token(const char *what)
{
	const struct world_frame *f = world_top();

	WORLD_REQUIRE(f->may_hold && f->mark == w.ring.committed, "I3",
		      "store to %s by a writer of mark %" PRIx64 ", committed is %" PRIx64, what,
		      f->mark, w.ring.committed);
}

/* A store of `v` to `committed` is about to happen. */
static void world_publishes(uint64_t v)
{
	uint64_t packet;

	world_needs_token("committed");
	WORLD_REQUIRE(cairn_pos_diff(v, w.ring.committed) > 0 || v == w.ring.committed, "I3",
		      "committed falls to %" PRIx64, v);
	WORLD_REQUIRE(cairn_pos_diff(w.ring.pos, v) >= 0, "I3", "committed beyond pos: %" PRIx64,
		      v);
	packet = world_packet_of(v);
	for (unsigned i = 0; i + 1 < w.depth; i++) {
		const struct world_frame *f = &w.frame[i];
		const struct world_write *wr = &world_writes[f->number];

		WORLD_REQUIRE(!f->opening || f->packet > packet, "I5",
			      "published into packet %" PRIu64 " that is being opened", f->packet);
		if (wr->state == WRITE_RESERVED || wr->state == WRITE_FILLED)
			WORLD_REQUIRE(wr->packet > packet || (wr->packet == packet &&
							      wr->begin >= (v & w.ring.pkt_mask)),
				      "I3", "published over pending record %u", f->number);
	}
}

static void world_before_store(const volatile void *p, uint64_t v)
{
	uintptr_t off = (uintptr_t)p - (uintptr_t)w.packets;

	if (!w.depth)
		return;
	WORLD_REQUIRE(p != &w.ring.pos, "I1", "plain store to pos");
	if (p == &w.ring.committed) {
		world_publishes(v);
	} else if (p == &w.ring.events_total) {
		world_needs_token("events_total");
	} else if (off < sizeof(w.packets)) {
		const struct cairn_packet_header *h =
			(const void *)(w.packets + off / w.packet_bytes * w.packet_bytes);

		off %= w.packet_bytes;
		if (h->seq != CAIRN_SEQ_INVALID &&
		    (off == offsetof(struct cairn_packet_header, ts_end) ||
		     off == offsetof(struct cairn_packet_header, content_bits) ||
		     off == offsetof(struct cairn_packet_header, events_before)))
			world_needs_token("a header");
		if (off == offsetof(struct cairn_packet_header, content_bits) &&
		    world_top()->opening == false)
			WORLD_REQUIRE(v >= h->content_bits || h->seq == CAIRN_SEQ_INVALID, "I7",
				      "content shrinks");
	}
}

static void world_after_store(const volatile void *p, uint64_t v)
{
	if (!w.depth)
		return;
	w.dirty = true;
	if (p == &w.ring.committed) {
		struct world_frame *f = world_top();
		struct world_write *wr = &world_writes[f->number];

		f->mark = v;
		f->may_hold = w.ring.pos != v;
		if (wr->state == WRITE_FILLED)
			wr->state =
				WRITE_COMMITTED; /* its own store of committed: no longer pending */
	}
}

/* A writer gives up: the cause must be true of what it saw. */
static void world_loses(unsigned cause)
{
	const struct world_frame *f = world_top();
	uint32_t size = world_record_bytes(world_writes[f->number].bytes);
	uint64_t begin = f->pos & CAIRN_POS_MASK & ~w.ring.pkt_mask,
		 ring = w.nr_packets * w.packet_bytes;
	uint64_t end = begin + (f->pos & w.ring.pkt_mask ? 2 : 1) *
				       w.packet_bytes; /* of the packet it needed */
	bool pending = w.left_pending;

	world_writes[f->number].lost = true;
	for (unsigned i = 0; i + 1 < w.depth; i++)
		pending |= w.frame[i].may_hold;
	if (cause == CAIRN_LOST_BIG)
		WORLD_REQUIRE(size > w.packet_bytes - CAIRN_PACKET_HEADER_BYTES - 4, "lost",
			      "%u bytes are too big", size);
	else if (cause == CAIRN_LOST_FULL)
		WORLD_REQUIRE(cairn_pos_diff(end, f->consumed) > (int64_t)ring, "lost",
			      "not full: consumed %" PRIx64, f->consumed);
	else if (cause == CAIRN_LOST_WRAP)
		WORLD_REQUIRE(pending, "lost", "wrapped although nobody is pending");
	else if (cause == CAIRN_LOST_CLOCK)
		WORLD_REQUIRE(w.clock_stepped, "lost", "the clock did not step");
	else
		world_fail("lost", "cause %u", cause);
}

/* ---- the accesses ---- */

/* One more access; a loop that never ends may contain no point. */
static void world_access(void)
{
	if (++w.accesses > 10000000)
		world_fail("progress", "no end");
}

static bool world_is_constant(const volatile void *p)
{
	return p == &w.ring.base || p == &w.ring.ring_mask || p == &w.ring.pkt_mask ||
	       p == &w.ring.closed || p == &w.ring.wake_bytes || p == &w.ring.in_slow || p == &w.ring.successor ||
	       (p >= (const volatile void *)&cairn_ring_orders &&
		p < (const volatile void *)(&cairn_ring_orders + 1)) ||
	       (p >= (const volatile void *)&w.ring.lost[2] &&
		p <= (const volatile void *)&w.ring.lost[CAIRN_NR_LOST - 1]);
}

uint64_t cairn_model_load(const volatile void *p, unsigned bytes, enum cairn_order order)
{
	uint64_t v;

	if (world_foreign)
		return world_foreign->load(p, bytes, order);
	world_access();
	if (!world_is_constant(p))
		world_point();
	v = bytes == 8 ? *(const volatile uint64_t *)p : *(const volatile uint32_t *)p;
	if (w.depth && p == &w.ring.pos) {
		world_top()->opening = false;
		world_top()->pos = v;
		world_top()->lost = world_lost();
	}
	if (w.depth && p == &w.ring.consumed) {
		world_top()->acquired = order == CAIRN_ACQUIRE;
		world_top()->consumed = v;
	}
	if (w.depth && p == &w.ring.committed && v != world_top()->mark)
		world_top()->may_hold = false;
	return v;
}

void cairn_model_store(volatile void *p, unsigned bytes, uint64_t v, enum cairn_order order)
{
	if (world_foreign) {
		world_foreign->store(p, bytes, v, order);
		return;
	}
	world_access();
	world_point();
	world_before_store(p, v);
	if (bytes == 8)
		*(volatile uint64_t *)p = v;
	else
		*(volatile uint32_t *)p = (uint32_t)v;
	if (world_at_store)
		world_at_store(p, bytes, order);
	world_after_store(p, v);
}

bool cairn_model_cas(volatile uint64_t *p, uint64_t old_value, uint64_t new_value)
{
	world_access();
	world_point();
	if (*p != old_value)
		return false;
	if (p == &w.ring.pos)
		world_moved(old_value, new_value);
	*p = new_value;
	if (world_at_store)
		world_at_store(p, 8, CAIRN_RELAXED);
	world_after_store(p, new_value);
	return true;
}

void cairn_model_inc(volatile uint64_t *p)
{
	world_point();
	if (w.depth && p >= w.ring.lost && p < w.ring.lost + CAIRN_NR_LOST)
		world_loses((unsigned)(p - w.ring.lost));
	*p += 1;
	if (world_at_store)
		world_at_store(p, 8, CAIRN_RELAXED);
	world_after_store(p, *p);
}

void cairn_model_fence(enum cairn_order order)
{
	if (world_foreign) {
		world_foreign->fence(order);
		return;
	}
	if (world_at_fence)
		world_at_fence(order);
}

uint64_t model_clock(void)
{
	uint64_t now;

	world_point();
	now = w.clock;
	w.clock += !w.clock_coarse;
	if (w.depth)
		world_top()->clock = now;
	return now;
}

unsigned model_cpu(void)
{
	return w.cpu;
}

unsigned long model_preempt_off(void)
{
	return w.preempt++;
}

void model_preempt_on(unsigned long s)
{
	w.preempt--;
	WORLD_REQUIRE(w.preempt == s, "C2", "preemption count %u, was %lu", w.preempt, s);
}

struct cairn_ring *cairn_ring_missing(void)
{
	return NULL;
}

void cairn_freeze(void)
{
	world_fail("freeze", "nobody ordered it");
}

void cairn_ring_too_big(void)
{
	cairn_local_inc64(&w.ring.lost[CAIRN_LOST_BIG]);
}

/* ---- actions ---- */

/* I4: whoever returns leaves nothing unpublished, unless somebody outside holds the token. */
static void world_returned(void)
{
	unsigned i;

	for (i = 0; i < w.depth; i++)
		if (w.frame[i].may_hold)
			return;
	if (w.left_pending && w.frame[w.depth].nr_left != w.nr_left)
		return; /* the next one that begins will see to it */
	WORLD_REQUIRE(w.ring.pos == w.ring.committed, "I4",
		      "pos %" PRIx64 ", committed %" PRIx64 ", and nobody to publish", w.ring.pos,
		      w.ring.committed);
}

/* The two steps of an event of fixed size (declare.h); *once: which of them it was, as the commit is another. */
static void *world_reserve_as_events(struct cairn_slot *slot, uint32_t id, uint32_t bytes, volatile bool *once)
{
	void *p = bytes <= CAIRN_RECORD_MAX ? cairn_reserve_once(slot, &id, bytes) : NULL;

	*once = p != NULL;
	return p ? p : cairn_reserve(slot, id, bytes);
}

/* Reserve, fill and commit a record of `bytes` bytes of payload. */
static bool world_write(uint32_t bytes)
{
	uint32_t number = w.nr_writes++;
	struct world_write *wr = &world_writes[number];
	struct world_frame *f = &w.frame[w.depth];
	struct cairn_slot slot;
	bool after_stop = w.stopped && w.depth == 0;
	unsigned starts = w.starts;
	volatile bool once = false; /* a jump may leave and come back */
	uint8_t *p;

	*wr = (struct world_write){.state = WRITE_BEGUN, .bytes = bytes};
	*f = (struct world_frame){.number = number, .lost = world_lost(), .preempt = w.preempt, .nr_left = w.nr_left};
	if (setjmp(f->jump))
		return false;
	w.depth++;
	if (w.depth > w.max_depth)
		w.max_depth = w.depth;
	p = number & 1 ? world_reserve_as_events(&slot, CAIRN_ID_FIRST + number, bytes, &once)
		       : cairn_reserve(&slot, CAIRN_ID_FIRST + number, bytes);
	if (p) {
		uint32_t i;

		WORLD_REQUIRE(!after_stop || w.starts != starts, "stop",
			      "record %u admitted after the stop", number);
		WORLD_REQUIRE(wr->state == WRITE_RESERVED && slot.ts == wr->ts, "I2",
			      "record %u: state %d", number, wr->state);
		WORLD_REQUIRE((uintptr_t)p % 4 == 0, "layout", "payload at %p", (void *)p);
		for (i = 0; i < bytes; i++) {
			if (i == bytes / 2)
				world_point();
			p[i] = world_byte(number, i);
		}
		wr->state = WRITE_FILLED;
		if (once)
			cairn_commit_once(&slot);
		else
			cairn_commit(&slot);
		wr->state = WRITE_COMMITTED;
	} else {
		wr->state = WRITE_REFUSED;
	}
	w.dirty = true;
	w.depth--;
	if (p)
		world_returned();
	return p != NULL;
}

/* Close the part-filled packet: an opener that writes no record, and has no loss to count. */
static void world_flush(void)
{
	struct world_frame *f = &w.frame[w.depth];
	uint64_t lost = world_lost();
	bool nested = w.next < w.nr_script;

	world_writes[WORLD_FLUSH] = (struct world_write){.state = WRITE_BEGUN};
	*f = (struct world_frame){.number = WORLD_FLUSH, .lost = lost};
	w.depth++;
	cairn_ring_flush(&w.ring);
	w.depth--;
	w.dirty = true;
	WORLD_REQUIRE(nested || world_lost() == lost, "lost", "a flush has lost something");
	world_returned();
}

/* The zero-copy reader of discard mode: use the packet at `consumed` if it is complete, then give
 * it back. */
static void world_consume(void)
{
	uint64_t c = w.ring.committed, s = w.ring.consumed & CAIRN_POS_MASK & ~w.ring.pkt_mask;
	const struct cairn_packet_header *h;
	uint64_t number;

	if (cairn_pos_diff(c, s) <= (int64_t)w.packet_bytes)
		return;
	number = world_packet_of(s);
	h = world_hdr(number);
	WORLD_REQUIRE(h->seq == number, "I6",
		      "the reader finds packet %" PRIu64 " instead of %" PRIu64, h->seq, number);
	WORLD_REQUIRE(h->content_bits / 8 == world_about(number)->end, "I4",
		      "the reader finds %" PRIu64 " bits of content", h->content_bits);
	w.consumed_records += world_parse(h);
	w.ring.consumed = (s + w.packet_bytes) & CAIRN_POS_MASK;
}

/* Run `function` on another CPU: nothing nests there, and it holds nothing. */
static void world_elsewhere(void (*function)(struct cairn_ring *))
{
	bool armed = w.armed;
	unsigned depth = w.depth;

	w.armed = false;
	w.depth = 0;
	function(&w.ring);
	w.depth = depth;
	w.armed = armed;
}

/* Of those that are in the middle of a write only the `surviving` outermost will ever go on. */
static void world_leave(unsigned surviving)
{
	if (surviving >= w.depth)
		return;
	for (unsigned i = surviving; i < w.depth; i++) {
		struct world_frame *f = &w.frame[i];
		struct world_write *wr = &world_writes[f->number];

		if (wr->state == WRITE_BEGUN) {
			wr->state = WRITE_REFUSED;
			w.nr_unbegun += !wr->lost;
		}
		w.left_pending |= f->may_hold;
		if (f->opening)
			world_about(f->packet)->left = true;
	}
	w.nr_left++;
	w.depth = surviving;
	w.preempt = w.frame[surviving].preempt;
	w.dirty = true;
	longjmp(w.frame[surviving].jump, 1);
}

#if CAIRN_PORT_JUMPS
void model_mark(uint64_t *frame)
{
	*frame = world_top()->number + 1;
}

bool model_marked(uint64_t frame)
{
	return frame == world_top()->number + 1;
}

static uint64_t world_given_up, world_recoveries;

/* The truth after cairn_ring_recover(): what the headers no longer cover is given up, and counted as such. */
static void world_recovered(uint64_t committed, uint64_t given_up)
{
	uint64_t first = world_packet_of(committed), n = 0, p;

	for (p = first; p != w.packet + 1; p++) {
		struct world_packet *a = world_about(p);

		a->end = CAIRN_PACKET_HEADER_BYTES;
		a->records = 0;
		a->left = false;
		a->closed = p != w.packet;
		a->lost_min = 0;
		a->lost_max = a->closed ? world_lost() : ~(uint64_t)0;
	}
	w.last_time = 0;
	for (uint32_t i = 0; i < w.nr_writes; i++) {
		struct world_write *wr = &world_writes[i];
		struct world_packet *a = world_about(wr->packet);
		uint64_t end = wr->begin + world_record_bytes(wr->bytes);

		if (wr->state == WRITE_BEGUN || wr->state == WRITE_REFUSED || wr->state == WRITE_GIVEN_UP)
			continue;
		if (wr->packet < first) {
			if (wr->ts > w.last_time)
				w.last_time = wr->ts;
			continue;
		}
		if (world_hdr(wr->packet)->seq == wr->packet && end <= world_hdr(wr->packet)->content_bits / 8) {
			WORLD_REQUIRE(wr->state != WRITE_RESERVED, "jump", "record %u is kept, and not whole", i);
			wr->state = WRITE_COMMITTED;
			a->records++;
			if (end > a->end)
				a->end = end;
			if (wr->ts > w.last_time)
				w.last_time = wr->ts;
			continue;
		}
		WORLD_REQUIRE(wr->packet > first || end > (committed & w.ring.pkt_mask), "jump", "record %u was committed", i);
		wr->state = WRITE_GIVEN_UP;
		n++;
	}
	for (p = first; p != w.packet; p++)
		world_about(p + 1)->before = world_about(p)->before + world_about(p)->records;
	WORLD_REQUIRE(n == given_up, "jump", "%" PRIu64 " given up, %" PRIu64 " counted", n, given_up);
	w.left_pending = false;
	w.nr_kept -= n;
	world_given_up += n;
	world_recoveries++;
}

bool cairn_port_recover(struct cairn_ring *r, enum cairn_left left)
{
	uint64_t committed = r->committed, lost = r->lost[CAIRN_LOST_ABANDONED], given_up, shown;
	bool armed = w.armed, live = false, marked = false;
	unsigned depth = w.depth, i;

	if (r->pos == committed)
		return true;
	for (i = 0; i + 1 < depth; i++) {
		live |= w.frame[i].may_hold;
		marked |= w.frame[i].number + 1 == r->frame;
	}
	WORLD_REQUIRE(left != CAIRN_LEFT || !live, "jump", "a writer that will go on was taken for one that was left");
	WORLD_REQUIRE(left == CAIRN_LEFT || live == marked, "mark", "writer %" PRIu64 " has marked, live %d", r->frame - 1, live);
	if (live)
		return false;
	WORLD_REQUIRE(w.nr_left != w.nr_left_seen, "jump", "recovery, and nobody was left");
	w.nr_left_seen = w.nr_left;
	shown = world_hdr(world_packet_of(committed))->content_bits;
	w.armed = false;
	w.depth = 0;
	given_up = cairn_ring_recover(r);
	w.depth = depth;
	w.armed = armed;
	WORLD_REQUIRE(r->lost[CAIRN_LOST_ABANDONED] == lost + given_up, "jump", "counted wrongly");
	WORLD_REQUIRE(world_hdr(world_packet_of(committed))->content_bits >= shown, "jump", "what readers have seen is given up");
	world_recovered(committed, given_up);
	world_top()->may_hold = false;
	world_top()->opening = false;
	w.dirty = true;
	return true;
}
#endif

static void world_act(struct world_action a)
{
	switch (a.kind) {
	case ACT_WRITE:
		world_write((uint32_t)a.value);
		break;
	case ACT_FLUSH:
		world_flush();
		break;
	case ACT_STOP:
		world_elsewhere(cairn_ring_stop);
		w.stop_seen = w.stopped = true;
		break;
	case ACT_START:
		world_elsewhere(cairn_ring_start);
		w.stopped = false;
		w.starts++;
		break;
	case ACT_MODE:
		w.ring.mode = (uint32_t)a.value;
		w.overwrites = true;
		break;
	case ACT_CLOCK:
		w.clock += a.value;
		w.clock_stepped |= (int64_t)a.value < 0;
		if ((int64_t)a.value > 0 && a.value >> CAIRN_RING_GAP_BITS)
			w.clock_leapt = true;
		if ((int64_t)a.value < 0 && w.depth)
			w.clock_back = true;
		break;
	case ACT_CONSUME:
		world_consume();
		break;
	case ACT_LEAVE:
		world_leave((unsigned)a.value);
		break;
	case ACT_CONSUMED:
		w.ring.consumed = a.value;
		w.overwrites = true;
		break;
	}
	w.dirty = true;
}

/* ---- a run ---- */

struct world_shape {
	uint32_t nr_packets;
	uint32_t packet_bytes;
	enum cairn_mode mode;
	uint64_t first_pos;
	uint64_t clock;
};

static void world_init(const struct world_shape *s)
{
	static const uint8_t uuid[16] = "model";

	memset(&w, 0, sizeof(w));
	w.nr_packets = s->nr_packets;
	w.packet_bytes = s->packet_bytes;
	w.first_packet = w.packet = s->first_pos / s->packet_bytes;
	w.clock = s->clock;
	w.task = 0x0a000123;
	w.max_points = 100000;
	w.overwrites = s->mode == CAIRN_OVERWRITE;
	w.ring.mode = s->mode;
	w.ring.task = (uint32_t)w.task;
	cairn_ring_setup(&w.ring, w.packets, w.closed, (uint64_t)s->nr_packets * s->packet_bytes,
			 s->packet_bytes, uuid, s->first_pos);
	cairn_ring_start(&w.ring);
	w.ring.slot = (uintptr_t)&cairn_rings[0];
	cairn_rings[0] = &w.ring;
}

/* At rest: the sums of section 7. */
static void world_finish(void)
{
	uint64_t p, decoded = 0, overwritten = 0, lost = world_lost();
	uint64_t refused = w.nr_writes - w.nr_kept;
	bool any = false;

	w.armed = false;
	world_runs++;
	world_points += w.points;
	world_check();
	WORLD_REQUIRE(w.preempt == 0, "C2", "preemption count %u", w.preempt);
	WORLD_REQUIRE(w.ring.pos == w.ring.committed, "I4", "pos %" PRIx64 ", committed %" PRIx64,
		      w.ring.pos, w.ring.committed);
	if (w.stop_seen)
		WORLD_REQUIRE(lost <= refused, "section 7", "%" PRIu64 " refused, %" PRIu64 " lost",
			      refused, lost);
	else
		WORLD_REQUIRE(lost == refused - w.nr_unbegun, "section 7",
			      "%" PRIu64 " refused, %" PRIu64 " of them before they began, %" PRIu64 " lost", refused,
			      w.nr_unbegun, lost);
	if (!w.opened)
		return;
	for (p = world_oldest(); p != w.packet + 1; p++) {
		const struct cairn_packet_header *h = world_hdr(p);

		if (h->seq != p)
			continue;
		if (!any)
			overwritten = h->events_before;
		any = true;
		decoded += world_parse(h);
	}
	WORLD_REQUIRE(any, "I6", "no packet survives");
	WORLD_REQUIRE(w.ring.seq_hint - w.packet + w.nr_packets < 2 * w.nr_packets, "seq_hint",
		      "%" PRIu64 " at packet %" PRIu64, w.ring.seq_hint, w.packet);
	WORLD_REQUIRE(w.nr_writes == decoded + overwritten + refused, "section 7",
		      "%u emitted, %" PRIu64 " decoded, %" PRIu64 " overwritten, %" PRIu64
		      " refused",
		      w.nr_writes, decoded, overwritten, refused);
	WORLD_REQUIRE(w.ring.events_total + (w.ring.committed >> CAIRN_POS_BITS) ==
				      world_hdr(w.packet)->events_before +
					      (w.ring.committed >> CAIRN_POS_BITS) &&
			      w.ring.events_total == world_about(w.packet)->before,
		      "section 7",
		      "events_total %" PRIu64 ", events_before of the last packet %" PRIu64,
		      w.ring.events_total, world_hdr(w.packet)->events_before);
}

/* All scripts of up to `more` further actions out of `actions`; `run` performs one run with the
 * script in w. */
struct world_explorer;
struct world_explorer {
	void (*run)(const struct world_explorer *e);
	const struct world_action *actions;
	unsigned nr_actions;
	bool in_order; /* the n-th event of a script is actions[n], instead of any */
	struct {
		uint32_t at;
		struct world_action action;
	} script[WORLD_MAX_SCRIPT];
	unsigned n;
};

__attribute__((unused)) static void world_load_script(const struct world_explorer *e)
{
	w.nr_script = e->n;
	w.next = 0;
	w.points = 0;
	for (unsigned i = 0; i < e->n; i++) {
		w.script[i].at = e->script[i].at;
		w.script[i].action = e->script[i].action;
	}
}

__attribute__((unused)) static void world_explore(struct world_explorer *e, unsigned more)
{
	uint32_t from, points;

	e->run(e);
	points = w.points;
	if (!more)
		return;
	from = e->n ? e->script[e->n - 1].at + 1 : 0;
	e->n++;
	for (uint32_t at = from; at < points; at++) {
		for (unsigned a = 0; a < e->nr_actions; a++) {
			if (e->in_order && a != e->n - 1)
				continue;
			e->script[e->n - 1].at = at;
			e->script[e->n - 1].action = e->actions[a];
			world_explore(e, more - 1);
		}
	}
	e->n--;
}

#endif
