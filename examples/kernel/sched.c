/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: ready queues, the switch, waiting and waking, birth and death of tasks.
 *
 * Names end in _locked where the caller holds sched_lock (with interrupts off). A task that blocks puts
 * itself in a wait queue under sched_lock before it releases the lock of what it waits for, so nobody
 * can wake it too early.
 */
#include "sched.h"

#include "errors.h"
#include "frames.h"
#include "pipe.h"
#include "print.h"
#include "space.h"
#include "trace.h"
#include "user/image.h"
#include "user/programs.h"

#define PID_MAX           4096
#define SLICES_PER_SECOND 100u

struct cpu cpus[MAX_CPUS];
unsigned nr_cpus;
uint64_t sched_nr_spawned, sched_nr_exited;

static struct spinlock sched_lock;
static struct task *sched_tasks;    /* all but the idle ones */
static struct task *sched_sleepers; /* by wake_clock, soonest first */
static struct task_queue sched_dead;
static struct task_queue sched_reaper_wait;
static struct task sched_boot_task;
static unsigned sched_slice_ticks;
static int sched_last_pid;

static void queue_wake_locked(struct task_queue *q);

/* ---- Queues ---- */

static void queue_push(struct task_queue *q, struct task *t)
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

static struct task *queue_pop(struct task_queue *q)
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

/* The first thing that runs after a switch, on the stack of the task that was switched to. */
static void sched_arrive_locked(void)
{
	struct cpu *c = this_cpu();

	if (!c->dead)
		return;
	queue_push(&sched_dead, c->dead);
	c->dead = NULL;
	queue_wake_locked(&sched_reaper_wait);
}

enum switch_reason {
	SWITCH_ASKED, /* it waits, yields or dies */
	SWITCH_PREEMPT_USER,
	SWITCH_PREEMPT_KERNEL,
};

/* Interrupts are off and sched_lock is held, before and after; in between other tasks ran. */
static void sched_switch_locked(enum switch_reason reason)
{
	struct cpu *c = this_cpu();
	struct task *prev = arch_current(), *next;
	long state = prev->state;

	c->need_resched = false;
	if (prev->state == TASK_READY && prev != c->idle)
		queue_push(&c->ready, prev);
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

	/* For CPU 0's idle task the stack top is wrong and unused: it never goes to user mode. */
	arch_space_load(next->space ? &next->space->arch : NULL);
	arch_switch(&prev->stack_pointer, next->stack_pointer, next,
		    (char *)next + ((size_t)PAGE_BYTES << STACK_ORDER));
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
		if (this_cpu()->need_resched || this_cpu()->ready.nr)
			arch_irq_on();
		else
			arch_idle();
		schedule();
	}
}

/* ---- Waiting and waking ---- */

/* Where a task that wakes shall run: where it ran, if that CPU is idle; else on an idle one. */
static unsigned sched_choose_locked(const struct task *t)
{
	for (unsigned i = 0; i < nr_cpus; i++) {
		unsigned cpu = (t->head.cpu + i) % nr_cpus;

		if (cpus[cpu].online && cpus[cpu].running == cpus[cpu].idle && !cpus[cpu].ready.nr)
			return cpu;
	}
	return t->head.cpu;
}

static void sched_make_ready_locked(struct task *t)
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

/* Whatever it waits for. */
static void task_wake_locked(struct task *t)
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

/* As task_wait(), without a lock of its own. */
static void task_wait_locked(struct task_queue *q)
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

static void queue_wake_locked(struct task_queue *q)
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

/* ---- Birth ---- */

static struct task *task_find_locked(int pid)
{
	for (struct task *t = sched_tasks; t; t = t->next_all) {
		if (t->pid == pid)
			return t;
	}
	return NULL;
}

static int pid_new_locked(void)
{
	do {
		sched_last_pid = sched_last_pid % (PID_MAX - 1) + 1;
	} while (task_find_locked(sched_last_pid));
	return sched_last_pid;
}

static void comm_set(struct task *t, const char *comm)
{
	memset(t->comm, 0, COMM_BYTES);
	for (unsigned i = 0; i < COMM_BYTES - 1 && comm[i]; i++)
		t->comm[i] = comm[i];
}

/* What a task does first: finish the switch that brought it here, then its own work. */
static void task_begin(void)
{
	struct task *t = arch_current();

	sched_arrive_locked();
	spin_unlock(&sched_lock);
	arch_irq_on();
	if (t->main) {
		t->main(t);
		task_exit();
	}
	/* As exec does it elsewhere: up to here the task had its parent's name. */
	comm_set(t, program_names[t->program]);
	trace_task_name(t->pid, t->comm);
	return_to_user();
	arch_enter_user(user_image.entry, USER_STACK_TOP - 16, t->program, t->argument);
}

static struct task *task_new(const char *comm)
{
	uintptr_t pa = frame_alloc(STACK_ORDER, FRAME_KERNEL);
	struct task *t;

	if (!pa)
		return NULL;
	t = phys_to_virt(pa);
	memset(t, 0, sizeof(*t));
	comm_set(t, comm);
	t->prio = PRIO_NORMAL;
	t->stack_pointer =
		arch_stack_init((char *)t + ((size_t)PAGE_BYTES << STACK_ORDER), task_begin);
	return t;
}

