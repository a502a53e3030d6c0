/* SPDX-License-Identifier: MIT */
/*
 * The target's own reader, the shipped core/read.c, on another CPU than the writer. Between any two of its accesses the writer may write, with
 * writers nested in it; and each of its loads may return any value that the orders in the code allow, not only the newest one.
 *
 * The model: a *message* is one store. Messages of a thread are numbered in program order; a *view* tells, for each thread, below which number
 * all its messages are known. A message carries the view of its thread at the time of the store if it is a release, else that at the
 * thread's last release fence. A load may return the newest message of its word that its thread knows of, or any later one; it never goes back
 * behind what it has returned from this word. An acquire takes over the view of what was loaded, at once or at the next acquire fence. So every state in
 * the middle of a write is seen too: the write has happened, and the reader has not noticed all of it.
 * A load is never late for a store that follows it; that this needs consumed:A is shown by consume.pml, here it is checked as a rule.
 *
 * Checked: R1 to R3 of core/read.c, each record is handed out once by readers that claim the ring after one another, and in the end
 * handed out + overwritten + unread + lost = emitted.
 */
#include "world.h"

#define CONSUMER_THREADS  4u /* the writer, two readers after one another, somebody hostile */
#define CONSUMER_WRITER   0u
#define CONSUMER_HOSTILE  3u
#define CONSUMER_WORDS    (WORLD_MAX_PACKETS * WORLD_MAX_PACKET_BYTES / 4)
#define CONSUMER_CLOSED   CONSUMER_WORDS
#define CONSUMER_WORD(n)  (CONSUMER_WORDS + WORLD_MAX_PACKETS + (n))
#define CONSUMER_NR_WORDS CONSUMER_WORD(5)
#define CONSUMER_MESSAGES 64u
#define CONSUMER_ACCESSES 4000u
#define CONSUMER_BEHIND   0xbe41bd0000000000u /* the word behind a reader's buffer */

static bool consumer_claim(volatile uint64_t *p, uint64_t *expected, uint64_t v, int order);

#define __atomic_compare_exchange_n(p, expected, v, weak, order, failed) \
	consumer_claim(p, expected, v, order)
#include "core/read.c"
#undef __atomic_compare_exchange_n

struct cairn_image cairn_image;

#if __has_include("core/buffer.h") /* several buffers: here there is one */
struct cairn_ring **cairn_buffer_slot(unsigned buffer, unsigned cpu)
{
	(void)buffer;
	return &world_rings.at[cpu];
}

struct cairn_ring *cairn_buffer_snapshot_ring(unsigned buffer, unsigned cpu)
{
	(void)buffer;
	(void)cpu;
	return NULL;
}

#define CONSUMER_WANTED(r, open, at) \
	read_wanted(r, &(struct read_extent){at, open, open, false}, (r)->consumed)
#else
#define CONSUMER_WANTED(r, open, at) read_wanted(r, open, at)
#endif

struct consumer_view {
	uint32_t below[CONSUMER_THREADS];
};

struct consumer_message {
	uint32_t thread, number;
	struct consumer_view view;
	uint64_t value;
};

static struct consumer_history {
	uint32_t nr;
	struct consumer_message m[CONSUMER_MESSAGES];
} consumer_histories[CONSUMER_NR_WORDS];

static struct consumer_thread {
	uint32_t next;
	struct consumer_view knows, loaded,
		fenced; /* now; at the next acquire fence; at the last release fence */
	uint32_t seen[CONSUMER_NR_WORDS];
} consumer_threads[CONSUMER_THREADS];

static char consumer_shadow[WORLD_MAX_PACKETS * WORLD_MAX_PACKET_BYTES];

/* What happens at an access: `writes` records are written, a further one interrupts the first at its point `nested`; or consumed is forged. */
struct consumer_event {
	unsigned writes;
	uint32_t nested; /* ~0: none */
	bool forged;
	uint64_t consumed;
};

struct consumer_scenario {
	struct world_shape shape;
	unsigned prepared;
	uint32_t bytes; /* of payload of the prepared records: 4, or 24, which fills a packet */
	bool hostile;
	const char *name;
};

