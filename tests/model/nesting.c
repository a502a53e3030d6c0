/* SPDX-License-Identifier: MIT */
/*
 * Is every nesting of writers right? Exhaustive over small rings: a write is interrupted at any of its accesses by whole
 * nested writes, which are interrupted in turn. world.h says how; the invariants are those of core/ring.c.
 *
 * CAIRN_LONG=1 makes the enumeration wider (minutes).
 */
#include "world.h"

/* Where the outer write finds the ring: `prep` records of `prep_bytes` payload are there already. */
struct nesting {
	struct world_shape shape;
	unsigned prep;
	uint32_t prep_bytes;
	uint32_t outer_bytes;
	unsigned prep_consumed; /* packets that the reader took after the preparation (discard mode) */
	unsigned after;		/* writes after the outer one */
	char name[120];
};

static bool nesting_long(void)
{
	const char *s = getenv("CAIRN_LONG");

	return s && *s && *s != '0';
}

static void nesting_run(void *arg);

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

static void nesting_run(void *arg)
{
	const struct world_explorer *e = arg;
	const struct nesting *s = nesting_started;

	w = nesting_start;
	world_load_script(e);
	w.dirty = true;
	w.armed = true;
	world_write(s->outer_bytes);
	world_point();
	w.armed = false;
	for (unsigned i = 0; i < s->after; i++)
		world_write(4);
	world_finish();
}

static void nesting_name(struct nesting *s)
{
	snprintf(s->name, sizeof(s->name), "N=%u P=%u %s first=%" PRIx64 " prep=%ux%u outer=%u consumed=%u",
		 s->shape.nr_packets, s->shape.packet_bytes, s->shape.mode == CAIRN_DISCARD ? "discard" : "overwrite",
		 s->shape.first_pos, s->prep, s->prep_bytes, s->outer_bytes, s->prep_consumed);
}

static void nesting_explore(struct nesting *s, const struct world_action *actions, unsigned nr_actions, unsigned depth)
{
	struct world_explorer e = {.run = nesting_run, .actions = actions, .nr_actions = nr_actions};

	e.arg = &e;
	nesting_name(s);
	nesting_prepare(s);
	world_explore(&e, depth);
}

static void nesting_report(void)
{
	printf("# %" PRIu64 " runs, %" PRIu64 " points, %" PRIu64 " images decoded\n", world_runs, world_points, world_checks);
	world_runs = world_points = world_checks = 0;
}

/* Sizes that matter in packets of 128 bytes, where records have 36: two of 16, one that fills it, one too big. */
static const struct world_action write_small[] = {{ACT_WRITE, 4}};
static const struct world_action write_any[] = {{ACT_WRITE, 4}, {ACT_WRITE, 24}};
static const struct world_action write_all[] = {{ACT_WRITE, 4}, {ACT_WRITE, 0}, {ACT_WRITE, 13}, {ACT_WRITE, 24},
						{ACT_WRITE, 30}};

#define COUNT(a) (unsigned)(sizeof(a) / sizeof((a)[0]))

static const uint64_t just_below_wrap = ((uint64_t)1 << CAIRN_POS_BITS) - 256;

static void nesting_shapes(const struct world_action *actions, unsigned nr_actions, unsigned depth, unsigned max_packets,
			   uint32_t packet_bytes, uint64_t first_pos)
{
	static const uint32_t outer[] = {4, 24, 0};
	unsigned discard, n, prep, o;

	for (discard = 0; discard < 2; discard++)
		for (n = 2; n <= max_packets; n *= 2)
			for (prep = 0; prep <= 2 * n + 3; prep++)
				for (o = 0; o < COUNT(outer); o++) {
					struct nesting s = {
						.shape = {.nr_packets = n, .packet_bytes = packet_bytes,
							  .mode = discard ? CAIRN_DISCARD : CAIRN_OVERWRITE,
							  .first_pos = first_pos, .clock = 1000},
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

/* Losses of every size among the nested writes. */
TEST(nesting_losses_between_packets)
{
	static const struct world_action actions[] = {{ACT_WRITE, 24}, {ACT_WRITE, 30}};

	struct nesting s = {.shape = {.nr_packets = 4, .packet_bytes = 128, .clock = 1000}, .prep = 2, .prep_bytes = 4,
			    .outer_bytes = 4, .after = 2};

	nesting_shapes(actions, COUNT(actions), 2, 4, 128, 0);
	nesting_explore(&s, actions, COUNT(actions), 3);
	nesting_report();
}

TEST(nesting_two_writes_at_every_access)
{
	nesting_shapes(write_any, COUNT(write_any), 2, nesting_long() ? 8 : 4, 128, 0);
	nesting_shapes(write_small, COUNT(write_small), 2, 4, 256, 0);
}

/* Three writes, in the phases that differ: empty, middle of a packet, last that fits, must open, slot reused. */
TEST(nesting_three_writes_at_every_access)
{
	static const struct { unsigned n, prep; uint32_t outer; bool discard; } phases[] = {
		{2, 0, 4, false}, {2, 1, 4, false}, {2, 2, 4, false}, {2, 6, 4, false}, {4, 0, 24, false},
		{4, 7, 24, false}, {2, 6, 4, true}, {4, 9, 0, true},
	};
	unsigned i;

	for (i = 0; i < COUNT(phases); i++) {
		struct nesting s = {
			.shape = {.nr_packets = phases[i].n, .packet_bytes = 128,
				  .mode = phases[i].discard ? CAIRN_DISCARD : CAIRN_OVERWRITE, .clock = 1000},
			.prep = phases[i].prep, .prep_bytes = 4, .outer_bytes = phases[i].outer,
			.prep_consumed = phases[i].discard ? phases[i].prep : 0, .after = 2,
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
	nesting_shapes(write_any, COUNT(write_any), nesting_long() ? 2 : 1, 8, 128, just_below_wrap);
	nesting_shapes(write_any, COUNT(write_any), 1, 2, 256, just_below_wrap);
}

CHECK_MAIN()
