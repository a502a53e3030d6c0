/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs, one at a time: INIT and SIPI to a CPU that the MADT names, then wait until it
 * says that it is there.
 */
#include "print.h"
#include "x86.h"

#define TRAMPOLINE 0x8000u /* also in trampoline.S */

/* Written behind the trampoline's code. */
struct trampoline_words {
	uint64_t root; /* page table, below 4 GiB; maps trampoline, kernel and stack */
	uint64_t stack;
	uint64_t entry; /* entry(cpu) */
	uint64_t cpu;
};

extern const char trampoline_start[], trampoline_end[], trampoline_words[];
extern const char boot_pml4[];

static void smp_entry(uint32_t cpu)
{
	paging_load(paging_kernel_root);
	trap_cpu_init(cpu);
	apic_cpu_init();
	cpu_main();
}

bool arch_cpu_start(unsigned cpu, struct task *idle, void *stack_top, const bool *online)
{
	char *at = phys_to_virt(TRAMPOLINE);
	struct trampoline_words words = {
		.root = virt_to_phys(boot_pml4),
		.stack = (uintptr_t)stack_top,
		.entry = (uintptr_t)smp_entry,
		.cpu = cpu,
	};
	uint64_t deadline;

	memcpy(at, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	memcpy(at + (trampoline_words - trampoline_start), &words, sizeof(words));
	arch_cpus[cpu].current = idle;
	apic_start_cpu(board.apic_ids[cpu], TRAMPOLINE / PAGE_BYTES);
	deadline = arch_clock() + board.clock_hz;
	while (!__atomic_load_n(online, __ATOMIC_ACQUIRE)) {
		if (arch_clock() > deadline)
			return false;
		arch_pause();
	}
	return true;
}
