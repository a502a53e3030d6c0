/* SPDX-License-Identifier: MIT */
/* Include once in each test of the core: the test port's words, and a region to work on. */
#ifndef TEST_PORT_H
#define TEST_PORT_H

#include "cairn/cairn.h"

#include <stdlib.h>
#include <string.h>

uint64_t test_clock = 1000, test_clock_step = 1;
unsigned test_cpu;
_Bool test_irqs_off;
int test_preempt_depth;

unsigned test_wakes;

void cairn_port_wake(unsigned cpu)
{
	(void)cpu;
	test_wakes++;
}

/* Populating fails from this offset on. */
static uint64_t test_populate_limit = ~0ull;

int cairn_port_populate(uint64_t offset, uint64_t bytes)
{
	return offset + bytes > test_populate_limit ? CAIRN_ENOMEM : 0;
}

#define TEST_REGION_BYTES (4u << 20)

/* 4 MiB, page-aligned, full of a pattern that a careless init would leave behind. */
static __attribute__((__unused__)) void *test_memory(void)
{
	static char *memory;

	if (!memory)
		memory = aligned_alloc(4096, TEST_REGION_BYTES);
	memset(memory, 0xa5, TEST_REGION_BYTES);
	return memory;
}

/* A region of `cpus` rings of `ring_bytes`; what was enabled before is off. */
static __attribute__((__unused__)) int test_init(unsigned cpus, size_t ring_bytes,
						 enum cairn_mode mode, const char *boot_args)
{
	struct cairn_config c = {.memory = test_memory(),
				 .memory_bytes = TEST_REGION_BYTES,
				 .nr_cpus = cpus,
				 .ring_bytes = ring_bytes,
				 .mode = mode,
				 .clock_hz = 1000000000,
				 .name = "test",
				 .boot_args = boot_args};
	unsigned i;

	cairn_detach();
	cairn_trace_disable();
	for (i = 0; i < cairn_event_count(); i++)
		(void)cairn_event_disable(cairn_event_at(i));
	test_cpu = 0;
	return cairn_init(&c);
}

static __attribute__((__unused__)) const struct cairn_section *
test_section(enum cairn_section_type type)
{
	size_t bytes;
	struct cairn_superblock *sb = cairn_region(&bytes);
	uint32_t i;

	for (i = 0; i < sb->nr_sections; i++) {
		if (sb->sections[i].type == (uint32_t)type)
			return &sb->sections[i];
	}
	return NULL;
}

static __attribute__((__unused__)) void *test_section_data(enum cairn_section_type type)
{
	size_t bytes;

	return (char *)cairn_region(&bytes) + test_section(type)->offset;
}

static __attribute__((__unused__)) struct cairn_state *test_state(void)
{
	return test_section_data(CAIRN_SECTION_STATE);
}

static __attribute__((__unused__)) struct cairn_ring *test_ring(unsigned i)
{
	return (struct cairn_ring *)test_section_data(CAIRN_SECTION_RINGS) + i;
}

/* Records in a ring that have been committed, in packets that are still there. */
static __attribute__((__unused__)) uint64_t test_recorded(unsigned ring)
{
	const struct cairn_ring *r = test_ring(ring);

	return r->events_total + (r->committed >> CAIRN_POS_BITS);
}

#endif
