/* SPDX-License-Identifier: MIT */
/*
 * Is every exchange of a CPU's ring right, wherever it is asked for and whatever nests in it? core/ring.c and the inline writer are compiled with
 * CAIRN_MODEL=1; before each of their accesses to shared memory lies a *point*, where another CPU may ask for an exchange or take the request
 * back, and an interrupt may write or poll. All scripts of up to so many actions at any points are run, on rings of two and four packets.
 *
 * The other CPU is core/buffer.c in short: a prepared block, its address, limit pulled; a block that was left (bit 0 of its committed) is
 * decoded, dressed and used again, so that stale writers find rings of a later life.
 *
 * At each store: of a ring that its CPU has left, or has not come to, that CPU writes in_slow and, downwards, limit, and nothing else; a record is lost for the exchange
 * only where the CPU has no ring. At the end of each run, over all rings that there were: packet numbers and counts go on from one to the
 * next, each record is whole, in one ring, once, in order of time; emitted = decoded + overwritten + lost; nothing is pending or asked for.
 * What a single ring must be at every point: nesting.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static bool exchange_swap(volatile void *p, unsigned bytes, void *expected, uint64_t v);
static uint64_t exchange_load(const volatile void *p, unsigned bytes);

#define __atomic_load_n(p, order) ((__typeof__(*(p)))exchange_load((p), sizeof(*(p))))
#define __atomic_compare_exchange_n(p, expected, v, weak, order, failed) exchange_swap((p), sizeof(*(p)), (expected), (uint64_t)(v))

#include "check.h"

#include "core/ring.c"
#include "core/recover.c"

#define BLOCKS	    3u
#define MAX_PACKETS 4u
#define PACKET	    128u
#define MAX_WRITES  64u
#define MAX_SCRIPT  4u

enum action { ACT_ASK, ACT_BACK, ACT_SMALL, ACT_LARGE, ACT_POLL };

struct written {
	bool kept, refused, seen;
	uint64_t ts;
	uint32_t bytes;
};

static struct {
	struct cairn_ring block[BLOCKS];
	char packets[BLOCKS][MAX_PACKETS * PACKET] CAIRN_ALIGNED(64);
	struct cairn_closed closed[BLOCKS][MAX_PACKETS];
	struct cairn_ring *current; /* cairn_rings[0] between runs */
	bool given[BLOCKS];	    /* not the writer's: never begun, or left */
	unsigned life[BLOCKS];	    /* the how many-th ring of this CPU it is */
	unsigned lives, decoded_lives;
	unsigned nr_packets;
	uint64_t clock, last_ts, sum, overwritten, decoded, next_packet;
	unsigned nr_writes, depth, preempt;
	struct written written[MAX_WRITES];
} x;

static struct {
	uint32_t at;
	enum action what;
} script[MAX_SCRIPT];
static unsigned nr_script, next_of_script;
static uint32_t points;
static bool armed;
static uint64_t runs, exchanges, taken_back, switch_losses, reused;

struct cairn_ring *cairn_rings[CAIRN_MAX_CPUS];

static const uint8_t exchange_uuid[16] = "model";

static void exchange_act(enum action a);

static void exchange_point(void)
{
	if (!armed)
		return;
	for (;;) {
		uint32_t at = points++;

		CHECK_MSG(at < 20000, "no end");
		if (next_of_script == nr_script || script[next_of_script].at != at)
			return;
		exchange_act(script[next_of_script++].what);
	}
}

static int exchange_block_of(const volatile void *p)
{
	uintptr_t at = (uintptr_t)p;

	for (unsigned i = 0; i < BLOCKS; i++)
		if (at - (uintptr_t)&x.block[i] < sizeof(x.block[i]) || at - (uintptr_t)x.packets[i] < sizeof(x.packets[i]) ||
		    at - (uintptr_t)x.closed[i] < sizeof(x.closed[i]))
			return (int)i;
	return -1;
}

