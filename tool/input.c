/* SPDX-License-Identifier: MIT */
/* What a verb reads: files as one trace, and what is wrong with them, told as it is found. */
#define _GNU_SOURCE
#include "verb.h"

#include <stdlib.h>
#include <string.h>

void say_fault(const struct verb *v, const char *path, bool several, const struct cairn_fault *f)
{
	char where[160];
	struct cairn_buf t;

	cairn_buf_init(&t, where, sizeof(where));
	if (several && f->image >= 0)
		cairn_buf_printf(&t, "region %d", f->image);
	if (f->ring >= 0)
		cairn_buf_printf(&t, "%sring %lld", t.used ? " " : "", (long long)f->ring);
	if (f->packet >= 0)
		cairn_buf_printf(&t, "%spacket %lld", t.used ? " " : "", (long long)f->packet);
	if (t.used)
		cairn_buf_put(&t, ": ", 2);
	if (f->offset != CAIRN_NO_OFFSET)
		cairn_buf_printf(&t, "offset 0x%llx: ", (unsigned long long)f->offset);
	say(v, "%s: %s%s%s%s%s", f->path ? f->path : path, cairn_buf_end(&t),
	    f->kind == CAIRN_FAULT_NOTE ? "note: " : "", f->what, *f->kept ? "; " : "", f->kept);
}

static void input_say(void *ctx, const struct cairn_fault *f)
{
	struct input *in = ctx;
	bool several = in->reader ? in->reader->nr_images > 1 : f->image > 0;

	if (f->kind == CAIRN_FAULT_NOTE) {
		in->notes++;
		if (in->want_notes)
			say_fault(in->verb, in->path, several, f);
		return;
	}
	if (in->damages++ < in->limit) {
		in->told++;
		say_fault(in->verb, in->path, several, f);
	}
}

bool input_option(struct input *in, int letter, const char *value)
{
	if (letter == 'b')
		in->choice.buffer = value;
	else if (letter == 'A')
		in->choice.behind_mark = true;
	else
		return false;
	return true;
}

bool input_open_files(struct input *in, const struct verb *v, const struct files *files)
{
	struct cairn_fault why;

	in->verb = v;
	in->path = files->names[0];
	if (files->n > 1) {
		if (asprintf(&in->label, "%s and %u more", files->names[0], files->n - 1) < 0)
			in->label = NULL;
		in->path = in->label ? in->label : in->path;
	}
	in->sink = (struct cairn_sink){input_say, in};
	if (!in->limit)
		in->limit = 5;
	if (cairn_reader_open_chosen(&in->reader, files->names, files->n, &in->choice, &in->sink,
				     &why) == 0)
		return true;
	in->reader = NULL;
	why.path = NULL;
	say_fault(v, in->path, false, &why);
	free(in->label);
	return false;
}

bool input_open(struct input *in, const struct verb *v, const char *path)
{
	const struct files one = {&path, 1};

	return input_open_files(in, v, &one);
}

int input_close(struct input *in)
{
	if (in->damages > in->told)
		say(in->verb, "%s: %llu more faults; `cairn check` lists them", in->path,
		    (unsigned long long)(in->damages - in->told));
	cairn_reader_close(in->reader);
	free(in->label);
	return in->damages ? EXIT_DATA : EXIT_FINE;
}

int input_survey(struct input *in, const struct verb *v, const struct files *files,
		 bool (*show)(struct input *in, const struct survey *s))
{
	struct survey s;

	if (!input_open_files(in, v, files))
		return EXIT_DATA;
	bool ok = survey_take(&s, in);
	if (ok) {
		ok = show(in, &s);
		survey_free(&s);
	}
	int status = input_close(in);
	return ok ? status : EXIT_DATA;
}
