/* SPDX-License-Identifier: MIT */
/*
 * The recorder's output: captures of all regions, gathered in a file, or in several files one after the other.
 *
 * A *volume* is the file that is being written, a temporary beside its final name. The first region's capture is written into it, each
 * further one into a temporary of its own, which is appended when the volume is complete. While that goes on, the regions are polled: they
 * are in the next volume by then.
 */
#define _GNU_SOURCE
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_BLOCK_BYTES  (256u << 10)
#define OUTPUT_POLL_BYTES   (4u << 20)   /* appended between two polls */
#define OUTPUT_SURVEY_BYTES (512u << 20) /* a larger capture is not read again for the summary */

static bool output_progress_due(struct record *r, uint64_t now, bool last)
{
	return record_progress_wanted(r) && (last || now - r->said_ns >= 2 * RECORD_LOOK_NS);
}

static void output_progress(struct record *r, struct capture_progress *p)
{
	*p = r->finished;
	for (unsigned i = 0; i < r->nr_regions; i++)
		capture_progress(r->regions[i].capture, p);
}

static void output_show(struct record *r, bool last)
{
	struct capture_progress p;
	uint64_t now = record_now();
	char file[32] = "";

	if (!output_progress_due(r, now, last))
		return;
	output_progress(r, &p);
	uint64_t ns = last ? now - r->started_ns : now - r->said_ns;
	uint64_t bytes = last ? p.bytes : p.bytes - r->said_bytes;
	uint64_t rate = ns ? bytes * 10000u / ns : 0; /* tenths of MB/s */
	if (record_is_cut(r))
		snprintf(file, sizeof(file), ", file %llu", (unsigned long long)r->number);
	r->said_ns = now;
	r->said_bytes = p.bytes;
	fprintf(stderr,
		"\r%llu.%llu s: %llu events, %llu.%llu MB%s, %llu.%llu MB/s, %llu lost, %llu packets overwritten\033[K%s",
		(unsigned long long)((now - r->started_ns) / 1000000000u),
		(unsigned long long)((now - r->started_ns) / 100000000u % 10),
		(unsigned long long)p.events, (unsigned long long)(p.bytes / 1000000u),
		(unsigned long long)(p.bytes / 100000u % 10), file, (unsigned long long)(rate / 10),
		(unsigned long long)(rate % 10), (unsigned long long)p.lost,
		(unsigned long long)p.missed, last ? "\n" : "");
}

/* A temporary beside the output. */
static int output_temp(const struct record *r, char path[REGIONS_PATH_MAX])
{
	if (snprintf(path, REGIONS_PATH_MAX, "%s.XXXXXX", r->out) >= REGIONS_PATH_MAX)
		return -ENAMETOOLONG;
	int fd = mkostemp(path, O_CLOEXEC); /* mode 0600 */
	return fd < 0 ? -errno : fd;
}

/* One without a name. */
static int output_scratch(const struct record *r)
{
	char path[REGIONS_PATH_MAX];
	int fd = output_temp(r, path);

	if (fd >= 0)
		unlink(path);
	return fd;
}

static bool output_begin_volume(struct record *r)
{
	struct record_volume *v = &r->volume;

	*v = (struct record_volume){.done_fd = -1, .began_ns = record_now()};
	v->fd = output_temp(r, v->temp);
	if (v->fd >= 0)
		return true;
	v->temp[0] = '\0';
	return record_fail(r, r->out, -v->fd);
}

bool record_begin(struct record *r)
{
	struct stat st;

	r->started_ns = record_now();
	if (!record_is_cut(r) && stat(r->out, &st) == 0 && !S_ISREG(st.st_mode)) {
		say(r->v, "%s: exists and is not a file; left as it is", r->out);
		return false;
	}
	if (r->region && regions_same_file(r->region, r->out)) {
		say(r->v, "%s: is the region itself; left as it is", r->out);
		return false;
	}
	if (record_is_cut(r))
		record_files_begin(r);
	return output_begin_volume(r);
}

