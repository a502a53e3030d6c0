/* SPDX-License-Identifier: MIT */
/*
 * Regions and captures inside a source: found by the magic at page steps, validated, their small
 * sections copied. What the rest of the reader sees is only these copies.
 */
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_SCAN_BYTES   (1u << 20)
#define IMAGE_METADATA_MAX ((uint64_t)256 << 20)
#define IMAGE_TABLE_MAX    ((uint64_t)1 << 20) /* rows of a table */
#define IMAGE_TRIES        100                 /* to read words that a target changes */

void cairn_image_say(const struct cairn_image *im, const struct cairn_sink *sink,
		     struct cairn_fault *f, enum cairn_fault_kind kind)
{
	f->kind = kind;
	f->image = (int)im->index;
	f->path = im->path;
	if (sink && sink->say)
		sink->say(sink->ctx, f);
}

bool cairn_image_magic_matches(const uint8_t *at)
{
	static const uint8_t magic[CAIRN_MAGIC_BYTES] = CAIRN_MAGIC_XORED;

	for (unsigned i = 0; i < CAIRN_MAGIC_BYTES; i++)
		if ((at[i] ^ magic[i]) != (int)CAIRN_MAGIC_XOR)
			return false;
	return true;
}

/* Section rows lie within the region and on no impossible place. */
static const char *image_sections_wrong(const struct cairn_superblock *sb)
{
	bool capture = sb->flags & CAIRN_SB_CAPTURE;

	if (sb->nr_sections > CAIRN_MAX_SECTIONS)
		return "the superblock lists more sections than it has room for";
	for (uint32_t i = 0; i < sb->nr_sections; i++) {
		const struct cairn_section *s = &sb->sections[i];
		if (capture && s->type == CAIRN_SECTION_PACKETS && s->size == 0)
			continue;
		if (sb->region_bytes == 0) {
			if (s->offset > INT64_MAX || s->size > INT64_MAX)
				return "a section of the superblock lies outside the region";
			continue;
		}
		if (s->size > sb->region_bytes || s->offset > sb->region_bytes - s->size)
			return "a section of the superblock lies outside the region";
	}
	return NULL;
}

const char *cairn_image_superblock_wrong(const uint8_t *page, size_t n,
					 struct cairn_superblock *out)
{
	if (n < sizeof(*out))
		return "the superblock is cut";
	if (!cairn_image_magic_matches(page))
		return "no superblock";
	memcpy(out, page, sizeof(*out));
	if (out->superblock_bytes < sizeof(*out) || out->superblock_bytes > CAIRN_PAGE_BYTES)
		return "the superblock's length is impossible";
	if (n < out->superblock_bytes)
		return "the superblock is cut";
	uint32_t crc = cairn_reader_crc32c(0, page, offsetof(struct cairn_superblock, crc32c));
	static const uint8_t zeros[4];
	crc = cairn_reader_crc32c(crc, zeros, sizeof(zeros));
	size_t rest = offsetof(struct cairn_superblock, crc32c) + 4;
	crc = cairn_reader_crc32c(crc, page + rest, out->superblock_bytes - rest);
	if (crc != out->crc32c)
		return "the superblock's checksum is wrong";
	if (out->major == 0 || out->major > CAIRN_FORMAT_MAJOR)
		return "the format's major version is unknown to this reader";
	if (out->packet_bytes < CAIRN_PACKET_MIN || out->packet_bytes > CAIRN_PACKET_MAX ||
	    (out->packet_bytes & (out->packet_bytes - 1)))
		return "the superblock's packet size is impossible";
	if (out->region_bytes > INT64_MAX)
		return "the superblock's region size is impossible";
	if (!(out->flags & CAIRN_SB_CAPTURE) && out->region_bytes < 2 * CAIRN_PAGE_BYTES)
		return "the superblock's region size is impossible";
	out->name[sizeof(out->name) - 1] = '\0';
	out->build_id[sizeof(out->build_id) - 1] = '\0';
	return image_sections_wrong(out);
}

