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

#include <cairn/cairn.h>
#include <cairn/events/exceptions.h>
#include <cairn/events/irq.h>
#include <cairn/events/nmi.h>
#include <cairn/events/raw_syscalls.h>
#include <cairn/events/sched.h>
#include <cairn/events/task.h>

#include "events/step.h"

#include "events/kmem.h" /* in Linux's form: TRACE_EVENT(), and trace_NAME() where it happens */

/* Every event that this kernel emits: X(name, "system:name"). Cairn's own of system task are one row. */
#define KERNEL_EVENTS(X)                                  \
	X(sched_switch, "sched:sched_switch")             \
	X(sched_wakeup, "sched:sched_wakeup")             \
	X(sched_process_exit, "sched:sched_process_exit") \
	X(irq_handler_entry, "irq:irq_handler_entry")     \
	X(irq_handler_exit, "irq:irq_handler_exit")       \
	X(sys_enter, "raw_syscalls:sys_enter")            \
	X(sys_exit, "raw_syscalls:sys_exit")              \
	X(page_fault_user, "exceptions:page_fault_user")  \
	X(mm_page_alloc, "kmem:mm_page_alloc")            \
	X(mm_page_free, "kmem:mm_page_free")              \
	X(nmi_handler, "nmi:nmi_handler")                 \
	X(step_probe, "step:step_probe")                  \
	X(step_text, "step:step_text")                    \
	X(step_large, "step:step_large")                  \
	X(step_instruction, "step:step_instruction")      \
	X(task_name, "task:*")

#define TRACE_INDEX_OF_(name, text) TRACE_INDEX_##name,
enum trace_index { KERNEL_EVENTS(TRACE_INDEX_OF_) TRACE_NR_EVENTS };

/*
 * What was emitted. A test finds this in a dump of the memory by its magic, and reads it with the
 * dimensions it carries: CPUs that do not exist have zeros.
 */
struct trace_counts {
	char magic[24]; /* "CAIRN-EXAMPLE-COUNTS", zeros */
	uint32_t nr_cpus;
	uint32_t nr_events;
	char names[TRACE_NR_EVENTS][40];
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
#define TRACE(name, ...) \
	TRACE_COUNTED_(name, cairn_trace_##name##_enabled(), cairn_trace_##name(__VA_ARGS__))

/* The same for an event declared in Linux's form. */
#define TRACE_LINUX(name, ...) \
	TRACE_COUNTED_(name, trace_##name##_enabled(), trace_##name(__VA_ARGS__))

#define TRACE_COUNTED_(name, enabled, emit)                                                \
	do {                                                                               \
		if (enabled) {                                                             \
			preempt_disable();                                                 \
			arch_count(&trace_counts.entered[arch_cpu()][TRACE_INDEX_##name]); \
			emit;                                                              \
			arch_count(&trace_counts.left[arch_cpu()][TRACE_INDEX_##name]);    \
			preempt_enable();                                                  \
		}                                                                          \
	} while (0)

/*
 * cairn_task_name(), counted: it emits task:task_newtask or task:task_rename. The count is right while both are
 * on or both are off.
 */
static inline void trace_task_name(int pid, const char *comm)
{
	if (cairn_trace_task_newtask_enabled())
		TRACE_COUNTED_(task_name, true,
			       cairn_task_name((uint32_t)pid, (uint32_t)pid, comm));
	else
		cairn_task_name((uint32_t)pid, (uint32_t)pid, comm);
}

/*
 * Give Cairn its memory and start it; `trace=` on the command line chooses what is recorded from here on.
 *
 * @ring_bytes   per CPU; a power of two.
 * Context       boot CPU, before frames_init().
 */
void trace_init(struct boot_info *info, size_t ring_bytes, enum cairn_mode mode);

/* The end of the recording. For exact counts: on the only CPU left, no NMIs. Context: any. */
void trace_stop(void);

/* The counts on the console, one line each. */
void trace_report(void);

#endif
