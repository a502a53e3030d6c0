/* SPDX-License-Identifier: MIT */
/* What the files of boot/x86_64 share: instructions, segments, and who supplies what to whom. */
#ifndef KERNEL_X86_H
#define KERNEL_X86_H

#include "arch.h"

#define SEGMENT_KERNEL_CODE 0x08
#define SEGMENT_KERNEL_DATA 0x10
#define SEGMENT_USER_DATA   0x18
#define SEGMENT_USER_CODE   0x20
#define SEGMENT_TSS         0x28

#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_SFMASK         0xc0000084u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

static inline void out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void write_msr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
			 : "memory");
}

/* board.c: entry from start.S, and what it found in the ACPI tables */
struct board {
	unsigned nr_cpus;
	uint8_t apic_ids[MAX_CPUS]; /* [0] is the boot CPU */
	uint32_t apic_base;
	uint16_t power_port; /* PM1a control; 0: not known */
	uint64_t clock_hz;
	uint64_t timer_hz; /* of the local timer, behind its divider */
};

extern struct board board;

void board_main(uint32_t start_info) __attribute__((noreturn));

/* acpi.c: fills board's CPUs, apic_base and power_port. `root` is the RSDP, or 0. */
void acpi_read(uintptr_t root);

/* trap.c: descriptor tables and gs of this CPU; vectors */
void trap_cpu_init(unsigned cpu);

extern struct arch_cpu arch_cpus[MAX_CPUS];

/* apic.c */
#define VECTOR_IRQ      0x20 /* + enum irq */
#define VECTOR_SPURIOUS 0xff

void apic_cpu_init(void);
void apic_calibrate(struct boot_info *info); /* the clock's and the timer's rates, by the PIT */
void apic_end_of_interrupt(void);
uint8_t apic_id(void);
void apic_start_cpu(uint8_t id, unsigned page); /* INIT, then startup at `page` */

/* paging.c: the kernel's own top table */
extern uintptr_t paging_kernel_root;

static inline void paging_load(uintptr_t root)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");
}

#endif
