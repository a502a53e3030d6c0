/* SPDX-License-Identifier: MIT */
/*
 * A program with something to trace, that keeps the books: threads pass requests to each other while a timer signal interrupts each of
 * them, and every event is counted beside its emission. At the end it prints what it emitted, stream by stream, in the form that
 * scripts/compare-counts.py compares with what was decoded from the trace.
 *
 *	load [seconds [threads]]
 */
#define _GNU_SOURCE
#define CAIRN_CREATE_EVENTS
#include <cairn/cairn.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

CAIRN_EVENT(load, request, (field, uint64_t, number)(field, uint32_t, bytes)(string, path),
	    "number=%lu bytes=%u path=%s");
CAIRN_EVENT(load, answer, (field, uint64_t, number)(field, int, result), "number=%lu result=%d");
CAIRN_EVENT(load, tick, (field, uint32_t, count), "count=%u");
CAIRN_EVENT(load, block,
	    (field, uint16_t, kind)(array, uint8_t, digest, 8)(dynamic, uint32_t, sizes),
	    "kind=%u digest=%s sizes=%s");

enum { LOAD_REQUEST, LOAD_ANSWER, LOAD_TICK, LOAD_BLOCK, LOAD_TASK, LOAD_EVENTS };
static const char *const load_names[LOAD_EVENTS] = {"load:request", "load:answer", "load:tick",
						    "load:block", "task:*"};

enum { LOAD_MAX_THREADS = 32 };

static struct load_thread {
	pthread_t thread;
	unsigned stream;
	volatile sig_atomic_t running;
	uint64_t count[LOAD_EVENTS];
} load_threads[LOAD_MAX_THREADS];

static __thread struct load_thread *load_self;
static volatile sig_atomic_t load_stop;

/* One increment, atomic against this thread's signals, then the emission: what is counted is what was emitted. */
#define LOAD_TRACE(index, event, ...)                                                      \
	do {                                                                               \
		if (cairn_trace_##event##_enabled()) {                                     \
			__atomic_fetch_add(&load_self->count[index], 1, __ATOMIC_RELAXED); \
			cairn_trace_##event(__VA_ARGS__);                                  \
		}                                                                          \
	} while (0)

static void load_on_signal(int signal)
{
	static __thread uint32_t ticks;

	(void)signal;
	if (load_self && load_self->running)
		LOAD_TRACE(LOAD_TICK, tick, ++ticks);
}

static timer_t load_start_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	struct itimerspec every = {{0, 200000}, {0, 200000}};
	timer_t timer;

	event._sigev_un._tid = (int)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &every, NULL)) {
		perror("load: timer");
		exit(1);
	}
	return timer;
}

static void load_one(uint64_t i)
{
	static const char *const paths[] = {"/", "/etc/motd", "/srv/cairn/index.html", ""};
	uint8_t digest[8];
	uint32_t sizes[4];
	unsigned k;

	LOAD_TRACE(LOAD_REQUEST, request, i, (uint32_t)(i * 37 % 4096), paths[i % 4]);
	if (i % 16 == 0) {
		for (k = 0; k < 8; k++)
			digest[k] = (uint8_t)(i >> k);
		for (k = 0; k < 4; k++)
			sizes[k] = (uint32_t)i + k;
		LOAD_TRACE(LOAD_BLOCK, block, (uint16_t)(i / 16), digest, sizes,
			   (unsigned)(i / 16 % 5));
	}
	LOAD_TRACE(LOAD_ANSWER, answer, i, i % 7 ? 0 : -5);
}

static void *load_run(void *arg)
{
	struct load_thread *self = arg;
	struct timespec pause = {0, 1000000};
	timer_t timer;
	uint64_t i;

	load_self = self;
	load_one(
		0); /* the first event gets the thread its stream, whose first record is the thread's name */
	self->stream = cairn_port_stream;
	if (self->stream != ~0u && cairn_event_enabled(cairn_event_find("task", "task_newtask")))
		self->count[LOAD_TASK] = 1;
	self->running = 1;
	timer = load_start_timer();
	for (i = 1; !load_stop; i++) {
		load_one(i);
		if (i % 256 == 0)
			nanosleep(&pause, NULL);
	}
	timer_delete(timer);
	self->running = 0;
	return NULL;
}

static void load_report(const struct load_thread *t)
{
	uint64_t total = 0;
	unsigned e;

	if (t->stream == ~0u)
		return;
	for (e = 0; e < LOAD_EVENTS; e++) {
		printf("cairn-count cpu=%u event=%s n=%llu\n", t->stream, load_names[e],
		       (unsigned long long)t->count[e]);
		total += t->count[e];
	}
	printf("cairn-total cpu=%u n=%llu\n", t->stream, (unsigned long long)total);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = load_on_signal, .sa_flags = SA_RESTART};
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 2,
		 threads = argc > 2 ? (unsigned)atoi(argv[2]) : 2, i;

	if (seconds < 1 || threads < 1 || threads > LOAD_MAX_THREADS) {
		fprintf(stderr, "usage: load [seconds [threads]]; threads at most %d\n",
			LOAD_MAX_THREADS);
		return 2;
	}
	sigaction(SIGUSR1, &action, NULL);
	/* all threads live until all are done, so that no stream is handed on from one to the next */
	for (i = 0; i < threads; i++) {
		if (pthread_create(&load_threads[i].thread, NULL, load_run, &load_threads[i])) {
			perror("load: thread");
			return 1;
		}
	}
	sleep(seconds);
	load_stop = 1;
	for (i = 0; i < threads; i++)
		pthread_join(load_threads[i].thread, NULL);
	for (i = 0; i < threads; i++)
		load_report(&load_threads[i]);
	printf("cairn-end\n");
	return 0;
}
