/* SPDX-License-Identifier: MIT */
/* The ORDER labels of the core that no model of the ring meets, and what fails without each: docs/ring.md. How it is done: orders.h. */
#include "orders.h"

/* ---- message passing ---- */

TEST(complete_A_the_region_before_its_magic)
{
	uint32_t *magic = (uint32_t *)(void *)orders_region;
	size_t copy = 0;

	orders_begin();
	orders_record(&orders_first);
	CHECK_EQ(orders_init(false), 0);
	orders_stop_recording();
	copy = (size_t)cairn_image.plan.bytes - CAIRN_PAGE_BYTES;
	for (unsigned i = 0; i < CAIRN_MAGIC_BYTES / 4; i++) {
		const struct orders_message *m = orders_last_message(magic + i);

		CHECK(m != NULL);
		CHECK(orders_known(orders_region + CAIRN_MAGIC_BYTES, copy - CAIRN_MAGIC_BYTES,
				   m->view));
		CHECK(orders_known(orders_region + copy + CAIRN_MAGIC_BYTES,
				   CAIRN_PAGE_BYTES - CAIRN_MAGIC_BYTES, m->view));
	}
}

TEST(opened_A_the_control_block_and_its_slots_before_the_magic)
{
	const struct orders_message *m;
	const struct cairn_ring *r;

	orders_begin();
	CHECK_EQ(orders_init(true), 0);
	orders_record(&orders_first);
	CHECK_EQ(cairn_ring_open(0, 7), 0);
	orders_stop_recording();
	r = &cairn_image.rings[0];
	m = orders_last_message(&r->magic);
	CHECK(m != NULL);
	CHECK(orders_known(&r->pos, 8, m->view));
	CHECK(orders_known(&r->committed, 8, m->view));
	CHECK(orders_known(&r->ring_mask, 8, m->view));
	CHECK(orders_known(&r->pkt_mask, 8, m->view));
	CHECK(orders_known(&r->seq_hint, 8, m->view));
	CHECK(orders_known(&r->packets_offset, 8, m->view));
	CHECK(orders_known(orders_region + r->packets_offset, 8192, m->view));
}

TEST(ring_A_the_control_block_before_the_pointer_through_which_emitters_come)
{
	const struct orders_message *m;
	struct cairn_slot slot = {0};
	void *payload;

	orders_begin();
	CHECK_EQ(orders_init(true), 0);
	orders_record(&orders_first);
	CHECK_EQ(cairn_ring_open(0, 7), 0);
	orders_stop_recording();
	m = orders_last_message(&cairn_rings[0]);
	CHECK(m != NULL);
	/* an emitter elsewhere sees the pointer and what it knows through it */
	struct cairn_ring *r = cairn_rings[0];
	orders_rewind();
	cairn_rings[0] = r;
	orders_unseen = &orders_first;
	orders_flag = &cairn_rings[0];
	orders_view = m->view;
	orders_depends = true;
	CHECK_EQ(r->magic, 0);
	payload = cairn_reserve(&slot, 1000, 8);
	CHECK(payload != NULL);
	CHECK((char *)payload > orders_region && (char *)payload < orders_region + ORDERS_REGION);
	cairn_commit(&slot);
	CHECK_EQ(r->committed >> CAIRN_POS_BITS, 1);
	CHECK(cairn_ring_valid(r));
}

TEST(region_A_and_B_the_places_of_the_sections_before_the_region)
{
	const struct orders_message *m;
	char *region;

	orders_begin();
	orders_record(&orders_first);
	CHECK_EQ(orders_init(false), 0);
	orders_stop_recording();
	m = orders_last_message(&cairn_image.region);
	CHECK(m != NULL);
	CHECK(orders_known(&cairn_image.state, 8, m->view));
	CHECK(orders_known(&cairn_image.names, 8, m->view));
	CHECK(orders_known(&cairn_image.plan, sizeof(cairn_image.plan), m->view));
	/* a hook elsewhere that sees the region; what is in the sections it finds or not (the region is not complete yet) */
	region = cairn_image.region;
	orders_rewind();
	cairn_image.region = region;
	orders_unseen = &orders_first;
	orders_flag = &cairn_image.region;
	orders_view = m->view;
	CHECK_EQ(cairn_image.names, NULL);
	cairn_task_name(5, 5, "five");
	CHECK_NE(cairn_image.names, NULL);
	CHECK_EQ((char *)cairn_image.names - region, cairn_image.plan.names);
}

