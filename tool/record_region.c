/* SPDX-License-Identifier: MIT */
/* cairn record --region: the memory of a running guest, or the file of a program. */
#include "holders.h"
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The first live region in the file. */
static int record_find(const char *path, struct cairn_image *im, struct cairn_fault *why)
{
	struct cairn_source *s;
	uint64_t at = 0;
	int e = cairn_source_open(&s, path, why);

	if (e < 0)
		return e;
	for (;;) {
		memset(im, 0, sizeof(*im));
		e = cairn_image_find(s, &at, im, NULL);
		if (e <= 0)
			break;
		if (!cairn_image_is_capture(im))
			return 1;
	}
	cairn_source_close(s);
	return e;
}

static bool record_wait_region(struct record *r)
{
	uint64_t until = record_now() + r->wait_ns;
	struct cairn_fault why;
	bool said = false;

	for (;;) {
		struct cairn_image im;
		uint64_t begin = record_now();
		int e = record_find(r->region, &im, &why);
		if (e > 0)
			return record_add(r, &im, 0, 0);
		if (e < 0 && e != -ENOENT) {
			say_fault(r->v, r->region, false, &why);
			return false;
		}
		uint64_t now = record_now();
		if (now >= until || record_signal) {
			if (said && record_progress_wanted(r))
				fprintf(stderr, "\r\033[K");
			say(r->v, "%s: no region of Cairn's appeared within %llu.%llu s; %s",
			    r->region, (unsigned long long)(r->wait_ns / 1000000000u),
			    (unsigned long long)(r->wait_ns / 100000000u % 10),
			    e == -ENOENT ? "the file is not there" : "nothing recorded");
			return false;
		}
		if (record_progress_wanted(r)) {
			fprintf(stderr, "\rwaiting for the region in %s, %llu s left\033[K",
				r->region, (unsigned long long)((until - now) / 1000000000u));
			said = true;
		}
		/* a scan of a large guest must not take a CPU for itself */
		record_sleep(20 * RECORD_IDLE_NS + 3 * (now - begin));
	}
}

/*
 * Does the target still run? A program's region tells its process; of a guest's memory those are asked that have the file mapped, if any was ever
 * found: an image that nobody has mapped may come to life yet.
 */
struct region_target {
	uint32_t pid;
	uint64_t start;
	dev_t device;
	ino_t inode;
	struct holders holders;
	uint64_t looked_ns;
};

#define REGION_HOLDERS_NS 2000000000u

static void region_target_init(struct region_target *t, const struct record *r)
{
	struct stat st;

	memset(t, 0, sizeof(*t));
	t->pid = r->regions[0].pid;
	t->start = r->regions[0].start;
	if (stat(r->region, &st) == 0) {
		t->device = st.st_dev;
		t->inode = st.st_ino;
	}
}

static bool region_target_runs(struct region_target *t, uint64_t now)
{
	if (t->pid)
		return regions_process_alive(t->pid, t->start);
	if (t->holders.n && holders_any_alive(&t->holders))
		return true;
	if (!t->holders.n && t->looked_ns && now - t->looked_ns < REGION_HOLDERS_NS)
		return true;
	bool had_any = t->holders.n;
	holders_find(&t->holders, t->device, t->inode);
	t->looked_ns = now;
	return t->holders.n || !had_any;
}

static bool record_follow(struct record *r)
{
	struct region_target target;
	uint64_t until = r->duration_ns ? record_now() + r->duration_ns : UINT64_MAX;
	uint64_t look = 0;
	struct capture *c = r->regions[0].capture;

	region_target_init(&target, r);
	for (;;) {
		/*
		 * the flag is read before the packets: what a stopped target wrote is all there
		 * then
		 */
		bool stopped = capture_is_stopped(c);
		uint64_t now = record_now();
		bool due = now - look >= RECORD_LOOK_NS;
		/* so is this: a target that has ended before the packets are read has written all of them */
		bool ended = due && !region_target_runs(&target, now);
		if (stopped || now >= until || record_signal)
			return true;
		if (record_poll(r) < 0)
			return false;
		if (ended) {
			if (!r->quiet)
				say(r->v, "%s: the target has ended; kept what was there",
				    r->region);
			return true;
		}
		if (due) {
			look = now;
			if (capture_is_gone(c)) {
				say(r->v,
				    "%s: the region is gone or another one took its place; kept what was there",
				    r->region);
				return true;
			}
		}
		record_pause(r);
	}
}

int record_region(struct record *r)
{
	record_catch(SIGINT, record_on_signal);
	record_catch(SIGTERM, record_on_signal);
	record_catch(SIGHUP, record_on_signal);
	bool ok = record_begin(r) && record_wait_region(r) && record_follow(r) && record_end(r);
	record_free(r);
	if (ok)
		record_summary(r);
	return ok ? EXIT_FINE : EXIT_DATA;
}
