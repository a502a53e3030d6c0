/* SPDX-License-Identifier: MIT */
/* Linux's form of declaring events: what it writes and what it says about it. */
#include "event_record.h"
#include "events_linux_form.h"
#include "events_linux_style.h"

TEST(fields_lie_as_in_Linux)
{
	RECORD_ONE(cairn_event_linux_open, trace_linux_open("a/b", 0x1ff, LINUX_FORM_DIR));
	CHECK_EQ(record.payload[0], 0xff);
	CHECK_EQ(record_u32(4), 0x1ff);
	CHECK_EQ(record_u32(8), 0);
	CHECK_EQ(record_u32(16), (uint32_t)-7);
	CHECK_MEM(record.payload + 20, "abcde", 6);
	CHECK_MEM(RECORD_LOC(12, 26, 4), "a/b", 4);
	CHECK_EQ(record.bytes, 32);
	CHECK_FIELD(linux_open, low, "unsigned char", 0, 1, 1, 0, SCALAR, PLAIN);
	CHECK_FIELD(linux_open, flags, "unsigned long", 4, 8, 8, 0, SCALAR, PLAIN);
	CHECK_FIELD(linux_open, path, "char", 12, 4, 1, 0, LOC, STRING);
	CHECK_FIELD(linux_open, kind, "enum linux_form_kind", 16, 4, 4, 1, SCALAR, PLAIN);
	CHECK_FIELD(linux_open, comm, "char", 20, 6, 1, 0, ARRAY, STRING);
}

TEST(off_does_nothing)
{
	record_begin();
	CHECK(!trace_linux_open_enabled());
	trace_linux_open("a", 1, LINUX_FORM_FILE);
	trace_linux_nop(1);
	trace_linux_nop2(1);
	trace_linux_nop3(1);
	trace_linux_bare(1);
	trace_linux_bare2(1);
	CHECK(!record_end());
	CHECK_EQ(cairn_event_enable(&cairn_event_linux_open), 0);
	CHECK(trace_linux_open_enabled());
	CHECK_EQ(cairn_event_disable(&cairn_event_linux_open), 0);
	CHECK(!trace_linux_nop_enabled());
	CHECK(cairn_event_find("linux_form", "linux_nop") == NULL);
	CHECK(cairn_event_find("linux_form", "linux_bare") == NULL);
}

TEST(events_of_one_class_have_ids_of_their_own)
{
	RECORD_ONE(cairn_event_linux_page_free, trace_linux_page_free(0x1234, 5));
	CHECK_EQ(record_u32(0), 0x1234);
	CHECK_EQ(record_u32(8), 5);
	CHECK_EQ(record.bytes, 12);
	RECORD_ONE(cairn_event_linux_page_drain, trace_linux_page_drain(0x1234, 6));
	CHECK_EQ(record_u32(8), 6);
	CHECK_NE(cairn_event_linux_page_free.id, cairn_event_linux_page_drain.id);
	CHECK(cairn_event_linux_page_free.cls == cairn_event_linux_page_drain.cls);
	RECORD_ONE(cairn_event_style_three, trace_style_three(LINUX_STYLE_BUSY));
	CHECK_EQ(record_u32(0), 1);
}

TEST(conditions_are_tested_behind_the_key)
{
	RECORD_ONE(cairn_event_linux_cond, trace_linux_cond(3));
	RECORD_ONE(cairn_event_linux_page_big, trace_linux_page_big(1, 4));
	CHECK_EQ(cairn_event_enable(&cairn_event_linux_cond), 0);
	CHECK_EQ(cairn_event_enable(&cairn_event_linux_page_big), 0);
	record_begin();
	trace_linux_cond(2);
	trace_linux_page_big(1, 3);
	CHECK(!record_end());
	CHECK_EQ(cairn_event_disable(&cairn_event_linux_cond), 0);
	CHECK_EQ(cairn_event_disable(&cairn_event_linux_page_big), 0);
}

TEST(events_without_arguments)
{
	RECORD_ONE(cairn_event_linux_void, trace_linux_void());
	CHECK_EQ(record.bytes, 0);
	RECORD_ONE(cairn_event_linux_void_two, trace_linux_void_two());
	CHECK_EQ(record_u32(0), 1);
}

TEST(structures_and_dynamic_arrays)
{
	static const uint16_t words[3] = {3, 0x1234, 7};
	static const uint64_t squares[2] = {9, 0x1234 * 0x1234};
	struct linux_form_pair pair;

	memset(&pair, 0, sizeof(pair));
	pair.a = 1;
	pair.b = 0x1122334455667788;
	RECORD_ONE(cairn_event_linux_data, trace_linux_data(words, 3, &pair, "abcdef", 2));
	CHECK_MEM(record.payload, &pair, 16);
	CHECK_EQ(record.payload[20], 1);
	CHECK_MEM(RECORD_LOC(16, 32, 6), words, 6);
	CHECK_MEM(RECORD_LOC(24, 38, 3), "ab", 3);
	CHECK_MEM(RECORD_LOC(28, 44, 16), squares, 16);
	CHECK_EQ(record.bytes, 60);
	CHECK_FIELD(linux_data, pair, "struct linux_form_pair", 0, 16, 16, 0, STRUCT, HEX);
	CHECK_FIELD(linux_data, words, "uint16_t", 16, 4, 2, 0, LOC, HEX);
	CHECK_FIELD(linux_data, name, "char", 24, 4, 1, 0, LOC, STRING);
	CHECK_FIELD(linux_data, squares, "uint64_t", 28, 4, 8, 0, LOC, HEX);
	RECORD_ONE(cairn_event_linux_data, trace_linux_data(words, 0, &pair, NULL, 2));
	(void)RECORD_LOC(16, 32, 0);
	CHECK_MEM(RECORD_LOC(24, 32, 7), "(null)", 7);
	(void)RECORD_LOC(28, 40, 0);
	CHECK_EQ(record.bytes, 40);
}

