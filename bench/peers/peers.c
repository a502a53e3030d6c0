/* SPDX-License-Identifier: MIT */
#include "peers.h"

void bench_peer_begin(void)
{
	peer_lttng_begin();
	peer_dpdk_begin();
}

const struct bench_row bench_peer_rows[] = {
	{"peer_lttng_ust", "ns", "floor", 100000, peer_lttng_loop, 1, NULL},
	{"peer_dpdk", "ns", "floor", 400000, peer_dpdk_loop, 1, NULL},
	{NULL, NULL, NULL, 0, NULL, 0, NULL},
};
