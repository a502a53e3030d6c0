/* SPDX-License-Identifier: MIT */
/* The registry: ids, patterns, consumers, boot string, late modules, what does not fit; recording switch and tracer. */
#define CAIRN_CREATE_EVENTS
#include "port/port.h"

#include "check.h"
#include "core/text.h"

CAIRN_EVENT(alpha, start, (field, uint32_t, n), "n=%u");
CAIRN_EVENT(alpha, stop, (field, uint32_t, n), "n=%u");
CAIRN_EVENT(beta, starting, (field, uint32_t, n), "n=%u");
CAIRN_EVENT(irq, spurious, (field, uint32_t, n), "n=%u");
CAIRN_EVENT_IN(CAIRN_CAT(40), irq, host_category, (field, uint32_t, n), "n=%u");

static struct cairn_event *registry_find(const char *system, const char *name)
{
	struct cairn_event *e = cairn_event_find(system, name);

	CHECK_MSG(e, "%s:%s is not registered", system, name);
	return e;
}

static unsigned registry_on(void)
{
	unsigned i, n = 0;

	for (i = 0; i < cairn_event_count(); i++)
		n += cairn_event_at(i)->key.on;
	return n;
}

TEST(ids_follow_system_and_name_and_nothing_is_on)
{
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	CHECK_EQ(registry_find("alpha", "start")->id, CAIRN_ID_FIRST);
	CHECK_EQ(registry_find("alpha", "stop")->id, CAIRN_ID_FIRST + 1);
	CHECK_EQ(registry_find("beta", "starting")->id, CAIRN_ID_FIRST + 2);
	CHECK_EQ(registry_on(), 0);
	CHECK(!cairn_trace_start_enabled());
	CHECK(cairn_event_by_id(CAIRN_ID_FIRST) == registry_find("alpha", "start"));
	CHECK(!cairn_event_by_id(0));
	CHECK(!cairn_event_find("alpha", "nothing"));
}

TEST(event_at_orders_by_name_then_system)
{
	unsigned i;

	for (i = 1; i < cairn_event_count(); i++)
		CHECK_LE(strcmp(cairn_event_at(i - 1)->name, cairn_event_at(i)->name), 0);
	CHECK(!cairn_event_at(cairn_event_count()));
}

TEST(patterns_select_by_system_name_either_and_turn_round)
{
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	CHECK_EQ(cairn_events_enable("alpha:*"), 2);
	CHECK_EQ(registry_on(), 2);
	CHECK_EQ(cairn_events_disable("*:stop"), 1);
	CHECK_EQ(registry_on(), 1);
	CHECK_EQ(cairn_events_enable("start*"), 2); /* alpha:start, beta:starting */
	CHECK_EQ(cairn_events_enable("beta"), 1);
	CHECK_EQ(cairn_events_enable("alpha:,irq:s?urious"), 3);
	CHECK_EQ(cairn_events_disable("*:*"), (int)cairn_event_count());
	CHECK_EQ(cairn_events_enable("alpha:* !alpha:stop"), 3);
	CHECK(cairn_event_enabled(registry_find("alpha", "start")));
	CHECK(!cairn_event_enabled(registry_find("alpha", "stop")));
	CHECK_EQ(cairn_events_enable("nothing:*"), CAIRN_ENOENT);
	CHECK_EQ(cairn_events_enable("nothing:*,beta:starting"), CAIRN_ENOENT);
	CHECK(cairn_event_enabled(
		registry_find("beta", "starting"))); /* the others have been done */
	CHECK_EQ(cairn_events_enable(""), 0);
}

TEST(the_boot_string_enables_and_is_one_word_of_many)
{
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE,
			   "root=/dev/sda xtrace=beta:* trace=alpha:st?rt,nothing:* quiet"),
		 0);
	CHECK_EQ(registry_on(), 1);
	CHECK(cairn_trace_start_enabled());
	cairn_trace_start(1);
	cairn_trace_starting(1);
	CHECK_EQ(test_recorded(0), 1);
}

