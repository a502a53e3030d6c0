/* SPDX-License-Identifier: MIT */
/* The events that are measured. Defined in events.c, fired in event.c: callers see a declaration, as they do in a kernel. */
#ifndef CAIRN_BENCH_EVENTS_H
#define CAIRN_BENCH_EVENTS_H

#include <cairn/cairn.h>

CAIRN_EVENT(bench, two, (field, uint64_t, a)(field, uint64_t, b), "a=%lu b=%lu");
CAIRN_EVENT(bench, text, (string, s), "s=%s");
CAIRN_EVENT(bench, small, (field, uint32_t, a)(field, uint16_t, b)(field, uint8_t, c),
	    "a=%u b=%u c=%u");
CAIRN_EVENT(bench, change,
	    (array, char, prev, 16)(field, int32_t, prev_pid)(field, int32_t, prev_prio)(
		    field, int64_t, state)(array, char, next,
					   16)(field, int32_t, next_pid)(field, int32_t, next_prio),
	    "prev=%s prev_pid=%d prev_prio=%d state=%ld next=%s next_pid=%d next_prio=%d");
CAIRN_EVENT(bench, call, (field, uint64_t, nr)(array, uint64_t, args, 6), "nr=%lu args=%s");

/* Never enabled. */
CAIRN_EVENT(bench, off, (field, uint64_t, a), "a=%lu");

#endif
