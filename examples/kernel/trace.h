/* SPDX-License-Identifier: MIT */
/*
 * Cairn in this kernel: the events it emits, and TRACE(), which emits one and counts it.
 *
 * A kernel of yours needs the #includes below and calls cairn_trace_NAME(...) where this one says
 * TRACE(NAME, ...). The counting is here because this kernel is also a test: what it emitted by its own
 * count, CPU by CPU and event by event, is compared with what is found in the trace.
 *
 * The count of an event is three numbers, so that a memory dump at any moment gives bounds:
 * left <= emitted <= entered, and entered = left + unsure when nothing is being emitted. Unsure are those during
 * which events were being switched: the question whether the event is on, the event itself and its gate follow
 * one after the other, so that one that was asked for may not be recorded any more. Who switches events while
 * they fire does so by trace_switch(); without it nothing is unsure and the counts are exact.
 *
 * ORDER switch:A / switch:B
 *   trace_switch() makes the event's number in trace_switches odd, switches, makes it even. An emitter that saw
 *   anything of the switch finds another number behind the event than before it, or an odd one.
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
	uint64_t unsure[MAX_CPUS][TRACE_NR_EVENTS];
	uint64_t stale[MAX_CPUS]; /* tracepoints that went on although off: must be 0 */
};

extern struct trace_counts trace_counts;

extern uint32_t trace_switches[TRACE_NR_EVENTS];
extern bool trace_off[TRACE_NR_EVENTS]; /* by trace_switch() */

static inline uint32_t trace_switches_before(enum trace_index event)
{
	/* ORDER switch:B, pairs with switch:A */
	return __atomic_load_n(&trace_switches[event], __ATOMIC_ACQUIRE);
}

/* Whether the event has been switched since, or is being switched. */
static inline bool trace_switched(enum trace_index event, uint32_t before)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* ORDER switch:B, pairs with switch:A */
	return before % 2 || __atomic_load_n(&trace_switches[event], __ATOMIC_RELAXED) != before;
}

/* The event is over. Context: the CPU that emitted it, preemption off. */
static inline void trace_count_left(enum trace_index event, uint32_t switches_before)
{
	unsigned cpu = arch_cpu();
	bool off = __atomic_load_n(&trace_off[event], __ATOMIC_RELAXED);

	if (trace_switched(event, switches_before)) {
		arch_count(&trace_counts.unsure[cpu][event]);
	} else if (off) {
		arch_count(&trace_counts.unsure[cpu][event]);
		arch_count(&trace_counts.stale[cpu]);
	} else {
		arch_count(&trace_counts.left[cpu][event]);
	}
}

/*
 * Emit an event declared in the short form, and count it. TRACE(irq_handler_entry, 0, "timer") is
 *
 *     uint32_t switches = trace_switches_before(TRACE_INDEX_irq_handler_entry);
 *     if (cairn_trace_irq_handler_entry_enabled()) {
 *             preempt_disable();
 *             entered++;
 *             cairn_trace_irq_handler_entry(0, "timer");
 *             trace_count_left(TRACE_INDEX_irq_handler_entry, switches);
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
		uint32_t trace_before_ = trace_switches_before(TRACE_INDEX_##name);        \
		if (enabled) {                                                             \
			preempt_disable();                                                 \
			arch_count(&trace_counts.entered[arch_cpu()][TRACE_INDEX_##name]); \
			emit;                                                              \
			trace_count_left(TRACE_INDEX_##name, trace_before_);               \
			preempt_enable();                                                  \
		}                                                                          \
	} while (0)

/*
 * cairn_task_name(), counted: it emits task:task_newtask or task:task_rename. The count is right while both are on or both are
 * off. It is called in any case, so it may emit although the answer before was no.
 */
static inline void trace_task_name(int pid, const char *comm)
{
	uint32_t before = trace_switches_before(TRACE_INDEX_task_name);
	bool on = cairn_trace_task_newtask_enabled();

	preempt_disable();
	if (on)
		arch_count(&trace_counts.entered[arch_cpu()][TRACE_INDEX_task_name]);
	cairn_task_name((uint32_t)pid, (uint32_t)pid, comm);
	if (!on && trace_switched(TRACE_INDEX_task_name, before)) {
		arch_count(&trace_counts.entered[arch_cpu()][TRACE_INDEX_task_name]);
		arch_count(&trace_counts.unsure[arch_cpu()][TRACE_INDEX_task_name]);
	} else if (on) {
		trace_count_left(TRACE_INDEX_task_name, before);
	}
	preempt_enable();
}

/*
 * Give Cairn its memory and start it; `trace=` on the command line chooses what is recorded from here on.
 *
 * @ring_bytes   per CPU; a power of two.
 * Context       boot CPU, before frames_init().
 */
void trace_init(struct boot_info *info, size_t ring_bytes, enum cairn_mode mode);

/* Switch all events of a system while they fire. Context: thread, interrupts on, one caller at a time. */
void trace_switch(const char *system, bool on);

/* The end of the recording. For exact counts: on the only CPU left, no NMIs. Context: any. */
void trace_stop(void);

/* The counts on the console, one line each. */
void trace_report(void);

#endif
