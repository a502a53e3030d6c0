/* SPDX-License-Identifier: MIT */
/* cairn report: events as text in Linux's layout, losses in their places. */
#define _GNU_SOURCE
#include "verb.h"

#include <stdlib.h>
#include <string.h>

const struct option_row cairn_report_options[] = {
	{'c', true, "cpu", "CPU", "only events of this CPU"},
	{'e', true, "event", "GLOB", "only events that match, `system:name`; repeatable"},
	{'n', true, "last", "N", "only the last N events"},
	{'q', true, "no-header", NULL, "leave the header out"},
	{'v', true, "verbose", NULL, "say more on stderr"},
	{'b', true, "buffer", "NAME", "what is in this buffer; \"all\": in all of them"},
	{'A', false, "all", NULL, "also what was there before the buffer was cleared"},
	{'J', false, "json", NULL, "one JSON object a line"},
	{0, false, NULL, NULL, NULL},
};

#define REPORT_LINE_MAX 32768u

struct report {
	const struct verb *verb;
	struct input in;
	struct files files;
	uint64_t cpu, last;
	bool by_cpu, by_last, header, json;
	const char **globs;
	unsigned nr_globs;
	bool **wanted; /* by image and id; NULL = all */
	char **kept;   /* the last events, a ring; each with the losses before it */
	uint64_t nr_kept;
	char *ahead; /* losses, the next event is to come */
};

static int report_options(struct report *r, int argc, char **argv)
{
	struct args a;
	int o;

	args_init(&a, r->verb, argc, argv);
	r->globs = calloc((size_t)argc + 1, sizeof(*r->globs));
	r->header = true;
	while ((o = args_next(&a)) != ARGS_END) {
		bool ok = true;
		if (o == ARGS_HELP)
			return EXIT_FINE;
		if (o == ARGS_WRONG || !r->globs)
			return EXIT_USAGE;
		if (o == ARGS_OPERAND)
			ok = args_add_file(&a, &r->files);
		else if (o == 'c')
			ok = r->by_cpu = args_number(&a, "CPU", UINT32_MAX, &r->cpu);
		else if (o == 'e')
			r->globs[r->nr_globs++] = a.value;
		else if (o == 'n')
			ok = r->by_last = args_number(&a, "number of events", 100000000, &r->last);
		else if (o == 'q')
			r->header = false;
		else if (input_option(&r->in, o, a.value))
			ok = true;
		else if (o == 'v')
			r->in.want_notes = true;
		else
			r->json = true;
		if (!ok)
			return EXIT_USAGE;
	}
	return args_need_files(&a, &r->files) ? -1 : EXIT_USAGE;
}

/* Mark what one glob means. False if it means nothing, and the nearest was named. */
static bool report_mark(struct report *r, const char *glob)
{
	struct nearest near;
	bool any = false;

	nearest_init(&near, glob);
	for (unsigned i = 0; i < r->in.reader->nr_images; i++) {
		const struct cairn_schema *s = &r->in.reader->images[i].schema;
		for (uint32_t k = 0; k < s->nr_events; k++) {
			const struct cairn_schema_event *e = s->events[k];
			if (glob_matches_event(glob, e))
				any = r->wanted[i][e->id] = true;
			nearest_try(&near, strchr(glob, ':') ? e->full : e->name);
		}
	}
	if (any)
		return true;
	if (near.best)
		say(r->verb, "%s: no event matches `%s`; did you mean `%s`?", r->in.path, glob,
		    near.best);
	else
		say(r->verb, "%s: no event matches `%s`; `cairn info` lists them", r->in.path,
		    glob);
	return false;
}

static uint32_t report_nr_cpus(const struct cairn_reader *r)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < r->nr_images; i++)
		n = r->images[i].nr_cpus > n ? r->images[i].nr_cpus : n;
	return n;
}

