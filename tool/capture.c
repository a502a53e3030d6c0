/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define CAPTURE_RINGS_MAX   65536u
#define CAPTURE_SECTION_MAX ((uint64_t)256 << 20)
#define CAPTURE_TRIES       8

struct capture_ring {
	struct cairn_reader_stream stream; /* as last seen */
	bool used;
	uint64_t next; /* first packet not copied yet */
};

struct capture {
	struct cairn_image
		im; /* the live region; only the words that packets need are kept loaded */
	int fd;
	uint64_t base;              /* of the capture in the file */
	struct cairn_superblock sb; /* the capture's own */
	struct capture_ring *rings;
	uint32_t nr_rings;
	uint8_t *packet;
	uint64_t packets_at; /* of section PACKETS in the capture */
	uint64_t written;    /* bytes of packets */
	uint64_t missed;
	uint64_t metadata_seen; /* bytes of metadata in the file */
	bool gone;
	uint64_t schema_bytes; /* of metadata, loaded to parse open packets */
	uint64_t least_size;   /* of the target's file; below it, it was cut */
};

static uint64_t capture_up(uint64_t n)
{
	return (n + CAIRN_PAGE_BYTES - 1) & ~(uint64_t)(CAIRN_PAGE_BYTES - 1);
}

static int capture_write(const struct capture *c, uint64_t at, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t got = pwrite(c->fd, p, n, (off_t)(c->base + at));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

static struct cairn_section *capture_section(struct capture *c, enum cairn_section_type type)
{
	for (uint32_t i = 0; i < c->sb.nr_sections; i++)
		if (c->sb.sections[i].type == type)
			return &c->sb.sections[i];
	return NULL;
}

/*
 * Lay out the capture: the region's sections one behind the other, control blocks without `closed`,
 * packets last.
 */
static int capture_layout(struct capture *c)
{
	const struct cairn_superblock *from = &c->im.sb;
	uint64_t at = CAIRN_PAGE_BYTES;

	c->sb = *from;
	c->sb.flags |= CAIRN_SB_CAPTURE;
	c->sb.superblock_bytes = sizeof(c->sb);
	c->sb.minor = CAIRN_FORMAT_MINOR;
	c->sb.region_bytes = 0;
	c->sb.nr_sections = 0;
	memset(c->sb.sections, 0, sizeof(c->sb.sections));
	if (getrandom(c->sb.capture_uuid, sizeof(c->sb.capture_uuid), 0) !=
	    sizeof(c->sb.capture_uuid))
		return -EIO;
	for (int t = CAIRN_SECTION_STATE; t <= CAIRN_SECTION_HISTS; t++) {
		const struct cairn_section *s = &c->im.sections[t];
		if (s->type == 0 || t == CAIRN_SECTION_PACKETS || s->size == 0)
			continue;
		struct cairn_section *row = &c->sb.sections[c->sb.nr_sections++];
		*row = *s;
		row->offset = at;
		if (t == CAIRN_SECTION_RINGS) {
			row->count = s->count < CAPTURE_RINGS_MAX ? s->count : CAPTURE_RINGS_MAX;
			row->size = (uint64_t)row->count * sizeof(struct cairn_ring);
		}
		if (row->size > CAPTURE_SECTION_MAX)
			return -EFBIG;
		at += capture_up(row->size);
	}
	struct cairn_section *packets = &c->sb.sections[c->sb.nr_sections++];
	*packets =
		(struct cairn_section){.type = CAIRN_SECTION_PACKETS, .version = 1, .offset = at};
	packets->entry_size = c->sb.packet_bytes;
	c->packets_at = at;
	return 0;
}

static int capture_write_superblock(struct capture *c)
{
	uint8_t page[CAIRN_PAGE_BYTES] = {0};

	c->sb.crc32c = 0;
	c->sb.crc32c = cairn_reader_crc32c(0, &c->sb, sizeof(c->sb));
	memcpy(page, &c->sb, sizeof(c->sb));
	return capture_write(c, 0, page, sizeof(page));
}

/*
 * Copy a section's first `n` bytes as they are. Returns 1, or 0 when the target has shrunk: then what an earlier pass copied
 * stays.
 */
static int capture_copy_section(struct capture *c, enum cairn_section_type type, uint64_t n)
{
	const struct cairn_section *from = &c->im.sections[type];
	const struct cairn_section *to = capture_section(c, type);

	if (!to || n == 0)
		return 1;
	n = n < to->size ? n : to->size;
	void *bytes = malloc((size_t)n);
	if (!bytes)
		return -ENOMEM;
	bool whole =
		cairn_source_read_all(c->im.source, c->im.base + from->offset, bytes, (size_t)n);
	int e = whole ? capture_write(c, to->offset, bytes, (size_t)n) : 0;
	free(bytes);
	return e < 0 ? e : whole;
}

/* Control block of a ring as a capture has it: no addresses, no places in the region. */
static int capture_write_ring(struct capture *c, const struct capture_ring *r)
{
	const struct cairn_section *to = capture_section(c, CAIRN_SECTION_RINGS);
	struct cairn_ring cb = r->stream.cb;

	if (!to || !r->used)
		return 0;
	cb.base = cb.closed = cb.closed_offset = cb.packets_offset = cb.frame = 0;
	cb.reader = 0;
	return capture_write(c, to->offset + r->stream.index * sizeof(cb), &cb, sizeof(cb));
}

/* Once gone, nothing is read from the target any more: it could be words of another region. */
bool capture_is_gone(struct capture *c)
{
	struct cairn_superblock sb;

	if (cairn_source_size(c->im.source) < c->least_size ||
	    !cairn_source_read_all(c->im.source, c->im.base, &sb, sizeof(sb)) ||
	    memcmp(sb.uuid, c->im.sb.uuid, sizeof(sb.uuid)) || sb.boot_nonce != c->im.sb.boot_nonce)
		c->gone = true;
	return c->gone;
}

/*
 * Everything but packets. The state is read after the rings were: what they hold is described in
 * its metadata.
 */
static int capture_write_words(struct capture *c)
{
	const struct cairn_section *to = capture_section(c, CAIRN_SECTION_STATE);
	int e = 0;

	for (uint32_t i = 0; i < c->nr_rings && e == 0; i++)
		e = capture_write_ring(c, &c->rings[i]);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	struct cairn_state st;
	bool gone = !cairn_image_read_state(&c->im, &st) || capture_is_gone(c);
	if (gone)
		st = c->im.state; /* the last words it had */
	c->im.state = st;
	if (st.clock_seq & 1)
		st.clock_seq++; /* the copy is at rest */
	if (st.nr_rings > c->nr_rings)
		st.nr_rings = c->nr_rings;
	if (e == 0 && !gone)
		e = capture_copy_section(c, CAIRN_SECTION_METADATA, st.metadata_bytes);
	if (e > 0)
		c->metadata_seen = st.metadata_bytes;
	st.metadata_bytes = c->metadata_seen;
	for (int t = CAIRN_SECTION_EVENTS; t <= CAIRN_SECTION_HISTS && e >= 0 && !gone; t++)
		if (t != CAIRN_SECTION_RINGS && t != CAIRN_SECTION_PACKETS)
			e = capture_copy_section(c, (enum cairn_section_type)t,
						 c->im.sections[t].size);
	e = e > 0 ? 0 : e;
	if (e == 0 && to)
		e = capture_write(c, to->offset, &st, sizeof(st));
	return e ? e : capture_write_superblock(c);
}

/* Take the control blocks in that came into use. */
static int capture_new_rings(struct capture *c)
{
	const struct cairn_section *s = &c->im.sections[CAIRN_SECTION_RINGS];
	uint64_t rows = s->size / sizeof(struct cairn_ring);
	uint32_t n = c->im.state.nr_rings;

	rows = rows < s->count ? rows : s->count;
	rows = rows < CAPTURE_RINGS_MAX ? rows : CAPTURE_RINGS_MAX;
	n = n < rows ? n : (uint32_t)rows;
	if (n <= c->nr_rings)
		return 0;
	struct capture_ring *p = realloc(c->rings, n * sizeof(*p));
	if (!p)
		return -ENOMEM;
	memset(p + c->nr_rings, 0, (n - c->nr_rings) * sizeof(*p));
	c->rings = p;
	c->nr_rings = n;
	return 0;
}

struct capture *capture_open(const struct cairn_image *im, int fd, uint64_t base, int *e)
{
	struct capture *c = calloc(1, sizeof(*c));

	*e = -ENOMEM;
	if (!c) {
		cairn_source_close(im->source);
		return NULL;
	}
	c->im = *im;
	c->fd = fd;
	c->base = base;
	for (uint32_t i = 0; i < c->im.sb.nr_sections; i++) {
		const struct cairn_section *s = &c->im.sb.sections[i];
		if (s->type > 0 && s->type <= CAIRN_SECTION_PAGES &&
		    c->im.sections[s->type].type == 0)
			c->im.sections[s->type] = *s;
	}
	c->least_size = c->im.base + c->im.bytes;
	c->im.bytes = c->im.sb.region_bytes; /* the file may still grow */
	c->packet = malloc(c->im.sb.packet_bytes);
	if (c->packet)
		*e = capture_layout(c);
	if (*e == 0) {
		cairn_image_read_state(&c->im, &c->im.state);
		*e = capture_write_words(c);
	}
	if (*e == 0)
		return c;
	capture_close(c);
	return NULL;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	cairn_source_close(c->im.source);
	free(c->rings);
	free(c->packet);
	free(c);
}

/* Cheap look: has the ring gone on to the packet behind `next`? */
static bool capture_ring_moved(const struct capture *c, const struct capture_ring *r)
{
	const struct cairn_reader_stream *st = &r->stream;
	uint64_t seq = r->next + 1;
	uint64_t at = st->cb.packets_offset + seq % st->nr_slots * st->packet_bytes;
	uint64_t now;

	if (!cairn_source_read_all(c->im.source,
				   c->im.base + at + offsetof(struct cairn_packet_header, seq),
				   &now, sizeof(now)))
		return false;
	return now != CAIRN_SEQ_INVALID && now >= seq;
}

/* Read the control block anew; false if the ring was never used or is damaged. */
static bool capture_ring_load(struct capture *c, uint32_t i)
{
	struct capture_ring *r = &c->rings[i];
	struct cairn_reader_stream st;
	struct cairn_fault why;

	if (cairn_reader_stream_load(&c->im, i, &st, &why) <= 0 || capture_is_gone(c))
		return false;
	if (!r->used || r->stream.cb.committed == 0)
		r->next = st.first_seq;
	r->used = true;
	r->stream = st;
	return true;
}

static int capture_put_packet(struct capture *c, const struct cairn_reader_packet *p)
{
	int e = capture_write(c, c->packets_at + c->written, p->bytes, c->im.sb.packet_bytes);

	if (e == 0)
		c->written += c->im.sb.packet_bytes;
	return e;
}

/* Copy the closed packets that are left of ring `i`. */
static int64_t capture_ring_copy(struct capture *c, struct capture_ring *r)
{
	const struct cairn_reader_stream *st = &r->stream;
	uint64_t end = st->first_seq + st->nr_places;
	struct cairn_reader_packet p = {.bytes = c->packet};
	int64_t copied = 0;

	if (st->open_seq != CAIRN_SEQ_INVALID)
		end = st->open_seq;
	if (r->next < st->first_seq) {
		c->missed += st->first_seq - r->next;
		r->next = st->first_seq;
	}
	for (; r->next < end; r->next++) {
		uint64_t at = st->cb.packets_offset + r->next % st->nr_slots * st->packet_bytes;
		int got = cairn_reader_packet_read(st, r->next, at, &p, NULL);
		if (got != CAIRN_READER_OK || memcmp(p.h.uuid, c->sb.uuid, sizeof(p.h.uuid))) {
			uint64_t n = got < 0 ? cairn_reader_stream_absent(st, r->next) : 0;
			n = n > end - r->next ? end - r->next : n ? n : 1;
			c->missed += n;
			r->next += n - 1;
			continue;
		}
		int e = capture_put_packet(c, &p);
		if (e < 0)
			return e;
		copied++;
	}
	return copied;
}

int64_t capture_poll(struct capture *c)
{
	int64_t copied = 0;
	struct cairn_state st;

	if (c->gone || !cairn_image_read_state(&c->im, &st))
		return 0;
	if ((st.flags & CAIRN_STATE_STOPPED) && capture_is_gone(c))
		return 0;
	c->im.state = st;
	int e = capture_new_rings(c);
	if (e < 0)
		return e;
	for (uint32_t i = 0; i < c->nr_rings; i++) {
		struct capture_ring *r = &c->rings[i];
		bool fresh = !r->used;
		if (!fresh && !capture_ring_moved(c, r))
			continue;
		if (!capture_ring_load(c, i))
			continue;
		int64_t n = capture_ring_copy(c, r);
		if (n < 0)
			return n;
		copied += n;
		if (fresh && (e = capture_write_words(c)) < 0)
			return e;
	}
	if (st.metadata_bytes != c->metadata_seen && (e = capture_write_words(c)) < 0)
		return e;
	return copied;
}

bool capture_is_stopped(const struct capture *c)
{
	return c->im.state.flags & CAIRN_STATE_STOPPED;
}

/*
 * The open packet up to `committed` of the control block just read. Its header is made to say what
 * the copy holds, and the control block's total is made to belong to it: the two were not read in
 * one moment.
 */
static int capture_ring_open_packet(struct capture *c, struct capture_ring *r, bool *again)
{
	struct cairn_reader_stream *st = &r->stream;
	struct cairn_reader_packet p = {.bytes = c->packet};

	*again = false;
	if (st->open_seq == CAIRN_SEQ_INVALID || r->next != st->open_seq)
		return 0;
	uint64_t at = st->cb.packets_offset + st->open_seq % st->nr_slots * st->packet_bytes;
	if (cairn_reader_packet_read(st, st->open_seq, at, &p, NULL) != CAIRN_READER_OK) {
		*again = true;
		return 0;
	}
	bool empty = st->cb.committed >> CAIRN_POS_BITS == 0;
	if (empty)
		p.h.events_before = st->cb.events_total;
	else
		st->cb.events_total = p.h.events_before;
	cairn_reader_packet_parse(&p, NULL);
	p.h.content_bits = (uint64_t)p.content * 8;
	if (p.last_ts > p.h.ts_end)
		p.h.ts_end = p.last_ts;
	memcpy(p.bytes, &p.h, sizeof(p.h));
	memset(p.bytes + p.content, 0, st->packet_bytes - p.content);
	return capture_put_packet(c, &p);
}

/* Load metadata, so that the open packets can be parsed. */
static void capture_load_schema(struct capture *c)
{
	const struct cairn_section *s = &c->im.sections[CAIRN_SECTION_METADATA];
	uint64_t n = c->im.state.metadata_bytes < s->size ? c->im.state.metadata_bytes : s->size;
	uint8_t *bytes = n && n <= CAPTURE_SECTION_MAX ? malloc((size_t)n) : NULL;

	cairn_schema_free(&c->im.schema);
	if (bytes && cairn_source_read_all(c->im.source, c->im.base + s->offset, bytes, (size_t)n))
		(void)!cairn_schema_load(&c->im.schema, bytes, (size_t)n, c->im.sb.uuid, 0, NULL);
	free(bytes);
}

static int capture_finish_ring(struct capture *c, uint32_t i)
{
	struct capture_ring *r = &c->rings[i];
	bool again = true;
	int e = 0;

	for (int try = 0; try < CAPTURE_TRIES && again && e == 0; try++) {
		again = false;
		if (!capture_ring_load(c, i))
			return 0; /* the target is gone: the last copy of the control block counts */
		int64_t n = capture_ring_copy(c, r);
		e = n < 0 ? (int)n : 0;
		struct cairn_state st;
		if (e == 0 && cairn_image_read_state(&c->im, &st) &&
		    st.metadata_bytes != c->schema_bytes) {
			c->schema_bytes = st.metadata_bytes;
			c->im.state = st;
			capture_load_schema(c);
		}
		if (e == 0)
			e = capture_ring_open_packet(c, r, &again);
	}
	return e;
}

int capture_finish(struct capture *c)
{
	int64_t n = capture_poll(c);
	int e = n < 0 ? (int)n : 0;

	for (uint32_t i = 0; i < c->nr_rings && e == 0; i++)
		e = capture_finish_ring(c, i);
	c->sb.region_bytes = c->packets_at + c->written;
	struct cairn_section *packets = capture_section(c, CAIRN_SECTION_PACKETS);
	packets->size = c->written;
	if (e == 0)
		e = capture_write_words(c);
	/* the last section's page may be a hole; a capture without packets must reach to its end */
	if (e == 0 && c->written == 0 && ftruncate(c->fd, (off_t)(c->base + c->packets_at)) < 0)
		e = -errno;
	cairn_schema_free(&c->im.schema);
	return e;
}

uint64_t capture_bytes(const struct capture *c)
{
	return c->packets_at + c->written;
}

const struct cairn_superblock *capture_superblock(const struct capture *c)
{
	return &c->im.sb;
}

void capture_progress(const struct capture *c, struct capture_progress *add)
{
	for (uint32_t i = 0; i < c->nr_rings; i++) {
		const struct cairn_ring *cb = &c->rings[i].stream.cb;
		if (!c->rings[i].used)
			continue;
		add->events += cb->events_total + (cb->committed >> CAIRN_POS_BITS);
		for (int k = 0; k < CAIRN_NR_LOST; k++)
			add->lost += cb->lost[k];
	}
	add->bytes += c->written;
	add->missed += c->missed;
}
