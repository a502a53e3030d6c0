/* SPDX-License-Identifier: MIT */
/*
 * cairn convert --to ctf: packets are CTF already, so this copies them. What it changes: the header
 * of a packet that was open or damaged (sizes, end), the losses after the last close (added to the
 * last packet, where CTF readers look for them), records that a filter rejected (taken out), and
 * the clock in the metadata when a better one became known.
 */
#define _GNU_SOURCE
#include "verb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct option_row cairn_convert_options[] = {
	{'t', true, "to", "FORMAT", "ctf"},
	{'b', true, "buffer", "NAME", "what is in this buffer; \"all\": in all of them"},
	{'A', false, "all", NULL, "also what was there before the buffer was cleared"},
	{'o', true, "output", "DIR", "where to; replaced if it is a CTF trace of Cairn's"},
	{0, false, NULL, NULL, NULL},
};

#define CONVERT_PATH_MAX 4096

struct convert {
	const struct verb *verb;
	struct input in;
	const char *file, *format, *out;
	char clean[CONVERT_PATH_MAX - 16]; /* `out` without slashes behind it */
	char temp[CONVERT_PATH_MAX];
	uint64_t events, packets;
	struct survey missing; /* its losses only */
};

/* Regular files of ours: metadata and ring-N. Directories of several regions: region-N. */
static bool convert_is_ours(const char *name)
{
	const char *digits = strncmp(name, "ring-", 5) == 0     ? name + 5
			     : strncmp(name, "region-", 7) == 0 ? name + 7
								: "";

	return strcmp(name, "metadata") == 0 ||
	       (*digits && strspn(digits, "0123456789") == strlen(digits));
}

/*
 * Remove a directory that holds nothing but our files; with `try` only look. `depth` 1 allows
 * region-N below.
 */
static bool convert_remove(int parent, const char *name, int depth, bool try)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool ok = true, metadata = false, any = false;
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (ok && (e = readdir(d))) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		any = true;
		if (!convert_is_ours(e->d_name) ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			ok = false;
		else if (S_ISDIR(st.st_mode))
			ok = depth > 0 && convert_remove(fd, e->d_name, depth - 1, try),
			metadata |= ok;
		else
			ok = S_ISREG(st.st_mode) && (try || unlinkat(fd, e->d_name, 0) == 0),
			metadata |= e->d_name[0] == 'm';
	}
	closedir(d);
	/* looked at, it must hold a metadata file; being removed, it may be half gone already */
	ok = ok && (!try || metadata || !any);
	return ok && (try || unlinkat(parent, name, AT_REMOVEDIR) == 0);
}

static volatile sig_atomic_t convert_signal;

static void convert_on_signal(int number)
{
	convert_signal = number;
}

/* An interrupted conversion takes away what it has written. */
static void convert_catch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction a, old;

	memset(&a, 0, sizeof(a));
	a.sa_handler = convert_on_signal;
	a.sa_flags = SA_RESTART;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &a, NULL);
}

static bool convert_fail(const struct convert *c, const char *path, int e)
{
	say(c->verb, "%s: %s", path, strerror(e));
	return false;
}

static FILE *convert_create(const struct convert *c, const char *dir, const char *name,
			    char path[CONVERT_PATH_MAX])
{
	FILE *f = NULL;
	int fd = -1;

	if (snprintf(path, CONVERT_PATH_MAX, "%s/%s", dir, name) < CONVERT_PATH_MAX)
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		f = fdopen(fd, "w");
	if (!f)
		convert_fail(c, path, errno);
	return f;
}

static bool convert_close(const struct convert *c, FILE *f, const char *path)
{
	bool failed = ferror(f);

	if (fclose(f) != 0 || failed)
		return convert_fail(c, path, errno ? errno : EIO);
	return true;
}

/* Offsets of CTF's clock block that make its values Unix time. */
static void convert_clock_offset(const struct cairn_image_clock *k, uint64_t *seconds,
				 uint64_t *ticks)
{
	__int128 ns = (__int128)k->wall_base_ns - (__int128)k->base * 1000000000u / k->hz;

	*seconds = *ticks = 0;
	if (k->wall_base_ns == 0 || ns < 0)
		return;
	*seconds = (uint64_t)(ns / 1000000000u);
	*ticks = (uint64_t)((unsigned __int128)(ns % 1000000000u) * k->hz / 1000000000u);
}

