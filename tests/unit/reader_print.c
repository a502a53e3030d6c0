/* SPDX-License-Identifier: MIT */
/* The printer: C's rules in print formats, bounds, and what is refused. */
#include "check.h"

#include "reader/reader.h"

/* One event of all kinds of fields; payload as the core lays it out. */
static struct cairn_schema_field fields[] = {
	{.name = "i",
	 .kind = CAIRN_SCHEMA_INT,
	 .offset = 0,
	 .size = 4,
	 .element = 4,
	 .is_signed = true},
	{.name = "u", .kind = CAIRN_SCHEMA_INT, .offset = 4, .size = 4, .element = 4},
	{.name = "l",
	 .kind = CAIRN_SCHEMA_INT,
	 .offset = 8,
	 .size = 8,
	 .element = 8,
	 .is_signed = true},
	{.name = "b", .kind = CAIRN_SCHEMA_INT, .offset = 16, .size = 1, .element = 1},
	{.name = "c",
	 .kind = CAIRN_SCHEMA_INT,
	 .offset = 17,
	 .size = 1,
	 .element = 1,
	 .is_signed = true},
	{.name = "h", .kind = CAIRN_SCHEMA_INT, .offset = 18, .size = 2, .element = 2},
	{.name = "comm",
	 .kind = CAIRN_SCHEMA_ARRAY,
	 .offset = 20,
	 .size = 8,
	 .element = 1,
	 .is_char = true},
	{.name = "a", .kind = CAIRN_SCHEMA_ARRAY, .offset = 28, .size = 8, .element = 4},
	{.name = "p",
	 .kind = CAIRN_SCHEMA_INT,
	 .offset = 36,
	 .size = 8,
	 .element = 8,
	 .is_pointer = true},
	{.name = "s",
	 .kind = CAIRN_SCHEMA_DATA_LOC,
	 .offset = 44,
	 .size = 4,
	 .element = 1,
	 .is_char = true},
	{.name = "d", .kind = CAIRN_SCHEMA_REL_LOC, .offset = 48, .size = 4, .element = 2},
};

static struct cairn_schema_event event = {
	.id = 18,
	.full = "test:event",
	.name = "event",
	.fields = fields,
	.nr_fields = sizeof(fields) / sizeof(fields[0]),
	.nr_dynamic = 2,
	.fixed_bytes = 52,
};

static uint32_t make(uint8_t *p)
{
	int32_t i = -5;
	uint32_t u = 4000000000u, slot;
	int64_t l = INT64_MIN;
	uint16_t h = 0xabcd, d[2] = {1, 0xffff};
	uint32_t a[2] = {7, 0x80000000u};
	uint64_t pointer = 0xffff888000001000u;

	memset(p, 0, 96);
	memcpy(p, &i, 4);
	memcpy(p + 4, &u, 4);
	memcpy(p + 8, &l, 8);
	p[16] = 200;
	p[17] = (uint8_t)-3;
	memcpy(p + 18, &h, 2);
	memcpy(p + 20, "bash\0xyz", 8);
	memcpy(p + 28, a, 8);
	memcpy(p + 36, &pointer, 8);
	slot = (52 + 8) | 6u << 16;
	memcpy(p + 44, &slot, 4);
	slot = (58 - 52) | 4u << 16;
	memcpy(p + 48, &slot, 4);
	memcpy(p + 52, "hello", 6);
	memcpy(p + 58, d, 4);
	return 62;
}

static const char *print(const char *format)
{
	static char out[4096];
	uint8_t payload[96];
	uint32_t n = make(payload);
	const char *why;
	struct cairn_buf t;

	event.printer = cairn_printer_compile(&event, format, &why);
	if (!event.printer)
		return "refused";
	cairn_buf_init(&t, out, sizeof(out));
	cairn_reader_print_event(&event, payload, n, &t);
	cairn_printer_free(event.printer);
	event.printer = NULL;
	return cairn_buf_end(&t);
}

TEST(printer_follows_printf)
{
	CHECK_STR(
		print("\"%d|%5d|%-5d|%05d|%+d|% d|%.3d\", REC->i, REC->i, REC->i, REC->i, 5, 5, 5"),
		"-5|   -5|-5   |-0005|+5| 5|005");
	CHECK_STR(print("\"%u %x %X %#x %o %#o\", REC->u, REC->u, REC->h, REC->h, 8, 8"),
		  "4000000000 ee6b2800 ABCD 0xabcd 10 010");
	CHECK_STR(print("\"%ld %lld %zu %hd %hhd\", REC->l, REC->l, REC->u, REC->h, REC->b"),
		  "-9223372036854775808 -9223372036854775808 4000000000 -21555 -56");
	CHECK_STR(
		print("\"%s|%8s|%-8s|%.2s|%*.*s|%c%c%%\", REC->comm, REC->comm, REC->comm, REC->comm, 5, 3, REC->comm, 'o', 107"),
		"bash|    bash|bash    |ba|  bas|ok%");
	CHECK_STR(print("\"%p %s\", REC->p, REC->p"), "0xffff888000001000 0xffff888000001000");
	CHECK_STR(print("\"%*d|\", -4, 1"), "1   |");
}

