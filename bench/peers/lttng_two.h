/* SPDX-License-Identifier: MIT */
/* The event for LTTng-UST, in the form that its headers ask for: they include this file several times. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER bench_peer

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "lttng_two.h"

#if !defined(CAIRN_BENCH_LTTNG_TWO_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define CAIRN_BENCH_LTTNG_TWO_H

#include <stdint.h>

#include <lttng/tracepoint.h>

/* clang-format off */
LTTNG_UST_TRACEPOINT_EVENT(bench_peer, two,
	LTTNG_UST_TP_ARGS(uint64_t, a, uint64_t, b),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, a, a) lttng_ust_field_integer(uint64_t, b, b)))
/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>