bool record_add(struct record *r, const struct cairn_image *im, dev_t device, ino_t inode)
{
	struct record_region *p = realloc(r->regions, (r->nr_regions + 1) * sizeof(*p));
	int e, fd = -1;

	if (p) {
		r->regions = p;
		fd = r->volume.first_taken ? output_scratch(r) : r->volume.fd;
	}
	if (fd < 0) {
		cairn_source_close(im->source);
		return record_fail(r, r->out, p ? -fd : ENOMEM);
	}
	p = &r->regions[r->nr_regions];
	*p = (struct record_region){.fd = fd,
				    .pid = im->sb.pid,
				    .start = im->sb.start_time,
				    .device = device,
				    .inode = inode};
	p->capture = capture_open(im, fd, &e);
	if (!p->capture) {
		if (fd != r->volume.fd)
			close(fd);
		return record_fail(r, r->out, -e);
	}
	r->volume.first_taken = true;
	r->nr_regions++;
	r->nr_recorded++;
	return true;
}

/* Copy what is new of a region, but no more than `room`; what fails is said. */
static int64_t output_poll_region(struct record *r, struct record_region *p, uint64_t room)
{
	int64_t n = capture_poll(p->capture, room);

	if (n == -EBUSY)
		capture_say_busy(p->capture, r->v, r->region ? r->region : r->program[0]);
	else if (n < 0)
		record_fail(r, r->out, (int)-n);
	if (!r->consumed && capture_consumes(p->capture)) {
		r->consumed = true;
		record_hurry(r);
	}
	if (!p->said_unwritable && capture_cannot_consume(p->capture)) {
		p->said_unwritable = true;
		say(r->v,
		    "%s: cannot be written (%s): no room is made in its rings, what does not fit is lost",
		    r->region ? r->region : r->program[0],
		    strerror(-capture_cannot_consume(p->capture)));
	}
	if (capture_fill(p->capture) > r->fill)
		r->fill = capture_fill(p->capture);
	return n;
}

/* Append `n` bytes of `from`; the regions go on being copied meanwhile. */
static bool output_append(struct record *r, int to, uint64_t *at, int from, uint64_t n)
{
	char *block = malloc(OUTPUT_BLOCK_BYTES);
	uint64_t polled = 0;
	bool ok = block != NULL;
	int e = ok ? 0 : ENOMEM;

	for (uint64_t done = 0; done < n && e == 0 && ok;) {
		size_t want =
			n - done < OUTPUT_BLOCK_BYTES ? (size_t)(n - done) : OUTPUT_BLOCK_BYTES;
		ssize_t got = pread(from, block, want, (off_t)done);
		if (got == 0) { /* a hole at the end */
			memset(block, 0, want);
			got = (ssize_t)want;
		}
		errno = EIO;
		if (got < 0 || pwrite(to, block, (size_t)got, (off_t)(*at + done)) != got)
			e = errno;
		done += got > 0 ? (uint64_t)got : 0;
		if (done - polled < OUTPUT_POLL_BYTES)
			continue;
		polled = done;
		for (unsigned i = 0; i < r->nr_regions && ok; i++)
			ok = output_poll_region(r, &r->regions[i], UINT64_MAX) >= 0;
		output_show(r, false);
	}
	free(block);
	*at += n;
	return ok && (e == 0 || record_fail(r, r->out, e));
}

bool record_finish_region(struct record *r, unsigned i)
{
	struct record_region p = r->regions[i];
	struct record_volume *v = &r->volume;
	int e = capture_finish(p.capture);
	uint64_t bytes = capture_bytes(p.capture);
	bool ok = e == 0;

	r->regions[i] = r->regions[--r->nr_regions];
	if (e == -EBUSY)
		capture_say_busy(p.capture, r->v, r->region ? r->region : r->program[0]);
	else if (e < 0)
		record_fail(r, r->out, -e);
	bool news = capture_has_news(p.capture);
	v->has_news |= news;
	capture_progress(p.capture, &r->finished);
	r->claims_lost += capture_claims_lost(p.capture);
	capture_close(p.capture);
	if (p.fd == v->fd) {
		v->first_bytes = bytes;
		return ok;
	}
	if (ok && v->done_fd < 0)
		v->done_fd = output_scratch(r);
	if (ok && v->done_fd < 0)
		ok = record_fail(r, r->out, -v->done_fd);
	if (news || r->nr_files == 0)
		ok = ok && output_append(r, v->done_fd, &v->done_bytes, p.fd, bytes);
	close(p.fd);
	return ok;
}

