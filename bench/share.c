/* SPDX-License-Identifier: MIT */
/*
 * Events of threads that have no stream of their own but share those of the CPUs, by restartable sequences and by claims. The two forms must not
 * write at once; here one thread writes at a time.
 */
#include "bench.h"
#include "events.h"

#include "ports/linux/process.h"

struct share {
	uint64_t n;
	double ns;
};

static struct cairn_ring *cpu_ring(void)
{
	return CAIRN_LOAD_PTR(&cairn_rings[cairn_process.nr_streams + (unsigned)bench_cpu(0)]);
}

static uint64_t events_of(const struct cairn_ring *r)
{
	return r ? r->events_total + (r->committed >> CAIRN_POS_BITS) : 0;
}

static void share_task(void *arg)
{
	struct share *s = arg;
	uint64_t before = events_of(cpu_ring()), turns = s->n + s->n / 64;

	s->ns = bench_ns(bench_two_loop, s->n, 1);
	if (!cairn_port_staging())
		bench_fail("a thread that is to share streams has one of its own: CAIRN_STREAMS=32 is measured");
	if (events_of(cpu_ring()) - before != turns)
		bench_fail("of %llu events in the stream of CPU %d came %llu", (unsigned long long)turns, bench_cpu(0),
			   (unsigned long long)(events_of(cpu_ring()) - before));
}

static double share_ns(enum bench_worker which, uint64_t n)
{
	struct share s = {n, 0};

	bench_worker_ask(which, share_task, &s);
	bench_worker_wait(which);
	return s.ns;
}

static double rseq_ns(uint64_t n)
{
	return share_ns(BENCH_RSEQ, n);
}

static double shared_ns(uint64_t n)
{
	return share_ns(BENCH_SHARED, n);
}

static void first_event(void *arg)
{
	(void)arg;
	cairn_trace_two(0, 0);
}

static void begin(enum bench_worker which)
{
	bench_worker_start(which);
	bench_worker_ask(which, first_event, NULL);
	bench_worker_wait(which);
}

/* How a thread shares is decided at its first event. */
void bench_share_begin(void)
{
	bool rseq = cairn_process.rseq;

	begin(BENCH_RSEQ);
	cairn_process.rseq = false;
	begin(BENCH_SHARED);
	cairn_process.rseq = rseq;
	if (!rseq)
		bench_fail("no restartable sequences here: a kernel or a C library without, or GLIBC_TUNABLES");
}

#define SHARE_N 400000

const struct bench_row bench_share_rows[] = {
	{"event_2u64_rseq_1t", "ns", "floor", SHARE_N, NULL, 0, rseq_ns},
	{"event_2u64_shared_1t", "ns", "floor", SHARE_N, NULL, 0, shared_ns},
	{NULL, NULL, NULL, 0, NULL, 0, NULL},
};
