/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks have in common. A row is one number; main.c runs all rows once a round, so that rows of one round have met
 * the same machine. What each number means: README.md.
 */
#ifndef CAIRN_BENCH_H
#define CAIRN_BENCH_H

#include <cairn/cairn.h>

#define BENCH_RING_BYTES \
	(128u *          \
	 1024u) /* of the floor's rings, and by CAIRN_RING_KB of Cairn's: fits a second-level cache */

/* `n` turns of what is measured. Runs on a thread that is pinned to a CPU; `thread` is 0 or 1. */
typedef void bench_loop(uint64_t n, unsigned thread);

struct bench_row {
	const char *name;
	const char *unit;
	const char *against; /* the row that this one is divided by; NULL: none */
	uint64_t n;          /* turns in a round */
	bench_loop *loop;
	unsigned threads; /* 1 or 2, each with `n` turns; 0 = `measure` says it itself */
	double (*measure)(uint64_t n);
};

/* A table of rows, ended by one without a name. */
extern const struct bench_row bench_floor_rows[], bench_event_rows[], bench_share_rows[],
	bench_ring_rows[], bench_peer_rows[];

/* ns of processor time for one turn, the mean of the threads. */
double bench_ns(bench_loop *loop, uint64_t n, unsigned threads);
/* ns of processor time that this thread has had. */
uint64_t bench_now(void);

/* The CPU of the main thread (0) and of the second (1); -1: there is no second one. */
int bench_cpu(unsigned thread);
void bench_pin(unsigned thread);

/* Threads other than the main one, by what kind of stream they have. All but the second run on the main thread's CPU. */
enum bench_worker { BENCH_SECOND, BENCH_RSEQ, BENCH_SHARED, BENCH_NR_WORKERS };
typedef void bench_task(void *arg);
void bench_worker_start(enum bench_worker which);
/* One thing at a time for each. */
void bench_worker_ask(enum bench_worker which, bench_task *task, void *arg);
void bench_worker_wait(enum bench_worker which);

/* Before the first round, on the pinned main thread; end the program when it cannot be done. */
void bench_event_begin(void);
void bench_ring_begin(void);  /* takes the streams that are left */
void bench_share_begin(void); /* behind that */
void bench_peer_begin(void);

/* A row of floor.c that others subtract; the one of two u64. */
bench_loop bench_empty_loop, bench_two_loop;

__attribute__((__noreturn__, __format__(__printf__, 1, 2))) void bench_fail(const char *format,
									    ...);

/* A loop's turn number, known to nobody: the turn is neither dropped nor merged with another. */
static inline __attribute__((__always_inline__)) void bench_opaque(uint64_t *i)
{
	__asm__ volatile("" : "+r"(*i));
}

/* Loops begin at a cache line: where a short loop happens to lie must not decide a row. */
#define BENCH_LOOP __attribute__((__noinline__, __aligned__(64)))

#endif
