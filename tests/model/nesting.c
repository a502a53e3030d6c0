/* SPDX-License-Identifier: MIT */
/*
 * Is every nesting of writers right? Exhaustive over small rings: a write is interrupted at any of
 * its accesses by whole nested writes, which are interrupted in turn. world.h says how; the
 * invariants are those of core/ring.c.
 *
 * CAIRN_LONG=1 makes the enumeration wider (minutes).
 */
#include "world.h"

/* Where the outer write finds the ring: `prep` records of `prep_bytes` payload are there already.
 */
struct nesting {
	struct world_shape shape;
	unsigned prep;
	uint32_t prep_bytes;
	uint32_t outer_bytes;   /* or NESTING_FLUSH */
	unsigned prep_consumed; /* packets that the reader took after the preparation (discard mode)
				 */
	unsigned after;         /* writes after the outer one */
	char name[120];
};

#define NESTING_FLUSH (~(uint32_t)0)

static bool nesting_long(void)
{
	const char *s = getenv("CAIRN_LONG");

	return s && *s && *s != '0';
}

/* The ring after preparation is the same in each run: keep it. */
static __typeof__(w) nesting_start;
static const struct nesting *nesting_started;

static void nesting_prepare(const struct nesting *s)
{
	world_init(&s->shape);
	w.scenario = s->name;
	for (unsigned i = 0; i < s->prep; i++) {
		/* a reader that keeps up, so that discard mode reaches its later laps */
		if (s->prep_consumed)
			world_consume();
		world_write(s->prep_bytes);
	}
	for (unsigned i = 1; i < s->prep_consumed; i++)
		world_consume();
	nesting_start = w;
	nesting_started = s;
}

static void nesting_run(const struct world_explorer *e)
{
	const struct nesting *s = nesting_started;

	w = nesting_start;
	world_load_script(e);
	w.dirty = true;
	w.armed = true;
	if (s->outer_bytes == NESTING_FLUSH)
		world_flush();
	else
		world_write(s->outer_bytes);
	world_point();
	w.armed = false;
	for (unsigned i = 0; i < s->after; i++)
		world_write(4);
	world_finish();
}

static void nesting_name(struct nesting *s)
{
	snprintf(s->name, sizeof(s->name),
		 "N=%u P=%u %s first=%" PRIx64 " prep=%ux%u outer=%u consumed=%u",
		 s->shape.nr_packets, s->shape.packet_bytes,
		 s->shape.mode == CAIRN_DISCARD ? "discard" : "overwrite", s->shape.first_pos,
		 s->prep, s->prep_bytes, s->outer_bytes, s->prep_consumed);
}

static void nesting_start_exploring(struct nesting *s)
{
	nesting_name(s);
	nesting_prepare(s);
}

static void nesting_explore(struct nesting *s, const struct world_action *actions,
			    unsigned nr_actions, unsigned depth)
{
	struct world_explorer e = {
		.run = nesting_run, .actions = actions, .nr_actions = nr_actions};

	nesting_start_exploring(s);
	world_explore(&e, depth);
}

static void nesting_report(void)
{
	printf("# %" PRIu64 " runs, %" PRIu64 " points, %" PRIu64 " images decoded\n", world_runs,
	       world_points, world_checks);
	world_runs = world_points = world_checks = 0;
}

/* Sizes that matter in packets of 128 bytes, where records have 36: two of 16, one that fills it,
 * one too big. */
static const struct world_action write_small[] = {{ACT_WRITE, 4}};
static const struct world_action write_any[] = {{ACT_WRITE, 4}, {ACT_WRITE, 24}};
static const struct world_action write_all[] = {
	{ACT_WRITE, 4}, {ACT_WRITE, 0}, {ACT_WRITE, 13}, {ACT_WRITE, 24}, {ACT_WRITE, 30}};

#define COUNT(a) (unsigned)(sizeof(a) / sizeof((a)[0]))

static const uint64_t just_below_wrap = ((uint64_t)1 << CAIRN_POS_BITS) - 256;

