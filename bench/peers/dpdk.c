/* SPDX-License-Identifier: MIT */
/*
 * DPDK's trace library: a buffer per thread that overwrites. Its environment needs neither huge pages, nor devices, nor root:
 * --no-huge --no-pci --no-shconf.
 */
#define _GNU_SOURCE
#include "dpdk_two.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_trace.h>

#include "peers.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

void peer_dpdk_begin(void)
{
	char cpu[16], folder[256];
	const char *dir = getenv("CAIRN_DIR");
	char *words[] = {(char *)"bench",
			 (char *)"-l",
			 cpu,
			 (char *)"--no-huge",
			 (char *)"-m",
			 (char *)"32",
			 (char *)"--no-pci",
			 (char *)"--no-shconf",
			 (char *)"--no-telemetry",
			 (char *)"--log-level=error",
			 (char *)"--trace=bench.two",
			 (char *)"--trace-mode=overwrite",
			 (char *)"--trace-bufsz=128K",
			 folder,
			 NULL};

	snprintf(cpu, sizeof(cpu), "%d", sched_getcpu());
	snprintf(folder, sizeof(folder), "--trace-dir=%s", dir ? dir : "/tmp");
	if (rte_eal_init((int)(sizeof(words) / sizeof(words[0])) - 1, words) < 0)
		bench_fail("DPDK: rte_eal_init: %s", rte_strerror(rte_errno));
	if (!rte_trace_is_enabled() || !rte_trace_point_is_enabled(&__bench_two))
		bench_fail("DPDK: bench.two is not enabled");
}

BENCH_LOOP void peer_dpdk_loop(uint64_t n, unsigned thread)
{
	uint64_t i;

	(void)thread;
	for (i = 0; i < n; i++)
		bench_two(i, ~i);
}
