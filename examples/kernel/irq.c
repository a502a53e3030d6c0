/* SPDX-License-Identifier: MIT */
/*
 * Interrupt handling above the controller: what each interrupt does, the soft half of the timer, NMIs,
 * page faults, the last stop before user mode; cpus_sync() and cpus_stop().
 *
 * ORDER sync:A / sync:B
 *   cpus_sync() raises sync_request; each CPU, in its interrupt, reads it, serializes and stores what it
 *   read to sync_seen (sync:A, release); the caller waits for that (sync:B, acquire). So all that the
 *   other CPU did before its interrupt is done, and what it does after sees our stores.
 * ORDER arrive:A / arrive:B
 *   A CPU that comes stores online, then reads sync_request and answers it; the caller of cpus_sync() raises
 *   sync_request, then reads online. All four in one total order: either the caller sends that CPU an interrupt, or
 *   the CPU has answered unasked. So nobody waits for an answer that does not come.
 */
#include "irq.h"

#include "clock.h"
#include "print.h"
#include "sched.h"
#include "space.h"
#include "trace.h"

static uint64_t sync_request;
static bool nmi_quiet;

static const char *const irq_names[NR_IRQS] = {
	[IRQ_TIMER] = "timer",
	[IRQ_RESCHED] = "resched",
	[IRQ_SYNC] = "sync",
	[IRQ_STOP] = "stop",
};

static void irq_sync(struct cpu *c)
{
	uint64_t request = __atomic_load_n(&sync_request, __ATOMIC_SEQ_CST);

	arch_serialize();
	/* ORDER sync:A, pairs with sync:B */
	__atomic_store_n(&c->sync_seen, request, __ATOMIC_RELEASE);
}

void irq_handle(enum irq irq)
{
	uint32_t context = cairn_irq_enter(CAIRN_CTX_HARDIRQ);
	struct cpu *c = this_cpu();

	TRACE(irq_handler_entry, (int)irq, irq_names[irq]);
	switch (irq) {
	case IRQ_TIMER:
		c->stat.ticks++;
		c->timers_due = true;
		sched_tick(c);
		break;
	case IRQ_RESCHED:
		c->stat.resched_ipis++;
		break; /* need_resched is set already; irq_leave() sees it */
	case IRQ_SYNC:
		irq_sync(c);
		break;
	case IRQ_STOP:
		c->stopping = true;
		break;
	case NR_IRQS:
		break;
	}
	TRACE(irq_handler_exit, (int)irq, 1);
	cairn_irq_exit(context);
}

/* What the timer interrupt left to do, with interrupts on. Interrupts that come meanwhile skip it. */
static void irq_soft(struct cpu *c)
{
	uint32_t context;

	c->in_softirq = true;
	preempt_disable();
	context = cairn_irq_enter(CAIRN_CTX_SOFTIRQ);
	while (c->timers_due) {
		c->timers_due = false;
		arch_irq_on();
		sched_wake_sleepers();
		arch_irq_off();
	}
	cairn_irq_exit(context);
	preempt_enable();
	c->in_softirq = false;
}

void irq_leave(bool from_user)
{
	struct cpu *c = this_cpu();

	if (c->stopping) {
		__atomic_store_n(&c->online, false, __ATOMIC_RELEASE);
		arch_halt();
	}
	if (c->timers_due && !c->in_softirq)
		irq_soft(c);
	if (from_user)
		return; /* return_to_user() is next */
	sched_preempt(false);
}

void return_to_user(void)
{
	struct task *t = arch_current();

	for (;;) {
		arch_irq_off();
		sched_preempt(true);
		if (!t->killed)
			return;
		arch_irq_on();
		task_exit();
	}
}

void nmi_handle(uintptr_t ip)
{
	struct cpu *c = this_cpu();
	uint64_t start = arch_clock();
	int64_t took_ns;
	uint32_t context;

	(void)ip;
	__atomic_store_n(&c->nmi_depth, c->nmi_depth + 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&nmi_quiet, __ATOMIC_SEQ_CST)) {
		context = cairn_irq_enter(CAIRN_CTX_NMI);
		c->stat.nmis++;
		took_ns = (int64_t)clock_to_ns(arch_clock() - start);
		TRACE(nmi_handler, (void *)nmi_handle, took_ns, 1);
		cairn_irq_exit(context);
	}
	__atomic_store_n(&c->nmi_depth, c->nmi_depth - 1, __ATOMIC_RELEASE); /* ORDER away:A of hotplug.c, pairs with away:B */
}

void nmi_quiesce(void)
{
	__atomic_store_n(&nmi_quiet, true, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < nr_cpus; i++) {
		while (__atomic_load_n(&cpus[i].nmi_depth, __ATOMIC_SEQ_CST))
			arch_pause();
	}
}

void user_page_fault(uintptr_t address, uintptr_t ip, unsigned long error, unsigned access)
{
	struct task *t = arch_current();

	TRACE(page_fault_user, address, ip, error);
	if (t->killed || space_fault(t->space, address, access))
		return;
	printk("%s[%d]: no access to %lx at %lx\n", t->comm, t->pid, (unsigned long)address,
	       (unsigned long)ip);
	task_exit();
}

void user_trap(const char *what, uintptr_t ip)
{
	struct task *t = arch_current();

	printk("%s[%d]: %s at %lx\n", t->comm, t->pid, what, (unsigned long)ip);
	task_exit();
}

void cpu_arrive(void)
{
	struct cpu *c = this_cpu();

	__atomic_store_n(&c->online, true,
			 __ATOMIC_SEQ_CST); /* ORDER arrive:A, pairs with arrive:B */
	irq_sync(c);
}

void cpus_sync(void)
{
	/* ORDER arrive:B, pairs with arrive:A */
	uint64_t request = __atomic_add_fetch(&sync_request, 1, __ATOMIC_SEQ_CST);
	unsigned long irq = arch_irq_save();
	unsigned self = arch_cpu();

	irq_sync(&cpus[self]);
	for (unsigned i = 0; i < nr_cpus; i++) {
		if (i != self && __atomic_load_n(&cpus[i].online, __ATOMIC_SEQ_CST))
			arch_ipi(i, IRQ_SYNC);
	}
	arch_irq_restore(irq);
	for (unsigned i = 0; i < nr_cpus; i++) {
		/* ORDER sync:B, pairs with sync:A */
		while (__atomic_load_n(&cpus[i].online, __ATOMIC_ACQUIRE) &&
		       __atomic_load_n(&cpus[i].sync_seen, __ATOMIC_ACQUIRE) < request)
			arch_pause();
	}
}

void cpus_stop(void)
{
	uint64_t deadline = arch_clock() + clock_from_ns(1000000000);
	unsigned self = arch_cpu();

	for (unsigned i = 0; i < nr_cpus; i++) {
		if (i != self && __atomic_load_n(&cpus[i].online, __ATOMIC_ACQUIRE))
			arch_ipi(i, IRQ_STOP);
	}
	for (unsigned i = 0; i < nr_cpus; i++) {
		while (i != self && __atomic_load_n(&cpus[i].online, __ATOMIC_ACQUIRE) &&
		       arch_clock() < deadline)
			arch_pause();
	}
}
