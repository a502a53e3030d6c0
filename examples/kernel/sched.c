/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: ready queues, the switch, waiting and waking. Birth and death of tasks: task.c.
 *
 * A task that blocks puts itself in a wait queue under sched_lock before it releases the lock of what it waits
 * for, so nobody can wake it too early.
 */
#include "sched_locked.h"

#include "hotplug.h"
#include "space.h"
#include "trace.h"

#define SLICES_PER_SECOND 100u

struct cpu cpus[MAX_CPUS];
unsigned nr_cpus;
struct spinlock sched_lock;

static struct task *sched_sleepers; /* by wake_clock, soonest first */
static struct task sched_boot_task;
static unsigned sched_slice_ticks;

/* ---- Queues ---- */

void queue_push(struct task_queue *q, struct task *t)
{
	t->next = NULL;
	t->queue = q;
	if (q->last)
		q->last->next = t;
	else
		q->first = t;
	q->last = t;
	q->nr++;
}

static void queue_remove(struct task *t)
{
	struct task_queue *q = t->queue;
	struct task *before = NULL;

	for (struct task *i = q->first; i != t; i = i->next)
		before = i;
	if (before)
		before->next = t->next;
	else
		q->first = t->next;
	if (q->last == t)
		q->last = before;
	q->nr--;
	t->queue = NULL;
}

struct task *queue_pop(struct task_queue *q)
{
	struct task *t = q->first;

	if (t)
		queue_remove(t);
	return t;
}

/* ---- The switch ---- */

static struct task *sched_pick_locked(struct cpu *c)
{
	struct task_queue *longest = &c->ready;

	if (c->leaving)
		return c->idle;
	if (longest->nr)
		return queue_pop(longest);
	for (unsigned i = 0; i < nr_cpus; i++) {
		if (cpus[i].ready.nr > longest->nr)
			longest = &cpus[i].ready;
	}
	if (!longest->nr)
		return c->idle;
	c->stat.steals++;
	return queue_pop(longest);
}

void sched_arrive_locked(void)
{
	struct cpu *c = this_cpu();

	if (!c->dead)
		return;
	task_dead_locked(c->dead);
	c->dead = NULL;
}

void sched_switch_locked(enum switch_reason reason)
{
	struct cpu *c = this_cpu();
	struct task *prev = arch_current(), *next;
	long state = prev->state;

	c->need_resched = false;
	if (prev->state == TASK_READY && prev != c->idle)
		queue_push(c->leaving ? &cpus[0].ready : &c->ready, prev);
	next = sched_pick_locked(c);
	next->ticks_left = sched_slice_ticks;
	if (next == prev)
		return;
	if (prev->state == TASK_DEAD)
		c->dead = prev;
	if (reason != SWITCH_ASKED && prev != c->idle) {
		state = TASK_PREEMPTED;
		c->stat.preempt_user += reason == SWITCH_PREEMPT_USER;
		c->stat.preempt_kernel += reason == SWITCH_PREEMPT_KERNEL;
	}
	c->stat.switches++;
	c->running = next;
	next->head.cpu = arch_cpu();

	TRACE(sched_switch, prev->comm, prev->pid, prev->prio, state, next->comm, next->pid,
	      next->prio);
	cairn_task((uint32_t)next->pid);

	arch_space_load(next->space ? &next->space->arch : NULL);
	arch_switch(&prev->stack_pointer, next->stack_pointer, next, task_stack_top(next));
	sched_arrive_locked();
}

void schedule(void)
{
	unsigned long irq = spin_lock_save(&sched_lock);

	sched_switch_locked(SWITCH_ASKED);
	spin_unlock_restore(&sched_lock, irq);
}

/* At the end of an interrupt, interrupts off. */
void sched_preempt(bool from_user)
{
	if (!this_cpu()->need_resched || current_head()->preempt_count)
		return;
	spin_lock(&sched_lock);
	sched_switch_locked(from_user ? SWITCH_PREEMPT_USER : SWITCH_PREEMPT_KERNEL);
	spin_unlock(&sched_lock);
}

void sched_tick(struct cpu *c)
{
	struct task *t = arch_current();

	if (t == c->idle) {
		c->need_resched = true; /* there may be something to steal */
		return;
	}
	if (t->ticks_left)
		t->ticks_left--;
	if (!t->ticks_left)
		c->need_resched = true;
}

