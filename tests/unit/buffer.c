/* SPDX-License-Identifier: MIT */
/*
 * Buffers: instances, resize, snapshot, clear, modes, wake-ups; and the reader that follows its CPU over all of it. Each record carries its
 * number, so that a record that is missing, doubled or in the wrong buffer shows.
 */
#define CAIRN_CREATE_EVENTS
#include "port/port.h"

#include "check.h"

CAIRN_EVENT(buffer_test, number, (field, uint64_t, n), "n=%lu");
CAIRN_EVENT(buffer_test, words, (string, text), "text=%s");

enum { RECORD_BYTES = 20, PER_PACKET = (4096 - 88 - 4) / RECORD_BYTES };

static uint64_t emitted;

static void emit(unsigned count)
{
	while (count--)
		cairn_trace_number(emitted++);
}

static int start_with(unsigned cpus, size_t ring_bytes, size_t arena_bytes, unsigned max_buffers, enum cairn_mode mode)
{
	struct cairn_config c = {.memory = test_memory(),
				 .memory_bytes = TEST_REGION_BYTES,
				 .nr_cpus = cpus,
				 .ring_bytes = ring_bytes,
				 .arena_bytes = arena_bytes,
				 .max_buffers = max_buffers,
				 .mode = mode,
				 .clock_hz = 1000000000,
				 .name = "test"};

	cairn_detach();
	(void)cairn_events_disable("*");
	c.boot_args = "trace=buffer_test:*";
	test_cpu = 0;
	emitted = 0;
	return cairn_init(&c);
}

static void start(unsigned cpus, size_t ring_bytes, enum cairn_mode mode)
{
	CHECK_EQ(start_with(cpus, ring_bytes, 1 << 20, 4, mode), 0);
}

/* Numbers of the records in a packet, appended; the number of them. */
static unsigned parse(const uint64_t *packet, int64_t bytes, uint32_t from, uint64_t *numbers, unsigned room)
{
	int64_t at;
	unsigned n = 0;

	for (at = from; at < bytes; at += RECORD_BYTES, n++) {
		CHECK_LT(n, room);
		memcpy(&numbers[n], (const char *)packet + at + 12, 8);
	}
	CHECK_EQ(at, bytes);
	return n;
}

/* Everything that a reader hands out up to now. */
static unsigned read_all(struct cairn_ring_reader *c, uint64_t *numbers, unsigned room)
{
	static uint64_t buf[4096 / 8];
	unsigned n = 0;
	int64_t bytes;

	while ((bytes = cairn_ring_reader_read(c, buf, sizeof(buf))) > 0)
		n += parse(buf, bytes, c->first, numbers + n, room - n);
	CHECK_EQ(bytes, CAIRN_EAGAIN);
	return n;
}

static void check_run(const uint64_t *numbers, unsigned n, uint64_t from, uint64_t to)
{
	unsigned i;

	CHECK_EQ(n, to - from);
	for (i = 0; i < n; i++)
		CHECK_EQ(numbers[i], from + i);
}

static uint64_t total(const struct cairn_ring *r)
{
	return r->events_total + (r->committed >> CAIRN_POS_BITS);
}

static uint64_t numbers[1000000];

TEST(a_region_for_one_buffer_has_no_room_for_others)
{
	CHECK_EQ(start_with(2, 65536, 0, 0, CAIRN_OVERWRITE), 0);
	CHECK_EQ(cairn_buffer_create("x", 8192, CAIRN_OVERWRITE), CAIRN_ENOMEM);
	CHECK_EQ(cairn_buffer_snapshot(0), CAIRN_ENOMEM);
	CHECK_EQ(cairn_buffer_resize(0, CAIRN_ALL_CPUS, 8192), CAIRN_ENOMEM);
	CHECK_EQ(cairn_buffer_ring_bytes(0, 0), 65536);
	emit(3);
	CHECK_EQ(total(cairn_rings[0]), 3);
}