TEST(consumers_do_not_switch_each_other_off)
{
	struct cairn_event *e = registry_find("alpha", "start");

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	CHECK_EQ(cairn_event_enable(e), 0);
	cairn_trace_enable();
	CHECK_EQ(registry_on(), cairn_event_count());
	cairn_trace_disable();
	CHECK_EQ(registry_on(), 1);
	cairn_trace_enable();
	CHECK_EQ(cairn_event_disable(e), 0);
	CHECK(e->key.on);
	CHECK(!cairn_event_enabled(e));
	cairn_trace_disable();
	CHECK(!e->key.on);
	CHECK_EQ(((struct cairn_event_entry *)test_section_data(CAIRN_SECTION_EVENTS))[e->index]
			 .gate,
		 0);
}

TEST(the_tracer_admits_by_category)
{
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	CHECK_EQ(registry_find("irq", "spurious")->mask, CAIRN_CAT(CAIRN_INTERRUPT));
	CHECK_EQ(registry_find("irq", "host_category")->mask, CAIRN_CAT(40));
	CHECK_EQ(registry_find("alpha", "start")->mask, CAIRN_CAT(CAIRN_CUSTOM));
	cairn_task_name(1, 1, "links the task events in");
	CHECK_EQ(registry_find("task", "task_newtask")->mask, CAIRN_CAT(CAIRN_PROCESS));
	cairn_trace_set_filter(CAIRN_CAT(40) | CAIRN_CAT(CAIRN_INTERRUPT));
	CHECK_EQ(registry_on(), 0);
	cairn_trace_enable();
	CHECK_EQ(registry_on(), 2);
	cairn_trace_set_filter(0);
	CHECK_EQ(registry_on(), 0);
	CHECK(cairn_trace_enabled());
	cairn_trace_set_filter(CAIRN_CAT_ALL);
	CHECK_EQ(registry_on(), cairn_event_count());
	cairn_trace_disable();
}

/* An event of a module, made by hand as the macros make it. */
static const struct cairn_field *registry_no_fields(unsigned *nr)
{
	static const struct cairn_field none[1];

	*nr = 0;
	return none;
}
static const struct cairn_class registry_class = {registry_no_fields, 0};
static struct {
	cairn_event_ref ref[2];
	struct cairn_event events[2];
} registry_module_image = {.events = {{.flags = CAIRN_EVENT_PLAIN_PRINT,
				       .system = "alpha",
				       .name = "late",
				       .print = "",
				       .cls = &registry_class},
				      {.flags = CAIRN_EVENT_PLAIN_PRINT,
				       .system = "alpha",
				       .name = "stop",
				       .print = "",
				       .cls = &registry_class}}};

TEST(a_module_registers_late_gets_the_next_id_and_what_waited_for_it)
{
	static struct cairn_module m = {.events = registry_module_image.ref,
					.events_stop = registry_module_image.ref + 2,
					.owner = "module"};
	uint64_t metadata;
	unsigned i, count = cairn_event_count();

	for (i = 0; i < 2; i++)
		registry_module_image.ref[i] = (int32_t)((char *)&registry_module_image.events[i] -
							 (char *)&registry_module_image.ref[i]);
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "trace=*:late"), 0);
	metadata = test_state()->metadata_bytes;
	CHECK_EQ(cairn_register(&m),
		 CAIRN_EEXIST); /* alpha:stop is taken; alpha:late is registered all the same */
	CHECK_EQ(cairn_register(&m), CAIRN_EBUSY);
	CHECK_EQ(cairn_event_count(), count + 1);
	CHECK_EQ(registry_find("alpha", "late")->id, CAIRN_ID_FIRST + count);
	CHECK(cairn_event_enabled(registry_find("alpha", "late")));
	CHECK_EQ(registry_module_image.events[1].id, 0);
	CHECK_EQ(cairn_event_enable(&registry_module_image.events[1]), CAIRN_EINVAL);
	CHECK_GT(test_state()->metadata_bytes, metadata);
	CHECK_EQ(test_state()->nr_events, count + 1);
}

