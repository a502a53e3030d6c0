/* SPDX-License-Identifier: MIT */
/* Events that are on, of several shapes; a site that is off; bytes of ring for a record. */
#include "bench.h"
#include "events.h"

BENCH_LOOP void bench_two_loop(uint64_t n, unsigned thread)
{
	uint64_t i;

	(void)thread;
	for (i = 0; i < n; i++)
		cairn_trace_two(i, ~i);
}

static const char text16[] = "/sys/kernel/tra1";

BENCH_LOOP static void text_loop(uint64_t n, unsigned thread)
{
	const char *s = text16;
	uint64_t i;

	(void)thread;
	for (i = 0; i < n; i++) {
		__asm__ volatile("" : "+r"(s));
		cairn_trace_text(s);
	}
}

/* Five events a turn. */
BENCH_LOOP static void mixed_loop(uint64_t n, unsigned thread)
{
	static const char prev[16] = "swapper/0", next[16] = "kworker/u8:3";
	static const uint64_t args[6] = {3, 0x7ffc0000, 4096, 0, 1, 2};
	const char *s = text16;
	uint64_t i;

	(void)thread;
	for (i = 0; i < n; i++) {
		__asm__ volatile("" : "+r"(s));
		cairn_trace_two(i, ~i);
		cairn_trace_change(prev, 0, 120, 1, next, (int32_t)i, 100);
		cairn_trace_text(s);
		cairn_trace_call(i, args);
		cairn_trace_small((uint32_t)i, 7, 1);
	}
}

static double mixed_ns(uint64_t n)
{
	return bench_ns(mixed_loop, n, 1) / 5;
}

BENCH_LOOP static void site_loop(uint64_t n, unsigned thread)
{
	uint64_t i;

	(void)thread;
	for (i = 0; i < n; i++) {
		cairn_trace_off(i);
		bench_opaque(&i);
	}
}

/* The two loops directly behind each other, since their difference is small. */
static double site_off_ns(uint64_t n)
{
	double with = bench_ns(site_loop, n, 1);

	return with - bench_ns(bench_empty_loop, n, 1);
}

static double bytes_per_event(uint64_t n)
{
	uint64_t events = 0, bytes = 0;

	while (events < n) {
		struct cairn_ring *r = cairn_ring_here();
		uint64_t before = r->pos;

		cairn_trace_two(events, bytes);
		if ((before ^ r->pos) & CAIRN_POS_MASK & ~r->pkt_mask)
			continue; /* opened a packet: that one's header lies between */
		bytes += (r->pos - before) & CAIRN_POS_MASK;
		events++;
	}
	return (double)bytes / (double)events;
}

void bench_event_begin(void)
{
	struct cairn_event *on[] = {&cairn_event_two, &cairn_event_text, &cairn_event_small,
				    &cairn_event_change, &cairn_event_call};
	struct cairn_ring *r;
	unsigned i;

	for (i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
		if (cairn_event_enable(on[i]))
			bench_fail("cannot enable %s:%s", on[i]->system, on[i]->name);
	}
	cairn_trace_two(0, 0);
	r = cairn_ring_here();
	if (!r || !(r->pos >> CAIRN_POS_BITS))
		bench_fail("the first event was not recorded");
	if (r->ring_mask + 1 != BENCH_RING_BYTES || r->mode != CAIRN_OVERWRITE)
		bench_fail("rings of %u bytes in mode overwrite are measured: CAIRN_RING_KB=%u",
			   BENCH_RING_BYTES, BENCH_RING_BYTES / 1024);
}

#define EVENT_N 400000

const struct bench_row bench_event_rows[] = {
	{"event_2u64_1t", "ns", "floor", EVENT_N, bench_two_loop, 1, NULL},
	{"event_2u64_2t", "ns", "floor_2t", EVENT_N, bench_two_loop, 2, NULL},
	{"event_str16_1t", "ns", "floor", EVENT_N / 2, text_loop, 1, NULL},
	{"event_mixed_1t", "ns", "floor", EVENT_N / 5, NULL, 0, mixed_ns},
	{"site_off", "ns", "empty_loop", 4000000, NULL, 0, site_off_ns},
	{"bytes_per_event", "bytes", NULL, 10000, NULL, 0, bytes_per_event},
	{NULL, NULL, NULL, 0, NULL, 0, NULL},
};
