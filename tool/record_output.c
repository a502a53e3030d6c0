/* SPDX-License-Identifier: MIT */
/* The recorder's output: captures of all regions in one file. */
#define _GNU_SOURCE
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void record_show(struct record *r, bool last)
{
	struct capture_progress p = r->finished;
	uint64_t now = record_now();

	if (!record_progress_wanted(r) || (!last && now - r->said_ns < 2 * RECORD_LOOK_NS))
		return;
	r->said_ns = now;
	for (unsigned i = 0; i < r->nr_regions; i++)
		capture_progress(r->regions[i].capture, &p);
	fprintf(stderr,
		"\r%llu.%llu s: %llu events, %llu.%llu MB, %llu lost, %llu packets overwritten\033[K%s",
		(unsigned long long)((now - r->started_ns) / 1000000000u),
		(unsigned long long)((now - r->started_ns) / 100000000u % 10),
		(unsigned long long)p.events, (unsigned long long)(p.bytes / 1000000u),
		(unsigned long long)(p.bytes / 100000u % 10), (unsigned long long)p.lost,
		(unsigned long long)p.missed, last ? "\n" : "");
}

/* A temporary beside the output. */
static int record_temp(const struct record *r, char path[REGIONS_PATH_MAX])
{
	if (snprintf(path, REGIONS_PATH_MAX, "%s.XXXXXX", r->out) >= REGIONS_PATH_MAX)
		return -ENAMETOOLONG;
	int fd = mkostemp(path, O_CLOEXEC); /* mode 0600 */
	return fd < 0 ? -errno : fd;
}

static bool record_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool record_begin(struct record *r)
{
	struct stat st;

	r->fd = r->done_fd = -1;
	r->started_ns = record_now();
	if (stat(r->out, &st) == 0 && !S_ISREG(st.st_mode)) {
		say(r->v, "%s: exists and is not a file; left as it is", r->out);
		return false;
	}
	if (r->region && record_same_file(r->region, r->out)) {
		say(r->v, "%s: is the region itself; left as it is", r->out);
		return false;
	}
	r->fd = record_temp(r, r->temp);
	if (r->fd < 0) {
		int e = -r->fd;
		r->temp[0] = '\0';
		return record_fail(r, r->out, e);
	}
	return true;
}

/* Take a region in. The source is taken over. */
bool record_add(struct record *r, const struct cairn_image *im, dev_t device, ino_t inode)
{
	char path[REGIONS_PATH_MAX];
	struct record_region *p = realloc(r->regions, (r->nr_regions + 1) * sizeof(*p));
	int e, fd = -1;

	if (p) {
		r->regions = p;
		if (!r->first_taken) {
			fd = r->fd;
		} else {
			fd = record_temp(r, path);
			if (fd >= 0)
				unlink(path);
		}
	}
	if (fd < 0) {
		cairn_source_close(im->source);
		return record_fail(r, r->out, p ? -fd : ENOMEM);
	}
	p = &r->regions[r->nr_regions];
	*p = (struct record_region){NULL, fd, im->sb.pid, im->sb.start_time, device, inode};
	p->capture = capture_open(im, fd, 0, &e);
	if (!p->capture) {
		if (fd != r->fd)
			close(fd);
		return record_fail(r, r->out, -e);
	}
	r->first_taken = true;
	r->nr_regions++;
	r->nr_recorded++;
	return true;
}

static int record_append(int to, uint64_t at, int from, uint64_t n)
{
	char block[65536];

	for (uint64_t done = 0; done < n;) {
		size_t want = n - done < sizeof(block) ? (size_t)(n - done) : sizeof(block);
		ssize_t got = pread(from, block, want, (off_t)done);
		if (got < 0)
			return -errno;
		if (got == 0) { /* a hole at the end */
			memset(block, 0, want);
			got = (ssize_t)want;
		}
		if (pwrite(to, block, (size_t)got, (off_t)(at + done)) != got)
			return errno ? -errno : -EIO;
		done += (uint64_t)got;
	}
	return 0;
}

/* Last pass over region `i`, which leaves the list. */
bool record_finish_region(struct record *r, unsigned i)
{
	struct record_region *p = &r->regions[i];
	int e = capture_finish(p->capture);
	uint64_t bytes = capture_bytes(p->capture);

	capture_progress(p->capture, &r->finished);
	if (p->fd == r->fd) {
		r->first_bytes = bytes;
	} else {
		char path[REGIONS_PATH_MAX];
		if (r->done_fd < 0) {
			r->done_fd = record_temp(r, path);
			e = r->done_fd < 0 ? r->done_fd : e;
			if (r->done_fd >= 0)
				unlink(path);
		}
		if (e == 0)
			e = record_append(r->done_fd, r->done_bytes, p->fd, bytes);
		r->done_bytes += bytes;
		close(p->fd);
	}
	capture_close(p->capture);
	*p = r->regions[--r->nr_regions];
	return e == 0 || record_fail(r, r->out, -e);
}

/* Copy what is new everywhere. Returns packets copied, -1 when the output failed. */
int64_t record_poll(struct record *r)
{
	int64_t copied = 0;

	for (unsigned i = 0; i < r->nr_regions; i++) {
		int64_t n = capture_poll(r->regions[i].capture);
		if (n < 0) {
			record_fail(r, r->out, (int)-n);
			return -1;
		}
		copied += n;
	}
	record_show(r, false);
	return copied;
}

/* What was recorded, as a reader sees it. */
void record_summary(const struct record *r)
{
	struct input in = {0};
	struct survey s;
	char losses[512];
	struct cairn_buf t;

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
	int e = 0;

	while (r->nr_regions)
		ok &= record_finish_region(r, r->nr_regions - 1);
	record_show(r, true);
	if (ok && r->done_bytes)
		e = record_append(r->fd, r->first_bytes, r->done_fd, r->done_bytes);
	if (ok && e == 0 && (fsync(r->fd) < 0 && errno != EINVAL && errno != EROFS))
		e = -errno;
	if (ok && e == 0 && rename(r->temp, r->out) < 0)
		e = -errno;
	if (e < 0)
		return record_fail(r, r->out, -e);
	if (ok)
		r->temp[0] = '\0';
	return ok;
}

void record_free(struct record *r)
{
	while (r->nr_regions) {
		struct record_region *p = &r->regions[--r->nr_regions];
		capture_close(p->capture);
		if (p->fd != r->fd)
			close(p->fd);
	}
	if (r->temp[0])
		unlink(r->temp);
	if (r->fd >= 0)
		close(r->fd);
	if (r->done_fd >= 0)
		close(r->done_fd);
	free(r->regions);
	free(r->globs);
}
