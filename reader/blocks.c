/* SPDX-License-Identifier: MIT */
/*
 * Control blocks, and the streams that they make up. A stream goes on in another block after a resize or a snapshot; its packets' numbers
 * go on, so blocks of one stream hold ranges of numbers that do not overlap, and the one that ends last has the totals.
 *
 * A region of a running target changes meanwhile: the blocks are read again until none was left, taken or begun in between. What happens
 * later shows in the packets (cairn_reader_packet_read()).
 */
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX   65536u
#define BLOCKS_TRIES 16
#define BUFFERS_MAX  256u

/* ---- buffers ---- */

static void blocks_load_buffers(struct cairn_image *im)
{
	uint64_t rows = im->sections[CAIRN_SECTION_BUFFERS].count;
	size_t got;

	rows = rows < BUFFERS_MAX ? rows : BUFFERS_MAX;
	im->buffers =
		cairn_image_copy(im, CAIRN_SECTION_BUFFERS, rows * sizeof(*im->buffers), &got);
	im->nr_buffers = (uint32_t)(got / sizeof(*im->buffers));
	for (uint32_t i = 0; i < im->nr_buffers; i++)
		im->buffers[i].name[sizeof(im->buffers[i].name) - 1] = '\0';
}

const struct cairn_buffer_row *cairn_image_origin(const struct cairn_image *im, uint32_t number)
{
	uint32_t row = im->sb.nr_cpus ? number / im->sb.nr_cpus : 0;

	return row && row < im->nr_buffers ? &im->buffers[row] : NULL;
}

void cairn_buffer_label(const struct cairn_image *im, const struct cairn_buffer_row *row,
			struct cairn_buf *t)
{
	if (!row) {
		cairn_buf_printf(t, "main");
		return;
	}
	if (row->kind == CAIRN_BUFFER_SNAPSHOT && row->parent && row->parent < im->nr_buffers)
		cairn_buf_printf(t, "%s/", im->buffers[row->parent].name);
	cairn_buf_printf(t, "%s", row->kind == CAIRN_BUFFER_SNAPSHOT ? "snapshot" : row->name);
}

static bool blocks_is_named(const struct cairn_image *im, const struct cairn_buffer_row *row,
			    const char *name)
{
	char label[80];
	struct cairn_buf t;

	if (row && row->kind != CAIRN_BUFFER_MAIN && row->kind != CAIRN_BUFFER_INSTANCE &&
	    row->kind != CAIRN_BUFFER_SNAPSHOT)
		return false;
	cairn_buf_init(&t, label, sizeof(label));
	cairn_buffer_label(im, row, &t);
	return strcmp(cairn_buf_end(&t), name) == 0;
}

/* Row of a buffer, the main one's is 0, or -1. */
static int blocks_find_buffer(const struct cairn_image *im, const char *name)
{
	if (strcmp(name, "main") == 0)
		return 0;
	for (uint32_t i = 1; i < im->nr_buffers; i++)
		if (cairn_image_is_capture(im) && im->buffers[i].kind == CAIRN_BUFFER_SNAPSHOT)
			continue; /* part of its stream there */
		else if (blocks_is_named(im, &im->buffers[i], name))
			return (int)i;
	return -1;
}

bool cairn_image_has_buffer(const struct cairn_image *im, const char *name)
{
	return strcmp(name, "all") == 0 || blocks_find_buffer(im, name) >= 0;
}

/* ---- blocks ---- */

static int blocks_compare_packets(const void *a, const void *b)
{
	const struct cairn_reader_stream *const *x = a, *const *y = b;

	if ((*x)->cb.packets_offset != (*y)->cb.packets_offset)
		return (*x)->cb.packets_offset < (*y)->cb.packets_offset ? -1 : 1;
	return (*x)->index < (*y)->index ? -1 : (*x)->index > (*y)->index;
}

static void blocks_say(const struct cairn_image *im, const struct cairn_sink *sink,
		       struct cairn_fault *f, uint32_t index)
{
	snprintf(f->kept, sizeof(f->kept), "this ring is left out");
	f->ring = index;
	cairn_image_say(im, sink, f, CAIRN_FAULT_DAMAGE);
}

