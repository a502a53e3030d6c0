/* SPDX-License-Identifier: MIT */
/*
 * A trace: the region with the rings of all CPUs; start and stop; who runs.
 *
 * Usual sequence in a kernel: cairn_init() once the CPUs are counted and the clock runs; the hooks below from the scheduler and the
 * interrupt entry; cairn_work() in the idle loop; cairn_stop() at the end or in panic. The region is then read from outside.
 *
 * Nothing is enabled at start; `trace=sched:*,irq:*` in boot_args, cairn_events_enable() or cairn_trace_enable() switch events on.
 * Events before cairn_init() are no-ops.
 */
#ifndef CAIRN_TRACE_H
#define CAIRN_TRACE_H

#include "compiler.h"
#include "error.h"
#include "layout.h"
#include "ring.h"

struct cairn_config {
	void *memory; /* page-aligned, zeroed or not, virtually contiguous; NULL = CAIRN_STATIC_BYTES of .bss */
	size_t memory_bytes;
	bool memory_is_zero; /* true: do not touch pages to clear them (fresh files) */
	unsigned nr_cpus;    /* rings, 1 .. CAIRN_MAX_CPUS */
	bool rings_later; /* true: no ring is opened at init; the port does, with cairn_ring_open() */
	size_t ring_bytes; /* a ring; rounded up to a power of two, at least two packets. 0 = what fits the memory */
	size_t packet_bytes;   /* a power of two, 4 KiB .. 512 KiB; 0 = 4 KiB */
	size_t metadata_bytes; /* 0 = 64 KiB */
	unsigned max_events;   /* 0 = 256 */
	unsigned max_names;    /* task names, rounded up to a power of two; 0 = 256 */
	enum cairn_mode mode;
	unsigned max_buffers; /* main, instances and snapshots together, 1 .. CAIRN_MAX_BUFFERS; 0 = 1 */
	size_t arena_bytes;   /* packets of all buffers; 0, or too little: nr_cpus * ring_bytes * max_buffers. Resizing and snapshots
				 need room for old and new at once */
	unsigned nr_fixed;    /* the last so many of nr_cpus are rings that several contexts write to (CAIRN_PORT_STAGE): they keep size and place,
				 and are in no instance or snapshot */
	unsigned clock_bits;  /* 0 = CAIRN_PORT_CLOCK_BITS */
	uint64_t clock_hz;    /* 0 = not known yet: cairn_clock_set() later */
	uint64_t wall_ns;     /* Unix time now, in ns; 0 = unknown */
	bool user_space;      /* streams are threads */
	uint32_t pid;         /* user space */
	uint64_t start_time;  /* user space: field 22 of /proc/PID/stat */
	const char *name;     /* of the kernel or program; copied */
	const char *build_id; /* hex; copied; NULL = unknown */
	const char *
		boot_args; /* command line or environment; the word trace=PATTERNS is obeyed; NULL: nothing
				  is enabled but what already was (see cairn_detach()); not kept */
};

CAIRN_C_BEGIN

/*
 * Bytes of memory that a configuration needs (its memory and memory_bytes are not looked at).
 * Returns CAIRN_EINVAL or CAIRN_ERANGE for a size that no region can have.
 */
int64_t cairn_region_bytes(const struct cairn_config *config);

/*
 * Make the region and register this image's events. May be called again after cairn_detach(): what is enabled stays enabled.
 *
 * Owner     the memory is Cairn's from here on; the structure may go.
 * Returns   0, or CAIRN_EINVAL (packet_bytes that is no power of two, no or unaligned memory, no or too many CPUs), CAIRN_ERANGE (a size
 *           that no region can have), CAIRN_ENOMEM (does not fit), CAIRN_ENOSPC (metadata_bytes too small for the head), CAIRN_EBUSY
 *           (already initialized), or what cairn_port_populate() returned. After an error the memory is the caller's again and
 *           events are no-ops. No error: a `trace=` pattern that matches nothing, an event that does not fit (counted in
 *           state.metadata_refused), a ring that could not be opened (its CPU's events are lost, cause "no stream").
 * Context   thread, one CPU. Interrupts, and hooks on other CPUs, may come: their events and names are recorded or not.
 */