TEST(sizes_of_zero_or_too_large_are_refused)
{
	start(2, 65536, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_buffer_resize(0, 0, 0), CAIRN_EINVAL);
	CHECK_EQ(cairn_buffer_resize(0, 0, 1 << 21), CAIRN_ERANGE);
	CHECK_EQ(cairn_buffer_resize(0, 0, ~(size_t)0), CAIRN_ERANGE);
	CHECK_EQ(cairn_buffer_resize(0, 2, 8192), CAIRN_EINVAL);
	CHECK_EQ(cairn_buffer_resize(1, 0, 8192), CAIRN_EINVAL);
	CHECK_EQ(cairn_buffer_create("x", 0, CAIRN_OVERWRITE), CAIRN_ERANGE);
	CHECK_EQ(cairn_buffer_create("x", ~(size_t)0, CAIRN_OVERWRITE), CAIRN_ERANGE);
	CHECK_EQ(cairn_buffer_create("", 8192, CAIRN_OVERWRITE), CAIRN_EINVAL);
	CHECK_EQ(cairn_buffer_create("a/b", 8192, CAIRN_OVERWRITE), CAIRN_EINVAL);
	CHECK_EQ(cairn_buffer_create("0123456789012345678901234567890123456789", 8192, CAIRN_OVERWRITE), CAIRN_EINVAL);
	CHECK_EQ(cairn_buffer_create("main", 8192, CAIRN_OVERWRITE), CAIRN_EEXIST);
	CHECK_EQ(cairn_buffer_wake_at(0, 101), CAIRN_EINVAL);
	CHECK_EQ(cairn_buffer_set_mode(0, (enum cairn_mode)7), CAIRN_EINVAL);
	CHECK_EQ(start_with(2, 65536, (size_t)1 << 41, 4, CAIRN_OVERWRITE), CAIRN_ERANGE);
	CHECK_EQ(start_with(2, 65536, 0, CAIRN_MAX_BUFFERS + 1, CAIRN_OVERWRITE), CAIRN_EINVAL);
	CHECK_EQ(start_with(2, 65536, TEST_REGION_BYTES, 4, CAIRN_OVERWRITE), CAIRN_ENOMEM);
}

TEST(a_cpu_goes_over_at_its_next_event_and_the_sums_go_on)
{
	struct cairn_ring *r, *n;

	start(2, 65536, CAIRN_OVERWRITE);
	emit(PER_PACKET + 10);
	r = cairn_rings[0];
	r->lost[CAIRN_LOST_BIG] = 5;
	cairn_task(77);
	CHECK_EQ(cairn_buffer_resize(0, CAIRN_ALL_CPUS, 100000), 0);
	CHECK_EQ(cairn_buffer_ring_bytes(0, 0), 131072);
	CHECK_EQ(cairn_buffer_ring_bytes(0, 1), 131072);
	CHECK(cairn_rings[0] == r); /* nothing happens until the CPU does something */
	emit(1);
	n = cairn_rings[0];
	CHECK(n != r);
	CHECK_EQ(n->ring_mask, 131071);
	CHECK_EQ(n->stream, 0);
	CHECK_EQ(n->task, 77);
	CHECK_EQ(n->lost[CAIRN_LOST_BIG], 5);
	CHECK_EQ(n->lost[CAIRN_LOST_SWITCH], 0);
	CHECK_EQ(total(n), PER_PACKET + 11);
	CHECK_EQ(r->committed & CAIRN_POS_RETIRED, 1);
	/* the packet numbers go on: two packets were used */
	CHECK_EQ(((struct cairn_packet_header *)(uintptr_t)(n->base + (2 * 4096 & n->ring_mask)))->seq, 2);
	CHECK_EQ(((struct cairn_packet_header *)(uintptr_t)(n->base + (2 * 4096 & n->ring_mask)))->events_before, PER_PACKET + 10);
	cairn_work();
	CHECK_EQ(r->magic, 0); /* what it held is given up */
	/* the other CPU has not emitted; its timer interrupt will do */
	test_cpu = 1;
	r = cairn_rings[1];
	cairn_tick();
	CHECK(cairn_rings[1] != r);
	emit(1);
	CHECK_EQ(total(cairn_rings[1]), 1);
}

