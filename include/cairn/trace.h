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
	void *memory;        /* page-aligned, zeroed or not, virtually contiguous; NULL = CAIRN_STATIC_BYTES of .bss */
	size_t memory_bytes;
	bool memory_is_zero; /* true: do not touch pages to clear them (fresh files) */
	unsigned nr_cpus;    /* rings, 1 .. CAIRN_MAX_CPUS */
	bool rings_later;    /* true: no ring is opened at init; the port does, with cairn_ring_open() */
	size_t ring_bytes;   /* a ring; rounded up to a power of two, at least two packets. 0 = what fits the memory */
	size_t packet_bytes; /* a power of two, 4 KiB .. 512 KiB; 0 = 4 KiB */
	size_t metadata_bytes; /* 0 = 64 KiB */
	unsigned max_events;   /* 0 = 256 */
	unsigned max_names;    /* task names, rounded up to a power of two; 0 = 256 */
	enum cairn_mode mode;
	unsigned clock_bits;   /* 0 = 64 */
	uint64_t clock_hz;     /* 0 = not known yet: cairn_clock_set() later */
	uint64_t wall_ns;      /* Unix time now, in ns; 0 = unknown */
	bool user_space;       /* streams are threads */
	uint32_t pid;          /* user space */
	uint64_t start_time;   /* user space: field 22 of /proc/PID/stat */
	const char *name;      /* of the kernel or program; copied */
	const char *build_id;  /* hex; copied; NULL = unknown */
	const char *boot_args; /* command line or environment; the word trace=PATTERNS is obeyed; NULL: nothing
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
 * Returns   0, or CAIRN_EINVAL (a size that is no power of two, no memory, no CPU), CAIRN_ENOMEM (does not fit), CAIRN_EBUSY (already
 *           initialized). A `trace=` pattern that matches nothing is not an error.
 * Context   thread, one CPU.
 */
int cairn_init(const struct cairn_config *config);

/* Forget the region without touching it (after fork: it is the parent's). Emitters find no ring. Context: one thread only. */
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
 *           lost (cause "abandoned"), once; the ring stays readable and must not be written any more.
 * Context   as cairn_ring_open(); what the former writer did is visible here (the caller's business).
 */
int cairn_ring_hand_over(unsigned index, uint32_t task);

/* tracing_on of the whole trace. Off: writers are refused, nothing counts as lost. Context: thread. */
void cairn_tracing_on(void);
void cairn_tracing_off(void);
bool cairn_is_tracing_on(void);

/*
 * The end: no record is written after the writers that are in the middle of one; the region says so, and tools that follow it
 * finish. For exact final numbers stop the other CPUs first. Context: any.
 */
void cairn_stop(void);

/* The tracer of spec origin.md section 1: enables all events that the category filter admits; off at start. */
void cairn_trace_enable(void);
void cairn_trace_disable(void);
bool cairn_trace_enabled(void);
void cairn_trace_set_filter(uint64_t categories);

/* The clock's true rate and its place in wall time became known: at clock value `base` the Unix time was wall_ns. Context: thread. */
void cairn_clock_set(uint64_t hz, uint64_t base, uint64_t wall_ns);

/* What may sleep or send IPIs. Kernels call it from the idle loop or a thread of their own. Context: thread. */
void cairn_work(void);

/*
 * Record a task's name in the table of names, and emit task:task_newtask (a pid seen for the first time) or task:task_rename. Context: any;
 * where another writer is in the middle of the slot, the name is dropped and counted.
 */
void cairn_task_name(uint32_t pid, uint32_t tgid, const char *comm);

/* Sum of the losses of this ring, by cause if `cause` is one. */
uint64_t cairn_ring_lost(const struct cairn_ring *r);

CAIRN_C_END

/* The task that runs on this CPU from here on; context bits stay. Context: the CPU's own, at a switch. */
CAIRN_INLINE void cairn_task(uint32_t pid)
{
	unsigned cpu = cairn_port_cpu();
	struct cairn_ring *r = cpu < CAIRN_MAX_CPUS ? CAIRN_LOAD_PTR(&cairn_rings[cpu]) : NULL;

	if (r)
		cairn_store32(&r->task, (cairn_load32(&r->task) & ~CAIRN_TASK_PID_MASK) | (pid & CAIRN_TASK_PID_MASK));
}

/*
 * An interrupt begins: kind is CAIRN_CTX_HARDIRQ, _SOFTIRQ or _NMI. The result belongs on the handler's stack, for cairn_irq_exit(), which
 * is the last thing before it returns. A task that is switched to for the first time returns from no handler: its first
 * code calls cairn_irq_exit(pid).
 */
CAIRN_INLINE uint32_t cairn_irq_enter(uint32_t kind)
{
	unsigned cpu = cairn_port_cpu();
	struct cairn_ring *r = cpu < CAIRN_MAX_CPUS ? CAIRN_LOAD_PTR(&cairn_rings[cpu]) : NULL;
	uint32_t before;

	if (!r)
		return 0;
	before = cairn_load32(&r->task);
	cairn_store32(&r->task, before | kind);
	return before;
}

CAIRN_INLINE void cairn_irq_exit(uint32_t before)
{
	unsigned cpu = cairn_port_cpu();
	struct cairn_ring *r = cpu < CAIRN_MAX_CPUS ? CAIRN_LOAD_PTR(&cairn_rings[cpu]) : NULL;

	if (r)
		cairn_store32(&r->task, before);
}

#endif