/* The writer stores there. */
static void exchange_stores(volatile void *p, unsigned bytes, uint64_t v)
{
	int b = exchange_block_of(p);

	if (b >= 0 && x.given[b] && x.depth)
		CHECK_MSG(p == &x.block[b].in_slow || (p == &x.block[b].limit && cairn_pos_diff(v, x.block[b].pos) < 0), "a ring that is not the writer's is written: offset %zd of block %d",
			  (char *)(uintptr_t)p - (char *)&x.block[b], b);
	if (b >= 0 && p == &x.block[b].pos && v & CAIRN_POS_RETIRED) {
		struct cairn_ring *n = (struct cairn_ring *)(uintptr_t)(x.block[b].successor & ~CAIRN_SUCCESSOR_TAKEN);

		CHECK_MSG(x.block[b].successor & CAIRN_SUCCESSOR_TAKEN, "retired without having claimed the request");
		CHECK_MSG(x.block[b].committed == x.block[b].pos, "retired with a record pending");
		x.given[n - x.block] = false;
	}
	if (bytes == 8)
		*(volatile uint64_t *)p = v;
	else
		*(volatile uint32_t *)p = (uint32_t)v;
	if (b >= 0 && p == &x.block[b].committed && v & CAIRN_POS_RETIRED) {
		CHECK_MSG(cairn_rings[0] != &x.block[b], "given away while the pointer leads to it");
		x.given[b] = true;
	}
}

static bool exchange_is_constant(const volatile void *p)
{
	int b = exchange_block_of(p);
	const struct cairn_ring *r = &x.block[b < 0 ? 0 : b];

	if (p == &cairn_ring_orders.keep_from || p == &cairn_ring_orders.stop_at || p == &cairn_ring_orders.epoch || p == &cairn_ring_orders.counting)
		return true;
	return b >= 0 && (p == &r->base || p == &r->ring_mask || p == &r->pkt_mask || p == &r->closed || p == &r->slot || p == &r->wake_bytes ||
			  p == &r->mode || p == &r->task || (p >= (const volatile void *)&r->lost[2] && p < (const volatile void *)&r->lost[CAIRN_NR_LOST] &&
							    p != &r->lost[CAIRN_LOST_SWITCH]));
}

static uint64_t exchange_load(const volatile void *p, unsigned bytes)
{
	if (!exchange_is_constant(p))
		exchange_point();
	return bytes == 8 ? *(const volatile uint64_t *)p : *(const volatile uint32_t *)p;
}

static bool exchange_swap(volatile void *p, unsigned bytes, void *expected, uint64_t v)
{
	exchange_point();
	if (memcmp((const void *)(uintptr_t)p, expected, bytes) != 0) {
		memcpy(expected, (const void *)(uintptr_t)p, bytes);
		return false;
	}
	exchange_stores(p, bytes, v);
	if (p == (volatile void *)&cairn_rings[0]) {
		x.life[cairn_rings[0] - x.block] = ++x.lives;
		exchanges++;
	}
	return true;
}

uint64_t cairn_model_load(const volatile void *p, unsigned bytes, enum cairn_order order)
{
	(void)order;
	return exchange_load(p, bytes);
}

void cairn_model_store(volatile void *p, unsigned bytes, uint64_t v, enum cairn_order order)
{
	(void)order;
	exchange_point();
	exchange_stores(p, bytes, v);
}

bool cairn_model_cas(volatile uint64_t *p, uint64_t old_value, uint64_t new_value)
{
	exchange_point();
	if (*p != old_value)
		return false;
	exchange_stores(p, 8, new_value);
	return true;
}

void cairn_model_inc(volatile uint64_t *p)
{
	int b = exchange_block_of(p);

	exchange_point();
	if (b >= 0 && p == &x.block[b].lost[CAIRN_LOST_SWITCH]) {
		CHECK_MSG(x.block[b].pos & CAIRN_POS_RETIRED && cairn_rings[0] == &x.block[b], "lost for an exchange, and there is a ring");
		switch_losses++;
	}
	exchange_stores(p, 8, *p + 1);
}

void cairn_model_fence(enum cairn_order order)
{
	(void)order;
}

uint64_t model_clock(void)
{
	exchange_point();
	return x.clock++;
}

unsigned model_cpu(void)
{
	return 0;
}

unsigned long model_preempt_off(void)
{
	return x.preempt++;
}

void model_preempt_on(unsigned long s)
{
	x.preempt--;
	CHECK_EQ(x.preempt, s);
}

struct cairn_ring *cairn_ring_missing(void)
{
	return NULL;
}

