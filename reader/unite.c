/* SPDX-License-Identifier: MIT */
/*
 * Several images of one region (the files of a recording that was cut, two recordings, a capture and the live region) become one image, in
 * which each packet stands once. They are the same region if UUID and boot nonce are the same; a packet is known by its stream and number
 * (design.md D16). Of several copies of a packet the one from the image that knows most is taken: an open packet grew since.
 */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool unite_same_region(const struct cairn_image *a, const struct cairn_image *b)
{
	return memcmp(a->sb.uuid, b->sb.uuid, sizeof(a->sb.uuid)) == 0 &&
	       a->sb.packet_bytes == b->sb.packet_bytes && a->sb.boot_nonce == b->sb.boot_nonce;
}

/* How far its rings had come when the image was made. */
static uint64_t unite_progress(const struct cairn_image *im)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < im->nr_streams; i++) {
		const struct cairn_ring *cb = &im->streams[i].cb;
		n += cb->events_total + (cb->committed >> CAIRN_POS_BITS);
		for (int k = 0; k < CAIRN_NR_LOST; k++)
			n += cb->lost[k];
	}
	return n;
}

/* Nothing here may depend on the images' places. By region, in the order in which the regions were first met; within a region the one that knows most first. */
static int unite_compare(const void *a, const void *b)
{
	const struct cairn_image *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	uint64_t n = unite_progress(x), m = unite_progress(y);
	if (n != m)
		return n > m ? -1 : 1;
	return x->index > y->index ? -1 : x->index < y->index;
}

static int unite_stream_compare(const void *a, const void *b)
{
	const struct cairn_reader_stream *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* Rings that only `from` has. */
static int unite_take_rings(struct cairn_image *main, const struct cairn_image *from)
{
	struct cairn_reader_stream *p =
		realloc(main->streams, (main->nr_streams + from->nr_streams + 1) * sizeof(*p));

	if (!p)
		return -ENOMEM;
	main->streams = p;
	uint32_t n = main->nr_streams; /* in order, the others come behind them */
	for (uint32_t i = 0; i < from->nr_streams; i++) {
		if (cairn_image_stream(main, from->streams[i].number))
			continue;
		struct cairn_reader_stream *st = &main->streams[n++];
		*st = from->streams[i];
		st->image = main;
		st->places = NULL; /* built anew, those of `from` stay there */
		st->nr_places = 0;
	}
	main->nr_streams = n;
	if (n)
		qsort(main->streams, n, sizeof(*p), unite_stream_compare);
	return 0;
}

struct unite_place {
	struct cairn_place place;
	unsigned order; /* a smaller one knows more */
};

static int unite_place_compare(const void *a, const void *b)
{
	const struct unite_place *x = a, *y = b;

	if (x->place.seq != y->place.seq)
		return x->place.seq < y->place.seq ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* The packets of ring `st` of images[0], out of `n` images. */
static int unite_ring(struct cairn_image *images, unsigned n, struct cairn_reader_stream *st)
{
	uint64_t room = 1, nr = 0, kept = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct cairn_reader_stream *part = cairn_image_stream(&images[i], st->number);
		for (uint64_t k = 0; part && k < part->nr_places; k = cairn_reader_stream_next_place(part, k))
			room++;
	}
	struct unite_place *all = calloc(room, sizeof(*all));
	struct cairn_place *places = calloc(room, sizeof(*places));
	if (!all || !places) {
		free(all);
		free(places);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < n; i++) {
		const struct cairn_reader_stream *part = cairn_image_stream(&images[i], st->number);
		/* a target that runs may have filled a hole since */
		for (uint64_t k = 0; part && k < part->nr_places && nr < room; k = cairn_reader_stream_next_place(part, k))
			all[nr++] = (struct unite_place){cairn_reader_stream_place(part, k), i};
	}
	qsort(all, nr, sizeof(*all), unite_place_compare);
	for (uint64_t i = 0; i < nr; i++)
		if (kept == 0 || places[kept - 1].seq != all[i].place.seq)
			places[kept++] = all[i].place;
	free(all);
	free(st->places);
	st->places = places;
	st->nr_places = kept;
	return 0;
}

/* images[0] takes the rest in, which stay where they are: their packets are read from there. */
static int unite_group(struct cairn_image *images, unsigned n)
{
	struct cairn_image *main = &images[0];
	int e = 0;

	for (unsigned i = 1; i < n && e == 0; i++) {
		if (images[i].state.earlier_no_stream < main->state.earlier_no_stream)
			main->state.earlier_no_stream = images[i].state.earlier_no_stream;
		if (images[i].state.lost_no_stream > main->state.lost_no_stream)
			main->state.lost_no_stream = images[i].state.lost_no_stream;
		if (images[i].nr_cpus > main->nr_cpus)
			main->nr_cpus = images[i].nr_cpus;
		e = unite_take_rings(main, &images[i]);
	}
	for (uint32_t i = 0; i < main->nr_streams && e == 0; i++)
		e = unite_ring(images, n, &main->streams[i]);
	return e;
}

/* Images that stay first, those that were taken in behind them. */
static int unite_order(struct cairn_image *images, unsigned n, unsigned *kept)
{
	struct cairn_image *ordered = calloc(n, sizeof(*ordered));
	unsigned at = 0;

	if (!ordered)
		return -ENOMEM;
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < n; i++)
			if ((i > 0 && images[i].group == images[i - 1].group) == (pass == 1))
				ordered[at++] = images[i];
		if (pass == 0)
			*kept = at;
	}
	memcpy(images, ordered, n * sizeof(*images));
	free(ordered);
	for (unsigned i = 0; i < n; i++) {
		images[i].index = i;
		for (uint32_t k = 0; k < images[i].nr_streams; k++)
			images[i].streams[k].image = &images[i];
		for (uint32_t k = 0; k < images[i].nr_blocks; k++)
			images[i].blocks[k].image = &images[i];
	}
	return 0;
}

int cairn_reader_unite(struct cairn_image *images, unsigned n, unsigned *kept)
{
	bool any = false;
	int e = 0;

	*kept = n;
	for (unsigned i = 0; i < n; i++) {
		images[i].group = i;
		for (unsigned k = 0; k < i && images[i].group == i; k++)
			if (unite_same_region(&images[k], &images[i]))
				images[i].group = images[k].group;
		any |= images[i].group != i;
	}
	if (!any)
		return 0;
	qsort(images, n, sizeof(*images), unite_compare);
	for (unsigned i = 0, end; i < n && e == 0; i = end) {
		for (end = i + 1; end < n && images[end].group == images[i].group;)
			end++;
		/* parts point at streams, which stay where they are when images move */
		e = end - i > 1 ? unite_group(&images[i], end - i) : 0;
	}
	return e ? e : unite_order(images, n, kept);
}
