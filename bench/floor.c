/* SPDX-License-Identifier: MIT */
/*
 * What no tracer can go below: the loop, the clock, and a record's bytes stored next to the last one's.
 */
#include "bench.h"

struct floor_record {
	uint64_t ts, a, b, c;
};

/* A line apart: with two threads neither sees the other. */
static struct floor_ring {
	uint64_t pos;
	char bytes[BENCH_RING_BYTES] CAIRN_ALIGNED(4096);
} floor_rings[2] CAIRN_ALIGNED(4096);

BENCH_LOOP void bench_empty_loop(uint64_t n, unsigned thread)
{
	uint64_t i;

	(void)thread;
	for (i = 0; i < n; i++)
		bench_opaque(&i);
}

BENCH_LOOP static void clock_loop(uint64_t n, unsigned thread)
{
	uint64_t i;

	(void)thread;
	for (i = 0; i < n; i++) {
		uint64_t ts = cairn_port_clock();

		bench_opaque(&ts);
	}
}

static inline __attribute__((__always_inline__)) void
floor_store(struct floor_ring *r, uint64_t pos, uint64_t ts, uint64_t i)
{
	struct floor_record *p =
		(struct floor_record *)(void *)(r->bytes + (pos & (BENCH_RING_BYTES - 1)));

	p->ts = ts;
	p->a = i;
	p->b = ~i;
	p->c = 0;
	__asm__ volatile("" : : : "memory"); /* the record is written in its turn */
}

BENCH_LOOP static void floor_loop(uint64_t n, unsigned thread)
{
	struct floor_ring *r = &floor_rings[thread];
	uint64_t pos = r->pos, i;

	for (i = 0; i < n; i++, pos += sizeof(struct floor_record))
		floor_store(r, pos, cairn_port_clock(), i);
	r->pos = pos;
}

BENCH_LOOP static void cmpxchg_loop(uint64_t n, unsigned thread)
{
	struct floor_ring *r = &floor_rings[thread];
	uint64_t i, pos, ts;

	for (i = 0; i < n; i++) {
		do {
			pos = cairn_load64(&r->pos);
			ts = cairn_port_clock();
		} while (!cairn_local_cas64(&r->pos, pos, pos + sizeof(struct floor_record)));
		floor_store(r, pos, ts, i);
	}
}

#define FLOOR_N 400000

const struct bench_row bench_floor_rows[] = {
	{"empty_loop", "ns", NULL, 4000000, bench_empty_loop, 1, NULL},
	{"clock", "ns", "floor", FLOOR_N, clock_loop, 1, NULL},
	{"floor", "ns", "floor", FLOOR_N, floor_loop, 1, NULL},
	{"floor_2t", "ns", "floor_2t", FLOOR_N, floor_loop, 2, NULL},
	{"floor_cmpxchg", "ns", "floor", FLOOR_N, cmpxchg_loop, 1, NULL},
	{NULL, NULL, NULL, 0, NULL, 0, NULL},
};
