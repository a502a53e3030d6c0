/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables, and what follows from a trap: the C side of trap.S. All interrupts and exceptions
 * come to trap_handle() with interrupts off; NMIs have a way of their own, since they may come anywhere.
 */
#include "print.h"
#include "x86.h"

struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

struct gate {
	uint16_t offset_low, segment;
	uint8_t stack, type;
	uint16_t offset_middle;
	uint32_t offset_high, zero;
};

struct __attribute__((packed)) tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t stack[7]; /* gates choose them by 1..7 */
	uint64_t reserved2;
	uint16_t reserved3, io_map;
};

struct __attribute__((packed)) table_pointer {
	uint16_t limit;
	uint64_t base;
};

enum {
	STACK_NMI = 1,
	STACK_DOUBLE_FAULT = 2,
	STACK_BYTES = 8192,
	GATE_INTERRUPT = 0x8e,
	VECTOR_DEBUG = 1,
	VECTOR_NMI = 2,
	VECTOR_BREAKPOINT = 3,
	VECTOR_DOUBLE_FAULT = 8,
	VECTOR_PAGE_FAULT = 14,
	FLAG_TRAP = 0x100,
};

struct arch_cpu arch_cpus[MAX_CPUS];

static struct gate trap_gates[256] __attribute__((aligned(16)));
static struct {
	uint64_t gdt[7];
	struct tss tss;
	uint8_t nmi_stack[STACK_BYTES] __attribute__((aligned(16)));
	uint8_t double_fault_stack[STACK_BYTES] __attribute__((aligned(16)));
} trap_cpus[MAX_CPUS] __attribute__((aligned(64)));

extern const char trap_vectors[256][16], trap_nmi[], trap_breakpoint[], trap_syscall[];

void trap_switch(void **prev_sp, void *next_sp);
void trap_enter_user(uintptr_t entry, uintptr_t stack, unsigned long arg0, unsigned long arg1)
	__attribute__((noreturn));
void trap_handle(struct trap_frame *f);
void trap_nmi_handle(struct trap_frame *f);
void trap_syscall_handle(struct trap_frame *f);

static void gate_set(unsigned vector, const char *entry, unsigned stack)
{
	uintptr_t a = (uintptr_t)entry;

	trap_gates[vector] = (struct gate){
		.offset_low = (uint16_t)a,
		.segment = SEGMENT_KERNEL_CODE,
		.stack = (uint8_t)stack,
		.type = GATE_INTERRUPT,
		.offset_middle = (uint16_t)(a >> 16),
		.offset_high = (uint32_t)(a >> 32),
	};
}

static void gates_init(void)
{
	for (unsigned i = 0; i < 256; i++)
		gate_set(i, trap_vectors[i], 0);
	gate_set(VECTOR_NMI, trap_nmi, STACK_NMI);
	gate_set(VECTOR_BREAKPOINT, trap_breakpoint, 0);
	gate_set(VECTOR_DOUBLE_FAULT, trap_vectors[VECTOR_DOUBLE_FAULT], STACK_DOUBLE_FAULT);
}

