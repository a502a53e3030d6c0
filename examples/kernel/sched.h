/* SPDX-License-Identifier: MIT */
/*
 * Tasks and the scheduler.
 *
 * Each CPU has a queue of ready tasks, first in first out; an idle CPU takes from the longest other
 * queue. Kernel code is preemptible wherever interrupts are on and preempt_count is zero. One lock,
 * sched_lock, guards queues, states, wait queues and the list of tasks, and is held across the switch:
 * the task that is switched to releases what the previous one took. So whoever holds it sees no task
 * half-way between two states.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "arch.h"
#include "lock.h"

#define COMM_BYTES 16u
#define TASK_FILES 8u

#define STACK_ORDER 2u /* a kernel stack, with its struct task at the bottom: 16 KiB */

#define PRIO_NORMAL 120
#define PRIO_BATCH  130 /* preempted when a task of a lower number wakes */

struct pipe;
struct space;

/* The values are Linux's, as sched_switch shows them. */
enum task_state {
	TASK_READY = 0, /* running or in a queue */
	TASK_BLOCKED = 1,
	TASK_DEAD = 0x10,
};
#define TASK_PREEMPTED 0x100 /* in prev_state of sched_switch only */

enum file_kind {
	FILE_NONE,
	FILE_CONSOLE,
	FILE_PIPE_READ,
	FILE_PIPE_WRITE,
};

struct file {
	enum file_kind kind;
	struct pipe *pipe;
};

/* Tasks in a row: ready, waiting for the same thing, or dead. */
struct task_queue {
	struct task *first, *last;
	unsigned nr;
};

struct task {
	struct task_head head; /* must be first: arch.h */
	void *stack_pointer;   /* while it does not run */
	int pid;
	int parent_pid;
	int prio;
	char comm[COMM_BYTES];
	enum task_state state;
	unsigned ticks_left; /* of its time slice */
	bool killed;

	struct task *next;        /* in the queue it is in */
	struct task_queue *queue; /* that queue: a CPU's, a wait queue or NULL */
	struct task *next_all;    /* in the list of all tasks but the idle ones */
	struct task *next_sleeper;
	uint64_t wake_clock; /* while in the list of sleepers; 0: not in it */

	void (*main)(struct task *); /* what a kernel thread runs; NULL: a user program */
	bool job;                    /* task_create_job() */
	unsigned program;            /* enum program, and its argument */
	unsigned long argument;
	struct space *space; /* NULL: kernel thread */
	struct file files[TASK_FILES];
	int children_done; /* exited, not yet waited for */
	int children;      /* alive or not yet waited for */
	int last_child;
	struct task_queue child_wait;
};

struct cpu {
	struct task *idle;
	struct task *running;
	struct task_queue ready;
	bool online;
	bool need_resched;
	bool stopping; /* park at the end of this interrupt */
	bool leaving;  /* under sched_lock: gets no tasks any more; hotplug.c */
	bool in_softirq;
	bool timers_due; /* the soft half of the timer interrupt has to run */
	unsigned nmi_depth;
	uint64_t sync_seen; /* irq.c: last request of cpus_sync() served */
	uint64_t last_nmi_clock;
	struct task *dead; /* switched away from for the last time; to be reaped after the switch */

	/* Written by this CPU only; printed at the end. */
	struct {
		uint64_t ticks, nmis, switches, preempt_user, preempt_kernel, steals, resched_ipis;
	} stat;
};

/* Where its kernel stack begins; for CPU 0's idle task, which came with the boot stack, wrong and unused: it never goes to user mode. */
static inline void *task_stack_top(struct task *t)
{
	return (char *)t + ((size_t)PAGE_BYTES << STACK_ORDER);
}

extern struct cpu cpus[MAX_CPUS];
extern unsigned nr_cpus; /* that were found; those that started are `online` */

/* Only while the task cannot move: interrupts or preemption off. */
static inline struct cpu *this_cpu(void)
{
	return &cpus[arch_cpu()];
}

/* Make the caller CPU 0's idle task. `hz` is the rate of IRQ_TIMER. */
void sched_init(unsigned timer_hz);

/* The idle task of another CPU, which starts at the top of its stack. */
struct task *sched_idle_create(unsigned cpu);

/* The idle loop; the end of kernel_main() and cpu_main(). */
void sched_idle(void) __attribute__((noreturn));

/* Returns the pid or a negative error. */
int task_create_kernel(const char *comm, void (*main)(struct task *));

/* A kernel thread whose end the end of the kernel waits for. No memory is a panic. */
void task_create_job(const char *comm, void (*main)(struct task *));

/* How many of them have not ended. */
unsigned tasks_jobs(void);

/* A child of the caller that runs a program, with the caller's files. It has the caller's name until it starts. */
int task_spawn(unsigned program, unsigned long argument, int prio);

void task_exit(void) __attribute__((noreturn));

/* Wait until a child exits. Returns its pid, or a negative error. */
int task_wait_child(void);

/* Give up the CPU. Context: thread, interrupts on or off, no lock held. */
void schedule(void);

/* Returns early if killed. */
void task_sleep(uint64_t clocks);

/*
 * Sleep in a wait queue. Returns at once if the task is killed: callers test that.
 *
 * @lock   taken by spin_lock_save(); released while asleep and taken again.
 */
void task_wait(struct task_queue *q, struct spinlock *lock);

/* Wake all in the queue. Context: interrupts off. */
void task_wake_all(struct task_queue *q);

/* Make every user task exit. Returns how many there are still. */
unsigned tasks_kill_users(void);

/* The timer interrupt's two halves, and what an interrupt asks at its end. */
void sched_tick(struct cpu *c);
void sched_wake_sleepers(void);
void sched_preempt(bool from_user);

/* The kernel thread that frees dead tasks. */
void sched_reaper(struct task *self);

extern uint64_t sched_nr_spawned, sched_nr_exited;

#endif