TEST(requests_may_be_changed_while_the_cpu_is_silent)
{
	unsigned i;

	start(1, 65536, CAIRN_OVERWRITE);
	emit(5);
	for (i = 0; i < 50; i++) {
		size_t bytes = (size_t)8192 << i % 6;

		CHECK_EQ(cairn_buffer_resize(0, CAIRN_ALL_CPUS, bytes), 0);
		CHECK_EQ(cairn_buffer_ring_bytes(0, 0), bytes);
	}
	emit(1);
	CHECK_EQ(cairn_rings[0]->ring_mask + 1, (size_t)8192 << 49 % 6);
	CHECK_EQ(total(cairn_rings[0]), 6);
}

/* All sizes in turn for a long time: blocks and memory come back. */
TEST(memory_and_blocks_come_back)
{
	unsigned i;

	start(2, 65536, CAIRN_OVERWRITE);
	for (i = 0; i < 1000; i++) {
		test_cpu = i % 2;
		CHECK_EQ(cairn_buffer_resize(0, test_cpu, (size_t)8192 << check_rand() % 5), 0);
		emit((unsigned)(check_rand() % 400));
		cairn_tick();
		cairn_work();
		test_cpu ^= 1;
		cairn_work();
	}
	CHECK_EQ(total(cairn_rings[0]) + total(cairn_rings[1]), emitted);
	CHECK_EQ(cairn_ring_lost(cairn_rings[0]) + cairn_ring_lost(cairn_rings[1]), 0);
}

TEST(no_room_for_all_is_all_or_nothing)
{
	CHECK_EQ(start_with(2, 65536, 65536 * 4, 2, CAIRN_OVERWRITE), 0);
	CHECK_EQ(cairn_buffer_resize(0, CAIRN_ALL_CPUS, 131072), CAIRN_ENOMEM); /* the second does not fit */
	CHECK_EQ(cairn_buffer_ring_bytes(0, 0), 65536);
	CHECK_EQ(cairn_buffer_ring_bytes(0, 1), 65536);
	cairn_tick();
	CHECK_EQ(cairn_rings[0]->ring_mask, 65535);
	CHECK_EQ(cairn_buffer_resize(0, CAIRN_ALL_CPUS, 32768), 0); /* what the first had taken is free again */
	cairn_tick();
	CHECK_EQ(cairn_rings[0]->ring_mask, 32767);
}

TEST(a_snapshot_holds_what_was_there_and_the_reader_of_the_buffer_the_rest)
{
	struct cairn_ring_reader s, c;
	unsigned n, round;

	start(1, 65536, CAIRN_OVERWRITE);
	for (round = 0; round < 20; round++) {
		uint64_t from = emitted;

		emit(2 * PER_PACKET + 7);
		CHECK_GE(cairn_buffer_snapshot(0), 1);
		emit(3);
		CHECK_EQ(cairn_snapshot_reader_open(&s, 0, 0, 9), 0);
		n = read_all(&s, numbers, 100000);
		check_run(numbers, n, round ? from - 3 : from, emitted - 3);
		CHECK_EQ(s.overrun, 0);
		cairn_ring_reader_close(&s);
		CHECK_EQ(cairn_buffer_reader_open(&c, 0, 0, 9), 0);
		CHECK_EQ(read_all(&c, numbers, 100000), 0); /* the open packet is not complete */
		cairn_ring_reader_close(&c);
		cairn_work();
	}
	CHECK_EQ(total(cairn_rings[0]), emitted);
	CHECK_EQ(cairn_buffer_snapshot_free(0), 0);
	CHECK_EQ(cairn_snapshot_reader_open(&s, 0, 0, 9), CAIRN_EINVAL);
}

/* A CPU that was silent between two snapshots: the second one is empty there. */
TEST(a_silent_cpu_is_in_one_snapshot_only)
{
	struct cairn_ring *r;

	start(2, 65536, CAIRN_OVERWRITE);
	emit(10);
	r = cairn_rings[0];
	CHECK_GE(cairn_buffer_snapshot(0), 1);
	CHECK(cairn_rings[0] == r && r->successor);
	CHECK_EQ(r->start, 0);
	CHECK_GE(cairn_buffer_snapshot(0), 1);
	CHECK_EQ(r->start, r->committed & CAIRN_POS_MASK);
	emit(1);
	CHECK(cairn_rings[0] != r);
	CHECK_EQ(total(cairn_rings[0]), 11);
}

