/* SPDX-License-Identifier: MIT */
/*
 * Can a reader on another CPU be deceived? The reader of docs/ring.md copies a packet and validates
 * the copy while the writer goes on. This test does not run that reader at some moments: it records
 * every store of a run of the writer (with nested writes), in order, and computes what the reader's
 * loads can return in any execution that release, acquire and fences allow, whatever the CPU
 * reorders; the interleavings of a sequentially consistent machine among them. A copy that
 * validates must hold only complete records of the packet it was made for.
 *
 * The model: a *message* is one store; messages are numbered in the writer's program order. A
 * message carries a *view*: all messages below it are visible to whoever acquires it. The view of a
 * release store is its own number, that of any other store the number at the last release fence. A
 * load may return the newest message of its word that its reader must know of, or any later one. An
 * acquire load adds the message's view to what the reader must know, a relaxed load does so at the
 * next acquire fence. Stores are visible to loads in any order otherwise.
 */
#include "world.h"

#define READER_WORDS        (WORLD_MAX_PACKETS * WORLD_MAX_PACKET_BYTES / 4)
#define READER_COMMITTED    READER_WORDS /* index of the history of `committed` */
#define READER_MAX_MESSAGES 96u
#define READER_NEVER        (~(uint32_t)0)

struct message {
	uint32_t number;
	uint32_t view;
	uint64_t value;
};

static struct history {
	uint32_t nr;
	struct message m[READER_MAX_MESSAGES];
} histories[READER_WORDS + 1];

static uint32_t reader_next, reader_fence;
static char reader_shadow[WORLD_MAX_PACKETS * WORLD_MAX_PACKET_BYTES];
static uint64_t reader_copies, reader_open_copies;

static void reader_note(uint32_t word, uint64_t value, enum cairn_order order)
{
	struct history *h = &histories[word];

	if (h->nr == READER_MAX_MESSAGES)
		world_fail("test", "history of word %u is full", word);
	h->m[h->nr++] = (struct message){
		reader_next, order == CAIRN_RELEASE ? reader_next : reader_fence, value};
	reader_next++;
}

/* Plain stores since the last access: payload and record headers, one message a word. */
static void reader_note_plain(void)
{
	uint32_t slot, off;

	for (slot = 0; slot < w.nr_packets; slot++)
		for (off = CAIRN_PACKET_HEADER_BYTES; off < w.packet_bytes; off += 4) {
			size_t at = slot * w.packet_bytes + off;
			uint32_t v;

			if (memcmp(reader_shadow + at, w.packets + at, 4) == 0)
				continue;
			memcpy(reader_shadow + at, w.packets + at, 4);
			memcpy(&v, w.packets + at, 4);
			reader_note((uint32_t)at / 4, v, CAIRN_RELAXED);
		}
}

static void reader_at_store(const volatile void *p, unsigned bytes, enum cairn_order order)
{
	uintptr_t off = (uintptr_t)p - (uintptr_t)w.packets;

	reader_note_plain();
	if (p == &w.ring.committed)
		reader_note(READER_COMMITTED, w.ring.committed, order);
	else if (off < sizeof(w.packets))
		reader_note((uint32_t)off / 4, *(const volatile uint64_t *)p, order);
	(void)bytes;
}

static void reader_at_fence(enum cairn_order order)
{
	reader_note_plain();
	if (order == CAIRN_RELEASE || order == CAIRN_FULL)
		reader_fence = reader_next;
}

static void reader_begin(void)
{
	uint32_t i;

	reader_next = reader_fence = 0;
	memcpy(reader_shadow, w.packets, sizeof(reader_shadow));
	for (i = 0; i <= READER_WORDS; i++)
		histories[i].nr = 0;
	for (i = 0; i < READER_WORDS; i++) {
		uint64_t v = 0;

		/* words of headers are read as eight bytes, words of records as four */
		memcpy(&v, w.packets + i * 4,
		       i * 4 % w.packet_bytes < CAIRN_PACKET_HEADER_BYTES ? 8 : 4);
		histories[i].m[histories[i].nr++] = (struct message){0, 0, v};
	}
	histories[READER_COMMITTED].m[histories[READER_COMMITTED].nr++] =
		(struct message){0, 0, w.ring.committed};
	reader_next = 1;
	world_at_store = reader_at_store;
	world_at_fence = reader_at_fence;
}

