/* SPDX-License-Identifier: MIT */
/* arch_clock() in nanoseconds and back. */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include "arch.h"

#define NS_PER_SECOND 1000000000ul

extern uint64_t clock_hz; /* main.c sets it before anything else */

static inline uint64_t clock_from_ns(uint64_t ns)
{
	return ns / NS_PER_SECOND * clock_hz + ns % NS_PER_SECOND * clock_hz / NS_PER_SECOND;
}

static inline uint64_t clock_to_ns(uint64_t clocks)
{
	return clocks / clock_hz * NS_PER_SECOND + clocks % clock_hz * NS_PER_SECOND / clock_hz;
}

#endif