/*
 * Close the volume. What was consumed is nowhere else: a recording that fails leaves it, as a capture that may not be finished. Anything else that
 * did not get its name goes.
 */
static void output_close_volume(const struct record *r, struct record_volume *v)
{
	if (v->temp[0] && r->consumed && v->has_news)
		say(r->v, "%s: kept what was recorded; `cairn report` reads it", v->temp);
	else if (v->temp[0])
		unlink(v->temp);
	if (v->fd >= 0)
		close(v->fd);
	if (v->done_fd >= 0)
		close(v->done_fd);
	v->temp[0] = '\0';
	v->fd = v->done_fd = -1;
}

/* Give the volume its name. *v is a copy: r->volume may be the next one already. */
static bool output_place_volume(struct record *r, struct record_volume *v)
{
	char path[REGIONS_PATH_MAX];
	bool ok = true;

	if (v->done_bytes)
		ok = output_append(r, v->fd, &v->first_bytes, v->done_fd, v->done_bytes);
	/* a disk may take seconds for this: not while targets wait for room */
	if (ok && r->nr_regions == 0 && fsync(v->fd) < 0 && errno != EINVAL && errno != EROFS)
		ok = record_fail(r, r->out, errno);
	if (ok && !record_files_name(r, path))
		ok = record_fail(r, r->out, ENAMETOOLONG);
	if (ok && rename(v->temp, path) < 0)
		ok = record_fail(r, path, errno);
	if (ok) {
		v->temp[0] = '\0';
		r->nr_files++;
		if (record_is_cut(r)) {
			r->number++;
			record_files_keep(r);
		}
	}
	output_close_volume(r, v);
	return ok;
}

struct output_part {
	int fd;
	uint64_t bytes;
};

/* Every region goes on in the next volume; this one, which has news, is completed. */
static bool output_cut(struct record *r)
{
	struct output_part *parts = calloc(r->nr_regions + 1, sizeof(*parts));
	struct record_volume old = r->volume;
	unsigned nr_parts = 0;

	if (!parts)
		return record_fail(r, r->out, ENOMEM);
	old.has_news = true;
	bool ok = output_begin_volume(r);
	for (unsigned i = 0; i < r->nr_regions && ok; i++) {
		struct record_region *p = &r->regions[i];
		struct output_part part = {p->fd, 0};
		bool news = capture_has_news(p->capture);
		p->fd = r->volume.first_taken ? output_scratch(r) : r->volume.fd;
		int e = p->fd < 0 ? p->fd : capture_cut(p->capture, p->fd, &part.bytes);
		r->volume.first_taken = true;
		if (e < 0)
			ok = record_fail(r, r->out, -e);
		if (part.fd == old.fd)
			old.first_bytes = part.bytes;
		else if (news && ok)
			parts[nr_parts++] = part;
		else
			close(part.fd);
	}
	for (unsigned i = 0; i < nr_parts; i++) {
		if (ok && old.done_fd < 0) {
			old.done_fd = output_scratch(r);
			ok = old.done_fd >= 0 || record_fail(r, r->out, -old.done_fd);
		}
		ok = ok &&
		     output_append(r, old.done_fd, &old.done_bytes, parts[i].fd, parts[i].bytes);
		close(parts[i].fd);
	}
	free(parts);
	if (ok)
		return output_place_volume(r, &old);
	for (unsigned i = 0; i < r->nr_regions; i++) /* closed here, and written no more */
		if (r->regions[i].fd == old.fd)
			r->regions[i].fd = -1;
	output_close_volume(r, &old);
	return false;
}

static uint64_t output_volume_bytes(const struct record *r)
{
	const struct record_volume *v = &r->volume;
	uint64_t n = v->first_bytes + v->done_bytes;

	for (unsigned i = 0; i < r->nr_regions; i++)
		n += capture_bytes(r->regions[i].capture);
	return n;
}

