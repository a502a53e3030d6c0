/* SPDX-License-Identifier: MIT */
/* A port where each thread is a CPU: as a kernel has it, but with signals for interrupts and POSIX threads for the other CPUs. */
#ifndef CAIRN_PORT_STRESS_H
#define CAIRN_PORT_STRESS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
extern __thread unsigned stress_cpu __attribute__((__tls_model__("initial-exec")));
#ifdef __cplusplus
}
#endif

static inline uint64_t cairn_port_clock(void)
{
	return __builtin_ia32_rdtsc();
}

static inline unsigned cairn_port_cpu(void)
{
	return stress_cpu;
}

static inline unsigned long cairn_port_preempt_off(void)
{
	return 0;
}

static inline void cairn_port_preempt_on(unsigned long s)
{
	(void)s;
}

#endif
