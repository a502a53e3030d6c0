/* SPDX-License-Identifier: MIT */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM fs
#if !defined(LINUX_FIELD_STRUCTURE_H) || defined(TRACE_HEADER_MULTI_READ)
#define LINUX_FIELD_STRUCTURE_H
#include <cairn/tracepoint.h>

TRACE_EVENT(tick,
	TP_PROTO(const struct pair *p),
	TP_ARGS(p),
	TP_STRUCT__entry(FIELD_OF_STRUCTURE(struct pair, pair)),
	TP_fast_assign(__entry->pair = *p;),
	TP_printk("a=%d", __entry->pair.a)
);
#endif
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE linux_field_structure
#include <cairn/define_events.h>