TEST(metadata_A_and_entry_A_packets_and_entries_before_their_counts)
{
	const struct orders_message *m;
	unsigned n, events = 0;

	orders_begin();
	orders_record(&orders_first);
	CHECK_EQ(orders_init(false), 0);
	orders_stop_recording();
	for (n = 0; (m = orders_message(&cairn_image.state->metadata_bytes, n)); n++)
		CHECK(orders_known(cairn_image.metadata, m->value & ~3u, m->view));
	CHECK_GE(n, 3);
	for (n = 0; (m = orders_message(&cairn_image.state->nr_events, n)); n++)
		for (unsigned i = 0; i < m->value; i++) {
			const struct cairn_event_entry *e = &cairn_image.entries[i];

			CHECK(orders_known(&e->id, sizeof(e->id), m->view));
			CHECK(orders_known(&e->mask, sizeof(e->mask), m->view));
			CHECK(orders_known(&e->hash, sizeof(e->hash), m->view));
			events++;
		}
	CHECK_GE(events, 3);
}

TEST(stopped_A_the_time_of_the_stop_before_the_flag)
{
	const struct orders_message *m;

	orders_begin();
	CHECK_EQ(orders_init(false), 0);
	orders_record(&orders_first);
	cairn_stop();
	orders_stop_recording();
	m = orders_last_message(&cairn_image.state->flags);
	CHECK(m != NULL && (m->value & CAIRN_STATE_STOPPED));
	CHECK(orders_known(&cairn_image.state->stopped_at, 8, m->view));
	CHECK(orders_known(&cairn_image.rings[0].enabled, 4, m->view));
}

/* Odd, the words, even: who sees the even number knows the words; who sees a word knows the odd number. */
static void orders_check_version(const void *version, const void *const *words, unsigned nr)
{
	const struct orders_message *odd = orders_message(version, 0),
				    *even = orders_message(version, 1);

	CHECK(odd != NULL && even != NULL);
	CHECK(odd->value % 2 == 1 && even->value % 2 == 0);
	for (unsigned i = 0; i < nr; i++) {
		const struct orders_message *m;

		CHECK(orders_message(words[i], 0) != NULL);
		CHECK(orders_known(words[i], 4, even->view));
		for (unsigned n = 0; (m = orders_message(words[i], n)); n++)
			CHECK_GT(m->view, odd->number);
	}
	CHECK_MSG(orders_swap_acquired,
		  "the words may be stored before those of the writer before, on another CPU");
}

TEST(clock_A_the_words_between_an_odd_and_an_even_number)
{
	struct cairn_state *s;

	orders_begin();
	CHECK_EQ(orders_init(false), 0);
	s = cairn_image.state;
	orders_record(&orders_first);
	orders_swap_acquired = false;
	cairn_clock_set(0x1111111122222222, 0x3333333344444444, 0x5555555566666666);
	orders_stop_recording();
	orders_check_version(&s->clock_seq,
			     (const void *const[]){&s->clock_hz, &s->clock_base, &s->wall_base_ns},
			     3);
}

TEST(name_A_the_words_between_an_odd_and_an_even_version)
{
	struct cairn_name *n = NULL;

	orders_begin();
	CHECK_EQ(orders_init(false), 0);
	orders_record(&orders_first);
	orders_swap_acquired = false;
	cairn_task_name(5, 6, "fivefive");
	orders_stop_recording();
	for (unsigned i = 0; i < 16 && !n; i++)
		if (cairn_image.names[i].pid == 5)
			n = &cairn_image.names[i];
	CHECK(n != NULL);
	orders_check_version(&n->version, (const void *const[]){&n->pid, &n->tgid, n->comm}, 3);
}

/* ---- message passing: buffers ---- */

/* On memory as it was before the first thread ran but for `flag`, which has the value of its message. */
static void orders_see_only(const struct orders_message *flag, unsigned bytes)
{
	uint32_t value[2] = {flag->value, bytes == 8 ? flag[1].value : 0};

	orders_rewind();
	memcpy(flag->word, value, bytes);
	for (unsigned a = 0; a < ORDERS_AREAS; a++)
		memcpy(orders_areas[a].shadow, orders_areas[a].at, orders_areas[a].bytes);
	orders_unseen = &orders_first;
	orders_flag = flag->word;
	orders_flag_loaded = false;
	orders_view = flag->view;
}

