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

int cairn_port_write_text(void *addr, const void *bytes, unsigned len)
{
	arch_write_text(addr, bytes, len);
	return 0;
}

void cairn_port_sync_cores(void)
{
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

void trace_stop(void)
{
	cairn_stop();
}

void trace_report(void)
{
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		uint64_t total = 0;

		for (unsigned i = 0; i < TRACE_NR_EVENTS; i++) {
			uint64_t n = trace_counts.left[cpu][i];

			total += n;
			printk("cairn-count cpu=%u event=%s n=%lu\n", cpu, trace_counts.names[i],
			       (unsigned long)n);
		}
		printk("cairn-total cpu=%u n=%lu\n", cpu, (unsigned long)total);
	}
}
