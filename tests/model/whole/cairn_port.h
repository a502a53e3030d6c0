/* SPDX-License-Identifier: MIT */
/* Port of orders.c, which compiles the whole core: one CPU, and a clock that goes on by one at each reading. */
#ifndef CAIRN_PORT_WHOLE_H
#define CAIRN_PORT_WHOLE_H

#include <stdint.h>

extern uint64_t whole_clock;

#define cairn_port_clock()       (++whole_clock)
#define cairn_port_cpu()         0u
#define cairn_port_preempt_off() 0ul
#define cairn_port_preempt_on(s) ((void)(s))

#define CAIRN_PORT_WAKE 1 /* cairn_port_wake() of the test */

#endif