int cairn_init(const struct cairn_config *config);

/*
 * Forget the region without touching it (after fork: it is the parent's). Emitters find no ring and count nothing; control calls are
 * remembered for the next cairn_init(). What is enabled and tracing_on stay; a stop does not.
 *
 * Context   one thread only, nothing in the middle of an event: a record begun before would be finished in the old memory.
 */
void cairn_detach(void);

/* The region's memory and length; NULL and 0 before init. */
void *cairn_region(size_t *bytes);

/*
 * Open the ring with this index (rings_later).
 *
 * @task     first task word, normally the thread's id.
 * Returns   0, CAIRN_EINVAL (index, no region), CAIRN_EBUSY (open already), or what cairn_port_populate() returned.
 * Context   that of cairn_port_attach(); each index by one caller.
 */
int cairn_ring_open(unsigned index, uint32_t task);

/*
 * Give an open ring to another writer context, after the one that had it has ended (rings_later).
 *
 * @task     as in cairn_ring_open().
 * Returns   0, CAIRN_EINVAL (no such ring), or CAIRN_EBUSY: it ended in the middle of an event. What it left unfinished is counted as
 *           lost (cause "abandoned"), once; the ring stays readable and must not be written any more. With CAIRN_PORT_JUMPS it goes
 *           on instead: 0.
 * Context   as cairn_ring_open(); what the former writer did is visible here (the caller's business).
 */
int cairn_ring_hand_over(unsigned index, uint32_t task);

/*
 * tracing_on of the whole trace. Off: writers are refused, nothing counts as lost. Writers in the middle of a record finish it. On has no
 * effect after cairn_stop(). Before cairn_init() they say how it begins. Context: thread, one caller at a time.
 */
void cairn_tracing_on(void);
void cairn_tracing_off(void);
bool cairn_is_tracing_on(void);

/*
 * Close the part-filled packet of this CPU's (thread's) ring, so that readers of whole packets see what is in it. Costs the rest of the
 * packet. Does nothing where the packet is empty, the ring is off, or (discard mode) no packet is free. Context: any.
 */
void cairn_flush(void);

/*
 * The end: no record is written after the writers that are in the middle of one; the region says so, and tools that follow it
 * finish. For exact final numbers stop the other CPUs first. Only cairn_detach() and a new cairn_init() end it; a second call does
 * nothing. Context: any, NMI and panic included, also in the middle of another control call.
 */
void cairn_stop(void);

/*
 * The tracer: a consumer of its own (enum cairn_consumer) that wants all events whose categories the filter admits, later ones too;
 * off at start, and the filter admits all.
 *
 * @categories   bits CAIRN_CAT(...); an event is admitted if it has one of them. CAIRN_CAT_ALL: events without category too.
 * Context       thread, one caller at a time. Sites that cannot be patched are not reported: cairn_event_enable() does.
 */
void cairn_trace_enable(void);
void cairn_trace_disable(void);
bool cairn_trace_enabled(void);
void cairn_trace_set_filter(uint64_t categories);

/*
 * The clock's true rate and its place in wall time became known: at clock value `base` the Unix time was wall_ns. hz 0: the
 * superblock's words count again. No-op before cairn_init().
 *
 * Context   any; a call while another one is in the middle (on another CPU, or interrupted by this one) has no effect.
 */
void cairn_clock_set(uint64_t hz, uint64_t base, uint64_t wall_ns);

/*
 * The clock has restarted, as after a suspend: from here on times are of a new epoch, and each CPU closes its packet at its next event. Times
 * of different epochs are not compared; readers put epochs one behind the other. Give the new base by cairn_clock_set(). What cairn_keep()
 * armed is forgotten.
 *
 * Context   any, once per restart, before other CPUs emit with the new clock: what they emit before may be lost (cause "clock") or stand in
 *           the old epoch. An event in the middle of which the clock restarted keeps its old time.
 */
