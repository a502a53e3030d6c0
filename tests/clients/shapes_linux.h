/* SPDX-License-Identifier: MIT */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM shape
#if !defined(SHAPES_LINUX_H) || defined(TRACE_HEADER_MULTI_READ)
#define SHAPES_LINUX_H
#include <stdint.h>
#include <string.h>

#include <cairn/tracepoint.h>

#ifndef SHAPE_TRIPLE
#define SHAPE_TRIPLE
struct shape_triple {
	uint32_t a, b, c;
};
#endif

TRACE_EVENT(shape_triples,
	TP_PROTO(const struct shape_triple *t, unsigned nr, const char *s),
	TP_ARGS(t, nr, s),
	TP_STRUCT__entry(
		__field(unsigned char, nr)
		__field_struct(struct shape_triple, first)
		__array(struct shape_triple, two, 2)
		__dynamic_array(struct shape_triple, t, nr)
		__string(s, s)
	),
	TP_fast_assign(
		__entry->nr = (unsigned char)nr;
		__entry->first = t[0];
		memcpy(__entry->two, t, sizeof(__entry->two));
		memcpy(__get_dynamic_array(t), t, nr * sizeof(*t));
		__assign_str(s);
	),
	TP_printk("nr=%u s=%s", __entry->nr, __get_str(s))
);

#endif
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE shapes_linux
#include <cairn/define_events.h>