/* Does a superblock that says the same stand at `offset`? */
static bool image_same_at(const struct cairn_source *s, uint64_t offset, const uint8_t *page,
			  uint32_t n)
{
	uint8_t other[CAIRN_PAGE_BYTES];

	return cairn_source_read_all(s, offset, other, n) && memcmp(other, page, n) == 0;
}

static bool image_ring_magic_at(const struct cairn_source *s, uint64_t base,
				const struct cairn_superblock *sb)
{
	for (uint32_t i = 0; i < sb->nr_sections; i++) {
		uint32_t magic;
		if (sb->sections[i].type != CAIRN_SECTION_RINGS)
			continue;
		return cairn_source_read_all(s,
					     base + sb->sections[i].offset +
						     offsetof(struct cairn_ring, magic),
					     &magic, sizeof(magic)) &&
		       magic == CAIRN_RING_MAGIC;
	}
	return false;
}

/*
 * A valid superblock stands at `offset`. It begins a region, or it is the copy at the end of a
 * region whose beginning is damaged: then the region begins `region_bytes - 4096` before it.
 */
static bool image_is_copy(const struct cairn_source *s, uint64_t offset, uint64_t least,
			  const uint8_t *page, const struct cairn_superblock *sb)
{
	if ((sb->flags & CAIRN_SB_CAPTURE) || sb->region_bytes < 2 * CAIRN_PAGE_BYTES)
		return false;
	uint64_t back = sb->region_bytes - CAIRN_PAGE_BYTES;
	if (image_same_at(s, offset + back, page, sb->superblock_bytes))
		return false;
	if (offset < back || offset - back < least)
		return false;
	/* neither place has a ring yet: a region that would not fit behind `offset` is not one that begins there */
	if (cairn_source_size(s) - offset < sb->region_bytes)
		return !image_ring_magic_at(s, offset, sb);
	return image_ring_magic_at(s, offset - back, sb) && !image_ring_magic_at(s, offset, sb);
}

static bool image_accept(struct cairn_source *s, uint64_t at, uint64_t least,
			 struct cairn_image *im, const struct cairn_sink *sink)
{
	uint8_t page[CAIRN_PAGE_BYTES];
	int64_t got = cairn_source_read(s, at, page, sizeof(page));
	const char *wrong = cairn_image_superblock_wrong(page, got > 0 ? (size_t)got : 0, &im->sb);
	struct cairn_fault f;

