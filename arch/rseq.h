/* SPDX-License-Identifier: MIT */
/*
 * Restartable sequences of Linux, for the port to user space. The kernel moves a thread that it preempts, migrates or signals inside such a
 * sequence to an abort address; so what the sequence does is undivided on its CPU, without an instruction that locks the bus.
 *
 *	CAIRN_ARCH_HAS_RSEQ		1 if this architecture has the function below
 *	cairn_arch_thread_pointer()	what the C library's __rseq_offset counts from
 *
 *	enum cairn_arch_rseq_end cairn_arch_rseq_write(at, record, taken, staged)
 *		One sequence: find the CPU and its ring; see that a record of `taken` - CAIRN_ONE_RECORD bytes (a multiple of 4, 12 at
 *		least) goes behind what is committed there, now; and write it: the time, the id at record + 6, at->task, the payload at
 *		record + 12; before that, what else the record changes in header and control block; last ring->committed. With the next
 *		instruction, *staged -= taken: who is left (a jump out of a signal handler) between the two is counted twice.
 *		CAIRN_ARCH_RSEQ_DONE: all is done. _ABORTED: begin again. _REFUSED: no CPU below nr_cpus, no ring, or the record does
 *		not go there.
 *	bool cairn_arch_rseq_store(rseq, cpu, ring, expected, first, last)
 *		One sequence: if this thread runs on `cpu` and ring->committed == expected, make the stores *first .. *last.
 *		True: all is done. False: not on `cpu`, not `expected`, or aborted; the last store was not made, of the others
 *		perhaps some.
 *
 * `rseq` is the thread's struct rseq. Whatever the end, but for the last store: what was stored lies behind the content or says what is true.
 */
#ifndef CAIRN_ARCH_RSEQ_H
#define CAIRN_ARCH_RSEQ_H

#include "../include/cairn/compiler.h"

struct cairn_ring;

/* What a thread's sequences need. */
struct cairn_arch_rseq {
	char *rseq;                /* the thread's struct rseq */
	struct cairn_ring **rings; /* by CPU */
	uint32_t nr_cpus;
	uint32_t task; /* the records' task word */
};

enum cairn_arch_rseq_end { CAIRN_ARCH_RSEQ_DONE, CAIRN_ARCH_RSEQ_ABORTED, CAIRN_ARCH_RSEQ_REFUSED };

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
