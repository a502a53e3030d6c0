/* SPDX-License-Identifier: MIT */
/* riscv64: relaxed lr/sc loops and amoadd; a trap between lr and sc whose handler runs a writer cancels ours by its own sc. */
#ifndef CAIRN_ARCH_RISCV64_H
#define CAIRN_ARCH_RISCV64_H

#include "../../include/cairn/compiler.h"

#define CAIRN_ARCH          3 /* CAIRN_ARCH_RISCV64 */
#define CAIRN_ARCH_HAS_KEYS 0

CAIRN_INLINE uint64_t cairn_arch_clock(void)
{
	uint64_t v;

	__asm__ volatile("rdtime %0" : "=r"(v));
	return v;
}

CAIRN_INLINE bool cairn_arch_local_cas64(volatile uint64_t *p, uint64_t old_value,
					 uint64_t new_value)
{
	return __atomic_compare_exchange_n(p, &old_value, new_value, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

CAIRN_INLINE void cairn_arch_local_inc64(volatile uint64_t *p)
{
	(void)__atomic_fetch_add(p, 1, __ATOMIC_RELAXED);
}

CAIRN_INLINE void cairn_arch_store_stack(uint64_t *p)
{
	__asm__ volatile("sd sp, %0" : "=m"(*p));
}

CAIRN_INLINE void cairn_arch_fence_full(void)
{
	__asm__ volatile("fence rw, rw" : : : "memory");
}

#endif