void cairn_clock_reset(void);

/*
 * For the timer interrupt: this CPU does what other CPUs' control calls have asked of it (buffer.h), narrow clocks are kept alive
 * (CAIRN_PORT_CLOCK_BITS), and cairn_keep() is heard. Optional; without it the next event does the same. Context: any, on each CPU.
 */
void cairn_tick(void);

/*
 * What may sleep or send IPIs. It also tells Cairn that no event is going on on this CPU, so that what it has left can be used again: do not
 * call it from a probe or an interrupt handler. Kernels call it from the idle loop or a thread of their own. Context: thread.
 */
void cairn_work(void);

/*
 * Record a task's name in the table of names, and emit task:task_newtask (a pid seen for the first time) or task:task_rename. Context: any;
 * where another writer is in the middle of the slot, the name is dropped and counted.
 */
void cairn_task_name(uint32_t pid, uint32_t tgid, const char *comm);

#if CAIRN_PORT_SHARE
/* What another copy of Cairn in this process needs to use this one's region. Equal signatures: the copies are built alike. */
struct cairn_shared {
	uint32_t signature[8];
	void *image;
	struct cairn_ring **rings;
	struct cairn_orders *orders;
};

/* What this copy uses, its own or another's. */
void cairn_share(struct cairn_shared *out);

/*
 * Use the region of another copy, instead of cairn_init(): all calls of this copy act there, and the events of this image are registered.
 *
 * Returns   number of events registered, or what cairn_register() returns; CAIRN_EINVAL: not built alike, nothing has happened.
 * Owner     `other` must not go away before cairn_leave().
 * Context   thread, before this image emits; like all control operations, one caller at a time.
 */
int cairn_adopt(const struct cairn_shared *other);

/* Take the events of this image out again (cairn_unregister()), and be on one's own. Context: as cairn_adopt(). */
void cairn_leave(void);
#endif

/* Count one event as lost for want of a stream, unless recording is off. For ports. Context: any. */
void cairn_lost_no_stream(void);

/* Sum of the losses of this ring, all causes. Context: any; while the ring's CPU loses events, not an instant's. */
uint64_t cairn_ring_lost(const struct cairn_ring *r);

CAIRN_C_END

/*
 * The hooks below keep the task word of this CPU's ring. An interrupt may put another ring in its place meanwhile, with the word as it was: so
 * they look again.
 */
CAIRN_INLINE void cairn_ring_set_task(struct cairn_ring *r, uint32_t word)
{
	struct cairn_ring *now;

	for (; r; r = now) {
		cairn_store32(&r->task, word);
		now = cairn_ring_here();
		if (CAIRN_LIKELY(now == r))
			break;
	}
}

/* The task that runs on this CPU from here on; context bits stay. Context: the CPU's own, at a switch. */
CAIRN_INLINE void cairn_task(uint32_t pid)
{
	struct cairn_ring *r = cairn_ring_here();

	if (r)
		cairn_ring_set_task(r, (cairn_load32(&r->task) & ~CAIRN_TASK_PID_MASK) | (pid & CAIRN_TASK_PID_MASK));
}

/*
 * An interrupt begins: kind is CAIRN_CTX_HARDIRQ, _SOFTIRQ or _NMI. The result belongs on the handler's stack, for cairn_irq_exit(), which
 * is the last thing before it returns. A task that is switched to for the first time returns from no handler: its first
 * code calls cairn_irq_exit(pid).
 */
CAIRN_INLINE uint32_t cairn_irq_enter(uint32_t kind)
{
	struct cairn_ring *r = cairn_ring_here();
	uint32_t before = r ? cairn_load32(&r->task) : 0;

	cairn_ring_set_task(r, before | kind);
	return before;
}

CAIRN_INLINE void cairn_irq_exit(uint32_t before)
{
	cairn_ring_set_task(cairn_ring_here(), before);
}

#endif
