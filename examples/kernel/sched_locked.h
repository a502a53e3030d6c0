/* SPDX-License-Identifier: MIT */
/*
 * What sched.c, task.c and hotplug.c share: all that is done under sched_lock. Names end in _locked where the caller holds it (with
 * interrupts off); the queues too are changed under it alone.
 */
#ifndef KERNEL_SCHED_LOCKED_H
#define KERNEL_SCHED_LOCKED_H

#include "sched.h"

extern struct spinlock sched_lock;

void queue_push(struct task_queue *q, struct task *t);
struct task *queue_pop(struct task_queue *q); /* NULL: empty */
void queue_wake_locked(struct task_queue *q);

enum switch_reason {
	SWITCH_ASKED, /* it waits, yields or dies */
	SWITCH_PREEMPT_USER,
	SWITCH_PREEMPT_KERNEL,
};

/* Run somebody else. The lock is held before and after; in between other tasks ran. */
void sched_switch_locked(enum switch_reason reason);

/* The first thing that runs after a switch, on the stack of the task that was switched to. */
void sched_arrive_locked(void);

void sched_make_ready_locked(struct task *t);
void task_wake_locked(struct task *t); /* whatever it waits for */

/* As task_wait(), without a lock of its own. */
void task_wait_locked(struct task_queue *q);

/* A CPU has left the task for the last time. */
void task_dead_locked(struct task *t);

/* The name of a task, cut to its field; Cairn does not hear of it. */
void task_set_comm(struct task *t, const char *comm);

#endif
