/* SPDX-License-Identifier: MIT */
/* The short form of declaring events: what it writes, what it says about it, when it does nothing. */
#include <stdlib.h>
#include <sys/mman.h>

#include "event_record.h"
#include "events_short_form.h"

TEST(off_writes_nothing_and_on_writes_one)
{
	record_begin();
	CHECK(!cairn_trace_short_in_enabled());
	cairn_trace_short_in(1);
	CHECK(!record_end());
	CHECK_EQ(cairn_event_enable(&cairn_event_short_in), 0);
	CHECK(cairn_trace_short_in_enabled());
	cairn_trace_short_in(7);
	CHECK(record_end());
	CHECK_EQ(record.bytes, 4);
	CHECK_EQ(record_u32(0), 7);
	CHECK_EQ(cairn_event_disable(&cairn_event_short_in), 0);
	CHECK(!cairn_trace_short_in_enabled());
	record_begin();
	cairn_trace_short_in(1);
	CHECK(!record_end());
}

TEST(a_site_fires_from_each_file)
{
	RECORD_ONE(cairn_event_short_scalars, short_form_fire_scalars());
	CHECK(!short_form_enabled());
	CHECK_EQ(cairn_event_enable(&cairn_event_short_scalars), 0);
	CHECK(short_form_enabled());
	CHECK(cairn_trace_short_scalars_enabled());
	CHECK_EQ(cairn_event_disable(&cairn_event_short_scalars), 0);
}

TEST(the_gate_decides_behind_the_key)
{
	record_begin();
	CHECK_EQ(cairn_event_enable(&cairn_event_short_in), 0);
	__atomic_store_n(&cairn_event_short_in.gate, 0, __ATOMIC_RELAXED);
	cairn_trace_short_in(1);
	CHECK(!record_end());
	__atomic_store_n(&cairn_event_short_in.gate, CAIRN_GATE_RECORD, __ATOMIC_RELAXED);
	cairn_trace_short_in(1);
	CHECK(record_end());
	CHECK_EQ(cairn_event_disable(&cairn_event_short_in), 0);
}

TEST(scalars_lie_at_their_alignment_up_to_4)
{
	static const uint8_t expected[] = {
		0xf1, 0xfe, 0xf4, 0xf3, 0xfb, 0xff, 0,    0,    0xf9, 0xf8, 0xf7, 0xf6, 0xf6,
		0xff, 0xff, 0xff, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0xec, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,    0xe9, 0,    0,    0x28, 0x27, 0x26,
		0x25, 0x24, 0x23, 0x22, 0x21, 0xfe, 0xff, 0xff, 0xff, 0x31, 0,    0,    0};

	RECORD_ONE(cairn_event_short_scalars, short_form_fire_scalars());
	CHECK_EQ(record.bytes, sizeof(expected));
	CHECK_MEM(record.payload, expected, 6);
	CHECK_MEM(record.payload + 8, expected + 8, 26);
	CHECK_MEM(record.payload + 36, expected + 36, sizeof(expected) - 36);
	CHECK_EQ(cairn_event_short_scalars.cls->fixed_bytes, 49);
}

TEST(the_field_table_tells_the_layout)
{
	CHECK_FIELD(short_scalars, u8, "uint8_t", 0, 1, 1, 0, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, s8, "int8_t", 1, 1, 1, 1, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, u16, "uint16_t", 2, 2, 2, 0, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, s16, "int16_t", 4, 2, 2, 1, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, u32, "uint32_t", 8, 4, 4, 0, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, s32, "int32_t", 12, 4, 4, 1, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, u64, "uint64_t", 16, 8, 8, 0, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, s64, "int64_t", 24, 8, 8, 1, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, letter, "char", 33, 1, 1, 0, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, pointer, "const void *", 36, 8, 8, 0, SCALAR, PLAIN);
	CHECK_FIELD(short_scalars, kind, "enum short_kind", 44, 4, 4, 1, SCALAR, PLAIN);
	CHECK_EQ(record_field(&cairn_event_short_scalars, "yes")->is_signed, 0);
	CHECK_FIELD(short_arrays, one, "uint8_t", 0, 1, 1, 0, SCALAR, PLAIN);
	CHECK_FIELD(short_arrays, id, "uint8_t", 1, 5, 1, 0, ARRAY, HEX);
	CHECK_FIELD(short_arrays, comm, "char", 6, 6, 1, 0, ARRAY, STRING);
	CHECK_FIELD(short_arrays, big, "uint64_t", 12, 24, 8, 0, ARRAY, HEX);
	CHECK_FIELD(short_arrays, odd, "int16_t", 36, 6, 2, 1, ARRAY, HEX);
	CHECK_FIELD(short_arrays, wide, "uint8_t", 42, 100, 1, 0, ARRAY, HEX);
	CHECK_FIELD(short_text, first, "char", 0, 4, 1, 0, LOC, STRING);
	CHECK_FIELD(short_text, between, "uint8_t", 4, 1, 1, 0, SCALAR, PLAIN);
	CHECK_FIELD(short_text, second, "char", 8, 4, 1, 0, LOC, STRING);
	CHECK_FIELD(short_dynamic, words, "uint16_t", 4, 4, 2, 0, LOC, HEX);
	CHECK_FIELD(short_dynamic, blocks, "uint64_t", 12, 4, 8, 0, LOC, HEX);
	CHECK_FIELD(short_names, mode, "uint32_t", 0, 4, 4, 0, SCALAR, FLAGS);
	CHECK_FIELD(short_names, kind, "int8_t", 4, 1, 1, 1, SCALAR, SYMBOL);
	CHECK_EQ(record_field(&cairn_event_short_names, "mode")->names->nr, 3);
	CHECK_STR(record_field(&cairn_event_short_names, "mode")->names->pair[2].name, "sync");
	CHECK_EQ(record_field(&cairn_event_short_names, "kind")->names->pair[1].value,
		 (uint64_t)-2);
}

