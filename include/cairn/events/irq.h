/* SPDX-License-Identifier: MIT */
/* Interrupt handlers and softirqs: entry before the handler's first line, exit behind its last. */
/* clang-format off */
#ifndef CAIRN_EVENTS_IRQ_H
#define CAIRN_EVENTS_IRQ_H

#include "../event.h"

CAIRN_NAMES(cairn_irq_results, (0, "unhandled") (1, "handled"));

CAIRN_EVENT(irq, irq_handler_entry,
	    (field, int, irq)
	    (string, name),
	    "irq=%d name=%s");

CAIRN_EVENT(irq, irq_handler_exit,
	    (field, int, irq)
	    (symbol, int, ret, cairn_irq_results),
	    "irq=%d ret=%s");

#define CAIRN_SOFTIRQ_TEXT_                                                                        \
	"vec=%u [action=%s]", REC->vec,                                                            \
		__print_symbolic(REC->vec, { 0, "HI" }, { 1, "TIMER" }, { 2, "NET_TX" },           \
				 { 3, "NET_RX" }, { 4, "BLOCK" }, { 5, "IRQ_POLL" },               \
				 { 6, "TASKLET" }, { 7, "SCHED" }, { 8, "HRTIMER" }, { 9, "RCU" })

CAIRN_EVENT_FULL(irq, softirq_entry, (field, unsigned int, vec), CAIRN_SOFTIRQ_TEXT_);
CAIRN_EVENT_FULL(irq, softirq_exit, (field, unsigned int, vec), CAIRN_SOFTIRQ_TEXT_);

#endif