/* One run: where the event happens, which load returns something unusual. */
static struct {
	const struct consumer_scenario *s;
	uint32_t at;
	struct consumer_event event;
	bool oldest;          /* loads return the oldest possible value, instead of the newest */
	uint32_t odd, choice; /* but access `odd`, which returns possibility `choice` */

	uint32_t thread, accesses, end;
	bool all_known; /* the last reader, which finds everything: no more choices and events */
	uint8_t choices[CONSUMER_ACCESSES];
	uint64_t last_seq; /* number that it found in a slot, last */
	uint64_t handed, gaps,
		next; /* records handed out, overwritten unread, and number of the next one */
} consumer;

static uint64_t consumer_runs, consumer_packets, consumer_overruns, consumer_stale;

/* ---- memory ---- */

static uint32_t consumer_word(const volatile void *p)
{
	uintptr_t off = (uintptr_t)p - (uintptr_t)w.packets,
		  closed = (uintptr_t)p - (uintptr_t)w.closed;

	if (off < sizeof(w.packets))
		return (uint32_t)off / 4;
	if (closed < sizeof(w.closed) &&
	    closed % sizeof(w.closed[0]) == offsetof(struct cairn_closed, end))
		return CONSUMER_CLOSED + (uint32_t)(closed / sizeof(w.closed[0]));
	return p == &w.ring.committed      ? CONSUMER_WORD(0)
	       : p == &w.ring.seq_hint     ? CONSUMER_WORD(1)
	       : p == &w.ring.consumed     ? CONSUMER_WORD(2)
	       : p == &w.ring.reader       ? CONSUMER_WORD(3)
	       : p == &w.ring.events_total ? CONSUMER_WORD(4)
					   : CONSUMER_NR_WORDS;
}

static void consumer_join(struct consumer_view *a, const struct consumer_view *b)
{
	for (uint32_t t = 0; t < CONSUMER_THREADS; t++)
		if (a->below[t] < b->below[t])
			a->below[t] = b->below[t];
}

static void consumer_note(uint32_t thread, uint32_t word, uint64_t value, enum cairn_order order)
{
	struct consumer_thread *t = &consumer_threads[thread];
	struct consumer_history *h = &consumer_histories[word];

	if (word == CONSUMER_NR_WORDS)
		return;
	if (h->nr == CONSUMER_MESSAGES)
		world_fail("test", "history of word %u is full", word);
	t->knows.below[thread] = t->next + 1;
	h->m[h->nr] = (struct consumer_message){
		thread, t->next++, order == CAIRN_RELEASE ? t->knows : t->fenced, value};
	t->seen[word] = h->nr++;
}

/* Plain stores of the writer since its last access: records, one message a word of four bytes. */
static void consumer_note_plain(void)
{
	for (uint32_t slot = 0; slot < w.nr_packets; slot++) {
		size_t at = slot * w.packet_bytes + CAIRN_PACKET_HEADER_BYTES,
		       end = (slot + 1) * w.packet_bytes;

		if (memcmp(consumer_shadow + at, w.packets + at, end - at) == 0)
			continue;
		for (; at < end; at += 4) {
			uint32_t v;

			if (memcmp(consumer_shadow + at, w.packets + at, 4) == 0)
				continue;
			memcpy(&v, w.packets + at, 4);
			memcpy(consumer_shadow + at, &v, 4);
			consumer_note(CONSUMER_WRITER, (uint32_t)at / 4, v, CAIRN_RELAXED);
		}
	}
}

static void consumer_at_store(const volatile void *p, unsigned bytes, enum cairn_order order)
{
	uint32_t word = consumer_word(p);

	(void)bytes;
	consumer_note_plain();
	if (word != CONSUMER_NR_WORDS)
		consumer_note(CONSUMER_WRITER, word, *(const volatile uint64_t *)p, order);
}

static void consumer_at_fence(enum cairn_order order)
{
	struct consumer_thread *t = &consumer_threads[CONSUMER_WRITER];

	consumer_note_plain();
	if (order == CAIRN_RELEASE || order == CAIRN_FULL)
		t->fenced = t->knows;
}

