/* SPDX-License-Identifier: MIT */
/*
 * Buffers: several sets of rings in one region, from one arena of packets.
 *
 *	buffer		one ring for each CPU (stream). Number 0 is the main buffer: all events that are enabled go there, by the fast path
 *	instance	a buffer beside it, with events, mode, size and switch of its own; its events take the slow path
 *	snapshot	what a buffer had been when cairn_buffer_snapshot() was called: rings that were exchanged, nothing is copied
 *	arena		the packets of all rings; sized at init (cairn_config.arena_bytes); a ring's part is a power of two
 *	exchange	a ring is never changed while its CPU may write to it. Its CPU goes over to another ring, prepared by the caller, at its
 *			next event or cairn_tick(). Until then the old ring, in which everything is older, counts for what was asked
 *
 * Packet numbers and totals of a stream go on over an exchange, so that what it did not write, lost or overwrote stays exactly known.
 * How the exchange works and why it is right: docs/ring.md.
 *
 * Context of all functions, unless said otherwise: thread, one caller at a time. They do not wait for other CPUs. They return 0 or a positive
 * result, or a negative CAIRN_E*: CAIRN_EINVAL (no such buffer or CPU, impossible size), CAIRN_EIO before cairn_init(), CAIRN_EBUSY: cairn_work()
 * on another CPU is at the same thing, nothing has changed, try again.
 */
#ifndef CAIRN_BUFFER_H
#define CAIRN_BUFFER_H

#include "compiler.h"
#include "error.h"
#include "event.h"
#include "layout.h"

#define CAIRN_ALL_CPUS (~0u)

CAIRN_C_BEGIN

/*
 * Make an instance. Nothing is enabled in it.
 *
 * @name        1 .. 31 characters, none of them / or a control character; copied.
 * @ring_bytes  for each CPU; rounded up to a power of two, at least two packets.
 * Returns      its number, 1 ..; CAIRN_EEXIST; CAIRN_EINVAL (name); CAIRN_ERANGE (size); CAIRN_ENOMEM: the arena has no room, or there are
 *              max_buffers of them; CAIRN_EBUSY: one of that number is still being removed, call cairn_work() and try again.
 */
CAIRN_MUST_CHECK int cairn_buffer_create(const char *name, size_t ring_bytes, enum cairn_mode mode);

/*
 * Take an instance away, with its snapshot and all that they hold. Its memory is free once every CPU has left the events it is in, and
 * every reader has closed: cairn_work() sees to that. CAIRN_EINVAL for the main buffer and for snapshots.
 */
int cairn_buffer_remove(unsigned buffer);

/* Number of the buffer with this name (the main one: "main"), or CAIRN_ENOENT. */
int cairn_buffer_find(const char *name);

/*
 * Give rings another size. What is in them is given up (it counts as overwritten) once their CPU has gone over.
 *
 * @cpu         one CPU, or CAIRN_ALL_CPUS. (Streams that are opened later begin with the size given at init.)
 * @ring_bytes  as in cairn_buffer_create(). Rings that have that size already stay.
 * Returns      0; CAIRN_ERANGE; CAIRN_ENOMEM: the arena has no room for old and new at once, nothing has changed; CAIRN_EBUSY: a CPU is in the
 *              middle of going over, others have perhaps been asked: try again.
 */
CAIRN_MUST_CHECK int cairn_buffer_resize(unsigned buffer, unsigned cpu, size_t ring_bytes);

/* Size of a CPU's ring, a pending request counted as done; 0: it has none. */
int64_t cairn_buffer_ring_bytes(unsigned buffer, unsigned cpu);

/*
 * Set aside what is in a buffer, and go on in empty rings of the same size. The snapshot before it is given up.
 *
 * Returns   number of the snapshot, a buffer of its own, the same for each snapshot of this one; CAIRN_ENOMEM: as above, nothing has
 *           changed; CAIRN_EBUSY: a CPU is in the middle of going over, and is perhaps not in the snapshot: try again.
 */
CAIRN_MUST_CHECK int cairn_buffer_snapshot(unsigned buffer);

/* Give a buffer's snapshot up, and its memory back. 0 also if it has none. */
int cairn_buffer_snapshot_free(unsigned buffer);

/* Readers begin here from now on (`start`, `consumed`); nothing is touched. CAIRN_EINVAL: no such buffer. */
int cairn_buffer_clear(unsigned buffer);

/*
 * Overwrite or discard, from each ring's next packet on. Discard begins with what is unread: a ring that nobody reads is full after a lap.
 */
int cairn_buffer_set_mode(unsigned buffer, enum cairn_mode mode);

/* A buffer's own switch. Off: its rings refuse, nothing counts as lost. It records if this and tracing_on are on. */
int cairn_buffer_on(unsigned buffer);
int cairn_buffer_off(unsigned buffer);

/*
 * Call cairn_port_wake() when so much of a ring is unread (complete packets; `consumed` of the reader counts). Once, until the reader says
 * cairn_ring_reader_sleep().
 *
 * @percent   of the ring, 1 .. 100; 0: never.
 */
int cairn_buffer_wake_at(unsigned buffer, unsigned percent);

/* Switch events of an instance as cairn_events_enable() and _disable() do those of the main buffer, independently of it. */
int cairn_buffer_enable(unsigned buffer, const char *patterns);
int cairn_buffer_disable(unsigned buffer, const char *patterns);

CAIRN_C_END

#endif
