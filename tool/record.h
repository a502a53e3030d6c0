/* SPDX-License-Identifier: MIT */
/*
 * The recorder's parts: what is recorded (a guest's region, the programs of a run) finds regions and keeps them in a list;
 * the output gathers their captures in files.
 *
 *	record_begin -> record_add, record_poll, record_finish_region -> record_end -> record_free
 */
#ifndef CAIRN_TOOL_RECORD_H
#define CAIRN_TOOL_RECORD_H

#include "capture.h"
#include "regions.h"

#include <signal.h>

#define RECORD_IDLE_NS 1000000u
#define RECORD_LOOK_NS 100000000u /* between looks at things that seldom change */

struct record_region {
	struct capture *capture;
	int fd; /* where it is copied to */
	uint32_t pid;
	uint64_t start;
	dev_t device;
	ino_t inode;
	bool said_unwritable;
};

/* The file that is being written. */
struct record_volume {
	char temp[REGIONS_PATH_MAX]; /* its name as long as it is not complete; empty = none */
	int fd;
	int done_fd; /* finished captures that wait for the first one */
	bool first_taken;
	bool has_news;        /* of finished regions; see capture_has_news() */
	uint64_t first_bytes; /* once it is finished */
	uint64_t done_bytes;
	uint64_t began_ns;
};

struct record {
	const struct verb *v;
	const char *region, *out;
	char default_out[REGIONS_PATH_MAX];
	char *globs;
	char **program;
	uint64_t duration_ns, wait_ns;
	uint64_t max_bytes, max_ns, keep; /* 0 = no limit */
	bool quiet, lossless, hurries;
	bool consumed; /* something was, of any region */
	struct record_volume volume;
	uint64_t number; /* of the volume, where there are several */
	unsigned nr_files, claims_lost;
	unsigned fill; /* see capture_fill(), of all regions */
	uint64_t pause_ns;
	struct record_region *regions;
	unsigned nr_regions, nr_recorded;
	uint64_t started_ns, said_ns, said_bytes;
	struct capture_progress finished; /* of regions no longer in the list */
};

extern volatile sig_atomic_t record_signal,
	record_nr_signals; /* the last one that came, and how many */
void record_on_signal(int number);
void record_catch(int number, void (*handler)(int));

uint64_t record_now(void);
void record_sleep(uint64_t ns);
/* Say it; returns false. */
bool record_fail(const struct record *r, const char *what, int e);
bool record_progress_wanted(const struct record *r);
/* Sleep as long as the targets' rings allow: until the fullest may be a quarter full. */
void record_pause(struct record *r);
/*
 * Ask for the CPU soon after each sleep, since a target's ring fills meanwhile: a short slice (Linux 6.12, anybody may have it) and, where
 * that is allowed and the user has not set another, a nice value of -10. Children do not inherit it.
 */
void record_hurry(struct record *r);
static inline bool record_is_cut(const struct record *r)
{
	return r->max_bytes || r->max_ns;
}

/* Output (record_output.c). What fails has been said. */

bool record_begin(struct record *r);
/* Take a region in. The source is taken over. */
bool record_add(struct record *r, const struct cairn_image *im, dev_t device, ino_t inode);
/* Copy what is new everywhere. Returns packets copied, -1 when the output failed. */
int64_t record_poll(struct record *r);
/* Last pass over region `i`, which leaves the list. */
bool record_finish_region(struct record *r, unsigned i);
/* Finish all regions and put the capture in its place. */
bool record_end(struct record *r);
/* What was recorded, as a reader sees it. */
void record_summary(const struct record *r);
void record_free(struct record *r);

/* Names of files (record_files.c). */

/* Of the file with the present number. False: too long. */
bool record_files_name(const struct record *r, char path[REGIONS_PATH_MAX]);
/* Begin to count behind the highest number in use. */
void record_files_begin(struct record *r);
/* Remove the oldest until only --keep are left. */
void record_files_keep(struct record *r);

/* What is recorded. Return the status to exit with. */

int record_region(struct record *r);  /* record_region.c */
int record_program(struct record *r); /* record_program.c */

#endif
