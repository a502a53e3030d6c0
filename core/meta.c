/* SPDX-License-Identifier: MIT */
/*
 * Descriptions of events in words: CTF metadata (TSDL, CTF 1.8.3) with the comment that Cairn's readers use, and Linux's `format`
 * text. Both come from the field table, so nobody keeps metadata by hand.
 *
 * METADATA is append-only: each event is one CTF metadata packet of its own, written behind the used part and then released by
 * state.metadata_bytes, so late registration rewrites nothing and a reader sees whole packets only.
 */
#include "region.h"
#include "text.h"

#define META_CHUNK_BYTES \
	16384u /* of the section, made writable ahead of each packet: enough for all but tables of hundreds of names */
#define META_COMMON_BYTES 8u /* of a Linux record, before the payload */

/* ---- names and declarations ---- */

static bool meta_is_char(const struct cairn_field *f)
{
	return f->element == 1 && f->show == CAIRN_SHOW_STRING;
}

static bool meta_is_slot(const struct cairn_field *f)
{
	return f->kind == CAIRN_FIELD_LOC || f->kind == CAIRN_FIELD_REL_LOC;
}

/* As Linux declares it in `format`: `pid_t prev_pid`, `char comm[16]`, `__data_loc char[] path`. */
static void meta_declaration(struct cairn_text *t, const struct cairn_field *f)
{
	if (meta_is_slot(f))
		cairn_text_str(t, f->kind == CAIRN_FIELD_LOC ? "__data_loc " : "__rel_loc ");
	cairn_text_str(t, f->type);
	cairn_text_str(t, meta_is_slot(f) ? "[] " : " ");
	cairn_text_str(t, f->name);
	if (f->kind == CAIRN_FIELD_ARRAY) {
		cairn_text_char(t, '[');
		cairn_text_u64(t, f->element ? f->size / f->element : 0);
		cairn_text_char(t, ']');
	}
}

static const struct cairn_field *meta_fields(const struct cairn_event *e, unsigned *nr)
{
	*nr = 0;
	return e->cls->fields(nr);
}

/* ---- print format ---- */

static void meta_quoted(struct cairn_text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n') {
			cairn_text_str(t, "\\n");
		} else if (*s == '\t') {
			cairn_text_str(t, "\\t");
		} else {
			if (*s == '"' || *s == '\\')
				cairn_text_char(t, '\\');
			cairn_text_char(t, *s);
		}
	}
}

static void meta_names(struct cairn_text *t, const struct cairn_field *f)
{
	unsigned i;

	cairn_text_str(t, f->show == CAIRN_SHOW_FLAGS ? "__print_flags(REC->"
						      : "__print_symbolic(REC->");
	cairn_text_str(t, f->name);
	if (f->show == CAIRN_SHOW_FLAGS)
		cairn_text_str(t, ", \"|\"");
	for (i = 0; f->names && i < f->names->nr; i++) {
		cairn_text_str(t, ", { ");
		cairn_text_hex(t, f->names->pair[i].value);
		cairn_text_str(t, ", \"");
		meta_quoted(t, f->names->pair[i].name);
		cairn_text_str(t, "\" }");
	}
	cairn_text_char(t, ')');
}

static void meta_argument(struct cairn_text *t, const struct cairn_field *f)
{
	const char *n = f->name;

	if (f->show == CAIRN_SHOW_FLAGS || f->show == CAIRN_SHOW_SYMBOL) {
		meta_names(t, f);
	} else if (meta_is_slot(f) && meta_is_char(f)) {
		cairn_text_str(t, f->kind == CAIRN_FIELD_LOC ? "__get_str(" : "__get_rel_str(");
		cairn_text_str(t, n);
		cairn_text_char(t, ')');
	} else if (meta_is_slot(f)) {
		const char *rel = f->kind == CAIRN_FIELD_LOC ? "" : "rel_";

		cairn_text_str(t, "__print_array(__get_");
		cairn_text_str(t, rel);
		cairn_text_str(t, "dynamic_array(");
		cairn_text_str(t, n);
		cairn_text_str(t, "), __get_");
		cairn_text_str(t, rel);
		cairn_text_str(t, "dynamic_array_len(");
		cairn_text_str(t, n);
		cairn_text_str(t, ") / ");
		cairn_text_u64(t, f->element);
		cairn_text_str(t, ", ");
		cairn_text_u64(t, f->element);
		cairn_text_char(t, ')');
	} else if (f->kind == CAIRN_FIELD_STRUCT ||
		   (f->kind == CAIRN_FIELD_ARRAY && !meta_is_char(f))) {
		cairn_text_str(t, "__print_hex(REC->");
		cairn_text_str(t, n);
		cairn_text_str(t, ", ");
		cairn_text_u64(t, f->size);
		cairn_text_char(t, ')');
	} else {
		cairn_text_str(t, "REC->");
		cairn_text_str(t, n);
	}
}

