/* SPDX-License-Identifier: MIT */
/*
 * CAIRN_STUB=1: the kernel without Cairn. The hooks do nothing and every event is on, so that the
 * counting can be tested alone. The prototypes are those of the events with the same names.
 */
#ifndef KERNEL_TRACE_STUB_H
#define KERNEL_TRACE_STUB_H

#include "cairn_port.h"

enum {
	CAIRN_CTX_HARDIRQ,
	CAIRN_CTX_SOFTIRQ,
	CAIRN_CTX_NMI,
};

static inline void cairn_task(uint32_t pid)
{
	(void)pid;
}

static inline void cairn_task_name(uint32_t pid, uint32_t tgid, const char *comm)
{
	(void)pid;
	(void)tgid;
	(void)comm;
}

static inline uint32_t cairn_irq_enter(uint32_t context)
{
	return context;
}

static inline void cairn_irq_exit(uint32_t context)
{
	(void)context;
}

static inline void cairn_work(void) {}

#define STUB_EVENT_(function, ...)                  \
	static inline bool function##_enabled(void) \
	{                                           \
		return true;                        \
	}                                           \
	__attribute__((unused)) static void function(__VA_ARGS__)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
STUB_EVENT_(cairn_trace_sched_switch, const char *prev_comm, int prev_pid, int prev_prio,
	    long prev_state, const char *next_comm, int next_pid, int next_prio)
{
}
STUB_EVENT_(cairn_trace_sched_wakeup, const char *comm, int pid, int prio, int target_cpu) {}
STUB_EVENT_(cairn_trace_sched_process_exit, const char *comm, int pid, int prio) {}
STUB_EVENT_(cairn_trace_irq_handler_entry, int irq, const char *name) {}
STUB_EVENT_(cairn_trace_irq_handler_exit, int irq, int ret) {}
STUB_EVENT_(cairn_trace_sys_enter, long id, const unsigned long *args) {}
STUB_EVENT_(cairn_trace_sys_exit, long id, long ret) {}
STUB_EVENT_(cairn_trace_page_fault_user, unsigned long address, unsigned long ip,
	    unsigned long error_code)
{
}
STUB_EVENT_(cairn_trace_nmi_handler, void *handler, int64_t delta_ns, int handled) {}
STUB_EVENT_(cairn_trace_mm_page_alloc, unsigned long pfn, unsigned order, unsigned long gfp_flags,
	    int migratetype)
{
}
STUB_EVENT_(cairn_trace_mm_page_free, unsigned long pfn, unsigned order) {}
#pragma GCC diagnostic pop

#endif
