/* SPDX-License-Identifier: MIT */
/*
 * Restartable sequences of Linux, for the port to user space. The kernel moves a thread that it preempts, migrates or signals inside such a
 * sequence to an abort address; so what the sequence does is undivided on its CPU, without an instruction that locks the bus.
 *
 *	CAIRN_ARCH_HAS_RSEQ		1 if this architecture has the function below
 *	cairn_arch_thread_pointer()	what the C library's __rseq_offset counts from
 *
 *	bool cairn_arch_rseq_append(rseq, cpu, ring, expected, n, header, ts, content_bits, head, to_end, from_end, bytes)
 *		One sequence: if this thread runs on `cpu` and ring->committed == expected, write `head`, and behind
 *		it all but the first 8 of the `bytes` (a multiple of 4, more than 8) that end at from_end, so that they end at to_end; then header->ts_end, header->content_bits, ring->pos = n, ring->committed = n.
 *	bool cairn_arch_rseq_store(rseq, cpu, ring, expected, first, last)
 *		The same with the stores *first .. *last.
 *
 * `rseq` is the thread's struct rseq. True: all is done. False: not on `cpu`, not `expected`, or aborted; the last store was not made, of
 * the others perhaps some.
 */
#ifndef CAIRN_ARCH_RSEQ_H
#define CAIRN_ARCH_RSEQ_H

#include "../include/cairn/compiler.h"

struct cairn_arch_store {
	uint64_t *to;
	uint64_t value;
};

#ifndef CAIRN_ARCH_GENERIC
#define CAIRN_ARCH_GENERIC 0
#endif

#if defined(__x86_64__) && !CAIRN_ARCH_GENERIC
#include "x86_64/rseq.h"
#else
#define CAIRN_ARCH_HAS_RSEQ 0
#endif

#endif
