/* SPDX-License-Identifier: MIT */
/* System calls by number. `args` points to six words; numbers are the host's own. */
/* clang-format off */
#ifndef CAIRN_EVENTS_RAW_SYSCALLS_H
#define CAIRN_EVENTS_RAW_SYSCALLS_H

#include "../event.h"

CAIRN_EVENT_FULL(raw_syscalls, sys_enter,
		 (field, long, id)
		 (array, unsigned long, args, 6),
		 "NR %ld (%lx, %lx, %lx, %lx, %lx, %lx)", REC->id, REC->args[0], REC->args[1], REC->args[2],
		 REC->args[3], REC->args[4], REC->args[5]);

CAIRN_EVENT(raw_syscalls, sys_exit,
	    (field, long, id)
	    (field, long, ret),
	    "NR %ld = %ld");

#endif