	if (wrong) {
		cairn_fault_set(&f, at, "%s", wrong);
		snprintf(f.kept, sizeof(f.kept), "looked for its copy behind");
		cairn_image_say(im, sink, &f, CAIRN_FAULT_DAMAGE);
		return false;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* ORDER find:A, pairs with complete:A */
	uint64_t size = cairn_source_size(s);
	im->source = s;
	im->from_copy = image_is_copy(s, at, least, page, &im->sb);
	im->base = im->from_copy ? at - (im->sb.region_bytes - CAIRN_PAGE_BYTES) : at;
	uint64_t present = size > im->base ? size - im->base : 0;
	im->cut = im->sb.region_bytes > present;
	im->bytes = im->sb.region_bytes && !im->cut ? im->sb.region_bytes : present;
	if (im->from_copy) {
		cairn_fault_set(&f, im->base, "the superblock is damaged");
		snprintf(f.kept, sizeof(f.kept), "its copy at 0x%llx is used",
			 (unsigned long long)at);
		cairn_image_say(im, sink, &f, CAIRN_FAULT_DAMAGE);
	}
	return true;
}

int cairn_image_find(struct cairn_source *s, uint64_t *offset, struct cairn_image *im,
		     const struct cairn_sink *sink)
{
	uint64_t least = *offset;
	uint64_t at = least;
	uint8_t *block = malloc(IMAGE_SCAN_BYTES);
	int found = 0;

	if (!block)
		return -ENOMEM;
	while (!found) {
		uint64_t size = cairn_source_size(s);
		if (at >= size)
			break;
		uint64_t data = cairn_source_next_data(s, at) & ~(uint64_t)(CAIRN_PAGE_BYTES - 1);
		at = data > at ? data : at;
		int64_t got = at < size ? cairn_source_read(s, at, block, IMAGE_SCAN_BYTES) : 0;
		if (got <= 0)
			break;
		int64_t i = 0;
		for (; i + (int64_t)CAIRN_MAGIC_BYTES <= got && !found; i += CAIRN_PAGE_BYTES)
			if (cairn_image_magic_matches(block + i))
				found = image_accept(s, at + (uint64_t)i, least, im, sink);
		at += (uint64_t)(i ? i : CAIRN_PAGE_BYTES);
	}
	free(block);
	if (!found)
		return 0;
	uint64_t behind = im->sb.region_bytes ? im->base + im->sb.region_bytes : UINT64_MAX;
	behind = behind > UINT64_MAX - CAIRN_PAGE_BYTES
			 ? behind
			 : (behind + CAIRN_PAGE_BYTES - 1) & ~(uint64_t)(CAIRN_PAGE_BYTES - 1);
	*offset = behind > at ? behind : at;
	return 1;
}

uint64_t cairn_image_clock_ns(const struct cairn_image_clock *c, uint64_t value)
{
	if (c->hz == 1000000000u)
		return value;
	unsigned __int128 ns = (unsigned __int128)value * 1000000000u / c->hz;
	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

int64_t cairn_image_clock_wall_ns(const struct cairn_image_clock *c, uint64_t value)
{
	bool back = value < c->base;
	unsigned __int128 d =
		(unsigned __int128)(back ? c->base - value : value - c->base) * 1000000000u / c->hz;
	__int128 wall = (__int128)c->wall_base_ns + (back ? -(__int128)d : (__int128)d);

	return wall > INT64_MAX ? INT64_MAX : wall < INT64_MIN ? INT64_MIN : (int64_t)wall;
}

bool cairn_image_read_state(const struct cairn_image *im, struct cairn_state *st)
{
	const struct cairn_section *s = &im->sections[CAIRN_SECTION_STATE];

	memset(st, 0, sizeof(*st));
	if (s->size < sizeof(*st))
		return false;
	for (int i = 0; i < IMAGE_TRIES; i++) {
		uint32_t again;
		if (!cairn_source_read_all(im->source, im->base + s->offset, st, sizeof(*st)))
			return false;
		/*
		 * ORDER read:D, read:E, read:F, read:G; pair with metadata:A, entry:A, stopped:A, clock:A
		 *   the state's words, then what they speak of; and the clock's number a second time.
		 */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!cairn_source_read_all(im->source,
					   im->base + s->offset +
						   offsetof(struct cairn_state, clock_seq),
					   &again, sizeof(again)))
			return false;
		if (again == st->clock_seq && !(again & 1))
			return true;
	}
	st->clock_hz = 0; /* torn for good: the target died inside cairn_clock_set */
	return true;
}

static void image_clock(struct cairn_image *im, const struct cairn_sink *sink)
{
	struct cairn_fault f;

	im->clock.hz = im->state.clock_hz ? im->state.clock_hz : im->sb.clock_hz;
	im->clock.base = im->state.clock_hz ? im->state.clock_base : im->sb.clock_base;
	im->clock.wall_base_ns = im->state.clock_hz ? im->state.wall_base_ns : im->sb.wall_base_ns;
	if (im->clock.hz)
		return;
	im->clock.hz = 1000000000u;
	im->clock.guessed = true;
	cairn_fault_set(&f, im->base,
			"the clock's frequency is unknown; times are shown as if it were 1 GHz");
	cairn_image_say(im, sink, &f, CAIRN_FAULT_NOTE);
}

void *cairn_image_copy(const struct cairn_image *im, enum cairn_section_type type, uint64_t n, size_t *got)
{
	const struct cairn_section *s = &im->sections[type];

	*got = 0;
	n = n < s->size ? n : s->size;
	if (s->offset >= im->bytes)
		return NULL;
	n = n < im->bytes - s->offset ? n : im->bytes - s->offset;
	if (n == 0 || n > SIZE_MAX / 2)
		return NULL;
	void *p = malloc((size_t)n);
	if (!p)
		return NULL;
	int64_t r = cairn_source_read(im->source, im->base + s->offset, p, (size_t)n);
	if (r <= 0) {
		free(p);
		return NULL;
	}
	*got = (size_t)r;
	return p;
}

static int image_load_metadata(struct cairn_image *im, const struct cairn_sink *sink)
{
	const struct cairn_section *s = &im->sections[CAIRN_SECTION_METADATA];
	uint64_t used = im->state.metadata_bytes;
	struct cairn_fault f;

	if (used > s->size) {
		cairn_fault_set(&f, im->base + s->offset,
				"metadata says %llu bytes are used, but has room for %llu",
				(unsigned long long)used, (unsigned long long)s->size);
		snprintf(f.kept, sizeof(f.kept), "read as far as it parses");
		cairn_image_say(im, sink, &f, CAIRN_FAULT_DAMAGE);
		used = s->size;
	}
	if (used > IMAGE_METADATA_MAX)
		used = IMAGE_METADATA_MAX;
	im->metadata = cairn_image_copy(im, CAIRN_SECTION_METADATA, used, &im->metadata_bytes);
	if (im->metadata_bytes < used) {
		cairn_fault_set(&f, im->base + s->offset + im->metadata_bytes,
				"metadata is cut: %llu of %llu bytes are there",
				(unsigned long long)im->metadata_bytes, (unsigned long long)used);
		cairn_image_say(im, sink, &f, CAIRN_FAULT_DAMAGE);
	}
	return cairn_schema_load(&im->schema, im->metadata, im->metadata_bytes, im->sb.uuid,
				 im->base + s->offset, sink);
}

static void image_load_entries(struct cairn_image *im)
{
	uint64_t rows = im->sections[CAIRN_SECTION_EVENTS].count;
	size_t got;

	rows = rows < im->state.nr_events ? rows : im->state.nr_events;
	if (rows > IMAGE_TABLE_MAX)
		rows = IMAGE_TABLE_MAX;
	struct cairn_event_entry *e = cairn_image_copy(im, CAIRN_SECTION_EVENTS, rows * sizeof(*e), &got);
	for (size_t i = 0; e && i < got / sizeof(*e); i++) {
		struct cairn_schema_event *ev =
			(struct cairn_schema_event *)cairn_schema_find(&im->schema, e[i].id);
		if (!ev)
			continue;
		ev->gate = e[i].gate;
		ev->has_entry = true;
		ev->filtered = e[i].filtered;
		ev->sampled = e[i].sampled;
		ev->over_budget = e[i].over_budget;
	}
	free(e);
}

static int image_load_names(struct cairn_image *im)
{
	uint64_t rows = im->sections[CAIRN_SECTION_NAMES].count;
	size_t got;

	if (rows > IMAGE_TABLE_MAX)
		rows = IMAGE_TABLE_MAX;
	struct cairn_name *table = cairn_image_copy(im, CAIRN_SECTION_NAMES, rows * sizeof(*table), &got);
	/* ORDER read:H, pairs with name:A: the words, then the version again; a row that was written meanwhile is left out */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	size_t got_again;
	struct cairn_name *again =
		cairn_image_copy(im, CAIRN_SECTION_NAMES, rows * sizeof(*again), &got_again);
	for (size_t i = 0; table && i < got / sizeof(*table); i++)
		if (!again || (i + 1) * sizeof(*again) > got_again ||
		    again[i].version != table[i].version)
			table[i].version = 0;
	free(again);
	int e = cairn_reader_names_load(&im->names, table,
					table ? (uint32_t)(got / sizeof(*table)) : 0);
	free(table);
	return e;
}

/* Bytes of whole packets from `at` on that are a hole of the file. */
static uint64_t image_hole(const struct cairn_image *im, uint64_t at, uint32_t step)
{
	uint64_t data = cairn_source_next_data(im->source, im->base + at);

	return data > im->base + at ? (data - im->base - at) / step * step : 0;
}

int cairn_reader_stream_add_place(struct cairn_reader_stream *st, struct cairn_place place)
{
	if ((st->nr_places & (st->nr_places - 1)) == 0) {
		uint64_t room = st->nr_places ? st->nr_places * 2 : 1;
		struct cairn_place *p = realloc(st->places, room * sizeof(*p));
		if (!p)
			return -ENOMEM;
		st->places = p;
	}
	st->places[st->nr_places++] = place;
	return 0;
}

/* The control block of a capture's stream. They stand in the order of their numbers. */
static struct cairn_reader_stream *image_block(const struct cairn_image *im, uint32_t number)
{
	uint32_t low = 0, high = im->nr_blocks;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (im->blocks[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < im->nr_blocks && im->blocks[low].number == number ? &im->blocks[low] : NULL;
}

/* Places of a capture's packets, handed out to the streams they belong to. */
static int image_index_capture(struct cairn_image *im, const struct cairn_sink *sink)
{
	const struct cairn_section *s = &im->sections[CAIRN_SECTION_PACKETS];
	uint64_t bytes = s->size ? s->size : UINT64_MAX;
	uint32_t step = im->sb.packet_bytes;
	uint64_t bad = 0, bad_at = 0;
	struct cairn_fault f;

	if (s->type == 0)
		return 0;
	uint64_t there = im->bytes > s->offset ? im->bytes - s->offset : 0;
	bytes = bytes < there ? bytes : there;
	for (uint64_t at = 0; at < bytes; at += step) {
		struct cairn_packet_header h;
		/* the last packet may be cut, then what is there of it counts */
		if (bytes - at < sizeof(h) ||
		    !cairn_source_read_all(im->source, im->base + s->offset + at, &h, sizeof(h)))
			break;
		struct cairn_reader_stream *st = image_block(im, CAIRN_PACKET_STREAM(h.flags));
		if (!st || h.magic != CAIRN_CTF_MAGIC || h.seq == CAIRN_SEQ_INVALID) {
			uint64_t hole = h.magic ? 0 : image_hole(im, s->offset + at, step);
			bad_at = bad ? bad_at : at;
			bad += hole ? hole / step : 1;
			at += hole ? hole - step : 0;
			continue;
		}
		struct cairn_place place = {h.seq, s->offset + at, NULL};
		if (cairn_reader_stream_add_place(st, place) < 0)
			return -ENOMEM;
	}
	if (bad) {
		cairn_fault_set(&f, im->base + s->offset + bad_at,
				"%llu packets have a damaged header or belong to no ring",
				(unsigned long long)bad);
		snprintf(f.kept, sizeof(f.kept), "left out");
		cairn_image_say(im, sink, &f, CAIRN_FAULT_DAMAGE);
	}
	return 0;
}

static int image_compare_places(const void *a, const void *b)
{
	const struct cairn_place *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* By number; of several copies of one packet the last one written, which is the fullest. */
static void image_sort_places(struct cairn_reader_stream *st)
{
	uint64_t n = 0;

	if (st->nr_places)
		qsort(st->places, st->nr_places, sizeof(*st->places), image_compare_places);
	for (uint64_t i = 0; i < st->nr_places; i++) {
		if (n && st->places[n - 1].seq == st->places[i].seq)
			n--;
		st->places[n++] = st->places[i];
	}
	st->nr_places = n;
}

static void image_count_cpus(struct cairn_image *im)
{
	im->nr_cpus = im->sb.flags & CAIRN_SB_USER ? 0 : im->sb.nr_cpus;
	for (uint32_t i = 0; i < im->nr_blocks; i++)
		if (im->blocks[i].cb.cpu >= im->nr_cpus && im->blocks[i].cb.cpu < 65536)
			im->nr_cpus = im->blocks[i].cb.cpu + 1;
}

/* A region that no ring of was used yet may stand in a file that is shorter. */
static void image_say_cut(const struct cairn_image *im, const struct cairn_sink *sink)
{
	struct cairn_fault f;

	if (!im->cut)
		return;
	uint64_t size = im->base + im->bytes;
	bool used = im->state.nr_rings || cairn_image_is_capture(im) ||
		    !im->sections[CAIRN_SECTION_STATE].size;
	cairn_fault_set(&f, size, "the file ends here, %llu bytes before the region does",
			(unsigned long long)(im->sb.region_bytes - im->bytes));
	if (!used)
		snprintf(f.kept, sizeof(f.kept), "no ring was used yet");
	cairn_image_say(im, sink, &f, used ? CAIRN_FAULT_DAMAGE : CAIRN_FAULT_NOTE);
}

int cairn_image_load(struct cairn_image *im, const struct cairn_choice *choice, const struct cairn_sink *sink)
{
	struct cairn_fault f;

	for (uint32_t i = 0; i < im->sb.nr_sections; i++) {
		const struct cairn_section *s = &im->sb.sections[i];
		if (s->type > 0 && s->type <= CAIRN_SECTION_BUFFERS &&
		    im->sections[s->type].type == 0)
			im->sections[s->type] = *s;
	}
	if (!cairn_image_read_state(im, &im->state)) {
		cairn_fault_set(&f, im->base, "the region's state is missing or cut");
		snprintf(f.kept, sizeof(f.kept), "took the whole tables as used");
		cairn_image_say(im, sink, &f, CAIRN_FAULT_DAMAGE);
		im->state.nr_rings = im->sections[CAIRN_SECTION_RINGS].count;
		im->state.nr_events = im->sections[CAIRN_SECTION_EVENTS].count;
		im->state.metadata_bytes = im->sections[CAIRN_SECTION_METADATA].size;
	}
	image_say_cut(im, sink);
	if (im->sb.region_bytes == 0) {
		cairn_fault_set(&f, im->base,
				"the capture was never finished; its last counters are missing");
		cairn_image_say(im, sink, &f, CAIRN_FAULT_NOTE);
	}
	image_clock(im, sink);
	int e = cairn_blocks_load(im, sink);
	if (e == 0 && cairn_image_is_capture(im)) {
		e = image_index_capture(im, sink);
		for (uint32_t i = 0; i < im->nr_blocks; i++)
			image_sort_places(&im->blocks[i]);
	}
	if (e == 0)
		e = cairn_blocks_join(im, choice);
	/*
	 * The rings were read before the state is read again here: an event's metadata is complete
	 * before the event can be emitted, so everything the rings hold is described in what
	 * follows.
	 */
	struct cairn_state later;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (cairn_image_read_state(im, &later)) {
		im->state.metadata_bytes = later.metadata_bytes;
		im->state.nr_events = later.nr_events;
	}
	if (e == 0)
		e = image_load_metadata(im, sink);
	if (e == 0)
		e = image_load_names(im);
	if (e == 0)
		image_load_entries(im);
	image_count_cpus(im);
	return e;
}

void cairn_image_fini(struct cairn_image *im)
{
	for (uint32_t i = 0; i < im->nr_streams; i++)
		free(im->streams[i].places);
	for (uint32_t i = 0; i < im->nr_blocks; i++)
		free(im->blocks[i].places);
	free(im->streams);
	free(im->blocks);
	free(im->buffers);
	free(im->shifts);
	free(im->metadata);
	cairn_schema_free(&im->schema);
	cairn_reader_names_free(im->names);
}