/* Which of the clock block's numbers the statement at `word` sets, or -1. */
static int convert_clock_key(const char *word, const char *end)
{
	static const char *const keys[] = {"freq", "offset_s", "offset"};

	for (int i = 0; i < 3; i++) {
		size_t n = strlen(keys[i]);
		if ((size_t)(end - word) > n && memcmp(word, keys[i], n) == 0 &&
		    strchr(" =\t", word[n]))
			return i;
	}
	return -1;
}

/* Print `text` with the numbers of its clock block replaced; false if it has none. */
static bool convert_clock_text(FILE *f, const char *text, size_t n,
			       const struct cairn_image_clock *k)
{
	static const char *const names[] = {"freq", "offset_s", "offset"};
	static const char opener[] = "clock {";
	const char *block = memmem(text, n, opener, sizeof(opener) - 1);
	const char *stop = block ? memchr(block, '}', n - (size_t)(block - text)) : NULL;
	uint64_t value[3] = {k->hz, 0, 0};

	if (!stop)
		return false;
	convert_clock_offset(k, &value[1], &value[2]);
	const char *at = block + sizeof(opener) - 1;
	fwrite(text, 1, (size_t)(at - text), f);
	while (at < stop) {
		const char *semicolon = memchr(at, ';', (size_t)(stop - at));
		const char *end = semicolon ? semicolon + 1 : stop;
		const char *word = at;
		while (word < end && strchr(" \t\n", *word))
			word++;
		int key = convert_clock_key(word, end);
		fwrite(at, 1, (size_t)((key < 0 ? end : word) - at), f);
		if (key >= 0)
			fprintf(f, "%s = %llu;", names[key], (unsigned long long)value[key]);
		at = end;
	}
	fwrite(stop, 1, n - (size_t)(stop - text), f);
	return true;
}

static void convert_put_u32(uint8_t *at, uint64_t v)
{
	uint32_t word = (uint32_t)v;

	memcpy(at, &word, sizeof(word));
}

/*
 * One metadata packet. Its checksum field stays 0: babeltrace2 refuses any other, even with the
 * scheme "none".
 */
static void convert_put_packet(FILE *out, const uint8_t *from, const char *text, size_t n)
{
	uint8_t head[CAIRN_METADATA_HEADER_BYTES];

	memcpy(head, from, sizeof(head));
	convert_put_u32(head + CAIRN_METADATA_OFF_CRC32C, 0);
	convert_put_u32(head + CAIRN_METADATA_OFF_CONTENT, (n + sizeof(head)) * 8);
	convert_put_u32(head + CAIRN_METADATA_OFF_PACKET, (n + sizeof(head)) * 8);
	fwrite(head, 1, sizeof(head), out);
	fwrite(text, 1, n, out);
}

/* A metadata packet with the clock changed; false if it has no clock block. */
static bool convert_clock_packet(FILE *out, const uint8_t *packet, size_t content,
				 const struct cairn_image_clock *k)
{
	const size_t head = CAIRN_METADATA_HEADER_BYTES;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	bool hit = f && convert_clock_text(f, (const char *)packet + head, content - head, k);

	if (f)
		fclose(f);
	if (hit)
		convert_put_packet(out, packet, text, n);
	free(text);
	return hit;
}

static bool convert_metadata(const struct convert *c, const struct cairn_image *im, const char *dir)
{
	char path[CONVERT_PATH_MAX];
	FILE *f = convert_create(c, dir, "metadata", path);
	size_t at = 0;
	bool changed = im->state.clock_hz == 0; /* then the clock stands there already */

	if (!f)
		return false;
	while (im->metadata_bytes - at >= CAIRN_METADATA_HEADER_BYTES) {
		const uint8_t *p = im->metadata + at;
		uint64_t content = cairn_reader_int(p + CAIRN_METADATA_OFF_CONTENT, 4, false) / 8;
		uint64_t packet = cairn_reader_int(p + CAIRN_METADATA_OFF_PACKET, 4, false) / 8;
		if (cairn_reader_int(p, 4, false) != CAIRN_METADATA_MAGIC ||
		    content < CAIRN_METADATA_HEADER_BYTES || content > packet ||
		    packet > im->metadata_bytes - at)
			break; /* told when the metadata was read */
		if (!changed && convert_clock_packet(f, p, (size_t)content, &im->clock))
			changed = true;
		else
			convert_put_packet(f, p, (const char *)p + CAIRN_METADATA_HEADER_BYTES,
					   (size_t)content - CAIRN_METADATA_HEADER_BYTES);
		at += (size_t)packet;
	}
	return convert_close(c, f, path);
}

