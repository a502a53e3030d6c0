/* SPDX-License-Identifier: MIT */
/*
 * Runs the rows, interleaved. Rounds alternate between the table's order and its reverse, so that a machine that becomes
 * slower or faster within a round favours no row. Prints, for bench/run.py:
 *
 *	build TEXT			how this was compiled
 *	row NAME UNIT AGAINST		`-` = no floor
 *	value ROUND NAME NUMBER OTHERS	others: of the time in which the row's loops ran, what other threads had of their CPUs
 */
#define _GNU_SOURCE
#include "bench.h"

#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_MAX_ROWS 64

static const struct bench_row *rows[BENCH_MAX_ROWS];
static unsigned nr_rows;
static int cpus[2] = {-1, -1};

void bench_fail(const char *format, ...)
{
	va_list args;

	fputs("bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_now(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- CPUs ---- */

static void find_cpus(void)
{
	cpu_set_t set;
	int cpu, found = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		bench_fail("cannot ask for the CPUs of this process");
	for (cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
		if (CPU_ISSET(cpu, &set))
			cpus[found++] = cpu;
	}
}

int bench_cpu(unsigned thread)
{
	return cpus[thread];
}

/* On a machine with one CPU the second thread is there, but not measured. */
void bench_pin(unsigned thread)
{
	cpu_set_t set;

	if (cpus[thread] < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpus[thread], &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_fail("cannot go to CPU %d", cpus[thread]);
}

/* ---- one row ---- */

struct half {
	bench_loop *loop;
	uint64_t n;
	unsigned thread, threads;
	double ns;
	uint64_t wall_ns, others_ns; /* of the loop: how long it took, and how much of that its thread did not run */
};

static uint64_t row_wall_ns, row_others_ns;

static unsigned halves_ready; /* of all pairs so far */

static void run_half(struct half *h)
{
	uint64_t start, wall, ran;

	h->loop(h->n / 64, h->thread); /* own ring, own lines: not in the time */
	if (h->threads == 2) {
		unsigned pair = __atomic_fetch_add(&halves_ready, 1, __ATOMIC_ACQ_REL) / 2;

		while (__atomic_load_n(&halves_ready, __ATOMIC_ACQUIRE) < pair * 2 + 2)
			;
	}
	wall = clock_ns(CLOCK_MONOTONIC);
	start = bench_now();
	h->loop(h->n, h->thread);
	ran = bench_now() - start;
	h->ns = (double)ran / (double)h->n;
	h->wall_ns = clock_ns(CLOCK_MONOTONIC) - wall;
	h->others_ns = h->wall_ns > ran ? h->wall_ns - ran : 0;
}

/* In the thread that the row belongs to, while no other row runs. */
static void add_half(const struct half *h)
{
	row_wall_ns += h->wall_ns;
	row_others_ns += h->others_ns;
}

static void second_half(void *arg)
{
	run_half(arg);
}

double bench_ns(bench_loop *loop, uint64_t n, unsigned threads)
{
	struct half first = {.loop = loop, .n = n, .thread = 0, .threads = threads};
	struct half second = {.loop = loop, .n = n, .thread = 1, .threads = threads};

	if (threads == 1) {
		run_half(&first);
		add_half(&first);
		return first.ns;
	}
	bench_worker_ask(BENCH_SECOND, second_half, &second);
	run_half(&first);
	bench_worker_wait(BENCH_SECOND);
	add_half(&first);
	add_half(&second);
	return (first.ns + second.ns) / 2;
}

static void run_row(const struct bench_row *row, unsigned round, double scale)
{
	uint64_t n = (uint64_t)((double)row->n * scale);
	double value;

	if (n < 1)
		n = 1;
	row_wall_ns = row_others_ns = 0;
	value = row->threads ? bench_ns(row->loop, n, row->threads) : row->measure(n);
	printf("value %u %s %.6f %.4f\n", round, row->name, value,
	       row_wall_ns ? (double)row_others_ns / (double)row_wall_ns : 0);
}

/* ---- all ---- */

/* All, or those that are named. */
static void add_rows(const struct bench_row *table, int nr_names, char **names)
{
	for (; table->name; table++) {
		int i = 0;

		while (i < nr_names && strcmp(names[i], table->name) != 0)
			i++;
		if ((table->threads == 2 && cpus[1] < 0) || (nr_names && i == nr_names))
			continue;
		if (nr_rows == BENCH_MAX_ROWS)
			bench_fail("more than %d rows", BENCH_MAX_ROWS);
		rows[nr_rows++] = table;
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1, round, i;
	double scale = argc > 2 ? strtod(argv[2], NULL) : 1;

	int nr_names = argc > 3 ? argc - 3 : 0;
	char **names = argv + 3;

	if (!rounds || !(scale > 0))
		bench_fail(
			"usage: bench [ROUNDS [SCALE [ROW...]]], SCALE multiplies the turns of each row; bench/run.py is for people");
	find_cpus();
	bench_pin(0);
	bench_event_begin();
	bench_ring_begin();
	bench_share_begin();
	add_rows(bench_floor_rows, nr_names, names);
	add_rows(bench_event_rows, nr_names, names);
	add_rows(bench_share_rows, nr_names, names);
	add_rows(bench_ring_rows, nr_names, names);
#if BENCH_PEERS
	bench_peer_begin();
	add_rows(bench_peer_rows, nr_names, names);
#endif
	printf("build %s\n", BENCH_BUILD);
	for (i = 0; i < nr_rows; i++)
		printf("row %s %s %s\n", rows[i]->name, rows[i]->unit,
		       rows[i]->against ? rows[i]->against : "-");
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < nr_rows; i++)
			run_row(rows[round % 2 ? nr_rows - 1 - i : i], round, scale);
		fflush(stdout);
	}
	return 0;
}