TEST(arrays_are_copied_and_char_arrays_end_at_their_NUL)
{
	static const uint8_t id[5] = {1, 2, 3, 4, 5};
	static const uint64_t big[3] = {0x0102030405060708, 2, UINT64_MAX};
	static const int16_t odd[3] = {-1, 2, -3};
	uint8_t wide[100];
	unsigned i;

	for (i = 0; i < 100; i++)
		wide[i] = (uint8_t)(i * 7);
	RECORD_ONE(cairn_event_short_arrays,
		   cairn_trace_short_arrays(9, id, "abc", big, odd, wide));
	CHECK_EQ(record.bytes, 144);
	CHECK_EQ(record.payload[0], 9);
	CHECK_MEM(record.payload + 1, id, 5);
	CHECK_MEM(record.payload + 6, "abc\0\0\0", 6);
	CHECK_MEM(record.payload + 12, big, 24);
	CHECK_MEM(record.payload + 36, odd, 6);
	CHECK_MEM(record.payload + 42, wide, 100);
	CHECK_MEM(record.payload + 142, "\0\0", 2);
	RECORD_ONE(cairn_event_short_arrays,
		   cairn_trace_short_arrays(9, id, "abcdefgh", big, odd, wide));
	CHECK_MEM(record.payload + 6, "abcdef", 6);
	RECORD_ONE(cairn_event_short_arrays, cairn_trace_short_arrays(9, id, NULL, big, odd, wide));
	CHECK_MEM(record.payload + 6, "(null)", 6);
}

TEST(strings_follow_the_fixed_part_in_order)
{
	RECORD_ONE(cairn_event_short_text, cairn_trace_short_text("hello", 5, "wo"));
	CHECK_EQ(record.bytes, 24); /* 12 + 6 + 3, rounded up */
	CHECK_EQ(record.payload[4], 5);
	CHECK_MEM(RECORD_LOC(0, 12, 6), "hello", 6);
	CHECK_MEM(RECORD_LOC(8, 18, 3), "wo", 3);
	CHECK_MEM(record.payload + 21, "\0\0\0", 3);
	RECORD_ONE(cairn_event_short_text, cairn_trace_short_text("", 5, NULL));
	CHECK_MEM(RECORD_LOC(0, 12, 1), "", 1);
	CHECK_MEM(RECORD_LOC(8, 13, 7), "(null)", 7);
}

TEST(strings_are_cut_to_what_a_small_packet_holds)
{
	static char lots[6000];
	const char *text;

	memset(lots, 'x', sizeof(lots) - 1);
	RECORD_ONE(cairn_event_short_text, cairn_trace_short_text(lots, 5, lots));
	CHECK_EQ(record.bytes, 3992);
	text = RECORD_LOC(0, 12, 3979);
	CHECK_MEM(text, lots, 3978);
	CHECK_EQ(text[3978], 0);
	CHECK_EQ(*RECORD_LOC(8, 3991, 1), 0);
	RECORD_ONE(cairn_event_short_text, cairn_trace_short_text("a", 5, lots));
	CHECK_EQ(record.bytes, 3992);
	CHECK_EQ(RECORD_LOC(8, 14, 3978)[3977], 0);
}