static void orders_emit(void)
{
	struct cairn_slot slot = {0};
	void *p = cairn_reserve(&slot, 1000, 8);

	if (!p)
		return;
	memset(p, 0x5a, 8);
	cairn_commit(&slot);
}

static void orders_begin_buffers(void)
{
	orders_begin();
	memset(&cairn_image.control, 0, sizeof(cairn_image.control));
	CHECK_EQ(orders_init_with(false, 3), 0);
	orders_emit();
}

static void orders_do_create(void)
{
	CHECK_GE(cairn_buffer_create("one", 8192, CAIRN_OVERWRITE), 1);
}

/* All that a request's block says must be known. */
static bool orders_block_is_known(const struct cairn_ring *n, uint32_t view)
{
	return orders_known(n, offsetof(struct cairn_ring, successor), view) && orders_known((char *)(uintptr_t)n->base, 8192, view);
}

TEST(busy_A_and_B_all_that_one_caller_changed_before_the_next_one)
{
	const struct orders_message *m;
	struct cairn_ring *r, *n;

	orders_begin_buffers();
	orders_record(&orders_first);
	CHECK_EQ(cairn_buffer_resize(0, CAIRN_ALL_CPUS, 16384), 0);
	orders_stop_recording();
	m = orders_last_message(&cairn_image.control.busy);
	CHECK(m != NULL && m->value == 0);
	CHECK(orders_known(&cairn_image.buffers[0].ring_bytes, 8, m->view)); /* behind its last fence */
	CHECK(orders_known(cairn_image.rings, cairn_image.plan.nr_rings * sizeof(struct cairn_ring), m->view));
	CHECK(orders_known(&cairn_image.control.hint, 8, m->view));
	/* the next caller changes what the first one asked for, and takes no block of its own */
	orders_see_only(m, 4);
	CHECK_EQ(cairn_image.rings[0].successor, 0);
	CHECK_GE(cairn_buffer_snapshot(0), 1);
	r = &cairn_image.rings[0];
	n = (struct cairn_ring *)(uintptr_t)r->successor;
	CHECK(n == &cairn_image.rings[1]);
	CHECK_EQ(n->ring_mask + 1, 16384);
	CHECK_MSG(!orders_unseen, "the caller has not acquired what the one before it did");
	/* the worker is another */
	orders_see_only(m, 4);
	cairn_buffers_work();
	CHECK_MSG(!orders_unseen, "the worker has not acquired what the caller before it did");
}

/* Another CPU that sees that events are counted sees how many, whether it writes or ticks: else it freezes at once. */
TEST(count_A_and_B_how_many_before_that_they_are_counted)
{
	const struct orders_message *m;

	orders_begin_buffers();
	orders_record(&orders_first);
	cairn_stop_after(5);
	orders_stop_recording();
	m = orders_message(&cairn_ring_orders.counting, 0);
	CHECK(m != NULL);
	CHECK(orders_known(&cairn_ring_orders.left, 8, m->view));
	orders_see_only(m, 4);
	cairn_flight_tick();
	CHECK_MSG(!orders_unseen, "the tick has not acquired `left`");
	CHECK(cairn_is_tracing_on());
	orders_see_only(m, 4);
	(void)cairn_ring_slow(cairn_rings[0], 16);
	CHECK_MSG(!orders_unseen, "the writer has not acquired `left`");
	CHECK(cairn_is_tracing_on());
	cairn_flight_disarm();
}

/* Another CPU that forgets what is kept forgets when to freeze, too; what is armed again while it does so stays armed, both or neither. */
TEST(keep_A_and_B_when_to_freeze_before_what_is_kept)
{
	const struct orders_message *m;

	orders_begin_buffers();
	orders_record(&orders_first);
	CHECK_EQ(cairn_keep(1000, 1000), 0);
	orders_stop_recording();
	m = orders_message(&cairn_ring_orders.keep_from, 0);
	CHECK(m != NULL);
	CHECK(orders_known(&cairn_ring_orders.stop_at, 8, m->view));
	orders_see_only(m, 8);
	cairn_flight_disarm();
	CHECK_MSG(!orders_unseen, "who forgets has not acquired stop_at");
	CHECK_EQ(cairn_ring_orders.stop_at, 0);
	CHECK_EQ(cairn_ring_orders.keep_from, 0);
}