static void consumer_begin(void)
{
	for (uint32_t i = 0; i < CONSUMER_THREADS; i++)
		memset(&consumer_threads[i], 0, sizeof(consumer_threads[i]));
	memcpy(consumer_shadow, w.packets, sizeof(consumer_shadow));
	for (uint32_t i = 0; i < CONSUMER_NR_WORDS; i++) {
		struct consumer_history *h = &consumer_histories[i];

		h->nr = 1;
		h->m[0] = (struct consumer_message){0};
		if (i <
		    CONSUMER_WORDS) /* words of headers are read as eight bytes, words of records as four */
			memcpy(&h->m[0].value, w.packets + i * 4,
			       i * 4 % w.packet_bytes < CAIRN_PACKET_HEADER_BYTES ? 8 : 4);
	}
	consumer_histories[CONSUMER_WORD(0)].m[0].value = w.ring.committed;
	consumer_histories[CONSUMER_WORD(1)].m[0].value = w.ring.seq_hint;
	consumer_histories[CONSUMER_WORD(2)].m[0].value = w.ring.consumed;
	world_at_store = consumer_at_store;
	world_at_fence = consumer_at_fence;
}

/* ---- the reader's CPU ---- */

static const struct world_foreign consumer_foreign;

static void consumer_happens(void)
{
	const struct consumer_event *e = &consumer.event;

	world_foreign = NULL;
	if (e->forged) {
		w.ring.consumed = e->consumed;
		consumer_note(CONSUMER_HOSTILE, CONSUMER_WORD(2), e->consumed, CAIRN_RELAXED);
	}
	for (unsigned i = 0; i < e->writes; i++) {
		w.nr_script = w.next = w.points = w.accesses = 0;
		if (i == 0 && e->nested != ~0u) {
			w.script[0].at = e->nested;
			w.script[0].action = (struct world_action){ACT_WRITE, 4};
			w.nr_script = 1;
		}
		w.armed = true;
		w.checked_elsewhere = true;
		world_write(4);
		w.armed = false;
		consumer_note_plain();
	}
	world_foreign = &consumer_foreign;
}

static void consumer_access(void)
{
	if (consumer.accesses == CONSUMER_ACCESSES - 1)
		world_fail("progress", "the reader does not come to an end");
	if (consumer.accesses == consumer.at && !consumer.all_known)
		consumer_happens();
	consumer.choices[++consumer.accesses] = 1;
}

static uint64_t consumer_load_word(uint32_t word, enum cairn_order order)
{
	struct consumer_thread *t = &consumer_threads[consumer.thread];
	const struct consumer_history *h = &consumer_histories[word];
	const struct consumer_message *m;
	uint32_t i, first = t->seen[word];

	for (i = h->nr - 1; i > first; i--)
		if (h->m[i].number < t->knows.below[h->m[i].thread])
			break;
	first = i;
	if (consumer.all_known)
		first = h->nr - 1;
	if (h->nr - first > consumer.choices[consumer.accesses])
		consumer.choices[consumer.accesses] = (uint8_t)(h->nr - first);
	i = consumer.oldest ? first : h->nr - 1;
	if (consumer.accesses == consumer.odd) {
		i = first + consumer.choice < h->nr ? first + consumer.choice : h->nr - 1;
		consumer_stale += i + 1 < h->nr;
	}
	m = &h->m[i];
	t->seen[word] = i;
	consumer_join(&t->loaded, &m->view);
	if (order == CAIRN_ACQUIRE)
		consumer_join(&t->knows, &m->view);
	return m->value;
}

static uint64_t consumer_load(const volatile void *p, unsigned bytes, enum cairn_order order)
{
	uint32_t word = consumer_word(p);

	if (word == CONSUMER_NR_WORDS)
		return bytes == 8 ? *(const volatile uint64_t *)p : *(const volatile uint32_t *)p;
	consumer_access();
	if (word < CONSUMER_WORDS && word * 4 % w.packet_bytes >= CAIRN_PACKET_HEADER_BYTES) {
		uint64_t low = consumer_load_word(word, order);

		return low | consumer_load_word(word + 1, order) << 32;
	}
	if (word < CONSUMER_WORDS &&
	    word * 4 % w.packet_bytes == offsetof(struct cairn_packet_header, seq))
		return consumer.last_seq = consumer_load_word(word, order);
	return consumer_load_word(word, order);
}

