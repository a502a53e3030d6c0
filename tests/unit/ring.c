/* SPDX-License-Identifier: MIT */
/*
 * The writer's promises, as include/cairn/ring.h, layout.h and core/ring.h make them. What happens
 * when writers interrupt each other at any instruction is the business of tests/model.
 */
#include "port/port.h"

#include "check.h"
#include "core/ring.h"

#define RING_MEMORY (2u << 20)

static char ring_packets[RING_MEMORY] CAIRN_ALIGNED(4096);
static struct cairn_closed ring_closed_words[RING_MEMORY / 4096];
static struct cairn_ring ring;

/* A ring of `n` packets, started. */
static void ring_make(unsigned n, uint64_t packet_bytes, enum cairn_mode mode, uint64_t first_pos)
{
	static const uint8_t uuid[16] = "0123456789abcdef";

	CHECK_LE(n * packet_bytes, sizeof(ring_packets));
	memset(ring_packets, 0xa5, n * packet_bytes);
	memset(&ring, 0, sizeof(ring));
	ring.mode = (uint32_t)mode;
	ring.cpu = 0;
	ring.index = ring.stream = 5;
	ring.slot = (uint64_t)(uintptr_t)&cairn_rings[0];
	cairn_ring_setup(&ring, ring_packets, ring_closed_words, n * packet_bytes, packet_bytes,
			 uuid, first_pos);
	cairn_ring_start(&ring);
	cairn_rings[0] = &ring;
	test_cpu = 0;
	test_clock = 1000;
	test_irqs_off = false;
	test_preempt_depth = 0;
}

static const struct cairn_packet_header *ring_slot(unsigned slot)
{
	return (const void *)(ring_packets + slot * (ring.pkt_mask + 1));
}

static bool ring_write(uint32_t id, uint32_t bytes)
{
	struct cairn_slot s = {0};
	void *p = cairn_reserve(&s, id, bytes);

	if (!p)
		return false;
	memset(p, (int)id, bytes);
	cairn_commit(&s);
	return true;
}

/* Records in a packet, by the sizes that `bytes` of payload give. */
static uint64_t ring_count(const struct cairn_packet_header *h, uint32_t bytes)
{
	return (h->content_bits / 8 - CAIRN_PACKET_HEADER_BYTES) /
	       ((CAIRN_RECORD_HEADER_BYTES + bytes + 3) & ~3u);
}

TEST(record_is_time_id_task_payload)
{
	static const uint8_t want[] = {
		0x67, 0x45, 0x23, 0x01, 0xcd, 0xab, 0x34, 0x12, /* ts48, id */
		0x2a, 0x00, 0x00, 0x81,                         /* task */
		'h',  'e',  'l',  'l',  'o',  0,    0,    0};
	struct cairn_slot s = {0};
	char *p;

	ring_make(2, 4096, CAIRN_OVERWRITE, 0);
	ring.task = 0x8100002a;
	test_clock = 0x0001abcd01234560; /* the third reading from here is the record's */
	CHECK(ring_write(18, 0));
	test_clock = 0x0001abcd01234566;
	p = cairn_reserve(&s, 0x1234, 5);
	CHECK(p != NULL);
	memcpy(p, "hello", 5);
	cairn_commit(&s);
	CHECK_MEM((const char *)ring_slot(0) + CAIRN_PACKET_HEADER_BYTES + 12, want, sizeof(want));
	CHECK_EQ(ring_slot(0)->ts_begin >> 48, 1);
	CHECK_EQ(ring_slot(0)->content_bits, (88 + 12 + 20) * 8);
}

TEST(record_without_payload_is_twelve_bytes)
{
	ring_make(2, 4096, CAIRN_OVERWRITE, 0);
	CHECK(ring_write(18, 0));
	CHECK_EQ(ring.committed, 88 + 12 + CAIRN_ONE_RECORD);
	CHECK_EQ(ring_slot(0)->content_bits, 100 * 8);
}