static void reader_end(void)
{
	world_at_store = NULL;
	world_at_fence = NULL;
}

/* Index of the newest message that a reader who knows all below `view` must know of. */
static uint32_t reader_oldest_readable(const struct history *h, uint32_t view)
{
	uint32_t i = 0;

	while (i + 1 < h->nr && h->m[i + 1].number < view)
		i++;
	return i;
}

/*
 * What a load of `word` may return such that the copy still validates (its number is not known to
 * be invalidated by message `until`) must be one value, that of the packet's own lap: the last
 * message before `until`.
 */
static void reader_expect_one(uint32_t word, uint32_t view, uint32_t until, uint64_t packet,
			      uint64_t want, const char *what)
{
	const struct history *h = &histories[word];
	uint32_t i;

	for (i = reader_oldest_readable(h, view); i < h->nr; i++) {
		if (h->m[i].view > until)
			continue; /* after the fence the reader would see the invalidation */
		WORLD_REQUIRE(h->m[i].value == want, "reader",
			      "packet %" PRIu64 ", byte %" PRIu64 " (%s): %" PRIx64
			      " can be read, right is %" PRIx64
			      "; message %u, view %u, invalid at %u",
			      packet, word * 4 % w.packet_bytes, what, h->m[i].value, want,
			      h->m[i].number, view, until);
	}
}

/* Last value of a word in the lap that message `until` ends. */
static uint64_t reader_final(uint32_t word, uint32_t until)
{
	const struct history *h = &histories[word];
	uint32_t i = 0;

	while (i + 1 < h->nr && h->m[i + 1].number < until)
		i++;
	return h->m[i].value;
}

static uint32_t reader_word(uint64_t packet, size_t off)
{
	return (uint32_t)((packet % w.nr_packets * w.packet_bytes + off) / 4);
}

#define READER_FIELD(packet, field) reader_word(packet, offsetof(struct cairn_packet_header, field))

/* All copies of packet `s` by readers that acquired `committed` = c. */
static void reader_copy(uint64_t s, const struct message *c)
{
	const struct history *seq = &histories[READER_FIELD(s, seq)];
	const struct world_packet *truth = world_about(s);
	bool open = world_packet_of(c->value) == s;
	uint64_t content = open ? c->value & w.ring.pkt_mask : truth->end, off;
	uint32_t i, view, until;

	for (i = reader_oldest_readable(seq, c->view); i < seq->nr && seq->m[i].value != s; i++)
		;
	if (i == seq->nr)
		return; /* no reader gets as far as a copy */
	until = i + 1 < seq->nr ? seq->m[i + 1].number : READER_NEVER;
	view = seq->m[i].view > c->view ? seq->m[i].view : c->view;
	reader_copies++;
	reader_open_copies += open;

	reader_expect_one(READER_FIELD(s, ts_begin), view, until, s,
			  reader_final(READER_FIELD(s, ts_begin), seq->m[i].number), "ts_begin");
	if (content > CAIRN_PACKET_HEADER_BYTES)
		reader_expect_one(READER_FIELD(s, events_before), view, until, s, truth->before,
				  "events_before");
	if (!open) {
		reader_expect_one(READER_FIELD(s, content_bits), view, until, s, truth->end * 8,
				  "content");
		reader_expect_one(READER_FIELD(s, ts_end), view, until, s,
				  reader_final(READER_FIELD(s, ts_end), until), "ts_end");
		reader_expect_one(READER_FIELD(s, events_discarded), view, until, s,
				  reader_final(READER_FIELD(s, events_discarded), until),
				  "events_discarded");
	}
	for (off = CAIRN_PACKET_HEADER_BYTES; off < content; off += 4) {
		uint32_t word = reader_word(s, off);

		reader_expect_one(word, view, until, s, reader_final(word, until), "record");
	}
}

/*
 * Readers that acquired seq alone, as one that waits for the next packet does: the header words are
 * those of this packet, none of the lap before.
 */
