/* SPDX-License-Identifier: MIT */
/*
 * What Linux leaves on the stack of a thread that a signal interrupts, for the port to user space.
 *
 *	CAIRN_ARCH_HAS_SIGFRAME		1 if this architecture has what follows
 *	CAIRN_ARCH_SIGFRAME_LEAST	bytes at least between the interrupted stack pointer and that of the handler
 *	CAIRN_ARCH_SIGFRAME_MOST	bytes at most between the interrupted stack pointer, or the top of the handler's stack, and the saved
 *					registers below it
 *	CAIRN_ARCH_SIGFRAME_WORDS	words that cairn_arch_is_sigframe() looks at
 *	cairn_arch_is_sigframe(w, low, high)
 *		Whether the words at `w` may be registers saved for a handler when the stack pointer was in low .. high. Never false for those
 *		that are; other words pass with a small probability.
 */
#ifndef CAIRN_ARCH_SIGFRAME_H
#define CAIRN_ARCH_SIGFRAME_H

#include "../include/cairn/compiler.h"

#ifndef CAIRN_ARCH_GENERIC
#define CAIRN_ARCH_GENERIC 0
#endif

#if defined(__x86_64__) && !CAIRN_ARCH_GENERIC
#include "x86_64/sigframe.h"
#else
#define CAIRN_ARCH_HAS_SIGFRAME   0
#define CAIRN_ARCH_SIGFRAME_LEAST 512
#endif

#endif
