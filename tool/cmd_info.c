/* SPDX-License-Identifier: MIT */
/* cairn info: what a file is. */
#include "verb.h"

#include <stdlib.h>
#include <string.h>

const struct option_row cairn_info_options[] = {
	{'v', true, "verbose", NULL, "list every event and every name"},
	{'b', true, "buffer", "NAME", "what is in this buffer; \"all\": in all of them"},
	{'A', false, "all", NULL, "also what was there before the buffer was cleared"},
	{'J', false, "json", NULL, "the same as JSON"},
	{0, false, NULL, NULL, NULL},
};

static const char *info_arch(uint32_t arch)
{
	return arch == CAIRN_ARCH_X86_64    ? "x86_64"
	       : arch == CAIRN_ARCH_AARCH64 ? "aarch64"
	       : arch == CAIRN_ARCH_RISCV64 ? "riscv64"
					    : "unknown";
}

static const char *info_kind(const struct cairn_image *im)
{
	if (cairn_image_is_capture(im))
		return "capture";
	return im->sb.flags & CAIRN_SB_USER ? "region of a program" : "region of a kernel";
}

/* Name or build id, which the target chose, safe for a terminal. */
static const char *info_safe(const char *s, char *buffer, size_t n)
{
	struct cairn_buf t;

	cairn_buf_init(&t, buffer, n);
	cairn_buf_put_safe(&t, s, strlen(s));
	return cairn_buf_end(&t);
}

static void info_clock(const struct cairn_image *im)
{
	const struct cairn_image_clock *c = &im->clock;

	printf("  clock      %llu Hz%s, %u bits%s%s", (unsigned long long)c->hz,
	       c->guessed ? " (a guess)" : "", im->sb.clock_bits,
	       im->sb.flags & CAIRN_SB_CLOCK_LOCAL ? ", one for each CPU, not synchronized" : "",
	       im->state.clock_hz ? ", set while running" : "");
	if (c->wall_base_ns)
		printf(", Unix time %llu.%09llu at %llu",
		       (unsigned long long)(c->wall_base_ns / 1000000000u),
		       (unsigned long long)(c->wall_base_ns % 1000000000u),
		       (unsigned long long)c->base);
	printf("\n");
	if (im->state.clock_resets)
		printf("  clock restarted %u times\n", im->state.clock_resets);
}

/* What a control block is doing; empty for one that is simply used. */
static const char *info_block_state(const struct cairn_reader_stream *b)
{
	if (cairn_image_is_capture(b->image))
		return "";
	if (b->cb.state == CAIRN_RING_FROZEN || b->retired)
		return b->cb.then == CAIRN_BUFFER_NONE ? "given up" : "set aside";
	return b->cb.successor ? "asked to go on elsewhere" : "";
}

/* Name of the buffer that holds what is in a block. */
static const char *info_block_buffer(const struct cairn_image *im,
				     const struct cairn_reader_stream *b, char *out, size_t n)
{
	struct cairn_buf t;

	cairn_buf_init(&t, out, n);
	for (uint32_t i = 0; i < im->nr_buffers && !t.used; i++)
		if (cairn_block_is_of(im, b, i))
			cairn_buffer_label(im, i ? &im->buffers[i] : NULL, &t);
	if (!t.used)
		cairn_buf_printf(&t, "%s", im->nr_buffers ? "none" : "main");
	return cairn_buf_end(&t);
}

static void info_rings(const struct cairn_image *im)
{
	for (uint32_t i = 0; i < im->nr_blocks; i++) {
		const struct cairn_reader_stream *st = &im->blocks[i];
		char label[80], name[330];
		const char *state = info_block_state(st);
		printf("  ring %-5u CPU %u, %llu bytes: %llu packets of %u, %s%s%s%s%s", st->index,
		       st->cb.cpu, (unsigned long long)st->nr_slots * st->packet_bytes,
		       (unsigned long long)st->nr_slots, st->packet_bytes,
		       st->cb.mode == CAIRN_DISCARD ? "keeps the oldest" : "keeps the newest",
		       st->cb.enabled || *state ? "" : ", off",
		       st->end_seq ? "" : ", nothing written",
		       st->pending_bytes ? ", has pending records" : "", *state ? ", " : "");
		printf("%s", state);
		if (im->nr_buffers > 1)
			printf("; buffer %s",
			       info_safe(info_block_buffer(im, st, label, sizeof(label)), name,
					 sizeof(name)));
		printf("%s\n", st->cb.cleared && !cairn_image_is_capture(im) ? "; cleared" : "");
	}
}