TEST(pad_behind_the_payload_is_zero)
{
	uint32_t bytes, i;

	for (bytes = 1; bytes < 9; bytes++) {
		const uint8_t *p = (const uint8_t *)ring_slot(0) + 100;

		ring_make(2, 4096, CAIRN_OVERWRITE, 0);
		CHECK(ring_write(0xff, bytes));
		for (i = bytes; i % 4; i++)
			CHECK_EQ(p[i], 0);
		CHECK_EQ(ring_slot(0)->content_bits, (100 + i) * 8);
	}
}

TEST(interrupts_off_are_noted_in_the_record_only)
{
	uint32_t task;

	ring_make(2, 4096, CAIRN_OVERWRITE, 0);
	ring.task = 7;
	test_irqs_off = true;
	CHECK(ring_write(18, 0));
	memcpy(&task, (const char *)ring_slot(0) + 96, 4);
	CHECK_EQ(task, 7 | CAIRN_CTX_IRQS_OFF);
	CHECK_EQ(ring.task, 7);
}

TEST(preemption_is_off_from_reserve_to_commit_and_as_before_after_a_refusal)
{
	struct cairn_slot s = {0};

	ring_make(2, 4096, CAIRN_OVERWRITE, 0);
	test_preempt_depth = 3;
	CHECK(cairn_reserve(&s, 18, 4) != NULL);
	CHECK_EQ(test_preempt_depth, 4);
	cairn_commit(&s);
	CHECK_EQ(test_preempt_depth, 3);
	CHECK(cairn_reserve(&s, 18, CAIRN_RECORD_MAX + 1) == NULL);
	CHECK_EQ(test_preempt_depth, 3);
	cairn_ring_stop(&ring);
	CHECK(cairn_reserve(&s, 18, 4) == NULL);
	CHECK_EQ(test_preempt_depth, 3);
}

TEST(record_is_invisible_until_commit)
{
	struct cairn_slot s = {0};

	ring_make(2, 4096, CAIRN_OVERWRITE, 0);
	CHECK(ring_write(18, 4));
	CHECK(cairn_reserve(&s, 19, 4) != NULL);
	CHECK_EQ(ring_slot(0)->content_bits, 104 * 8);
	CHECK_EQ(ring.committed & CAIRN_POS_MASK, 104);
	cairn_commit(&s);
	CHECK_EQ(ring_slot(0)->content_bits, 120 * 8);
	CHECK_EQ(ring.committed, 120 + 2 * CAIRN_ONE_RECORD);
}

TEST(nested_records_are_published_with_the_outer_one)
{
	struct cairn_slot outer = {0}, inner = {0};

	ring_make(4, 4096, CAIRN_OVERWRITE, 0);
	CHECK(cairn_reserve(&outer, 18, 4) != NULL);
	CHECK(cairn_reserve(&inner, 19, 4) != NULL);
	cairn_commit(&inner);
	CHECK(ring_write(20, 3992)); /* does not fit: a packet is opened under the pending record */
	CHECK_EQ(ring_slot(0)->content_bits, 88 * 8);
	CHECK_EQ(ring_slot(1)->content_bits, 88 * 8);
	cairn_commit(&outer);
	CHECK_EQ(ring_slot(0)->content_bits, 120 * 8);
	CHECK_EQ(ring_slot(1)->content_bits, (100 + 3992) * 8);
	CHECK_EQ(ring_slot(1)->events_before, 2);
	CHECK_EQ(ring.pos, ring.committed);
	CHECK(cairn_ring_valid(&ring));
}

