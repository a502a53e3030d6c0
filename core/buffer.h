/* SPDX-License-Identifier: MIT */
/* What the rest of the core does with buffers. The public side: include/cairn/buffer.h. */
#ifndef CAIRN_CORE_BUFFER_H
#define CAIRN_CORE_BUFFER_H

#include "../include/cairn/buffer.h"

/* Where writers find the ring of a CPU in a buffer. Both in range. */
CAIRN_PRIVATE struct cairn_ring **cairn_buffer_slot(unsigned buffer, unsigned cpu);

/*
 * Call for each ring that a writer of this CPU may reach now or, by an exchange that is going on, soon. `buffer` CAIRN_BUFFER_NONE:
 * of all buffers. Context: any.
 */
CAIRN_PRIVATE void cairn_buffer_each_ring(unsigned buffer, void (*visit)(struct cairn_ring *r));

/*
 * A switch was turned (paused, stopped, a buffer's own): the rings of `buffer` (CAIRN_BUFFER_NONE: all) do what the switches say, those that are
 * being opened and prepared too. Each looks for itself, so a block that changes hands meanwhile does what its new buffer wants. Context: any.
 */
CAIRN_PRIVATE void cairn_buffer_switched(unsigned buffer);

/* What the switches say of a buffer's rings. Context: any. */
CAIRN_PRIVATE bool cairn_buffer_wants_on(unsigned buffer);

/* The same for a ring that writers can find from now on. Context: any. */
CAIRN_PRIVATE void cairn_buffer_follow_switch(struct cairn_ring *r);

/* At init: the main buffer's row. After detach: no buffer but the main one, which has no ring. */
CAIRN_PRIVATE void cairn_buffers_begin(void);
CAIRN_PRIVATE void cairn_buffers_forget(void);

/* What the snapshot of `buffer` holds of a CPU, once it has gone over; else NULL. */
CAIRN_PRIVATE struct cairn_ring *cairn_buffer_snapshot_ring(unsigned buffer, unsigned cpu);

/* A main ring was opened under this index: open what instances have set aside for it. Context: that of cairn_ring_open(). */
CAIRN_PRIVATE void cairn_buffers_attach(unsigned cpu);

/* The writer context of this index has ended, perhaps in the middle of an event. Context: cairn_ring_hand_over(). */
CAIRN_PRIVATE void cairn_buffers_take_over(unsigned cpu);

/* This CPU is in no event now. Context: thread. */
CAIRN_PRIVATE void cairn_buffers_quiet(void);

/* Take back what CPUs have left. `quiet`: this CPU is in no event. Context: thread, any number of callers. */
CAIRN_PRIVATE void cairn_buffers_work(void);

/*
 * gate.c: between enter and leave a CPU holds pointers to instances' rings. A change that was made before cairn_gate_begin_grace() is known to
 * all who enter later; once cairn_gate_grace_is_over() says so, who entered before has left.
 */
#define CAIRN_GATE_DEPTH_MASK ((uint64_t)0xff)
CAIRN_PRIVATE bool cairn_gate_enter(unsigned cpu); /* false: nested too deep */
CAIRN_PRIVATE void cairn_gate_leave(unsigned cpu);
CAIRN_PRIVATE void cairn_gate_begin_grace(void);
CAIRN_PRIVATE bool cairn_gate_grace_is_over(void);

#endif