TEST(a_resize_that_waits_becomes_the_snapshot)
{
	struct cairn_ring_reader s;

	start(1, 65536, CAIRN_OVERWRITE);
	emit(10);
	CHECK_EQ(cairn_buffer_resize(0, CAIRN_ALL_CPUS, 8192), 0);
	CHECK_GE(cairn_buffer_snapshot(0), 1);
	emit(1);
	CHECK_EQ(cairn_rings[0]->ring_mask, 8191);
	CHECK_EQ(cairn_snapshot_reader_open(&s, 0, 0, 1), 0);
	check_run(numbers, read_all(&s, numbers, 100000), 0, 10);
	cairn_ring_reader_close(&s);
}

TEST(a_reader_follows_its_cpu_and_misses_nothing)
{
	struct cairn_ring_reader c;
	unsigned n = 0, i;

	start(1, 65536, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 5), 0);
	for (i = 0; i < 300; i++) {
		emit((unsigned)(check_rand() % (4 * PER_PACKET)));
		if (i % 3 == 0)
			CHECK_EQ(cairn_buffer_resize(0, 0, i % 2 ? 131072 : 65536), 0);
		else if (i % 3 == 1)
			CHECK_GE(cairn_buffer_snapshot(0), 1);
		emit(1);
		n += read_all(&c, numbers + n, 1000000 - n);
		cairn_work();
	}
	cairn_flush();
	n += read_all(&c, numbers + n, 1000000 - n);
	check_run(numbers, n, 0, emitted);
	CHECK_EQ(c.overrun, 0);
	cairn_ring_reader_close(&c);
}

/* What a claim holds is not used again, and a reader that came too late is told how much it missed. */
TEST(a_claimed_ring_waits_and_a_late_reader_counts)
{
	struct cairn_ring_reader c;
	struct cairn_ring *r;
	unsigned n;

	start(1, 65536, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 5), 0);
	emit(10);
	r = cairn_rings[0];
	CHECK_EQ(cairn_buffer_resize(0, 0, 8192), 0);
	emit(1);
	cairn_work();
	cairn_work();
	CHECK_EQ(r->state, CAIRN_RING_FROZEN);
	emit(10 * PER_PACKET); /* laps the small ring */
	n = read_all(&c, numbers, 100000);
	cairn_flush();
	n += read_all(&c, numbers + n, 1000000 - n);
	check_run(numbers, 10, 0, 10);
	CHECK_EQ(numbers[n - 1], emitted - 1);
	CHECK_EQ(n + c.overrun, emitted);
	CHECK_GT(c.overrun, 0);
	cairn_work();
	CHECK_EQ(r->magic, 0);
	cairn_ring_reader_close(&c);
}

TEST(an_instance_records_its_own_events_and_is_whole_without_the_main_buffer)
{
	struct cairn_ring_reader c;
	int b;

	start(2, 65536, CAIRN_OVERWRITE);
	b = cairn_buffer_create("foo", 32768, CAIRN_DISCARD);
	CHECK_GE(b, 1);
	CHECK_EQ(cairn_buffer_find("foo"), b);
	CHECK_EQ(cairn_buffer_ring_bytes((unsigned)b, 1), 32768);
	emit(5);
	CHECK_EQ(cairn_buffer_enable((unsigned)b, "buffer_test:number"), 1);
	CHECK_EQ(cairn_event_number.gate, CAIRN_GATE_RECORD | CAIRN_GATE_SLOW | 1u << (CAIRN_GATE_BUFFERS_SHIFT + b));
	emit(5);
	CHECK_EQ(cairn_events_disable("buffer_test:number"), 1);
	emit(5);
	CHECK_EQ(total(cairn_rings[0]), 10);
	CHECK_EQ(cairn_buffer_reader_open(&c, (unsigned)b, 0, 1), 0);
	CHECK_EQ(total(c.ring), 10);
	CHECK_EQ(c.ring->stream, (unsigned)b * 2);
	CHECK_EQ(c.ring->mode, CAIRN_DISCARD);
	emit(2 * PER_PACKET);
	check_run(numbers, read_all(&c, numbers, 100000), 5, 5 + 2 * PER_PACKET);
	cairn_ring_reader_close(&c);
	CHECK_EQ(cairn_buffer_disable((unsigned)b, "buffer_test:number"), 1);
	CHECK(!cairn_trace_number_enabled());
}