static void consumer_store(volatile void *p, unsigned bytes, uint64_t v, enum cairn_order order)
{
	uint64_t open = w.ring.committed & CAIRN_POS_MASK & ~w.ring.pkt_mask;

	(void)bytes;
	consumer_access();
	if (p == &w.ring.consumed) {
		WORLD_REQUIRE(order == CAIRN_RELEASE, "consumed:A",
			      "consumed moves before the reader's loads are over");
		WORLD_REQUIRE(cairn_pos_diff(open, v) >= 0, "R3",
			      "consumed %" PRIx64 " beyond packet %" PRIx64, v, open);
		if (!consumer.s->hostile)
			WORLD_REQUIRE(cairn_pos_diff(v, w.ring.consumed) > 0, "R3",
				      "consumed goes from %" PRIx64 " to %" PRIx64, w.ring.consumed,
				      v);
	} else {
		WORLD_REQUIRE(p == &w.ring.reader, "R3", "the reader stores to %p",
			      (const volatile void *)p);
	}
	*(volatile uint64_t *)p = v;
	consumer_note(consumer.thread, consumer_word(p), v, order);
}

static void consumer_fence(enum cairn_order order)
{
	struct consumer_thread *t = &consumer_threads[consumer.thread];

	if (order != CAIRN_RELEASE)
		consumer_join(&t->knows, &t->loaded);
	if (order != CAIRN_ACQUIRE)
		t->fenced = t->knows;
}

static const struct world_foreign consumer_foreign = {consumer_load, consumer_store,
						      consumer_fence};

/* A swap finds the newest value, whatever its order. */
static bool consumer_claim(volatile uint64_t *p, uint64_t *expected, uint64_t v, int order)
{
	struct consumer_thread *t = &consumer_threads[consumer.thread];
	uint32_t word = consumer_word(p);
	const struct consumer_history *h = &consumer_histories[word];

	if (world_foreign)
		consumer_access();
	if (*p != *expected) {
		*expected = *p;
		return false;
	}
	consumer_join(&t->loaded, &h->m[h->nr - 1].view);
	if (order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST)
		consumer_join(&t->knows, &h->m[h->nr - 1].view);
	*p = v;
	if (world_foreign)
		consumer_note(consumer.thread, word, v, CAIRN_RELAXED);
	return true;
}

/* ---- a run ---- */

/* R1 and R2, of the packet in `buf`. */
static void consumer_check(const uint64_t *buf, int64_t bytes, const struct cairn_ring_reader *c,
			   uint64_t overrun)
{
	const struct cairn_packet_header *h = (const void *)buf;
	const struct world_packet *a = world_about(h->seq);
	uint64_t records;

	WORLD_REQUIRE(h->seq >= w.first_packet && h->seq < w.packet && a->closed, "R1",
		      "packet %" PRIu64 " handed out of %" PRIu64 "..%" PRIu64, h->seq,
		      w.first_packet, w.packet);
	WORLD_REQUIRE((uint64_t)bytes == a->end && h->content_bits == a->end * 8, "R1",
		      "packet %" PRIu64 ": %" PRId64 " of %" PRIu64 " bytes", h->seq, bytes,
		      a->end);
	records = world_parse(h);
	WORLD_REQUIRE(h->events_before == a->before && records == a->records, "R1",
		      "packet %" PRIu64 ": %" PRIu64 " records behind %" PRIu64
		      ", in truth %" PRIu64 " behind %" PRIu64,
		      h->seq, records, h->events_before, a->records, a->before);
	WORLD_REQUIRE(h->events_discarded >= a->lost_min && h->events_discarded <= a->lost_max,
		      "R1", "packet %" PRIu64 ": %" PRIu64 " discarded", h->seq,
		      h->events_discarded);
	WORLD_REQUIRE(c->next_record == a->before + a->records, "R2",
		      "next record %" PRIu64 " behind packet %" PRIu64, c->next_record, h->seq);
	WORLD_REQUIRE(c->overrun - overrun == a->before - consumer.next, "R2",
		      "overrun %" PRIu64 " before packet %" PRIu64 ", next was %" PRIu64,
		      c->overrun - overrun, h->seq, consumer.next);
	if (!consumer.s->hostile)
		WORLD_REQUIRE(a->before >= consumer.next, "R2",
			      "packet %" PRIu64 " handed out again", h->seq);
	if (w.ring.mode == CAIRN_DISCARD && !consumer.s->hostile)
		WORLD_REQUIRE(a->before == consumer.next, "R2", "overrun in discard mode");
	consumer.next = c->next_record;
	consumer.handed += records;
	consumer.gaps += c->overrun - overrun;
	consumer_packets++;
	consumer_overruns += c->overrun != overrun;
}

