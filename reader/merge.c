/* SPDX-License-Identifier: MIT */
/*
 * A reader is one or more sources with all their images; a cursor merges their streams by time. Within a stream
 * the order is that of the ring, always. Streams are compared by Unix time if all images know it,
 * else by the time of their clocks; ties go to the lower image, then the finer clock value, the
 * lower CPU, the lower ring.
 */
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MERGE_IMAGES_MAX 65536u

/* Until an image is found, faults only matter as the reason why none was. */
struct merge_first {
	const struct cairn_sink *to;
	struct cairn_fault *why;
	bool have, any_image;
};

static void merge_say(void *ctx, const struct cairn_fault *f)
{
	struct merge_first *m = ctx;

	if (!m->any_image && !m->have && f->kind == CAIRN_FAULT_DAMAGE) {
		*m->why = *f;
		m->have = true;
		return;
	}
	if (m->to && m->to->say)
		m->to->say(m->to->ctx, f);
}

static int merge_find_images(struct cairn_reader *r, struct cairn_source *s, const char *path,
			     const struct cairn_sink *sink, struct cairn_fault *why)
{
	struct merge_first first = {sink, why, false, false};
	struct cairn_sink catch = {merge_say, &first};
	unsigned before = r->nr_images;
	uint64_t at = 0;

	for (;;) {
		struct cairn_image im;
		memset(&im, 0, sizeof(im));
		im.index = r->nr_images;
		im.path = path;
		int e = cairn_image_find(s, &at, &im, &catch);
		if (e <= 0 || r->nr_images >= MERGE_IMAGES_MAX)
			break;
		if (first.have && sink && sink->say) /* it had only been the reason until now */
			sink->say(sink->ctx, why);
		first.have = false;
		first.any_image = true;
		struct cairn_image *p = realloc(r->images, (r->nr_images + 1) * sizeof(*p));
		if (!p)
			return -ENOMEM;
		r->images = p;
		r->images[r->nr_images++] = im;
	}
	if (r->nr_images > before)
		return 0;
	uint64_t size = cairn_source_size(s);
	if (size == 0)
		cairn_fault_set(why, CAIRN_NO_OFFSET, "is empty");
	else if (!first.have)
		cairn_fault_set(
			why, CAIRN_NO_OFFSET,
			"no region of Cairn's in its %llu bytes: not a trace, or its region was never completed",
			(unsigned long long)size);
	else
		snprintf(why->kept, sizeof(why->kept), "no region is left to read");
	return -ENOENT;
}

static int merge_add_file(struct cairn_reader *r, const char *path, const struct cairn_sink *sink,
			  struct cairn_fault *why)
{
	struct cairn_source *s;
	int e = cairn_source_open(&s, path, why);

	if (e < 0)
		return e;
	r->sources[r->nr_sources++] = s;
	return merge_find_images(r, s, path, sink, why);
}

static int merge_add_files(struct cairn_reader *r, const char *const *paths, unsigned n,
			   const struct cairn_sink *sink, struct cairn_fault *why)
{
	int e = 0;

	r->sources = calloc(n, sizeof(struct cairn_source *));
	if (!r->sources)
		return -ENOMEM;
	for (unsigned i = 0; i < n && e != -ENOMEM; i++) {
		e = merge_add_file(r, paths[i], sink, why);
		if (e == 0 || n == 1)
			continue;
		why->path = paths[i];
		why->kind = CAIRN_FAULT_DAMAGE;
		if (!*why->kept)
			snprintf(why->kept, sizeof(why->kept), "left it out");
		if (sink && sink->say)
			sink->say(sink->ctx, why);
	}
	if (e == -ENOMEM || r->nr_images)
		return e == -ENOMEM ? e : 0;
	if (n > 1)
		cairn_fault_set(why, CAIRN_NO_OFFSET, "none of the files is a trace");
	return e;
}

