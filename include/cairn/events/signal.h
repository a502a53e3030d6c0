/* SPDX-License-Identifier: MIT */
/* Signals sent and delivered. `result` of sig: 0 delivered, 1 ignored, 2 already pending, 3 overflow fail, 4 lost info. */
/* clang-format off */
#ifndef CAIRN_EVENTS_SIGNAL_H
#define CAIRN_EVENTS_SIGNAL_H

#include "../event.h"

/* A field has this name in Linux; in user space it is a macro. */
#pragma push_macro("errno")
#undef errno

CAIRN_EVENT_FULL(signal, signal_generate,
		 (field, int, sig)
		 (field, int, errno)
		 (field, int, code)
		 (array, char, comm, 16)
		 (field, int32_t, pid)
		 (field, int, group)
		 (field, int, result),
		 "sig=%d errno=%d code=%d comm=%s pid=%d grp=%d res=%d", REC->sig, REC->errno, REC->code, REC->comm,
		 REC->pid, REC->group, REC->result);

CAIRN_EVENT(signal, signal_deliver,
	    (field, int, sig)
	    (field, int, errno)
	    (field, int, code)
	    (field, unsigned long, sa_handler)
	    (field, unsigned long, sa_flags),
	    "sig=%d errno=%d code=%d sa_handler=%lx sa_flags=%lx");

#pragma pop_macro("errno")

#endif