TEST(dynamic_arrays_lie_at_their_element_up_to_4)
{
	static const uint16_t words[3] = {1, 2, 3};
	static const uint64_t blocks[2] = {5, 6};
	static const uint8_t bytes[3] = {7, 8, 9};

	RECORD_ONE(cairn_event_short_dynamic,
		   cairn_trace_short_dynamic(1, words, 3, "ab", blocks, 2, bytes, 3));
	CHECK_MEM(RECORD_LOC(4, 20, 6), words, 6);
	CHECK_MEM(RECORD_LOC(8, 26, 3), "ab", 3);
	CHECK_MEM(RECORD_LOC(12, 32, 16), blocks, 16);
	CHECK_MEM(RECORD_LOC(16, 48, 3), bytes, 3);
	CHECK_EQ(record.bytes, 52);
	RECORD_ONE(cairn_event_short_dynamic,
		   cairn_trace_short_dynamic(1, NULL, 0, "", NULL, 0, NULL, 0));
	(void)RECORD_LOC(4, 20, 0);
	CHECK_EQ(*RECORD_LOC(8, 20, 1), 0);
	(void)RECORD_LOC(12, 24, 0);
	(void)RECORD_LOC(16, 24, 0);
	CHECK_EQ(record.bytes, 24);
}

TEST(dynamic_arrays_are_cut_to_whole_elements)
{
	static uint16_t words[9000];
	static uint64_t blocks[3000];
	static uint8_t bytes[1];
	unsigned i;

	for (i = 0; i < 9000; i++)
		words[i] = (uint16_t)i;
	for (i = 0; i < 3000; i++)
		blocks[i] = i * 3;
	RECORD_ONE(cairn_event_short_dynamic,
		   cairn_trace_short_dynamic(1, words, 500, "ab", blocks, 3000, bytes, 4000000000));
	CHECK_MEM(RECORD_LOC(4, 20, 1000), words, 1000);
	CHECK_MEM(RECORD_LOC(12, 1024, 2960), blocks,
		  2960); /* 3992 - 20 - 10 set aside - 1000 - 2 */
	CHECK_LE(record.bytes, 3992);
	RECORD_ONE(cairn_event_short_dynamic,
		   cairn_trace_short_dynamic(1, words, 9000, "ab", blocks, 3000, NULL, 0));
	CHECK_MEM(RECORD_LOC(4, 20, 3962), words, 3962);
	CHECK_LE(record.bytes, 3992);
}

TEST(a_string_that_changed_keeps_its_length)
{
	char to[10];

	memset(to, 'x', sizeof(to));
	cairn_text_copy(to, "abc", ~0u, 8);
	CHECK_MEM(to, "abc####\0xx", 10);
	cairn_text_copy(to, "abcdefghij", ~0u, 4);
	CHECK_MEM(to, "abc\0###\0xx", 10);
	cairn_text_copy(to, "abcdefghij", 2, 4);
	CHECK_MEM(to, "ab\0\0###\0xx", 10);
	cairn_text_copy(to, NULL, ~0u, 9);
	CHECK_MEM(to, "(null)##\0x", 10);
	cairn_text_copy(to, "x", ~0u, 1);
	CHECK_MEM(to, "\0null)##\0x", 10);
	CHECK_EQ(cairn_text_bytes("abc", ~0u, 100), 4);
	CHECK_EQ(cairn_text_bytes("abc", 2, 100), 3);
	CHECK_EQ(cairn_text_bytes("abc", ~0u, 3), 3);
	CHECK_EQ(cairn_text_bytes("abc", ~0u, 1), 1);
	CHECK_EQ(cairn_text_bytes(NULL, 0, 100), 7);
}

/* What the words must do, said by bytes. */
static uint32_t text_bytes_slowly(const char *s, uint64_t max, uint32_t room)
{
	uint32_t n = 0;

	while (n + 1 < room && n < max && s[n])
		n++;
	return n + 1;
}

/* A string of `length` characters that ends `behind` bytes before a page that cannot be touched. */
static char *text_at_page_end(uint32_t length, uint32_t behind)
{
	static char *end;

	if (!end) {
		end = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK_NE(end, MAP_FAILED);
		end += 4096;
		CHECK_EQ(mprotect(end, 4096, PROT_NONE), 0);
	}
	memset(end - 4096, 'z', 4096);
	return end - length - behind;
}

static void text_set(char *s, uint32_t length)
{
	uint32_t i;

	for (i = 0; i < length; i++)
		s[i] = (char)(i % 3 ? 'a' + i : 0x80 + i); /* no bit is special */
}