static void info_buffers(const struct cairn_image *im)
{
	for (uint32_t i = 0; i < im->nr_buffers && im->nr_buffers > 1; i++) {
		const struct cairn_buffer_row *row = &im->buffers[i];
		char label[80], name[330];
		struct cairn_buf t;
		if (row->kind == CAIRN_BUFFER_UNUSED || row->kind > CAIRN_BUFFER_SNAPSHOT)
			continue;
		cairn_buf_init(&t, label, sizeof(label));
		cairn_buffer_label(im, i ? row : NULL, &t);
		printf("  buffer %-3u %s, %llu bytes for each CPU, %s%s", i,
		       info_safe(cairn_buf_end(&t), name, sizeof(name)),
		       (unsigned long long)row->ring_bytes,
		       row->mode == CAIRN_DISCARD ? "keeps the oldest" : "keeps the newest",
		       row->paused ? ", off" : "");
		if (row->kind == CAIRN_BUFFER_SNAPSHOT)
			printf(", taken at %llu", (unsigned long long)row->taken_at);
		printf("\n");
	}
}

static void info_events(const struct cairn_image *im, const struct survey *s, bool all)
{
	uint32_t on = 0, known = 0;

	for (uint32_t i = 0; i < im->schema.nr_events; i++) {
		on += im->schema.events[i]->has_entry && im->schema.events[i]->gate;
		known += im->schema.events[i]->has_entry;
	}
	printf("  events     %u", im->schema.nr_events);
	if (known)
		printf(", %u of them enabled", on);
	if (im->state.metadata_refused)
		printf("; %u refused for want of room in the metadata", im->state.metadata_refused);
	printf("\n");
	for (uint32_t i = 0; all && i < im->schema.nr_events; i++) {
		const struct cairn_schema_event *e = im->schema.events[i];
		uint64_t n = 0;
		char name[256];
		for (uint32_t k = 0; k < s->nr_cpus; k++)
			n += s->cpus[k].image == im ? s->cpus[k].events[i] : 0;
		printf("    %5u %-3s %10llu  %s\n", e->id,
		       e->has_entry ? e->gate ? "on" : "off" : "", (unsigned long long)n,
		       info_safe(e->full, name, sizeof(name)));
	}
}

static void info_names(const struct cairn_image *im, bool all)
{
	const struct cairn_name *row;
	uint32_t n = 0;

	while (cairn_reader_names_row(im->names, n, &row))
		n++;
	printf("  names      %u%s\n", n, im->state.names_dropped ? ", some were not stored" : "");
	for (uint32_t i = 0; all && cairn_reader_names_row(im->names, i, &row); i++) {
		char comm[CAIRN_COMM_BYTES * 4 + 1];
		printf("    %7u %7u  %s\n", row->pid, row->tgid,
		       info_safe(row->comm, comm, sizeof(comm)));
	}
}

static void info_account(const struct cairn_reader_account *a)
{
	printf("%llu emitted = %llu decoded + %llu lost + %llu overwritten",
	       (unsigned long long)cairn_reader_account_emitted(a), (unsigned long long)a->decoded,
	       (unsigned long long)a->lost, (unsigned long long)a->overwritten);
	if (a->unreadable)
		printf(" + %llu unreadable", (unsigned long long)a->unreadable);
	if (a->consumed)
		printf(" + %llu taken by a recorder", (unsigned long long)a->consumed);
	if (a->filtered)
		printf(" (%llu of the decoded were rejected by a filter)",
		       (unsigned long long)a->filtered);
	const char *sep = "; lost: ";
	for (int i = 0; i < CAIRN_NR_LOST; i++)
		if (a->lost_by[i]) {
			printf("%s%s %llu", sep, cairn_lost_names[i],
			       (unsigned long long)a->lost_by[i]);
			sep = ", ";
		}
	printf("\n");
}

/* Events that nobody wanted: no losses. */
static void info_refused(const struct cairn_image *im, bool all)
{
	uint64_t filtered = 0, sampled = 0, budget = 0;

	for (uint32_t i = 0; i < im->schema.nr_events; i++) {
		const struct cairn_schema_event *e = im->schema.events[i];
		filtered += e->filtered;
		sampled += e->sampled;
		budget += e->over_budget;
	}
	if (filtered || sampled || budget || all)
		printf("  refused    %llu by a filter, %llu by sampling, %llu over budget: no losses\n",
		       (unsigned long long)filtered, (unsigned long long)sampled,
		       (unsigned long long)budget);
}