static bool output_volume_has_news(const struct record *r)
{
	bool news = r->volume.has_news;

	for (unsigned i = 0; i < r->nr_regions && !news; i++)
		news = capture_has_news(r->regions[i].capture);
	return news;
}

static uint64_t output_room(const struct record *r)
{
	uint64_t n = r->max_bytes ? output_volume_bytes(r) : 0;

	return !r->max_bytes ? UINT64_MAX : n < r->max_bytes ? r->max_bytes - n : 0;
}

/* One region, over as many volumes as it takes. */
static int64_t output_poll_cutting(struct record *r, unsigned i)
{
	int64_t copied = 0;

	for (;;) {
		uint64_t room = output_room(r);
		uint64_t packet = capture_packet_bytes(r->regions[i].capture);
		if (room < packet && output_volume_has_news(r)) {
			if (!output_cut(r))
				return -1;
			room = output_room(r);
		}
		room = room < packet ? packet : room;
		int64_t n = output_poll_region(r, &r->regions[i], room);
		if (n < 0)
			return n;
		copied += n;
		if ((uint64_t)n * packet + packet <= room)
			return copied;
	}
}

int64_t record_poll(struct record *r)
{
	int64_t copied = 0;

	r->fill = 0;
	for (unsigned i = 0; i < r->nr_regions; i++) {
		int64_t n = output_poll_cutting(r, i);
		if (n < 0)
			return -1;
		copied += n;
	}
	if (r->max_ns && record_now() - r->volume.began_ns >= r->max_ns &&
	    output_volume_has_news(r) && !output_cut(r))
		return -1;
	output_show(r, false);
	return copied;
}

/* From the counters that the target keeps: what was recorded is too large to be read again, or spread over files. */
static void output_tell(const struct record *r, const char *path)
{
	const struct capture_progress *p = &r->finished;

	if (!r->quiet || p->lost || p->missed)
		say(r->v,
		    "%s: %llu events, %llu MB in %u file%s; %llu lost, %llu packets overwritten",
		    path, (unsigned long long)p->events, (unsigned long long)(p->bytes / 1000000u),
		    r->nr_files, r->nr_files == 1 ? "" : "s", (unsigned long long)p->lost,
		    (unsigned long long)p->missed);
}

void record_summary(const struct record *r)
{
	struct input in = {0};
	struct survey s;
	char losses[512];
	struct cairn_buf t;

	if (r->claims_lost)
		say(r->v,
		    "%s: somebody else took %u ring%s from this recording; what came later may be missing",
		    r->out, r->claims_lost, r->claims_lost == 1 ? "" : "s");
	if (record_is_cut(r) || r->finished.bytes > OUTPUT_SURVEY_BYTES) {
		output_tell(r, r->out);
		return;
	}
	if (!input_open(&in, r->v, r->out))
		return;
	if (survey_take(&s, &in)) {
		cairn_buf_init(&t, losses, sizeof(losses));
		survey_losses(&s, &t);
		uint64_t events = s.total.decoded - s.total.filtered;
		bool missing = t.used;
		if (!r->quiet || missing)
			say(r->v, "%s: %llu events in %llu packets of %u region%s; %s", r->out,
			    (unsigned long long)events, (unsigned long long)s.total.packets,
			    in.reader->nr_images, in.reader->nr_images == 1 ? "" : "s",
			    missing ? cairn_buf_end(&t) : "nothing lost");
		survey_free(&s);
	}
	input_close(&in);
}

/* Finish all regions and put the capture in its place. */
bool record_end(struct record *r)
{
	bool ok = true;

	while (r->nr_regions)
		ok &= record_finish_region(r, r->nr_regions - 1);
	output_show(r, true);
	/* nothing came since the last cut: no file of nothing */
	if (!ok || (r->nr_files && !r->volume.has_news))
		return ok;
	return output_place_volume(r, &r->volume);
}

void record_free(struct record *r)
{
	r->volume.has_news = output_volume_has_news(r);
	while (r->nr_regions) {
		struct record_region *p = &r->regions[--r->nr_regions];
		capture_close(p->capture);
		if (p->fd != r->volume.fd)
			close(p->fd);
	}
	output_close_volume(r, &r->volume);
	free(r->regions);
	free(r->globs);
}
