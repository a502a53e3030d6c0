/* SPDX-License-Identifier: MIT */
/*
 * What the metadata says about events. Read are the descriptions in the comments before each event
 * block, not the TSDL itself: they say the same, in the words of Linux's format files (layout.h, at
 * the end).
 */
#define _GNU_SOURCE
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_FIELDS_MAX 256u
#define SCHEMA_LINE_MAX   (64u * 1024u)

/* A piece of text being taken apart. */
struct schema_span {
	const char *at, *end;
};

static struct schema_span schema_line(struct schema_span *text)
{
	const char *nl = memchr(text->at, '\n', (size_t)(text->end - text->at));
	struct schema_span line = {text->at, nl ? nl : text->end};

	text->at = nl ? nl + 1 : text->end;
	return line;
}

static struct schema_span schema_word(struct schema_span *line)
{
	while (line->at < line->end && (*line->at == ' ' || *line->at == '\t'))
		line->at++;
	struct schema_span w = {line->at, line->at};
	while (w.end < line->end && *w.end != ' ' && *w.end != '\t')
		w.end++;
	line->at = w.end;
	return w;
}

static bool schema_is(struct schema_span w, const char *s)
{
	return (size_t)(w.end - w.at) == strlen(s) && memcmp(w.at, s, strlen(s)) == 0;
}