/* A reader that claims the ring and reads up to `packets`. */
static void consumer_read(uint32_t thread, unsigned packets)
{
	static uint64_t buf[WORLD_MAX_PACKET_BYTES / 8 + 1];
	struct cairn_ring_reader c;
	int64_t n;
	int err;

	memset(&c, 0xa5, sizeof(c));
	consumer.thread = thread;
	consumer.last_seq = CAIRN_SEQ_INVALID;
	err = cairn_ring_reader_open(&c, 0, thread);
	/* whoever sees nothing but the oldest values, for ever, gives up */
	WORLD_REQUIRE(err == 0 || (err == CAIRN_EAGAIN && consumer.oldest), "claim", "error %d",
		      err);
	if (err)
		return;
	WORLD_REQUIRE(c.owner == thread && c.overrun == 0, "claim",
		      "owner %" PRIu64 ", overrun %" PRIu64, c.owner, c.overrun);
	if (consumer.last_seq != CAIRN_SEQ_INVALID)
		WORLD_REQUIRE(c.next_record == world_about(consumer.last_seq)->before, "R2",
			      "stands at record %" PRIu64 " in packet %" PRIu64
			      ", before which there are %" PRIu64,
			      c.next_record, consumer.last_seq,
			      world_about(consumer.last_seq)->before);
	if (!consumer.s->hostile)
		WORLD_REQUIRE(c.next_record >= consumer.next, "R2",
			      "stands at record %" PRIu64 ", %" PRIu64 " were read", c.next_record,
			      consumer.next);
	WORLD_REQUIRE(c.next_record <= world_about(w.packet)->before, "R2",
		      "stands at record %" PRIu64 " of %" PRIu64, c.next_record,
		      world_about(w.packet)->before);
	consumer.gaps += c.next_record - consumer.next;
	consumer.next = c.next_record;
	for (; packets; packets--) {
		uint64_t overrun = c.overrun;

		buf[w.packet_bytes / 8] = CONSUMER_BEHIND;
		n = cairn_ring_reader_read(&c, buf, w.packet_bytes);
		WORLD_REQUIRE(buf[w.packet_bytes / 8] == CONSUMER_BEHIND, "R1",
			      "more than a packet was copied");
		WORLD_REQUIRE(n > 0 || n == CAIRN_EAGAIN, "R1", "error %" PRId64, n);
		if (n <= 0)
			break;
		consumer_check(buf, n, &c, overrun);
	}
	cairn_ring_reader_close(&c);
	WORLD_REQUIRE(c.ring == NULL, "claim", "still stands at a ring");
}