/* Take records out that a filter rejected, and those before a clear mark; returns the content's new length. */
static uint32_t convert_compact(struct cairn_reader_packet *p, uint32_t *removed)
{
	const struct cairn_schema *s = &p->stream->image->schema;
	uint32_t from = p->from, to = CAIRN_PACKET_HEADER_BYTES;

	*removed = p->nr_skipped;
	while (from < p->good) {
		uint32_t room = p->good - from - CAIRN_RECORD_HEADER_BYTES;
		const uint8_t *r = p->bytes + from;
		uint32_t id = (uint32_t)cairn_reader_int(r + 6, 2, false);
		const uint8_t *payload = r + CAIRN_RECORD_HEADER_BYTES;
		const struct cairn_schema_event *e = cairn_schema_find(s, id);
		int32_t n = id == CAIRN_ID_DISCARDED
				    ? 4 + (int32_t)cairn_reader_int(payload, 4, false)
				    : cairn_schema_event_bytes(e, payload, room);
		uint32_t bytes = CAIRN_RECORD_HEADER_BYTES + (((uint32_t)n + 3) & ~3u);
		if (id == CAIRN_ID_DISCARDED) {
			++*removed;
		} else {
			memmove(p->bytes + to, r, bytes);
			to += bytes;
		}
		from += bytes;
	}
	return to;
}

/* Packets wait for their successor: the last one takes the losses that no packet tells. */
struct convert_stream {
	struct convert *c;
	FILE *file;
	char path[CONVERT_PATH_MAX];
	uint8_t *held;
	uint32_t held_bytes;
	uint64_t held_last; /* time of its last record */
};

static void convert_flush(struct convert_stream *s, uint64_t discarded)
{
	struct cairn_packet_header h;

	if (!s->held_bytes)
		return;
	memcpy(&h, s->held, sizeof(h));
	h.events_discarded = discarded;
	memcpy(s->held, &h, sizeof(h));
	fwrite(s->held, 1, s->held_bytes, s->file);
	s->held_bytes = 0;
}

/*
 * A record whose time was out of order gets the time that the walk gave it: CTF readers stop at a
 * clock that steps back.
 */
static void convert_mend_times(struct cairn_reader_packet *p)
{
	uint64_t latest = cairn_reader_packet_latest(p);
	uint64_t ts = p->h.ts_begin;

	for (uint32_t at = CAIRN_PACKET_HEADER_BYTES; at < p->good;) {
		const struct cairn_schema_event *e;
		uint8_t *r = p->bytes + at;
		uint64_t word = cairn_reader_int(r, 8, false);
		uint64_t t = ts + ((word - ts) & CAIRN_TS_MASK);
		uint32_t id = (uint32_t)(word >> CAIRN_TS_BITS);
		const uint8_t *payload = r + CAIRN_RECORD_HEADER_BYTES;
		e = cairn_schema_find(&p->stream->image->schema, id);
		int32_t n = id == CAIRN_ID_DISCARDED
				    ? 4 + (int32_t)cairn_reader_int(payload, 4, false)
				    : cairn_schema_event_bytes(
					      e, payload, p->good - at - CAIRN_RECORD_HEADER_BYTES);
		if (t <= latest)
			ts = t;
		word = (word & ~CAIRN_TS_MASK) | ((ts + p->shift) & CAIRN_TS_MASK);
		memcpy(r, &word, sizeof(word));
		at += CAIRN_RECORD_HEADER_BYTES + (((uint32_t)n + 3) & ~3u);
	}
	p->last_ts = ts;
}

/* Times of a later epoch of the clock, as if it had gone on: header and records. */
static void convert_shift(struct cairn_reader_packet *p)
{
	if (p->h.ts_end < p->last_ts) /* pending over the restart */
		p->h.ts_end = p->last_ts;
	if (p->shift)
		convert_mend_times(p);
	p->h.ts_begin += p->shift;
	p->h.ts_end += p->shift;
	p->last_ts += p->shift;
	p->shift = 0;
}

/*
 * CTF readers stop where one packet overlaps the one before it or ends at an absurd time. When two
 * overlap, the first one's end gives way down to its last record, then the second one's begin.
 */
