/* SPDX-License-Identifier: MIT */
/*
 * A clock that restarted (cairn_clock_reset()) begins a new epoch, whose times say nothing about those of the one before. They are shown one
 * behind the other: an epoch begins where the one before it ended, in whichever stream that was latest, or later if its own times are.
 */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EPOCHS_MAX 65536u

int64_t cairn_image_epoch(const struct cairn_image *im, uint32_t flags)
{
	uint32_t resets = im->state.clock_resets;

	if (im->sb.minor == 0)
		return 0;
	return (int64_t)resets + (int16_t)(uint16_t)(CAIRN_PACKET_EPOCH(flags) - resets);
}

uint64_t cairn_image_shift(const struct cairn_image *im, uint32_t flags)
{
	int64_t i = cairn_image_epoch(im, flags) - im->first_epoch;

	if (im->nr_shifts == 0 || i < 0)
		return 0;
	return im->shifts[i < im->nr_shifts ? i : im->nr_shifts - 1];
}

struct epoch_span {
	bool any;
	uint64_t begin, end;
};

static void epoch_meet(struct epoch_span *s, const struct cairn_reader_packet *p)
{
	uint64_t end = p->h.ts_end > p->last_ts ? p->h.ts_end : p->last_ts;

	if (!s->any || p->h.ts_begin < s->begin)
		s->begin = p->h.ts_begin;
	if (!s->any || end > s->end)
		s->end = end;
	s->any = true;
}

static int epoch_visit(struct cairn_image *im,
		       void (*visit)(void *ctx, const struct cairn_reader_packet *p, int64_t epoch),
		       void *ctx)
{
	for (uint32_t i = 0; i < im->nr_streams; i++) {
		struct cairn_walk w;
		if (cairn_walk_init(&w, &im->streams[i], NULL) < 0)
			return -ENOMEM;
		while (cairn_walk_packet(&w))
			if (!w.packet.damaged)
				visit(ctx, &w.packet, cairn_image_epoch(im, w.packet.h.flags));
		cairn_walk_fini(&w);
	}
	return 0;
}

struct epoch_table {
	struct epoch_span *spans;
	int64_t first, last;
	bool any;
};

static void epoch_bounds(void *ctx, const struct cairn_reader_packet *p, int64_t epoch)
{
	struct epoch_table *t = ctx;

	(void)p;
	t->first = !t->any || epoch < t->first ? epoch : t->first;
	t->last = !t->any || epoch > t->last ? epoch : t->last;
	t->any = true;
}

static void epoch_note(void *ctx, const struct cairn_reader_packet *p, int64_t epoch)
{
	struct epoch_table *t = ctx;

	/* a target that runs has gone on since the bounds were found */
	if (epoch >= t->first && epoch <= t->last)
		epoch_meet(&t->spans[epoch - t->first], p);
}

int cairn_epochs_load(struct cairn_image *im)
{
	struct epoch_table t = {0};

	if (im->sb.minor == 0 || im->state.clock_resets == 0)
		return 0;
	int e = epoch_visit(im, epoch_bounds, &t);
	if (e || !t.any || t.first == t.last || t.last - t.first >= EPOCHS_MAX)
		return e;
	uint32_t n = (uint32_t)(t.last - t.first) + 1;
	t.spans = calloc(n, sizeof(*t.spans));
	uint64_t *shifts = calloc(n, sizeof(*shifts));
	e = t.spans && shifts ? epoch_visit(im, epoch_note, &t) : -ENOMEM;
	uint64_t end = 0, shift = 0;
	for (uint32_t i = 0; e == 0 && i < n; i++) {
		const struct epoch_span *s = &t.spans[i];
		if (s->any && s->begin + shift < end)
			shift = end - s->begin;
		shifts[i] = shift;
		if (s->any && s->end + shift > end)
			end = s->end + shift;
	}
	free(t.spans);
	if (e) {
		free(shifts);
		return e;
	}
	im->shifts = shifts;
	im->nr_shifts = n;
	im->first_epoch = t.first;
	return 0;
}
