/* SPDX-License-Identifier: MIT */
/*
 * Reading a ring from inside the target, packet by packet, while it is written: what a control file, a network sender or a flight recorder's
 * saver in the kernel itself uses. From outside, the reader library works on the region without any of this.
 *
 *	reader		a reader's state, in the caller's memory
 *	claim		one reader at a time per ring: the ring's `reader` word holds its owner
 *	consumed	position up to which the ring has been read; in discard mode the writer goes no further than one lap beyond it
 *	overrun		records that were overwritten before they were read (overwrite mode)
 *
 * Usual sequence, in thread context, on any CPU:
 *
 *	struct cairn_ring_reader c;
 *	int err = cairn_ring_reader_open(&c, ring, owner);
 *	while ((n = cairn_ring_reader_read(&c, buf, sizeof(buf))) > 0)
 *		... n bytes: a CTF packet, header first ...
 *	cairn_ring_reader_close(&c);
 *
 * Only complete packets are handed out; cairn_flush() on a ring's own CPU completes the one that is being filled.
 */
#ifndef CAIRN_READ_H
#define CAIRN_READ_H

#include "compiler.h"
#include "error.h"
#include "layout.h"

struct cairn_ring_reader {
	struct cairn_ring *ring;
	uint64_t owner;
	uint64_t
		next_record; /* number of the next unread record of the ring, counted from its begin */
	uint64_t overrun;    /* records overwritten before this reader came to them */
	bool follows;   /* over an exchange; a snapshot's reader does not */
	uint32_t first; /* in the packet that was read last: offset of the first record behind the clear mark (88: all). `consumed` says so, which
			   the outside may have written: check that records parse from there */
};

CAIRN_C_BEGIN

/*
 * Claim a ring for reading and stand at its `consumed`.
 *
 * @c        the caller's; valid until cairn_ring_reader_close().
 * @ring     index, 0 .. nr_cpus - 1.
 * @owner    not 0; tells this reader from others, for instance a thread id.
 * Returns   0; CAIRN_EINVAL (no such ring, owner 0); CAIRN_EBUSY: somebody else has claimed it; CAIRN_EAGAIN: the writer lapped
 *           every one of 100 attempts to find the begin.
 * Context   any; the structure belongs to one thread.
 */
CAIRN_MUST_CHECK int cairn_ring_reader_open(struct cairn_ring_reader *c, unsigned ring,
					    uint64_t owner);

/*
 * The same for the ring of a CPU in any buffer (buffer.h), and for its ring in the snapshot of one (CAIRN_EINVAL: there is none, or the CPU
 * has not gone over yet: then read the buffer itself, which is that ring).
 *
 * A reader follows its CPU over an exchange: it finishes the ring that was left, whose claim keeps its memory from being used again, then
 * goes on in the ring where the CPU is now. A snapshot's reader is at its end when it would.
 */
CAIRN_MUST_CHECK int cairn_buffer_reader_open(struct cairn_ring_reader *c, unsigned buffer, unsigned cpu, uint64_t owner);
CAIRN_MUST_CHECK int cairn_snapshot_reader_open(struct cairn_ring_reader *c, unsigned buffer, unsigned cpu, uint64_t owner);

/* Take the claim from an owner that is known to be dead. Returns 0, or CAIRN_EBUSY if `dead` is not the owner (any more). */
CAIRN_MUST_CHECK int cairn_ring_reader_take_over(struct cairn_ring_reader *c, unsigned ring,
						 uint64_t owner, uint64_t dead);

/*
 * Copy the oldest unread complete packet, and consume it.
 *
 * The copy is validated after it was made: it is one packet, whole. Packets that the writer overtook are skipped, and their records added to
 * c->overrun, exactly.
 *
 * @buf      any alignment of 8; `room` bytes, at least the region's packet_bytes.
 * Returns   bytes of the packet (its content; the rest of the slot is not copied), CAIRN_EAGAIN: no complete packet is unread,
 *           CAIRN_ERANGE: room is too small, nothing was consumed; CAIRN_EBUSY: the CPU has gone on in a ring that somebody else claims.
 * Context   the thread that opened it. Never blocks; may repeat a copy while the writer laps it, at most 100 times, then CAIRN_EAGAIN.
 */
CAIRN_MUST_CHECK int64_t cairn_ring_reader_read(struct cairn_ring_reader *c, void *buf,
						size_t room);

/*
 * Before going to sleep until cairn_port_wake() (cairn_buffer_wake_at()): true: sleep, a wake-up will come; false: the level is reached already, or,
 * where none is set, a packet is there: read on.
 */
CAIRN_MUST_CHECK bool cairn_ring_reader_sleep(struct cairn_ring_reader *c);

/* Give the claim back; what was consumed stays consumed. Context: the thread that opened it. */
void cairn_ring_reader_close(struct cairn_ring_reader *c);

CAIRN_C_END

#endif
