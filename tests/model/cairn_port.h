/* SPDX-License-Identifier: MIT */
/*
 * Port of the model tests: one CPU's number, a clock and a preemption count that the test owns
 * (world.h).
 */
#ifndef CAIRN_PORT_MODEL_H
#define CAIRN_PORT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

uint64_t model_clock(void);
unsigned model_cpu(void);
unsigned long model_preempt_off(void);
void model_preempt_on(unsigned long s);

#define cairn_port_clock()       model_clock()
#define cairn_port_cpu()         model_cpu()
#define cairn_port_preempt_off() model_preempt_off()
#define cairn_port_preempt_on(s) model_preempt_on(s)

/* where writers can be left by a jump (CAIRN_PORT_JUMPS) */
void model_mark(uint64_t *frame);
#define cairn_port_mark(frame) model_mark(frame)

bool model_marked(uint64_t frame);
#define cairn_port_marked(frame) model_marked(frame)

#endif
