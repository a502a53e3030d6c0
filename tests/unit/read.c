/* SPDX-License-Identifier: MIT */
/* The consuming reader: whole packets in order, consumed once; overruns exact; claims; flush; hostile `consumed`. */
#define CAIRN_CREATE_EVENTS
#include "port/port.h"

#include "check.h"

CAIRN_EVENT(read_test, number, (field, uint64_t, n), "n=%lu");

enum { READ_RECORD_BYTES = 20, READ_PER_PACKET = (4096 - 88 - 4) / READ_RECORD_BYTES };

static uint64_t read_buf[4096 / 8];
static uint64_t read_next; /* number expected in the next record */

static void read_emit(uint64_t from, unsigned count)
{
	while (count--)
		cairn_trace_number(from++);
}

static void read_start(size_t ring_bytes, enum cairn_mode mode)
{
	CHECK_EQ(test_init(1, ring_bytes, mode, "trace=read_test:*"), 0);
	read_next = 0;
}

/* Check the packet in read_buf; its records must be read_next and so on. Number of them. */
static unsigned read_records(int64_t bytes)
{
	const struct cairn_packet_header *h = (const void *)read_buf;
	int64_t at;
	unsigned n = 0;

	CHECK_EQ(h->magic, CAIRN_CTF_MAGIC);
	CHECK_EQ(h->content_bits, bytes * 8);
	for (at = 88; at < bytes; at += READ_RECORD_BYTES, n++) {
		uint64_t number;

		memcpy(&number, (const char *)read_buf + at + 12, 8);
		CHECK_EQ(number, read_next);
		read_next++;
	}
	CHECK_EQ(at, bytes);
	return n;
}

TEST(complete_packets_come_once_and_in_order)
{
	struct cairn_ring_reader c;
	unsigned i;

	read_start(65536, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	CHECK_EQ(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf)), CAIRN_EAGAIN);
	read_emit(0, 3 * READ_PER_PACKET + 1);
	for (i = 0; i < 3; i++)
		CHECK_EQ(read_records(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf))),
			 READ_PER_PACKET);
	CHECK_EQ(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf)), CAIRN_EAGAIN);
	CHECK_EQ(c.overrun, 0);
	CHECK_EQ(c.next_record, 3 * READ_PER_PACKET);
	cairn_ring_reader_close(&c);
}

TEST(flush_completes_a_packet_and_leaves_an_empty_one_alone)
{
	struct cairn_ring_reader c;

	read_start(65536, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	cairn_flush();
	CHECK_EQ(test_ring(0)->pos, 0);
	read_emit(0, 5);
	cairn_flush();
	CHECK_EQ(read_records(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf))), 5);
	cairn_flush();
	cairn_flush();
	CHECK_EQ(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf)), CAIRN_EAGAIN);
	read_emit(5, 1);
	cairn_flush();
	CHECK_EQ(read_records(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf))), 1);
	CHECK_EQ(cairn_ring_lost(test_ring(0)), 0);
	cairn_ring_reader_close(&c);
}

TEST(what_was_overwritten_before_it_was_read_is_counted_exactly)
{
	struct cairn_ring_reader c;
	unsigned total = 40 * READ_PER_PACKET + 7, got = 0;
	int64_t n;

	read_start(16384, CAIRN_OVERWRITE); /* four packets */
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	read_emit(0, total);
	read_next = 37 * READ_PER_PACKET; /* three closed packets survive beside the open one */
	while ((n = cairn_ring_reader_read(&c, read_buf, sizeof(read_buf))) > 0)
		got += read_records(n);
	CHECK_EQ(got, 3 * READ_PER_PACKET);
	CHECK_EQ(c.overrun, 37 * READ_PER_PACKET);
	CHECK_EQ(c.next_record, got + c.overrun);
	cairn_ring_reader_close(&c);
}

