/* SPDX-License-Identifier: MIT */
/* Events of step.c: those that are emitted with the trap flag set, and the one that the debug exception emits. */
#ifndef KERNEL_EVENTS_STEP_H
#define KERNEL_EVENTS_STEP_H

#include <cairn/event.h>

#define STEP_LARGE_BYTES 4000 /* more than a packet of 4 KiB takes: always lost, cause "too big" */
#define STEP_MIX         0x9e3779b97f4a7c15ul

/* clang-format off */

CAIRN_EVENT(step, step_probe,
	    (field, unsigned long, run)
	    (field, unsigned long, check),
	    "run=%lu check=%lx");

CAIRN_EVENT(step, step_text,
	    (field, unsigned long, run)
	    (string, text),
	    "run=%lu text=%s");

CAIRN_EVENT(step, step_large,
	    (array, unsigned char, bytes, STEP_LARGE_BYTES),
	    "%s");

/* Before the instruction at `ip`. `serial` grows by one with each; check = serial * STEP_MIX ^ ip. */
CAIRN_EVENT(step, step_instruction,
	    (field, unsigned long, ip)
	    (field, unsigned long, serial)
	    (field, unsigned long, check),
	    "ip=%lx serial=%lu check=%lx");

/* clang-format on */

#endif
