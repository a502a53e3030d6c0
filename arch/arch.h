/* SPDX-License-Identifier: MIT */
/*
 * What an architecture gives, and which one this is. Only arch/ may test CPU macros.
 *
 *	CAIRN_ARCH			enum cairn_arch value (layout.h)
 *	CAIRN_ARCH_HAS_KEYS		1 if sites can be patched (then also CAIRN_ARCH_KEY_BRANCH and patch.c)
 *	CAIRN_ARCH_KEY_BRANCH(sym, on)	the site of the key that is the first member of object `sym`; goes on to the next
 *					statement when off, to label `on` when on
 *	cairn_arch_clock()		the cycle or timer counter that every CPU can read at every privilege used
 *	cairn_arch_local_cas64(p, o, n)	compare-and-swap against what may interrupt this CPU, not against other CPUs: no lock
 *					prefix, no acquire or release
 *	cairn_arch_local_inc64(p)	increment against the same
 *	cairn_arch_fence_full()		store-load fence between CPUs
 *	cairn_arch_store_stack(p)	store the stack pointer (not in the generic form)
 *
 * CAIRN_ARCH_GENERIC=1 selects the generic form, which needs only the port's interrupt save and restore.
 */
#ifndef CAIRN_ARCH_H
#define CAIRN_ARCH_H

#include "../include/cairn/compiler.h"

#ifndef CAIRN_ARCH_GENERIC
#define CAIRN_ARCH_GENERIC 0
#endif

#if CAIRN_ARCH_GENERIC
#include "generic/arch.h"
#elif defined(__x86_64__)
#include "x86_64/arch.h"
#elif defined(__aarch64__)
#include "aarch64/arch.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "riscv64/arch.h"
#else
#error "Cairn knows x86-64, aarch64 and riscv64; define CAIRN_ARCH_GENERIC=1 for any other 64-bit little-endian CPU"
#endif

#endif