void cairn_freeze(void)
{
	CHECK_MSG(false, "nobody ordered it");
}

void cairn_ring_too_big(void)
{
	CHECK_MSG(false, "nothing is");
}

/* ---- what was written ---- */

static void exchange_decode_packet(const struct cairn_packet_header *h)
{
	uint64_t off = CAIRN_PACKET_HEADER_BYTES, content = h->content_bits / 8, t = h->ts_begin;

	CHECK_GE(t, x.last_ts);
	while (off < content) {
		const char *rec = (const char *)h + off;
		struct written *wr;
		uint64_t head;
		uint32_t n;

		memcpy(&head, rec, 8);
		n = (uint32_t)(head >> CAIRN_TS_BITS) - CAIRN_ID_FIRST;
		CHECK_MSG(n < x.nr_writes, "record of an unknown write");
		wr = &x.written[n];
		CHECK_MSG(wr->kept && !wr->seen, "record %u: kept %d, seen before %d", n, wr->kept, wr->seen);
		t += (head - t) & CAIRN_TS_MASK;
		CHECK_EQ(t, wr->ts);
		for (uint32_t i = 0; i < wr->bytes; i++)
			CHECK_EQ((uint8_t)rec[CAIRN_RECORD_HEADER_BYTES + i], (uint8_t)(n * 7 + i));
		wr->seen = true;
		x.decoded++;
		x.sum++;
		off += cairn_record_size(wr->bytes);
	}
	CHECK_EQ(off, content);
	CHECK_LE(t, h->ts_end);
	x.last_ts = h->ts_end;
}

/* A ring at rest, after those before it. */
static void exchange_decode(const struct cairn_ring *r)
{
	uint64_t c = r->committed & ~CAIRN_POS_RETIRED, off = c & r->pkt_mask;
	uint64_t first = cairn_ring_seq(r, r->start), last = cairn_ring_seq(r, c), p;
	bool any = false;

	CHECK_EQ(r->lost[CAIRN_LOST_WRAP] + r->lost[CAIRN_LOST_FULL] <= x.nr_writes, true);
	CHECK_EQ(first, x.next_packet);
	if (!off) { /* never written */
		CHECK_EQ(c & CAIRN_POS_MASK, r->start);
		CHECK_EQ(r->events_total, x.sum);
		return;
	}
	if (last + 1 - first > x.nr_packets)
		first = last + 1 - x.nr_packets;
	for (p = first; p <= last; p++) {
		const struct cairn_packet_header *h = ring_hdr(r, p * PACKET);

		if (h->seq != p) {
			CHECK_MSG(p == first && h->seq == CAIRN_SEQ_INVALID && p + x.nr_packets == last + 1, "packet %" PRIu64 " is missing", p);
			continue;
		}
		if (!any) {
			CHECK_GE(h->events_before, x.sum);
			x.overwritten += h->events_before - x.sum;
			x.sum = h->events_before;
		}
		any = true;
		CHECK_EQ(h->events_before, x.sum);
		exchange_decode_packet(h);
	}
	CHECK(any);
	CHECK_EQ(r->events_total + (c >> CAIRN_POS_BITS), x.sum);
	x.next_packet = last + 1;
}

/* Those that were left, oldest first, up to the life `to`. */
static void exchange_decode_up_to(unsigned to)
{
	while (x.decoded_lives < to)
		for (unsigned i = 0; i < BLOCKS; i++)
			if (x.life[i] == x.decoded_lives + 1) {
				exchange_decode(&x.block[i]);
				x.decoded_lives++;
				break;
			}
}

/* ---- the other CPU ---- */

static void exchange_dress(struct cairn_ring *n)
{
	cairn_ring_dress(n, x.packets[n - x.block], (uint64_t)x.nr_packets * PACKET, PACKET, exchange_uuid);
}