TEST(a_string_is_measured_and_copied_up_to_the_end_of_its_page)
{
	uint32_t length, behind;

	for (length = 0; length < 40; length++) {
		for (behind = 1; behind < 12; behind++) {
			char *s = text_at_page_end(length, behind), to[48];
			uint32_t max;

			text_set(s, length);
			s[length] = 0;
			for (max = 0; max < 44; max++) {
				uint32_t bytes = text_bytes_slowly(s, max, 100);

				CHECK_EQ(cairn_text_bytes(s, max, 100), bytes);
				CHECK_EQ(cairn_text_bytes(s, ~(uint64_t)0, max + 1), bytes);
				memset(to, 'x', sizeof(to));
				cairn_text_copy_measured(to + 1, s, bytes);
				CHECK_EQ(to[0], 'x');
				CHECK_MEM(to + 1, s, bytes - 1);
				CHECK_MEM(to + bytes, "\0x", 2);
				memset(to, 'x', sizeof(to));
				cairn_text_fill(to, s, max);
				CHECK_MEM(to, s, bytes - 1);
				CHECK_EQ(to[max], 'x');
				while (bytes <= max)
					CHECK_EQ(to[bytes++ - 1], 0);
			}
		}
	}
}

TEST(a_string_without_NUL_is_read_no_further_than_its_greatest_length)
{
	uint32_t length;

	for (length = 0; length < 40; length++) {
		char *s = text_at_page_end(length, 0), to[48];

		text_set(s, length);
		CHECK_EQ(cairn_text_bytes(s, length, 100), length + 1);
		CHECK_EQ(cairn_text_bytes(s, ~(uint64_t)0, length + 1), length + 1);
		memset(to, 'x', sizeof(to));
		cairn_text_copy(to, s, length, 45);
		CHECK_MEM(to, s, length);
		CHECK_EQ(to[length], 0);
		CHECK_EQ(to[44], 0);
		CHECK_EQ(to[45], 'x');
		cairn_text_fill(to, s, length);
		CHECK_MEM(to, s, length);
	}
}

TEST(a_string_that_became_shorter_is_lengthened_by_hashes)
{
	uint32_t length, now, i;

	for (length = 1; length < 40; length++) {
		for (now = 0; now < length; now++) {
			char *s = malloc(length), to[48]; /* of that size: the sanitizer sees each byte beside it */

			text_set(s, length);
			CHECK_EQ(cairn_text_bytes(s, length, 100), length + 1);
			s[now] = 0;
			memset(to, 'x', sizeof(to));
			cairn_text_copy_measured(to, s, length + 1);
			CHECK_MEM(to, s, now);
			for (i = now; i < length; i++)
				CHECK_EQ(to[i], '#');
			CHECK_MEM(to + length, "\0x", 2);
			free(s);
		}
	}
}

TEST(an_event_without_fields_is_a_header)
{
	RECORD_ONE(cairn_event_short_empty, cairn_trace_short_empty());
	CHECK_EQ(record.bytes, 0);
	CHECK_EQ(cairn_event_short_empty.cls->fixed_bytes, 0);
}

TEST(parameters_may_have_any_name)
{
	RECORD_ONE(cairn_event_short_clash,
		   cairn_trace_short_clash(1, 2, 3, "four", 5, "sixty", 2));
	CHECK_EQ(record_u32(0), 1);
	CHECK_EQ(record_u32(4), 2);
	CHECK_EQ(record_u32(8), 3);
	CHECK_MEM(RECORD_LOC(12, 24, 5), "four", 5);
	CHECK_EQ(record_u32(16), 5);
	CHECK_MEM(RECORD_LOC(20, 29, 2), "si", 2);
}

TEST(print_texts)
{
	CHECK_PRINT(short_full, "\"%ld \\\"and\\\" %ld\\n\", REC->args[0], REC->args[1]");
	CHECK_PRINT(
		short_text,
		"\"first=%s between=%u second=%s\", __get_str(first), REC->between, __get_str(second)");
	CHECK_PRINT(
		short_names,
		"\"mode=%s kind=%s\", __print_flags(REC->mode, \"|\", { 0x1, \"read\" }, { 0x2, \"write\" }, "
		"{ 0x80, \"sync\" }), __print_symbolic(REC->kind, { 0x1, \"file\" }, "
		"{ 0xfffffffffffffffe, \"a \\\"dir\\\"\" })");
	CHECK_PRINT(short_plain, "\"a=%d b=%llu c=%s\", REC->a, REC->b, __get_str(c)");
	CHECK_PRINT(short_empty, "\"\"");
}

TEST(every_event_of_the_image_is_registered)
{
	(void)record_ring();
	CHECK(cairn_event_find("short_form", "short_unused") == &cairn_event_short_unused);
	CHECK(cairn_event_find("short_form",
			       "short_name_of_the_length_that_the_limit_allows_and_no_more_no_m"));
	CHECK(cairn_event_find("short_form", "short_empty") == &cairn_event_short_empty);
	CHECK(cairn_event_find("task", "task_newtask"));
	CHECK_EQ(cairn_event_short_in.mask, CAIRN_CAT(CAIRN_IPC));
}

CHECK_MAIN()
