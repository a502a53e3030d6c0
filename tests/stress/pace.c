/* SPDX-License-Identifier: MIT */
/*
 * Emits events of two u64 (28 bytes of ring) in several threads, each at its pace by the clock, and tells how many: what a recorder must keep
 * up with. Each event carries its number and a check over it, so that one that is torn, doubled or invented shows.
 *
 *	pace THREADS EVENTS_PER_SECOND SECONDS		a rate of 0: as fast as it goes
 *
 * A thread emits a millisecond's worth, then sleeps until the next millisecond begins; who was late catches up at
 * twice the pace.
 */
#define _GNU_SOURCE
#define CAIRN_CREATE_EVENTS
#include <cairn/cairn.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

CAIRN_EVENT(pace, step, (field, uint64_t, number)(field, uint64_t, check), "number=%lu check=%lu");

enum { PACE_MAX_THREADS = 32, PACE_TICK_NS = 1000000, PACE_CATCH_UP = 2 };

static struct pace_thread {
	pthread_t thread;
	uint64_t emitted;
	uint64_t late_ns; /* the longest that a millisecond began late */
} pace_threads[PACE_MAX_THREADS];
static uint64_t pace_rate, pace_ns;

static uint64_t pace_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t pace_check(uint64_t number, uint64_t thread)
{
	return number * 0x9e3779b97f4a7c15u + thread;
}

/* Events due `ns` after the begin. */
static uint64_t pace_due(uint64_t ns)
{
	return ns / 1000 * pace_rate / 1000000;
}

static void *pace_run(void *arg)
{
	struct pace_thread *self = arg;
	uint64_t thread = (uint64_t)(self - pace_threads), n = 0;
	uint64_t begin = pace_now(), next = begin, most = pace_due(PACE_CATCH_UP * PACE_TICK_NS);

	while (pace_now() - begin < pace_ns || (pace_rate && n < pace_due(pace_ns))) {
		uint64_t now = pace_now(), until = n + 10000;

		if (pace_rate) {
			until = pace_due(now - begin < pace_ns ? now - begin : pace_ns);
			until = until - n > most ? n + most : until;
			self->late_ns = now - next > self->late_ns ? now - next : self->late_ns;
		}
		for (; n < until; n++)
			cairn_trace_step(n, pace_check(n, thread));
		if (!pace_rate)
			continue;
		for (next += PACE_TICK_NS; next < now;)
			next += PACE_TICK_NS;
		struct timespec t = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
	self->emitted = n;
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned nr = argc == 4 ? (unsigned)atoi(argv[1]) : 0, i;

	if (nr < 1 || nr > PACE_MAX_THREADS) {
		fprintf(stderr, "usage: pace THREADS EVENTS_PER_SECOND SECONDS\n");
		return 2;
	}
	pace_rate = strtoull(argv[2], NULL, 10);
	pace_ns = (uint64_t)(strtod(argv[3], NULL) * 1e9);
	for (i = 0; i < nr; i++)
		if (pthread_create(&pace_threads[i].thread, NULL, pace_run, &pace_threads[i]))
			return 1;
	for (i = 0; i < nr; i++)
		pthread_join(pace_threads[i].thread, NULL);
	for (i = 0; i < nr; i++)
		printf("thread %u emitted %llu late %llu us\n", i,
		       (unsigned long long)pace_threads[i].emitted,
		       (unsigned long long)(pace_threads[i].late_ns / 1000));
	return 0;
}
