/* SPDX-License-Identifier: MIT */
/*
 * The contract with the host. A port is a header `cairn_port.h` on the include path, and for the out-of-line functions that it
 * announces, code anywhere in the host. Cairn calls nothing else of the host's, mem* and str* included.
 *
 * Preconditions of the whole library:
 * C1 What interrupts a writer on its stream (irq, NMI, trap, signal) finishes before the writer goes on.
 * C2 Between cairn_port_preempt_off() and cairn_port_preempt_on() the code stays on its CPU (on its stream).
 * C3 cairn_port_clock() does not step back on one CPU. If it does, Cairn waits for a bounded number of reads, then counts the
 *    event as lost (cause "clock").
 * C4 What a port function calls is not traced.
 *
 * cairn_port.h must define, as inline functions or macros:
 *
 *	uint64_t cairn_port_clock(void)
 *		Ticks of a free-running counter. Any context, NMI too. Not ordered with memory.
 *	unsigned cairn_port_cpu(void)
 *		Index of this CPU (kernel) or of this thread's stream (user space), 0 .. nr_cpus - 1. An index out of range counts the
 *		event as lost (cause "no stream") or, with CAIRN_PORT_ATTACH, asks for a stream. Any context.
 *	unsigned long cairn_port_preempt_off(void), void cairn_port_preempt_on(unsigned long)
 *		Keep this code on its CPU; nests. Empty (returning 0) where code that emits is neither preempted nor migrated. Interrupt
 *		save and restore will do; interrupts are only restored, never enabled.
 *
 * and may define to 1, each with its function (default 0; CAIRN_PORT_CLOCK_BITS: a width):
 *
 *	CAIRN_PORT_IRQS_OFF	bool cairn_port_irqs_off(void), inline: interrupts are off; the record then says so.
 *	CAIRN_PORT_WRITE_TEXT	int cairn_port_write_text(void *addr, const void *bytes, unsigned len): write program text. 0, or a
 *				negative CAIRN_E*. Thread context. With CAIRN_PORT_SYNC_CORES it turns on static keys.
 *	CAIRN_PORT_SYNC_CORES	void cairn_port_sync_cores(void): when it returns, every CPU has executed a serializing instruction
 *				since the call. Thread context.
 *	CAIRN_PORT_ATTACH	void cairn_port_attach(void): this context has no stream (index out of range, or no ring): get one with
 *				cairn_ring_open(), or leave it. Any context; the event that asked is written if it got one.
 *	CAIRN_PORT_STAGE	(with CAIRN_PORT_ATTACH) for contexts that got no stream of their own; the record is made elsewhere and then copied
 *				into a stream:
 *				struct cairn_ring *cairn_port_staging(void), inline: a ring of this context alone, of mode
 *				CAIRN_RING_STAGING (ring.h), or NULL. Only a context without a stream has one.
 *				struct cairn_ring *cairn_port_stage(uint32_t size): take room for a record of `size` bytes there, moving its
 *				`pos` by as much and CAIRN_ONE_RECORD; LIFO. NULL: there is none.
 *				void cairn_port_commit(struct cairn_ring *r, char *record, uint32_t size): write the record that was made
 *				there to a stream, or count it as lost, and give the room back. The id lies at 6, the payload at 12; time and
 *				task word are the port's to give.
 *				void cairn_port_lose(struct cairn_ring *r, int cause): count an event (enum cairn_lost) as lost in the stream
 *				that this context would write to, unless it is off.
 *				void cairn_port_flush(void): cairn_flush() for that stream.
 *				Any context.
 *	CAIRN_PORT_WAKE		void cairn_port_wake(unsigned cpu): the ring of this CPU is filled up to the level that cairn_buffer_wake_at() set:
 *				wake who reads it. Any context, NMI included, preemption off, in the middle of an event: it may only leave
 *				a note (raise a soft interrupt, set a flag that the next timer interrupt looks at).
 *	CAIRN_PORT_CLOCK_BITS	(default 64) width of cairn_port_clock(), 24 .. 64, of which upper bits are ignored: a narrower counter is widened
 *				against the ring's last time. It is right if on each CPU an event or cairn_tick() comes at least once in
 *				15/16 of the counter's range (4 s of a 32-bit counter of 1 GHz).
 *	CAIRN_PORT_JUMPS	what interrupts a writer may leave it for good (siglongjmp out of a signal handler), an exception to C1:
 *				void cairn_port_mark(uint64_t *frame), inline: store where this context's stack is. Any context.
 *				bool cairn_port_marked(uint64_t frame), inline: this context stored `frame`, not one that has interrupted it.
 *				Where it says no by mistake, complete records are given up.
 *				bool cairn_port_recover(struct cairn_ring *r, enum cairn_left left): a record is pending on `r`. CAIRN_LEFT: it
 *				was left. CAIRN_LEFT_PERHAPS: its writer, at the stack r->frame, was left, or is interrupted by this context. If
 *				it was left, give up what is pending by cairn_ring_recover(), with everything that could interrupt held off.
 *				True: look again; false: the writer will go on, or that is not known. One that will go on must never be taken
 *				for one that was left. Any context.
 *	CAIRN_PORT_RING		struct cairn_ring *cairn_port_ring(void), inline: the ring of this context, or NULL; in place of a look into
 *				cairn_rings[] at cairn_port_cpu(). Any context.
 *	CAIRN_PORT_SHARE	several images of one process (program, shared libraries) have copies of Cairn, which share one region: then
 *				cairn_adopt() and its kin exist (trace.h), and the symbols of a copy are hidden, so that no image takes another's.
 *	CAIRN_PORT_POPULATE	int cairn_port_populate(uint64_t offset, uint64_t bytes): this part of the region is about to be written for
 *				the first time; make sure that it can be. 0, or a negative CAIRN_E* (a ring is then not opened, an event
 *				not described). Called again for what is populated already, with neighbours in the same page. Any context
 *				that opens rings.
 *	CAIRN_PORT_ENTROPY	uint64_t cairn_port_entropy(void): 64 random bits for the region's UUID. Thread context, at init.
 *	CAIRN_PORT_CACHE_CLEAN	void cairn_port_cache_clean(void *addr, size_t bytes): write back data caches; called in panic.
 *	CAIRN_PORT_PUTC, CAIRN_PORT_SCHEDULE_WORK, CAIRN_PORT_VIRT_TO_PHYS: not called by this version.
 */
