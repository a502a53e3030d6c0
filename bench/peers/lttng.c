/* SPDX-License-Identifier: MIT */
/*
 * LTTng-UST: rings per CPU that overwrite. The session is bench/run.py's; this program is registered with its daemon before main().
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng_two.h"

#include "peers.h"

void peer_lttng_begin(void)
{
	if (!lttng_ust_tracepoint_enabled(bench_peer, two))
		bench_fail(
			"LTTng-UST: bench_peer:two is not enabled; bench/run.py --peers makes the session");
}

BENCH_LOOP void peer_lttng_loop(uint64_t n, unsigned thread)
{
	uint64_t i;

	(void)thread;
	for (i = 0; i < n; i++)
		lttng_ust_tracepoint(bench_peer, two, i, ~i);
}
