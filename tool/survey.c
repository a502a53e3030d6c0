/* SPDX-License-Identifier: MIT */
/* One visit to every record: exact sums per CPU and event. */
#include "verb.h"

#include <stdlib.h>
#include <string.h>

const char *const cairn_lost_names[CAIRN_NR_LOST] = {
	[CAIRN_LOST_FULL] = "full",           [CAIRN_LOST_WRAP] = "wrapped",
	[CAIRN_LOST_BIG] = "too_big",         [CAIRN_LOST_CLOCK] = "clock",
	[CAIRN_LOST_RECURSION] = "recursion", [CAIRN_LOST_NO_STREAM] = "no_stream",
	[CAIRN_LOST_SWITCH] = "switch",       [CAIRN_LOST_ABANDONED] = "abandoned",
};

const char *const cairn_refused_names[CAIRN_NR_REFUSED] = {
	[CAIRN_REFUSED_FILTER] = "filtered",
	[CAIRN_REFUSED_SAMPLE] = "sampled",
	[CAIRN_REFUSED_BUDGET] = "over_budget",
};

/* The row of a CPU; where all buffers are read, of its part in one of them. */
static struct survey_cpu *survey_cpu(struct survey *s, const struct cairn_image *im, uint32_t cpu,
				     const char *buffer)
{
	for (uint32_t i = 0; i < s->nr_cpus; i++)
		if (s->cpus[i].image == im && s->cpus[i].cpu == cpu &&
		    (!buffer || strcmp(s->cpus[i].buffer, buffer) == 0))
			return &s->cpus[i];
	struct survey_cpu *c = &s->cpus[s->nr_cpus]; /* there is one for each stream */
	c->image = im;
	c->cpu = cpu;
	c->buffer = buffer;
	c->events = calloc(im->schema.nr_events + 1, sizeof(*c->events));
	if (!c->events)
		return NULL;
	s->nr_cpus++;
	return c;
}

/* Place of each id in the schema's order. */
static uint32_t *survey_index(const struct cairn_schema *schema)
{
	uint32_t *index = calloc((size_t)schema->max_id + 1, sizeof(*index));

	for (uint32_t i = 0; index && i < schema->nr_events; i++)
		index[schema->events[i]->id] = i;
	return index;
}

static bool survey_stream(struct survey *s, struct input *in, const struct cairn_image *im,
			  const struct cairn_reader_stream *st, const uint32_t *index)
{
	struct survey_cpu *c =
		survey_cpu(s, im, st->cb.cpu, input_reads_all(in) ? st->buffer : NULL);
	struct cairn_walk w;
	struct cairn_reader_record r;

	if (!c || cairn_walk_init(&w, st, &in->sink) < 0)
		return false;
	while (cairn_walk_next(&w, &r) > 0) {
		if (r.event)
			c->events[index[r.id]]++;
		else
			c->unknown++;
	}
	cairn_walk_fini(&w);
	c->nr_rings++;
	cairn_reader_account_add(&c->account, &w.account);
	cairn_reader_account_add(&s->total, &w.account);
	s->pending_bytes += st->pending_bytes;
	return true;
}

static int survey_compare(const void *a, const void *b)
{
	const struct survey_cpu *x = a, *y = b;

	if (x->image->index != y->image->index)
		return x->image->index < y->image->index ? -1 : 1;
	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return x->buffer && y->buffer ? strcmp(x->buffer, y->buffer) : 0;
}

/* Time from first to last event over all images, on the clock that they share. */
static void survey_span(struct survey *s, const struct cairn_reader *r)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (uint32_t i = 0; i < s->nr_cpus; i++) {
		const struct cairn_reader_account *a = &s->cpus[i].account;
		const struct cairn_image_clock *c = &s->cpus[i].image->clock;
		if (!a->decoded)
			continue;
		bool wall = r->by_wall && r->nr_images > 1;
		uint64_t f = cairn_image_clock_ns(c, a->first_ts),
			 l = cairn_image_clock_ns(c, a->last_ts);
		int64_t from = wall            ? cairn_image_clock_wall_ns(c, a->first_ts)
			       : f > INT64_MAX ? INT64_MAX
					       : (int64_t)f;
		int64_t to = wall            ? cairn_image_clock_wall_ns(c, a->last_ts)
			     : l > INT64_MAX ? INT64_MAX
					     : (int64_t)l;
		first = from < first ? from : first;
		last = to > last ? to : last;
	}
	s->span_ns = last > first ? (uint64_t)last - (uint64_t)first : 0;
}

uint64_t survey_no_stream(const struct cairn_image *im)
{
	uint64_t n = im->state.lost_no_stream, earlier = im->state.earlier_no_stream;

	if (!cairn_image_is_capture(im))
		return n;
	return n > earlier ? n - earlier : 0;
}

