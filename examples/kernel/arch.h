/* SPDX-License-Identifier: MIT */
/*
 * The line between the kernel and the machine.
 *
 * Everything above this line (sched.c, frames.c, space.c, pipe.c, syscall.c, trace.c, main.c ...) is the
 * same for every architecture. Everything below it lives in boot/<arch>/: entry from the boot loader,
 * traps, page tables, timer, interrupts between CPUs, context switch. What must be inline is in
 * boot/<arch>/arch_inline.h, which this header includes.
 *
 * Calls go both ways. arch_*() is what an architecture supplies. The functions it calls upwards are
 * listed at the end; they are the only ones.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096u
#define MAX_CPUS   8u

struct task;

/*
 * The first bytes of every struct task: what the inline parts and Cairn's port need of it.
 *
 * preempt_count belongs to the task and not to the CPU, so that a task may raise it without knowing
 * where it runs.
 */
struct task_head {
	uint32_t cpu;
	uint32_t preempt_count;
};

/*
 * arch_inline.h defines
 *
 *     ARCH_NAME                                 for the banner
 *     ARCH_HAS_NMI                              0 or 1: arch_ipi_nmi() sends what a masked CPU takes
 *     ARCH_HAS_STEP                             0 or 1: arch_step_on() works
 *     USER_TEXT_BASE USER_STACK_TOP USER_MAP_BASE   layout of an address space
 *     struct arch_space                         a page table
 *     struct task *arch_current(void)           the task on this CPU; NULL before arch_set_current()
 *     void arch_set_current(struct task *)
 *     unsigned arch_cpu(void)                   index of this CPU, 0 .. MAX_CPUS - 1
 *     uint64_t arch_clock(void)                 a counter that runs at one rate on all CPUs
 *     void arch_irq_on(void), arch_irq_off(void)
 *     unsigned long arch_irq_save(void)         interrupts off; returns what they were
 *     void arch_irq_restore(unsigned long)
 *     void arch_idle(void)                      called with interrupts off: turns them on and waits for
 *                                               one, without a gap between the two
 *     void arch_pause(void)                     in a loop that waits for another CPU
 *     void arch_serialize(void)                 instructions behind it are fetched anew
 *     void arch_count(uint64_t *)               add one; no interrupt or NMI on this CPU falls between
 *                                               its load and its store
 *     void arch_step_on(void)                   step_handle() before each instruction from the next one on, interrupt
 *                                               handlers excepted, until it returns false or arch_step_off()
 *     void arch_step_off(void)
 *     void *phys_to_virt(uintptr_t), uintptr_t virt_to_phys(const void *)     the direct map
 */
#include "arch_inline.h"

#define barrier() __asm__ volatile("" ::: "memory")

static inline struct task_head *current_head(void)
{
	return (struct task_head *)arch_current();
}

static inline void preempt_disable(void)
{
	current_head()->preempt_count++;
	barrier();
}

/* A preemption that was wanted meanwhile happens at the next timer interrupt. */
static inline void preempt_enable(void)
{
	barrier();
	current_head()->preempt_count--;
}

/* Interrupts, in the kernel's numbering; an architecture maps its vectors to these. */
enum irq {
	IRQ_TIMER,
	IRQ_RESCHED, /* another CPU put a task on our queue */
	IRQ_SYNC,    /* serialize: code has been patched */
	IRQ_STOP,    /* stop for good */
	NR_IRQS,
};

struct memory_range {
	uint64_t start;
	uint64_t bytes;
};

/* What the boot CPU found out before it entered the kernel. */
struct boot_info {
	const char *command_line;
	uint64_t clock_hz; /* of arch_clock() */
	unsigned nr_cpus;
	unsigned nr_ranges;
	struct memory_range ranges[16]; /* free memory: without the kernel's image, page-aligned */
};

/* ---- CPUs ---- */

/*
 * Start CPU `cpu`; it enters cpu_main() on the stack of its idle task.
 *
 * Returns   true when the CPU has set its online flag, false when it did not within a second.
 * Context   thread; the CPU was never started, or has halted.
 */