TEST(request_A_and_B_the_block_before_its_address)
{
	const struct orders_message *m;
	struct cairn_ring *r, *n;

	orders_begin_buffers();
	r = &cairn_image.rings[0];
	orders_record(&orders_first);
	CHECK_EQ(cairn_buffer_resize(0, 0, 16384), 0);
	orders_stop_recording();
	n = (struct cairn_ring *)(uintptr_t)r->successor;
	m = orders_message(&r->successor, 0);
	CHECK(m != NULL);
	CHECK(orders_block_is_known(n, m->view));
	/* its CPU sees the address, and goes over */
	orders_see_only(m, 8);
	CHECK_EQ(n->base, 0);
	cairn_ring_pull(r);
	cairn_ring_tick(r);
	CHECK_MSG(!orders_unseen, "the block's words were not acquired");
	CHECK(CAIRN_LOAD_PTR(&cairn_rings[0]) == n);
	CHECK(cairn_ring_valid(n));
	/* a third CPU changes the mode of all rings, of the one to come too: the older mode must not be stored after that */
	orders_see_only(m, 8);
	CHECK_EQ(n->mode, CAIRN_OVERWRITE);
	n->mode = CAIRN_DISCARD; /* of a life before; so that the request's store is one */
	orders_rewind();
	cairn_image.rings[1].mode = CAIRN_DISCARD;
	orders_record(&orders_first);
	CHECK_EQ(cairn_buffer_resize(0, 0, 16384), 0);
	orders_stop_recording();
	m = orders_message(&r->successor, 0);
	CHECK(m != NULL && orders_message(&n->mode, 0) != NULL);
	orders_see_only(m, 8);
	orders_record(&orders_second);
	CHECK_EQ(cairn_buffer_set_mode(0, CAIRN_DISCARD), 0);
	orders_stop_recording();
	CHECK_MSG(!orders_unseen, "the block's words were not acquired");
	CHECK_EQ(n->mode, CAIRN_DISCARD);
}

TEST(retired_A_and_B_all_that_the_CPU_did_to_a_ring_before_it_is_given_away)
{
	const struct orders_message *m;
	struct cairn_ring *r, *n;

	orders_begin_buffers();
	r = &cairn_image.rings[0];
	CHECK_EQ(cairn_buffer_resize(0, 0, 16384), 0);
	n = (struct cairn_ring *)(uintptr_t)r->successor;
	orders_record(&orders_first);
	cairn_ring_tick(r);
	orders_stop_recording();
	CHECK(CAIRN_LOAD_PTR(&cairn_rings[0]) == n);
	m = orders_message(&r->committed, 0);
	CHECK(m != NULL && m->value & CAIRN_POS_RETIRED);
	CHECK(orders_known(&r->pos, 8, m->view));
	CHECK(orders_known(&r->successor, 8, m->view));
	CHECK(orders_known(r->lost, sizeof(r->lost), m->view));
	CHECK(orders_known((char *)(uintptr_t)r->base, 8192, m->view));
	CHECK(orders_known(cairn_rings, sizeof(cairn_rings[0]), m->view));
	CHECK(orders_known(n, sizeof(*n), m->view));
	CHECK(orders_known((char *)(uintptr_t)n->base, 16384, m->view));
	/* who takes the block back */
	orders_see_only(m, 8);
	r->state = CAIRN_RING_FROZEN;
	cairn_buffers_work();
	CHECK_EQ(r->state, CAIRN_RING_POOLED);
	CHECK_MSG(!orders_unseen, "the ring is given away, and what its CPU did may come after");
}