/* A file of a recording that was cut says what those before it hold. */
static void info_continues(const struct cairn_image *im)
{
	uint64_t events = 0;

	for (uint32_t i = 0; i < im->nr_streams && cairn_image_is_capture(im); i++) {
		const struct cairn_reader_stream *st = &im->streams[i];
		const struct cairn_reader_stream *first = st->nr_places ? cairn_reader_stream_place(st, 0).part : st;
		events += first->cb.earlier_events;
	}
	if (events)
		printf("  continues  behind %llu events of earlier files\n",
		       (unsigned long long)events);
}

static void info_region(const struct cairn_image *im, const struct survey *s, bool all)
{
	char name[256], id[256], uuid[37];

	uuid_text(im->sb.uuid, uuid);
	printf("%s at 0x%llx, %llu bytes%s: %s\n", info_kind(im), (unsigned long long)im->base,
	       (unsigned long long)im->bytes, im->cut ? ", cut" : "",
	       info_safe(im->sb.name, name, sizeof(name)));
	printf("  format     %u.%u, %s\n", im->sb.major, im->sb.minor, info_arch(im->sb.arch));
	printf("  uuid       %s%s\n", uuid, im->sb.flags & CAIRN_SB_WEAK_UUID ? " (weak)" : "");
	printf("  boot       %016llx\n", (unsigned long long)im->sb.boot_nonce);
	if (cairn_image_is_capture(im)) {
		uuid_text(im->sb.capture_uuid, uuid);
		printf("  capture    %s%s\n", uuid, im->sb.region_bytes ? "" : ", never finished");
	}
	info_continues(im);
	if (im->sb.build_id[0])
		printf("  build      %s\n", info_safe(im->sb.build_id, id, sizeof(id)));
	if (im->sb.flags & CAIRN_SB_USER)
		printf("  process    %u, started at %llu ticks\n", im->sb.pid,
		       (unsigned long long)im->sb.start_time);
	info_clock(im);
	printf("  state      %s%s\n",
	       im->state.flags & CAIRN_STATE_STOPPED ? "stopped" : "not stopped",
	       im->state.flags & CAIRN_STATE_PAUSED ? ", paused" : "");
	if (im->state.frozen_at) {
		uint64_t at = cairn_image_clock_ns(&im->clock, im->state.frozen_at);
		printf("  frozen     at %llu.%06llu\n", (unsigned long long)(at / 1000000000u),
		       (unsigned long long)(at / 1000 % 1000000));
	}
	if (im->state.work_pending_since) {
		uint64_t since = cairn_image_clock_ns(&im->clock, im->state.work_pending_since);
		printf("  work       pending since %llu.%06llu\n",
		       (unsigned long long)(since / 1000000000u),
		       (unsigned long long)(since / 1000 % 1000000));
	}
	info_buffers(im);
	info_rings(im);
	info_events(im, s, all);
	info_names(im, all);
	for (uint32_t i = 0; i < s->nr_cpus; i++)
		if (s->cpus[i].image == im) {
			char label[330];
			printf("  CPU %-6u ", s->cpus[i].cpu);
			if (s->cpus[i].buffer)
				printf("%s: ", info_safe(s->cpus[i].buffer, label, sizeof(label)));
			info_account(&s->cpus[i].account);
		}
	if (im->state.lost_no_stream)
		printf("  no stream  %llu events lost without a ring\n",
		       (unsigned long long)im->state.lost_no_stream);
	info_refused(im, all);
}

