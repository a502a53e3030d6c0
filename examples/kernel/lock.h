/* SPDX-License-Identifier: MIT */
/*
 * Spin locks. All of them are taken with interrupts off, so a holder is never preempted.
 *
 * Order: a pipe's lock, then sched_lock, then frames_lock, then the console's.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "arch.h"

struct spinlock {
	uint32_t taken;
};

/* For callers that have interrupts off already. */
static inline void spin_lock(struct spinlock *l)
{
	while (__atomic_exchange_n(&l->taken, 1, __ATOMIC_ACQUIRE)) {
		while (__atomic_load_n(&l->taken, __ATOMIC_RELAXED))
			arch_pause();
	}
}

static inline void spin_unlock(struct spinlock *l)
{
	__atomic_store_n(&l->taken, 0, __ATOMIC_RELEASE);
}

/* Returns the interrupt state for spin_unlock_restore(). */
static inline unsigned long spin_lock_save(struct spinlock *l)
{
	unsigned long irq = arch_irq_save();

	spin_lock(l);
	return irq;
}

static inline void spin_unlock_restore(struct spinlock *l, unsigned long irq)
{
	spin_unlock(l);
	arch_irq_restore(irq);
}

#endif