/* The record is made once: a string is copied as it was recorded first. */
TEST(an_instance_gets_a_copy_with_the_task_and_the_string)
{
	struct cairn_ring *r;
	const char *p;
	int b;

	start(1, 65536, CAIRN_OVERWRITE);
	b = cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE);
	CHECK_GE(b, 1);
	CHECK_EQ(cairn_buffer_enable((unsigned)b, "buffer_test:words"), 1);
	cairn_task(1234);
	cairn_trace_words("hello");
	{
		struct cairn_ring_reader c;

		CHECK_EQ(cairn_buffer_reader_open(&c, (unsigned)b, 0, 1), 0);
		r = c.ring;
		cairn_ring_reader_close(&c);
	}
	CHECK_EQ(total(r), 1);
	p = (const char *)(uintptr_t)r->base + 88;
	CHECK_EQ(*(const uint32_t *)(const void *)(p + 8), 1234);
	CHECK_STR(p + 16, "hello");
	CHECK_MEM(p + 8, (const char *)(uintptr_t)cairn_rings[0]->base + 88 + 8, 14);
	CHECK_EQ(test_preempt_depth, 0);
}

TEST(an_instance_is_resized_snapshotted_and_switched_like_the_main_buffer)
{
	struct cairn_ring_reader c, s;
	unsigned b;

	start(1, 65536, CAIRN_OVERWRITE);
	b = (unsigned)cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_buffer_enable(b, "buffer_test:number"), 1);
	emit(10);
	CHECK_EQ(cairn_buffer_off(b), 0);
	emit(10);
	CHECK_EQ(cairn_buffer_on(b), 0);
	CHECK_GE(cairn_buffer_snapshot(b), 2);
	emit(10);
	CHECK_EQ(cairn_snapshot_reader_open(&s, b, 0, 1), 0);
	check_run(numbers, read_all(&s, numbers, 100), 0, 10);
	cairn_ring_reader_close(&s);
	CHECK_EQ(cairn_buffer_resize(b, CAIRN_ALL_CPUS, 16384), 0);
	emit(1);
	CHECK_EQ(cairn_buffer_reader_open(&c, b, 0, 1), 0);
	CHECK_EQ(c.ring->ring_mask, 16383);
	CHECK_EQ(total(c.ring), 21);
	CHECK_EQ(cairn_ring_lost(c.ring), 0);
	cairn_ring_reader_close(&c);
	CHECK_EQ(total(cairn_rings[0]), 31);
}

TEST(instances_come_and_go_and_leave_their_memory)
{
	unsigned i, b;

	start(2, 65536, CAIRN_OVERWRITE);
	for (i = 0; i < 200; i++) {
		b = (unsigned)cairn_buffer_create(i % 2 ? "odd" : "even", 131072, CAIRN_OVERWRITE);
		CHECK_LT(b, 4);
		CHECK_EQ(cairn_buffer_enable(b, "buffer_test:*"), 2);
		test_cpu = i % 2;
		emit(3);
		if (i % 3 == 0)
			CHECK_GE(cairn_buffer_snapshot(b), 1);
		if (i % 3 != 1)
			emit(3);
		CHECK_EQ(cairn_buffer_remove(b), 0);
		CHECK_EQ(cairn_buffer_find(i % 2 ? "odd" : "even"), CAIRN_ENOENT);
		CHECK_EQ(cairn_event_number.gate, CAIRN_GATE_RECORD);
		emit(1);
	}
	CHECK_EQ(cairn_buffer_remove(0), CAIRN_EINVAL);
	CHECK_EQ(total(cairn_rings[0]) + total(cairn_rings[1]), emitted);
}

