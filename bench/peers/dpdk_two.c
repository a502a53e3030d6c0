/* SPDX-License-Identifier: MIT */
/* A file of its own: in the one that registers an event, DPDK's macros make its function describe the event, not emit it. */
#include <rte_trace_point_register.h>

#include "dpdk_two.h"

RTE_TRACE_POINT_REGISTER(bench_two, bench.two)
