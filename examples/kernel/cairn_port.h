/* SPDX-License-Identifier: MIT */
/*
 * Cairn's port to this kernel: all that Cairn asks of it. The functions out of line are in trace.c.
 */
#ifndef KERNEL_CAIRN_PORT_H
#define KERNEL_CAIRN_PORT_H

#include "arch.h"

static inline uint64_t cairn_port_clock(void)
{
	return arch_clock();
}

static inline unsigned cairn_port_cpu(void)
{
	return arch_cpu();
}

static inline unsigned long cairn_port_preempt_off(void)
{
	preempt_disable();
	return 0;
}

static inline void cairn_port_preempt_on(unsigned long state)
{
	(void)state;
	preempt_enable();
}

#define CAIRN_PORT_WRITE_TEXT 1
int cairn_port_write_text(void *addr, const void *bytes, unsigned len);

#define CAIRN_PORT_SYNC_CORES 1
void cairn_port_sync_cores(void);

#define CAIRN_PORT_ENTROPY 1
uint64_t cairn_port_entropy(void);

#endif