TEST(a_reader_opened_late_counts_from_what_was_consumed)
{
	struct cairn_ring_reader c;

	read_start(65536, CAIRN_OVERWRITE);
	read_emit(0, 2 * READ_PER_PACKET + 1);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	CHECK_EQ(read_records(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf))),
		 READ_PER_PACKET);
	cairn_ring_reader_close(&c);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 2), 0); /* goes on where the first one stopped */
	CHECK_EQ(read_records(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf))),
		 READ_PER_PACKET);
	CHECK_EQ(c.overrun, 0);
	cairn_ring_reader_close(&c);
}

TEST(in_discard_mode_the_writer_waits_for_the_reader_and_counts)
{
	struct cairn_ring_reader c;
	unsigned lost;

	read_start(16384, CAIRN_DISCARD);
	read_emit(0, 10 * READ_PER_PACKET);
	lost = 6 * READ_PER_PACKET;
	CHECK_EQ(test_ring(0)->lost[CAIRN_LOST_FULL], lost);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	CHECK_EQ(read_records(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf))),
		 READ_PER_PACKET);
	cairn_flush(); /* one packet is free: the open one is closed, the next one opened */
	read_emit(4 * READ_PER_PACKET, 2);
	CHECK_EQ(test_ring(0)->lost[CAIRN_LOST_FULL], lost);
	cairn_flush(); /* none is free: nothing happens, nothing is lost */
	CHECK_EQ(test_ring(0)->lost[CAIRN_LOST_FULL], lost);
	while (cairn_ring_reader_read(&c, read_buf, sizeof(read_buf)) > 0)
		read_records((int64_t)(((struct cairn_packet_header *)read_buf)->content_bits / 8));
	cairn_flush();
	CHECK_EQ(read_records(cairn_ring_reader_read(&c, read_buf, sizeof(read_buf))), 2);
	CHECK_EQ(read_next, 4 * READ_PER_PACKET + 2);
	CHECK_EQ(c.overrun, 0);
	cairn_ring_reader_close(&c);
}

TEST(one_reader_at_a_time_and_a_dead_one_can_be_succeeded)
{
	struct cairn_ring_reader c, d;

	read_start(65536, CAIRN_OVERWRITE);
	CHECK_EQ(cairn_ring_reader_open(&c, 1, 1), CAIRN_EINVAL);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 0), CAIRN_EINVAL);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 11), 0);
	CHECK_EQ(cairn_ring_reader_open(&d, 0, 12), CAIRN_EBUSY);
	CHECK_EQ(cairn_ring_reader_take_over(&d, 0, 12, 13), CAIRN_EBUSY);
	CHECK_EQ(cairn_ring_reader_take_over(&d, 0, 12, 11), 0);
	cairn_ring_reader_close(&d);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 11), 0);
	CHECK_EQ(cairn_ring_reader_read(&c, read_buf, 4095), CAIRN_ERANGE);
	cairn_ring_reader_close(&c);
}

TEST(a_hostile_consumed_costs_the_reader_its_data_and_nothing_else)
{
	static const uint64_t evil[] = {
		1, 4095, 4096 * 5 + 17, 1ull << 47, (1ull << 48) - 1, ~0ull, 0x5555555555555555u};
	struct cairn_ring_reader c;
	unsigned i, mode;

	for (mode = 0; mode < 2; mode++) {
		for (i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
			int64_t n;
			unsigned turns = 0;

			read_start(16384, (enum cairn_mode)mode);
			read_emit(0, 10 * READ_PER_PACKET);
			CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
			test_ring(0)->consumed = evil[i];
			read_emit(0, 3 * READ_PER_PACKET);
			while ((n = cairn_ring_reader_read(&c, read_buf, sizeof(read_buf))) > 0 &&
			       turns++ < 10)
				CHECK_LE(n, 4096);
			CHECK_EQ(n, CAIRN_EAGAIN);
			cairn_ring_reader_close(&c);
		}
	}
}

CHECK_MAIN()