/* A buffer that was asked for by its name must be somewhere. */
static bool merge_has_buffer(const struct cairn_reader *r, const struct cairn_choice *choice)
{
	for (unsigned i = 0; i < r->nr_loaded; i++)
		if (!choice || !choice->buffer || cairn_image_has_buffer(&r->images[i], choice->buffer))
			return true;
	return false;
}

int cairn_reader_open_chosen(struct cairn_reader **out, const char *const *paths, unsigned n,
			     const struct cairn_choice *choice, const struct cairn_sink *sink,
			     struct cairn_fault *why)
{
	struct cairn_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		cairn_fault_set(why, CAIRN_NO_OFFSET, "out of memory");
		return -ENOMEM;
	}
	if (sink)
		r->sink = *sink;
	int e = merge_add_files(r, paths, n, sink, why);
	r->nr_loaded = r->nr_images;
	/* loaded only now: streams point at images, which must not move any more */
	for (unsigned i = 0; i < r->nr_images && e == 0; i++)
		e = cairn_image_load(&r->images[i], choice, sink);
	if (e == 0 && !merge_has_buffer(r, choice)) {
		cairn_fault_set(why, CAIRN_NO_OFFSET, "no buffer `%s`; `cairn info` lists them", choice->buffer);
		e = -ENOENT;
	}
	if (e == 0)
		e = cairn_reader_unite(r->images, r->nr_images, &r->nr_images);
	for (unsigned i = 0; i < r->nr_images && e == 0; i++)
		e = cairn_epochs_load(&r->images[i]);
	if (e == -ENOMEM)
		cairn_fault_set(why, CAIRN_NO_OFFSET, "out of memory");
	if (e < 0) {
		cairn_reader_close(r);
		return e;
	}
	r->by_wall = true;
	for (unsigned i = 0; i < r->nr_images; i++)
		r->by_wall &= r->images[i].clock.wall_base_ns != 0;
	*out = r;
	return 0;
}

int cairn_reader_open_files(struct cairn_reader **out, const char *const *paths, unsigned n,
			    const struct cairn_sink *sink, struct cairn_fault *why)
{
	return cairn_reader_open_chosen(out, paths, n, NULL, sink, why);
}

int cairn_reader_open(struct cairn_reader **out, const char *path, const struct cairn_sink *sink,
		      struct cairn_fault *why)
{
	return cairn_reader_open_files(out, &path, 1, sink, why);
}

uint64_t cairn_reader_bytes(const struct cairn_reader *r)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < r->nr_sources; i++)
		n += cairn_source_size(r->sources[i]);
	return n;
}

void cairn_reader_close(struct cairn_reader *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->nr_loaded; i++)
		cairn_image_fini(&r->images[i]);
	free(r->images);
	for (unsigned i = 0; i < r->nr_sources; i++)
		cairn_source_close(r->sources[i]);
	free(r->sources);
	free(r);
}

struct cairn_lane {
	struct cairn_walk walk;
	struct cairn_reader_record record; /* next one */
	int64_t ns;
	uint64_t unsaid; /* before `record` */
	bool live;
};

/* Does lane x come before lane y? A total order. */
static bool merge_before(const struct cairn_lane *x, const struct cairn_lane *y)
{
	const struct cairn_reader_stream *a = x->walk.stream, *b = y->walk.stream;

	if (x->ns != y->ns)
		return x->ns < y->ns;
	if (a->image->index != b->image->index)
		return a->image->index < b->image->index;
	if (x->record.ts != y->record.ts)
		return x->record.ts < y->record.ts;
	if (a->cb.cpu != b->cb.cpu)
		return a->cb.cpu < b->cb.cpu;
	return a->index < b->index;
}

static void merge_sift_down(struct cairn_cursor *c, uint32_t i)
{
	for (;;) {
		uint32_t least = i;
		for (uint32_t k = 2 * i + 1; k <= 2 * i + 2; k++)
			if (k < c->nr_heap &&
			    merge_before(&c->lanes[c->heap[k]], &c->lanes[c->heap[least]]))
				least = k;
		if (least == i)
			return;
		uint32_t t = c->heap[i];
		c->heap[i] = c->heap[least];
		c->heap[least] = t;
		i = least;
	}
}