static void nesting_shapes(const struct world_action *actions, unsigned nr_actions, unsigned depth,
			   unsigned max_packets, uint32_t packet_bytes, uint64_t first_pos)
{
	static const uint32_t outer[] = {4, 24, 0};
	unsigned discard, n, prep, o;

	for (discard = 0; discard < 2; discard++)
		for (n = 2; n <= max_packets; n *= 2)
			for (prep = 0; prep <= 2 * n + 3; prep++)
				for (o = 0; o < COUNT(outer); o++) {
					struct nesting s = {
						.shape = {.nr_packets = n,
							  .packet_bytes = packet_bytes,
							  .mode = discard ? CAIRN_DISCARD
									  : CAIRN_OVERWRITE,
							  .first_pos = first_pos,
							  .clock = 100000},
						.prep = prep,
						.prep_bytes = packet_bytes == 128 ? 4 : 60,
						.outer_bytes = outer[o],
						.prep_consumed = discard && prep > n ? prep : 0,
						.after = 2,
					};

					nesting_explore(&s, actions, nr_actions, depth);
				}
	nesting_report();
}

TEST(nesting_one_write_at_every_access)
{
	nesting_shapes(write_all, COUNT(write_all), 1, 8, 128, 0);
	nesting_shapes(write_all, COUNT(write_all), 1, 8, 256, 0);
}

/*
 * An opener is interrupted between its swap and its header stores, first by a loss, then by writers
 * that close its packet: it once wrote its older count of losses over theirs.
 */
TEST(nesting_losses_while_a_packet_is_opened)
{
	static const struct world_action actions[] = {
		{ACT_WRITE, 30}, {ACT_WRITE, 24}, {ACT_WRITE, 24}};
	struct nesting s = {.shape = {.nr_packets = 4, .packet_bytes = 128, .clock = 100000},
			    .prep = 2,
			    .prep_bytes = 4,
			    .outer_bytes = 4,
			    .after = 2};

	nesting_start_exploring(&s);
	world_explore(&(struct world_explorer){.run = nesting_run,
					       .actions = actions,
					       .nr_actions = 3,
					       .in_order = !nesting_long()},
		      3);
	nesting_report();
}

TEST(nesting_two_writes_at_every_access)
{
	nesting_shapes(write_any, COUNT(write_any), 2, nesting_long() ? 8 : 4, 128, 0);
	nesting_shapes(write_small, COUNT(write_small), 2, 4, 256, 0);
}

/* Three writes, in the phases that differ: empty, middle of a packet, last that fits, must open,
 * slot reused. */
TEST(nesting_three_writes_at_every_access)
{
	static const struct {
		unsigned n, prep;
		uint32_t outer;
		bool discard;
	} phases[] = {
		{2, 0, 4, false},  {2, 1, 4, false},  {2, 2, 4, false}, {2, 6, 4, false},
		{4, 0, 24, false}, {4, 7, 24, false}, {2, 6, 4, true},  {4, 9, 0, true},
	};
	unsigned i;

	for (i = 0; i < COUNT(phases); i++) {
		struct nesting s = {
			.shape = {.nr_packets = phases[i].n,
				  .packet_bytes = 128,
				  .mode = phases[i].discard ? CAIRN_DISCARD : CAIRN_OVERWRITE,
				  .clock = 100000},
			.prep = phases[i].prep,
			.prep_bytes = 4,
			.outer_bytes = phases[i].outer,
			.prep_consumed = phases[i].discard ? phases[i].prep : 0,
			.after = 2,
		};
		if (nesting_long())
			nesting_explore(&s, write_any, COUNT(write_any), 3);
		else if (i & 1)
			nesting_explore(&s, write_small, 1, 3);
		else
			nesting_explore(&s, write_any + 1, 1, 3);
		nesting_report();
	}
}

TEST(nesting_positions_wrap_at_48_bits)
{
	nesting_shapes(write_any, COUNT(write_any), nesting_long() ? 2 : 1, 8, 128,
		       just_below_wrap);
	nesting_shapes(write_any, COUNT(write_any), 1, 2, 256, just_below_wrap);
}

/* A stop from another CPU at every access: who is in the middle finishes, nobody else is admitted
 * or counted as lost. */
TEST(nesting_stop_and_start_at_every_access)
{
	static const struct world_action stop[] = {{ACT_STOP, 0}},
					 nested[] = {{ACT_WRITE, 24}, {ACT_STOP, 0}};
	static const struct world_action again[] = {{ACT_STOP, 0}, {ACT_START, 0}, {ACT_WRITE, 4}};
	unsigned prep;

	for (prep = 0; prep < 8; prep++) {
		struct nesting s = {
			.shape = {.nr_packets = 4, .packet_bytes = 128, .clock = 100000},
			.prep = prep,
			.prep_bytes = 4,
			.outer_bytes = 4,
			.after = 4};

		nesting_explore(&s, stop, 1, 1);
		nesting_explore(&s, nested, 2, 2);
		nesting_explore(&s, again, 3, prep == 2 && nesting_long() ? 3 : 2);
	}
	nesting_report();
}

