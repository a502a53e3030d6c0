/* SPDX-License-Identifier: MIT */
/*
 * More threads than streams, for per_cpu.py:
 *
 *	crowd run THREADS EACH		THREADS at once, each emits EACH numbered events, while signals that emit come to them at random
 *	crowd short THREADS		THREADS one after the other, a few at a time, three events each
 *	crowd forever THREADS FILE	as run, without end; FILE holds one word per thread: the number of the last event it has emitted
 *	crowd trap LENGTH:OFF,OFF ...	a breakpoint on every instruction of the restartable sequences, whose handler emits
 *	crowd sequences			where they begin in the program's file, and their lengths
 *	crowd cost EACH			ns per event of a thread with a stream of its own and of one without, in turns
 *
 * Numbers of events of handlers count apart: their `who` is that of the thread plus CROWD_HANDLER. Prints `emitted N`; `run` also
 * `thread WHO N` for each.
 */
#define _GNU_SOURCE
#define CAIRN_CREATE_EVENTS
#include <cairn/cairn.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define CROWD_MAX     1000
#define CROWD_HANDLER 100000u
#define CROWD_MIX     0x9e3779b97f4a7c15u

CAIRN_EVENT(crowd, number,
	    (field, uint32_t, who)(field, uint64_t, n)(field, uint64_t, mix)(string, text),
	    "who=%u n=%lu mix=%lu %s");
CAIRN_EVENT(crowd, plain, (field, uint64_t, a)(field, uint64_t, b), "a=%lu b=%lu");

static pthread_t crowd_thread[CROWD_MAX];
static pthread_barrier_t crowd_all;
static unsigned crowd_nr, crowd_each;
static uint64_t crowd_own[CROWD_MAX], crowd_handled[CROWD_MAX], *crowd_said;
static __thread unsigned crowd_who = ~0u;

static void crowd_emit(uint32_t who, uint64_t n)
{
	static const char tail[] = "abcdefghijklmnopqrstuvwxyz";

	cairn_trace_number(who, n, (n + who) * CROWD_MIX, tail + n % 26);
}

static void crowd_on_signal(int signal)
{
	unsigned who = crowd_who;

	(void)signal;
	if (who != ~0u)
		crowd_emit(who + CROWD_HANDLER, ++crowd_handled[who]);
}

static void *crowd_run_thread(void *arg)
{
	unsigned who = (unsigned)(uintptr_t)arg, i;

	crowd_who = who;
	pthread_barrier_wait(&crowd_all);
	for (i = 0; i < crowd_each || crowd_said; i++) {
		crowd_emit(who, ++crowd_own[who]);
		if (crowd_said)
			__atomic_store_n(&crowd_said[who], crowd_own[who], __ATOMIC_RELEASE);
		if (crowd_said && i % 16 == 0)
			usleep(1000); /* else the rings overwrite before the end comes */
		else if (i % 16 == 0)
			sched_yield(); /* so that the signals come while all are at it */
	}
	pthread_barrier_wait(&crowd_all); /* nobody has gone while signals are sent */
	return NULL;
}

static void *crowd_pester_thread(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < 4000 || crowd_said; i++) {
		pthread_kill(crowd_thread[i * 7 % crowd_nr], SIGUSR1);
		if (i % 4 == 0)
			usleep(20);
	}
	return NULL;
}

static void crowd_run(unsigned nr, unsigned each)
{
	struct sigaction action = {.sa_handler = crowd_on_signal, .sa_flags = SA_RESTART};
	uint64_t sum = 0;
	pthread_t pester;
	unsigned i;

	crowd_nr = nr;
	crowd_each = each;
	sigaction(SIGUSR1, &action, NULL);
	pthread_barrier_init(&crowd_all, NULL, nr + 1);
	for (i = 0; i < nr; i++) {
		if (pthread_create(&crowd_thread[i], NULL, crowd_run_thread, (void *)(uintptr_t)i))
			abort();
	}
	pthread_barrier_wait(&crowd_all);
	pthread_create(&pester, NULL, crowd_pester_thread, NULL);
	pthread_join(pester, NULL);
	pthread_barrier_wait(&crowd_all);
	for (i = 0; i < nr; i++) {
		pthread_join(crowd_thread[i], NULL);
		printf("thread %u %llu\n", i, (unsigned long long)crowd_own[i]);
		printf("thread %u %llu\n", i + CROWD_HANDLER, (unsigned long long)crowd_handled[i]);
		sum += crowd_own[i] + crowd_handled[i];
	}
	printf("emitted %llu\n", (unsigned long long)sum);
}