static void info_json_region(const struct cairn_image *im)
{
	char uuid[37];

	uuid_text(im->sb.uuid, uuid);
	printf("{\"kind\":\"%s\",\"offset\":%llu,\"bytes\":%llu,\"cut\":%s,\"name\":",
	       cairn_image_is_capture(im) ? "capture" : "region", (unsigned long long)im->base,
	       (unsigned long long)im->bytes, im->cut ? "true" : "false");
	json_string(stdout, im->sb.name);
	printf(",\"user\":%s,\"pid\":%u,\"start_time\":%llu,\"uuid\":\"%s\",\"boot_nonce\":\"%016llx\",\"format\":\"%u.%u\",\"arch\":\"%s\",",
	       im->sb.flags & CAIRN_SB_USER ? "true" : "false", im->sb.pid,
	       (unsigned long long)im->sb.start_time, uuid, (unsigned long long)im->sb.boot_nonce,
	       im->sb.major, im->sb.minor, info_arch(im->sb.arch));
	printf("\"build_id\":");
	json_string(stdout, im->sb.build_id);
	printf(",\"clock_hz\":%llu,\"clock_base\":%llu,\"wall_base_ns\":%llu,\"stopped\":%s,\"paused\":%s,\"frozen_at\":%llu,"
	       "\"clock_resets\":%u,\"packet_bytes\":%u,"
	       "\"lost_no_stream\":%llu,\"metadata_refused\":%u,\"rings\":[",
	       (unsigned long long)im->clock.hz, (unsigned long long)im->clock.base,
	       (unsigned long long)im->clock.wall_base_ns,
	       im->state.flags & CAIRN_STATE_STOPPED ? "true" : "false",
	       im->state.flags & CAIRN_STATE_PAUSED ? "true" : "false",
	       (unsigned long long)im->state.frozen_at, im->state.clock_resets, im->sb.packet_bytes,
	       (unsigned long long)im->state.lost_no_stream, im->state.metadata_refused);
	for (uint32_t i = 0; i < im->nr_blocks; i++) {
		const struct cairn_reader_stream *st = &im->blocks[i];
		char label[80];
		printf("%s{\"index\":%u,\"cpu\":%u,\"stream\":%u,\"buffer\":%u,\"buffer_name\":",
		       i ? "," : "", st->index, st->cb.cpu, st->number, st->cb.buffer);
		json_string(stdout, info_block_buffer(im, st, label, sizeof(label)));
		printf(",\"bytes\":%llu,\"packets\":%llu,\"mode\":\"%s\",\"state\":\"%s\",\"pending_bytes\":%llu}",
		       (unsigned long long)st->nr_slots * st->packet_bytes,
		       (unsigned long long)st->nr_slots,
		       st->cb.mode == CAIRN_DISCARD ? "discard" : "overwrite", info_block_state(st),
		       (unsigned long long)st->pending_bytes);
	}
	printf("],\"buffers\":[");
	bool any = false;
	for (uint32_t i = 0; i < im->nr_buffers; i++) {
		const struct cairn_buffer_row *row = &im->buffers[i];
		static const char *const kinds[] = {"unused", "main", "instance", "snapshot"};
		char label[80];
		struct cairn_buf t;
		if (row->kind == CAIRN_BUFFER_UNUSED || row->kind > CAIRN_BUFFER_SNAPSHOT)
			continue;
		cairn_buf_init(&t, label, sizeof(label));
		cairn_buffer_label(im, i ? row : NULL, &t);
		printf("%s{\"number\":%u,\"name\":", any ? "," : "", i);
		json_string(stdout, cairn_buf_end(&t));
		printf(",\"kind\":\"%s\",\"mode\":\"%s\",\"ring_bytes\":%llu,\"paused\":%s,\"taken_at\":%llu}",
		       kinds[row->kind], row->mode == CAIRN_DISCARD ? "discard" : "overwrite",
		       (unsigned long long)row->ring_bytes, row->paused ? "true" : "false",
		       (unsigned long long)row->taken_at);
		any = true;
	}
	printf("],\"events\":[");
	for (uint32_t i = 0; i < im->schema.nr_events; i++) {
		const struct cairn_schema_event *e = im->schema.events[i];
		printf("%s{\"id\":%u,\"name\":", i ? "," : "", e->id);
		json_string(stdout, e->full);
		printf(",\"enabled\":%s}", e->has_entry && e->gate ? "true" : "false");
	}
	printf("]}");
}

static void info_json(const struct input *in, const struct survey *s)
{
	printf("{\"file\":");
	json_string(stdout, in->path);
	printf(",\"bytes\":%llu,\"regions\":[", (unsigned long long)cairn_reader_bytes(in->reader));
	for (unsigned i = 0; i < in->reader->nr_images; i++) {
		printf("%s\n", i ? "," : "");
		info_json_region(&in->reader->images[i]);
	}
	printf("],\n");
	json_cpus(stdout, s);
	json_total(in, s);
}

static bool info_show(struct input *in, const struct survey *s)
{
	if (in->set & args_switch('J')) {
		info_json(in, s);
	} else {
		print_safe(stdout, in->path);
		printf(": %llu bytes, %u region%s\n",
		       (unsigned long long)cairn_reader_bytes(in->reader), in->reader->nr_images,
		       in->reader->nr_images == 1 ? "" : "s");
		for (unsigned i = 0; i < in->reader->nr_images; i++)
			info_region(&in->reader->images[i], s, in->want_notes);
		if (s->nr_cpus > 1) {
			printf("all          ");
			info_account(&s->total);
		}
	}
	survey_say_losses(s, in);
	return true;
}

int cairn_cmd_info(const struct verb *v, int argc, char **argv)
{
	struct input in = {0};
	struct files files = {0};
	int status = args_input(v, argc, argv, &files, &in);

	in.want_notes = in.set & args_switch('v');
	if (status < 0)
		status = input_survey(&in, v, &files, info_show);
	free(files.names);
	return status;
}
