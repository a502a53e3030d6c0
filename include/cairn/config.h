/* SPDX-License-Identifier: MIT */
/*
 * Every compile-time knob: default, unit, cost, range check. Give another value on the compiler's command line, the same for
 * every file that includes Cairn.
 */
#ifndef CAIRN_CONFIG_H
#define CAIRN_CONFIG_H

#include "port.h" /* it may give other defaults */

/* 0 compiles tracing out: events keep their type checks and vanish from the image. */
#ifndef CAIRN_ENABLE
#define CAIRN_ENABLE 1
#endif

/* 1: also check invariants that only a bug of Cairn's can break; 2: walk structures often (tests). */
#ifndef CAIRN_DEBUG
#define CAIRN_DEBUG 0
#endif

/*
 * CPUs in a kernel; streams at once in user space, where the default is 2048. Costs 8 bytes of .bss each (in Linux user space 16), and control
 * operations that concern all rings look at so many pointers; emitting costs nothing more.
 */
#ifndef CAIRN_MAX_CPUS
#define CAIRN_MAX_CPUS 1024
#endif
#if CAIRN_MAX_CPUS < 1 || CAIRN_MAX_CPUS > 65535
#error "CAIRN_MAX_CPUS must lie in 1 .. 65535"
#endif

/* Buffers at once: the main one, instances, snapshots. Costs 8 bytes of .bss for each and CPU but the first. 1: the main one alone. */
#ifndef CAIRN_MAX_BUFFERS
#define CAIRN_MAX_BUFFERS 8
#endif
#if CAIRN_MAX_BUFFERS < 1 || CAIRN_MAX_BUFFERS > 24
#error "CAIRN_MAX_BUFFERS must lie in 1 .. 24"
#endif

/* Bytes of .bss for a region when cairn_init() is given no memory; 0 = the caller always gives some. */
#ifndef CAIRN_STATIC_BYTES
#define CAIRN_STATIC_BYTES 0
#endif
#if CAIRN_STATIC_BYTES % 4096
#error "CAIRN_STATIC_BYTES must be a multiple of 4096"
#endif

/* How often the slow path looks at a clock that stepped back before it counts the event as lost. */
#ifndef CAIRN_CLOCK_RETRIES
#define CAIRN_CLOCK_RETRIES 1000
#endif

#endif