TEST(ring_A_the_successor_and_an_instance_before_their_pointers)
{
	const struct orders_message *m;
	const struct cairn_ring *n;

	orders_begin_buffers();
	CHECK_EQ(cairn_buffer_resize(0, 0, 16384), 0);
	n = (struct cairn_ring *)(uintptr_t)cairn_image.rings[0].successor;
	orders_record(&orders_first);
	cairn_ring_tick(&cairn_image.rings[0]);
	orders_stop_recording();
	m = orders_message(&cairn_rings[0], 0);
	CHECK(m != NULL);
	CHECK(orders_known(&n->pos, 8, m->view));
	CHECK(orders_known(&n->committed, 8, m->view));
	CHECK(orders_known(&n->events_total, 8, m->view));
	CHECK(orders_known((char *)(uintptr_t)n->base, 16384, m->view));
	/* who is to ask the ring for the next exchange knows of the last one (B5) */
	orders_see_only(m, 8);
	CHECK(buffer_current(0, 0) == n);
	CHECK_MSG(!orders_unseen, "the ring is known, and what was done before it is not");

	orders_begin_buffers();
	orders_record(&orders_first);
	orders_do_create();
	orders_stop_recording();
	n = cairn_image.control.rings[0][0];
	CHECK(n != NULL);
	m = orders_message(&cairn_image.control.rings[0][0], 0);
	CHECK(m != NULL);
	CHECK(orders_block_is_known(n, m->view));
}

/* Who sees that a block is set aside knows where its packets are. */
TEST(prepared_blocks_are_whole)
{
	const struct orders_message *m;
	const struct cairn_ring *n;

	orders_begin();
	memset(&cairn_image.control, 0, sizeof(cairn_image.control));
	CHECK_EQ(orders_init_with(true, 3), 0);
	orders_record(&orders_first);
	orders_do_create();
	orders_stop_recording();
	n = &cairn_image.rings[1];
	m = orders_message(&n->state, 0);
	CHECK(m != NULL && m->value == CAIRN_RING_PREPARED);
	CHECK(orders_known(&n->packets_offset, 8, m->view));
	CHECK(orders_known(&n->slot, 8, m->view));
	CHECK(orders_known(&n->ring_mask, 8, m->view));
}

TEST(quiet_A_and_B_the_last_use_of_a_ring_before_another_CPU_gets_it)
{
	const struct orders_message *m;
	struct cairn_ring *r;

	orders_begin_buffers();
	r = &cairn_image.rings[0];
	orders_record(&orders_first);
	orders_emit();
	cairn_image.control.busy = 1; /* only the count */
	cairn_buffers_work();
	orders_stop_recording();
	m = orders_last_message(&cairn_image.control.quiet[0]);
	CHECK(orders_message(&cairn_image.control.quiet[0], 0) != NULL);
	m = orders_message(&cairn_image.control.quiet[0], 0);
	CHECK(orders_known(&r->pos, 8, m->view));
	CHECK(orders_known((char *)(uintptr_t)r->base, 8192, m->view));
	/* a worker elsewhere */
	orders_see_only(m, 8);
	r->state = CAIRN_RING_POOLED;
	r->quiet = 0;
	cairn_image.control.busy = 0;
	cairn_blocks_settle();
	CHECK_EQ(r->state, CAIRN_RING_UNUSED);
	CHECK_MSG(!orders_unseen, "the block is free, and what its CPU did may come after");
}

TEST(leave_A_and_grace_B_what_was_done_with_a_ring_before_the_depth)
{
	const struct orders_message *m;
	struct cairn_ring *r;
	uint64_t *depth = &cairn_image.control.depth[0];

	orders_begin_buffers();
	r = &cairn_image.rings[0];
	CHECK(cairn_gate_enter(0));
	cairn_gate_begin_grace();
	CHECK(!cairn_gate_grace_is_over());
	orders_record(&orders_first);
	orders_emit();
	cairn_gate_leave(0);
	orders_stop_recording();
	m = orders_message(depth, 0);
	CHECK(m != NULL);
	CHECK(orders_known(&r->pos, 8, m->view));
	CHECK(orders_known((char *)(uintptr_t)r->base, 8192, m->view));
	orders_see_only(m, 8);
	CHECK(cairn_gate_grace_is_over());
	CHECK_MSG(!orders_unseen, "the grace period is over, and what the CPU did may come after");
	/* the same seen where the period begins */
	orders_see_only(m, 8);
	cairn_gate_begin_grace();
	CHECK_EQ(cairn_image.control.depth_then[0] & CAIRN_GATE_DEPTH_MASK, 0);
	CHECK_MSG(!orders_unseen, "the grace period is over, and what the CPU did may come after");
}

/* ---- store buffering ---- */

static void orders_do_open(void)
{
	CHECK_EQ(cairn_ring_open(0, 0), 0);
}

/* The writer raises limit: it had been stale. */
static void orders_do_raise(void)
{
	(void)cairn_ring_slow(&cairn_image.rings[0], 20);
}

static void orders_do_stop_ring(void)
{
	cairn_ring_stop(&cairn_image.rings[0]);
}

