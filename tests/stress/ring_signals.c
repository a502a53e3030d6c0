/* SPDX-License-Identifier: MIT */
/*
 * Rings on real CPUs: threads write, signals interrupt them and write too, signals interrupt the
 * handlers, and another thread reads all the time, as docs/ring.md says readers do. Every record
 * carries who wrote it, its number and a sum; at the end nothing may be missing that is not
 * accounted for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

#include "cairn/cairn.h"
#include "check.h"

#define NR_WRITERS 2u
#define NR_LEVELS  3u /* the thread, SIGUSR1, SIGUSR2 */
#define RECORD_ID  1000u
#define MAX_PACKET 16384u

struct payload {
	uint32_t sum; /* of all that follows */
	uint32_t writer, level, number, words;
	uint32_t data[16];
};

struct writer {
	pthread_t thread;
	unsigned index;
	struct cairn_ring *ring;
	uint64_t lost0, total0;                       /* the stream's counts before this test */
	uint64_t kept[NR_LEVELS], refused[NR_LEVELS]; /* each changed by its level alone */
	uint64_t calls_of_handlers;
};

static struct writer writers[NR_WRITERS];
static _Thread_local struct writer *self;
static int running, ready, reading;
static enum cairn_mode mode;

/* A small region, in a folder of its own, before the port's constructor looks. */
static char folder[] = "/tmp/cairn-stress-XXXXXX";

__attribute__((constructor(101))) static void configure(void)
{
	if (!mkdtemp(folder))
		abort();
	setenv("CAIRN_DIR", folder, 1);
	setenv("CAIRN_RING_KB", "128", 1);
	unsetenv("CAIRN_TRACE");
	unsetenv("CAIRN_MODE");
}

__attribute__((destructor(101))) static void clean(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		perror(command);
}

static uint32_t payload_sum(const struct payload *p)
{
	uint32_t sum = p->writer * 31 + p->level * 17 + p->number * 13 + p->words, i;

	for (i = 0; i < p->words; i++)
		sum = sum * 5 + p->data[i];
	return sum;
}

static void emit(unsigned level)
{
	uint32_t number = (uint32_t)self->kept[level], words = number % 17, i;
	struct cairn_slot slot;
	struct payload *p = cairn_reserve(&slot, RECORD_ID, 20 + 4 * words);

	if (!p) {
		self->refused[level]++;
		return;
	}
	p->writer = self->index;
	p->level = level;
	p->number = number;
	p->words = words;
	for (i = 0; i < words; i++)
		p->data[i] = number * 7 + i + level;
	p->sum = payload_sum(p);
	cairn_commit(&slot);
	self->kept[level]++;
}

static void on_signal(int sig)
{
	unsigned level = sig == SIGUSR1 ? 1 : 2, i;
	int saved = errno;

	if (self) {
		self->calls_of_handlers++;
		for (i = 0; i < 1 + self->kept[level] % 5; i++)
			emit(level);
	}
	errno = saved;
}

static void *write_all(void *arg)
{
	struct writer *me = arg;

	me->ring = cairn_ring_current();
	if (!me->ring) {
		CHECK_MSG(false, "no stream");
		return NULL;
	}
	me->ring->mode = (uint32_t)mode;
	me->ring->consumed = me->ring->committed & CAIRN_POS_MASK;
	me->lost0 = cairn_ring_lost(me->ring);
	me->total0 = me->ring->events_total + (me->ring->committed >> CAIRN_POS_BITS);
	self = me;
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&running, __ATOMIC_RELAXED))
		emit(0);
	__atomic_fetch_sub(&ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) >=
	       0) /* until the signals have stopped: nobody exits under them */
		sched_yield();
	self = NULL;
	return NULL;
}

/* ---- reading ---- */

static const char *packets_of(const struct cairn_ring *r)
{
	size_t bytes;

	return (const char *)cairn_region(&bytes) + r->packets_offset;
}

/* The copy may race with the writer: that is what validation is for. */
__attribute__((no_sanitize("thread", "address"))) static void
copy_words(uint64_t *to, const volatile uint64_t *from, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes / 8; i++)
		to[i] = from[i];
}

struct seen {
	uint64_t records;
	uint64_t copies, thrown_away;
	uint64_t next[NR_LEVELS];
	bool any[NR_LEVELS];
};

/* Parse the bytes `off` .. `content` of a packet; numbers of a level follow each other. Returns the
 * number of records. */