static void *crowd_short_thread(void *arg)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		crowd_emit((uint32_t)(uintptr_t)arg, i);
	return NULL;
}

static long crowd_resident_kib(void)
{
	long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%ld %ld", &pages, &resident) != 2)
		abort();
	fclose(f);
	return pages * 4;
}

static void crowd_short(unsigned nr)
{
	long before = 0;
	pthread_t t[20];
	unsigned i, k;

	for (i = 0; i < nr; i += 20) {
		for (k = 0; k < 20; k++) {
			if (pthread_create(&t[k], NULL, crowd_short_thread,
					   (void *)(uintptr_t)(i + k)))
				abort();
		}
		for (k = 0; k < 20; k++)
			pthread_join(t[k], NULL);
		if (i + 20 >= nr / 2 && !before)
			before = crowd_resident_kib();
	}
	printf("grown %ld\nemitted %u\n", crowd_resident_kib() - before, nr * 3);
}

/* ---- breakpoints ---- */

struct crowd_sequence {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

extern struct crowd_sequence __start_cairn_rseq[] __attribute__((__weak__)),
	__stop_cairn_rseq[] __attribute__((__weak__));

extern char __executable_start[];

static void crowd_sequences(void)
{
	struct crowd_sequence *s;

	for (s = __start_cairn_rseq; s < __stop_cairn_rseq; s++)
		printf("%llu %llu\n", (unsigned long long)(s->start - (uintptr_t)__executable_start),
		       (unsigned long long)s->length);
}

static struct crowd_sequence *crowd_at;
static unsigned char *crowd_trap, crowd_saved;
static unsigned crowd_aborted, crowd_passed;
static uint64_t crowd_emitted;

/* Two u64, or a string of any length, in turn. */
static void crowd_either(void)
{
	uint64_t n = ++crowd_emitted;

	if (n % 2)
		cairn_trace_plain(n, n * CROWD_MIX);
	else
		crowd_emit(0, n);
}

static void crowd_on_trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)signal;
	(void)info;
	if (cairn_port_write_text(crowd_trap, &crowd_saved, 1))
		abort();
	crowd_trap = NULL;
	if ((uint64_t)u->uc_mcontext.gregs[REG_RIP] == crowd_at->abort) {
		crowd_aborted++;
	} else {
		crowd_passed++; /* never, while the kernel knows of the sequence */
		u->uc_mcontext.gregs[REG_RIP]--;
	}
	crowd_either();
}

static void crowd_set_traps(uint64_t length, const char *offsets)
{
	static const unsigned char int3 = 0xcc;
	unsigned missed = 0, nr = 0;

	for (crowd_at = __start_cairn_rseq; crowd_at < __stop_cairn_rseq; crowd_at++) {
		const char *o = offsets;

		if (crowd_at->length != length)
			continue;
		for (; *o; o += *o == ',') {
			char *end;
			unsigned i;

			crowd_trap =
				(unsigned char *)(uintptr_t)crowd_at->start + strtoul(o, &end, 10);
			o = end;
			crowd_saved = *crowd_trap;
			nr++;
			if (cairn_port_write_text(crowd_trap, &int3, 1))
				abort();
			for (i = 0; crowd_trap && i < 2000; i++)
				crowd_either();
			if (crowd_trap) {
				missed++;
				if (cairn_port_write_text(crowd_trap, &crowd_saved, 1))
					abort();
			}
		}
	}
	printf("sequence %llu: %u missed %u\n", (unsigned long long)length, nr, missed);
}