static bool orders_ring_is_off(void)
{
	const struct cairn_ring *r = &cairn_image.rings[0];

	return !r->enabled && cairn_pos_diff(r->limit, r->pos) < 0;
}

static bool orders_limit_is_pulled(void)
{
	const struct cairn_ring *r = &cairn_image.rings[0];

	return cairn_pos_diff(r->limit, r->pos) < 0;
}

/* Both at once, the first not having seen anything of the second. */
static void orders_both(void (*first)(void), void (*second)(void), bool (*holds)(void),
			const char *what)
{
	static char after[2][ORDERS_REGION];
	uint32_t full, i;

	orders_record(&orders_first);
	first();
	orders_stop_recording();
	full = orders_first.full;
	orders_rewind();
	memcpy(orders_shadow, orders_region, ORDERS_REGION);
	orders_unseen = &orders_first;
	orders_record(&orders_second);
	second();
	orders_stop_recording();
	orders_unseen = NULL;
	/* the rest of the first: words that only it stored; then those that both did, as either would have it */
	for (i = 0; i < orders_first.nr; i++)
		if (!orders_stored(&orders_second, orders_first.m[i].word))
			memcpy(orders_first.m[i].word, &orders_first.m[i].value, 4);
	CHECK_MSG(holds(), "%s: the second's stores are the last", what);
	memcpy(after[0], orders_region, ORDERS_REGION);
	for (i = 0; i < orders_first.nr; i++)
		if (orders_stored(&orders_second, orders_first.m[i].word) &&
		    (orders_first.m[i].number >= full || !orders_second.full ||
		     orders_last_number(&orders_second, orders_first.m[i].word) <
			     orders_second.learned))
			memcpy(orders_first.m[i].word, &orders_first.m[i].value, 4);
	CHECK_MSG(holds(), "%s: the first's stores are the last", what);
}

/* A ring with a record in its packet, whose limit is stale. */
static void orders_start(void)
{
	struct cairn_slot slot = {0};

	orders_begin();
	CHECK_EQ(orders_init(false), 0);
	CHECK(cairn_reserve(&slot, 1000, 8) != NULL);
	cairn_commit(&slot);
	cairn_rings[0]->limit = cairn_rings[0]->pos & CAIRN_POS_MASK & ~cairn_rings[0]->pkt_mask;
}

TEST(stop_A_and_open_B_a_stop_against_the_writer_that_raises_limit)
{
	orders_start();
	orders_both(orders_do_raise, orders_do_stop_ring, orders_limit_is_pulled, "raise, stop");
	orders_start();
	orders_both(orders_do_stop_ring, orders_do_raise, orders_limit_is_pulled, "stop, raise");
}

TEST(off_A_and_off_B_switching_off_against_a_ring_that_is_being_opened)
{
	orders_begin();
	CHECK_EQ(orders_init(true), 0);
	orders_both(orders_do_open, cairn_tracing_off, orders_ring_is_off, "open, off");
	orders_begin();
	CHECK_EQ(orders_init(true), 0);
	orders_both(cairn_tracing_off, orders_do_open, orders_ring_is_off, "off, open");
}

static bool orders_ring_is_on(void)
{
	const struct cairn_ring *r = cairn_rings[0];

	return r && r->enabled;
}

TEST(off_A_and_off_B_switching_on_against_a_ring_that_is_being_opened)
{
	for (unsigned i = 0; i < 2; i++) {
		orders_begin();
		CHECK_EQ(orders_init(true), 0);
		cairn_tracing_off();
		if (i)
			orders_both(orders_do_open, cairn_tracing_on, orders_ring_is_on, "open, on");
		else
			orders_both(cairn_tracing_on, orders_do_open, orders_ring_is_on, "on, open");
	}
}

TEST(off_A_and_off_B_a_stop_against_switching_on)
{
	orders_start();
	cairn_tracing_off();
	orders_both(cairn_tracing_on, cairn_stop, orders_ring_is_off, "on, stop");
	orders_start();
	cairn_tracing_off();
	orders_both(cairn_stop, cairn_tracing_on, orders_ring_is_off, "stop, on");
}

static bool orders_instance_is_open(void)
{
	return cairn_image.control.rings[0][0] != NULL;
}