static void reader_follow(uint64_t slot)
{
	const struct history *seq = &histories[READER_FIELD(slot, seq)];
	const struct history *content = &histories[READER_FIELD(slot, content_bits)];
	uint32_t i, j;

	for (i = 1; i < seq->nr; i++) {
		uint32_t until = i + 1 < seq->nr ? seq->m[i + 1].number : READER_NEVER;
		uint64_t s = seq->m[i].value;

		if (s == CAIRN_SEQ_INVALID)
			continue;
		reader_expect_one(READER_FIELD(s, ts_begin), seq->m[i].view, until, s,
				  reader_final(READER_FIELD(s, ts_begin), seq->m[i].number),
				  "ts_begin");
		for (j = reader_oldest_readable(content, seq->m[i].view); j < content->nr; j++)
			WORLD_REQUIRE(content->m[j].number > seq->m[i - 1].number, "reader",
				      "packet %" PRIu64 ": content %" PRIu64
				      " of the lap before can be read",
				      s, content->m[j].value);
	}
}

/* Every reader of the run that was recorded. */
static void reader_check(void)
{
	const struct history *committed = &histories[READER_COMMITTED];
	uint32_t i;

	reader_end();
	if (!w.opened)
		return;
	for (i = 0; i < w.nr_packets; i++)
		reader_follow(i);
	for (i = 0; i < committed->nr; i++) {
		const struct message *c = &committed->m[i];
		uint64_t last = world_packet_of(c->value), s = last + 1 - w.nr_packets;

		if ((c->value & w.ring.pkt_mask) == 0)
			continue; /* nothing has been opened */
		if (last + 1 - w.first_packet < w.nr_packets)
			s = w.first_packet;
		for (; s != last + 1; s++)
			reader_copy(s, c);
	}
}

/* A writer of `writes` records, interrupted as the script says. */
struct reader_scenario {
	struct world_shape shape;
	unsigned writes;
	uint32_t bytes;
	const char *name;
};
static const struct reader_scenario *reader_scenario;

static void reader_run(const struct world_explorer *e)
{
	const struct reader_scenario *s = reader_scenario;
	unsigned i;

	world_init(&s->shape);
	w.scenario = s->name;
	world_load_script(e);
	reader_begin();
	w.armed = true;
	w.checked_elsewhere = true;
	for (i = 0; i < s->writes; i++) {
		if (s->shape.mode == CAIRN_DISCARD)
			world_consume();
		world_write(s->bytes);
	}
	world_finish();
	reader_check();
}

static void reader_explore(const struct reader_scenario *s, const struct world_action *actions,
			   unsigned nr, unsigned depth)
{
	struct world_explorer e = {.run = reader_run, .actions = actions, .nr_actions = nr};

	reader_scenario = s;
	world_explore(&e, depth);
}

static void reader_report(void)
{
	printf("# %" PRIu64 " runs of the writer, %" PRIu64 " sets of validated copies, %" PRIu64
	       " of the open packet\n",
	       world_runs, reader_copies, reader_open_copies);
	CHECK(reader_open_copies > 0 && reader_copies > reader_open_copies);
	world_runs = reader_copies = reader_open_copies = 0;
}

static const struct world_action reader_writes[] = {{ACT_WRITE, 4}, {ACT_WRITE, 24}};

static bool reader_long(void)
{
	const char *s = getenv("CAIRN_LONG");

	return s && *s && *s != '0';
}

TEST(reader_copies_while_one_nested_write_comes)
{
	static const struct reader_scenario scenarios[] = {
		{{2, 128, CAIRN_OVERWRITE, 0, 100000}, 11, 4, "N=2"},
		{{4, 128, CAIRN_OVERWRITE, 0, 100000}, 19, 4, "N=4"},
		{{2, 256, CAIRN_OVERWRITE, 0, 100000}, 13, 60, "N=2 P=256"},
		{{2, 128, CAIRN_OVERWRITE, ((uint64_t)1 << CAIRN_POS_BITS) - 256, 100000},
		 11,
		 4,
		 "positions wrap"},
		{{4, 128, CAIRN_DISCARD, 0, 100000}, 19, 4, "discard"},
	};
	unsigned i;

	for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		reader_explore(&scenarios[i], reader_writes, 2, 1);
	reader_report();
}

TEST(reader_copies_while_two_nested_writes_come)
{
	static const struct reader_scenario s = {
		{2, 128, CAIRN_OVERWRITE, 0, 100000}, 7, 4, "N=2, two nested"};

	reader_explore(&s, reader_writes, reader_long() ? 2 : 1, 2);
	reader_report();
}

CHECK_MAIN()