/* A packet belongs to one ring: of rings that overlap, the first in the file is kept. */
static int blocks_drop_overlaps(struct cairn_image *im, const struct cairn_sink *sink)
{
	struct cairn_reader_stream **order = calloc(im->nr_blocks + 1, sizeof(*order));
	uint64_t end = 0;
	uint32_t kept = 0;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < im->nr_blocks; i++)
		order[i] = &im->blocks[i];
	qsort(order, im->nr_blocks, sizeof(*order), blocks_compare_packets);
	for (uint32_t i = 0; i < im->nr_blocks; i++) {
		struct cairn_reader_stream *st = order[i];
		struct cairn_fault f;
		if (st->cb.packets_offset >= end) {
			end = st->cb.packets_offset + st->cb.ring_mask + 1;
			continue;
		}
		cairn_fault_set(&f, im->base + st->cb.packets_offset,
				"the ring's packets overlap those of another ring");
		blocks_say(im, sink, &f, st->index);
		st->nr_slots = 0;
	}
	free(order);
	for (uint32_t i = 0; i < im->nr_blocks; i++)
		if (im->blocks[i].nr_slots)
			im->blocks[kept++] = im->blocks[i];
	im->nr_blocks = kept;
	return 0;
}

static int blocks_compare_numbers(const void *a, const void *b)
{
	const struct cairn_reader_stream *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* A capture has one control block a stream; they are put in the order of their numbers. */
static void blocks_drop_doubles(struct cairn_image *im, const struct cairn_sink *sink)
{
	uint32_t kept = 0;

	if (im->nr_blocks)
		qsort(im->blocks, im->nr_blocks, sizeof(*im->blocks), blocks_compare_numbers);
	for (uint32_t i = 0; i < im->nr_blocks; i++) {
		struct cairn_fault f;
		if (!kept || im->blocks[kept - 1].number != im->blocks[i].number) {
			im->blocks[kept++] = im->blocks[i];
			continue;
		}
		cairn_fault_set(&f, im->base + im->sections[CAIRN_SECTION_RINGS].offset,
				"the capture has two control blocks of stream %u",
				im->blocks[i].number);
		blocks_say(im, sink, &f, im->blocks[i].index);
	}
	im->nr_blocks = kept;
}

/* *wrong tells whether a block was left out; `sink` may be NULL. */
static int blocks_read(struct cairn_image *im, uint64_t rows, const struct cairn_sink *sink,
		       bool *wrong)
{
	im->nr_blocks = 0;
	*wrong = false;
	for (uint32_t i = 0; i < rows; i++) {
		struct cairn_reader_stream *st = &im->blocks[im->nr_blocks];
		struct cairn_fault f;
		int e = cairn_reader_stream_load(im, i, st, &f);
		if (e > 0) {
			im->nr_blocks++;
			continue;
		}
		memset(st, 0, sizeof(*st));
		if (e == -ENOMEM)
			return e;
		if (e == 0)
			continue;
		*wrong = true;
		if (sink)
			blocks_say(im, sink, &f, i);
	}
	return 0;
}

/* The words of block `i` that change hands; a sum over all of them differs when any was left, taken or begun. */
static uint64_t blocks_signature(const struct cairn_image *im, uint64_t rows)
{
	uint64_t sum = 0;
	struct cairn_ring cb;

	for (uint64_t i = 0; i < rows; i++) {
		uint64_t at = im->base + im->sections[CAIRN_SECTION_RINGS].offset + i * sizeof(cb);
		if (!cairn_source_read_all(im->source, at, &cb, sizeof(cb)))
			break;
		sum = sum * 31 + cb.packets_offset + cb.magic + cb.state + cb.then +
		      (cb.successor != 0) * 17 + (cb.committed & CAIRN_POS_RETIRED);
	}
	return sum;
}

static uint64_t blocks_rows(struct cairn_image *im, const struct cairn_sink *sink)
{
	const struct cairn_section *s = &im->sections[CAIRN_SECTION_RINGS];
	uint64_t room = s->size / sizeof(struct cairn_ring);
	uint64_t rows = s->count < room ? s->count : room;
	struct cairn_fault f;

	if (im->state.nr_rings > rows) {
		cairn_fault_set(&f, im->base + im->sections[CAIRN_SECTION_STATE].offset,
				"%u rings are in use, but the region has room for %llu",
				im->state.nr_rings, (unsigned long long)rows);
		snprintf(f.kept, sizeof(f.kept), "looked at all");
		cairn_image_say(im, sink, &f, CAIRN_FAULT_DAMAGE);
	} else {
		rows = im->state.nr_rings;
	}
	return rows < BLOCKS_MAX ? rows : BLOCKS_MAX;
}

int cairn_blocks_load(struct cairn_image *im, const struct cairn_sink *sink)
{
	uint64_t rows = blocks_rows(im, sink), before, after;
	bool wrong = false;
	int e = 0;

	blocks_load_buffers(im);
	im->blocks = rows ? calloc(rows, sizeof(*im->blocks)) : NULL;
	if (rows && !im->blocks)
		return -ENOMEM;
	if (cairn_image_is_capture(im)) {
		e = blocks_read(im, rows, sink, &wrong);
		blocks_drop_doubles(im, sink);
		return e;
	}
	after = blocks_signature(im, rows);
	for (int i = 0; i < BLOCKS_TRIES && e == 0; i++) {
		before = after;
		e = blocks_read(im, rows, NULL, &wrong);
		after = blocks_signature(im, rows);
		if (after == before)
			break;
	}
	if (e == 0 && wrong)
		e = blocks_read(im, rows, sink, &wrong); /* told once */
	return e ? e : blocks_drop_overlaps(im, sink);
}

/* ---- streams ---- */

/* The row of BUFFERS that what is in a block belongs to; CAIRN_BUFFER_NONE: given up. */
static uint32_t blocks_owner(const struct cairn_image *im, const struct cairn_reader_stream *b)
{
	const struct cairn_ring *cb = &b->cb;

	if (im->sb.minor == 0)
		return 0;
	if (cairn_image_is_capture(im))
		return im->sb.nr_cpus ? b->number / im->sb.nr_cpus : 0;
	if (cb->state == CAIRN_RING_FROZEN || b->retired)
		return cb->then;
	/* asked to leave by a snapshot, and nothing was written since */
	return cb->successor && cb->then != CAIRN_BUFFER_NONE ? cb->then : cb->buffer;
}

bool cairn_block_is_of(const struct cairn_image *im, const struct cairn_reader_stream *b,
		       uint32_t row)
{
	return blocks_owner(im, b) == row;
}

static bool blocks_is_chosen(const struct cairn_image *im, const struct cairn_reader_stream *b,
			     const struct cairn_choice *choice)
{
	if (!choice || !choice->buffer)
		return !im->sb.minor || !im->sb.nr_cpus || b->number < im->sb.nr_cpus;
	if (strcmp(choice->buffer, "all") == 0)
		return true;
	int row = blocks_find_buffer(im, choice->buffer);
	return row >= 0 && cairn_block_is_of(im, b, (uint32_t)row);
}

static uint64_t blocks_total(const struct cairn_reader_stream *b)
{
	return b->cb.events_total + (b->cb.committed >> CAIRN_POS_BITS);
}

/* A ring that was given up, and cleared before that: nothing of it is to be shown. `newest` has the stream's mark. */
static bool blocks_is_cleared(const struct cairn_reader_stream *b,
			      const struct cairn_reader_stream *newest,
			      const struct cairn_choice *choice)
{
	return b != newest && newest->cb.cleared && !(choice && choice->behind_mark) &&
	       b->cb.then == CAIRN_BUFFER_NONE && blocks_total(b) <= newest->cb.start_events;
}

/* By stream; within one in the order in which they were written. */
static int blocks_compare_ages(const void *a, const void *b)
{
	const struct cairn_reader_stream *x = *(struct cairn_reader_stream *const *)a;
	const struct cairn_reader_stream *y = *(struct cairn_reader_stream *const *)b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->end_seq != y->end_seq)
		return x->end_seq < y->end_seq ? -1 : 1;
	if (x->retired != y->retired)
		return x->retired ? -1 : 1;
	if (blocks_total(x) != blocks_total(y))
		return blocks_total(x) < blocks_total(y) ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void blocks_set_label(struct cairn_image *im, struct cairn_reader_stream *st,
			     const struct cairn_choice *choice)
{
	struct cairn_buf t;

	cairn_buf_init(&t, st->buffer, sizeof(st->buffer));
	if (choice && choice->buffer && strcmp(choice->buffer, "all"))
		cairn_buf_printf(&t, "%s", choice->buffer);
	else
		cairn_buffer_label(im, cairn_image_origin(im, st->number), &t);
	cairn_buf_end(&t);
}

/* Packets of a region's block, as places of a stream. */
static int blocks_add_places(struct cairn_reader_stream *st, const struct cairn_reader_stream *b)
{
	int e = 0;

	for (uint64_t i = 0; i < b->nr_places && e == 0; i = cairn_reader_stream_next_place(b, i))
		e = cairn_reader_stream_add_place(st, cairn_reader_stream_place(b, i));
	return e;
}

/* The stream of blocks run[0 .. n - 1], of which those with `chosen` are read. */
static int blocks_join_run(struct cairn_image *im, struct cairn_reader_stream **run, uint32_t n,
			   const struct cairn_choice *choice)
{
	struct cairn_reader_stream *last = NULL, *first = NULL, *ahead = NULL, *st;
	uint32_t nr = 0;
	int e = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (i &&
		    run[i]->first_seq < run[i - 1]->end_seq) { /* slots from before it was begun */
			uint64_t most = run[i]->end_seq;
			run[i]->first_seq = run[i - 1]->end_seq < most ? run[i - 1]->end_seq : most;
			run[i]->nr_places = most - run[i]->first_seq;
		}
		if (!blocks_is_chosen(im, run[i], choice) ||
		    blocks_is_cleared(run[i], run[n - 1], choice)) {
			ahead = first ? ahead : run[i];
			continue;
		}
		first = first ? first : run[i];
		last = run[i];
		nr++;
	}
	if (!last)
		return 0;
	st = &im->streams[im->nr_streams++];
	*st = *last;
	st->from_first = true;
	if (ahead) {
		st->before.packets = ahead->end_seq;
		st->before.events = blocks_total(ahead);
		memcpy(st->before.lost, ahead->cb.lost, sizeof(st->before.lost));
	} else if (choice && choice->buffer && last->retired) {
		st->from_first =
			false; /* a snapshot of its own: what was before it is nobody's here */
	}
	if (last->cb.cleared && !cairn_image_is_capture(im) && !(choice && choice->behind_mark)) {
		st->mark.set = true;
		st->mark.before.events = last->cb.start_events;
		st->mark.before.packets = last->mark_seq;
		memcpy(st->mark.before.lost, last->cb.start_lost_by, sizeof(st->mark.before.lost));
	}
	blocks_set_label(im, st, choice);
	last->places = NULL; /* of a capture: the stream has them now */
	if (nr == 1)
		return 0;
	st->nr_places = 0;
	for (uint32_t i = 0; i < n && e == 0; i++)
		if (blocks_is_chosen(im, run[i], choice) &&
		    !blocks_is_cleared(run[i], run[n - 1], choice))
			e = blocks_add_places(st, run[i]);
	return e;
}

