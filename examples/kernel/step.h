/* SPDX-License-Identifier: MIT */
/*
 * Events at every instruction of the code that emits events: a kernel thread emits with the trap flag set, and the debug exception,
 * which comes before each instruction, emits an event of its own there. How it chooses where: step.c.
 */
#ifndef KERNEL_STEP_H
#define KERNEL_STEP_H

#include "arch.h"

#define STEP_TEXT_BYTES (256u * 1024) /* of kernel text at most */

/* What happened before the instruction whose first byte this is. */
enum {
	STEP_SEEN = 1,    /* the debug exception came */
	STEP_EMITTED = 2, /* it emitted an event */
	STEP_OPENED = 4,  /* and that event opened a packet */
};

/* A test finds this in a dump of the memory by its magic. */
struct step_map {
	char magic[24]; /* "CAIRN-EXAMPLE-STEPS", zeros */
	uint64_t text;  /* address of the first byte of `seen` */
	uint64_t bytes;
	uint64_t steps;   /* debug exceptions */
	uint64_t emitted; /* events by them */
	uint64_t runs;    /* stepped calls */
	uint8_t seen[STEP_TEXT_BYTES];
};

/*
 * Begin a job (sched.h): `rounds` times everything in order, then some runs at random. Context: thread, once.
 *
 * @seed      of the random part.
 * @consume   discard mode: whether to free the packets of the CPU before each run.
 */
void step_start(unsigned long rounds, unsigned long random_runs, uint64_t seed, bool consume);

#endif