TEST(what_does_not_fit_is_refused_and_counted)
{
	struct cairn_config c = {.memory = test_memory(),
				 .memory_bytes = TEST_REGION_BYTES,
				 .nr_cpus = 1,
				 .ring_bytes = 65536,
				 .max_events = 2};

	cairn_detach();
	CHECK_EQ(cairn_init(&c), 0);
	CHECK_EQ(test_state()->nr_events, 2);
	CHECK_EQ(test_state()->metadata_refused, cairn_event_count() - 2);
	CHECK_EQ(cairn_event_enable(registry_find("irq", "spurious")), CAIRN_EINVAL);
	c.max_events = 0;
	c.metadata_bytes = 4096;
	cairn_detach();
	CHECK_EQ(cairn_init(&c), 0);
	CHECK_GT(test_state()->nr_events, 0);
	CHECK_GT(test_state()->metadata_refused, 0);
	CHECK_LE(test_state()->metadata_bytes, 4096);
}

TEST(an_event_without_an_id_is_never_on)
{
	struct cairn_config c = {.memory = test_memory(),
				 .memory_bytes = TEST_REGION_BYTES,
				 .nr_cpus = 1,
				 .ring_bytes = 65536,
				 .max_events = 2};

	cairn_detach();
	CHECK_EQ(cairn_init(&c), 0);
	cairn_trace_set_filter(CAIRN_CAT_ALL);
	cairn_trace_enable(); /* once switched refused events on too: records with id 0 */
	CHECK(cairn_trace_start_enabled());
	CHECK(!cairn_trace_spurious_enabled());
	cairn_trace_spurious(1);
	CHECK_EQ(test_recorded(0), 0);
	/* a region that has room, then one that has not: what was on has no id any more and must not fire */
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "trace=*:*"), 0);
	CHECK(cairn_trace_spurious_enabled());
	c.memory = test_memory();
	cairn_detach();
	CHECK_EQ(cairn_init(&c), 0);
	CHECK(!cairn_trace_spurious_enabled());
	CHECK(cairn_trace_start_enabled());
}

TEST(control_calls_without_a_region_touch_no_region)
{
	char *memory;
	size_t bytes, i;

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "trace=alpha:*"), 0);
	memory = cairn_region(&bytes);
	cairn_detach();
	memset(memory, 0x5a, bytes); /* after a fork this is not even mapped */
	CHECK_GE(cairn_events_disable("*:*"), 2);
	CHECK_EQ(cairn_event_enable(registry_find("alpha", "start")), 0);
	cairn_trace_enable();
	cairn_trace_disable();
	cairn_tracing_off();
	cairn_tracing_on();
	cairn_clock_set(1, 2, 3);
	cairn_task_name(1, 1, "x");
	cairn_trace_start(1);
	for (i = 0; i < bytes; i++)
		CHECK_MSG(memory[i] == 0x5a, "byte %zu was written", i);
}

TEST(a_module_that_leaves_is_off_and_gets_its_ids_again_when_it_returns)
{
	static struct {
		cairn_event_ref ref[2];
		struct cairn_event events[2];
	} image = {.events = {{.flags = CAIRN_EVENT_PLAIN_PRINT, .system = "gamma", .name = "goes", .print = "", .cls = &registry_class},
			      {.flags = CAIRN_EVENT_PLAIN_PRINT, .system = "gamma", .name = "comes", .print = "", .cls = &registry_class}}};
	static struct cairn_module m = {.events = image.ref, .events_stop = image.ref + 2, .owner = "leaving"};
	unsigned i, count, round;
	uint32_t ids[2], next;
	uint64_t metadata;

	for (i = 0; i < 2; i++)
		image.ref[i] = (int32_t)((char *)&image.events[i] - (char *)&image.ref[i]);
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	count = cairn_event_count();
	CHECK_EQ(cairn_unregister(&m), CAIRN_EINVAL);
	CHECK_EQ(cairn_register(&m), 2);
	metadata = test_state()->metadata_bytes;
	next = test_state()->nr_events;
	for (i = 0; i < 2; i++)
		ids[i] = image.events[i].id;
	CHECK_NE(ids[0], ids[1]);
	for (round = 0; round < 1000; round++) {
		CHECK_EQ(cairn_events_enable("gamma:*"), 2);
		CHECK(image.events[0].key.on && image.events[0].gate);
		CHECK_EQ(cairn_unregister(&m), 0);
		CHECK(!image.events[0].key.on && !image.events[0].gate);
		CHECK_EQ(((struct cairn_event_entry *)test_section_data(CAIRN_SECTION_EVENTS))[next - 1].gate, 0);
		CHECK_EQ(cairn_event_count(), count);
		CHECK(!cairn_event_find("gamma", "goes") && !cairn_event_by_id(ids[0]));
		CHECK_EQ(cairn_event_enable(&image.events[0]), CAIRN_EINVAL);
		CHECK_EQ(cairn_unregister(&m), CAIRN_EINVAL);
		CHECK_EQ(cairn_register(&m), 2);
		for (i = 0; i < 2; i++)
			CHECK_EQ(image.events[i].id, ids[i]);
		CHECK(!cairn_event_enabled(&image.events[0]));
	}
	CHECK_EQ(test_state()->metadata_bytes, metadata);
	CHECK_EQ(test_state()->nr_events, next);
	CHECK_EQ(cairn_unregister(&m), 0);
}