static bool report_choose(struct report *r)
{
	unsigned n = r->in.reader->nr_images;
	uint32_t cpus = report_nr_cpus(r->in.reader);

	if (r->by_cpu && r->cpu >= cpus) {
		say(r->verb, "%s: no CPU %llu; the trace has %u, counted from 0", r->in.path,
		    (unsigned long long)r->cpu, cpus);
		return false;
	}
	if (r->nr_globs == 0)
		return true;
	r->wanted = calloc(n, sizeof(*r->wanted));
	for (unsigned i = 0; r->wanted && i < n; i++) {
		r->wanted[i] =
			calloc((size_t)r->in.reader->images[i].schema.max_id + 1, sizeof(bool));
		if (!r->wanted[i])
			return false;
	}
	if (!r->wanted)
		return false;
	for (unsigned i = 0; i < r->nr_globs; i++)
		if (!report_mark(r, r->globs[i]))
			return false;
	return true;
}

static bool report_wants(const struct report *r, const struct cairn_item *it)
{
	if (r->by_cpu && it->stream->cb.cpu != r->cpu)
		return false;
	if (it->kind == CAIRN_ITEM_LOST || !r->wanted)
		return true;
	return it->record.event && r->wanted[it->stream->image->index][it->record.id];
}

/* A finished line: printed, or kept until it is known to be among the last. */
static void report_put(struct report *r, enum cairn_item_kind kind, const char *line)
{
	char *joined;

	if (!r->by_last) {
		fputs(line, stdout);
		return;
	}
	if (r->last == 0 || asprintf(&joined, "%s%s", r->ahead ? r->ahead : "", line) < 0)
		return;
	free(r->ahead);
	r->ahead = kind == CAIRN_ITEM_LOST ? joined : NULL;
	if (kind == CAIRN_ITEM_LOST)
		return;
	char **slot = &r->kept[r->nr_kept++ % r->last];
	free(*slot);
	*slot = joined;
}

static void report_header(const struct survey *s, const struct cairn_reader *r)
{
	printf("# tracer: nop\n#\n# entries-in-buffer/entries-written: %llu/%llu   #P:%u\n#\n"
	       "#                                _-----=> irqs-off/BH-disabled\n"
	       "#                               / _----=> need-resched\n"
	       "#                              | / _---=> hardirq/softirq\n"
	       "#                              || / _--=> preempt-depth\n"
	       "#                              ||| / _-=> migrate-disable\n"
	       "#                              |||| /     delay\n"
	       "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
	       "#              | |         |   |||||     |         |\n",
	       (unsigned long long)(s->total.decoded - s->total.filtered),
	       (unsigned long long)cairn_reader_account_emitted(&s->total), report_nr_cpus(r));
}

/* JSON of one event into memory: the line may have to wait for --last. */
static void report_json(struct report *r, const struct cairn_item *it)
{
	const struct cairn_reader_record *rec = &it->record;
	const struct cairn_image *im = it->stream->image;
	char *line = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&line, &n);

	if (!f)
		return;
	fprintf(f, "{\"region\":%u,\"cpu\":%u,", im->index, it->stream->cb.cpu);
	if (input_reads_all(&r->in)) {
		fprintf(f, "\"buffer\":");
		json_string(f, it->stream->buffer);
		putc(',', f);
	}
	if (it->kind == CAIRN_ITEM_LOST) {
		fprintf(f, "\"lost\":%llu}\n", (unsigned long long)it->lost);
	} else {
		fprintf(f, "\"clock\":%llu,\"time_ns\":%llu,\"pid\":%u,\"comm\":",
			(unsigned long long)rec->ts,
			(unsigned long long)cairn_image_clock_ns(&im->clock, rec->ts),
			rec->task & CAIRN_TASK_PID_MASK);
		json_string(f, rec->event ? cairn_reader_names_get(im->names,
								   rec->task & CAIRN_TASK_PID_MASK)
					  : "<...>");
		fprintf(f, ",\"context\":%u,\"event\":", rec->task >> 24);
		json_string(f, rec->event ? rec->event->full : "unknown");
		fprintf(f, ",\"fields\":{");
		for (uint32_t i = 0; rec->event && i < rec->event->nr_fields; i++) {
			const struct cairn_schema_field *field = &rec->event->fields[i];
			char value[REPORT_LINE_MAX];
			struct cairn_buf t;
			cairn_buf_init(&t, value, sizeof(value));
			cairn_reader_print_field(field, rec->payload, rec->bytes, &t);
			fprintf(f, "%s", i ? "," : "");
			json_string(f, field->name);
			putc(':', f);
			cairn_buf_end(&t);
			if (field->is_char || field->is_pointer ||
			    field->kind != CAIRN_SCHEMA_INT || value[0] == '{' || value[0] == '?')
				json_string(f, value);
			else
				fputs(value, f);
		}
		fprintf(f, "}}\n");
	}
	fclose(f);
	report_put(r, it->kind, line);
	free(line);
}