static void consumer_run(void)
{
	const struct consumer_scenario *s = consumer.s;

	world_foreign = NULL;
	world_init(&s->shape);
	w.scenario = s->name;
	w.overwrites |= s->hostile;
	cairn_image.region = w.packets;
	consumer_begin();
	consumer.accesses = 0;
	consumer.all_known = false;
	consumer.handed = consumer.gaps = consumer.next = 0;
	for (unsigned i = 0; i < s->prepared; i++)
		world_write(s->bytes);
	consumer_note_plain();
	world_foreign = &consumer_foreign;
	consumer_read(1, 2);
	consumer_read(2, 2);
	consumer.all_known = true;
	consumer.end = consumer.accesses;
	consumer_read(2, 100);
	world_foreign = NULL;
	world_at_store = NULL;
	world_at_fence = NULL;
	consumer_runs++;
	/* handed out + overwritten + unread in the open packet + lost = emitted */
	if (!s->hostile)
		WORLD_REQUIRE(consumer.handed + consumer.gaps +
					      (w.ring.committed >> CAIRN_POS_BITS) + world_lost() ==
				      w.nr_writes,
			      "sum",
			      "%" PRIu64 " handed out, %" PRIu64 " overwritten, %" PRIu64
			      " unread, %" PRIu64 " lost of %u",
			      consumer.handed, consumer.gaps, w.ring.committed >> CAIRN_POS_BITS,
			      world_lost(), w.nr_writes);
	world_finish();
}

/* All runs with this event at this access: usual ones, and those in which one load returns another possible value. */
static void consumer_loads(uint32_t at)
{
	static uint8_t choices[CONSUMER_ACCESSES];
	uint32_t n, i, c;

	for (unsigned oldest = 0; oldest < 2; oldest++) {
		consumer.at = at;
		consumer.oldest = oldest;
		consumer.odd = ~0u;
		consumer_run();
		n = consumer.accesses;
		memcpy(choices, consumer.choices, sizeof(choices));
		for (i = 0; i <= n; i++)
			for (c = 0; i > 0 && choices[i] > 1 && c < choices[i]; c++) {
				if (c == (oldest ? 0u : choices[i] - 1u))
					continue;
				consumer.odd = i;
				consumer.choice = c;
				consumer_run();
			}
	}
}

static bool consumer_long(void)
{
	const char *s = getenv("CAIRN_LONG");

	return s && *s && *s != '0';
}

static void consumer_explore(const struct consumer_scenario *s, const struct consumer_event *events,
			     unsigned nr, unsigned step)
{
	for (unsigned e = 0; e < nr; e++) {
		uint32_t at = 0;

		consumer.s = s;
		consumer.event = events[e];
		do {
			consumer_loads(at);
			at += step;
		} while (at < consumer.end);
	}
}

static void consumer_report(void)
{
	printf("# %" PRIu64 " runs, %" PRIu64 " packets handed out, %" PRIu64 " overruns, %" PRIu64
	       " loads of an older value\n",
	       consumer_runs, consumer_packets, consumer_overruns, consumer_stale);
	CHECK(consumer_packets > 0 && consumer_stale > 0);
	consumer_runs = consumer_packets = consumer_overruns = consumer_stale = 0;
}

/* Two records of 16 bytes fill a packet of 128: so 3 open the next one, 5 take away the oldest, 9 go once round a ring of four. */
static const struct consumer_event consumer_writes[] = {
	{1, ~0u, false, 0}, {3, ~0u, false, 0}, {5, ~0u, false, 0}, {9, ~0u, false, 0},
	{1, 3, false, 0},   {3, 12, false, 0},  {4, 20, false, 0},
};

#define CONSUMER_SCENARIO(n, mode, first, prepared, hostile, name)        \
	{                                                                 \
		{n, 128, mode, first, 100000}, prepared, 4, hostile, name \
	}

TEST(consumer_while_the_writer_overwrites)
{
	static const struct consumer_scenario scenarios[] = {
		CONSUMER_SCENARIO(2, CAIRN_OVERWRITE, 0, 5, false, "N=2, 5 records"),
		CONSUMER_SCENARIO(4, CAIRN_OVERWRITE, 0, 11, false, "N=4, 11 records"),
		CONSUMER_SCENARIO(4, CAIRN_OVERWRITE, ((uint64_t)1 << CAIRN_POS_BITS) - 256, 7,
				  false, "N=4, positions wrap"),
		CONSUMER_SCENARIO(4, CAIRN_OVERWRITE, 0, 0, false, "N=4, empty"),
		{{4, 128, CAIRN_OVERWRITE, 0, 100000}, 6, 24, false, "N=4, full packets"},
	};

	for (unsigned i = 0; i < 5; i++)
		consumer_explore(&scenarios[i], consumer_writes, 7,
				 consumer_long() ? 1 : 1 + 2 * (i > 0));
	consumer_report();
}