/* What the user did not want is no loss; since the target began, whatever the file. */
static void survey_refused(struct survey *s, const struct cairn_image *im)
{
	for (uint32_t i = 0; i < im->schema.nr_events; i++) {
		s->refused[CAIRN_REFUSED_FILTER] += im->schema.events[i]->filtered;
		s->refused[CAIRN_REFUSED_SAMPLE] += im->schema.events[i]->sampled;
		s->refused[CAIRN_REFUSED_BUDGET] += im->schema.events[i]->over_budget;
	}
}

bool survey_take(struct survey *s, struct input *in)
{
	const struct cairn_reader *r = in->reader;
	uint32_t streams = 0;

	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < r->nr_images; i++)
		streams += r->images[i].nr_streams;
	s->cpus = calloc(streams + 1, sizeof(*s->cpus));
	if (!s->cpus) {
		say(in->verb, "%s: out of memory", in->path);
		return false;
	}
	bool ok = true;
	for (unsigned i = 0; i < r->nr_images && ok; i++) {
		const struct cairn_image *im = &r->images[i];
		uint32_t *index = survey_index(&im->schema);
		ok = index != NULL;
		for (uint32_t k = 0; k < im->nr_streams && ok; k++)
			ok = survey_stream(s, in, im, &im->streams[k], index);
		free(index);
		s->lost_no_stream += survey_no_stream(im);
		survey_refused(s, im);
		s->names_dropped += im->state.names_dropped;
		s->metadata_refused += im->state.metadata_refused;
	}
	if (!ok) {
		say(in->verb, "%s: out of memory", in->path);
		survey_free(s);
		return false;
	}
	qsort(s->cpus, s->nr_cpus, sizeof(*s->cpus), survey_compare);
	survey_span(s, r);
	return true;
}

void survey_free(struct survey *s)
{
	for (uint32_t i = 0; s->cpus && i < s->nr_cpus; i++)
		free(s->cpus[i].events);
	free(s->cpus);
}

void survey_losses(const struct survey *s, struct cairn_buf *t)
{
	const struct cairn_reader_account *a = &s->total;
	const char *sep = " (";

	if (a->lost) {
		cairn_buf_printf(t, "%llu lost", (unsigned long long)a->lost);
		for (int i = 0; i < CAIRN_NR_LOST; i++) {
			if (!a->lost_by[i])
				continue;
			cairn_buf_printf(t, "%s%s %llu", sep, cairn_lost_names[i],
					 (unsigned long long)a->lost_by[i]);
			sep = ", ";
		}
		cairn_buf_put(t, ")", 1);
	}
	const struct {
		uint64_t n;
		const char *what;
	} rest[] = {
		{a->overwritten, "overwritten"},
		{a->elsewhere, "in files that were not given"},
		{a->consumed, "taken by a recorder"},
		{a->unreadable, "unreadable"},
		{s->lost_no_stream, "lost without a stream"},
	};
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		if (rest[i].n)
			cairn_buf_printf(t, "%s%llu %s", t->used ? ", " : "",
					 (unsigned long long)rest[i].n, rest[i].what);
}

/* Buffers that have something of their own, but for the one that is read by default; instances repeat what main may have, too. */
static void survey_other_buffers(const struct cairn_image *im, struct cairn_buf *t)
{
	for (uint32_t i = 1; i < im->nr_buffers; i++) {
		char label[80];
		struct cairn_buf name;
		if (im->buffers[i].kind != CAIRN_BUFFER_INSTANCE)
			continue;
		cairn_buf_init(&name, label, sizeof(label));
		cairn_buffer_label(im, &im->buffers[i], &name);
		cairn_buf_end(&name);
		cairn_buf_printf(t, "%s", t->used ? ", " : "");
		cairn_buf_put_safe(t, label, strlen(label));
	}
}

/* Say which buffers there are that were not read. Quiet if the user chose. */
static void survey_say_buffers(const struct input *in)
{
	char names[1024];
	struct cairn_buf t;

	cairn_buf_init(&t, names, sizeof(names));
	for (unsigned i = 0; i < in->reader->nr_images && !in->choice.buffer; i++)
		survey_other_buffers(&in->reader->images[i], &t);
	if (t.used)
		say(in->verb, "%s: buffer main; others, see --buffer: %s", in->path,
		    cairn_buf_end(&t));
}

void survey_say_losses(const struct survey *s, const struct input *in)
{
	char buffer[512];
	struct cairn_buf t;

	survey_say_buffers(in);

	cairn_buf_init(&t, buffer, sizeof(buffer));
	survey_losses(s, &t);
	if (t.used)
		say(in->verb, "%s: %llu events; %s", in->path,
		    (unsigned long long)(s->total.decoded - s->total.filtered), cairn_buf_end(&t));
}
