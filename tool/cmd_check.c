/* SPDX-License-Identifier: MIT */
/*
 * cairn check: every rule of the format on every packet. What a crash leaves behind by design is
 * told, and is no fault.
 */
#include "verb.h"

#include <stdlib.h>

const struct option_row cairn_check_options[] = {
	{'q', true, "quiet", NULL, "only the exit status and faults"},
	{'b', true, "buffer", "NAME", "what is in this buffer; \"all\": in all of them"},
	{'A', false, "all", NULL, "also what was there before the buffer was cleared"},
	{'J', false, "json", NULL, "the summary as JSON"},
	{0, false, NULL, NULL, NULL},
};

static void check_summary(const struct input *in, const struct survey *s)
{
	char losses[512], torn[256];
	struct cairn_buf t, u;
	uint32_t rings = 0;

	for (uint32_t i = 0; i < s->nr_cpus; i++)
		rings += s->cpus[i].nr_rings;
	cairn_buf_init(&t, losses, sizeof(losses));
	survey_losses(s, &t);
	cairn_buf_init(&u, torn, sizeof(torn));
	if (s->pending_bytes)
		cairn_buf_printf(&u, "; %llu bytes begun and never committed",
				 (unsigned long long)s->pending_bytes);
	if (s->total.torn)
		cairn_buf_printf(&u, "; %llu packets being reopened or never used",
				 (unsigned long long)s->total.torn);
	print_safe(stdout, in->path);
	printf(": %s: %u regions, %u rings, %llu packets, %llu events%s%s%s\n",
	       in->damages ? "damaged" : "fine", in->reader->nr_images, rings,
	       (unsigned long long)s->total.packets,
	       (unsigned long long)(s->total.decoded - s->total.filtered), t.used ? "; " : "",
	       cairn_buf_end(&t), cairn_buf_end(&u));
}

static void check_json(const struct input *in, const struct survey *s)
{
	printf("{\"file\":");
	json_string(stdout, in->path);
	printf(",\"fine\":%s,\"faults\":%llu,\"notes\":%llu,\"regions\":%u,",
	       in->damages ? "false" : "true", (unsigned long long)in->damages,
	       (unsigned long long)in->notes, in->reader->nr_images);
	json_account(stdout, &s->total);
	printf(",\"pending_bytes\":%llu,\"torn\":%llu}\n", (unsigned long long)s->pending_bytes,
	       (unsigned long long)s->total.torn);
}

static bool check_show(struct input *in, const struct survey *s)
{
	if (in->set & args_switch('J'))
		check_json(in, s);
	else if (!(in->set & args_switch('q')))
		check_summary(in, s);
	return true;
}

int cairn_cmd_check(const struct verb *v, int argc, char **argv)
{
	struct input in = {.limit = 1000};
	struct files files = {0};
	int status = args_input(v, argc, argv, &files, &in);

	in.want_notes = !(in.set & args_switch('q'));
	if (status < 0)
		status = input_survey(&in, v, &files, check_show);
	free(files.names);
	return status;
}