/* name=conversion for a field whose event gives no format. */
static void meta_plain_format(struct cairn_text *t, const struct cairn_field *f)
{
	bool scalar = f->kind == CAIRN_FIELD_SCALAR &&
		      (f->show == CAIRN_SHOW_PLAIN || f->show == CAIRN_SHOW_HEX);
	const char *c, *conversion = "%s";

	cairn_text_str(t, f->name);
	cairn_text_char(t, '=');
	if (scalar) {
		conversion = f->element == 8 ? (f->is_signed ? "%lld" : "%llu")
			     : f->is_signed  ? "%d"
					     : "%u";
		for (c = f->type; *c; c++) {
			if (*c == '*')
				conversion = "%#llx";
		}
	}
	cairn_text_str(t, conversion);
}

static void meta_print(struct cairn_text *t, const struct cairn_event *e)
{
	const struct cairn_field *f;
	unsigned nr, i;

	if (e->flags & CAIRN_EVENT_FULL_PRINT) {
		cairn_text_str(t, e->print);
		return;
	}
	f = meta_fields(e, &nr);
	cairn_text_char(t, '"');
	if (e->flags & CAIRN_EVENT_PLAIN_PRINT) {
		for (i = 0; i < nr; i++) {
			if (i)
				cairn_text_char(t, ' ');
			meta_plain_format(t, &f[i]);
		}
	} else {
		meta_quoted(t, e->print);
	}
	cairn_text_char(t, '"');
	for (i = 0; i < nr; i++) {
		cairn_text_str(t, ", ");
		meta_argument(t, &f[i]);
	}
}

/* ---- Linux's format text ---- */

static void meta_format_field(struct cairn_text *t, const char *type, const char *name,
			      unsigned offset, unsigned size, bool is_signed)
{
	cairn_text_str(t, "\tfield:");
	cairn_text_str(t, type);
	cairn_text_str(t, name);
	cairn_text_str(t, ";\toffset:");
	cairn_text_u64(t, offset);
	cairn_text_str(t, ";\tsize:");
	cairn_text_u64(t, size);
	cairn_text_str(t, is_signed ? ";\tsigned:1;\n" : ";\tsigned:0;\n");
}

int cairn_event_format(const struct cairn_event *e, char *buf, size_t size)
{
	const struct cairn_field *f;
	struct cairn_text t;
	unsigned nr, i;

	f = meta_fields(e, &nr);
	cairn_text_begin(&t, buf, size);
	cairn_text_str(&t, "name: ");
	cairn_text_str(&t, e->name);
	cairn_text_str(&t, "\nID: ");
	cairn_text_u64(&t, e->id);
	cairn_text_str(&t, "\nformat:\n");
	meta_format_field(&t, "unsigned short common_type", "", 0, 2, false);
	meta_format_field(&t, "unsigned char common_flags", "", 2, 1, false);
	meta_format_field(&t, "unsigned char common_preempt_count", "", 3, 1, false);
	meta_format_field(&t, "int common_pid", "", 4, 4, true);
	cairn_text_char(&t, '\n');
	for (i = 0; i < nr; i++) {
		char declaration[256];
		struct cairn_text d;

		cairn_text_begin(&d, declaration, sizeof(declaration));
		meta_declaration(&d, &f[i]);
		meta_format_field(&t, declaration, "", f[i].offset + META_COMMON_BYTES, f[i].size,
				  f[i].is_signed);
	}
	cairn_text_str(&t, "\nprint fmt: ");
	meta_print(&t, e);
	cairn_text_char(&t, '\n');
	return (int)t.len;
}

/* ---- TSDL ---- */

