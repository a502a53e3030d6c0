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
	CHECK(cairn_event_enabled(registry_find("beta", "starting"))); /* the others have been done */
	CHECK_EQ(cairn_events_enable(""), 0);
}

TEST(the_boot_string_enables_and_is_one_word_of_many)
{
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "root=/dev/sda xtrace=beta:* trace=alpha:st?rt,nothing:* quiet"), 0);
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
	CHECK_EQ(((struct cairn_event_entry *)test_section_data(CAIRN_SECTION_EVENTS))[e->index].gate, 0);
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
static const struct cairn_class registry_class = { registry_no_fields, 0 };
static struct {
	cairn_event_ref ref[2];
	struct cairn_event events[2];
} registry_module_image = { .events = { { .flags = CAIRN_EVENT_PLAIN_PRINT, .system = "alpha", .name = "late", .print = "", .cls = &registry_class },
					{ .flags = CAIRN_EVENT_PLAIN_PRINT, .system = "alpha", .name = "stop", .print = "", .cls = &registry_class } } };

TEST(a_module_registers_late_gets_the_next_id_and_what_waited_for_it)
{
	static struct cairn_module m = { .events = registry_module_image.ref, .events_stop = registry_module_image.ref + 2, .owner = "module" };
	uint64_t metadata;
	unsigned i, count = cairn_event_count();

	for (i = 0; i < 2; i++)
		registry_module_image.ref[i] = (int32_t)((char *)&registry_module_image.events[i] - (char *)&registry_module_image.ref[i]);
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "trace=*:late"), 0);
	metadata = test_state()->metadata_bytes;
	CHECK_EQ(cairn_register(&m), CAIRN_EEXIST); /* alpha:stop is taken; alpha:late is registered all the same */
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
	struct cairn_config c = { .memory = test_memory(), .memory_bytes = TEST_REGION_BYTES, .nr_cpus = 1, .ring_bytes = 65536, .max_events = 2 };

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

TEST(globs)
{
	static const struct {
		const char *glob, *text;
		bool match;
	} rows[] = {
		{ "*", "", true }, { "", "", true }, { "", "a", false }, { "?", "", false }, { "a*c", "abbc", true },
		{ "a*c", "abbd", false }, { "*a*b*", "xxaxxbxx", true }, { "[a-c]x", "bx", true }, { "[!a-c]x", "bx", false },
		{ "[^a-c]x", "dx", true }, { "[]]", "]", true }, { "[a", "[a", true }, { "\\*", "*", true }, { "\\*", "a", false },
		{ "sched_*", "sched_switch", true }, { "*_switch", "sched_switch", true }, { "***", "abc", true }, { "a", "ab", false },
		{ "a-c]", "a-c]", true }, { "[a-]", "-", true }, { "*[0-9]", "cpu7", true }, { "*[0-9]", "cpu", false },
	};
	unsigned i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_MSG(cairn_glob(rows[i].glob, rows[i].text) == rows[i].match, "%s on %s is not %d", rows[i].glob, rows[i].text, rows[i].match);
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
