/* SPDX-License-Identifier: MIT */
/*
 * Switches the events of one system after the other off and on again, at moments that have nothing to do with what the other CPUs are
 * doing. How they are counted: trace.h.
 */
#include "toggle.h"

#include "clock.h"
#include "random.h"
#include "sched.h"
#include "trace.h"

static const char *const toggle_systems[] = {"sched",      "raw_syscalls", "irq", "nmi",
					     "exceptions", "kmem",         "task"};

#define TOGGLE_SYSTEMS (sizeof(toggle_systems) / sizeof(toggle_systems[0]))

static unsigned long toggle_changes;

static void toggle_thread(struct task *self)
{
	uint64_t state = arch_entropy();

	(void)self;
	for (unsigned long i = 0; i < toggle_changes; i++) {
		task_sleep(clock_from_ns(random_next(&state) % 8000000));
		trace_switch(toggle_systems[i / 2 % TOGGLE_SYSTEMS], i % 2);
	}
}

void toggle_start(unsigned long changes)
{
	toggle_changes = changes;
	task_create_job("toggle", toggle_thread);
}
