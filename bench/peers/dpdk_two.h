/* SPDX-License-Identifier: MIT */
/* The event for DPDK's trace library. */
#ifndef CAIRN_BENCH_DPDK_TWO_H
#define CAIRN_BENCH_DPDK_TWO_H

#include <rte_trace_point.h>

/* clang-format off */
RTE_TRACE_POINT(bench_two,
	RTE_TRACE_POINT_ARGS(uint64_t a, uint64_t b),
	rte_trace_point_emit_u64(a);
	rte_trace_point_emit_u64(b);
)
/* clang-format on */

#endif
