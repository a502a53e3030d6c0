/* SPDX-License-Identifier: MIT */
/*
 * Cairn's glue: start, end, the port's functions, and the counts. The definitions of the events come
 * out of trace.h here, since this file defines the two words below.
 */
#include <cairn/events/task.h> /* before the two: Cairn has these events itself */

#define CAIRN_CREATE_EVENTS
#define CREATE_TRACE_POINTS
#include "trace.h"

#include "cairn_port.h"
#include "clock.h"
#include "frames.h"
#include "irq.h"
#include "print.h"
#include "sched.h"

#define TRACE_NAME_(name, text) text,

struct trace_counts trace_counts = {
	.magic = "CAIRN-EXAMPLE-COUNTS",
	.nr_cpus = MAX_CPUS,
	.nr_events = TRACE_NR_EVENTS,
	.names = {KERNEL_EVENTS(TRACE_NAME_)},
};

uint32_t trace_switches[TRACE_NR_EVENTS];
bool trace_off[TRACE_NR_EVENTS];

/*
 * For QEMU alone, with a thread for each CPU: a CPU that translates text while another one rewrites it may keep the old translation for ever
 * (seen with 7.2). What was written is written again when all CPUs have serialized: by then no translation of the old bytes is being
 * made, and the second store drops those that were. A machine needs nothing of this.
 */
static struct {
	void *addr;
	char byte;
} trace_written[256];
static unsigned trace_nr_written;

int cairn_port_write_text(void *addr, const void *bytes, unsigned len)
{
	arch_write_text(addr, bytes, len);
	if (len == 1 && trace_nr_written < sizeof(trace_written) / sizeof(trace_written[0])) {
		trace_written[trace_nr_written].addr = addr;
		trace_written[trace_nr_written++].byte = *(const char *)bytes;
	}
	return 0;
}

void cairn_port_sync_cores(void)
{
	cpus_sync();
	for (unsigned i = 0; i < trace_nr_written; i++)
		arch_write_text(trace_written[i].addr, &trace_written[i].byte, 1);
	trace_nr_written = 0;
	cpus_sync();
}

uint64_t cairn_port_entropy(void)
{
	return arch_entropy();
}

/* Cairn switches tracepoints by one byte that is written at once; no breakpoint stands there meanwhile. */
bool breakpoint_handle(uintptr_t site, uintptr_t *resume)
{
	(void)site;
	(void)resume;
	return false;
}

void trace_init(struct boot_info *info, size_t ring_bytes, enum cairn_mode mode)
{
	struct cairn_config config = {
		.nr_cpus = info->nr_cpus,
		.ring_bytes = ring_bytes,
		.packet_bytes = 4096,
		.clock_hz = info->clock_hz,
		.clock_bits = 64,
		.boot_args = info->command_line,
		.name = "cairn-example",
		.mode = mode,
	};
	int64_t bytes = cairn_region_bytes(&config);
	int err;

	if (bytes < 0)
		panic("cairn_region_bytes: %d", (int)bytes);
	config.memory_bytes = (size_t)bytes;
	config.memory = boot_take(info, config.memory_bytes);
	config.memory_is_zero = true;
	err = cairn_init(&config);
	if (err)
		panic("cairn_init: %d", err);
	printk("trace: %lu KiB at physical %lx\n", (unsigned long)bytes / 1024,
	       (unsigned long)virt_to_phys(config.memory));
}

static bool trace_is_of(unsigned event, const char *system)
{
	size_t n = strlen(system);

	return !memcmp(trace_counts.names[event], system, n) && trace_counts.names[event][n] == ':';
}

/* One more switch begins, or is over. */
static void trace_note_switch(const char *system, bool off)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* ORDER switch:A, pairs with switch:B */
	for (unsigned i = 0; i < TRACE_NR_EVENTS; i++) {
		if (!trace_is_of(i, system))
			continue;
		__atomic_store_n(&trace_off[i], off, __ATOMIC_RELAXED);
		__atomic_store_n(&trace_switches[i], trace_switches[i] + 1, __ATOMIC_RELEASE);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* ORDER switch:A, pairs with switch:B */
}

void trace_switch(const char *system, bool on)
{
	int n;

	preempt_disable(); /* few events shall be unsure */
	trace_note_switch(system, false);
	n = on ? cairn_events_enable(system) : cairn_events_disable(system);
	if (n <= 0)
		panic("trace_switch: %s: %d", system, n);
	trace_note_switch(system, !on);
	preempt_enable();
}

void trace_stop(void)
{
	cairn_stop();
}

void trace_report(void)
{
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		uint64_t total = 0, unsure = 0;

		for (unsigned i = 0; i < TRACE_NR_EVENTS; i++) {
			uint64_t n = trace_counts.left[cpu][i], u = trace_counts.unsure[cpu][i];

			total += n;
			unsure += u;
			printk("cairn-count cpu=%u event=%s n=%lu unsure=%lu\n", cpu,
			       trace_counts.names[i], (unsigned long)n, (unsigned long)u);
		}
		printk("cairn-total cpu=%u n=%lu unsure=%lu stale=%lu\n", cpu, (unsigned long)total,
		       (unsigned long)unsure, (unsigned long)trace_counts.stale[cpu]);
	}
}
