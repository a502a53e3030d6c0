/* SPDX-License-Identifier: MIT */
/* When recording ends by itself, what is kept until then, and clocks that restart. */
#define CAIRN_CREATE_EVENTS
#include "port/port.h"

#include "check.h"

CAIRN_EVENT(flight_test, number, (field, uint64_t, n), "n=%lu");

enum { RECORD_BYTES = 20, PER_PACKET = (4096 - 88 - 4) / RECORD_BYTES };

static uint64_t emitted;

static void emit(unsigned count)
{
	while (count--)
		cairn_trace_number(emitted++);
}

static uint64_t total(unsigned cpu)
{
	const struct cairn_ring *r = cairn_rings[cpu];

	return r->events_total + (r->committed >> CAIRN_POS_BITS);
}

static void start(size_t ring_bytes)
{
	CHECK_EQ(test_init(2, ring_bytes, CAIRN_OVERWRITE, "trace=flight_test:*"), 0);
	cairn_tracing_on();
	emitted = 0;
}

TEST(freeze_stops_at_once_loses_nothing_and_on_goes_on)
{
	start(65536);
	emit(5);
	cairn_freeze();
	CHECK(!cairn_is_tracing_on());
	CHECK_NE(test_state()->frozen_at, 0);
	emit(5);
	CHECK_EQ(total(0), 5);
	CHECK_EQ(cairn_ring_lost(cairn_rings[0]), 0);
	cairn_tracing_on();
	emit(5);
	CHECK_EQ(total(0), 10);
}

TEST(stop_after_counts_the_events_of_all_cpus)
{
	unsigned i, n;

	for (n = 1; n < 600; n += 47) {
		start(65536);
		emit(100);
		cairn_stop_after(n);
		CHECK(cairn_is_armed());
		for (i = 0; i < n + 50; i++) {
			test_cpu = i % 2;
			emit(1);
		}
		CHECK_EQ(total(0) + total(1), 100 + n);
		CHECK(!cairn_is_tracing_on());
		CHECK_EQ(cairn_ring_lost(cairn_rings[0]) + cairn_ring_lost(cairn_rings[1]), 0);
		test_cpu = 0;
		cairn_tracing_on();
		CHECK(!cairn_is_armed());
		emit(300);
		CHECK_EQ(total(0) + total(1), 400 + n);
	}
	start(65536);
	cairn_stop_after(0);
	CHECK(!cairn_is_tracing_on());
}

TEST(the_last_event_counted_freezes_with_the_next_tick)
{
	start(65536);
	cairn_stop_after(3);
	emit(3);
	CHECK(cairn_is_tracing_on());
	cairn_tick();
	CHECK(!cairn_is_tracing_on());
	CHECK_EQ(total(0), 3);
}

/* Ticks are ns here; each clock reading is one. */
TEST(keep_ends_in_time_and_overwrites_nothing_that_is_wanted)
{
	struct cairn_ring *r;
	uint64_t first, before, oldest = ~0ull;
	unsigned i;

	start(65536);
	r = cairn_rings[0];
	emit(100 * PER_PACKET); /* many laps */
	before = test_clock;
	CHECK_EQ(cairn_keep(1000, 1000000), 0);
	first = before - 1000;
	emit(100 * PER_PACKET); /* more than the ring has room for */
	CHECK_GT(r->lost[CAIRN_LOST_FULL], 0);
	CHECK_EQ(total(0) + cairn_ring_lost(r), emitted);
	for (i = 0; i < 16; i++) {
		const struct cairn_packet_header *h = (const void *)(uintptr_t)(r->base + i * 4096);

		if (h->seq != CAIRN_SEQ_INVALID && h->ts_begin < oldest)
			oldest = h->ts_begin;
	}
	CHECK_LE(oldest, first);
	test_clock = before + 1000001;
	emit(1);
	CHECK(!cairn_is_tracing_on());
	CHECK_EQ(total(0) + cairn_ring_lost(r) + 1, emitted); /* after the end nothing counts as lost */
}

