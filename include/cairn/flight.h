/* SPDX-License-Identifier: MIT */
/*
 * The flight recorder's ends: when recording stops by itself, and what it must not overwrite until then.
 *
 *	freeze		tracing_on goes off at once: the rings keep what they have. cairn_tracing_on() goes on
 *
 * Usual sequence: the main buffer in overwrite mode; where something is found to be wrong, cairn_keep(10 s, 5 s) or
 * cairn_stop_after(1000); later the region is read at leisure, from inside or outside.
 *
 * All of this may be called from any context, NMI, panic and probes included, on any CPU; of calls at the same time one wins.
 * cairn_tracing_on() forgets what was armed.
 */
#ifndef CAIRN_FLIGHT_H
#define CAIRN_FLIGHT_H

#include "compiler.h"
#include "error.h"

CAIRN_C_BEGIN

/* cairn_tracing_off() for any context. state.frozen_at says when. */
void cairn_freeze(void);

/*
 * Freeze after so many more events, of all CPUs and buffers together. 0: now.
 *
 * While they are counted every event takes the slow path and one atomic decrement. Exact but for events that interrupt one another in their
 * first instructions: those may be counted once too often or too seldom.
 */
void cairn_stop_after(uint64_t events);

/*
 * Keep what was recorded in the last before_ns and record after_ns more, then freeze. Packets that the writer needs, but that hold something
 * younger than before_ns, are not overwritten: what finds no room is lost (cause "full"), in whichever mode.
 *
 * The end is noticed at the first packet that is opened, or cairn_tick(), after it: events up to then are recorded too.
 *
 * Returns   0; CAIRN_EIO before cairn_init(); CAIRN_ENOSYS while the clock's rate is unknown (cairn_clock_set()).
 */
int cairn_keep(uint64_t before_ns, uint64_t after_ns);

/* Whether cairn_stop_after() or cairn_keep() waits for its end. */
bool cairn_is_armed(void);

CAIRN_C_END

#endif
