/* SPDX-License-Identifier: MIT */
/*
 * 1,024 rings of the smallest size in one region: init, emission on any of them, control, reading from inside. With a file name the region is
 * also written there, for tests/cli/many.py, which has the command read it.
 */
#define CAIRN_CREATE_EVENTS
#include "port/port.h"

#include "check.h"
#include "cairn/read.h"
#include "core/ring.h"

#include <stdio.h>

CAIRN_EVENT(many, number, (field, uint64_t, n)(field, uint64_t, check), "n=%lu check=%lu");

enum { RINGS = 1024, RING_BYTES = 8192 };

/* What each ring gets: enough for one in four to have wrapped, and one in four to be empty. */
static unsigned many_events(unsigned ring)
{
	return ring % 4 ? ring % 4 * 97 + ring % 97 : 0;
}

static int many_init(enum cairn_mode mode)
{
	static char *memory;
	struct cairn_config c = {.nr_cpus = RINGS,
				 .ring_bytes = RING_BYTES,
				 .mode = mode,
				 .clock_hz = 1000000000,
				 .name = "many",
				 .boot_args = "trace=many:*"};
	int64_t bytes = cairn_region_bytes(&c);

	CHECK_GT(bytes, RINGS * RING_BYTES);
	CHECK_LT(bytes, RINGS * RING_BYTES + (2 << 20)); /* what stands around the packets */
	if (!memory)
		memory = aligned_alloc(4096, (size_t)bytes);
	memset(memory, 0xa5, (size_t)bytes);
	c.memory = memory;
	c.memory_bytes = (size_t)bytes;
	cairn_detach();
	return cairn_init(&c);
}

/* Events of all rings in turn, as CPUs emit them: the times of neighbours in one ring lie far apart. */
static void many_emit(void)
{
	for (unsigned i = 0, more = 1; more; i++) {
		more = 0;
		for (unsigned ring = 0; ring < RINGS; ring++) {
			if (i >= many_events(ring))
				continue;
			test_cpu = ring;
			cairn_trace_number(i, (uint64_t)ring << 32 | i);
			more = 1;
		}
	}
}

TEST(emission_on_every_one_of_1024_rings)
{
	CHECK_EQ(many_init(CAIRN_OVERWRITE), 0);
	CHECK_EQ(test_state()->nr_rings, RINGS);
	many_emit();
	for (unsigned ring = 0; ring < RINGS; ring++) {
		CHECK_EQ(test_recorded(ring), many_events(ring));
		CHECK_EQ(test_ring(ring)->cpu, ring);
		CHECK(cairn_ring_valid(test_ring(ring)));
		CHECK_EQ(cairn_ring_lost(test_ring(ring)), 0);
	}
	test_cpu = RINGS; /* CAIRN_MAX_CPUS, or a CPU that has no ring */
	cairn_trace_number(1, 1);
	CHECK_EQ(test_state()->lost_no_stream, 1);
}

TEST(discard_mode_keeps_each_ring_apart)
{
	CHECK_EQ(many_init(CAIRN_DISCARD), 0);
	many_emit();
	for (unsigned ring = 0; ring < RINGS; ring++)
		CHECK_EQ(test_recorded(ring) + test_ring(ring)->lost[CAIRN_LOST_FULL],
			 many_events(ring));
	CHECK_GT(test_ring(RINGS - 1)->lost[CAIRN_LOST_FULL], 0);
	CHECK_EQ(test_ring(1)->lost[CAIRN_LOST_FULL], 0);
}

TEST(tracing_off_and_on_reaches_all)
{
	CHECK_EQ(many_init(CAIRN_OVERWRITE), 0);
	cairn_tracing_off();
	many_emit();
	for (unsigned ring = 0; ring < RINGS; ring++)
		CHECK_EQ(test_recorded(ring) + cairn_ring_lost(test_ring(ring)), 0);
	cairn_tracing_on();
	for (test_cpu = 0; test_cpu < RINGS; test_cpu++) {
		cairn_trace_number(1, 1);
		CHECK_EQ(test_recorded(test_cpu), 1);
	}
}

TEST(a_reader_inside_takes_every_ring)
{
	static uint64_t packet[4096 / 8];
	uint64_t rings_read = 0;

	CHECK_EQ(many_init(CAIRN_OVERWRITE), 0);
	many_emit();
	for (unsigned ring = 0; ring < RINGS; ring++) {
		struct cairn_ring_reader c;

		test_cpu = ring;
		cairn_flush();
		CHECK_EQ(cairn_ring_reader_open(&c, ring, 1), 0);
		while (cairn_ring_reader_read(&c, packet, sizeof(packet)) > 0)
			CHECK_EQ(((const struct cairn_packet_header *)packet)->cpu_id, ring);
		CHECK_EQ(c.next_record, many_events(ring));
		rings_read += c.next_record != 0;
		cairn_ring_reader_close(&c);
	}
	CHECK_EQ(rings_read, RINGS / 4 * 3);
}

/* Last: its region is what many.py gets. */
TEST(the_region_of_1024_rings_is_written)
{
	const char *path = getenv("CAIRN_MANY_RINGS");
	const void *region;
	size_t bytes;
	FILE *f;

	if (!path)
		CHECK_SKIP("allowed: nobody asks for the file");
	CHECK_EQ(many_init(CAIRN_OVERWRITE), 0);
	many_emit();
	cairn_stop();
	region = cairn_region(&bytes);
	f = fopen(path, "wb");
	CHECK(f != NULL);
	CHECK_EQ(fwrite(region, 1, bytes, f), bytes);
	CHECK_EQ(fclose(f), 0);
}

CHECK_MAIN()