TEST(keep_is_heard_by_the_timer_and_needs_a_rate)
{
	struct cairn_config no_rate = {.memory = test_memory(), .memory_bytes = TEST_REGION_BYTES, .nr_cpus = 1, .ring_bytes = 65536};

	start(65536);
	emit(1);
	CHECK_EQ(cairn_keep(0, 500), 0);
	cairn_tick();
	CHECK(cairn_is_tracing_on());
	test_clock += 1000;
	cairn_tick();
	CHECK(!cairn_is_tracing_on());
	cairn_detach();
	CHECK_EQ(cairn_keep(1, 1), CAIRN_EIO);
	CHECK_EQ(cairn_init(&no_rate), 0);
	CHECK_EQ(cairn_keep(1, 1), CAIRN_ENOSYS);
	cairn_clock_set(1000000000, 0, 0);
	CHECK_EQ(cairn_keep(1, 1), 0);
	cairn_tracing_on();
}

TEST(keep_for_ever_is_not_keep_until_now)
{
	start(65536);
	emit(1);
	CHECK_EQ(cairn_keep(1000, ~0ull), 0);
	CHECK(cairn_is_armed());
	emit(5);
	cairn_tick();
	CHECK(cairn_is_tracing_on());
	CHECK_EQ(total(0), 6);
	cairn_freeze();
	CHECK(!cairn_is_armed());
	/* and a new region, a forked child's perhaps, knows nothing of it */
	start(65536);
	cairn_stop_after(3);
	CHECK_EQ(test_init(2, 65536, CAIRN_OVERWRITE, "trace=flight_test:*"), 0);
	emit(10);
	CHECK_EQ(total(0), 10);
}

/* A clock that restarts low makes the old epoch's times look young: nothing of it was asked to be kept. */
TEST(keep_looks_at_times_of_its_own_epoch)
{
	start(65536);
	test_clock = 1000000000;
	emit(20 * PER_PACKET);
	test_clock = 1000;
	cairn_clock_reset();
	emit(1);
	CHECK_EQ(cairn_keep(100, 1ull << 40), 0);
	emit(10 * PER_PACKET);
	CHECK_EQ(cairn_ring_lost(cairn_rings[0]), 0);
}

/* Packets of one epoch hold times of it alone; the first event after the restart opens one, and nothing is lost. */
TEST(a_clock_that_restarts_begins_a_new_epoch)
{
	struct cairn_ring *r;
	const struct cairn_packet_header *h[3];
	unsigned i;

	start(65536);
	r = cairn_rings[0];
	for (i = 0; i < 3; i++)
		h[i] = (const void *)(uintptr_t)(r->base + i * 4096);
	test_clock = 1000000;
	emit(10);
	test_clock = 5;
	cairn_clock_reset();
	emit(10);
	test_clock = 100; /* forward: here only the pulled limit tells */
	cairn_clock_reset();
	emit(10);
	CHECK_EQ(total(0), 30);
	CHECK_EQ(cairn_ring_lost(r), 0);
	for (i = 0; i < 3; i++)
		CHECK_EQ(h[i]->seq, i);
	CHECK_EQ(CAIRN_PACKET_EPOCH(h[1]->flags), (CAIRN_PACKET_EPOCH(h[0]->flags) + 1) & 0xffff);
	CHECK_EQ(CAIRN_PACKET_EPOCH(h[2]->flags), (CAIRN_PACKET_EPOCH(h[0]->flags) + 2) & 0xffff);
	CHECK_EQ(CAIRN_PACKET_STREAM(h[2]->flags), 0);
	CHECK_GE(h[0]->ts_end, 1000000);
	CHECK_LT(h[1]->ts_begin, 100);
	CHECK_LT(h[1]->ts_end, 100);
	CHECK_EQ(test_state()->clock_resets & 0xffff, CAIRN_PACKET_EPOCH(h[2]->flags));
}

/* One that ticks at 100 Hz, say: many events of one time, in order. */
TEST(a_coarse_clock_gives_equal_times_and_loses_nothing)
{
	unsigned i;

	start(65536);
	test_clock_step = 0;
	for (i = 0; i < 10 * PER_PACKET; i++) {
		test_clock = 1000000 + i / 1000 * 100;
		emit(1);
	}
	test_clock_step = 1;
	CHECK_EQ(cairn_rings[0]->lost[CAIRN_LOST_CLOCK], 0);
	CHECK_EQ(cairn_rings[0]->lost[CAIRN_LOST_WRAP], 0);
	CHECK_EQ(cairn_ring_lost(cairn_rings[0]), 0);
	CHECK_EQ(total(0), emitted);
}

CHECK_MAIN()
