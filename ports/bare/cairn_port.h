/* SPDX-License-Identifier: MIT */
/*
 * Port to a bare machine with one CPU and no operating system: the smallest port there is, and the one that the core is compiled
 * against when nothing else is at hand. A kernel copies it and gives its own CPU index; see ports/bare/README.md.
 */
#ifndef CAIRN_PORT_BARE_H
#define CAIRN_PORT_BARE_H

#include "../../arch/arch.h"

static inline __attribute__((__always_inline__, __unused__)) uint64_t cairn_port_clock(void)
{
	return cairn_arch_clock();
}

static inline __attribute__((__always_inline__, __unused__)) unsigned cairn_port_cpu(void)
{
	return 0;
}

static inline __attribute__((__always_inline__, __unused__)) unsigned long
cairn_port_preempt_off(void)
{
	return 0;
}

static inline __attribute__((__always_inline__, __unused__)) void
cairn_port_preempt_on(unsigned long s)
{
	(void)s;
}

#endif
