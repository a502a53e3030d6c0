/* SPDX-License-Identifier: MIT */
/* Birth and death of tasks, and who there is. */
#include "errors.h"
#include "frames.h"
#include "pipe.h"
#include "print.h"
#include "sched_locked.h"
#include "space.h"
#include "trace.h"
#include "user/image.h"
#include "user/programs.h"

#define PID_MAX 4096

uint64_t sched_nr_spawned, sched_nr_exited;

static struct task *task_all; /* all but the idle ones */
static struct task_queue task_dead;
static struct task_queue task_reaper_wait;
static int task_last_pid;

/* ---- Birth ---- */

static struct task *task_find_locked(int pid)
{
	for (struct task *t = task_all; t; t = t->next_all) {
		if (t->pid == pid)
			return t;
	}
	return NULL;
}

static int pid_new_locked(void)
{
	do {
		task_last_pid = task_last_pid % (PID_MAX - 1) + 1;
	} while (task_find_locked(task_last_pid));
	return task_last_pid;
}

void task_set_comm(struct task *t, const char *comm)
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
	task_set_comm(t, program_names[t->program]);
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
	task_set_comm(t, comm);
	t->prio = PRIO_NORMAL;
	t->stack_pointer = arch_stack_init(task_stack_top(t), task_begin);
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
	t->next_all = task_all;
	task_all = t;
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

void task_create_job(const char *comm, void (*main)(struct task *))
{
	struct task *t = task_new(comm);

	if (!t)
		panic("no memory for the thread %s", comm);
	t->main = main;
	t->job = true;
	(void)task_start(t, arch_current());
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

struct task *sched_idle_create(unsigned cpu)
{
	struct task *t = task_new("swapper/0");

	if (!t)
		panic("no memory for the idle task of cpu %u", cpu);
	t->comm[8] = (char)('0' + cpu);
	t->head.cpu = cpu;
	cpus[cpu].idle = t;
	cpus[cpu].running = t;
	return t;
}

/* ---- Death ---- */

void task_dead_locked(struct task *t)
{
	queue_push(&task_dead, t);
	queue_wake_locked(&task_reaper_wait);
}

/* Out of the list of tasks. Its children are orphans, since its pid may be given to another task. */
static void task_forget_locked(struct task *t)
{
	struct task **at = &task_all;

	while (*at != t)
		at = &(*at)->next_all;
	*at = t->next_all;
	for (struct task *child = task_all; child; child = child->next_all) {
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

	for (struct task *t = task_all; t; t = t->next_all) {
		if (t->main)
			continue;
		n++;
		t->killed = true;
		task_wake_locked(t);
	}
	spin_unlock_restore(&sched_lock, irq);
	return n;
}

unsigned tasks_jobs(void)
{
	unsigned long irq = spin_lock_save(&sched_lock);
	unsigned n = 0;

	for (struct task *t = task_all; t; t = t->next_all)
		n += t->job;
	spin_unlock_restore(&sched_lock, irq);
	return n;
}

void sched_reaper(struct task *self)
{
	(void)self;
	for (;;) {
		unsigned long irq = spin_lock_save(&sched_lock);
		struct task *t;

		while (!task_dead.first)
			task_wait_locked(&task_reaper_wait);
		t = queue_pop(&task_dead);
		spin_unlock_restore(&sched_lock, irq);
		frame_free(virt_to_phys(t), STACK_ORDER);
	}
}