static void convert_order(struct convert_stream *s, struct cairn_reader_packet *p)
{
	struct cairn_packet_header before;
	uint64_t least = 0;

	if (p->h.ts_end > p->last_ts && p->h.ts_end - p->last_ts > CAIRN_TS_MASK / 2)
		p->h.ts_end = p->last_ts;
	if (s->held_bytes) {
		memcpy(&before, s->held, sizeof(before));
		if (before.ts_end > p->h.ts_begin)
			before.ts_end = s->held_last;
		memcpy(s->held, &before, sizeof(before));
		least = before.ts_end;
	}
	if (p->h.ts_begin < least) {
		p->h.ts_begin = least;
		p->damaged = true;
	}
	if (p->damaged)
		convert_mend_times(p);
}

static void convert_hold(struct convert_stream *s, struct cairn_reader_packet *p,
			 uint64_t events_before)
{
	struct cairn_packet_header *h = &p->h;
	uint32_t removed;
	uint32_t content = convert_compact(p, &removed);
	uint32_t size = p->stream->packet_bytes;

	h->magic = CAIRN_CTF_MAGIC;
	memcpy(h->uuid, p->stream->image->sb.uuid, sizeof(h->uuid));
	h->stream_id = 0;
	h->seq = p->seq;
	h->packet_bits = (uint64_t)size * 8;
	h->content_bits = (uint64_t)content * 8;
	h->events_before = events_before;
	h->cpu_id = p->stream->cb.cpu;
	if (h->ts_end < p->last_ts)
		h->ts_end = p->last_ts;
	memcpy(p->bytes, h, sizeof(*h));
	memset(p->bytes + content, 0, size - content);
	memcpy(s->held, p->bytes, size);
	s->held_last = p->last_ts;
	s->held_bytes = size;
	s->c->events += p->nr_records - removed;
	s->c->packets++;
}

/*
 * CTF readers take the difference between two packets for what was lost in the second. An empty
 * packet in front makes the first one's losses a number, too.
 */
static void convert_lead_in(struct convert_stream *s, const struct cairn_reader_packet *p)
{
	struct cairn_packet_header h = p->h;

	h.magic = CAIRN_CTF_MAGIC;
	memcpy(h.uuid, p->stream->image->sb.uuid, sizeof(h.uuid));
	h.stream_id = 0;
	h.ts_end = h.ts_begin;
	h.content_bits = h.packet_bits = CAIRN_PACKET_HEADER_BYTES * 8;
	h.seq = p->seq - 1;
	h.events_discarded = 0;
	h.cpu_id = p->stream->cb.cpu;
	fwrite(&h, 1, sizeof(h), s->file);
}

static bool convert_any_lost(const struct cairn_reader_stream *st)
{
	for (int i = 0; i < CAIRN_NR_LOST; i++)
		if (st->cb.lost[i])
			return true;
	return false;
}

static bool convert_stream(struct convert *c, const struct cairn_reader_stream *st, const char *dir)
{
	struct convert_stream s = {.c = c};
	struct cairn_walk w;
	char name[32];
	uint64_t discarded = 0; /* up to the packet that is held; without what is told elsewhere, which a jump of the walk adds to */

	if (cairn_walk_init(&w, st, &c->in.sink) < 0)
		return convert_fail(c, c->file, ENOMEM);
	s.held = malloc(st->packet_bytes);
	bool ok = s.held != NULL;
	while (ok && cairn_walk_packet(&w)) {
		struct cairn_reader_packet *p = &w.packet;
		if (convert_signal)
			ok = convert_fail(c, c->out, EINTR);
		if (!ok)
			break;
		if (!s.file) {
			if (p->good == p->from && p->h.events_discarded == 0)
				continue; /* nothing was ever told about this ring */
			snprintf(name, sizeof(name), "ring-%u", st->number);
			s.file = convert_create(c, dir, name, s.path);
			ok = s.file != NULL;
			if (!ok)
				break;
			if (convert_any_lost(st) || cairn_walk_discarded(&w))
				convert_lead_in(&s, p);
		}
		convert_shift(p);
		convert_order(&s, p);
		convert_flush(&s, discarded);
		discarded = cairn_walk_discarded(&w) - w.untold;
		convert_hold(&s, p, w.events - (p->nr_records - p->nr_skipped));
	}
	uint64_t all = w.discarded - w.untold;
	if (ok && s.file)
		convert_flush(&s, all > discarded ? all : discarded);
	if (s.file)
		ok &= convert_close(c, s.file, s.path);
	cairn_reader_account_add(&c->missing.total, &w.account);
	free(s.held);
	cairn_walk_fini(&w);
	return ok;
}

