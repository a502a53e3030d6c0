/* SPDX-License-Identifier: MIT */
/*
 * Port of the model tests: one CPU's number, a clock and a preemption count that the test owns
 * (world.h).
 */
#ifndef CAIRN_PORT_MODEL_H
#define CAIRN_PORT_MODEL_H

#include <stdint.h>

uint64_t model_clock(void);
unsigned model_cpu(void);
unsigned long model_preempt_off(void);
void model_preempt_on(unsigned long s);

#define cairn_port_clock()       model_clock()
#define cairn_port_cpu()         model_cpu()
#define cairn_port_preempt_off() model_preempt_off()
#define cairn_port_preempt_on(s) model_preempt_on(s)

#endif
