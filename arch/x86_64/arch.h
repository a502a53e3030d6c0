/* SPDX-License-Identifier: MIT */
/* x86-64: unlocked cmpxchg and inc are atomic against interrupts on their own CPU, which is all that the writer needs. */
#ifndef CAIRN_ARCH_X86_64_H
#define CAIRN_ARCH_X86_64_H

#include "../../include/cairn/compiler.h"

#define CAIRN_ARCH          1 /* CAIRN_ARCH_X86_64 */
#define CAIRN_ARCH_HAS_KEYS 1

CAIRN_INLINE uint64_t cairn_arch_clock(void)
{
	uint64_t lo, hi; /* rdtsc clears the upper halves */

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return hi << 32 | lo;
}

CAIRN_INLINE bool cairn_arch_local_cas64(volatile uint64_t *p, uint64_t old_value,
					 uint64_t new_value)
{
	bool ok;

	__asm__ volatile("cmpxchgq %3, %1"
			 : "=@ccz"(ok), "+m"(*p), "+a"(old_value)
			 : "r"(new_value)
			 : "memory");
	return ok;
}

CAIRN_INLINE void cairn_arch_local_inc64(volatile uint64_t *p)
{
	__asm__ volatile("incq %0" : "+m"(*p) : : "memory", "cc");
}

CAIRN_INLINE void cairn_arch_store_stack(uint64_t *p)
{
	__asm__ volatile("movq %%rsp, %0" : "=m"(*p));
}

CAIRN_INLINE void cairn_arch_fence_full(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

/*
 * Off: A9 disp32 (`test eax, imm32`), on: E9 disp32 (`jmp`). One byte differs; the displacement is the assembler's. The site's
 * entry says where it is, where it leads and whose it is, each relative to its own place. Flag o ties it to the section of its
 * function: lld, which under --gc-sections drops what only __start_ and __stop_ refer to, then keeps or drops both.
 */
#define CAIRN_ARCH_KEY_BRANCH(sym, on)                                                             \
	__asm__ goto(".Lcairn_site%=:\t.byte 0xa9\n\t.long %l0 - . - 4\n"                          \
		     "\t.pushsection cairn_keys, \"ao\", @progbits, .Lcairn_site%=\n\t.balign 4\n" \
		     "\t.long .Lcairn_site%= - .\n\t.long %l0 - .\n"                               \
		     "\t.long " #sym " - .\n\t.popsection"                                         \
		     :                                                                             \
		     :                                                                             \
		     : "cc"                                                                        \
		     : on)

#endif