#ifndef CAIRN_PORT_H
#define CAIRN_PORT_H

#include "compiler.h"
#include "cairn_port.h"

#ifndef CAIRN_PORT_IRQS_OFF
#define CAIRN_PORT_IRQS_OFF 0
#endif
#ifndef CAIRN_PORT_WRITE_TEXT
#define CAIRN_PORT_WRITE_TEXT 0
#endif
#ifndef CAIRN_PORT_SYNC_CORES
#define CAIRN_PORT_SYNC_CORES 0
#endif
#ifndef CAIRN_PORT_ATTACH
#define CAIRN_PORT_ATTACH 0
#endif
#ifndef CAIRN_PORT_STAGE
#define CAIRN_PORT_STAGE 0
#endif
#ifndef CAIRN_PORT_JUMPS
#define CAIRN_PORT_JUMPS 0
#endif
#ifndef CAIRN_PORT_RING
#define CAIRN_PORT_RING 0
#endif
#ifndef CAIRN_PORT_SHARE
#define CAIRN_PORT_SHARE 0
#endif
#ifndef CAIRN_PORT_POPULATE
#define CAIRN_PORT_POPULATE 0
#endif
#ifndef CAIRN_PORT_ENTROPY
#define CAIRN_PORT_ENTROPY 0
#endif
#ifndef CAIRN_PORT_CACHE_CLEAN
#define CAIRN_PORT_CACHE_CLEAN 0
#endif

#ifndef CAIRN_PORT_WAKE
#define CAIRN_PORT_WAKE 0
#endif
#ifndef CAIRN_PORT_CLOCK_BITS
#define CAIRN_PORT_CLOCK_BITS 64
#endif
#if CAIRN_PORT_CLOCK_BITS < 24 || CAIRN_PORT_CLOCK_BITS > 64
#error "CAIRN_PORT_CLOCK_BITS must lie in 24 .. 64: the width of what cairn_port_clock() returns"
#endif

#if CAIRN_PORT_SHARE
#undef CAIRN_C_BEGIN
#undef CAIRN_C_END
#ifdef __cplusplus
#define CAIRN_C_BEGIN _Pragma("GCC visibility push(hidden)") extern "C" {
#define CAIRN_C_END   } _Pragma("GCC visibility pop")
#else
#define CAIRN_C_BEGIN _Pragma("GCC visibility push(hidden)")
#define CAIRN_C_END   _Pragma("GCC visibility pop")
#endif
#endif

#if CAIRN_PORT_STAGE || CAIRN_PORT_JUMPS
struct cairn_ring;
#endif
#if CAIRN_PORT_JUMPS
enum cairn_left { CAIRN_LEFT, CAIRN_LEFT_PERHAPS };
#endif

CAIRN_C_BEGIN

#if CAIRN_PORT_WRITE_TEXT
int cairn_port_write_text(void *addr, const void *bytes, unsigned len);
#endif
#if CAIRN_PORT_SYNC_CORES
void cairn_port_sync_cores(void);
#endif
#if CAIRN_PORT_ATTACH
void cairn_port_attach(void);
#endif
#if CAIRN_PORT_STAGE
struct cairn_ring *cairn_port_stage(uint32_t size);
void cairn_port_commit(struct cairn_ring *r, char *record, uint32_t size);
void cairn_port_lose(struct cairn_ring *r, int cause); /* enum cairn_lost */
void cairn_port_flush(void);
#endif
#if CAIRN_PORT_WAKE
void cairn_port_wake(unsigned cpu);
#endif
#if CAIRN_PORT_JUMPS
bool cairn_port_recover(struct cairn_ring *r, enum cairn_left left);
#endif
#if CAIRN_PORT_POPULATE
int cairn_port_populate(uint64_t offset, uint64_t bytes);
#endif
#if CAIRN_PORT_ENTROPY
uint64_t cairn_port_entropy(void);
#endif
#if CAIRN_PORT_CACHE_CLEAN
void cairn_port_cache_clean(void *addr, size_t bytes);
#endif

CAIRN_C_END

#endif