/* A writer in the middle of an event that goes to the instance: its rings wait. */
TEST(removal_waits_for_who_is_in_an_event)
{
	struct cairn_slot slot, inner;
	struct cairn_ring *r;
	unsigned b;
	void *p, *nested;

	start(1, 65536, CAIRN_OVERWRITE);
	b = (unsigned)cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_buffer_enable(b, "buffer_test:number"), 1);
	CHECK_EQ(cairn_events_disable("buffer_test:number"), 1);
	emit(1);
	p = cairn_reserve_for(&slot, &cairn_event_number, 8);
	CHECK(p != NULL);
	r = slot.ring;
	CHECK_EQ(cairn_buffer_remove(b), 0);
	cairn_work();
	cairn_tick(); /* comes and goes in it: that is not the writer's leaving */
	cairn_work();
	CHECK_EQ(cairn_buffer_create("bar", 32768, CAIRN_OVERWRITE), 2); /* 1 is not free yet */
	CHECK_EQ(cairn_buffer_enable(2, "buffer_test:number"), 1);
	nested = cairn_reserve_for(&inner, &cairn_event_number, 8);
	CHECK(nested != NULL);
	cairn_work();
	CHECK_EQ(r->magic, CAIRN_RING_MAGIC);
	cairn_commit_for(&inner);
	cairn_work();
	CHECK_EQ(r->magic, CAIRN_RING_MAGIC);
	memset(p, 0, 8);
	cairn_commit_for(&slot);
	cairn_work();
	CHECK_EQ(r->magic, 0);
	CHECK_EQ(test_preempt_depth, 0);
}

TEST(nothing_is_lost_to_an_instance_that_is_removed_in_the_middle_of_an_event)
{
	struct cairn_slot slot;
	unsigned b;
	void *p;

	start(1, 65536, CAIRN_OVERWRITE);
	b = (unsigned)cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_buffer_enable(b, "buffer_test:number"), 1);
	p = cairn_reserve_for(&slot, &cairn_event_number, 8);
	CHECK(p != NULL);
	CHECK_EQ(cairn_buffer_remove(b), 0);
	memset(p, 0, 8);
	cairn_commit_for(&slot); /* to the main buffer, and to the instance no more */
	CHECK_EQ(total(cairn_rings[0]), 1);
	CHECK_EQ(test_state()->lost_no_stream, 0);
}

TEST(an_event_nested_too_deep_is_lost_by_recursion)
{
	struct cairn_slot slot[9];
	unsigned b, i;

	start(1, 65536, CAIRN_OVERWRITE);
	b = (unsigned)cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_buffer_enable(b, "buffer_test:number"), 1);
	for (i = 0; i < 8; i++)
		CHECK(cairn_reserve_for(&slot[i], &cairn_event_number, 8) != NULL);
	CHECK(cairn_reserve_for(&slot[8], &cairn_event_number, 8) == NULL);
	CHECK_EQ(cairn_rings[0]->lost[CAIRN_LOST_RECURSION], 1);
	while (i--)
		cairn_commit_for(&slot[i]);
	CHECK_EQ(total(cairn_rings[0]), 8);
	CHECK_EQ(test_preempt_depth, 0);
}

TEST(clear_moves_the_marks_and_touches_nothing_else)
{
	struct cairn_ring_reader c;
	struct cairn_ring *r;
	unsigned n;

	start(1, 65536, CAIRN_OVERWRITE);
	emit(PER_PACKET + 5);
	r = cairn_rings[0];
	r->lost[CAIRN_LOST_BIG] = 3;
	CHECK_EQ(cairn_buffer_clear(0), 0);
	CHECK_EQ(r->start, r->committed & CAIRN_POS_MASK);
	CHECK_EQ(r->consumed, r->start);
	CHECK_EQ(r->start_lost, 3);
	CHECK_EQ(r->start_lost_by[CAIRN_LOST_BIG], 3);
	CHECK_EQ(r->start_events, PER_PACKET + 5);
	CHECK_EQ(r->lost[CAIRN_LOST_BIG], 3);
	CHECK_EQ(total(r), PER_PACKET + 5);
	emit(7);
	cairn_flush();
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	n = read_all(&c, numbers, 100000);
	check_run(numbers, n, PER_PACKET + 5, PER_PACKET + 12); /* the five before the mark lie in the same packet */
	cairn_ring_reader_close(&c);
}

