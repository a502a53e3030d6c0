/* SPDX-License-Identifier: MIT */
/*
 * CPUs that come and go.
 *
 *	online --leaving is set--> gets no tasks, drops the one it runs --idle--> queue given away, online is cleared, halted
 *	halted --arch_cpu_start()--> cpu_main() on the idle task's stack, from its top --> online
 *
 * Cairn is told nothing: the stream of a CPU that is away is a stream without events. But the CPU closes its packet before it goes, so that
 * who reads whole packets (a consumer in discard mode) has all of it; and it goes in the idle loop, in the middle of no event. One that
 * is started anew while a record of its is begun would never commit it.
 *
 * ORDER away:A / away:B
 *   All that a CPU did, then online = false; or, of an NMI that still came, nmi_depth = 0 (irq.c). Who acquires both starts it anew.
 */
#include "hotplug.h"

#include "clock.h"
#include "print.h"
#include "sched_locked.h"
#include "trace.h"

static unsigned long hotplug_changes, hotplug_absent;

void hotplug_leave(void)
{
	struct cpu *c = this_cpu();
	struct task *t;

	spin_lock(&sched_lock);
	while ((t = queue_pop(&c->ready)))
		queue_push(&cpus[0].ready, t);
	cpus[0].need_resched = true;
	spin_unlock(&sched_lock);
	arch_timer_stop();
	cairn_flush();
	__atomic_store_n(&c->online, false, __ATOMIC_RELEASE); /* ORDER away:A, pairs with away:B */
	arch_halt();
}

static void hotplug_down(unsigned cpu)
{
	struct cpu *c = &cpus[cpu];
	unsigned long irq = spin_lock_save(&sched_lock);

	c->leaving = true;
	c->need_resched = true;
	arch_ipi(cpu, IRQ_RESCHED);
	spin_unlock_restore(&sched_lock, irq);
	while (__atomic_load_n(&c->online, __ATOMIC_ACQUIRE)) /* ORDER away:B, pairs with away:A */
		task_sleep(clock_from_ns(1000000)); /* if this thread runs there, it goes elsewhere by this */
}

static void hotplug_up(unsigned cpu)
{
	struct cpu *c = &cpus[cpu];
	unsigned long irq;

	while (__atomic_load_n(&c->nmi_depth, __ATOMIC_ACQUIRE)) /* ORDER away:B, pairs with away:A */
		arch_pause();
	c->timers_due = false;
	irq = spin_lock_save(&sched_lock);
	c->leaving = false;
	spin_unlock_restore(&sched_lock, irq);
	if (!arch_cpu_start(cpu, c->idle, task_stack_top(c->idle), &c->online))
		panic("cpu %u does not come back", cpu);
}

static void hotplug_thread(struct task *self)
{
	(void)self;
	for (unsigned long i = 0; i < hotplug_changes; i++) {
		unsigned cpu = 1 + (unsigned)(i / 2 % (nr_cpus - 1));

		if (cpu == hotplug_absent)
			continue;
		task_sleep(clock_from_ns((20 + i * 7 % 30) * 1000000));
		if (i % 2)
			hotplug_up(cpu);
		else
			hotplug_down(cpu);
		printk("hotplug: cpu %u is %s\n", cpu, i % 2 ? "back" : "away");
	}
}

void hotplug_start(unsigned long changes, unsigned long absent)
{
	if (nr_cpus < 2)
		return;
	hotplug_changes = changes;
	hotplug_absent = absent;
	task_create_job("hotplug", hotplug_thread);
}