int cairn_blocks_join(struct cairn_image *im, const struct cairn_choice *choice)
{
	struct cairn_reader_stream **order = calloc(im->nr_blocks + 1, sizeof(*order));
	int e = 0;

	im->streams = calloc(im->nr_blocks + 1, sizeof(*im->streams));
	if (!order || !im->streams)
		e = -ENOMEM;
	for (uint32_t i = 0; i < im->nr_blocks && e == 0; i++) {
		order[i] = &im->blocks[i];
		if (choice && choice->behind_mark)
			im->blocks[i].mark_seq = im->blocks[i].mark_at = 0;
	}
	if (e == 0)
		qsort(order, im->nr_blocks, sizeof(*order), blocks_compare_ages);
	for (uint32_t i = 0, end; i < im->nr_blocks && e == 0; i = end) {
		for (end = i + 1; end < im->nr_blocks && order[end]->number == order[i]->number;)
			end++;
		e = blocks_join_run(im, order + i, end - i, choice);
	}
	free(order);
	return e;
}

struct cairn_reader_stream *cairn_image_stream(const struct cairn_image *im, uint32_t number)
{
	uint32_t low = 0, high = im->nr_streams;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (im->streams[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < im->nr_streams && im->streams[low].number == number ? &im->streams[low] : NULL;
}
