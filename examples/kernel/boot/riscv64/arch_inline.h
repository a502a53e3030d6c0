/* SPDX-License-Identifier: MIT */
/*
 * The inline parts of arch.h for riscv64: enough to compile the common kernel. tp holds the
 * current task, which carries its CPU.
 */
#ifndef KERNEL_ARCH_INLINE_H
#define KERNEL_ARCH_INLINE_H

#define ARCH_NAME     "riscv64"
#define ARCH_HAS_NMI  0
#define ARCH_HAS_STEP 0

#define USER_TEXT_BASE 0x400000ul
#define USER_MAP_BASE  0x10000000ul
#define USER_STACK_TOP 0x3ffffff000ul

#define DIRECT_MAP_BASE 0xffffffc000000000ul

/* rv64imac does not say that there are these, though every hart with a supervisor has them. */
#define WITH_CSR(text) ".option push; .option arch, +zicsr, +zifencei; " text "; .option pop"

struct arch_space {
	uintptr_t root;
};

static inline struct task *arch_current(void)
{
	struct task *t;

	__asm__ volatile("mv %0, tp" : "=r"(t));
	return t;
}

static inline void arch_set_current(struct task *t)
{
	__asm__ volatile("mv tp, %0" : : "r"(t) : "memory");
}

static inline unsigned arch_cpu(void)
{
	return ((const volatile struct task_head *)arch_current())->cpu;
}

static inline uint64_t arch_clock(void)
{
	uint64_t v;

	__asm__ volatile(WITH_CSR("rdtime %0") : "=r"(v));
	return v;
}

static inline void arch_irq_on(void)
{
	__asm__ volatile(WITH_CSR("csrsi sstatus, 2")::: "memory");
}

static inline void arch_irq_off(void)
{
	__asm__ volatile(WITH_CSR("csrci sstatus, 2")::: "memory");
}

static inline unsigned long arch_irq_save(void)
{
	unsigned long flags;

	__asm__ volatile(WITH_CSR("csrrci %0, sstatus, 2") : "=r"(flags) : : "memory");
	return flags;
}

static inline void arch_irq_restore(unsigned long flags)
{
	__asm__ volatile(WITH_CSR("csrs sstatus, %0") : : "r"(flags & 2) : "memory");
}

/* wfi wakes for an interrupt that is masked. */
static inline void arch_idle(void)
{
	__asm__ volatile(WITH_CSR("wfi; csrsi sstatus, 2")::: "memory");
}

static inline void arch_pause(void)
{
	__asm__ volatile(".word 0x0100000f" ::: "memory"); /* pause */
}

static inline void arch_serialize(void)
{
	__asm__ volatile(WITH_CSR("fence.i")::: "memory");
}

static inline void arch_count(uint64_t *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

static inline void arch_step_on(void) {}

static inline void arch_step_off(void) {}

static inline void *phys_to_virt(uintptr_t pa)
{
	return (void *)(pa + DIRECT_MAP_BASE);
}

static inline uintptr_t virt_to_phys(const void *va)
{
	return (uintptr_t)va - DIRECT_MAP_BASE;
}

#endif