/* Names that TSDL reserves, or that begin with what CTF readers take off, get an underscore before them. */
static void meta_tsdl_name(struct cairn_text *t, const char *name)
{
	static const char words[][16] = {
		"align",          "callsite", "char",     "clock",   "const",
		"double",         "enum",     "env",      "event",   "float",
		"floating_point", "int",      "integer",  "long",    "short",
		"signed",         "stream",   "string",   "struct",  "trace",
		"typealias",      "typedef",  "unsigned", "variant", "void"};
	unsigned i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (cairn_text_equal(name, words[i]))
			cairn_text_char(t, '_');
	}
	if (name[0] == '_')
		cairn_text_char(t, '_');
	cairn_text_str(t, name);
}

static void meta_tsdl_integer(struct cairn_text *t, unsigned bytes, bool is_signed, bool text)
{
	cairn_text_str(t, "integer { size = ");
	cairn_text_u64(t, bytes * 8);
	cairn_text_str(t, "; align = ");
	cairn_text_u64(t, (bytes > 4 ? 4 : bytes) * 8);
	if (is_signed)
		cairn_text_str(t, "; signed = true");
	if (text)
		cairn_text_str(t, "; encoding = UTF8");
	cairn_text_str(t, "; } ");
}

/* TSDL has integers of 1, 2, 4 and 8 bytes; elements of any other size, structures too, are shown as bytes. */
static bool meta_is_opaque(const struct cairn_field *f)
{
	return f->kind == CAIRN_FIELD_STRUCT ||
	       (f->element != 1 && f->element != 2 && f->element != 4 && f->element != 8);
}

/* The largest power of two up to 4 that divides it. */
static unsigned meta_alignment(unsigned bytes)
{
	return bytes % 4 == 0 ? 4 : bytes % 2 == 0 ? 2 : 1;
}

/* Bytes have no alignment of their own: put what follows on a multiple of `align`. */
static void meta_tsdl_align(struct cairn_text *t, unsigned align, const char *name)
{
	if (align == 1)
		return;
	cairn_text_str(t, "struct { } align(");
	cairn_text_u64(t, align * 8);
	cairn_text_str(t, ") _align_");
	cairn_text_str(t, name);
	cairn_text_str(t, "; ");
}

static unsigned meta_log2(unsigned v)
{
	unsigned k = 0;

	while (v >>= 1)
		k++;
	return k;
}

static void meta_tsdl_slot(struct cairn_text *t, const struct cairn_field *f)
{
	unsigned k = meta_is_opaque(f) ? 0 : meta_log2(f->element);

	cairn_text_str(t, "integer { size = 16; align = 32; } _off_");
	cairn_text_str(t, f->name);
	cairn_text_str(t, "; ");
	if (k) {
		cairn_text_str(t, "integer { size = ");
		cairn_text_u64(t, k);
		cairn_text_str(t, "; align = 1; } _r_");
		cairn_text_str(t, f->name);
		cairn_text_str(t, "; integer { size = ");
		cairn_text_u64(t, 16 - k);
		cairn_text_str(t, "; align = 1; } _n_");
	} else {
		cairn_text_str(t, "integer { size = 16; align = 16; } _len_");
	}
	cairn_text_str(t, f->name);
	cairn_text_str(t, ";");
}

static void meta_tsdl_fixed(struct cairn_text *t, const struct cairn_field *f)
{
	bool opaque = meta_is_opaque(f);
	unsigned element = opaque ? 1 : f->element;

	if (meta_is_slot(f)) {
		meta_tsdl_slot(t, f);
		return;
	}
	if (opaque)
		meta_tsdl_align(t, meta_alignment(f->offset), f->name);
	meta_tsdl_integer(t, element, !opaque && f->is_signed,
			  f->kind == CAIRN_FIELD_ARRAY && meta_is_char(f));
	meta_tsdl_name(t, f->name);
	if (opaque || f->kind != CAIRN_FIELD_SCALAR) {
		cairn_text_char(t, '[');
		cairn_text_u64(t, f->size / element);
		cairn_text_char(t, ']');
	}
	cairn_text_char(t, ';');
}