bool arch_cpu_start(unsigned cpu, struct task *idle, void *stack_top, const bool *online);

void arch_ipi(unsigned cpu, enum irq irq);
void arch_ipi_nmi(unsigned cpu);

/* Start this CPU's timer: IRQ_TIMER `hz` times a second. */
void arch_timer_start(unsigned hz);

/* The same backwards; the CPU takes no NMI from outside any more. */
void arch_timer_stop(void);

/* Interrupts off, wait for ever. NMIs still come. */
void arch_halt(void) __attribute__((noreturn));

/* Turn the machine off; the emulator's exit code says whether all went well. */
void arch_power_off(bool success) __attribute__((noreturn));

void arch_console_putc(char c);

/* ---- Tasks ---- */

/* Prepare the stack of a new task: the first arch_switch() to it enters fn(), which never returns. */
void *arch_stack_init(void *stack_top, void (*fn)(void));

/*
 * Leave `prev`, continue `next`: current, kernel stack, callee-saved registers. Interrupts are off.
 *
 * @prev_sp   receives prev's stack pointer.
 */
void arch_switch(void **prev_sp, void *next_sp, struct task *next, void *next_stack_top);

/* Drop to user mode; two arguments arrive as a C function's first two. */
void arch_enter_user(uintptr_t entry, uintptr_t stack, unsigned long arg0, unsigned long arg1)
	__attribute__((noreturn));

/* ---- Page tables ---- */

enum {
	MAP_WRITE = 1,
	MAP_EXEC = 2,
};

/* Replace the boot page tables by the kernel's own: text read-only, data not executable. */
void arch_paging_init(void);

bool arch_space_init(struct arch_space *s);       /* false: no memory */
void arch_space_fini(struct arch_space *s);       /* the pages must be unmapped already */
void arch_space_load(const struct arch_space *s); /* NULL: the kernel's own */

/* Map a user page. Tables come from frame_alloc(). Returns false: no memory. */
bool arch_map(struct arch_space *s, uintptr_t va, uintptr_t pa, unsigned flags);

/* Returns the frame that was mapped at va, or 0. Only the CPU that has `s` loaded may call it. */
uintptr_t arch_unmap(struct arch_space *s, uintptr_t va);

/* Physical address behind va, or 0. */
uintptr_t arch_lookup(const struct arch_space *s, uintptr_t va);

/* Write kernel text, which is mapped read-only. The caller sees to the other CPUs. */
void arch_write_text(void *addr, const void *bytes, size_t n);

/* A number nobody can guess, or the best we have. */
uint64_t arch_entropy(void);

/* ---- What an architecture calls ---- */

void kernel_main(struct boot_info *info) __attribute__((noreturn)); /* boot CPU, interrupts off */
void cpu_main(void) __attribute__((noreturn));                      /* every other CPU */

void irq_handle(enum irq irq);  /* interrupts off; the controller is acknowledged after it */
void irq_leave(bool from_user); /* last thing before an interrupt returns */
void nmi_handle(uintptr_t ip);
long syscall_handle(long nr, const unsigned long args[6]); /* interrupts on */
void return_to_user(void); /* before every return to user mode; returns with interrupts off */

/*
 * A page fault in user mode; interrupts on.
 *
 * @error    as the hardware reports it, for the trace; `access` is the same in MAP_* bits.
 */
void user_page_fault(uintptr_t address, uintptr_t ip, unsigned long error, unsigned access);

/* Any other exception in user mode ends the task. */
void user_trap(const char *what, uintptr_t ip);

/*
 * Between arch_step_on() and arch_step_off(): `ip` is the instruction to come. Interrupts are off. Returns whether to come again before the
 * next one.
 */
bool step_handle(uintptr_t ip);

/* A breakpoint in kernel text. Returns true if it was ours; then *resume is where to go on. */
bool breakpoint_handle(uintptr_t site, uintptr_t *resume);

#endif
