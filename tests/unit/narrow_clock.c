/* SPDX-License-Identifier: MIT */
/*
 * A clock of 32 bits: the core is compiled once more with CAIRN_PORT_CLOCK_BITS = 32 (meson.build), and the test's clock is cut to that. The true
 * time, in 64 bits, stands in each record.
 */
#define CAIRN_CREATE_EVENTS
#include "port/port.h"

#include "check.h"

CAIRN_EVENT(narrow_test, number, (field, uint64_t, n)(field, uint64_t, true_time), "n=%lu true_time=%lu");

enum { RECORD_BYTES = 28 };

static uint64_t emitted;

static void emit(void)
{
	cairn_trace_number(emitted++, test_clock);
}

static void start(uint64_t clock)
{
	test_clock = clock;
	CHECK_EQ(test_init(2, 65536, CAIRN_OVERWRITE, "trace=narrow_test:*"), 0);
	emitted = 0;
}

static uint64_t total(unsigned cpu)
{
	return cairn_rings[cpu]->events_total + (cairn_rings[cpu]->committed >> CAIRN_POS_BITS);
}

/* Times of all records of a ring, as a decoder rebuilds them from 48 bits and the packets' begins, against the true ones. */
static unsigned check_times(unsigned cpu)
{
	const struct cairn_ring *r = cairn_rings[cpu];
	unsigned slot, n = 0;

	for (slot = 0; slot < (r->ring_mask + 1) / 4096; slot++) {
		const char *p = (const char *)(uintptr_t)r->base + slot * 4096;
		const struct cairn_packet_header *h = (const void *)p;
		uint64_t at, t = h->ts_begin;

		if (h->seq == CAIRN_SEQ_INVALID)
			continue;
		for (at = 88; at < h->content_bits / 8; at += RECORD_BYTES, n++) {
			uint64_t head, truth;

			memcpy(&head, p + at, 8);
			memcpy(&truth, p + at + 20, 8);
			t += (head - t) & CAIRN_TS_MASK;
			CHECK_GT(t, truth); /* the clock was read after */
			CHECK_LE(t, truth + 10);
		}
		CHECK_LE(t, h->ts_end);
	}
	return n;
}

TEST(times_go_on_over_many_wraps)
{
	unsigned i;

	start(1000);
	for (i = 0; i < 1500; i++) {
		emit();
		test_clock += check_rand() % ((15ull << 32) / 16 - 1000);
	}
	CHECK_EQ(total(0), emitted);
	CHECK_EQ(cairn_ring_lost(cairn_rings[0]), 0);
	CHECK_GT(check_times(0), 1000);
	CHECK_GT(test_clock, 100ull << 32);
}

/* Silence for hours, with a tick in time; the other CPU the same. */
TEST(a_tick_in_each_range_keeps_a_silent_cpu_in_time)
{
	unsigned i;

	start(0xffffff00);
	emit();
	for (i = 0; i < 1000; i++) {
		test_clock += (uint64_t)15 << 27;
		for (test_cpu = 0; test_cpu < 2; test_cpu++)
			cairn_tick();
	}
	for (test_cpu = 0; test_cpu < 2; test_cpu++)
		emit();
	test_cpu = 0;
	CHECK_EQ(check_times(0), 2);
	CHECK_EQ(check_times(1), 1);
}

TEST(a_step_back_is_told_from_a_wrap)
{
	start(5000);
	emit();
	test_clock += 1ull << 31;
	emit();
	test_clock -= 3;
	emit(); /* waited for */
	test_clock -= 1u << 20;
	emit(); /* longer than is waited for: each reading adds 1 */
	CHECK_EQ(total(0), 3);
	CHECK_EQ(cairn_rings[0]->lost[CAIRN_LOST_CLOCK], 1);
	test_clock += 1u << 20;
	emit();
	CHECK_EQ(total(0), 4);
}

TEST(an_exchange_and_an_instance_keep_the_time)
{
	struct cairn_config c = {.memory = test_memory(),
				 .memory_bytes = TEST_REGION_BYTES,
				 .nr_cpus = 1,
				 .ring_bytes = 65536,
				 .arena_bytes = 1 << 20,
				 .max_buffers = 4,
				 .clock_hz = 1000,
				 .boot_args = "trace=narrow_test:*"};
	struct cairn_ring_reader r;
	int b;

	cairn_detach();
	test_cpu = 0;
	test_clock = 1000;
	CHECK_EQ(cairn_init(&c), 0);
	for (emitted = 0; emitted < 20;) {
		emit();
		test_clock += 3ull << 30;
	}
	CHECK_EQ(cairn_buffer_resize(0, 0, 131072), 0);
	emit();
	b = cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE);
	CHECK_GE(b, 1);
	CHECK_EQ(cairn_buffer_enable((unsigned)b, "narrow_test:*"), 1);
	test_clock += 3ull << 30;
	emit();
	CHECK_EQ(check_times(0), 2);
	CHECK_EQ(cairn_buffer_reader_open(&r, (unsigned)b, 0, 1), 0);
	CHECK_GT(((const struct cairn_packet_header *)(uintptr_t)r.ring->base)->ts_begin, 5ull << 32);
	cairn_ring_reader_close(&r);
}

CHECK_MAIN()
