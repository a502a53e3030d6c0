/* SPDX-License-Identifier: MIT */
/*
 * Any 64-bit little-endian CPU: the local compare-and-swap runs with interrupts off, through the port's cairn_port_irq_save() and
 * cairn_port_irq_restore(). Events from contexts that this does not hold off (NMI) must not be emitted.
 */
#ifndef CAIRN_ARCH_GENERIC_H
#define CAIRN_ARCH_GENERIC_H

#include "../../include/cairn/port.h"

#define CAIRN_ARCH          0
#define CAIRN_ARCH_HAS_KEYS 0

CAIRN_INLINE bool cairn_arch_local_cas64(volatile uint64_t *p, uint64_t old_value,
					 uint64_t new_value)
{
	unsigned long s = cairn_port_irq_save();
	bool ok = *p == old_value;

	if (ok)
		*p = new_value;
	cairn_port_irq_restore(s);
	return ok;
}

CAIRN_INLINE void cairn_arch_local_inc64(volatile uint64_t *p)
{
	unsigned long s = cairn_port_irq_save();

	*p = *p + 1;
	cairn_port_irq_restore(s);
}

CAIRN_INLINE void cairn_arch_fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