static void exchange_ask(void)
{
	struct cairn_ring *r = cairn_rings[0], *n = NULL;

	if (r->successor || r->pos & CAIRN_POS_RETIRED)
		return;
	for (unsigned i = 0; i < BLOCKS; i++) {
		struct cairn_ring *b = &x.block[i];

		if (x.life[i] && b != r && !(b->committed & CAIRN_POS_RETIRED))
			return; /* the exchange before is not at its end */
		if (b != r && (!n || x.life[i] < x.life[n - x.block]))
			n = b;
	}
	if (x.life[n - x.block]) { /* the one left longest ago */
		exchange_decode_up_to(x.life[n - x.block]);
		x.life[n - x.block] = 0;
		reused++;
	}
	n->magic = 0;
	n->committed = 0;
	n->mode = r->mode;
	n->next = n->successor = 0;
	n->wake_bytes = n->woken = n->reader = 0;
	n->state = CAIRN_RING_PREPARED;
	exchange_dress(n);
	n->enabled = 1;
	r->successor = (uint64_t)(uintptr_t)n;
	cairn_ring_pull(r);
}

static void exchange_take_back(void)
{
	struct cairn_ring *r = cairn_rings[0];

	if (!r->successor || r->successor & CAIRN_SUCCESSOR_TAKEN)
		return;
	r->successor = 0;
	taken_back++;
}

static void exchange_write(uint32_t bytes)
{
	uint32_t n = x.nr_writes++, id = CAIRN_ID_FIRST + n;
	struct cairn_slot slot;
	bool once = false;
	char *p = NULL;

	CHECK_LT(n, MAX_WRITES);
	x.depth++;
	x.written[n].bytes = bytes;
	if (n & 1)
		p = cairn_reserve_once(&slot, &id, bytes);
	once = p != NULL;
	if (!p)
		p = cairn_reserve(&slot, id, bytes);
	if (p) {
		for (uint32_t i = 0; i < bytes; i++)
			p[i] = (char)(n * 7 + i);
		x.written[n].ts = slot.ts;
		x.written[n].kept = true;
		exchange_point();
		if (once)
			cairn_commit_once(&slot);
		else
			cairn_commit(&slot);
	} else {
		x.written[n].refused = true;
	}
	x.depth--;
}

static void exchange_poll(void)
{
	x.depth++;
	cairn_ring_tick(cairn_rings[0]);
	x.depth--;
}

static void exchange_act(enum action a)
{
	bool was = armed;
	unsigned depth = x.depth;

	switch (a) {
	case ACT_ASK:
	case ACT_BACK:
		armed = false;
		x.depth = 0;
		(a == ACT_ASK ? exchange_ask : exchange_take_back)();
		x.depth = depth;
		armed = was;
		break;
	case ACT_SMALL:
	case ACT_LARGE:
		exchange_write(a == ACT_SMALL ? 4 : 24);
		break;
	case ACT_POLL:
		exchange_poll();
		break;
	}
}

/* ---- runs ---- */

struct exchange_scene {
	unsigned nr_packets, prep;
	uint32_t outer;
	enum cairn_mode mode;
	uint64_t first_pos;
	bool asked; /* before the outer write */
};

static __typeof__(x) exchange_start;

static void exchange_prepare(const struct exchange_scene *s)
{
	memset(&x, 0, sizeof(x));
	memset(&cairn_ring_orders, 0, sizeof(cairn_ring_orders));
	armed = false;
	x.nr_packets = s->nr_packets;
	x.clock = 100000;
	x.next_packet = s->first_pos / PACKET;
	for (unsigned i = 0; i < BLOCKS; i++) {
		struct cairn_ring *r = &x.block[i];

		r->mode = s->mode;
		r->slot = (uintptr_t)&cairn_rings[0];
		cairn_ring_setup(r, x.packets[i], x.closed[i], (uint64_t)s->nr_packets * PACKET, PACKET, exchange_uuid, i ? 0 : s->first_pos);
		if (i) {
			r->pos = CAIRN_POS_RETIRED;
			r->limit = 0;
			x.given[i] = true;
		}
	}
	x.life[0] = x.lives = 1;
	cairn_rings[0] = &x.block[0];
	cairn_ring_start(&x.block[0]);
	for (unsigned i = 0; i < s->prep; i++)
		exchange_write(4);
	if (s->asked)
		exchange_ask();
	x.current = cairn_rings[0];
	exchange_start = x;
}