static void segments_load(uint64_t *gdt, struct tss *tss)
{
	struct table_pointer pointer = {.limit = 7 * 8 - 1, .base = (uintptr_t)gdt};
	uint64_t base = (uintptr_t)tss;

	gdt[1] = 0x00af9b000000ffff; /* kernel code */
	gdt[2] = 0x00cf93000000ffff; /* kernel data */
	gdt[3] = 0x00cff3000000ffff; /* user data */
	gdt[4] = 0x00affb000000ffff; /* user code */
	gdt[5] = (sizeof(*tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[6] = base >> 32;
	__asm__ volatile("lgdt %0" : : "m"(pointer) : "memory");
	__asm__ volatile("ltr %w0" : : "r"(SEGMENT_TSS) : "memory");
}

void trap_cpu_init(unsigned cpu)
{
	struct table_pointer pointer = {.limit = sizeof(trap_gates) - 1,
					.base = (uintptr_t)trap_gates};
	struct tss *tss = &trap_cpus[cpu].tss;

	if (cpu == 0)
		gates_init();
	tss->stack[STACK_NMI - 1] = (uintptr_t)trap_cpus[cpu].nmi_stack + STACK_BYTES;
	tss->stack[STACK_DOUBLE_FAULT - 1] =
		(uintptr_t)trap_cpus[cpu].double_fault_stack + STACK_BYTES;
	tss->io_map = sizeof(*tss);
	segments_load(trap_cpus[cpu].gdt, tss);
	__asm__ volatile("lidt %0" : : "m"(pointer) : "memory");

	arch_cpus[cpu].index = cpu;
	write_msr(MSR_GS_BASE, (uintptr_t)&arch_cpus[cpu]);
	write_msr(MSR_KERNEL_GS_BASE, 0);
	write_msr(MSR_STAR, (SEGMENT_USER_DATA - 8ull) << 48 | SEGMENT_KERNEL_CODE * 1ull << 32);
	write_msr(MSR_LSTAR, (uintptr_t)trap_syscall);
	/* trap, interrupts, direction, nested task, alignment: off */
	write_msr(MSR_SFMASK, 0x47700);
}

void *arch_stack_init(void *stack_top, void (*fn)(void))
{
	uint64_t *sp = stack_top;

	*--sp = 0;             /* as if fn() had been called */
	*--sp = (uintptr_t)fn; /* trap_switch() returns to it */
	for (unsigned i = 0; i < 6; i++)
		*--sp = 0; /* registers */
	return sp;
}

void arch_switch(void **prev_sp, void *next_sp, struct task *next, void *next_stack_top)
{
	struct arch_cpu *c = &arch_cpus[arch_cpu()];

	trap_cpus[c->index].tss.rsp[0] = (uintptr_t)next_stack_top;
	c->kernel_stack = next_stack_top;
	arch_set_current(next);
	trap_switch(prev_sp, next_sp);
}

/* A called function finds its stack 8 off a multiple of 16. */
void arch_enter_user(uintptr_t entry, uintptr_t stack, unsigned long arg0, unsigned long arg1)
{
	trap_enter_user(entry, (stack & ~15ul) - 8, arg0, arg1);
}

static void trap_die(const struct trap_frame *f, uintptr_t address)
{
	printk("\ntrap %lu error %lx address %lx in the kernel, cpu %u\n", (unsigned long)f->vector,
	       (unsigned long)f->error, (unsigned long)address, arch_cpu());
	printk("rip %lx cs %lx flags %lx rsp %lx ss %lx\n", (unsigned long)f->rip,
	       (unsigned long)f->cs, (unsigned long)f->rflags, (unsigned long)f->rsp,
	       (unsigned long)f->ss);
	printk("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", (unsigned long)f->rax,
	       (unsigned long)f->rbx, (unsigned long)f->rcx, (unsigned long)f->rdx);
	printk("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", (unsigned long)f->rsi,
	       (unsigned long)f->rdi, (unsigned long)f->rbp, (unsigned long)f->r8);
	printk("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", (unsigned long)f->r9,
	       (unsigned long)f->r10, (unsigned long)f->r11, (unsigned long)f->r12);
	printk("r13 %016lx r14 %016lx r15 %016lx\n", (unsigned long)f->r13, (unsigned long)f->r14,
	       (unsigned long)f->r15);
	panic("trap %lu", (unsigned long)f->vector);
}

static void trap_user(struct trap_frame *f, uintptr_t address)
{
	static const char *const names[] = {"divide error",  "debug trap", "NMI",
					    "breakpoint",    "overflow",   "bound",
					    "invalid opcode"};
	unsigned access = (f->error & 2 ? MAP_WRITE : 0) | (f->error & 16 ? MAP_EXEC : 0);

	arch_irq_on();
	if (f->vector == VECTOR_PAGE_FAULT)
		user_page_fault(address, f->rip, f->error, access);
	else
		user_trap(f->vector < sizeof(names) / sizeof(names[0]) ? names[f->vector]
								       : "protection fault",
			  f->rip);
}

static void trap_exception(struct trap_frame *f)
{
	uintptr_t address = 0;

	if (f->vector == VECTOR_PAGE_FAULT)
		__asm__ volatile("movq %%cr2, %0" : "=r"(address));
	if (f->cs & 3) {
		trap_user(f, address);
		return;
	}
	if (f->vector ==
	    VECTOR_DEBUG) { /* on the stack that it interrupted: nothing is stepped on the NMIs' own */
		if (!step_handle(f->rip))
			f->rflags &= ~(uint64_t)FLAG_TRAP;
		return;
	}
	if (f->vector == VECTOR_BREAKPOINT) {
		uintptr_t resume;

		if (breakpoint_handle(f->rip - 1, &resume)) {
			f->rip = resume;
			return;
		}
	}
	trap_die(f, address);
}

void trap_handle(struct trap_frame *f)
{
	bool from_user = f->cs & 3;

	if (f->vector >= VECTOR_IRQ && f->vector < VECTOR_IRQ + NR_IRQS) {
		irq_handle((enum irq)(f->vector - VECTOR_IRQ));
		apic_end_of_interrupt();
		irq_leave(from_user);
	} else if (f->vector < VECTOR_IRQ) {
		trap_exception(f);
	} /* else spurious */
	if (from_user)
		return_to_user();
}

void trap_nmi_handle(struct trap_frame *f)
{
	nmi_handle(f->rip);
}

void trap_syscall_handle(struct trap_frame *f)
{
	const unsigned long args[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};

	arch_irq_on();
	f->rax = (uint64_t)syscall_handle((long)f->rax, args);
	return_to_user();
}
