/* SPDX-License-Identifier: MIT */
/*
 * The inline parts of arch.h for x86-64, and the layout of addresses.
 *
 *     0000000000400000   a program's text; its data, its maps; 00007ffffffff000 the top of its stack
 *     ffff800000000000   the direct map: the first 4 GiB of physical addresses, writable
 *     ffffffff80000000   the kernel's image, at its physical address (1 MiB up)
 *
 * In the kernel gs points to this CPU's struct arch_cpu.
 */
#ifndef KERNEL_ARCH_INLINE_H
#define KERNEL_ARCH_INLINE_H

#define ARCH_NAME     "x86_64"
#define ARCH_HAS_NMI  1
#define ARCH_HAS_STEP 1

#define USER_TEXT_BASE 0x400000ul
#define USER_MAP_BASE  0x10000000ul
#define USER_STACK_TOP 0x7ffffffff000ul

#define DIRECT_MAP_BASE   0xffff800000000000ul
#define KERNEL_IMAGE_BASE 0xffffffff80000000ul

struct arch_space {
	uintptr_t root; /* physical address of the top table */
};

/* trap.S knows the offsets. */
struct arch_cpu {
	struct task *current; /* 0 */
	void *kernel_stack;   /* 8: top of current's, where a system call begins */
	uintptr_t user_stack; /* 16: scratch of the system call entry */
	uint32_t index;       /* 24 */
	uint32_t apic_id;     /* 28 */
};

static inline unsigned arch_cpu(void)
{
	unsigned index;

	__asm__ volatile("movl %%gs:24, %0" : "=r"(index));
	return index;
}

static inline struct task *arch_current(void)
{
	struct task *t;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(t));
	return t;
}

static inline void arch_set_current(struct task *t)
{
	__asm__ volatile("movq %0, %%gs:0" : : "r"(t) : "memory");
}

static inline uint64_t arch_clock(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline void arch_irq_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline void arch_irq_off(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline unsigned long arch_irq_save(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static inline void arch_irq_restore(unsigned long flags)
{
	if (flags & 0x200)
		arch_irq_on();
}

/* sti takes effect behind the next instruction, so nothing comes between it and hlt. */
static inline void arch_idle(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}

static inline void arch_pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static inline void arch_serialize(void)
{
	uint32_t a = 0, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
}

static inline void arch_count(uint64_t *n)
{
	__asm__ volatile("incq %0" : "+m"(*n));
}

/* The trap flag takes effect behind the instruction that follows popf; what interrupts us runs with it cleared. */
static inline void arch_step_on(void)
{
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "cc", "memory");
}

static inline void arch_step_off(void)
{
	__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "cc", "memory");
}

static inline void *phys_to_virt(uintptr_t pa)
{
	return (void *)(pa + DIRECT_MAP_BASE);
}

static inline uintptr_t virt_to_phys(const void *va)
{
	uintptr_t a = (uintptr_t)va;

	return a >= KERNEL_IMAGE_BASE ? a - KERNEL_IMAGE_BASE : a - DIRECT_MAP_BASE;
}

#endif
