/* SPDX-License-Identifier: MIT */
/*
 * x86-64: below the red zone of 128 bytes the state of the FPU, at least 512 + 64 bytes (8 KiB more with AMX), below that struct rt_sigframe,
 * with rsp, rip and eflags one behind the other (ucontext_t's REG_RSP, REG_RIP, REG_EFL).
 */
#ifndef CAIRN_ARCH_X86_64_SIGFRAME_H
#define CAIRN_ARCH_X86_64_SIGFRAME_H

#include "../../include/cairn/compiler.h"

#define CAIRN_ARCH_HAS_SIGFRAME   1
#define CAIRN_ARCH_SIGFRAME_LEAST 1100
#define CAIRN_ARCH_SIGFRAME_MOST  16384
#define CAIRN_ARCH_SIGFRAME_WORDS 3

/* An address of user code, and flags: bit 1 is always set, none above 21 ever. */
CAIRN_INLINE bool cairn_arch_is_sigframe(const uint64_t *w, uint64_t low, uint64_t high)
{
	return w[0] >= low && w[0] <= high && w[1] >= 4096 && w[1] >> 47 == 0 && (w[2] & 2) && w[2] >> 22 == 0;
}

#endif