static void meta_tsdl_tail(struct cairn_text *t, const struct cairn_field *f)
{
	bool opaque = meta_is_opaque(f);

	if (opaque)
		meta_tsdl_align(t, meta_alignment(f->element), f->name);
	meta_tsdl_integer(t, opaque ? 1 : f->element, !opaque && f->is_signed, meta_is_char(f));
	meta_tsdl_name(t, f->name);
	cairn_text_str(t, !opaque && f->element > 1 ? "[_n_" : "[_len_");
	cairn_text_str(t, f->name);
	cairn_text_str(t, "];");
}

static void meta_tsdl_event(struct cairn_text *t, const struct cairn_event *e)
{
	const struct cairn_field *f;
	bool odd = e->cls->fixed_bytes % 4 != 0;
	unsigned nr, i;

	f = meta_fields(e, &nr);
	cairn_text_str(t, "event {\n\tname = \"");
	cairn_text_str(t, e->system);
	cairn_text_char(t, ':');
	cairn_text_str(t, e->name);
	cairn_text_str(t, "\";\n\tid = ");
	cairn_text_u64(t, e->id);
	cairn_text_str(t, ";\n\tstream_id = 0;\n\tfields := struct {\n");
	for (i = 0; i < nr; i++) {
		cairn_text_str(t, "\t\t");
		meta_tsdl_fixed(t, &f[i]);
		cairn_text_char(t, '\n');
	}
	for (i = 0; i < nr; i++) {
		if (!meta_is_slot(&f[i]))
			continue;
		cairn_text_str(t, "\t\t");
		meta_tsdl_tail(t, &f[i]);
		cairn_text_char(t, '\n');
		odd |= f[i].element % 4 != 0;
	}
	if (odd) /* without it babeltrace2 refuses a packet whose last record ends off a 4-byte boundary */
		cairn_text_str(t, "\t\tstruct { } align(32) _pad;\n");
	cairn_text_str(t, "\t};\n};\n\n");
}

/* Whether s begins with what ends a comment, once the backslashes that stand in between are taken away. */
static bool meta_ends_comment(const char *s, const char *end)
{
	if (s == end || *s++ != '*')
		return false;
	while (s < end && *s == '\\')
		s++;
	return s < end && *s == '/';
}

/* Text that stands in a comment: what would end it, or looks like that escaped, gets one more backslash; control bytes a blank. */
static void meta_comment_text(struct cairn_text *t, size_t from)
{
	size_t i, n = t->len;

	for (i = from; i < n && i + 1 < t->room; i++) {
		if ((unsigned char)t->buf[i] < ' ')
			t->buf[i] = ' ';
		if (!meta_ends_comment(t->buf + i, t->buf + (n < t->room ? n : t->room)))
			continue;
		cairn_text_char(t, ' ');
		if (t->len < t->room) {
			size_t k;

			for (k = t->len - 1; k > i + 1; k--)
				t->buf[k] = t->buf[k - 1];
			t->buf[i + 1] = '\\';
		}
		n++;
	}
}

static void meta_description(struct cairn_text *t, const struct cairn_event *e)
{
	const struct cairn_field *f;
	unsigned nr, i;
	size_t print;

	f = meta_fields(e, &nr);
	cairn_text_str(t, "/*cairn event ");
	cairn_text_u64(t, e->id);
	cairn_text_char(t, ' ');
	cairn_text_str(t, e->system);
	cairn_text_char(t, ':');
	cairn_text_str(t, e->name);
	cairn_text_str(t, "\nmask ");
	cairn_text_hex(t, e->mask);
	cairn_text_str(t, "\nhash ");
	cairn_text_hex(t, e->hash);
	for (i = 0; i < nr; i++) {
		size_t declaration;

		cairn_text_str(t, "\nfield ");
		cairn_text_u64(t, f[i].offset + META_COMMON_BYTES);
		cairn_text_char(t, ' ');
		cairn_text_u64(t, f[i].size);
		cairn_text_str(t, f[i].is_signed ? " 1 " : " 0 ");
		cairn_text_u64(t, f[i].element);
		cairn_text_char(t, ' ');
		declaration = t->len;
		meta_declaration(t, &f[i]);
		meta_comment_text(t, declaration);
	}
	cairn_text_str(t, "\nprint ");
	print = t->len;
	meta_print(t, e);
	meta_comment_text(t, print);
	cairn_text_str(t, "\n*/\n");
}

/* ---- packets of metadata ---- */

