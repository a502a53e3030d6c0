/* SPDX-License-Identifier: MIT */
/*
 * Copies a live region into captures: packets as they are closed, each once, then, at the end, the open packets and all words that change.
 *
 *	capture_open -> capture_poll, again and again; capture_cut now and then -> capture_finish -> capture_close
 *
 * A ring that overwrites is only read, and never waits. What it overwrites before it is copied shows as a gap in the numbers of the
 * packets, and is counted exactly by `events_before`. A ring that keeps the oldest (discard mode) is consumed: it is claimed, what
 * was copied is written to the file, and only then the target may use its place again (claim.h).
 *
 * A capture is cut into several files, each of which is complete and says what the files before it hold (earlier_* of struct
 * cairn_ring). The file is a valid capture at every moment after capture_open; until it is cut or finished it says that it is
 * unfinished. Memory: one block of packets and a few hundred bytes a ring, however long it takes.
 */
#ifndef CAIRN_TOOL_CAPTURE_H
#define CAIRN_TOOL_CAPTURE_H

#include "verb.h"

struct capture;

struct capture_progress {
	uint64_t events, lost; /* as the target counts them */
	uint64_t bytes;        /* of packets written, all files together */
	uint64_t missed;       /* packets overwritten before they were copied */
};

/*
 * Begin a capture of the region that *im describes (from cairn_image_find; its source is taken
 * over, also on failure) at the beginning of the file `fd`. NULL when that fails, with what went
 * wrong in *e, a negative errno number.
 */
struct capture *capture_open(const struct cairn_image *im, int fd, int *e);
/*
 * Copy what is new, but stop when the file has grown by `room` bytes (one packet at least). Returns packets copied, or a negative
 * errno number of the output file; -EBUSY: another reader has claimed a ring, capture_say_busy() tells who.
 */
int64_t capture_poll(struct capture *c, uint64_t room);
void capture_say_busy(const struct capture *c, const struct verb *v, const char *path);
/* How much of a ring the last poll found unread, the greatest of all, in 1/256 of the ring. */
unsigned capture_fill(const struct capture *c);
/* The region's rings are claimed and consumed. */
bool capture_consumes(const struct capture *c);
/* Why rings that keep the oldest are only read, a negative errno number; 0: they are consumed. */
int capture_cannot_consume(const struct capture *c);
/* Rings whose claim was overwritten by somebody while we held it. */
unsigned capture_claims_lost(const struct capture *c);
/* The target's memory now holds another region or none. */
bool capture_is_gone(struct capture *c);
bool capture_is_stopped(const struct capture *c);
/*
 * End the file here, with what was copied, and go on at the beginning of `fd`. *bytes is the length of the finished one. Returns 0 or
 * a negative errno number.
 */
int capture_cut(struct capture *c, int fd, uint64_t *bytes);
/* Last pass. Returns 0 or a negative errno number. Claims are given back. */
int capture_finish(struct capture *c);
uint64_t capture_packet_bytes(const struct capture *c);
/* Bytes that the capture's file would have if it were finished now. */
uint64_t capture_bytes(const struct capture *c);
/* Anything in the present file that an earlier one does not tell? */
bool capture_has_news(const struct capture *c);
void capture_progress(const struct capture *c, struct capture_progress *add);
/* Without capture_finish before it, what was copied since the last poll stays in the target. Claims are given back. */
void capture_close(struct capture *c);

#endif
