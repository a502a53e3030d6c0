/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator's events in Linux's form, for kernels whose authors have such headers already:
 * read several times by the one file that defines CREATE_TRACE_POINTS (trace.c).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kmem

#if !defined(KERNEL_EVENTS_KMEM_H) || defined(TRACE_HEADER_MULTI_READ)
#define KERNEL_EVENTS_KMEM_H

#include <linux/tracepoint.h>

/* clang-format off */

TRACE_EVENT(mm_page_alloc,

	TP_PROTO(unsigned long pfn, unsigned int order, unsigned long gfp_flags, int migratetype),

	TP_ARGS(pfn, order, gfp_flags, migratetype),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, order)
		__field(unsigned long, gfp_flags)
		__field(int, migratetype)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->order = order;
		__entry->gfp_flags = gfp_flags;
		__entry->migratetype = migratetype;
	),

	TP_printk("pfn=0x%lx order=%u migratetype=%d gfp_flags=%s",
		  __entry->pfn, __entry->order, __entry->migratetype,
		  __print_symbolic(__entry->gfp_flags,
				   { 0xcc0, "GFP_KERNEL" },
				   { 0x100cca, "GFP_HIGHUSER_MOVABLE" }))
);

TRACE_EVENT(mm_page_free,

	TP_PROTO(unsigned long pfn, unsigned int order),

	TP_ARGS(pfn, order),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, order)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->order = order;
	),

	TP_printk("pfn=0x%lx order=%u", __entry->pfn, __entry->order)
);

/* clang-format on */

#endif

#define TRACE_INCLUDE_PATH events
#include <trace/define_trace.h>