static uint64_t parse(const struct cairn_packet_header *h, uint64_t off, uint64_t content,
		      const struct writer *me, struct seen *seen)
{
	uint64_t n = 0, t = h->ts_begin;

	if (off < CAIRN_PACKET_HEADER_BYTES)
		off = CAIRN_PACKET_HEADER_BYTES;
	for (; off < content; n++) {
		const char *at = (const char *)h + off;
		struct payload p;
		uint64_t head, delta;

		CHECK_GE(content - off, 32);
		memcpy(&head, at, 8);
		delta = (head - t) & CAIRN_TS_MASK;
		if (!(head >> 48 == RECORD_ID && delta < (uint64_t)1 << 40)) {
			CHECK_MSG(false,
				  "packet %" PRIu64 " offset %" PRIu64 ": head %" PRIx64
				  " after %" PRIx64,
				  h->seq, off, head, t);
			return n;
		}
		t += delta;
		memcpy(&p, at + CAIRN_RECORD_HEADER_BYTES, 20);
		if (p.writer != me->index || p.level >= NR_LEVELS || p.words > 16 ||
		    off + 32 + 4 * p.words > content) {
			CHECK_MSG(false,
				  "packet %" PRIu64 " offset %" PRIu64
				  ": writer %u level %u words %u",
				  h->seq, off, p.writer, p.level, p.words);
			return n;
		}
		memcpy(p.data, at + 32, 4 * p.words);
		CHECK_EQ(p.sum, payload_sum(&p));
		if (seen->any[p.level])
			CHECK_EQ(p.number, seen->next[p.level]);
		seen->any[p.level] = true;
		seen->next[p.level] = p.number + 1;
		off += 32 + 4 * p.words;
	}
	CHECK_EQ(off, content);
	return n;
}

/* The snapshot reader: copy, then validate. Returns whether the packet was had. */
static bool snapshot(const struct writer *me, uint64_t back, struct seen *seen)
{
	static _Thread_local union {
		uint64_t words[MAX_PACKET / 8];
		struct cairn_packet_header h;
	} copy;
	struct cairn_ring *r = me->ring;
	uint64_t packet = r->pkt_mask + 1, c = cairn_load64_acquire(&r->committed);
	uint64_t start = (c & CAIRN_POS_MASK & ~r->pkt_mask) - back * packet, content;
	const struct cairn_packet_header *h =
		(const void *)(packets_of(r) + (start & r->ring_mask));
	uint64_t wanted = start / packet; /* far from the wrap of positions */
	struct seen now = {0};

	if ((int64_t)start < 0 || cairn_load64_acquire(&h->seq) != wanted)
		return false;
	copy_words(copy.words, (const volatile uint64_t *)(const void *)h, packet);
	cairn_fence_acquire();
	seen->copies++;
	if (cairn_load64(&h->seq) != wanted) {
		seen->thrown_away++;
		return false;
	}
	content = back ? copy.h.content_bits / 8 : c & r->pkt_mask;
	CHECK_EQ(copy.h.seq, wanted);
	CHECK_LE(content, packet - 4);
	parse(&copy.h, 0, content, me, &now);
	return true;
}

static void *read_snapshots(void *arg)
{
	struct seen *seen = arg;
	unsigned i;
	uint64_t back;

	while (__atomic_load_n(&reading, __ATOMIC_RELAXED))
		for (i = 0; i < NR_WRITERS; i++)
			for (back = 0; back < 8; back++)
				snapshot(&writers[i], back, &seen[i]);
	return NULL;
}

/* The zero-copy reader of discard mode. */
static bool consume(const struct writer *me, struct seen *seen)
{
	struct cairn_ring *r = me->ring;
	uint64_t c = cairn_load64_acquire(&r->committed), packet = r->pkt_mask + 1;
	uint64_t from = r->consumed, s = from & CAIRN_POS_MASK & ~r->pkt_mask;
	const struct cairn_packet_header *h = (const void *)(packets_of(r) + (s & r->ring_mask));

	if (cairn_pos_diff(c, s) <= (int64_t)packet)
		return false;
	CHECK_EQ(cairn_load64(&h->seq), s / packet);
	seen->records += parse(h, from & r->pkt_mask, h->content_bits / 8, me, seen);
	cairn_store64_release(&r->consumed, s + packet);
	return true;
}

static void *read_packets(void *arg)
{
	struct seen *seen = arg;
	unsigned i;

	while (__atomic_load_n(&reading, __ATOMIC_RELAXED))
		for (i = 0; i < NR_WRITERS; i++)
			while (consume(&writers[i], &seen[i]))
				;
	return NULL;
}

/* ---- a run ---- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Interrupt the writers for a while, in bursts and with pauses, both levels. */
static void send_signals(uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	while (now_ns() < end) {
		uint64_t r = check_rand();
		struct timespec pause = {.tv_nsec = (long)(r >> 32) % 20000};

		pthread_kill(writers[r % NR_WRITERS].thread, r & 256 ? SIGUSR1 : SIGUSR2);
		if (r & 512)
			pthread_kill(writers[r % NR_WRITERS].thread, r & 256 ? SIGUSR2 : SIGUSR1);
		if (r & 1024)
			nanosleep(&pause, NULL);
	}
}