/* Fetch the lane's next record. */
static void merge_advance(struct cairn_cursor *c, struct cairn_lane *l)
{
	l->live = cairn_walk_next(&l->walk, &l->record) > 0;
	l->unsaid += cairn_walk_take_unsaid(&l->walk);
	if (!l->live)
		return;
	const struct cairn_image_clock *clock = &l->walk.stream->image->clock;
	uint64_t ns = cairn_image_clock_ns(clock, l->record.ts);
	if (c->reader->by_wall && c->reader->nr_images > 1)
		l->ns = cairn_image_clock_wall_ns(clock, l->record.ts);
	else
		l->ns = ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

struct cairn_cursor *cairn_cursor_open(struct cairn_reader *r, const struct cairn_sink *sink)
{
	struct cairn_cursor *c = calloc(1, sizeof(*c));
	uint32_t n = 0;

	if (!c)
		return NULL;
	c->reader = r;
	for (unsigned i = 0; i < r->nr_images; i++) {
		n += r->images[i].nr_streams;
		cairn_reader_names_rewind(r->images[i].names);
	}
	c->lanes = calloc(n ? n : 1, sizeof(*c->lanes));
	c->heap = calloc(n ? n : 1, sizeof(*c->heap));
	if (!c->lanes || !c->heap)
		goto fail;
	for (unsigned i = 0; i < r->nr_images; i++)
		for (uint32_t k = 0; k < r->images[i].nr_streams; k++) {
			struct cairn_lane *l = &c->lanes[c->nr_lanes];
			if (cairn_walk_init(&l->walk, &r->images[i].streams[k], sink) < 0)
				goto fail;
			c->nr_lanes++;
		}
	for (uint32_t i = 0; i < c->nr_lanes; i++) {
		merge_advance(c, &c->lanes[i]);
		if (c->lanes[i].live)
			c->heap[c->nr_heap++] = i;
	}
	for (uint32_t i = c->nr_heap; i-- > 0;)
		merge_sift_down(c, i);
	return c;
fail:
	cairn_cursor_close(c);
	return NULL;
}

void cairn_cursor_close(struct cairn_cursor *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->nr_lanes; i++)
		cairn_walk_fini(&c->lanes[i].walk);
	free(c->lanes);
	free(c->heap);
	free(c);
}

static bool merge_lost(struct cairn_lane *l, struct cairn_item *item)
{
	if (!l->unsaid)
		return false;
	item->kind = CAIRN_ITEM_LOST;
	item->stream = l->walk.stream;
	item->lost = l->unsaid;
	l->unsaid = 0;
	return true;
}

int cairn_cursor_next(struct cairn_cursor *c, struct cairn_item *item)
{
	if (c->current) { /* its record was in use until now */
		struct cairn_lane *l = c->current;
		c->current = NULL;
		merge_advance(c, l);
		if (!l->live)
			c->heap[0] = c->heap[--c->nr_heap];
		merge_sift_down(c, 0);
	}
	memset(item, 0, sizeof(*item));
	while (c->nr_heap == 0) {
		if (c->tail == c->nr_lanes)
			return 0;
		if (merge_lost(&c->lanes[c->tail++], item))
			return 1;
	}
	struct cairn_lane *l = &c->lanes[c->heap[0]];
	if (merge_lost(l, item))
		return 1;
	item->kind = CAIRN_ITEM_EVENT;
	item->stream = l->walk.stream;
	item->record = l->record;
	c->current = l;
	cairn_reader_names_learn(l->walk.stream->image->names, &item->record);
	return 1;
}

const struct cairn_reader_account *cairn_cursor_account(const struct cairn_cursor *c, uint32_t lane,
							const struct cairn_reader_stream **st)
{
	if (lane >= c->nr_lanes)
		return NULL;
	*st = c->lanes[lane].walk.stream;
	return &c->lanes[lane].walk.account;
}
