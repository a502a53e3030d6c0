/* SPDX-License-Identifier: MIT */
/* Events switched off and on while they fire. */
#ifndef KERNEL_TOGGLE_H
#define KERNEL_TOGGLE_H

#include "arch.h"

/* A kernel thread makes `changes` changes: each system of events in turn goes off and on again. */
void toggle_start(unsigned long changes);

/* Whether all changes are done; true if there were none to do. */
bool toggle_is_done(void);

#endif
