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
};

struct record {
	const struct verb *v;
	const char *region, *out;
	char default_out[REGIONS_PATH_MAX];
	char temp[REGIONS_PATH_MAX];
	char *globs;
	char **program;
	uint64_t duration_ns, wait_ns;
	bool quiet, first_taken;
	int fd;      /* the output's temporary */
	int done_fd; /* finished captures that wait for the first one */
	uint64_t done_bytes, first_bytes;
	struct record_region *regions;
	unsigned nr_regions, nr_recorded;
	uint64_t started_ns, said_ns;
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

/* What is recorded. Return the status to exit with. */

int record_region(struct record *r);  /* record_region.c */
int record_program(struct record *r); /* record_program.c */

#endif
