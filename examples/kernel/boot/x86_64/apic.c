/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of each CPU: timer, interrupts between CPUs, NMIs; and the measuring of its timer and of
 * the time stamp counter.
 */
#include "print.h"
#include "x86.h"

enum {
	APIC_ID = 0x20,
	APIC_TPR = 0x80,
	APIC_EOI = 0xb0,
	APIC_SPURIOUS = 0xf0,
	APIC_ICR_LOW = 0x300,
	APIC_ICR_HIGH = 0x310,
	APIC_LVT_TIMER = 0x320,
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,

	ICR_NMI = 4 << 8,
	ICR_INIT = 5 << 8,
	ICR_STARTUP = 6 << 8,
	ICR_PENDING = 1 << 12,
	ICR_ASSERT = 1 << 14,
	LVT_NMI = 4 << 8,
	LVT_MASKED = 1 << 16,
	LVT_PERIODIC = 1 << 17,
	DIVIDE_16 = 3,
};

#define PIT_HZ 1193182u

static volatile uint32_t *apic_register(unsigned offset)
{
	return (volatile uint32_t *)((char *)phys_to_virt(board.apic_base) + offset);
}

static void apic_write(unsigned offset, uint32_t v)
{
	*apic_register(offset) = v;
}

static uint32_t apic_read(unsigned offset)
{
	return *apic_register(offset);
}

uint8_t apic_id(void)
{
	return (uint8_t)(apic_read(APIC_ID) >> 24);
}

void apic_end_of_interrupt(void)
{
	apic_write(APIC_EOI, 0);
}

void apic_cpu_init(void)
{
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_MASKED);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
	arch_cpus[arch_cpu()].apic_id = apic_id();
}

void arch_timer_start(unsigned hz)
{
	/* The NMI button: not before there is a current task. */
	apic_write(APIC_LVT_LINT1, LVT_NMI);
	apic_write(APIC_TIMER_DIVIDE, DIVIDE_16);
	apic_write(APIC_LVT_TIMER, LVT_PERIODIC | (VECTOR_IRQ + IRQ_TIMER));
	apic_write(APIC_TIMER_INITIAL, (uint32_t)(board.timer_hz / hz));
}

void arch_timer_stop(void)
{
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_MASKED);
}

/* Interrupts are off around the two halves: what comes between them must not send one of its own. */
static void apic_send(uint8_t id, uint32_t command)
{
	unsigned long irq = arch_irq_save();

	apic_write(APIC_ICR_HIGH, (uint32_t)id << 24);
	apic_write(APIC_ICR_LOW, command | ICR_ASSERT);
	while (apic_read(APIC_ICR_LOW) & ICR_PENDING)
		arch_pause();
	arch_irq_restore(irq);
}

void arch_ipi(unsigned cpu, enum irq irq)
{
	apic_send(board.apic_ids[cpu], VECTOR_IRQ + irq);
}

void arch_ipi_nmi(unsigned cpu)
{
	apic_send(board.apic_ids[cpu], ICR_NMI);
}

static void apic_wait_us(uint64_t us, uint64_t clock_hz)
{
	uint64_t end = arch_clock() + us * clock_hz / 1000000;

	while (arch_clock() < end)
		arch_pause();
}

void apic_start_cpu(uint8_t id, unsigned page)
{
	const uint64_t hz = board.clock_hz;

	apic_send(id, ICR_INIT);
	apic_wait_us(10000, hz);
	apic_send(id, ICR_STARTUP | page);
	apic_wait_us(200, hz);
	apic_send(id, ICR_STARTUP | page);
}

/* One reading of all three counters, the narrowest of several: an emulator may be held up anywhere. */
struct reading {
	uint64_t clock;
	uint32_t timer, pit;
};

static struct reading apic_reading(void)
{
	struct reading best = {0};
	uint64_t best_width = UINT64_MAX;

	for (unsigned i = 0; i < 40; i++) {
		struct reading r;
		uint64_t start = arch_clock();
		uint32_t low;

		out8(0x43, 0x80); /* latch counter 2 */
		r.timer = apic_read(APIC_TIMER_CURRENT);
		low = in8(0x42);
		r.pit = low | (uint32_t)in8(0x42) << 8;
		r.clock = arch_clock();
		if (r.clock - start < best_width) {
			best_width = r.clock - start;
			best = r;
		}
	}
	return best;
}

void apic_calibrate(struct boot_info *info)
{
	struct reading a, b;
	uint32_t pit;

	apic_write(APIC_TIMER_DIVIDE, DIVIDE_16);
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	out8(0x61, (in8(0x61) & ~2u) | 1); /* counter 2 counts, the speaker is off */
	out8(0x43, 0xb0);                  /* counter 2, both bytes, count down once */
	out8(0x42, 0xff);
	out8(0x42, 0xff);
	a = apic_reading();
	do {
		out8(0x43, 0x80);
		pit = in8(0x42);
		pit |= (uint32_t)in8(0x42) << 8;
	} while (pit > 0x2000 && pit <= a.pit);
	b = apic_reading();
	apic_write(APIC_TIMER_INITIAL, 0);

	pit = (a.pit - b.pit) & 0xffff;
	info->clock_hz = (b.clock - a.clock) * PIT_HZ / pit;
	board.clock_hz = info->clock_hz;
	board.timer_hz = (uint64_t)(a.timer - b.timer) * PIT_HZ / pit;
}