TEST(consumer_while_the_writer_discards)
{
	static const struct consumer_scenario scenarios[] = {
		CONSUMER_SCENARIO(2, CAIRN_DISCARD, 0, 6, false, "N=2 discard"),
		CONSUMER_SCENARIO(4, CAIRN_DISCARD, 0, 7, false, "N=4 discard, 7 records"),
		CONSUMER_SCENARIO(4, CAIRN_DISCARD, ((uint64_t)1 << CAIRN_POS_BITS) - 256, 12,
				  false, "N=4 discard, full, positions wrap"),
	};

	for (unsigned i = 0; i < 3; i++)
		consumer_explore(&scenarios[i], consumer_writes, 7,
				 consumer_long() ? 1 : 1 + 2 * (i > 0));
	consumer_report();
}

/* `consumed` is shared with readers outside: any value may cost data, none may break what is handed out, or the writer. */
TEST(consumer_with_a_hostile_consumed)
{
	static const struct consumer_scenario scenarios[] = {
		CONSUMER_SCENARIO(4, CAIRN_OVERWRITE, 0, 11, true, "N=4, hostile"),
		CONSUMER_SCENARIO(4, CAIRN_DISCARD, 0, 11, true, "N=4 discard, hostile"),
		CONSUMER_SCENARIO(2, CAIRN_OVERWRITE, ((uint64_t)1 << CAIRN_POS_BITS) - 256, 7,
				  true, "N=2, positions wrap, hostile"),
	};
	static const uint64_t forged[] = {0,
					  1,
					  127,
					  128,
					  300,
					  512,
					  640,
					  768,
					  4096,
					  (uint64_t)1 << 47,
					  CAIRN_POS_MASK,
					  ~(uint64_t)0,
					  0x123456789abcdef0};

	for (unsigned i = 0; i < 3; i++)
		for (unsigned f = 0; f < sizeof(forged) / sizeof(forged[0]); f++) {
			const struct consumer_event events[] = {{0, ~0u, true, forged[f]},
								{5, 7, true, forged[f]}};

			consumer_explore(&scenarios[i], events, 2, consumer_long() ? 1 : 7);
		}
	consumer_report();
}

/* ---- alone ---- */

static void consumer_alone(enum cairn_mode mode)
{
	static const struct consumer_scenario alone = {.name = "alone"};

	world_foreign = NULL; /* the test before may have failed */
	world_init(&(struct world_shape){4, 128, mode, 0, 100000});
	w.scenario = alone.name;
	cairn_image.region = w.packets;
	consumer.s = &alone;
}

TEST(consumer_refuses_what_its_header_says)
{
	static uint64_t buf[WORLD_MAX_PACKET_BYTES / 8];
	struct cairn_ring_reader c, other;

	consumer_alone(CAIRN_OVERWRITE);
	world_rings.behind = &w.ring;
	CHECK_EQ(cairn_ring_reader_open(&c, CAIRN_MAX_CPUS, 1), CAIRN_EINVAL);
	CHECK_EQ(cairn_ring_reader_open(&c, 1, 1), CAIRN_EINVAL);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 0), CAIRN_EINVAL);
	CHECK_EQ(cairn_ring_reader_take_over(&c, 0, 1, 0), CAIRN_EINVAL);
	CHECK_EQ(cairn_ring_reader_take_over(&c, 0, 1, 2), CAIRN_EBUSY);
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	CHECK_EQ(cairn_ring_reader_open(&other, 0, 2), CAIRN_EBUSY);
	CHECK_EQ(cairn_ring_reader_take_over(&other, 0, 2, 1), 0);
	CHECK_EQ(w.ring.reader, 2);
	for (unsigned i = 0; i < 3; i++)
		world_write(4);
	CHECK_EQ(cairn_ring_reader_read(&other, buf, 127), CAIRN_ERANGE);
	CHECK_EQ(cairn_ring_reader_read(&other, buf, 128), CAIRN_PACKET_HEADER_BYTES + 32);
	cairn_ring_reader_close(&other);
	CHECK_EQ(w.ring.reader, 0);
	cairn_image.region = NULL;
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), CAIRN_EINVAL);
}

