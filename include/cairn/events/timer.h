/* SPDX-License-Identifier: MIT */
/* High-resolution timers: started (queued), expired (callback runs), finished, canceled. `hrtimer` names the timer. */
/* clang-format off */
#ifndef CAIRN_EVENTS_TIMER_H
#define CAIRN_EVENTS_TIMER_H

#include "../event.h"

CAIRN_EVENT(timer, hrtimer_start,
	    (field, const void *, hrtimer)
	    (field, const void *, function)
	    (field, long long, expires)
	    (field, long long, softexpires),
	    "hrtimer=%p function=%p expires=%lld softexpires=%lld");

CAIRN_EVENT(timer, hrtimer_expire_entry,
	    (field, const void *, hrtimer)
	    (field, long long, now)
	    (field, const void *, function),
	    "hrtimer=%p now=%lld function=%p");

CAIRN_EVENT(timer, hrtimer_expire_exit,
	    (field, const void *, hrtimer),
	    "hrtimer=%p");

CAIRN_EVENT(timer, hrtimer_cancel,
	    (field, const void *, hrtimer),
	    "hrtimer=%p");

#endif
