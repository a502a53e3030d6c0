/* SPDX-License-Identifier: MIT */
/* cairn stat: how many of which, how fast, and what is missing. */
#include "verb.h"

#include <stdlib.h>
#include <string.h>

const struct option_row cairn_stat_options[] = {
	{'b', true, "buffer", "NAME", "what is in this buffer; \"all\": in all of them"},
	{'A', false, "all", NULL, "also what was there before the buffer was cleared"},
	{'J', false, "json", NULL, "the same as JSON"},
	{0, false, NULL, NULL, NULL},
};

struct stat_row {
	const char *name;
	uint64_t n;
};

static int stat_by_name(const void *a, const void *b)
{
	const struct stat_row *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int stat_by_count(const void *a, const void *b)
{
	const struct stat_row *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return strcmp(x->name, y->name);
}

/*
 * Counts per event name over all regions and CPUs, most frequent first; only those that happened.
 */
static struct stat_row *stat_rows(const struct survey *s, size_t *out)
{
	size_t room = 1, n = 0, kept = 0;

	for (uint32_t i = 0; i < s->nr_cpus; i++)
		room += s->cpus[i].image->schema.nr_events;
	struct stat_row *rows = calloc(room, sizeof(*rows));
	if (!rows)
		return NULL;
	for (uint32_t i = 0; i < s->nr_cpus; i++)
		for (uint32_t k = 0; k < s->cpus[i].image->schema.nr_events; k++)
			if (s->cpus[i].events[k])
				rows[n++] =
					(struct stat_row){s->cpus[i].image->schema.events[k]->full,
							  s->cpus[i].events[k]};
	qsort(rows, n, sizeof(*rows), stat_by_name);
	for (size_t i = 0; i < n; i++) {
		if (kept && strcmp(rows[kept - 1].name, rows[i].name) == 0)
			rows[kept - 1].n += rows[i].n;
		else
			rows[kept++] = rows[i];
	}
	qsort(rows, kept, sizeof(*rows), stat_by_count);
	*out = kept;
	return rows;
}

/* Events per second, rounded down. */
static unsigned long long stat_rate(uint64_t n, uint64_t span_ns)
{
	return span_ns ? (unsigned long long)((unsigned __int128)n * 1000000000u / span_ns) : 0;
}

static void stat_text(const struct survey *s, const struct stat_row *rows, size_t n)
{
	uint64_t span = s->span_ns;

	printf("%12s %12s  event\n", "count", "per second");
	for (size_t i = 0; i < n; i++) {
		char name[256];
		struct cairn_buf t;
		cairn_buf_init(&t, name, sizeof(name));
		cairn_buf_put_safe(&t, rows[i].name, strlen(rows[i].name));
		printf("%12llu %12llu  %s\n", (unsigned long long)rows[i].n,
		       stat_rate(rows[i].n, span), cairn_buf_end(&t));
	}
	printf("\n%6s %12s %12s %12s %12s %12s %14s\n", "CPU", "decoded", "lost", "overwritten",
	       "emitted", "per second", "bytes");
	for (uint32_t i = 0; i < s->nr_cpus; i++) {
		const struct survey_cpu *c = &s->cpus[i];
		const struct cairn_reader_account *a = &c->account;
		char label[128];
		struct cairn_buf t;
		cairn_buf_init(&t, label, sizeof(label));
		if (c->image->index)
			cairn_buf_printf(&t, "%u/", c->image->index);
		cairn_buf_printf(&t, "%u", c->cpu);
		if (c->buffer) {
			cairn_buf_put(&t, " ", 1);
			cairn_buf_put_safe(&t, c->buffer, strlen(c->buffer));
		}
		cairn_buf_end(&t);
		printf("%6s %12llu %12llu %12llu %12llu %12llu %14llu\n", label,
		       (unsigned long long)a->decoded, (unsigned long long)a->lost,
		       (unsigned long long)a->overwritten,
		       (unsigned long long)cairn_reader_account_emitted(a),
		       stat_rate(a->decoded, span), (unsigned long long)a->bytes);
	}
	const struct cairn_reader_account *a = &s->total;
	printf("%6s %12llu %12llu %12llu %12llu %12llu %14llu\n", "all",
	       (unsigned long long)a->decoded, (unsigned long long)a->lost,
	       (unsigned long long)a->overwritten,
	       (unsigned long long)cairn_reader_account_emitted(a), stat_rate(a->decoded, span),
	       (unsigned long long)a->bytes);
	printf("\nspan %llu.%06llu s\n", (unsigned long long)(span / 1000000000u),
	       (unsigned long long)(span / 1000 % 1000000));
	for (int i = 0; i < CAIRN_NR_LOST; i++)
		if (a->lost_by[i])
			printf("lost, %s: %llu\n", cairn_lost_names[i],
			       (unsigned long long)a->lost_by[i]);
	if (s->lost_no_stream)
		printf("lost without a stream: %llu\n", (unsigned long long)s->lost_no_stream);
	if (a->unreadable)
		printf("unreadable: %llu\n", (unsigned long long)a->unreadable);
	if (a->consumed)
		printf("taken by a recorder: %llu\n", (unsigned long long)a->consumed);
	if (a->elsewhere)
		printf("in files that were not given: %llu\n", (unsigned long long)a->elsewhere);
	for (int i = 0; i < CAIRN_NR_REFUSED; i++)
		if (s->refused[i])
			printf("not wanted, %s: %llu\n", cairn_refused_names[i],
			       (unsigned long long)s->refused[i]);
	if (a->filtered)
		printf("rejected by a filter after the record was begun: %llu\n",
		       (unsigned long long)a->filtered);
}

static void stat_json(const struct input *in, const struct survey *s, const struct stat_row *rows,
		      size_t n)
{
	printf("{\"file\":");
	json_string(stdout, in->path);
	printf(",\"span_ns\":%llu,\n", (unsigned long long)s->span_ns);
	json_cpus(stdout, s);
	printf(",\n\"events\":[");
	for (size_t i = 0; i < n; i++) {
		printf("%s\n{\"name\":", i ? "," : "");
		json_string(stdout, rows[i].name);
		printf(",\"count\":%llu,\"per_second\":%llu}", (unsigned long long)rows[i].n,
		       stat_rate(rows[i].n, s->span_ns));
	}
	printf("]");
	json_total(in, s);
}

static bool stat_show(struct input *in, const struct survey *s)
{
	size_t n = 0;
	struct stat_row *rows = stat_rows(s, &n);

	if (!rows) {
		say(in->verb, "%s: out of memory", in->path);
		return false;
	}
	if (in->set & args_switch('J'))
		stat_json(in, s, rows, n);
	else
		stat_text(s, rows, n);
	free(rows);
	survey_say_losses(s, in);
	return true;
}

int cairn_cmd_stat(const struct verb *v, int argc, char **argv)
{
	struct input in = {0};
	struct files files = {0};
	int status = args_input(v, argc, argv, &files, &in);

	if (status < 0)
		status = input_survey(&in, v, &files, stat_show);
	free(files.names);
	return status;
}
