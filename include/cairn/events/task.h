/* SPDX-License-Identifier: MIT */
/* Tasks come and get names. Defined and fired by the core itself (cairn_task_name()). */
/* clang-format off */
#ifndef CAIRN_EVENTS_TASK_H
#define CAIRN_EVENTS_TASK_H

#include "../event.h"

CAIRN_EVENT(task, task_newtask,
	    (field, int32_t, pid)
	    (array, char, comm, 16)
	    (field, unsigned long, clone_flags)
	    (field, int16_t, oom_score_adj),
	    "pid=%d comm=%s clone_flags=%lx oom_score_adj=%hd");

CAIRN_EVENT(task, task_rename,
	    (field, int32_t, pid)
	    (array, char, oldcomm, 16)
	    (array, char, newcomm, 16)
	    (field, int16_t, oom_score_adj),
	    "pid=%d oldcomm=%s newcomm=%s oom_score_adj=%hd");

#endif
