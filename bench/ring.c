/* SPDX-License-Identifier: MIT */
/* What happens once a packet, and what a reader gets out of the rings from outside. */
#define _GNU_SOURCE
#include "bench.h"
#include "events.h"

#include "reader/reader.h"

#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- packet_open ---- */

/* Records whose payload nobody writes: reserve and commit alone. */
static void blank_records(uint64_t n, uint32_t bytes)
{
	struct cairn_slot slot;
	uint64_t i;

	for (i = 0; i < n; i++) {
		if (cairn_reserve(&slot, cairn_event_two.id, bytes))
			cairn_commit(&slot);
	}
}

BENCH_LOOP static void blank_small(uint64_t n, unsigned thread)
{
	(void)thread;
	blank_records(n, 16);
}

BENCH_LOOP static void blank_large(uint64_t n, unsigned thread)
{
	(void)thread;
	blank_records(n, CAIRN_RECORD_MAX);
}

/* How much longer a record takes that opens a packet: large records against as many small ones, by the packets that they opened. */
static double packet_open_ns(uint64_t n)
{
	struct cairn_ring *r = cairn_ring_current();
	double small = bench_ns(blank_small, n, 1) * (double)n, large;
	uint64_t seq, start, small_packets = n * 28 / (r->pkt_mask + 1);

	seq = r->seq_hint;
	start = bench_now();
	blank_large(n, 0);
	large = (double)(bench_now() - start);
	return (large - small) / (double)(r->seq_hint - seq - small_packets);
}

/* ---- snapshot_mb_s ---- */

#define SNAPSHOT_STREAMS 32

static struct cairn_reader *snapshot_reader;
static char *snapshot_copy; /* of all packets of all streams */
static pthread_barrier_t snapshot_filled;

static void fill_own(void *arg)
{
	uint64_t i;

	(void)arg;
	for (i = 0; i < BENCH_RING_BYTES / 16; i++)
		cairn_trace_two(i, i);
}

/* Lives as long as the program: a stream that nobody holds would be had by the threads that are to share (share.c). */
static void *fill_and_stay(void *arg)
{
	fill_own(arg);
	pthread_barrier_wait(&snapshot_filled);
	for (;;)
		pause();
	return NULL;
}

/* This thread's, the second's, and those of as many more as there are streams (CAIRN_STREAMS). */
static void fill_streams(void)
{
	unsigned i;
	pthread_t id;

	bench_worker_start(BENCH_SECOND);
	bench_worker_ask(BENCH_SECOND, fill_own, NULL);
	bench_worker_wait(BENCH_SECOND);
	if (pthread_barrier_init(&snapshot_filled, NULL, SNAPSHOT_STREAMS - 1))
		bench_fail("no barrier");
	for (i = 2; i < SNAPSHOT_STREAMS; i++) {
		if (pthread_create(&id, NULL, fill_and_stay, NULL) || pthread_detach(id))
			bench_fail("cannot start thread %u", i);
	}
	pthread_barrier_wait(&snapshot_filled);
	blank_records(BENCH_RING_BYTES / 16, 16); /* and this thread's */
}

static void say_fault(void *ctx, const struct cairn_fault *f)
{
	(void)ctx;
	fprintf(stderr, "bench: reader: %s\n", f->what);
}

static const struct cairn_sink faults = {say_fault, NULL};

/* This process's own region, as any other process would open it. */
static void open_own_region(void)
{
	const char *dir = getenv("CAIRN_DIR");
	struct cairn_fault why;
	char pattern[256];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*.%d.*.cairn", dir ? dir : ".", (int)getpid());
	if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1)
		bench_fail("not exactly one file %s; is CAIRN_DIR set?", pattern);
	if (cairn_reader_open(&snapshot_reader, found.gl_pathv[0], &faults, &why))
		bench_fail("cannot read %s: %s", found.gl_pathv[0], why.what);
	globfree(&found);
}

void bench_ring_begin(void)
{
	fill_streams();
	open_own_region();
	snapshot_copy = malloc((size_t)SNAPSHOT_STREAMS * BENCH_RING_BYTES);
	if (!snapshot_copy)
		bench_fail("no memory for a snapshot");
}

/* Copy and validate all packets of all streams; returns their bytes. */
static uint64_t take_snapshot(struct cairn_image *im)
{
	uint64_t bytes = 0;
	unsigned i;

	for (i = 0; i < SNAPSHOT_STREAMS; i++) {
		struct cairn_reader_stream st;
		struct cairn_fault why;
		uint64_t seq;

		if (cairn_reader_stream_load(im, i, &st, &why) != 1)
			bench_fail("stream %u cannot be read", i);
		for (seq = st.first_seq; seq < st.first_seq + st.nr_places; seq++) {
			uint64_t at = st.cb.packets_offset + seq % st.nr_slots * st.packet_bytes;
			struct cairn_reader_packet p = {.bytes = (uint8_t *)snapshot_copy + bytes};

			if (cairn_reader_packet_read(&st, seq, at, &p, &faults) !=
				    CAIRN_READER_OK ||
			    p.damaged)
				bench_fail("stream %u: packet cannot be read", i);
			bytes += st.packet_bytes;
		}
	}
	return bytes;
}

static double snapshot_mb_s(uint64_t n)
{
	uint64_t start = bench_now(), bytes = 0, i;

	for (i = 0; i < n; i++)
		bytes += take_snapshot(&snapshot_reader->images[0]);
	return (double)bytes * 1e3 / (double)(bench_now() - start);
}

/* ---- consume_mb_s ---- */

/* A ring's worth of events, not in the time, then all packets of it that are complete. */
static double consume_mb_s(uint64_t n)
{
	static uint64_t packet[CAIRN_PACKET_MAX / 8];
	unsigned ring = cairn_port_cpu();
	struct cairn_ring_reader reader;
	uint64_t ns = 0, bytes = 0, i;

	for (i = 0; i < n; i++) {
		uint64_t start;
		int64_t got;

		blank_records(BENCH_RING_BYTES / 28, 16);
		start = bench_now();
		if (cairn_ring_reader_open(&reader, ring, 1))
			bench_fail("the ring of this thread cannot be read");
		while ((got = cairn_ring_reader_read(&reader, packet, sizeof(packet))) > 0)
			bytes += (uint64_t)got;
		cairn_ring_reader_close(&reader);
		ns += bench_now() - start;
	}
	return (double)bytes * 1e3 / (double)ns;
}

const struct bench_row bench_ring_rows[] = {
	{"packet_open", "ns", "floor", 20000, NULL, 0, packet_open_ns},
	{"snapshot_mb_s", "MB/s", NULL, 5, NULL, 0, snapshot_mb_s},
	{"consume_mb_s", "MB/s", NULL, 50, NULL, 0, consume_mb_s},
	{NULL, NULL, NULL, 0, NULL, 0, NULL},
};