TEST(an_event_that_two_images_define_has_one_id_and_both_follow)
{
	static struct {
		cairn_event_ref ref;
		struct cairn_event event;
	} image[3] = {
		{.event = {.flags = CAIRN_EVENT_PLAIN_PRINT, .system = "delta", .name = "both", .print = "", .cls = &registry_class}},
		{.event = {.flags = CAIRN_EVENT_PLAIN_PRINT, .system = "delta", .name = "both", .print = "", .cls = &registry_class}},
		{.event = {.flags = CAIRN_EVENT_PLAIN_PRINT, .system = "delta", .name = "both", .print = "other", .cls = &registry_class}}};
	static struct cairn_module m[3] = {{.events = &image[0].ref, .events_stop = &image[0].ref + 1, .owner = "one"},
					   {.events = &image[1].ref, .events_stop = &image[1].ref + 1, .owner = "two"},
					   {.events = &image[2].ref, .events_stop = &image[2].ref + 1, .owner = "three"}};
	unsigned i, seen = 0;

	for (i = 0; i < 3; i++)
		image[i].ref = (int32_t)((char *)&image[i].event - (char *)&image[i].ref);
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	CHECK_EQ(cairn_register(&m[0]), 1);
	CHECK_EQ(cairn_register(&m[1]), 1);
	CHECK_EQ(cairn_register(&m[2]), CAIRN_EEXIST); /* declared differently */
	CHECK_EQ(image[0].event.id, image[1].event.id);
	CHECK_EQ(cairn_events_enable("delta:both"), 2);
	CHECK(image[0].event.gate && image[1].event.gate && !image[2].event.gate);
	for (i = 0; i < cairn_event_count(); i++) {
		CHECK_MSG(cairn_event_at(i) != NULL, "no event at %u", i);
		seen += cairn_event_at(i) == &image[0].event || cairn_event_at(i) == &image[1].event;
	}
	CHECK_EQ(seen, 2);
	CHECK_EQ(cairn_unregister(&m[0]), 0);
	CHECK(cairn_event_find("delta", "both") == &image[1].event && image[1].event.gate);
	CHECK_EQ(((struct cairn_event_entry *)test_section_data(CAIRN_SECTION_EVENTS))[image[1].event.index].gate, CAIRN_GATE_RECORD);
	CHECK_EQ(cairn_unregister(&m[1]), 0);
	CHECK_EQ(cairn_unregister(&m[2]), 0);
}

TEST(a_range_that_is_registered_twice_keeps_its_events)
{
	static struct cairn_module again = {.events = registry_module_image.ref,
					    .events_stop = registry_module_image.ref + 2,
					    .owner = "again"};
	struct cairn_event *late = registry_find("alpha", "late");
	uint32_t id;

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "trace=alpha:late"), 0);
	id = late->id;
	CHECK_EQ(cairn_register(&again), CAIRN_EEXIST);
	CHECK_EQ(late->id, id); /* was 0 afterwards, and the event still on */
	CHECK(late->key.on);
}

static int registry_calls;

static int registry_reg(void)
{
	return ++registry_calls == 100 ? CAIRN_EBUSY : 0;
}

static void registry_unreg(void)
{
	registry_calls -= 10;
}

