/* SPDX-License-Identifier: MIT */
/* Interrupts, in the parts that are the same everywhere; and what one CPU asks of all others by them. */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "arch.h"

/*
 * Make every CPU execute a serializing instruction, and wait for it. Afterwards each sees memory as we do.
 *
 * Context   interrupts on, or the only CPU: two CPUs that wait for each other with interrupts off would
 *           wait for ever.
 */
void cpus_sync(void);

/* This CPU is there: tasks may be given to it, and cpus_sync() waits for it. Context: its first, interrupts off. */
void cpu_arrive(void);

/* Stop all other CPUs for good, interrupts off. Returns when they have stopped, or after a second. */
void cpus_stop(void);

/* From now on NMIs do nothing, and none is in progress. */
void nmi_quiesce(void);

#endif
