/* SPDX-License-Identifier: MIT */
/*
 * Cairn in this kernel: the events it emits, and TRACE(), which emits one and counts it.
 *
 * A kernel of yours needs the #includes below and calls cairn_trace_NAME(...) where this one says
 * TRACE(NAME, ...). The counting is here because this kernel is also a test: what it emitted by its own
 * count, CPU by CPU and event by event, is compared with what is found in the trace.
 *
 * The count of an event is two numbers, so that a memory dump at any moment gives bounds:
 * left <= emitted <= entered. This does not hold while the event is being switched on or off: the question
 * whether it is on, and the event itself, are two tracepoints, which follow one after the other.
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include "arch.h"

#if CAIRN_STUB
#include "trace_stub.h"
#else
#include <cairn/cairn.h>
#include <cairn/events/exceptions.h>
#include <cairn/events/irq.h>
#include <cairn/events/nmi.h>
#include <cairn/events/raw_syscalls.h>
#include <cairn/events/sched.h>

#if KERNEL_LINUX_EVENTS  /* the tree has linux-compat/ */
#include "events/kmem.h" /* the same in Linux's form: TRACE_EVENT() and trace_NAME() */
#else
#include <cairn/events/kmem.h>
#endif
#endif

/* Every event that this kernel emits: X(system, name). */
#define KERNEL_EVENTS(X)               \
	X(sched, sched_switch)         \
	X(sched, sched_wakeup)         \
	X(sched, sched_process_exit)   \
	X(irq, irq_handler_entry)      \
	X(irq, irq_handler_exit)       \
	X(raw_syscalls, sys_enter)     \
	X(raw_syscalls, sys_exit)      \
	X(exceptions, page_fault_user) \
	X(kmem, mm_page_alloc)         \
	X(kmem, mm_page_free)          \
	X(nmi, nmi_handler)

#define TRACE_INDEX_OF_(system, name) TRACE_INDEX_##name,
enum trace_index { KERNEL_EVENTS(TRACE_INDEX_OF_) TRACE_NR_EVENTS };

/*
 * What was emitted. A test finds this in a dump of the memory by its magic, and reads it with the
 * dimensions it carries: CPUs that do not exist have zeros.
 */
struct trace_counts {
	char magic[24]; /* "CAIRN-EXAMPLE-COUNTS", zeros */
	uint32_t nr_cpus;
	uint32_t nr_events;
	char names[TRACE_NR_EVENTS][40]; /* "system:name" */
	uint64_t entered[MAX_CPUS][TRACE_NR_EVENTS];
	uint64_t left[MAX_CPUS][TRACE_NR_EVENTS];
};

extern struct trace_counts trace_counts;

/*
 * Emit an event declared in the short form, and count it. TRACE(irq_handler_entry, 0, "timer") is
 *
 *     if (cairn_trace_irq_handler_entry_enabled()) {
 *             preempt_disable();
 *             entered++;
 *             cairn_trace_irq_handler_entry(0, "timer");
 *             left++;
 *             preempt_enable();
 *     }
 *
 * Preemption is off so that record and count are on one CPU.
 */
#define TRACE(name, ...) TRACE_COUNTED_(cairn_trace_, name, __VA_ARGS__)

/* The same for an event declared in Linux's form. */
#if KERNEL_LINUX_EVENTS
#define TRACE_LINUX(name, ...) TRACE_COUNTED_(trace_, name, __VA_ARGS__)
#else
#define TRACE_LINUX(name, ...) TRACE(name, __VA_ARGS__)
#endif

#define TRACE_COUNTED_(prefix, name, ...)                                                  \
	do {                                                                               \
		if (prefix##name##_enabled()) {                                            \
			preempt_disable();                                                 \
			arch_count(&trace_counts.entered[arch_cpu()][TRACE_INDEX_##name]); \
			prefix##name(__VA_ARGS__);                                         \
			arch_count(&trace_counts.left[arch_cpu()][TRACE_INDEX_##name]);    \
			preempt_enable();                                                  \
		}                                                                          \
	} while (0)

/*
 * Give Cairn its memory and start it; `trace=` on the command line chooses what is recorded from here on.
 *
 * @ring_bytes   per CPU; a power of two.
 * Context       boot CPU, before frames_init().
 */
void trace_init(struct boot_info *info, size_t ring_bytes);

/* End of the recording, then the counts on the console. Context: the only CPU left, no NMIs. */
void trace_report(void);

#endif
