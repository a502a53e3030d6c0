/* SPDX-License-Identifier: MIT */
/*
 * Copies a live region into a capture: packets as they are closed, each once, then, at the end, the
 * open packets and all words that change. The target is only read and never waits. What it
 * overwrites before it is copied shows as a gap in the numbers of the packets, and is counted
 * exactly by `events_before`.
 *
 *	capture_open -> capture_poll, again and again -> capture_finish -> capture_close
 *
 * The file is a valid capture at every moment after capture_open; until capture_finish it says that
 * it is unfinished.
 */
#ifndef CAIRN_TOOL_CAPTURE_H
#define CAIRN_TOOL_CAPTURE_H

#include "verb.h"

struct capture;

struct capture_progress {
	uint64_t events, lost; /* as the target counts them */
	uint64_t bytes;        /* written */
	uint64_t missed;       /* packets overwritten before they were copied */
};

/*
 * Begin a capture of the region that *im describes (from cairn_image_find; its source is taken
 * over, also on failure) at offset `base` of the file `fd`. NULL when that fails, with what went
 * wrong in *e, a negative errno number.
 */
struct capture *capture_open(const struct cairn_image *im, int fd, uint64_t base, int *e);
/* Copy what is new. Returns packets copied, or a negative errno number of the output file. */
int64_t capture_poll(struct capture *c);
/* The target's memory now holds another region or none. */
bool capture_is_gone(struct capture *c);
bool capture_is_stopped(const struct capture *c);
/* Last pass. Returns 0 or a negative errno number. */
int capture_finish(struct capture *c);
/* Bytes of the finished capture. */
uint64_t capture_bytes(const struct capture *c);
void capture_progress(const struct capture *c, struct capture_progress *add);
const struct cairn_superblock *capture_superblock(const struct capture *c);
void capture_close(struct capture *c);

#endif
