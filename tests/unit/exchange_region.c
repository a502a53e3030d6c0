/* SPDX-License-Identifier: MIT */
/*
 * Not a test: the library itself emits records that carry their numbers, into a region that is a file, while it resizes, takes snapshots, makes
 * and removes an instance, clears, and restarts the clock, in an order that SEED decides. For tests/cli/exchange.py, which reads the file
 * meanwhile and afterwards. Prints what was emitted, a line each: `main CPU COUNT`, `instance CPU COUNT`, `mark CPU COUNT` (when it was cleared last), `cleared COUNT`, `resets COUNT`.
 *
 *	exchange-region FILE SEED STEPS PAUSE_US WHAT...	WHAT: resize snapshot instance clear reset discard
 */
#define _GNU_SOURCE
#define CAIRN_CREATE_EVENTS
#include "port/port.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

CAIRN_EVENT(exchange, number, (field, uint32_t, cpu)(field, uint64_t, n), "cpu=%u n=%lu");
CAIRN_EVENT(exchange, words, (field, uint32_t, cpu)(field, uint64_t, n)(string, text),
	    "cpu=%u n=%lu text=%s");

enum { CPUS = 2, REGION_BYTES = 2 << 20 };

static uint64_t seed, emitted[CPUS], mark[CPUS], in_instance[CPUS], cleared, resets;
static int instance = -1;

static uint64_t draw(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void emit(unsigned cpu, uint64_t count)
{
	test_cpu = cpu;
	while (count--) {
		if (instance >= 0)
			in_instance[cpu]++;
		if (emitted[cpu] % 5)
			cairn_trace_number(cpu, emitted[cpu]);
		else
			cairn_trace_words(cpu, emitted[cpu], "a string of some length");
		emitted[cpu]++;
	}
}

static void make_instance(void)
{
	unsigned cpu;

	if (instance < 0) {
		instance = cairn_buffer_create("side", 16384, CAIRN_OVERWRITE);
		for (cpu = 0; cpu < CPUS; cpu++)
			in_instance[cpu] = 0;
		if (instance > 0)
			(void)cairn_buffer_enable((unsigned)instance, "exchange:*");
		return;
	}
	if (draw(4))
		return;
	(void)cairn_buffer_remove((unsigned)instance);
	instance = -1;
	for (cpu = 0; cpu < 4 * CPUS; cpu++) {
		test_cpu = cpu % CPUS;
		cairn_work();
	}
}

static void step(const char *what)
{
	unsigned cpu = draw(3) ? (unsigned)draw(CPUS) : CAIRN_ALL_CPUS,
		 buffer = instance > 0 && !draw(3) ? (unsigned)instance : 0;

	switch (*what) {
	case 'r':
		if (what[3] == 'i') { /* resize */
			(void)!cairn_buffer_resize(buffer, cpu, 8192u << draw(4));
			return;
		}
		resets++; /* reset: the clock steps far back */
		cairn_clock_reset();
		test_clock = 500 + draw(test_clock / 2 + 1);
		return;
	case 's':
		if (draw(5))
			(void)!cairn_buffer_snapshot(buffer);
		else
			(void)cairn_buffer_snapshot_free(buffer);
		return;
	case 'i':
		make_instance();
		return;
	case 'c':
		if (buffer == 0) {
			cleared++;
			memcpy(mark, emitted, sizeof(mark));
		}
		(void)cairn_buffer_clear(buffer);
		return;
	default:
		return;
	}
}

static void *map_region(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	void *p = fd < 0 || ftruncate(fd, REGION_BYTES)
			  ? MAP_FAILED
			  : mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

int main(int argc, char **argv)
{
	struct cairn_config c = {.memory_bytes = REGION_BYTES,
				 .nr_cpus = CPUS,
				 .ring_bytes = 32768,
				 .arena_bytes = 1 << 20,
				 .max_buffers = 5,
				 .clock_hz = 1000000000,
				 .name = "exchange",
				 .boot_args = "trace=exchange:*"};
	uint64_t steps, pause, i;
	unsigned cpu;

	if (argc < 5)
		return 2;
	seed = strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252u;
	steps = strtoull(argv[3], NULL, 10);
	pause = strtoull(argv[4], NULL, 10);
	for (i = 5; i < (uint64_t)argc; i++)
		if (argv[i][0] == 'd')
			c.mode = CAIRN_DISCARD;
	c.memory = map_region(argv[1]);
	if (!c.memory || cairn_init(&c))
		return 1;
	for (i = 0; i < steps; i++) {
		emit((unsigned)draw(CPUS), draw(8) ? draw(120) : draw(2));
		if (argc > 5 && draw(3) == 0)
			step(argv[5 + draw((uint64_t)argc - 5)]);
		test_cpu = (unsigned)draw(CPUS);
		if (!draw(4))
			cairn_tick();
		if (!draw(8))
			cairn_work();
		if (pause)
			usleep((useconds_t)pause);
	}
	cairn_stop();
	for (cpu = 0; cpu < CPUS; cpu++) {
		printf("main %u %llu\n", cpu, (unsigned long long)emitted[cpu]);
		printf("mark %u %llu\n", cpu, (unsigned long long)mark[cpu]);
		if (instance > 0)
			printf("instance %u %llu\n", cpu, (unsigned long long)in_instance[cpu]);
	}
	printf("cleared %llu\nresets %llu\n", (unsigned long long)cleared,
	       (unsigned long long)resets);
	return 0;
}