TEST(printer_calculates_as_c_does)
{
	CHECK_STR(print("\"%d\", REC->i / 2 * 2 + REC->i % 2"), "-5");
	CHECK_STR(print("\"%d %d\", REC->i < 0, REC->i < REC->u"), "1 0");
	CHECK_STR(print("\"%d\", REC->c + REC->b"), "197");
	CHECK_STR(print("\"%u %lu\", REC->u + REC->u, (unsigned long)REC->u + REC->u"),
		  "3705032704 8000000000");
	CHECK_STR(print("\"%d %ld\", REC->l / -1 == REC->l, REC->l % -1"), "1 0");
	CHECK_STR(print("\"%d %d %d\", 7 / 0, 7 % (REC->b - 200), -7 >> 1"), "0 0 -4");
	CHECK_STR(print("\"%d\", 1 + 2 * 3 - 4 / 2 | 8 & 12 ^ 1"), "13");
	CHECK_STR(print("\"%d %d\", 1 ? 2 : 0 ? 3 : 4, !0 && ~0 || 0"), "2 1");
	CHECK_STR(print("\"%d %d %u\", (s8)REC->b, (char)300, (u16)-1"), "-56 44 65535");
	CHECK_STR(print("\"%lx %d\", 1UL << 40, 0x7fffffff + 0"), "10000000000 2147483647");
	CHECK_STR(print("\"%lu %d\", sizeof(long), (int)sizeof(REC->comm)"), "8 8");
	CHECK_STR(print("\"%u %u %d\", REC->a[0], REC->a[1], REC->a[2]"), "7 2147483648 0");
	CHECK_STR(
		print("\"%llu.%09lu\", __print_ns_to_secs(1500000000), __print_ns_without_secs(1500000000)"),
		"1.500000000");
}

TEST(printer_knows_linux_calls)
{
	CHECK_STR(
		print("\"%s %s %d\", __get_str(s), (char *)__get_dynamic_array(s), __get_dynamic_array_len(s)"),
		"hello hello 6");
	CHECK_STR(print("\"%s\", __print_flags(0x17, \"|\", {1, \"A\"}, {6, \"B\"}, {8, \"C\"})"),
		  "A|B|0x10");
	CHECK_STR(
		print("\"%s%s\", __print_flags(0, \"|\", {1, \"A\"}), __print_flags(REC->b & 8, \"\", {(1 << 3), \"eight\"})"),
		"eight");
	CHECK_STR(
		print("\"%s %s\", __print_symbolic(REC->i, {-5, \"minus\"}), __print_symbolic(9, {1, \"one\"})"),
		"minus 0x9");
	CHECK_STR(print("\"%s %s\", __print_hex(REC->a, 4), __print_hex_str(REC->a, 2)"),
		  "07 00 00 00 0700");
	CHECK_STR(print("\"%s\", __print_array(REC->a, 2, 4)"), "{0x7,0x80000000}");
	CHECK_STR(print("\"%s\", __print_array(__get_rel_dynamic_array(d), 99, 2)"),
		  "{0x1,0xffff}");
	CHECK_STR(print("\"%s\", REC->i < 0 ? \"neg\" : \"pos\""), "neg");
}

TEST(printer_refuses_what_it_does_not_know)
{
	static const char *const wrong[] = {
		"",
		"x",
		"\"",
		"\"%n\", REC->i",
		"\"%d\"",
		"\"%d\", REC->nothing",
		"\"%d\", foo(1)",
		"\"%f\", 1",
		"\"a\", 1",
		"\"%d\", (1",
		"\"%d\", *REC->p",
		"\"%d\", REC",
		"\"%d\", __print_flags(1, \"|\", {REC->i, \"x\"})",
		"\"%d\", REC->comm",
		"\"%d\", \"text\"",
		"\"%d\", 1 +",
		"\"%d\", REC->i[0]",
	};
	char deep[2048] = "\"%d\", ";

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_STR(print(wrong[i]), "refused");
	memset(deep + 6, '(', 1000);
	CHECK_STR(print(deep), "refused");
	memset(deep + 6, '-', 1000);
	CHECK_STR(print(deep), "refused");
}

TEST(printer_output_is_safe_and_bounded)
{
	CHECK_STR(print("\"a\\tb\\033[1m\\n\""), "a\\x09b\\x1b[1m");
	CHECK(strlen(print("\"%999999999d\", 1")) <= 1024);
	CHECK(strlen(print("\"%*d%*s\", 2147483647, 1, -2147483647, \"x\"")) <= 2048);
}

TEST(payload_must_agree_with_its_slots)
{
	uint8_t payload[96];
	uint32_t n = make(payload);

	CHECK_EQ(cairn_schema_event_bytes(&event, payload, n), (int)n);
	CHECK_EQ(cairn_schema_event_bytes(&event, payload, n - 1), -1);
	payload[46] = 7; /* the string would reach into the array behind it */
	CHECK_EQ(cairn_schema_event_bytes(&event, payload, n), -1);
}

CHECK_MAIN()