TEST(a_dynamic_array_that_does_not_fit_is_lost_as_too_big)
{
	static const uint16_t words[3000];
	struct linux_form_pair pair;
	uint64_t lost;

	memset(&pair, 0, sizeof(pair));
	record_begin();
	lost = record_ring()->lost[CAIRN_LOST_BIG];
	CHECK_EQ(cairn_event_enable(&cairn_event_linux_data), 0);
	trace_linux_data(words, 3000, &pair, "x", 1);
	CHECK(!record_end());
	CHECK_EQ(record_ring()->lost[CAIRN_LOST_BIG], lost + 1);
	trace_linux_data(words, -1, &pair, "x", 1);
	CHECK(!record_end());
	CHECK_EQ(record_ring()->lost[CAIRN_LOST_BIG], lost + 2);
	trace_linux_data(words, 1800, &pair, "x", 1);
	CHECK(record_end());
	CHECK_EQ(cairn_event_disable(&cairn_event_linux_data), 0);
}

TEST(rel_fields_count_from_the_end_of_their_slot)
{
	static const unsigned long mask[2] = {0xf0f1f2f3f4f5f6f7, 0x1};
	static const uint32_t numbers[2] = {17, 34};

	RECORD_ONE(cairn_event_linux_rel, trace_linux_rel("one", "t", mask, 65));
	CHECK_EQ(record.payload[0], 0x5a);
	CHECK_EQ(record_u32(4), 4u << 16 | (28 - 8)); /* rel one: ends at 8 */
	CHECK_MEM(record.payload + 28, "one", 4);
	CHECK_MEM(RECORD_LOC(8, 32, 4), "t##", 4); /* reserved by "one", assigned from "t" */
	CHECK_EQ(record_u32(12), 8u << 16 | (36 - 16));
	CHECK_MEM(record.payload + 36, numbers, 8);
	CHECK_MEM(RECORD_LOC(16, 44, 16), mask, 16);
	CHECK_MEM(RECORD_LOC(20, 60, 3), "one", 3);
	CHECK_EQ(record_u32(24), 3u << 16 | (63 - 28)); /* two characters of "one" at most */
	CHECK_MEM(record.payload + 63, "t\0", 3);
	CHECK_EQ(record.bytes, 68);
	CHECK_FIELD(linux_rel, one, "char", 4, 4, 1, 0, REL_LOC, STRING);
	CHECK_FIELD(linux_rel, numbers, "uint32_t", 12, 4, 4, 0, REL_LOC, HEX);
	CHECK_FIELD(linux_rel, mask, "unsigned long", 16, 4, 8, 0, LOC, HEX);
}

TEST(sources_are_evaluated_once)
{
	linux_form_evaluations = 0;
	RECORD_ONE(cairn_event_linux_once, trace_linux_once("abc"));
	CHECK_EQ(linux_form_evaluations, 2);
	CHECK_MEM(RECORD_LOC(0, 8, 4), "abc", 4);
}

TEST(registration_functions_are_kept)
{
	CHECK(cairn_event_linux_fn.reg == linux_form_reg);
	CHECK(cairn_event_linux_page_fn.unreg == linux_form_unreg);
	CHECK(cairn_event_linux_open.reg == NULL);
}

TEST(print_texts)
{
	CHECK_PRINT(
		linux_open,
		"\"path=%s flags=%#lx kind=%s comm=%s\\n\", __get_str(path), REC->flags, "
		"__print_symbolic(REC->kind, { LINUX_FORM_FILE, \"file\" }, { LINUX_FORM_DIR, \"dir\" }), REC->comm");
	CHECK_PRINT(linux_page_free, "\"pfn=0x%lx order=%u\", REC->pfn, REC->order");
	CHECK_PRINT(linux_page_drain, "\"drained pfn=0x%lx\", REC->pfn");
	CHECK_PRINT(linux_void, "\"nothing\"");
	CHECK_PRINT(style_two,
		    "\"state=%s\", __print_symbolic(REC->state, { LINUX_STYLE_IDLE, \"idle\" }, "
		    "{ LINUX_STYLE_BUSY, \"busy\" })");
}

extern const cairn_enum_ref __start_cairn_enums[], __stop_cairn_enums[];

TEST(enumerators_are_in_their_section)
{
	const cairn_enum_ref *p;
	unsigned found = 0;

	for (p = __start_cairn_enums; p < __stop_cairn_enums; p++) {
		const struct cairn_enum *e =
			(const struct cairn_enum *)((uintptr_t)p + (uintptr_t)(intptr_t)*p);

		if (strcmp(e->system, "linux_form") == 0) {
			found += strcmp(e->name, "LINUX_FORM_FILE") == 0 && e->value == 1;
			found += strcmp(e->name, "LINUX_FORM_DIR") == 0 && e->value == -7;
			found += strcmp(e->name, "sizeof(struct linux_form_pair)") == 0 &&
				 e->value == 16;
		}
		found += strcmp(e->system, "linux_style") == 0 &&
			 strcmp(e->name, "LINUX_STYLE_BUSY") == 0 && e->value == 1;
	}
	CHECK_EQ(found, 4);
}

CHECK_MAIN()
