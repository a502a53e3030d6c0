/* SPDX-License-Identifier: MIT */
/* One pair of functions for each peer: be ready or end the program; emit two u64 a turn, as event_2u64_1t does. */
#ifndef CAIRN_BENCH_PEERS_H
#define CAIRN_BENCH_PEERS_H

#include "../bench.h"

void peer_lttng_begin(void);
bench_loop peer_lttng_loop;

void peer_dpdk_begin(void);
bench_loop peer_dpdk_loop;

#endif