static void meta_put32(char *p, uint32_t v)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		p[i] = (char)(v >> (i * 8));
}

static uint64_t meta_used(void)
{
	return cairn_load64(&cairn_image.state->metadata_bytes);
}

/*
 * A text over at most `chunk` bytes of the free part of the section; without room if there is none. Whether a larger chunk would
 * have been more.
 */
static bool meta_text_begin(struct cairn_text *t, uint64_t chunk)
{
	uint64_t used = meta_used(), room = cairn_image.plan.metadata_bytes;
	bool more;

	room = used < room
		       ? room - used
		       : 0; /* the word lies in the region: a foreign value must not lead beyond the section */
	more = room > chunk;
	if (more)
		room = chunk;
	if (room <= CAIRN_METADATA_HEADER_BYTES ||
	    cairn_populate(cairn_image.plan.metadata + used, room)) {
		cairn_text_begin(t, cairn_image.metadata, 0);
		return false;
	}
	cairn_text_begin(t, cairn_image.metadata + used + CAIRN_METADATA_HEADER_BYTES,
			 (size_t)room - CAIRN_METADATA_HEADER_BYTES);
	return more;
}

static int meta_text_end(const struct cairn_text *t)
{
	uint64_t used = meta_used();
	char *p = cairn_image.metadata + used;
	uint32_t bits = (uint32_t)(CAIRN_METADATA_HEADER_BYTES + t->len) * 8;
	unsigned i;

	if (t->len >= t->room) {
		for (i = 0; t->room && i < t->room; i++)
			((volatile char *)t->buf)[i] = 0;
		return CAIRN_ENOSPC;
	}
	for (i = 0; i < CAIRN_METADATA_HEADER_BYTES; i++)
		((volatile char *)p)[i] = 0;
	meta_put32(p, CAIRN_METADATA_MAGIC);
	for (i = 0; i < 16; i++)
		p[CAIRN_METADATA_OFF_UUID + i] = (char)cairn_image.uuid[i];
	meta_put32(p + CAIRN_METADATA_OFF_CRC32C, cairn_crc32c(0, t->buf, t->len));
	meta_put32(p + CAIRN_METADATA_OFF_CONTENT, bits);
	meta_put32(p + CAIRN_METADATA_OFF_PACKET, bits);
	p[CAIRN_METADATA_OFF_MAJOR] = 1;
	p[CAIRN_METADATA_OFF_MAJOR + 1] = 8;
	/*
	 * ORDER metadata:A / read:D
	 *   the packet, then the count of bytes used. A reader that acquires the count finds whole packets before it.
	 */
	cairn_store64_release(&cairn_image.state->metadata_bytes,
			      used + CAIRN_METADATA_HEADER_BYTES +
				      t->len); /* ORDER metadata:A, pairs with read:D */
	return 0;
}

static void meta_uuid(struct cairn_text *t)
{
	unsigned i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			cairn_text_char(t, '-');
		cairn_text_hex_digits(t, cairn_image.uuid[i], 2);
	}
}

static const char *meta_arch(void)
{
	return CAIRN_ARCH == CAIRN_ARCH_X86_64    ? "x86_64"
	       : CAIRN_ARCH == CAIRN_ARCH_AARCH64 ? "aarch64"
	       : CAIRN_ARCH == CAIRN_ARCH_RISCV64 ? "riscv64"
						  : "unknown";
}

static void meta_env_text(struct cairn_text *t, const char *key, const char *value)
{
	cairn_text_char(t, '\t');
	cairn_text_str(t, key);
	cairn_text_str(t, " = \"");
	meta_quoted(t, value);
	cairn_text_str(t, "\";\n");
}

/*
 * The clock: offset_s and offset place its zero in Unix time when both the rate and the wall time are known. hz 0 is written as 1 GHz, and
 * `cairn convert` puts the rate there that became known later.
 */
static void meta_clock(struct cairn_text *t, const struct cairn_config *c)
{
	cairn_text_str(
		t,
		"clock {\n\tname = \"cairn\";\n\tdescription = \"clock of the target\";\n\tfreq = ");
	cairn_text_u64(t, c->clock_hz ? c->clock_hz : 1000000000u);
	cairn_text_str(t, ";\n\toffset_s = 0;\n\toffset = 0;\n};\n\n");
}

