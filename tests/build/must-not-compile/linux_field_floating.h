/* SPDX-License-Identifier: MIT */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM fs
#if !defined(LINUX_FIELD_FLOATING_H) || defined(TRACE_HEADER_MULTI_READ)
#define LINUX_FIELD_FLOATING_H
#include <cairn/tracepoint.h>

TRACE_EVENT(tick,
	TP_PROTO(int p),
	TP_ARGS(p),
	TP_STRUCT__entry(__field(FIELD_TYPE, pair)),
	TP_fast_assign(__entry->pair = (FIELD_TYPE)p;),
	TP_printk("a=%d", __entry->pair)
);
#endif
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE linux_field_floating
#include <cairn/define_events.h>