static void run(enum cairn_mode m, void *(*reader)(void *), struct seen *seen)
{
	static const int signals[] = {SIGUSR1, SIGUSR2};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pthread_t reader_thread;
	const char *s = getenv("CAIRN_LONG");
	unsigned i;

	for (i = 0; i < 2; i++)
		sigaction(signals[i], &action, NULL);
	mode = m;
	running = reading = 1;
	ready = 0;
	memset(writers, 0, sizeof(writers));
	for (i = 0; i < NR_WRITERS; i++) {
		writers[i].index = i;
		CHECK_EQ(pthread_create(&writers[i].thread, NULL, write_all, &writers[i]), 0);
	}
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) != (int)NR_WRITERS)
		sched_yield();
	CHECK_EQ(pthread_create(&reader_thread, NULL, reader, seen), 0);
	send_signals(s && *s && *s != '0' ? 60000000000u : 1500000000u);
	__atomic_store_n(&running, 0, __ATOMIC_RELAXED);
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) != 0)
		sched_yield();
	__atomic_store_n(&ready, -1, __ATOMIC_SEQ_CST);
	for (i = 0; i < NR_WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	__atomic_store_n(&reading, 0, __ATOMIC_RELAXED);
	pthread_join(reader_thread, NULL);
}

static uint64_t sum_of(const uint64_t *v)
{
	return v[0] + v[1] + v[2];
}

/* emitted = kept + lost, kept = what the ring has counted */
static void check_sums(const struct writer *me)
{
	const struct cairn_ring *r = me->ring;

	CHECK_EQ(r->pos, r->committed);
	CHECK_EQ(cairn_ring_lost(r) - me->lost0, sum_of(me->refused));
	CHECK_EQ(r->events_total + (r->committed >> CAIRN_POS_BITS) - me->total0, sum_of(me->kept));
	CHECK_GT(me->calls_of_handlers, 0);
	CHECK_GT(me->kept[0], 0);
	CHECK_GT(me->kept[1], 0);
	CHECK_GT(me->kept[2], 0);
}

TEST(snapshots_hold_only_whole_records_while_signals_interrupt)
{
	struct seen seen[NR_WRITERS] = {{0}};
	unsigned i;

	run(CAIRN_OVERWRITE, read_snapshots, seen);
	for (i = 0; i < NR_WRITERS; i++) {
		const struct writer *me = &writers[i];
		const struct cairn_ring *r = me->ring;
		uint64_t n = (r->ring_mask + 1) / (r->pkt_mask + 1),
			 last = (r->committed & CAIRN_POS_MASK) / (r->pkt_mask + 1), back,
			 decoded = 0, before = 0;
		struct seen final = {0};

		check_sums(me);
		CHECK_GT(seen[i].copies, 0);
		for (back = n; back-- > 0;) {
			const struct cairn_packet_header *h;

			if (back > last)
				continue;
			h = (const void *)(packets_of(r) + (last - back) % n * (r->pkt_mask + 1));
			if (h->seq != last - back)
				continue;
			if (decoded == 0)
				before = h->events_before;
			else
				CHECK_EQ(h->events_before, before + decoded);
			decoded += parse(h, 0, h->content_bits / 8, me, &final);
		}
		/* emitted == decoded + lost + overwritten, in a stream that had total0 records
		 * before */
		CHECK_EQ(sum_of(me->kept) + me->total0, before + decoded);
		printf("# writer %u: %" PRIu64 " records, of them %" PRIu64 " in %" PRIu64
		       " signals; %" PRIu64 " lost, %" PRIu64 " overwritten; %" PRIu64
		       " copies, %" PRIu64 " thrown away\n",
		       i, sum_of(me->kept), me->kept[1] + me->kept[2], me->calls_of_handlers,
		       sum_of(me->refused), before - me->total0, seen[i].copies,
		       seen[i].thrown_away);
	}
}

TEST(consumer_takes_every_record_of_discard_mode)
{
	struct seen seen[NR_WRITERS] = {{0}};
	unsigned i;

	run(CAIRN_DISCARD, read_packets, seen);
	for (i = 0; i < NR_WRITERS; i++) {
		const struct writer *me = &writers[i];
		const struct cairn_ring *r = me->ring;

		check_sums(me);
		CHECK_GT(seen[i].records, 0);
		while (consume(me, &seen[i]))
			;
		if (cairn_pos_diff(r->committed, r->consumed) > 0)
			seen[i].records +=
				parse((const void *)(packets_of(r) +
						     (r->consumed & r->ring_mask & ~r->pkt_mask)),
				      r->consumed & r->pkt_mask, r->committed & r->pkt_mask, me,
				      &seen[i]);
		CHECK_EQ(seen[i].records, sum_of(me->kept));
		printf("# writer %u: %" PRIu64 " records, of them %" PRIu64 " in %" PRIu64
		       " signals; %" PRIu64 " lost (full %" PRIu64 "); %" PRIu64 " consumed\n",
		       i, sum_of(me->kept), me->kept[1] + me->kept[2], me->calls_of_handlers,
		       sum_of(me->refused), r->lost[CAIRN_LOST_FULL], seen[i].records);
	}
}

CHECK_MAIN()
