/* SPDX-License-Identifier: MIT */
/*
 * The programs that run in user mode. This file is linked for user addresses (link.ld) and calls
 * nothing outside itself but user_syscall().
 *
 *   pipeline   opens a pipe, starts a producer and a consumer on it, waits for both, begins again
 *   toucher    maps memory, writes to some of its pages, unmaps it
 *   spawner    starts workers that live for a moment, and waits for them
 *   spinner    computes for long; only the timer takes the CPU from it
 *   sleeper    sleeps for times that differ
 *   reporter   says a line from time to time
 */
#include "programs.h"

#include "user_syscall.h"
#include "../syscall_numbers.h"

#define PAGE 4096

static long call(long nr, unsigned long a, unsigned long b, unsigned long c)
{
	return user_syscall(nr, a, b, c);
}

static unsigned long random_next(unsigned long *state)
{
	*state = *state * 6364136223846793005ul + 1442695040888963407ul;
	return *state >> 33;
}

/* In .data and .bss: pages of their own for each task. */
static unsigned long work_done = 1;
static unsigned char work_table[3 * PAGE];

static void work(unsigned long rounds)
{
	unsigned long state = work_done;

	for (unsigned long i = 0; i < rounds; i++)
		work_table[random_next(&state) % sizeof(work_table)] += (unsigned char)i;
	work_done = state;
}

static void exit_now(void)
{
	for (;;)
		call(SYS_EXIT, 0, 0, 0);
}

/* The argument holds the ends: read in the low byte, write in the next. */
static void producer(unsigned long ends)
{
	unsigned long state = ends + (unsigned long)call(SYS_GETPID, 0, 0, 0);
	char buffer[500];

	call(SYS_CLOSE, ends & 0xff, 0, 0);
	for (unsigned i = 0; i < sizeof(buffer); i++)
		buffer[i] = (char)i;
	for (unsigned i = 0; i < 400; i++) {
		unsigned long n = 1 + random_next(&state) % sizeof(buffer);

		if (call(SYS_WRITE, ends >> 8, (unsigned long)buffer, n) < 0)
			break;
		if (i % 16 == 0)
			call(SYS_NANOSLEEP, 3000000, 0, 0);
	}
}

static void consumer(unsigned long ends)
{
	char buffer[200];

	call(SYS_CLOSE, ends >> 8, 0, 0);
	while (call(SYS_READ, ends & 0xff, (unsigned long)buffer, sizeof(buffer)) > 0)
		work(50);
}

static void pipeline(unsigned long seed)
{
	(void)seed;
	for (;;) {
		int ends[2];
		unsigned long both;

		if (call(SYS_PIPE, (unsigned long)ends, 0, 0) < 0)
			return;
		both = (unsigned long)ends[0] | (unsigned long)ends[1] << 8;
		call(SYS_VFORK, PROGRAM_PRODUCER, both, 0);
		call(SYS_VFORK, PROGRAM_CONSUMER, both, 0);
		call(SYS_CLOSE, (unsigned long)ends[0], 0, 0);
		call(SYS_CLOSE, (unsigned long)ends[1], 0, 0);
		while (call(SYS_WAIT4, 0, 0, 0) > 0)
			;
	}
}

static void toucher(unsigned long seed)
{
	unsigned long state = seed;

	for (;;) {
		unsigned long pages = 1 + random_next(&state) % 32;
		long at = call(SYS_MMAP, pages * PAGE, 0, 0);

		if (at < 0)
			return;
		for (unsigned i = 0; i < pages; i++)
			((volatile char *)at)[(random_next(&state) % pages) * PAGE] = 1;
		work(500);
		call(SYS_MUNMAP, (unsigned long)at, 0, 0);
		call(SYS_NANOSLEEP, 2000000, 0, 0);
	}
}

static void spawner(unsigned long seed)
{
	unsigned long state = seed;

	for (;;) {
		unsigned long n = 1 + random_next(&state) % 4;

		for (unsigned long i = 0; i < n; i++)
			call(SYS_VFORK, PROGRAM_WORKER, random_next(&state), 0);
		while (call(SYS_WAIT4, 0, 0, 0) > 0)
			;
		call(SYS_NANOSLEEP, 5000000, 0, 0);
	}
}

static void worker(unsigned long seed)
{
	volatile char deep[6 * PAGE]; /* makes the stack grow */

	deep[0] = deep[sizeof(deep) / 2] = 1;
	work(seed % 5000);
	if (seed % 3 == 0)
		call(SYS_SCHED_YIELD, 0, 0, 0);
}

static void spinner(unsigned long seed)
{
	for (unsigned i = 0;; i++) {
		work(20000 + seed % 1000);
		call(SYS_GETPID, 0, 0, 0);
		if (i % 256 == 255)
			call(SYS_NANOSLEEP, 10000000, 0, 0);
	}
}

static void sleeper(unsigned long seed)
{
	unsigned long state = seed;

	for (;;) {
		call(SYS_NANOSLEEP, 100000 + random_next(&state) % 8000000, 0, 0);
		call(SYS_SCHED_YIELD, 0, 0, 0);
	}
}

static void reporter(unsigned long seed)
{
	static const char line[] = "reporter: still here\n";

	(void)seed;
	for (;;) {
		call(SYS_WRITE, 1, (unsigned long)line, sizeof(line) - 1);
		call(SYS_NANOSLEEP, 2000000000, 0, 0);
	}
}

/* Where every task begins in user mode. */
void user_start(unsigned long program, unsigned long argument);

void user_start(unsigned long program, unsigned long argument)
{
	static void (*const mains[NR_PROGRAMS])(unsigned long) = {
#define PROGRAM_MAIN_(symbol, name) [PROGRAM_##symbol] = name,
		PROGRAMS(PROGRAM_MAIN_)
#undef PROGRAM_MAIN_
	};

	mains[program](argument);
	exit_now();
}