/* A flush interrupted by writes, writes interrupted by a flush: an empty packet stays, a filled one is closed, nothing is lost. */
TEST(nesting_flush_at_every_access)
{
	static const struct world_action actions[] = {{ACT_FLUSH, 0}, {ACT_WRITE, 24}};
	unsigned n, prep, outer, discard;

	for (discard = 0; discard < 2; discard++)
		for (n = 2; n <= 4; n *= 2)
			for (prep = 0; prep <= 2 * n + 3; prep++)
				for (outer = 0; outer < 2; outer++) {
					struct nesting s = {
						.shape = {.nr_packets = n,
							  .packet_bytes = 128,
							  .mode = discard ? CAIRN_DISCARD
									  : CAIRN_OVERWRITE,
							  .clock = 100000},
						.prep = prep,
						.prep_bytes = 4,
						.outer_bytes = outer ? 4 : NESTING_FLUSH,
						.prep_consumed = discard && prep > n ? prep : 0,
						.after = 2};

					nesting_explore(&s, actions, COUNT(actions), 2);
				}
	nesting_report();
}

/* What a flush does when nothing interrupts it. */
TEST(nesting_flush_closes_what_is_filled_and_nothing_else)
{
	unsigned i;

	world_init(&(struct world_shape){4, 128, CAIRN_OVERWRITE, 0, 1000});
	w.scenario = "flush alone";
	world_flush();
	CHECK_EQ(w.ring.pos, 0);
	for (i = 1; i <= 6; i++) {
		CHECK(world_write(4));
		world_flush();
		CHECK_EQ(w.ring.pos, i * 128 + CAIRN_PACKET_HEADER_BYTES);
		CHECK_EQ(w.ring.committed, w.ring.pos);
		world_flush();
		CHECK_EQ(w.ring.pos, i * 128 + CAIRN_PACKET_HEADER_BYTES);
	}
	CHECK(world_write(4));
	world_elsewhere(cairn_ring_stop);
	world_flush();
	CHECK_EQ(w.ring.pos >> CAIRN_POS_BITS, 1);
	w.stop_seen = true;
	world_finish();
	world_elsewhere(cairn_ring_start);
	/* a little back is waited for */
	w.clock -= 4;
	w.clock_stepped = true;
	world_flush();
	CHECK_EQ(w.ring.pos >> CAIRN_POS_BITS, 0);
	CHECK(world_write(4));
	/* no closing before the last record: waits in vain, and leaves the packet as it is */
	w.clock -= 500;
	w.clock_stepped = true;
	world_flush();
	CHECK_EQ(w.ring.pos >> CAIRN_POS_BITS, 1);
	CHECK_EQ(world_lost(), 0);
}

/* A CPU without a ring, and one with a number that the table does not have. */
TEST(nesting_no_ring_no_record)
{
	struct cairn_slot slot;

	world_init(&(struct world_shape){4, 128, CAIRN_OVERWRITE, 0, 1000});
	w.scenario = "no ring";
	world_rings.behind = &w.ring;
	for (w.cpu = 1; w.cpu <= CAIRN_MAX_CPUS; w.cpu += CAIRN_MAX_CPUS - 1) {
		CHECK_EQ(cairn_ring_here(), NULL);
		CHECK_EQ(cairn_reserve(&slot, 1000, 4), NULL);
		CHECK_EQ(cairn_reserve_once(&slot, &(uint32_t){1000}, 4), NULL);
		CHECK_EQ(w.preempt, 0);
	}
	CHECK_EQ(w.ring.pos, 0);
	world_rings.behind = NULL;
}

/* Many events at one reading of a coarse clock: a time that is equal has not stepped back. */
TEST(nesting_coarse_clock_loses_nothing)
{
	unsigned mode, i;

	for (mode = 0; mode < 2; mode++) {
		world_init(&(struct world_shape){4, 128, (enum cairn_mode)mode, 0, 1000});
		w.scenario = "coarse clock";
		w.clock_coarse = true;
		for (i = 0; i < 20; i++) {
			if (mode == CAIRN_DISCARD)
				world_consume();
			CHECK(world_write(4));
			if (i % 5 == 0) {
				world_flush();
				CHECK_EQ(w.ring.pos >> CAIRN_POS_BITS, 0);
			}
			w.clock += i % 7 == 0;
			w.ring.limit = 0; /* each by the slow path */
		}
		CHECK_EQ(world_lost(), 0);
		world_finish();
	}
}