TEST(reg_is_called_before_the_first_consumer_and_unreg_after_the_last)
{
	struct cairn_event *e = registry_find("alpha", "late");

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	e->reg = registry_reg;
	e->unreg = registry_unreg;
	CHECK_EQ(cairn_event_enable(e), 0);
	CHECK_EQ(registry_calls, 1);
	cairn_trace_enable();
	CHECK_EQ(registry_calls, 1);
	CHECK_EQ(cairn_event_disable(e), 0);
	CHECK_EQ(registry_calls, 1);
	cairn_trace_disable();
	CHECK_EQ(registry_calls, -9);
	registry_calls = 99; /* reg refuses: the event stays off */
	CHECK_EQ(cairn_event_enable(e), CAIRN_EIO);
	CHECK(!e->key.on);
	CHECK(!cairn_event_enabled(e));
	e->reg = NULL;
	e->unreg = NULL;
}

TEST(a_pattern_longer_than_any_name_matches_nothing)
{
	char pattern[300];
	unsigned i;

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	for (i = 0; i < 200; i++)
		pattern[i] = '*';
	strcpy(pattern + 200, "nothing"); /* cut, it would match all */
	CHECK_EQ(cairn_events_enable(pattern), CAIRN_ENOENT);
	CHECK_EQ(registry_on(), 0);
}

TEST(odd_patterns_match_nothing_and_harm_nothing)
{
	static const char *const odd[] = {
		"!",       "!!", ":",        "::",  ":start",       "[",
		"alpha:[", "\\", "alpha:\\", "[!]", "alpha:start:", "*:*:*"};
	unsigned i;

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CHECK_MSG(cairn_events_enable(odd[i]) == CAIRN_ENOENT, "%s", odd[i]);
	CHECK_EQ(cairn_events_enable(", ,\t\n,"), 0);
	CHECK_EQ(registry_on(), 0);
}

TEST(a_boot_list_that_is_too_long_loses_whole_patterns)
{
	char boot[400] = "quiet\ttrace=";
	unsigned n = (unsigned)strlen(boot);

	/* 255 characters are kept: the cut falls into the second pattern, whose beginning would match another event */
	memset(boot + n, 'x', 245);
	strcpy(boot + n + 245, ",alpha:st*nothing");
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, boot), 0);
	CHECK_EQ(registry_on(), 0);
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "quiet\ttrace=alpha:start\tx"), 0);
	CHECK_EQ(registry_on(), 1);
}

TEST(a_description_longer_than_16_kib_is_kept_while_there_is_room)
{
	static char print[40000];
	static cairn_event_ref ref[1];
	static struct cairn_event big = {.flags = CAIRN_EVENT_FULL_PRINT,
					 .system = "alpha",
					 .name = "big",
					 .print = print,
					 .cls = &registry_class};
	static struct cairn_module m = {.events = ref, .events_stop = ref + 1, .owner = "big"};
	const char *text;
	uint64_t used;

	memset(print, '*', sizeof(print) - 1);
	memcpy(print + sizeof(print) - 10, "\"*/\x1b\n*/\"", 9);
	ref[0] = (int32_t)((char *)&big - (char *)&ref[0]);
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	used = test_state()->metadata_bytes;
	CHECK_EQ(cairn_register(&m), 1);
	CHECK_GT(test_state()->metadata_bytes, used + sizeof(print));
	/* nothing in it ends the comment early */
	text = strstr((char *)test_section_data(CAIRN_SECTION_METADATA) + used +
			      CAIRN_METADATA_HEADER_BYTES,
		      "*/");
	CHECK_MSG(text && !strncmp(text - 1, "\n*/\nevent {", 11), "%.20s",
		  text ? text - 1 : "none");
}

TEST(tracing_off_refuses_without_loss_and_stop_is_for_good)
{
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "trace=alpha:*"), 0);
	cairn_trace_start(1);
	cairn_tracing_off();
	CHECK(!cairn_is_tracing_on());
	CHECK(test_state()->flags & CAIRN_STATE_PAUSED);
	cairn_trace_start(2);
	cairn_tracing_on();
	cairn_trace_start(3);
	CHECK_EQ(test_recorded(0), 2);
	cairn_stop();
	CHECK(test_state()->flags & CAIRN_STATE_STOPPED);
	CHECK_NE(test_state()->stopped_at, 0);
	cairn_trace_start(4);
	cairn_tracing_on();
	cairn_trace_start(5);
	CHECK_EQ(test_recorded(0), 2);
	CHECK_EQ(cairn_ring_lost(test_ring(0)), 0);
}

