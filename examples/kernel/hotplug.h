/* SPDX-License-Identifier: MIT */
/* CPUs that come and go while the rest works on. CPU 0 stays. */
#ifndef KERNEL_HOTPLUG_H
#define KERNEL_HOTPLUG_H

#include "arch.h"

/*
 * A job (sched.h) takes CPUs down and brings them up again, one at a time.
 *
 * @changes   down and up count as one each; an odd number leaves a CPU down.
 * @absent    a CPU that was never started and stays so, or 0.
 */
void hotplug_start(unsigned long changes, unsigned long absent);

/* The end of a CPU's idle loop when it shall go: gives away what is queued here, waits for arch_cpu_start(). Context: idle, interrupts off. */
void hotplug_leave(void) __attribute__((noreturn));

#endif