static bool schema_number(struct schema_span w, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	unsigned base = 10;

	if (w.end - w.at > 2 && w.at[0] == '0' && (w.at[1] == 'x' || w.at[1] == 'X')) {
		base = 16;
		w.at += 2;
	}
	if (w.at == w.end)
		return false;
	for (; w.at < w.end; w.at++) {
		int c = *w.at | 0x20;
		unsigned d = *w.at >= '0' && *w.at <= '9' ? (unsigned)(*w.at - '0')
			     : c >= 'a' && c <= 'f'       ? (unsigned)(c - 'a' + 10)
							  : 99;
		if (d >= base || v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	*out = v;
	return v <= max;
}

/* Whether a run of backslashes ends in a slash: then the first was put there to keep the comment from ending. */
static bool schema_slash_follows(struct schema_span w)
{
	while (w.at < w.end && *w.at == '\\')
		w.at++;
	return w.at < w.end && *w.at == '/';
}

/* Copy, with the backslash taken out that keeps a comment from ending. */
static char *schema_copy(struct schema_span w)
{
	char *s = malloc((size_t)(w.end - w.at) + 1);
	size_t n = 0;

	if (!s)
		return NULL;
	for (const char *begin = w.at; w.at < w.end; w.at++) {
		if (w.at > begin && w.at[-1] == '*' && *w.at == '\\' && schema_slash_follows(w))
			continue;
		s[n++] = *w.at;
	}
	s[n] = '\0';
	return s;
}

static bool schema_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool schema_has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
		if ((p == text || !schema_name_char(p[-1])) && !schema_name_char(p[n]))
			return true;
	return false;
}

/*
 * Name and kind from a declaration such as `char comm[16]`, `__data_loc char[] path`, `const char *
 * ptr`.
 */
static bool schema_declaration(struct cairn_schema_field *f)
{
	const char *d = f->declaration;
	size_t n = strlen(d);
	bool array = false;

	f->kind = CAIRN_SCHEMA_INT;
	if (schema_has_word(d, "__data_loc"))
		f->kind = CAIRN_SCHEMA_DATA_LOC;
	else if (schema_has_word(d, "__rel_loc"))
		f->kind = CAIRN_SCHEMA_REL_LOC;
	while (n && d[n - 1] == ' ')
		n--;
	if (n && d[n - 1] == ']') {
		while (n && d[n - 1] != '[')
			n--;
		n -= n ? 1 : 0;
		array = true;
	}
	size_t start = n;
	while (start && schema_name_char(d[start - 1]))
		start--;
	if (start == n || (d[start] >= '0' && d[start] <= '9'))
		return false;
	f->name = strndup(d + start, n - start);
	if (f->kind == CAIRN_SCHEMA_INT && array)
		f->kind = CAIRN_SCHEMA_ARRAY;
	f->is_char = schema_has_word(d, "char") && f->element == 1 && f->kind != CAIRN_SCHEMA_INT &&
		     !schema_has_word(d, "unsigned");
	f->is_pointer = memchr(d, '*', start) != NULL;
	return f->name != NULL;
}

static bool schema_field(struct cairn_schema_event *e, struct schema_span line)
{
	uint64_t offset, size, is_signed, element;

	if (e->nr_fields >= SCHEMA_FIELDS_MAX ||
	    !schema_number(schema_word(&line), 8 + CAIRN_RECORD_MAX, &offset) ||
	    !schema_number(schema_word(&line), CAIRN_RECORD_MAX, &size) ||
	    !schema_number(schema_word(&line), 1, &is_signed) ||
	    !schema_number(schema_word(&line), CAIRN_RECORD_MAX, &element))
		return false;
	if (offset < 8 || element == 0 || size + offset - 8 > CAIRN_RECORD_MAX)
		return false;
	while (line.at < line.end && *line.at == ' ')
		line.at++;
	if ((e->nr_fields & (e->nr_fields - 1)) == 0) {
		uint32_t room = e->nr_fields ? e->nr_fields * 2 : 1;
		struct cairn_schema_field *p = realloc(e->fields, room * sizeof(*p));
		if (!p)
			return false;
		e->fields = p;
	}
	struct cairn_schema_field *f = &e->fields[e->nr_fields];
	memset(f, 0, sizeof(*f));
	f->offset = (uint32_t)offset - 8;
	f->size = (uint32_t)size;
	f->is_signed = is_signed;
	f->element = (uint32_t)element;
	f->declaration = schema_copy(line);
	e->nr_fields++;
	if (!f->declaration || !schema_declaration(f))
		return false;
	bool dynamic = f->kind == CAIRN_SCHEMA_DATA_LOC || f->kind == CAIRN_SCHEMA_REL_LOC;
	if (dynamic && f->size != 4)
		return false;
	if (f->kind == CAIRN_SCHEMA_INT)
		f->element = f->size; /* never more than the field's own bytes */
	e->nr_dynamic += dynamic;
	if (f->offset + f->size > e->fixed_bytes)
		e->fixed_bytes = f->offset + f->size;
	return true;
}

static void schema_event_free(struct cairn_schema_event *e)
{
	if (!e)
		return;
	for (uint32_t i = 0; i < e->nr_fields; i++) {
		free(e->fields[i].name);
		free(e->fields[i].declaration);
	}
	cairn_printer_free(e->printer);
	free(e->fields);
	free(e->full);
	free(e->print);
	free(e);
}

/*
 * The lines of one description, `text` being what stands between the comment marks. NULL and *why
 * when it is wrong.
 */
static struct cairn_schema_event *schema_event(struct schema_span text, const char **why)
{
	struct schema_span line = schema_line(&text);
	struct cairn_schema_event *e = calloc(1, sizeof(*e));
	uint64_t n = 0;

	*why = "the event's first line is wrong";
	schema_word(&line); /* cairn */
	schema_word(&line); /* event */
	if (!e || !schema_number(schema_word(&line), UINT16_MAX, &n) || n == 0)
		goto fail;
	e->id = (uint32_t)n;
	e->full = schema_copy(schema_word(&line));
	if (!e->full || !*e->full)
		goto fail;
	const char *colon = strchr(e->full, ':');
	e->name = colon ? colon + 1 : e->full;
	while (text.at < text.end) {
		line = schema_line(&text);
		struct schema_span key = schema_word(&line);
		if (schema_is(key, "mask")) {
			schema_number(schema_word(&line), UINT64_MAX, &e->mask);
		} else if (schema_is(key, "hash")) {
			schema_number(schema_word(&line), UINT64_MAX, &e->hash);
		} else if (schema_is(key, "field")) {
			*why = "a field line of the event is wrong";
			if (!schema_field(e, line))
				goto fail;
		} else if (schema_is(key, "print") && !e->print) {
			line.at += line.at < line.end;
			e->print = line.end - line.at < SCHEMA_LINE_MAX ? schema_copy(line) : NULL;
		}
	}
	*why = NULL;
	if (e->print)
		e->printer = cairn_printer_compile(e, e->print, why);
	return e;
fail:
	schema_event_free(e);
	return NULL;
}

struct schema_loader {
	struct cairn_schema *schema;
	const struct cairn_sink *sink;
};

static void schema_say(const struct schema_loader *l, enum cairn_fault_kind kind, uint64_t offset,
		       const char *what, const char *name, const char *kept)
{
	struct cairn_fault f;
	char shown[96];
	struct cairn_buf t;

	cairn_buf_init(&t, shown, sizeof(shown));
	cairn_buf_put_safe(&t, name, strlen(name));
	cairn_fault_set(&f, offset, "%s%s%s%s", *name ? "event " : "", cairn_buf_end(&t),
			*name ? ": " : "metadata: ", what);
	snprintf(f.kept, sizeof(f.kept), "%s", kept);
	f.kind = kind;
	if (l->sink && l->sink->say)
		l->sink->say(l->sink->ctx, &f);
}

static int schema_add(struct cairn_schema *s, struct cairn_schema_event *e)
{
	if (e->id > s->max_id || !s->by_id) {
		uint32_t room = e->id < 64 ? 64 : e->id;
		struct cairn_schema_event **p = realloc(s->by_id, (room + 1) * sizeof(*p));
		if (!p)
			return -ENOMEM;
		uint32_t from = s->by_id ? s->max_id + 1 : 0;
		memset(p + from, 0, (room + 1 - from) * sizeof(*p));
		s->by_id = p;
		s->max_id = room;
	}
	if (s->by_id[e->id])
		return -EEXIST;
	if ((s->nr_events & (s->nr_events - 1)) == 0) {
		uint32_t room = s->nr_events ? s->nr_events * 2 : 1;
		struct cairn_schema_event **p = realloc(s->events, room * sizeof(*p));
		if (!p)
			return -ENOMEM;
		s->events = p;
	}
	s->events[s->nr_events++] = e;
	s->by_id[e->id] = e;
	return 0;
}

static int schema_text(const struct schema_loader *l, const char *text, size_t n, uint64_t offset)
{
	static const char opener[] = "/*";
	struct schema_span rest = {text, text + n};

	while (rest.at < rest.end) {
		const char *open = memmem(rest.at, (size_t)(rest.end - rest.at), opener, 2);
		if (!open)
			break;
		const char *close = memmem(open + 2, (size_t)(rest.end - open - 2), "*/", 2);
		struct schema_span body = {open + 2, close ? close : rest.end};
		rest.at = close ? close + 2 : rest.end;
		struct schema_span peek = body;
		if (!schema_is(schema_word(&peek), "cairn") ||
		    !schema_is(schema_word(&peek), "event"))
			continue;
		const char *why;
		struct cairn_schema_event *e = schema_event(body, &why);
		uint64_t at = offset + (uint64_t)(open - text);
		if (!e) {
			schema_say(l, CAIRN_FAULT_DAMAGE, at, why, "", "left the event out");
			continue;
		}
		if (why)
			schema_say(l, CAIRN_FAULT_NOTE, at, why, e->full,
				   "its fields are shown by name");
		int r = schema_add(l->schema, e);
		if (r == -EEXIST)
			schema_say(l, CAIRN_FAULT_DAMAGE, at, "its id is taken", e->full,
				   "left it out");
		if (r < 0)
			schema_event_free(e);
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

static int schema_compare(const void *a, const void *b)
{
	const struct cairn_schema_event *const *x = a, *const *y = b;

	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static uint32_t schema_u32(const uint8_t *p)
{
	return (uint32_t)cairn_reader_int(p, 4, false);
}

int cairn_schema_load(struct cairn_schema *s, const uint8_t *bytes, size_t n,
		      const uint8_t uuid[16], uint64_t offset, const struct cairn_sink *sink)
{
	struct schema_loader l = {s, sink};
	size_t at = 0;
	int e = 0;

	while (at < n && e == 0) {
		const uint8_t *p = bytes + at;
		if (n - at < CAIRN_METADATA_HEADER_BYTES || schema_u32(p) != CAIRN_METADATA_MAGIC) {
			schema_say(&l, CAIRN_FAULT_DAMAGE, offset + at, "no packet stands here", "",
				   "kept what came before");
			break;
		}
		uint64_t content = schema_u32(p + CAIRN_METADATA_OFF_CONTENT) / 8;
		uint64_t packet = schema_u32(p + CAIRN_METADATA_OFF_PACKET) / 8;
		if (content < CAIRN_METADATA_HEADER_BYTES || content > packet || packet > n - at) {
			schema_say(&l, CAIRN_FAULT_DAMAGE, offset + at + CAIRN_METADATA_OFF_CONTENT,
				   "the packet's size is impossible", "", "kept what came before");
			break;
		}
		if (memcmp(p + CAIRN_METADATA_OFF_UUID, uuid, 16))
			schema_say(&l, CAIRN_FAULT_DAMAGE, offset + at + CAIRN_METADATA_OFF_UUID,
				   "the packet's UUID is not the region's", "", "kept what parses");
		const uint8_t *text = p + CAIRN_METADATA_HEADER_BYTES;
		size_t length = (size_t)content - CAIRN_METADATA_HEADER_BYTES;
		if (cairn_reader_crc32c(0, text, length) !=
		    schema_u32(p + CAIRN_METADATA_OFF_CRC32C))
			schema_say(&l, CAIRN_FAULT_DAMAGE, offset + at + CAIRN_METADATA_OFF_CRC32C,
				   "the packet's checksum is wrong", "", "kept what parses");
		e = schema_text(&l, (const char *)text, length,
				offset + at + CAIRN_METADATA_HEADER_BYTES);
		at += (size_t)packet;
	}
	if (s->nr_events)
		qsort(s->events, s->nr_events, sizeof(*s->events), schema_compare);
	return e;
}

void cairn_schema_free(struct cairn_schema *s)
{
	for (uint32_t i = 0; i < s->nr_events; i++)
		schema_event_free(s->events[i]);
	free(s->events);
	free(s->by_id);
	memset(s, 0, sizeof(*s));
}

const struct cairn_schema_field *cairn_schema_event_field(const struct cairn_schema_event *e,
							  const char *name)
{
	for (uint32_t i = 0; i < e->nr_fields; i++)
		if (strcmp(e->fields[i].name, name) == 0)
			return &e->fields[i];
	return NULL;
}
