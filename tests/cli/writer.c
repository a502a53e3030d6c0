/* SPDX-License-Identifier: MIT */
/*
 * Writes into the region that `mkregion.py live` made, as a running target does: one thread a ring,
 * no nesting, in the order of stores that docs/ring.md asks for. Each record's payload carries its
 * number. Prints, once a ring, `cpu emitted`.
 *
 *	writer FILE EVENTS PAUSE_NS [keep]      `keep`: do not say that the target stopped
 */
#include <cairn/layout.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WRITER_EVENT 22u /* timer:tick of mkregion.py */
#define WRITER_BYTES 24u

static uint8_t *region;
static uint64_t nr_events, pause_ns;

static uint64_t writer_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void writer_st(uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

static struct cairn_packet_header *writer_header(struct cairn_ring *r, uint64_t pos)
{
	return (void *)(region + r->packets_offset + (pos & r->ring_mask & ~r->pkt_mask));
}

static void writer_open(struct cairn_ring *r, uint64_t *pos, uint64_t *count, uint64_t ts)
{
	uint64_t off = *pos & r->pkt_mask, packet = r->pkt_mask + 1;
	uint64_t next = off ? *pos - off + packet : *pos;
	struct cairn_packet_header *h = writer_header(r, next);
	struct cairn_closed *closed = (void *)(region + r->closed_offset);
	uint64_t seq = next / packet, n = (r->ring_mask + 1) / packet;

	writer_st(&h->seq, CAIRN_SEQ_INVALID);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	writer_st(&r->pos, next + CAIRN_PACKET_HEADER_BYTES);
	if (off) {
		struct cairn_packet_header *old = writer_header(r, *pos);
		writer_st(&closed[(seq - 1) % n].end, *pos | *count << CAIRN_POS_BITS);
		writer_st(&closed[(seq - 1) % n].ts_close, ts);
		writer_st(&old->ts_end, ts);
	}
	writer_st(&h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8);
	writer_st(&h->ts_begin, ts);
	writer_st(&h->ts_end, ts);
	__atomic_store_n(&h->seq, seq, __ATOMIC_RELEASE);
	writer_st(&r->seq_hint, seq);
	writer_st(&r->events_total, r->events_total + *count);
	writer_st(&h->events_before, r->events_total);
	*pos = next + CAIRN_PACKET_HEADER_BYTES;
	*count = 0;
	__atomic_store_n(&r->committed, *pos, __ATOMIC_RELEASE);
}

static void *writer_thread(void *arg)
{
	struct cairn_ring *r = arg;
	uint64_t pos = 0, count = 0;

	for (uint64_t i = 0; i < nr_events; i++) {
		uint64_t ts = writer_clock();
		uint64_t off = pos & r->pkt_mask;
		if (off == 0 || off + WRITER_BYTES > r->pkt_mask + 1 - 4)
			writer_open(r, &pos, &count, ts);
		uint64_t *p = (void *)(region + r->packets_offset + (pos & r->ring_mask));
		uint32_t words[4] = {(uint32_t)i, (uint32_t)(i >> 32), r->cpu, 0};
		struct cairn_packet_header *h = writer_header(r, pos);
		writer_st(&r->pos, (pos + WRITER_BYTES) | (count + 1) << CAIRN_POS_BITS);
		uint64_t head = (ts & CAIRN_TS_MASK) | (uint64_t)WRITER_EVENT << CAIRN_TS_BITS;
		uint32_t task = 7;
		memcpy(p, &head, 8);
		memcpy((uint8_t *)p + 8, &task, 4);
		memcpy((uint8_t *)p + 12, words, WRITER_BYTES - 12);
		pos += WRITER_BYTES;
		count++;
		writer_st(&h->ts_end, ts);
		writer_st(&h->content_bits, (pos & r->pkt_mask) * 8);
		__atomic_store_n(&r->committed, pos | count << CAIRN_POS_BITS, __ATOMIC_RELEASE);
		while (pause_ns && writer_clock() - ts < pause_ns)
			;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct stat st;
	pthread_t threads[2];

	if (argc < 4)
		return 2;
	int fd = open(argv[1], O_RDWR);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 1;
	region = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (region == MAP_FAILED)
		return 1;
	nr_events = strtoull(argv[2], NULL, 10);
	pause_ns = strtoull(argv[3], NULL, 10);
	struct cairn_superblock *sb = (void *)region;
	struct cairn_ring *rings = NULL;
	struct cairn_state *state = NULL;
	for (uint32_t i = 0; i < sb->nr_sections; i++) {
		if (sb->sections[i].type == CAIRN_SECTION_RINGS)
			rings = (void *)(region + sb->sections[i].offset);
		if (sb->sections[i].type == CAIRN_SECTION_STATE)
			state = (void *)(region + sb->sections[i].offset);
	}
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, writer_thread, &rings[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 2; i++)
		printf("%d %llu\n", i, (unsigned long long)nr_events);
	if (argc < 5)
		__atomic_store_n(&state->flags, CAIRN_STATE_STOPPED, __ATOMIC_RELEASE);
	return 0;
}
