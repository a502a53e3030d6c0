/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "capture_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define CAPTURE_RINGS_MAX   65536u
#define CAPTURE_BLOCK_BYTES (512u << 10)

static uint64_t capture_up(uint64_t n)
{
	return (n + CAIRN_PAGE_BYTES - 1) & ~(uint64_t)(CAIRN_PAGE_BYTES - 1);
}

int capture_write(const struct capture *c, uint64_t at, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t got = pwrite(c->fd, p, n, (off_t)at);
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
	for (int t = CAIRN_SECTION_STATE; t <= CAIRN_SECTION_BUFFERS; t++) {
		const struct cairn_section *s = &c->im.sections[t];
		if (s->type == 0 || t == CAIRN_SECTION_PACKETS || t == CAIRN_SECTION_QUEUE ||
		    t == CAIRN_SECTION_PAGES || s->size == 0)
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

enum capture_end { CAPTURE_GOES_ON, CAPTURE_CUT };

/*
 * Control block of a ring as a capture has it: no addresses, no places in the region. Where the file is cut, the ring ends behind the
 * last packet copied: what was overwritten since is told in the next file.
 */
static int capture_write_ring(struct capture *c, const struct capture_ring *r, enum capture_end end)
{
	const struct cairn_section *to = capture_section(c, CAIRN_SECTION_RINGS);
	struct cairn_ring cb = r->stream.cb;

	if (!to || !r->used)
		return 0;
	cb.stream = r->stream.number;
	cb.base = cb.closed = cb.closed_offset = cb.packets_offset = cb.frame = 0;
	cb.reader = cb.successor = cb.slot = cb.next = 0;
	/* one block a stream: what its buffer had been cleared of, or asked for, is no matter of the recording's */
	cb.state = CAIRN_RING_LIVE;
	cb.cleared = 0;
	cb.index = (uint32_t)(r - c->rings);
	cb.earlier_packets = r->earlier.packets;
	cb.earlier_events = r->earlier.events;
	memcpy(cb.earlier_lost, r->earlier.lost, sizeof(cb.earlier_lost));
	if (end == CAPTURE_CUT) {
		cb.pos = cb.committed = r->counted * r->stream.packet_bytes & CAIRN_POS_MASK;
		cb.seq_hint = r->counted;
		cb.events_total = r->records;
	}
	return capture_write(c, to->offset + (uint64_t)(r - c->rings) * sizeof(cb), &cb,
			     sizeof(cb));
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
static int capture_write_words(struct capture *c, enum capture_end end)
{
	const struct cairn_section *to = capture_section(c, CAIRN_SECTION_STATE);
	int e = 0;

	for (uint32_t i = 0; i < c->nr_rings && e == 0; i++)
		e = capture_write_ring(c, &c->rings[i], end);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	struct cairn_state st;
	bool gone = !cairn_image_read_state(&c->im, &st) || capture_is_gone(c);
	if (gone)
		st = c->im.state; /* the last words it had */
	c->im.state = st;
	if (st.clock_seq & 1)
		st.clock_seq++; /* the copy is at rest */
	st.nr_rings = c->nr_rings;
	if (e == 0 && !gone)
		e = capture_copy_section(c, CAIRN_SECTION_METADATA, st.metadata_bytes);
	if (e > 0)
		c->metadata_seen = st.metadata_bytes;
	st.metadata_bytes = c->metadata_seen;
	st.earlier_no_stream = c->earlier_no_stream;
	for (int t = CAIRN_SECTION_EVENTS; t <= CAIRN_SECTION_BUFFERS && e >= 0 && !gone; t++)
		if (t != CAIRN_SECTION_RINGS && t != CAIRN_SECTION_PACKETS &&
		    capture_section(c, (enum cairn_section_type)t))
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
	if (n <= c->nr_blocks)
		return 0;
	/* a block may take up another stream's packets, so there may come to be as many streams as the table has rows */
	if (!c->rings && rows) {
		c->rings = calloc(rows, sizeof(*c->rings));
		c->most_rings = (uint32_t)rows;
		c->blocks = calloc(rows, sizeof(*c->blocks)); /* streams point there */
	}
	if (!c->rings || !c->blocks)
		return -ENOMEM;
	c->nr_blocks = n;
	return 0;
}

struct capture *capture_open(const struct cairn_image *im, int fd, int *e)
{
	struct capture *c = calloc(1, sizeof(*c));

	*e = -ENOMEM;
	if (!c) {
		cairn_source_close(im->source);
		return NULL;
	}
	c->im = *im;
	c->fd = fd;
	for (uint32_t i = 0; i < c->im.sb.nr_sections; i++) {
		const struct cairn_section *s = &c->im.sb.sections[i];
		if (s->type > 0 && s->type <= CAIRN_SECTION_BUFFERS &&
		    c->im.sections[s->type].type == 0)
			c->im.sections[s->type] = *s;
	}
	c->least_size = c->im.base + c->im.bytes;
	c->im.bytes = c->im.sb.region_bytes; /* the file may still grow */
	c->block_bytes = c->im.sb.packet_bytes > CAPTURE_BLOCK_BYTES ? c->im.sb.packet_bytes
								     : CAPTURE_BLOCK_BYTES;
	c->block = malloc(c->block_bytes);
	if (c->block)
		*e = capture_layout(c);
	if (*e == 0) {
		cairn_image_read_state(&c->im, &c->im.state);
		*e = capture_write_words(c, CAPTURE_GOES_ON);
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
	capture_give_back(c);
	claims_close(&c->claims);
	cairn_source_close(c->im.source);
	free(c->rings);
	free(c->blocks);
	free(c->block);
	free(c);
}

int64_t capture_poll(struct capture *c, uint64_t room)
{
	int64_t copied = 0;
	struct cairn_state st;

	c->fill = 0;
	if (c->gone || !cairn_image_read_state(&c->im, &st))
		return 0;
	if ((st.flags & CAIRN_STATE_STOPPED) && capture_is_gone(c))
		return 0;
	c->im.state = st;
	int e = capture_new_rings(c);
	if (e < 0)
		return e;
	e = capture_look(c);
	if (e < 0)
		return e;
	for (uint32_t i = 0; i < c->nr_rings; i++) {
		struct capture_ring *r = &c->rings[i];
		bool fresh = !r->used;
		if (!r->news)
			continue;
		int64_t n = capture_stream_copy(c, r, room);
		if (n < 0)
			return n;
		copied += n;
		if (fresh && (e = capture_write_words(c, CAPTURE_GOES_ON)) < 0)
			return e;
		uint64_t bytes = (uint64_t)n * c->im.sb.packet_bytes;
		room -= bytes < room ? bytes : room;
		if (copied && room < c->im.sb.packet_bytes)
			break;
	}
	if (st.metadata_bytes != c->metadata_seen &&
	    (e = capture_write_words(c, CAPTURE_GOES_ON)) < 0)
		return e;
	return copied;
}

bool capture_is_stopped(const struct capture *c)
{
	return c->im.state.flags & CAIRN_STATE_STOPPED;
}

/* The file's last words: it is complete then. */
static int capture_complete(struct capture *c, enum capture_end end)
{
	c->sb.region_bytes = c->packets_at + c->written;
	capture_section(c, CAIRN_SECTION_PACKETS)->size = c->written;
	int e = capture_write_words(c, end);
	/* the last section's page may be a hole; a capture without packets must reach to its end */
	if (e == 0 && c->written == 0 && ftruncate(c->fd, (off_t)c->packets_at) < 0)
		e = -errno;
	return e;
}

int capture_cut(struct capture *c, int fd, uint64_t *bytes)
{
	int e = capture_complete(c, CAPTURE_CUT);

	*bytes = capture_bytes(c);
	if (e < 0)
		return e;
	for (uint32_t i = 0; i < c->nr_rings; i++) {
		struct capture_ring *r = &c->rings[i];
		r->earlier.packets = r->counted;
		r->earlier.events = r->records;
		memcpy(r->earlier.lost, r->stream.cb.lost, sizeof(r->earlier.lost));
		r->written = 0;
	}
	c->earlier_no_stream = c->im.state.lost_no_stream;
	c->earlier_bytes += c->written;
	c->written = 0;
	c->metadata_seen = 0;
	c->fd = fd;
	e = capture_layout(c);
	return e < 0 ? e : capture_write_words(c, CAPTURE_GOES_ON);
}

int capture_finish(struct capture *c)
{
	int64_t n = capture_poll(c, UINT64_MAX);
	int e = n < 0 ? (int)n : 0;

	for (uint32_t i = 0; i < c->nr_rings && e == 0; i++)
		e = capture_ring_finish(c, &c->rings[i]);
	capture_give_back(c);
	if (e == 0)
		e = capture_complete(c, CAPTURE_GOES_ON);
	cairn_schema_free(&c->im.schema);
	return e;
}

void capture_say_busy(const struct capture *c, const struct verb *v, const char *path)
{
	char owner[64];
	struct cairn_buf t;

	cairn_buf_init(&t, owner, sizeof(owner));
	claims_owner_text(c->busy_owner, &t);
	say(v, "%s: ring %u is being read by %s; one reader at a time makes room in it", path,
	    c->busy_ring, cairn_buf_end(&t));
}

unsigned capture_fill(const struct capture *c)
{
	return c->fill;
}

bool capture_consumes(const struct capture *c)
{
	for (uint32_t i = 0; i < c->nr_blocks; i++)
		if (c->blocks[i].claim == CAPTURE_CLAIM_HELD)
			return true;
	return false;
}

int capture_cannot_consume(const struct capture *c)
{
	return c->cannot_claim;
}

unsigned capture_claims_lost(const struct capture *c)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < c->nr_blocks; i++)
		n += c->blocks[i].claim == CAPTURE_CLAIM_LOST;
	return n;
}

bool capture_has_news(const struct capture *c)
{
	bool news = c->written || c->im.state.lost_no_stream != c->earlier_no_stream;

	for (uint32_t i = 0; i < c->nr_rings && !news; i++)
		news = memcmp(c->rings[i].earlier.lost, c->rings[i].stream.cb.lost,
			      sizeof(c->rings[i].earlier.lost)) != 0;
	return news;
}

uint64_t capture_packet_bytes(const struct capture *c)
{
	return c->im.sb.packet_bytes;
}

uint64_t capture_bytes(const struct capture *c)
{
	return c->packets_at + c->written;
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
	add->bytes += c->earlier_bytes + c->written;
	add->missed += c->missed;
}