TEST(modes_are_switched_while_it_runs)
{
	struct cairn_ring *r;
	uint64_t kept;

	start(1, 65536, CAIRN_OVERWRITE);
	r = cairn_rings[0];
	emit(40 * PER_PACKET); /* two laps and a half, nobody reads */
	CHECK_EQ(cairn_buffer_set_mode(0, CAIRN_DISCARD), 0);
	CHECK_EQ(cairn_pos_diff(r->committed & ~r->pkt_mask, r->consumed), 65536 - 4096); /* all that is there is unread */
	emit(PER_PACKET);
	kept = total(r);
	CHECK_GT(r->lost[CAIRN_LOST_FULL], 0);
	CHECK_EQ(kept + cairn_ring_lost(r), emitted);
	CHECK_EQ(cairn_buffer_set_mode(0, CAIRN_OVERWRITE), 0);
	emit(PER_PACKET);
	CHECK_EQ(total(r), kept + PER_PACKET);
	CHECK_EQ(r->lost[CAIRN_LOST_FULL] + total(r), emitted);
}

TEST(a_wake_up_comes_once_at_the_level_until_the_reader_looks)
{
	struct cairn_ring_reader c;
	struct cairn_ring *r;

	start(1, 65536, CAIRN_OVERWRITE);
	r = cairn_rings[0];
	CHECK_EQ(cairn_buffer_wake_at(0, 50), 0);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	CHECK(cairn_ring_reader_sleep(&c));
	emit(8 * PER_PACKET);
	CHECK_EQ(test_wakes, 0); /* seven packets are complete */
	emit(2 * PER_PACKET);
	CHECK_EQ(test_wakes, 1);
	CHECK_EQ(r->woken, 1);
	emit(2 * PER_PACKET);
	CHECK_EQ(test_wakes, 1);
	CHECK(!cairn_ring_reader_sleep(&c)); /* it is reached: read */
	(void)read_all(&c, numbers, 100000);
	CHECK(cairn_ring_reader_sleep(&c));
	emit(9 * PER_PACKET);
	CHECK_EQ(test_wakes, 2);
	CHECK_EQ(cairn_buffer_resize(0, 0, 131072), 0);
	emit(1);
	CHECK_EQ(cairn_rings[0]->wake_bytes, 65536); /* half of the new size */
	cairn_ring_reader_close(&c);
	CHECK_EQ(cairn_buffer_wake_at(0, 0), 0);
	test_wakes = 0;
}

/* A failed or successful resize once gave the rings away that an instance had set aside for CPUs to come. */
TEST(an_instance_waits_for_cpus_that_come_later)
{
	struct cairn_config c = {.memory = test_memory(),
				 .memory_bytes = TEST_REGION_BYTES,
				 .nr_cpus = 3,
				 .rings_later = true,
				 .ring_bytes = 65536,
				 .arena_bytes = 1 << 20,
				 .max_buffers = 4,
				 .boot_args = "trace=buffer_test:*"};
	struct cairn_ring_reader r;
	unsigned b;

	cairn_detach();
	CHECK_EQ(cairn_init(&c), 0);
	emitted = 0;
	test_cpu = 0;
	CHECK_EQ(cairn_ring_open(0, 7), 0);
	b = (unsigned)cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE);
	CHECK_EQ(b, 1);
	CHECK_EQ(cairn_buffer_enable(b, "buffer_test:number"), 1);
	CHECK_EQ(cairn_buffer_resize(b, CAIRN_ALL_CPUS, 65536), 0);
	CHECK_GE(cairn_buffer_snapshot(b), 2);
	emit(1);
	CHECK_EQ(cairn_buffer_ring_bytes(b, 1), 0);
	CHECK_EQ(cairn_ring_open(1, 8), 0);
	CHECK_EQ(cairn_buffer_ring_bytes(b, 1), 32768);
	test_cpu = 1;
	emit(3);
	CHECK_EQ(cairn_buffer_reader_open(&r, b, 1, 1), 0);
	CHECK_EQ(total(r.ring), 3);
	cairn_ring_reader_close(&r);
	CHECK_EQ(test_state()->lost_no_stream, 0);
}