/* A limit that is too low costs a way round, and no packet. */
TEST(nesting_stale_limit_opens_no_packet)
{
	unsigned i;

	world_init(&(struct world_shape){4, 256, CAIRN_OVERWRITE, 0, 1000});
	w.scenario = "stale limit";
	for (i = 0; i < 10; i++) {
		w.ring.limit = 0;
		CHECK(world_write(4));
		CHECK_EQ(w.packet, 0);
	}
	CHECK_EQ(w.ring.limit, 252);
	world_finish();
}

TEST(nesting_mode_changes_at_every_access)
{
	static const struct world_action actions[] = {
		{ACT_MODE, CAIRN_DISCARD}, {ACT_MODE, CAIRN_OVERWRITE}, {ACT_WRITE, 24}};

	nesting_shapes(actions, COUNT(actions), nesting_long() ? 2 : 1, 4, 128, 0);
}

/* Discard mode: the zero-copy reader takes packets at every access and finds each complete and
 * whole until it gives it back. */
TEST(nesting_consumer_at_every_access)
{
	static const struct world_action actions[] = {{ACT_CONSUME, 0}, {ACT_WRITE, 24}};
	unsigned n, prep;

	for (n = 2; n <= 4; n *= 2)
		for (prep = 0; prep <= 2 * n + 3; prep++) {
			struct nesting s = {.shape = {.nr_packets = n,
						      .packet_bytes = 128,
						      .mode = CAIRN_DISCARD,
						      .clock = 100000},
					    .prep = prep,
					    .prep_bytes = 4,
					    .outer_bytes = 4,
					    .after = 3,
					    .prep_consumed = prep & 1};

			nesting_explore(&s, actions, COUNT(actions), 2);
		}
	nesting_report();
}

/* `consumed` is written by the outside: any value may cost the reader its data, none may break the
 * writer. */
TEST(nesting_forged_consumed_at_every_access)
{
	static const uint64_t positions[] = {0,
					     1,
					     88,
					     127,
					     128,
					     129,
					     511,
					     512,
					     640,
					     4096,
					     (uint64_t)1 << 47,
					     ((uint64_t)1 << 47) - 1,
					     CAIRN_POS_MASK,
					     CAIRN_POS_MASK - 127,
					     (uint64_t)1 << 63,
					     ~(uint64_t)0,
					     0x123456789abcdef0};
	struct world_action actions[COUNT(positions)];
	unsigned i, prep;

	for (i = 0; i < COUNT(positions); i++)
		actions[i] = (struct world_action){ACT_CONSUMED, positions[i]};
	for (prep = 0; prep < 10; prep++) {
		struct nesting s = {.shape = {.nr_packets = 4,
					      .packet_bytes = 128,
					      .mode = CAIRN_DISCARD,
					      .clock = 100000},
				    .prep = prep,
				    .prep_bytes = 4,
				    .outer_bytes = 4,
				    .after = 6};

		nesting_explore(&s, actions, COUNT(actions), nesting_long() ? 2 : 1);
	}
	nesting_report();
}

/* Forward by more than a record's 48 bits: the times that a decoder rebuilds stay right. */
TEST(nesting_clock_leaps_at_every_access)
{
	static const struct world_action actions[] = {
		{ACT_CLOCK, ((uint64_t)1 << 48) + 5}, {ACT_CLOCK, (uint64_t)1 << 48},
		{ACT_CLOCK, ((uint64_t)1 << 48) - 3}, {ACT_CLOCK, (uint64_t)1 << 50},
		{ACT_CLOCK, (uint64_t)3 << 46},       {ACT_WRITE, 4}};
	static const struct world_action hours = {ACT_CLOCK, (uint64_t)3 << 46};

	nesting_shapes(actions, COUNT(actions), nesting_long() ? 2 : 1, 4, 128, 0);
	/* a writer is held up for hours before it publishes, then nothing happens for hours */
	nesting_shapes(&hours, 1, 2, 2, 128, 0);
}