TEST(ring_is_stopped_until_started)
{
	ring_make(2, 4096, CAIRN_OVERWRITE, 0);
	cairn_ring_stop(&ring);
	CHECK(!ring_write(18, 4));
	CHECK_EQ(ring.pos, 0);
	CHECK_EQ(cairn_ring_lost(&ring), 0);
	cairn_ring_start(&ring);
	CHECK(ring_write(18, 4));
	cairn_ring_stop(&ring);
	CHECK(!ring_write(18, 4));
	CHECK(!ring_write(18, CAIRN_RECORD_MAX + 1));
	CHECK_EQ(cairn_ring_lost(&ring), 0);
	cairn_ring_start(&ring);
	CHECK(ring_write(18, 4));
	CHECK_EQ(ring.committed >> CAIRN_POS_BITS, 2);
}

TEST(unused_slots_are_invalid_and_empty)
{
	unsigned i;

	ring_make(8, 4096, CAIRN_OVERWRITE, 0);
	for (i = 0; i < 8; i++) {
		const struct cairn_packet_header *h = ring_slot(i);

		CHECK_EQ(h->magic, CAIRN_CTF_MAGIC);
		CHECK_MEM(h->uuid, "0123456789abcdef", 16);
		CHECK_EQ(h->seq, CAIRN_SEQ_INVALID);
		CHECK_EQ(h->content_bits, 88 * 8);
		CHECK_EQ(h->packet_bits, 4096 * 8);
		CHECK_EQ(CAIRN_PACKET_STREAM(h->flags), 5);
	}
}

/* Two laps and a half in rings of all packet sizes: numbers, slots, times and sums. */
static void ring_laps(uint64_t packet_bytes, uint64_t first_pos)
{
	unsigned n = RING_MEMORY / packet_bytes > 8 ? 8 : (unsigned)(RING_MEMORY / packet_bytes), i;
	uint64_t first = first_pos / packet_bytes, newest = first + n * 5 / 2, written = 0,
		 decoded = 0, oldest;

	ring_make(n, packet_bytes, CAIRN_OVERWRITE, first_pos);
	while (ring.seq_hint != newest || written == 0) {
		CHECK(ring_write(18, 1000));
		written++;
	}
	oldest = newest + 1 - n;
	for (i = 0; i < n; i++) {
		uint64_t s = oldest + i;
		const struct cairn_packet_header *h = ring_slot((unsigned)(s % n));

		CHECK_EQ(h->seq, s);
		CHECK_EQ(h->packet_bits, packet_bytes * 8);
		CHECK_LE(h->content_bits, (packet_bytes - 4) * 8);
		CHECK_LE(h->ts_begin, h->ts_end);
		if (i) {
			const struct cairn_packet_header *before =
				ring_slot((unsigned)((s - 1) % n));

			CHECK_EQ(before->ts_end, h->ts_begin);
			CHECK_EQ(before->events_before + ring_count(before, 1000),
				 h->events_before);
			CHECK_EQ(ring_count(before, 1000), (packet_bytes - 4 - 88) / 1012);
		}
		decoded += ring_count(h, 1000);
	}
	CHECK_EQ(cairn_ring_lost(&ring), 0);
	CHECK_EQ(ring_slot((unsigned)(oldest % n))->events_before + decoded, written);
	CHECK_EQ(ring.events_total + (ring.committed >> CAIRN_POS_BITS), written);
	CHECK(cairn_ring_valid(&ring));
}

TEST(ring_wraps_with_packets_of_4_KiB_to_512_KiB)
{
	uint64_t packet_bytes;

	for (packet_bytes = CAIRN_PACKET_MIN; packet_bytes <= CAIRN_PACKET_MAX; packet_bytes *= 2)
		ring_laps(packet_bytes, 0);
}

TEST(packet_numbers_go_on_where_positions_wrap)
{
	uint64_t packet_bytes;

	for (packet_bytes = CAIRN_PACKET_MIN; packet_bytes <= CAIRN_PACKET_MAX; packet_bytes *= 2)
		ring_laps(packet_bytes, ((uint64_t)1 << CAIRN_POS_BITS) - 3 * packet_bytes);
	CHECK_EQ(cairn_ring_seq(&ring, ring.pos), ring.seq_hint);
}