TEST(attach_A_and_attach_B_an_instance_that_is_made_against_the_ring_that_is_opened)
{
	for (unsigned order = 0; order < 2; order++) {
		orders_begin();
		memset(&cairn_image.control, 0, sizeof(cairn_image.control));
		CHECK_EQ(orders_init_with(true, 3), 0);
		if (order)
			orders_both(orders_do_create, orders_do_open, orders_instance_is_open, "create, open");
		else
			orders_both(orders_do_open, orders_do_create, orders_instance_is_open, "open, create");
	}
}

static void orders_do_ask(void)
{
	CHECK_EQ(cairn_buffer_resize(0, 0, 16384), 0);
}

static void orders_do_count(void)
{
	cairn_stop_after(5);
}

TEST(stop_A_and_open_B_a_request_and_an_order_against_the_writer_that_raises_limit)
{
	void (*const what[])(void) = {orders_do_ask, orders_do_count};

	for (unsigned i = 0; i < 4; i++) {
		orders_begin_buffers();
		cairn_rings[0]->limit = cairn_rings[0]->pos & CAIRN_POS_MASK & ~cairn_rings[0]->pkt_mask;
		if (i & 1)
			orders_both(orders_do_raise, what[i / 2], orders_limit_is_pulled, "raise, ask");
		else
			orders_both(what[i / 2], orders_do_raise, orders_limit_is_pulled, "ask, raise");
	}
}

static bool orders_instance_is_off(void)
{
	const struct cairn_ring *r = cairn_image.control.rings[0][0];

	return r && !r->enabled && cairn_pos_diff(r->limit, r->pos) < 0;
}

static void orders_do_off(void)
{
	CHECK_EQ(cairn_buffer_off(1), 0);
}

static void orders_do_on(void)
{
	CHECK_EQ(cairn_buffer_on(1), 0);
}

TEST(off_A_and_off_B_switches_against_an_instance)
{
	void (*const what[])(void) = {cairn_tracing_off, orders_do_off};

	for (unsigned i = 0; i < 4; i++) { /* whose ring is being opened */
		orders_begin();
		memset(&cairn_image.control, 0, sizeof(cairn_image.control));
		CHECK_EQ(orders_init_with(true, 3), 0);
		orders_do_create();
		if (i & 1)
			orders_both(orders_do_open, what[i / 2], orders_instance_is_off, "open, off");
		else
			orders_both(what[i / 2], orders_do_open, orders_instance_is_off, "off, open");
	}
	for (unsigned i = 0; i < 2; i++) { /* that is being switched on */
		orders_begin_buffers();
		orders_do_create();
		orders_do_off();
		if (i)
			orders_both(orders_do_on, cairn_tracing_off, orders_instance_is_off, "on, off");
		else
			orders_both(cairn_tracing_off, orders_do_on, orders_instance_is_off, "off, on");
	}
}

static bool orders_instance_is_on(void)
{
	const struct cairn_ring *r = cairn_image.control.rings[0][0];

	return r && r->enabled;
}

static void orders_do_main_on(void)
{
	CHECK_EQ(cairn_buffer_on(0), 0);
}

static bool orders_successor_is_on(void)
{
	const struct cairn_ring *n = (const struct cairn_ring *)(uintptr_t)cairn_image.rings[0].successor;

	return n && n->enabled;
}

TEST(off_A_and_off_B_switching_on_against_a_ring_that_is_made)
{
	for (unsigned i = 0; i < 2; i++) { /* an instance's */
		orders_begin();
		memset(&cairn_image.control, 0, sizeof(cairn_image.control));
		CHECK_EQ(orders_init_with(true, 3), 0);
		orders_do_create();
		orders_do_off();
		if (i)
			orders_both(orders_do_open, orders_do_on, orders_instance_is_on, "open, on");
		else
			orders_both(orders_do_on, orders_do_open, orders_instance_is_on, "on, open");
	}
	for (unsigned i = 0; i < 2; i++) { /* that another one is to go over to */
		orders_begin_buffers();
		CHECK_EQ(cairn_buffer_off(0), 0);
		if (i)
			orders_both(orders_do_ask, orders_do_main_on, orders_successor_is_on, "ask, on");
		else
			orders_both(orders_do_main_on, orders_do_ask, orders_successor_is_on, "on, ask");
	}
}

static const struct cairn_ring *orders_saw;