TEST(a_ring_that_is_opened_while_its_buffer_is_off_stays_off)
{
	struct cairn_config c = {.memory = test_memory(),
				 .memory_bytes = TEST_REGION_BYTES,
				 .nr_cpus = 1,
				 .ring_bytes = 8192,
				 .rings_later = true,
				 .clock_hz = 1000000000,
				 .boot_args = "trace=buffer_test:*",
				 .name = "test"};

	cairn_detach();
	test_cpu = 0;
	CHECK_EQ(cairn_init(&c), 0);
	CHECK_EQ(cairn_buffer_off(0), 0);
	CHECK_EQ(cairn_ring_open(0, 1), 0);
	emit(2);
	CHECK_EQ(total(cairn_rings[0]), 0);
	cairn_tracing_on();
	emit(2);
	CHECK_EQ(total(cairn_rings[0]), 0);
	CHECK_EQ(cairn_buffer_on(0), 0);
	emit(2);
	CHECK_EQ(total(cairn_rings[0]), 2);
}

/* After an exchange the block of the same number is free, the stream is not. */
TEST(a_ring_that_went_over_is_still_open)
{
	start(1, 65536, CAIRN_OVERWRITE);
	emit(1);
	CHECK_EQ(cairn_buffer_resize(0, 0, 8192), 0);
	emit(1);
	cairn_work();
	CHECK_EQ(cairn_ring_open(0, 1), CAIRN_EBUSY);
	CHECK_EQ(total(cairn_rings[0]), 2);
}

/* In a forked child nobody comes back who was in the middle of an event. */
TEST(a_detach_forgets_who_was_in_an_event)
{
	struct cairn_slot slot;
	unsigned b;

	start(1, 65536, CAIRN_OVERWRITE);
	b = (unsigned)cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_buffer_enable(b, "buffer_test:number"), 1);
	CHECK(cairn_reserve_for(&slot, &cairn_event_number, 8) != NULL);
	test_preempt_depth = 0;
	start(1, 65536, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_event_number.gate, CAIRN_GATE_RECORD);
	b = (unsigned)cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_buffer_remove(b), 0);
	CHECK_EQ(cairn_buffer_create("foo", 32768, CAIRN_OVERWRITE), b); /* the grace period was over at once */
	CHECK_EQ(cairn_buffer_create("bar", 32768, (enum cairn_mode)77), CAIRN_EINVAL);
}

/* The time of the ring that was left is the least that the next one may have; of its epoch, if the clock was restarted before. */
TEST(a_clock_that_steps_back_over_an_exchange_is_noticed)
{
	const uint64_t now = 1000000;
	unsigned restarted;

	for (restarted = 0; restarted < 2; restarted++) {
		const struct cairn_ring *r;

		start(1, 65536, CAIRN_OVERWRITE);
		test_clock = now;
		if (restarted)
			cairn_clock_reset();
		emit(5);
		CHECK_GE(cairn_buffer_snapshot(0), 1);
		cairn_tick();
		test_clock -= 50000;
		emit(1);
		r = cairn_rings[0];
		CHECK_EQ(r->lost[CAIRN_LOST_CLOCK], 1);
		test_clock = now + 1000;
		emit(1);
		CHECK_EQ(total(r), 6);
		CHECK_GE(((const struct cairn_packet_header *)(uintptr_t)(r->base + (r->committed & r->ring_mask & ~r->pkt_mask)))->ts_begin, now);
	}
}

TEST(what_was_cleared_was_not_overrun)
{
	struct cairn_ring_reader c;

	start(1, 65536, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	emit(6 * PER_PACKET);
	CHECK_EQ(cairn_buffer_clear(0), 0);
	emit(3);
	cairn_flush();
	(void)read_all(&c, numbers, 1000000);
	CHECK_EQ(c.overrun, 0);
	cairn_ring_reader_close(&c);
}

/* Forged, `consumed` may lie where a ring that continues another has never been. */
TEST(a_forged_consumed_costs_a_young_ring_nothing_for_long)
{
	struct cairn_ring_reader c;
	unsigned n;

	start(1, 65536, CAIRN_OVERWRITE);
	emit(20 * PER_PACKET);
	CHECK_EQ(cairn_buffer_resize(0, 0, 131072), 0);
	emit(3 * PER_PACKET + 1);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	cairn_rings[0]->consumed = 0;
	n = read_all(&c, numbers, 1000000);
	CHECK_EQ(n, 3 * PER_PACKET);
	CHECK_EQ(numbers[0], 20 * PER_PACKET);
	cairn_ring_reader_close(&c);
}

CHECK_MAIN()