TEST(largest_packet_counts_its_smallest_records)
{
	unsigned i, nr = (CAIRN_PACKET_MAX - 4 - 88) / 12;

	ring_make(2, CAIRN_PACKET_MAX, CAIRN_OVERWRITE, 0);
	for (i = 0; i < nr; i++)
		CHECK(ring_write(18, 0));
	CHECK_EQ(ring.seq_hint, 0);
	CHECK_EQ(ring.committed >> CAIRN_POS_BITS, nr); /* 43,682 of 65,535 */
	CHECK(ring_write(18, 0));
	CHECK_EQ(ring_slot(1)->seq, 1);
	CHECK_EQ(ring_slot(1)->events_before, nr);
}

TEST(largest_record_of_a_4_KiB_packet_is_3992_bytes)
{
	ring_make(2, 4096, CAIRN_OVERWRITE, 0);
	CHECK(ring_write(18, 3992));
	CHECK_EQ(ring.committed & CAIRN_POS_MASK, 4092);
	CHECK(!ring_write(18, 3993));
	CHECK_EQ(ring.lost[CAIRN_LOST_BIG], 1);
	CHECK(!ring_write(18, CAIRN_RECORD_MAX));
	CHECK(!ring_write(18, CAIRN_RECORD_MAX + 1));
	CHECK(!ring_write(18, 0xffffffff));
	CHECK_EQ(ring.lost[CAIRN_LOST_BIG], 4);
	CHECK_EQ(cairn_ring_lost(&ring), 4);
}

TEST(largest_record_of_larger_packets_is_RECORD_MAX)
{
	ring_make(2, 8192, CAIRN_OVERWRITE, 0);
	CHECK(ring_write(18, CAIRN_RECORD_MAX));
	CHECK(!ring_write(18, CAIRN_RECORD_MAX + 1));
	CHECK_EQ(ring.lost[CAIRN_LOST_BIG], 1);
}

TEST(discard_mode_keeps_the_first_and_counts_full)
{
	unsigned i;

	ring_make(4, 4096, CAIRN_DISCARD, 0);
	for (i = 0; i < 4 * 4; i++)
		CHECK_EQ(ring_write(18, 900), true); /* four in a packet */
	CHECK(!ring_write(18, 900));
	CHECK(!ring_write(18, 900));
	CHECK_EQ(ring.lost[CAIRN_LOST_FULL], 2);
	CHECK_EQ(cairn_ring_lost(&ring), 2);
	for (i = 0; i < 4; i++)
		CHECK_EQ(ring_slot(i)->seq, i);
	ring.consumed = 100; /* in the middle of a packet: it is still unread */
	CHECK(!ring_write(18, 900));
	ring.consumed = 4096;
	CHECK(ring_write(18, 900));
	CHECK_EQ(ring_slot(0)->seq, 4);
	CHECK_EQ(ring_slot(0)->events_discarded, 3);
	CHECK_EQ(ring_slot(3)->events_discarded, 3);
	CHECK_EQ(ring_slot(2)->events_discarded, 0);
}

TEST(small_records_still_fit_where_a_large_one_was_full)
{
	ring_make(2, 4096, CAIRN_DISCARD, 0);
	CHECK(ring_write(18, 3900));
	CHECK(ring_write(18, 3900));
	CHECK(!ring_write(18, 3900));
	CHECK(ring_write(18, 4));
	CHECK_EQ(ring.lost[CAIRN_LOST_FULL], 1);
}