static bool convert_image(struct convert *c, const struct cairn_image *im, const char *dir)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return convert_fail(c, dir, errno);
	if (!convert_metadata(c, im, dir))
		return false;
	for (uint32_t i = 0; i < im->nr_streams; i++)
		if (!convert_stream(c, &im->streams[i], dir))
			return false;
	c->missing.lost_no_stream += survey_no_stream(im);
	return true;
}

static bool convert_images(struct convert *c)
{
	const struct cairn_reader *r = c->in.reader;
	char dir[CONVERT_PATH_MAX + 32];

	if (r->nr_images == 1)
		return convert_image(c, &r->images[0], c->temp);
	for (unsigned i = 0; i < r->nr_images; i++) {
		snprintf(dir, sizeof(dir), "%s/region-%u", c->temp, i);
		if (!convert_image(c, &r->images[i], dir))
			return false;
	}
	return true;
}

/* Put the finished directory in its place. */
static bool convert_place(struct convert *c)
{
	if (rename(c->temp, c->out) == 0)
		return true;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return convert_fail(c, c->out, errno);
	if (!convert_remove(AT_FDCWD, c->out, 1, false))
		return convert_fail(c, c->out, errno);
	return rename(c->temp, c->out) == 0 || convert_fail(c, c->out, errno);
}

static bool convert_may_replace(const struct convert *c)
{
	struct stat st;

	if (lstat(c->out, &st) < 0)
		return errno == ENOENT || convert_fail(c, c->out, errno);
	if (S_ISDIR(st.st_mode) && convert_remove(AT_FDCWD, c->out, 1, true))
		return true;
	say(c->verb, "%s: exists and is not a CTF trace of Cairn's; left as it is", c->out);
	return false;
}

static int convert_run(struct convert *c)
{
	size_t n = strlen(c->out);

	while (n > 1 && c->out[n - 1] == '/')
		n--;
	if (n == 0 || n >= sizeof(c->clean)) {
		say(c->verb, "option --output: no usable name");
		return EXIT_USAGE;
	}
	snprintf(c->clean, sizeof(c->clean), "%.*s", (int)n, c->out);
	c->out = c->clean;
	if (!convert_may_replace(c) || !input_open(&c->in, c->verb, c->file))
		return EXIT_DATA;
	snprintf(c->temp, sizeof(c->temp), "%s.XXXXXX", c->out);
	convert_catch();
	bool ok = mkdtemp(c->temp) != NULL || convert_fail(c, c->temp, errno);
	if (ok) {
		ok = convert_images(c) && convert_place(c);
		if (!ok)
			convert_remove(AT_FDCWD, c->temp, 1, false);
	}
	if (ok) {
		char losses[512];
		struct cairn_buf t;
		cairn_buf_init(&t, losses, sizeof(losses));
		survey_losses(&c->missing, &t);
		say(c->verb, "%s: %llu events in %llu packets to %s%s%s", c->file,
		    (unsigned long long)c->events, (unsigned long long)c->packets, c->out,
		    t.used ? "; " : "", cairn_buf_end(&t));
	}
	int status = input_close(&c->in);
	return ok ? status : EXIT_DATA;
}

int cairn_cmd_convert(const struct verb *v, int argc, char **argv)
{
	struct convert c = {.verb = v};
	struct args a;
	int o;

	args_init(&a, v, argc, argv);
	while ((o = args_next(&a)) != ARGS_END) {
		if (o == ARGS_HELP)
			return EXIT_FINE;
		if (o == ARGS_WRONG || (o == ARGS_OPERAND && !args_take_file(&a, &c.file)))
			return EXIT_USAGE;
		if (o == 't')
			c.format = a.value;
		else if (o == 'o')
			c.out = a.value;
		else
			input_option(&c.in, o, a.value);
	}
	if (!args_need_file(&a, c.file))
		return EXIT_USAGE;
	if (!c.format || strcmp(c.format, "ctf")) {
		say(v,
		    c.format ? "unknown format `%s`; did you mean `ctf`?"
			     : "which format? --to ctf%s",
		    c.format ? c.format : "");
		return EXIT_USAGE;
	}
	if (!c.out || strcmp(c.out, "-") == 0) {
		say(v, c.out ? "a CTF trace is a directory; it cannot go to standard output"
			     : "where to? -o DIR");
		return EXIT_USAGE;
	}
	return convert_run(&c);
}