/* A writer of an instance comes, and looks where the ring is. */
static void orders_do_enter(void)
{
	CHECK(cairn_gate_enter(0));
	orders_saw = CAIRN_LOAD_PTR(cairn_buffer_slot(1, 0));
}

static void orders_do_grace(void)
{
	__atomic_store_n(cairn_buffer_slot(1, 0), NULL, __ATOMIC_RELAXED);
	cairn_gate_begin_grace();
}

static bool orders_waits_for_the_writer(void)
{
	return !orders_saw || (cairn_image.control.depth_then[0] & CAIRN_GATE_DEPTH_MASK) != 0;
}

/* A writer that is too late for an instance finds no ring, and knows why: nothing is lost. */
TEST(leaving_A_and_B_that_an_instance_goes_before_its_pointers)
{
	const struct orders_message *m;
	struct cairn_slot slot = {0};

	orders_begin_buffers();
	orders_do_create();
	CHECK(cairn_gate_enter(0));
	orders_record(&orders_first);
	CHECK_EQ(cairn_buffer_remove(1), 0);
	orders_stop_recording();
	m = orders_message(cairn_buffer_slot(1, 0), 0);
	CHECK(m != NULL);
	CHECK(orders_known(&cairn_image.control.leaving, 4, m->view));
	orders_see_only(m, 8);
	CHECK(!gate_reserve(&slot, 1, 0, 16));
	CHECK_MSG(!orders_unseen, "who finds no ring has not acquired that the instance goes");
	CHECK_EQ(cairn_image.state->lost_no_stream, 0);
}

TEST(enter_A_and_grace_A_a_writer_that_comes_against_the_instance_that_goes)
{
	for (unsigned order = 0; order < 2; order++) {
		orders_begin_buffers();
		orders_do_create();
		CHECK(orders_instance_is_open());
		if (order)
			orders_both(orders_do_enter, orders_do_grace, orders_waits_for_the_writer, "enter, grace");
		else
			orders_both(orders_do_grace, orders_do_enter, orders_waits_for_the_writer, "grace, enter");
	}
}

static bool orders_sleeps;

static void orders_do_fill(void)
{
	for (unsigned i = 0; i < 4096 / 16; i++)
		orders_emit();
}

static void orders_do_sleep(void)
{
	struct cairn_ring_reader c = {.ring = &cairn_image.rings[0]};

	orders_sleeps = cairn_ring_reader_sleep(&c);
}

static bool orders_reader_knows(void)
{
	return !orders_sleeps || orders_wakes;
}

TEST(wake_A_and_wake_B_a_reader_that_goes_to_sleep_against_the_packet_it_waits_for)
{
	for (unsigned order = 0; order < 2; order++) {
		orders_start();
		CHECK_EQ(cairn_buffer_wake_at(0, 50), 0);
		cairn_image.rings[0].woken = 1; /* for what it has read since */
		orders_wakes = 0;
		orders_sleeps = false;
		if (order)
			orders_both(orders_do_fill, orders_do_sleep, orders_reader_knows, "fill, sleep");
		else
			orders_both(orders_do_sleep, orders_do_fill, orders_reader_knows, "sleep, fill");
	}
}

/* No ordering: a nested writer has filled the packet, and the outer one, whose commit shows it to readers, tells them. */
TEST(wake_of_the_reader_by_the_writer_that_publishes)
{
	struct cairn_slot slot = {0};

	orders_start();
	CHECK_EQ(cairn_buffer_wake_at(0, 50), 0);
	orders_wakes = 0;
	CHECK(cairn_reserve(&slot, 1000, 8) != NULL);
	orders_do_fill();
	orders_do_sleep();
	CHECK(orders_sleeps);
	cairn_commit(&slot);
	CHECK_EQ(orders_wakes, 1);
	orders_do_fill(); /* told already */
	CHECK_EQ(orders_wakes, 1);
	orders_do_sleep();
	CHECK(!orders_sleeps);
	orders_start(); /* not asked for */
	orders_do_fill();
	CHECK_EQ(orders_wakes, 1);
	CHECK_EQ(cairn_buffer_wake_at(0, 100), 0); /* not so much yet */
	cairn_image.rings[0].consumed = cairn_image.rings[0].committed & CAIRN_POS_MASK & ~cairn_image.rings[0].pkt_mask;
	orders_do_fill();
	CHECK_EQ(orders_wakes, 1);
}

CHECK_MAIN()