/* Give it a pid, show it to the world, let it run. */
static int task_start(struct task *t, struct task *parent)
{
	unsigned long irq = spin_lock_save(&sched_lock);
	int pid = pid_new_locked();

	t->pid = pid;
	t->parent_pid = parent->pid;
	if (parent->pid)
		parent->children++;
	t->head.cpu = arch_cpu();
	t->next_all = sched_tasks;
	sched_tasks = t;
	t->killed = t->space && parent->killed;
	sched_nr_spawned++;
	trace_task_name(pid, t->comm);
	sched_make_ready_locked(t);
	spin_unlock_restore(&sched_lock, irq);
	return pid;
}

int task_create_kernel(const char *comm, void (*main)(struct task *))
{
	struct task *t = task_new(comm);

	if (!t)
		return -ENOMEM;
	t->main = main;
	return task_start(t, arch_current());
}

int task_spawn(unsigned program, unsigned long argument, int prio)
{
	struct task *parent = arch_current(), *t;

	if (program >= NR_PROGRAMS)
		return -EINVAL;
	t = task_new(parent->comm);
	if (!t)
		return -ENOMEM;
	t->space = space_create();
	if (!t->space) {
		frame_free(virt_to_phys(t), STACK_ORDER);
		return -ENOMEM;
	}
	t->program = program;
	t->argument = argument;
	t->prio = prio;
	for (unsigned i = 0; i < TASK_FILES; i++) {
		t->files[i] = parent->files[i];
		file_share(&t->files[i]);
	}
	return task_start(t, parent);
}

struct task *sched_idle_create(unsigned cpu, void **stack_top)
{
	struct task *t = task_new("swapper/0");

	if (!t)
		panic("no memory for the idle task of cpu %u", cpu);
	t->comm[8] = (char)('0' + cpu);
	t->head.cpu = cpu;
	cpus[cpu].idle = t;
	cpus[cpu].running = t;
	*stack_top = (char *)t + ((size_t)PAGE_BYTES << STACK_ORDER);
	return t;
}

void sched_init(unsigned timer_hz)
{
	sched_slice_ticks = timer_hz / SLICES_PER_SECOND ? timer_hz / SLICES_PER_SECOND : 1;
	comm_set(&sched_boot_task, "swapper/0");
	sched_boot_task.prio = PRIO_NORMAL;
	cpus[0].idle = &sched_boot_task;
	cpus[0].running = &sched_boot_task;
	cpus[0].online = true;
	arch_set_current(&sched_boot_task);
}

/* ---- Death ---- */

/* Out of the list of tasks. Its children are orphans, since its pid may be given to another task. */
static void task_forget_locked(struct task *t)
{
	struct task **at = &sched_tasks;

	while (*at != t)
		at = &(*at)->next_all;
	*at = t->next_all;
	for (struct task *child = sched_tasks; child; child = child->next_all) {
		if (child->parent_pid == t->pid)
			child->parent_pid = 0;
	}
}

void task_exit(void)
{
	struct task *t = arch_current(), *parent;
	struct space *space = t->space;

	TRACE(sched_process_exit, t->comm, t->pid, t->prio);
	for (unsigned i = 0; i < TASK_FILES; i++)
		file_close(&t->files[i]);
	if (space) {
		preempt_disable(); /* from here on a switch would load a space that goes away */
		t->space = NULL;
		arch_space_load(NULL);
		preempt_enable();
		space_destroy(space);
	}

	arch_irq_off();
	spin_lock(&sched_lock);
	parent = task_find_locked(t->parent_pid);
	if (parent) {
		parent->children_done++;
		parent->last_child = t->pid;
		queue_wake_locked(&parent->child_wait);
	}
	task_forget_locked(t);
	sched_nr_exited++;
	t->state = TASK_DEAD;
	sched_switch_locked(SWITCH_ASKED);
	panic("a dead task runs");
}

int task_wait_child(void)
{
	struct task *t = arch_current();
	unsigned long irq = spin_lock_save(&sched_lock);
	int pid = -ECHILD;

	while (t->children && !t->children_done && !t->killed)
		task_wait_locked(&t->child_wait);
	if (t->children_done) {
		t->children_done--;
		t->children--;
		pid = t->last_child;
	}
	spin_unlock_restore(&sched_lock, irq);
	return pid;
}

unsigned tasks_kill_users(void)
{
	unsigned long irq = spin_lock_save(&sched_lock);
	unsigned n = 0;

	for (struct task *t = sched_tasks; t; t = t->next_all) {
		if (t->main)
			continue;
		n++;
		t->killed = true;
		task_wake_locked(t);
	}
	spin_unlock_restore(&sched_lock, irq);
	return n;
}

void sched_reaper(struct task *self)
{
	(void)self;
	for (;;) {
		unsigned long irq = spin_lock_save(&sched_lock);
		struct task *t;

		while (!sched_dead.first)
			task_wait_locked(&sched_reaper_wait);
		t = queue_pop(&sched_dead);
		spin_unlock_restore(&sched_lock, irq);
		frame_free(virt_to_phys(t), STACK_ORDER);
	}
}