void sched_idle(void)
{
	for (;;) {
		cairn_work();
		arch_irq_off();
		if (this_cpu()->leaving)
			hotplug_leave();
		if (this_cpu()->need_resched || this_cpu()->ready.nr)
			arch_irq_on();
		else
			arch_idle();
		schedule();
	}
}

/* ---- Waiting and waking ---- */

static bool sched_is_usable(const struct cpu *c)
{
	return __atomic_load_n(&c->online, __ATOMIC_RELAXED) && !c->leaving;
}

/* Where a task that wakes shall run: where it ran, if that CPU is idle; else on an idle one. CPU 0 never goes. */
static unsigned sched_choose_locked(const struct task *t)
{
	for (unsigned i = 0; i < nr_cpus; i++) {
		unsigned cpu = (t->head.cpu + i) % nr_cpus;

		if (sched_is_usable(&cpus[cpu]) && cpus[cpu].running == cpus[cpu].idle &&
		    !cpus[cpu].ready.nr)
			return cpu;
	}
	return sched_is_usable(&cpus[t->head.cpu]) ? t->head.cpu : 0;
}

void sched_make_ready_locked(struct task *t)
{
	unsigned cpu = sched_choose_locked(t);
	struct cpu *c = &cpus[cpu];

	t->state = TASK_READY;
	t->head.cpu = cpu;
	queue_push(&c->ready, t);
	TRACE(sched_wakeup, t->comm, t->pid, t->prio, (int)cpu);

	if (c->running != c->idle && c->running->prio <= t->prio)
		return;
	c->need_resched = true;
	if (cpu != arch_cpu())
		arch_ipi(cpu, IRQ_RESCHED);
}

static void sleeper_insert_locked(struct task *t)
{
	struct task **at = &sched_sleepers;

	while (*at && (*at)->wake_clock <= t->wake_clock)
		at = &(*at)->next_sleeper;
	t->next_sleeper = *at;
	*at = t;
}

static void sleeper_remove_locked(struct task *t)
{
	struct task **at = &sched_sleepers;

	while (*at != t)
		at = &(*at)->next_sleeper;
	*at = t->next_sleeper;
	t->wake_clock = 0;
}

void task_wake_locked(struct task *t)
{
	if (t->state != TASK_BLOCKED)
		return;
	if (t->queue)
		queue_remove(t);
	if (t->wake_clock)
		sleeper_remove_locked(t);
	sched_make_ready_locked(t);
}

void task_sleep(uint64_t clocks)
{
	struct task *t = arch_current();
	unsigned long irq = spin_lock_save(&sched_lock);

	if (!t->killed) {
		t->state = TASK_BLOCKED;
		t->wake_clock = arch_clock() + clocks;
		sleeper_insert_locked(t);
		sched_switch_locked(SWITCH_ASKED);
	}
	spin_unlock_restore(&sched_lock, irq);
}

void sched_wake_sleepers(void)
{
	unsigned long irq = spin_lock_save(&sched_lock);

	while (sched_sleepers && sched_sleepers->wake_clock <= arch_clock())
		task_wake_locked(sched_sleepers);
	spin_unlock_restore(&sched_lock, irq);
}

void task_wait_locked(struct task_queue *q)
{
	struct task *t = arch_current();

	t->state = TASK_BLOCKED;
	queue_push(q, t);
	sched_switch_locked(SWITCH_ASKED);
}

void task_wait(struct task_queue *q, struct spinlock *lock)
{
	struct task *t = arch_current();

	spin_lock(&sched_lock);
	if (t->killed) {
		spin_unlock(&sched_lock);
		return;
	}
	t->state = TASK_BLOCKED;
	queue_push(q, t);
	spin_unlock(lock);
	sched_switch_locked(SWITCH_ASKED);
	spin_unlock(&sched_lock);
	spin_lock(lock);
}

void queue_wake_locked(struct task_queue *q)
{
	while (q->first)
		task_wake_locked(q->first);
}

void task_wake_all(struct task_queue *q)
{
	spin_lock(&sched_lock);
	queue_wake_locked(q);
	spin_unlock(&sched_lock);
}

void sched_init(unsigned timer_hz)
{
	sched_slice_ticks = timer_hz / SLICES_PER_SECOND ? timer_hz / SLICES_PER_SECOND : 1;
	task_set_comm(&sched_boot_task, "swapper/0");
	sched_boot_task.prio = PRIO_NORMAL;
	cpus[0].idle = &sched_boot_task;
	cpus[0].running = &sched_boot_task;
	cpus[0].online = true;
	arch_set_current(&sched_boot_task);
}