/* A machine that has been up for days: in the first lap the headers' ts_end, 0, is long ago. */
TEST(nesting_clock_far_ahead_of_fresh_headers)
{
	unsigned n, prep;

	for (n = 2; n <= 4; n *= 2)
		for (prep = 0; prep <= 2 * n + 1; prep++) {
			struct nesting s = {.shape = {.nr_packets = n,
						      .packet_bytes = 128,
						      .clock = (uint64_t)3 << 48},
					    .prep = prep,
					    .prep_bytes = 4,
					    .outer_bytes = 4,
					    .after = 2};

			nesting_explore(&s, write_any, COUNT(write_any), 2);
		}
	nesting_report();
}

/* Back, while nothing is pending: a little is waited for, more is lost with its cause, never
 * written out of order. */
TEST(nesting_clock_steps_back_between_writes)
{
	static const uint64_t steps[] = {1, 3, 6, 20, 1000};
	unsigned i, prep;

	for (i = 0; i < COUNT(steps); i++)
		for (prep = 1; prep < 9; prep++) {
			struct nesting s = {
				.shape = {.nr_packets = 4, .packet_bytes = 128, .clock = 100000},
				.prep = prep,
				.prep_bytes = 4,
				.outer_bytes = 4};

			nesting_start_exploring(&s);
			w.clock -= steps[i];
			w.clock_stepped = true;
			nesting_start = w;
			world_explore(&(struct world_explorer){.run = nesting_run,
							       .actions = write_any,
							       .nr_actions = 2},
				      1);
			w.clock += 2000;
			CHECK(world_write(4));
			world_finish();
			if (steps[i] == 1000)
				CHECK_GE(w.ring.lost[CAIRN_LOST_CLOCK], 1);
			if (steps[i] <= 3)
				CHECK_EQ(w.ring.lost[CAIRN_LOST_CLOCK], 0);
		}
	nesting_report();
}

/* Back at any access, pending writers included: times may then be wrong (docs/ring.md), nothing
 * else may. */
TEST(nesting_clock_steps_back_at_every_access)
{
	static const struct world_action actions[] = {
		{ACT_CLOCK, -(uint64_t)3}, {ACT_CLOCK, -(uint64_t)1000}, {ACT_WRITE, 4}};

	nesting_shapes(actions, COUNT(actions), 2, 2, 128, 0);
}

/* Several thousand writes of all sizes, nested up to four deep at random points, with everything
 * else that may happen. */
static unsigned random_odds;

static void random_point(void)
{
	static const uint32_t sizes[] = {0, 1, 4, 5, 8, 12, 13, 16, 24, 60, 148};
	uint64_t r = check_rand();

	if (r % random_odds || w.depth >= 5 || w.nr_writes > WORLD_MAX_WRITES - 100)
		return;
	r >>= 32;
	if (r % 16 == 0)
		world_act((struct world_action){ACT_CLOCK, r % 3 ? r >> 4 : (uint64_t)1 << 49});
	else if (r % 16 < 4 && w.ring.mode == CAIRN_DISCARD)
		world_act((struct world_action){ACT_CONSUME, 0});
	else
		world_act((struct world_action){ACT_WRITE, sizes[(r >> 8) % COUNT(sizes)]});
}

static void random_runs(struct world_shape shape, unsigned writes)
{
	char name[120];

	world_init(&shape);
	snprintf(name, sizeof(name), "random, N=%u P=%u mode %d odds %u seed %" PRIu64,
		 shape.nr_packets, shape.packet_bytes, (int)shape.mode, random_odds, check_.seed);
	w.scenario = name;
	world_at_point = random_point;
	w.max_points = ~0u;
	while (w.nr_writes < writes) {
		w.points = w.accesses = 0;
		w.armed = true;
		world_write((uint32_t)(check_rand() % 28));
	}
	world_at_point = NULL;
	world_finish();
}

TEST(nesting_random_depth_four)
{
	unsigned n, p, mode;

	for (n = 2; n <= 8; n *= 2)
		for (p = 128; p <= 256; p *= 2)
			for (mode = 0; mode < 2; mode++)
				for (random_odds = 15; random_odds < 200; random_odds *= 3)
					random_runs((struct world_shape){n, p,
									 (enum cairn_mode)mode,
									 mode ? just_below_wrap : 0,
									 1000},
						    nesting_long() ? 50000 : 8000);
	nesting_report();
}

