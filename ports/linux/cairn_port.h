/* SPDX-License-Identifier: MIT */
/*
 * Port to Linux user space: a stream per thread (threads beyond those streams share one per CPU), signals as the interrupts, the region in a file under
 * /dev/shm (process.h names the parts).
 */
#ifndef CAIRN_PORT_LINUX_H
#define CAIRN_PORT_LINUX_H

#include <stdbool.h>
#include <stdint.h>

#define CAIRN_PORT_ATTACH     1
#define CAIRN_PORT_STAGE      1
#define CAIRN_PORT_JUMPS      1
#define CAIRN_PORT_RING       1
#define CAIRN_PORT_SHARE      1
#define CAIRN_PORT_POPULATE   1
#define CAIRN_PORT_ENTROPY    1
#define CAIRN_PORT_WRITE_TEXT 1
#define CAIRN_PORT_SYNC_CORES 1

struct cairn_ring;

/* Streams: of threads, by CAIRN_STREAMS at most 1,024 beside those of the CPUs, on machines of up to 1,024. */
#ifndef CAIRN_MAX_CPUS
#define CAIRN_MAX_CPUS 2048
#endif

#ifdef __cplusplus
extern "C" {
#endif
/* This thread's stream; ~0u = none yet. Initial-exec: one load from the thread pointer, nothing that a signal could interrupt. */
extern __thread unsigned cairn_port_stream
	__attribute__((__tls_model__("initial-exec"), __visibility__("hidden")));
/* Where in cairn_rings[] its ring stands, or a place that holds NULL. */
extern __thread struct cairn_ring **cairn_port_slot
	__attribute__((__tls_model__("initial-exec"), __visibility__("hidden")));
/* Where this thread prepares records, while it shares streams; NULL: it has one of its own, or none yet. */
extern __thread struct cairn_ring *cairn_port_own_staging
	__attribute__((__tls_model__("initial-exec"), __visibility__("hidden")));
#ifdef __cplusplus
}
#endif

static inline __attribute__((__always_inline__, __unused__)) unsigned cairn_port_cpu(void)
{
	return cairn_port_stream;
}

static inline __attribute__((__always_inline__, __unused__)) struct cairn_ring *cairn_port_ring(void)
{
	return __atomic_load_n(cairn_port_slot, __ATOMIC_RELAXED);
}

static inline __attribute__((__always_inline__, __unused__)) struct cairn_ring *cairn_port_staging(void)
{
	return cairn_port_own_staging;
}

static inline __attribute__((__always_inline__, __unused__)) unsigned long
cairn_port_preempt_off(void)
{
	return 0; /* a thread's stream goes with it */
}

static inline __attribute__((__always_inline__, __unused__)) void
cairn_port_preempt_on(unsigned long s)
{
	(void)s;
}

#include "../../arch/arch.h"

static inline __attribute__((__always_inline__, __unused__)) uint64_t cairn_port_clock(void)
{
	return cairn_arch_clock();
}

/* For jump.c, which says what follows from it. */
static inline __attribute__((__always_inline__, __unused__)) void cairn_port_mark(uint64_t *frame)
{
	cairn_arch_store_stack(frame);
}

/* No signal's frame fits between `frame` and here. */
static inline __attribute__((__always_inline__, __unused__)) bool cairn_port_marked(uint64_t frame)
{
	uint64_t here;

	cairn_arch_store_stack(&here);
	return here - frame + 512 < 1024;
}

#endif