static void exchange_finish(void)
{
	uint64_t lost, refused = 0;
	struct cairn_ring *r;

	armed = false;
	exchange_write(4); /* outermost, so that it obeys */
	r = cairn_rings[0];
	CHECK_MSG(!r->successor, "an outermost event has not gone over");
	CHECK_EQ(r->pos, r->committed);
	CHECK_EQ(r->in_slow, 0);
	CHECK_EQ(x.preempt, 0);
	exchange_decode_up_to(x.lives - 1);
	exchange_decode(r);
	for (unsigned i = 0; i < x.nr_writes; i++)
		refused += x.written[i].refused;
	lost = cairn_ring_lost(r);
	CHECK_EQ(lost, refused);
	CHECK_EQ(x.nr_writes, x.decoded + x.overwritten + lost);
	runs++;
}

static void exchange_run(uint32_t outer)
{
	x = exchange_start;
	cairn_rings[0] = x.current;
	next_of_script = 0;
	points = 0;
	armed = true;
	exchange_write(outer);
	exchange_point();
	exchange_finish();
}

static void exchange_explore(uint32_t outer, const enum action *actions, unsigned nr, unsigned more)
{
	uint32_t from = nr_script ? script[nr_script - 1].at + 1 : 0, until;

	exchange_run(outer);
	until = points;
	if (!more)
		return;
	nr_script++;
	for (uint32_t at = from; at < until; at++)
		for (unsigned a = 0; a < nr; a++) {
			script[nr_script - 1].at = at;
			script[nr_script - 1].what = actions[a];
			exchange_explore(outer, actions, nr, more - 1);
		}
	nr_script--;
}

static bool exchange_long(void)
{
	const char *s = getenv("CAIRN_LONG");

	return s && *s && *s != '0';
}

static void exchange_report(void)
{
	printf("# %" PRIu64 " runs, %" PRIu64 " exchanges, %" PRIu64 " into a block used before, %" PRIu64 " taken back, %" PRIu64
	       " lost for an exchange\n",
	       runs, exchanges, reused, taken_back, switch_losses);
}

static void exchange_scenes(const enum action *actions, unsigned nr, unsigned more, bool asked, uint64_t first_pos)
{
	static const uint32_t outer[] = {4, 24};

	runs = exchanges = taken_back = switch_losses = reused = 0;
	nr_script = 0;
	for (unsigned packets = 2; packets <= (exchange_long() && more < 3 ? 4 : 2); packets += 2)
		for (unsigned discards = 0; discards < 2; discards++)
			for (unsigned prep = 0; prep <= 2 * packets + 1; prep += exchange_long() ? 1 : 3)
				for (unsigned o = 0; o < 2; o++) {
					struct exchange_scene s = {packets, prep, outer[o], discards ? CAIRN_DISCARD : CAIRN_OVERWRITE, first_pos, asked};

					exchange_prepare(&s);
					exchange_explore(s.outer, actions, nr, more);
				}
	exchange_report();
}

TEST(exchange_asked_for_before_and_one_write_at_every_access)
{
	static const enum action actions[] = {ACT_SMALL, ACT_LARGE, ACT_POLL};

	exchange_scenes(actions, 3, 2, true, 0);
	CHECK_GT(exchanges, 0);
	CHECK_GT(switch_losses, 0);
}

TEST(exchange_asked_for_and_taken_back_at_every_access)
{
	static const enum action actions[] = {ACT_ASK, ACT_BACK, ACT_SMALL};

	exchange_scenes(actions, 3, 2, false, 0);
	CHECK_GT(taken_back, 0);
	exchange_scenes(actions, 3, 2, true, 0);
}

TEST(exchange_again_while_stale_writers_wait)
{
	static const enum action actions[] = {ACT_ASK, ACT_SMALL};

	runs = exchanges = taken_back = switch_losses = reused = 0;
	nr_script = 0;
	for (unsigned prep = 1; prep <= (exchange_long() ? 5 : 1); prep++) {
		exchange_prepare(&(struct exchange_scene){2, prep, 4, CAIRN_OVERWRITE, 0, true});
		exchange_explore(4, actions, 2, 3);
	}
	exchange_report();
	CHECK_GT(reused, 0);
}

TEST(exchange_where_positions_wrap)
{
	static const enum action actions[] = {ACT_ASK, ACT_SMALL, ACT_LARGE};

	exchange_scenes(actions, 3, 2, false, ((uint64_t)1 << CAIRN_POS_BITS) - 256);
}

CHECK_MAIN()