TEST(pending_record_is_not_overtaken_and_counts_wrap)
{
	struct cairn_slot outer = {0};
	unsigned i, kept = 0;

	ring_make(4, 4096, CAIRN_OVERWRITE, 0);
	CHECK(cairn_reserve(&outer, 18, 4) != NULL);
	for (i = 0; i < 10; i++)
		kept += ring_write(19, 3900);
	CHECK_EQ(kept, 4); /* one more in the outer one's packet, then the three others */
	CHECK_EQ(ring.lost[CAIRN_LOST_WRAP], 6);
	CHECK_EQ(cairn_ring_lost(&ring), 6);
	cairn_commit(&outer);
	CHECK(ring_write(19, 3900));
	CHECK_EQ(ring.events_total + (ring.committed >> CAIRN_POS_BITS), 6);
}

TEST(clock_that_stays_back_counts_clock)
{
	ring_make(4, 4096, CAIRN_OVERWRITE, 0);
	test_clock = 1000000;
	CHECK(ring_write(18, 4));
	test_clock -= 100; /* made good by waiting */
	CHECK(ring_write(18, 4));
	CHECK_EQ(cairn_ring_lost(&ring), 0);
	test_clock -= 10 * CAIRN_CLOCK_RETRIES;
	CHECK(!ring_write(18, 4));
	CHECK_EQ(ring.lost[CAIRN_LOST_CLOCK], 1);
	CHECK_EQ(cairn_ring_lost(&ring), 1);
	test_clock += 10 * CAIRN_CLOCK_RETRIES;
	CHECK(ring_write(18, 4));
}

TEST(long_pause_opens_a_packet)
{
	ring_make(4, 4096, CAIRN_OVERWRITE, 0);
	CHECK(ring_write(18, 4));
	test_clock += (uint64_t)1 << CAIRN_TS_BITS;
	CHECK(ring_write(18, 4));
	CHECK_EQ(ring_slot(1)->seq, 1);
	CHECK_GT(ring_slot(1)->ts_begin, (uint64_t)1 << CAIRN_TS_BITS);
	CHECK_EQ(ring_count(ring_slot(0), 4), 1);
	CHECK_EQ(ring_count(ring_slot(1), 4), 1);
}

TEST(cpu_without_a_ring_counts_no_stream)
{
	struct cairn_slot s = {0};

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	test_cpu = 1;
	CHECK(cairn_reserve(&s, 18, 4) == NULL);
	test_cpu = ~0u;
	CHECK(cairn_reserve(&s, 18, 4) == NULL);
	CHECK_EQ(test_state()->lost_no_stream, 2);
	test_cpu = 0;
	CHECK(cairn_reserve(&s, 18, 4) != NULL);
	cairn_commit(&s);
	CHECK_EQ(test_state()->lost_no_stream, 2);
	CHECK_EQ(test_preempt_depth, 0);
	cairn_detach();
}

TEST(losses_stand_in_the_packets_around_them)
{
	ring_make(4, 4096, CAIRN_OVERWRITE, 0);
	CHECK(ring_write(18, 3900));
	CHECK(!ring_write(18, 4000));
	CHECK(ring_write(18, 3900));
	CHECK(!ring_write(18, 4000));
	CHECK(!ring_write(18, 4000));
	CHECK(ring_write(18, 3900));
	CHECK_EQ(ring_slot(0)->events_discarded, 1);
	CHECK_EQ(ring_slot(1)->events_discarded, 3);
	CHECK_EQ(ring_slot(2)->events_discarded, 3);
}

TEST(valid_sees_a_broken_control_block)
{
	ring_make(4, 4096, CAIRN_OVERWRITE, 0);
	CHECK(ring_write(18, 4));
	CHECK(cairn_ring_valid(&ring));
	ring.committed += 4;
	CHECK(!cairn_ring_valid(&ring)); /* committed beyond pos */
	ring.committed = (ring.pos - 4 * 4096) & CAIRN_POS_MASK;
	CHECK(!cairn_ring_valid(&ring)); /* a lap behind */
	ring.committed = ring.pos;
	ring.ring_mask = 5000;
	CHECK(!cairn_ring_valid(&ring));
}

CHECK_MAIN()