int cairn_meta_begin(const struct cairn_config *c)
{
	struct cairn_text t;

	(void)meta_text_begin(&t, META_CHUNK_BYTES);
	cairn_text_str(&t, "/* CTF 1.8 */\n\n"
			   "typealias integer { size = 8; align = 8; } := u8;\n"
			   "typealias integer { size = 32; align = 32; } := u32;\n"
			   "typealias integer { size = 64; align = 32; } := u64;\n\n"
			   "trace {\n\tmajor = 1;\n\tminor = 8;\n\tbyte_order = le;\n\tuuid = \"");
	meta_uuid(&t);
	cairn_text_str(
		&t,
		"\";\n\tpacket.header := struct {\n\t\tinteger { size = 32; align = 32; base = 16; } magic;\n"
		"\t\tu8 uuid[16];\n\t\tu32 stream_id;\n\t};\n};\n\nenv {\n");
	/* selects the layout of Trace Compass whose event and field names are ours */
	meta_env_text(&t, "domain", "kernel");
	meta_env_text(&t, "tracer_name", "perf");
	meta_env_text(&t, "hostname", c->name ? c->name : "");
	meta_env_text(&t, "architecture", meta_arch());
	meta_env_text(&t, "build_id", c->build_id ? c->build_id : "");
	cairn_text_str(&t, "\tcairn_format_major = ");
	cairn_text_u64(&t, CAIRN_FORMAT_MAJOR);
	cairn_text_str(&t, ";\n\tcairn_format_minor = ");
	cairn_text_u64(&t, CAIRN_FORMAT_MINOR);
	cairn_text_str(&t, ";\n};\n\n");
	meta_clock(&t, c);
	cairn_text_str(
		&t,
		"typealias integer { size = 64; align = 32; map = clock.cairn.value; } := ts64;\n\n"
		"stream {\n\tid = 0;\n"
		"\tpacket.context := struct {\n\t\tts64 timestamp_begin;\n\t\tts64 timestamp_end;\n\t\tu64 content_size;\n"
		"\t\tu64 packet_size;\n\t\tu64 packet_seq_num;\n\t\tu64 events_discarded;\n\t\tu64 events_before;\n"
		"\t\tu32 cpu_id;\n\t\tu32 flags;\n\t};\n"
		"\tevent.header := struct {\n"
		"\t\tinteger { size = 48; align = 32; map = clock.cairn.value; } timestamp;\n"
		"\t\tinteger { size = 16; align = 16; } id;\n\t};\n"
		"\tevent.context := struct {\n\t\tinteger { size = 24; align = 32; } pid;\n\t\tu8 ctx;\n\t};\n};\n\n");
	return meta_text_end(&t);
}

int cairn_meta_event(const struct cairn_event *e)
{
	uint64_t chunk = META_CHUNK_BYTES;
	struct cairn_text t;
	bool more;
	int err;

	do {
		more = meta_text_begin(&t, chunk);
		meta_description(&t, e);
		meta_tsdl_event(&t, e);
		err = meta_text_end(&t);
		chunk *= 4;
	} while (err && more);
	return err;
}

/* ---- identity across builds ---- */

static uint64_t meta_hash_bytes(uint64_t h, const char *s)
{
	do                                                    /* the NUL too: it separates */
		h = (h ^ (unsigned char)*s) * 0x100000001b3u; /* FNV-1a, 64 bits */
	while (*s++);
	return h;
}

uint64_t cairn_meta_hash(const struct cairn_event *e)
{
	const struct cairn_field *f;
	uint64_t h = 0xcbf29ce484222325u;
	unsigned nr, i;

	f = meta_fields(e, &nr);
	h = meta_hash_bytes(h, e->system);
	h = meta_hash_bytes(h, e->name);
	h = meta_hash_bytes(h, e->print ? e->print : "");
	for (i = 0; i < nr; i++) {
		h = meta_hash_bytes(h, f[i].name);
		h = meta_hash_bytes(h, f[i].type);
		h = (h ^ (f[i].offset | (uint64_t)f[i].size << 16 | (uint64_t)f[i].element << 32 |
			  (uint64_t)f[i].is_signed << 48 | (uint64_t)f[i].kind << 52)) *
		    0x100000001b3u;
	}
	return h;
}