#if CAIRN_PORT_JUMPS
/*
 * A jump out of all writers, or of the nested ones alone, at every access, with nested writes before and after it: the stream goes on at the
 * next write, nothing torn is published, nothing committed is given up, and the sums hold.
 */
TEST(jump_at_every_access)
{
	static const struct world_action leave[] = {{ACT_LEAVE, 0}};
	static const struct world_action any[] = {{ACT_WRITE, 4}, {ACT_WRITE, 24}, {ACT_LEAVE, 0}, {ACT_LEAVE, 1}};
	static const struct world_action some[] = {{ACT_WRITE, 24}, {ACT_LEAVE, 0}, {ACT_LEAVE, 1}};

	nesting_shapes(leave, 1, 1, 8, 128, 0);
	nesting_shapes(leave, 1, 1, 4, 128, just_below_wrap);
	if (nesting_long()) {
		nesting_shapes(any, COUNT(any), 2, 8, 128, 0);
		nesting_shapes(some, COUNT(some), 3, 2, 128, 0);
		nesting_shapes(some, COUNT(some), 2, 4, 256, just_below_wrap);
	}
	nesting_shapes(some, COUNT(some), 2, 2, 128, 0);
	printf("# %" PRIu64 " recoveries, %" PRIu64 " records given up\n", world_recoveries, world_given_up);
	CHECK_GT(world_given_up, 1000);
}

/* No jump; but what openers prepare for one must not harm those that close the packet meanwhile. */
TEST(jump_foreseen_by_openers)
{
	static const struct world_action actions[] = {{ACT_WRITE, 24}, {ACT_WRITE, 24}, {ACT_WRITE, 24}};
	static const struct world_action small[] = {{ACT_WRITE, 24}, {ACT_WRITE, 4}, {ACT_WRITE, 24}};
	struct nesting s = {.shape = {.nr_packets = 4, .packet_bytes = 128, .clock = 100000},
			    .prep = 1,
			    .prep_bytes = 4,
			    .outer_bytes = 4,
			    .after = 2};

	nesting_start_exploring(&s);
	world_explore(&(struct world_explorer){.run = nesting_run, .actions = actions, .nr_actions = 3, .in_order = true}, 3);
	s.prep = 0;
	nesting_start_exploring(&s);
	world_explore(&(struct world_explorer){.run = nesting_run, .actions = small, .nr_actions = 3, .in_order = true}, 3);
	nesting_report();
}

/* The publisher of several small records is left. */
TEST(jump_out_of_publishing)
{
	static const struct world_action actions[] = {{ACT_WRITE, 4}, {ACT_WRITE, 4}, {ACT_LEAVE, 0}};
	struct nesting s = {.shape = {.nr_packets = 2, .packet_bytes = 256, .clock = 100000},
			    .prep = 1,
			    .prep_bytes = 4,
			    .outer_bytes = 4,
			    .after = 2};

	nesting_start_exploring(&s);
	world_explore(&(struct world_explorer){.run = nesting_run, .actions = actions, .nr_actions = 3, .in_order = true}, 3);
	nesting_report();
}

/* Writers that nested behind the one that was left, over several packets. */
TEST(jump_after_writes_that_fill_packets)
{
	static const struct {
		unsigned n, prep;
	} phases[] = {{2, 0}, {2, 1}, {2, 2}, {2, 6}, {4, 0}, {4, 7}};
	static const struct world_action actions[] = {{ACT_WRITE, 24}, {ACT_WRITE, 24}, {ACT_LEAVE, 0}};
	static const struct world_action inner[] = {{ACT_WRITE, 24}, {ACT_WRITE, 24}, {ACT_LEAVE, 1}};
	unsigned i;

	for (i = 1; i < COUNT(phases); i += nesting_long() ? 1 : 4) {
		struct nesting s = {
			.shape = {.nr_packets = phases[i].n, .packet_bytes = 128, .clock = 100000},
			.prep = phases[i].prep,
			.prep_bytes = 4,
			.outer_bytes = 4,
			.after = 3,
		};

		nesting_start_exploring(&s);
		world_explore(&(struct world_explorer){.run = nesting_run, .actions = actions, .nr_actions = 3, .in_order = true}, 3);
		world_explore(&(struct world_explorer){.run = nesting_run, .actions = inner, .nr_actions = 3, .in_order = true}, 3);
	}
	nesting_report();
}
#endif

CHECK_MAIN()
