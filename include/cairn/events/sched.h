/* SPDX-License-Identifier: MIT */
/*
 * The scheduler. Fire sched_switch in the task that goes, sched_wakeup where a task becomes runnable, sched_process_fork in the
 * parent, sched_process_exit in the task that ends.
 */
/* clang-format off */
#ifndef CAIRN_EVENTS_SCHED_H
#define CAIRN_EVENTS_SCHED_H

#include "../event.h"

/* State of the task that goes: 0 if it stays runnable, else why it sleeps or that it ends. */
enum {
	CAIRN_TASK_RUNNING = 0,
	CAIRN_TASK_INTERRUPTIBLE = 0x01,
	CAIRN_TASK_UNINTERRUPTIBLE = 0x02,
	CAIRN_TASK_STOPPED = 0x04,
	CAIRN_TASK_TRACED = 0x08,
	CAIRN_TASK_DEAD = 0x10,
	CAIRN_TASK_ZOMBIE = 0x20,
	CAIRN_TASK_PARKED = 0x40,
	CAIRN_TASK_IDLE = 0x80,
	CAIRN_TASK_PREEMPTED = 0x100,
};

CAIRN_NAMES(cairn_task_states,
	    (CAIRN_TASK_RUNNING, "R")
	    (CAIRN_TASK_INTERRUPTIBLE, "S")
	    (CAIRN_TASK_UNINTERRUPTIBLE, "D")
	    (CAIRN_TASK_STOPPED, "T")
	    (CAIRN_TASK_TRACED, "t")
	    (CAIRN_TASK_DEAD, "X")
	    (CAIRN_TASK_ZOMBIE, "Z")
	    (CAIRN_TASK_PARKED, "P")
	    (CAIRN_TASK_IDLE, "I")
	    (CAIRN_TASK_PREEMPTED, "R+"));

CAIRN_EVENT(sched, sched_switch,
	    (array, char, prev_comm, 16)
	    (field, int32_t, prev_pid)
	    (field, int32_t, prev_prio)
	    (symbol, long, prev_state, cairn_task_states)
	    (array, char, next_comm, 16)
	    (field, int32_t, next_pid)
	    (field, int32_t, next_prio),
	    "prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s ==> next_comm=%s next_pid=%d next_prio=%d");

CAIRN_EVENT(sched, sched_wakeup,
	    (array, char, comm, 16)
	    (field, int32_t, pid)
	    (field, int32_t, prio)
	    (field, int32_t, target_cpu),
	    "comm=%s pid=%d prio=%d target_cpu=%03d");

CAIRN_EVENT_IN(CAIRN_CAT(CAIRN_PROCESS), sched, sched_process_exit,
	       (array, char, comm, 16)
	       (field, int32_t, pid)
	       (field, int32_t, prio),
	       "comm=%s pid=%d prio=%d");

CAIRN_EVENT_IN(CAIRN_CAT(CAIRN_PROCESS), sched, sched_process_fork,
	       (array, char, parent_comm, 16)
	       (field, int32_t, parent_pid)
	       (array, char, child_comm, 16)
	       (field, int32_t, child_pid),
	       "comm=%s pid=%d child_comm=%s child_pid=%d");

#endif