TEST(what_was_switched_before_init_stands_in_the_region)
{
	cairn_detach();
	cairn_tracing_off();
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "trace=alpha:*"), 0);
	CHECK(test_state()->flags & CAIRN_STATE_PAUSED);
	cairn_trace_start(1);
	CHECK_EQ(test_recorded(0), 0);
	cairn_tracing_on();
	CHECK(!(test_state()->flags & CAIRN_STATE_PAUSED));
	cairn_trace_start(1);
	CHECK_EQ(test_recorded(0), 1);
}

TEST(a_second_stop_does_not_move_the_first)
{
	uint64_t at;

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	cairn_stop();
	at = test_state()->stopped_at;
	cairn_stop(); /* an assertion that fails in panic */
	CHECK_EQ(test_state()->stopped_at, at);
}

TEST(switching_reads_no_control_block_that_was_never_opened)
{
	struct cairn_config c = {.memory = test_memory(),
				 .memory_bytes = TEST_REGION_BYTES,
				 .nr_cpus = 2,
				 .ring_bytes = 65536,
				 .rings_later = true};

	cairn_detach();
	CHECK_EQ(cairn_init(&c), 0);
	CHECK_EQ(cairn_ring_open(0, 1), 0);
	test_ring(1)->magic =
		CAIRN_RING_MAGIC; /* as stale memory might say; in a file it is a hole, and a full disk a SIGBUS */
	cairn_tracing_off();
	cairn_tracing_on();
	CHECK_EQ(test_ring(0)->enabled, 1);
	CHECK_EQ(test_ring(1)->enabled, 0);
	test_ring(1)->magic = 0;
}

TEST(the_clock_set_twice_at_once_stays_readable)
{
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	cairn_clock_set(5, 6, 7);
	CHECK_EQ(test_state()->clock_seq, 2);
	test_state()->clock_seq = 3; /* another thread is in the middle */
	cairn_clock_set(8, 9, 10);
	CHECK_EQ(test_state()->clock_seq, 3); /* was 5, and even again for nobody */
	CHECK_EQ(test_state()->clock_hz, 5);
}

TEST(globs)
{
	static const struct {
		const char *glob, *text;
		bool match;
	} rows[] = {
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"?", "", false},
		{"a*c", "abbc", true},
		{"a*c", "abbd", false},
		{"*a*b*", "xxaxxbxx", true},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[^a-c]x", "dx", true},
		{"[]]", "]", true},
		{"[a", "[a", true},
		{"\\*", "*", true},
		{"\\*", "a", false},
		{"sched_*", "sched_switch", true},
		{"*_switch", "sched_switch", true},
		{"***", "abc", true},
		{"a", "ab", false},
		{"a-c]", "a-c]", true},
		{"[a-]", "-", true},
		{"*[0-9]", "cpu7", true},
		{"*[0-9]", "cpu", false},
	};
	unsigned i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_MSG(cairn_glob(rows[i].glob, rows[i].text) == rows[i].match,
			  "%s on %s is not %d", rows[i].glob, rows[i].text, rows[i].match);
}

TEST(text_counts_what_it_cuts)
{
	struct cairn_text t;
	char buf[8];

	cairn_text_begin(&t, buf, sizeof(buf));
	cairn_text_str(&t, "abcdef");
	cairn_text_u64(&t, 18446744073709551615u);
	cairn_text_hex(&t, 0);
	CHECK_STR(buf, "abcdef1");
	CHECK_EQ(t.len, 6 + 20 + 3);
	cairn_text_begin(&t, NULL, 0);
	cairn_text_hex(&t, 0xdeadbeef01234567u);
	CHECK_EQ(t.len, 18);
}

TEST(strerror_has_a_sentence_for_each_code)
{
	CHECK_STR(cairn_strerror(CAIRN_ENOSPC), "no room left (ENOSPC)");
	CHECK_STR(cairn_strerror(-9999), "unknown error");
	CHECK_STR(cairn_strerror(0), "no error");
}

CHECK_MAIN()
