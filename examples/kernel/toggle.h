/* SPDX-License-Identifier: MIT */
/* Events switched off and on while they fire. */
#ifndef KERNEL_TOGGLE_H
#define KERNEL_TOGGLE_H

#include "arch.h"

/* A job (sched.h) makes `changes` changes: each system of events in turn goes off and on again. */
void toggle_start(unsigned long changes);

#endif
