/* SPDX-License-Identifier: MIT */
/* A port under the test's control: clock, CPU index, and what populate answers. The library is compiled against it once more. */
#ifndef CAIRN_PORT_TEST_H
#define CAIRN_PORT_TEST_H

#include <stdint.h>

#define CAIRN_PORT_POPULATE 1
#define CAIRN_PORT_IRQS_OFF 1
#define CAIRN_PORT_WAKE     1

#ifdef __cplusplus
extern "C" {
#endif
extern uint64_t test_clock, test_clock_step; /* each reading adds a step, normally 1 */
extern unsigned test_cpu;
extern _Bool test_irqs_off;
extern int test_preempt_depth;
#ifdef __cplusplus
}
#endif

static inline uint64_t cairn_port_clock(void)
{
	test_clock += test_clock_step;
#if defined CAIRN_PORT_CLOCK_BITS && CAIRN_PORT_CLOCK_BITS < 64
	return test_clock & (((uint64_t)1 << CAIRN_PORT_CLOCK_BITS) - 1);
#else
	return test_clock;
#endif
}

static inline unsigned cairn_port_cpu(void)
{
	return test_cpu;
}

static inline unsigned long cairn_port_preempt_off(void)
{
	return (unsigned long)test_preempt_depth++;
}

static inline void cairn_port_preempt_on(unsigned long s)
{
	test_preempt_depth = (int)s;
}

static inline _Bool cairn_port_irqs_off(void)
{
	return test_irqs_off;
}

#endif
