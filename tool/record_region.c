/* SPDX-License-Identifier: MIT */
/* cairn record --region: the memory of a running guest, or the file of a program. */
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static bool record_follow(struct record *r)
{
	uint64_t until = r->duration_ns ? record_now() + r->duration_ns : UINT64_MAX;
	uint64_t look = 0;
	struct capture *c = r->regions[0].capture;

	for (;;) {
		/*
		 * the flag is read before the packets: what a stopped target wrote is all there
		 * then
		 */
		bool stopped = capture_is_stopped(c);
		uint64_t now = record_now();
		if (stopped || now >= until || record_signal)
			return true;
		int64_t n = record_poll(r);
		if (n < 0)
			return false;
		if (now - look >= RECORD_LOOK_NS) {
			look = now;
			if (capture_is_gone(c)) {
				say(r->v,
				    "%s: the region is gone or another one took its place; kept what was there",
				    r->region);
				return true;
			}
		}
		if (n == 0)
			record_sleep(RECORD_IDLE_NS);
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