static void report_text(struct report *r, const struct cairn_item *it)
{
	char line[REPORT_LINE_MAX];
	struct cairn_buf t;

	cairn_buf_init(&t, line, sizeof(line) - 4);
	if (input_reads_all(&r->in)) {
		cairn_buf_put_safe(&t, it->stream->buffer, strlen(it->stream->buffer));
		cairn_buf_put(&t, ": ", 2);
	}
	if (it->kind == CAIRN_ITEM_LOST)
		cairn_buf_printf(&t, "CPU:%u [LOST %llu EVENTS]", it->stream->cb.cpu,
				 (unsigned long long)it->lost);
	else
		cairn_reader_print_line(&it->record, &t);
	snprintf(line + t.used, sizeof(line) - t.used, "%s\n", t.cut ? "..." : "");
	report_put(r, it->kind, line);
}

static bool report_events(struct report *r)
{
	struct cairn_cursor *c = cairn_cursor_open(r->in.reader, NULL);
	struct cairn_item it;

	if (r->by_last)
		r->kept = calloc(r->last + 1, sizeof(*r->kept));
	if (!c || (r->by_last && !r->kept)) {
		say(r->verb, "%s: out of memory", r->in.path);
		cairn_cursor_close(c);
		return false;
	}
	while (cairn_cursor_next(c, &it) > 0 && !ferror(stdout)) {
		if (!report_wants(r, &it))
			continue;
		if (r->json)
			report_json(r, &it);
		else
			report_text(r, &it);
	}
	uint64_t n = r->by_last && r->nr_kept < r->last ? r->nr_kept : r->last;
	for (uint64_t i = 0; r->by_last && i < n; i++)
		fputs(r->kept[(r->nr_kept - n + i) % r->last], stdout);
	if (r->ahead)
		fputs(r->ahead, stdout);
	cairn_cursor_close(c);
	return true;
}

static void report_free(struct report *r)
{
	for (unsigned i = 0; r->wanted && i < r->in.reader->nr_images; i++)
		free(r->wanted[i]);
	for (uint64_t i = 0; r->kept && i < r->last; i++)
		free(r->kept[i]);
	free(r->wanted);
	free(r->ahead);
	free(r->kept);
	free(r->globs);
	free(r->files.names);
}

int cairn_cmd_report(const struct verb *v, int argc, char **argv)
{
	struct report r = {.verb = v};
	struct survey s;
	int status = report_options(&r, argc, argv);

	if (status >= 0 || !input_open_files(&r.in, v, &r.files)) {
		free(r.globs);
		free(r.files.names);
		return status >= 0 ? status : EXIT_DATA;
	}
	if (!report_choose(&r)) {
		report_free(&r);
		input_close(&r.in);
		return EXIT_USAGE;
	}
	bool ok = survey_take(&s, &r.in);
	if (ok) {
		if (r.header && !r.json)
			report_header(&s, r.in.reader);
		ok = report_events(&r);
		survey_say_losses(&s, &r.in);
		survey_free(&s);
	}
	report_free(&r);
	status = input_close(&r.in);
	return ok ? status : EXIT_DATA;
}