static void crowd_traps(int nr, char **words)
{
	struct sigaction action = {.sa_sigaction = crowd_on_trap, .sa_flags = SA_SIGINFO};
	char *offsets;
	int i;

	sigaction(SIGTRAP, &action, NULL);
	crowd_either();
	for (i = 0; i < nr; i++) {
		uint64_t length = strtoull(words[i], &offsets, 10);

		crowd_set_traps(length, offsets + 1);
	}
	printf("aborted %u passed %u\nemitted %llu\n", crowd_aborted, crowd_passed,
	       (unsigned long long)crowd_emitted);
}

/* ---- cost ---- */

#define CROWD_ROUNDS 9

static double crowd_ns[2][CROWD_ROUNDS], crowd_clock_ns[CROWD_ROUNDS];

static double crowd_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double crowd_measure(void)
{
	double from = crowd_now();
	unsigned i;

	for (i = 0; i < crowd_each; i++)
		cairn_trace_plain(i, i);
	return (crowd_now() - from) / crowd_each;
}

static void *crowd_cost_thread(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < CROWD_ROUNDS; i++) {
		pthread_barrier_wait(&crowd_all);
		crowd_ns[1][i] = crowd_measure();
		pthread_barrier_wait(&crowd_all);
	}
	return NULL;
}

static int crowd_less(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

static double crowd_median(double *ns)
{
	qsort(ns, CROWD_ROUNDS, sizeof(*ns), crowd_less);
	return ns[CROWD_ROUNDS / 2];
}

/* With CAIRN_STREAMS=1: the main thread has the stream. */
static void crowd_cost(unsigned each)
{
	pthread_t t;
	int i;

	crowd_each = each;
	crowd_either();
	pthread_barrier_init(&crowd_all, NULL, 2);
	pthread_create(&t, NULL, crowd_cost_thread, NULL);
	for (i = 0; i < CROWD_ROUNDS; i++) {
		uint64_t sink = 0;
		unsigned k;
		double from;

		crowd_ns[0][i] = crowd_measure();
		from = crowd_now();
		for (k = 0; k < each; k++)
			sink += cairn_port_clock();
		crowd_clock_ns[i] = (crowd_now() - from) / each;
		__asm__ volatile("" : : "r"(sink));
		pthread_barrier_wait(&crowd_all);
		pthread_barrier_wait(&crowd_all);
	}
	pthread_join(t, NULL);
	printf("ns: clock %.2f own %.2f shared %.2f\n", crowd_median(crowd_clock_ns),
	       crowd_median(crowd_ns[0]), crowd_median(crowd_ns[1]));
}

int main(int argc, char **argv)
{
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	if (argc == 4 && !strcmp(argv[1], "run") && n <= CROWD_MAX) {
		crowd_run(n, (unsigned)strtoul(argv[3], NULL, 10));
	} else if (argc == 3 && !strcmp(argv[1], "short")) {
		crowd_short(n);
	} else if (argc == 4 && !strcmp(argv[1], "forever") && n <= CROWD_MAX) {
		int fd = open(argv[3], O_RDWR);

		crowd_said = mmap(NULL, CROWD_MAX * sizeof(*crowd_said), PROT_READ | PROT_WRITE,
				  MAP_SHARED, fd, 0);
		if (crowd_said == MAP_FAILED)
			abort();
		crowd_run(n, 0);
	} else if (argc > 2 && !strcmp(argv[1], "trap")) {
		crowd_traps(argc - 2, argv + 2);
	} else if (argc == 2 && !strcmp(argv[1], "sequences")) {
		crowd_sequences();
	} else if (argc == 3 && !strcmp(argv[1], "cost")) {
		crowd_cost(n);
	} else {
		fprintf(stderr, "usage: see the head of crowd.c\n");
		return 2;
	}
	return 0;
}