/* Sizes of a real ring, of which only the arithmetic is looked at: 8192 packets of 4 KiB. */
TEST(consumer_brings_consumed_within_the_lap)
{
	struct cairn_ring r = {.ring_mask = (32u << 20) - 1, .pkt_mask = 4095};
	const uint64_t open = 20000, at = open * 4096 + 100;

	CHECK_EQ(read_slots(&r), 8192);
	r.consumed = at;
	CHECK_EQ(CONSUMER_WANTED(&r, open, at), open);
	r.consumed = (open - 8000) * 4096;
	CHECK_EQ(CONSUMER_WANTED(&r, open, at), open - 8000);
	r.consumed = (open - 8191) * 4096 + 4095;
	CHECK_EQ(CONSUMER_WANTED(&r, open, at), open - 8191);
	r.consumed = (open - 8192) * 4096;
	CHECK_EQ(CONSUMER_WANTED(&r, open, at), open - 8191);
	r.consumed = 0;
	CHECK_EQ(CONSUMER_WANTED(&r, open, at), open - 8191);
	r.consumed = (open + 1) * 4096; /* beyond committed: nothing is unread */
	CHECK_EQ(CONSUMER_WANTED(&r, open, at), open);
	r.consumed = at + ((uint64_t)1 << 46);
	CHECK_EQ(CONSUMER_WANTED(&r, open, at), open);
}

/* A clock that leaps leaves an empty packet behind; it is handed out, and reading goes on. */
TEST(consumer_takes_an_empty_packet)
{
	static uint64_t buf[WORLD_MAX_PACKET_BYTES / 8];
	struct cairn_ring_reader c;

	consumer_alone(CAIRN_DISCARD);
	CHECK(world_write(4));
	world_flush();
	w.clock += (uint64_t)1 << 49;
	w.clock_leapt = true;
	CHECK(world_write(4));
	world_flush();
	CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
	CHECK_EQ(cairn_ring_reader_read(&c, buf, sizeof(buf)), CAIRN_PACKET_HEADER_BYTES + 16);
	CHECK_EQ(cairn_ring_reader_read(&c, buf, sizeof(buf)), CAIRN_PACKET_HEADER_BYTES);
	CHECK_EQ(cairn_ring_reader_read(&c, buf, sizeof(buf)), CAIRN_PACKET_HEADER_BYTES + 16);
	CHECK_EQ(cairn_ring_reader_read(&c, buf, sizeof(buf)), CAIRN_EAGAIN);
	CHECK_EQ(c.next_record, 2);
	CHECK_EQ(c.overrun, 0);
	cairn_ring_reader_close(&c);
}

/* Content that no packet can have is damage: nothing is handed out, and nothing is copied beyond the buffer. */
TEST(consumer_refuses_impossible_content)
{
	static const uint64_t bits[] = {0, 87 * 8, 129 * 8, 136 * 8, 2048 * 8, ~(uint64_t)0};
	static uint64_t buf[WORLD_MAX_PACKET_BYTES / 8];
	struct cairn_ring_reader c;

	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		consumer_alone(CAIRN_DISCARD);
		for (unsigned n = 0; n < 3; n++)
			CHECK(world_write(4));
		CHECK_EQ(cairn_ring_reader_open(&c, 0, 1), 0);
		world_hdr(0)->content_bits = bits[i];
		buf[16] = CONSUMER_BEHIND;
		CHECK_EQ(cairn_ring_reader_read(&c, buf, 128), CAIRN_EAGAIN);
		CHECK_EQ(buf[16], CONSUMER_BEHIND);
		CHECK_EQ(w.ring.consumed, 0);
		cairn_ring_reader_close(&c);
	}
}

CHECK_MAIN()
