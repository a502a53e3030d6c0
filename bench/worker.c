/* SPDX-License-Identifier: MIT */
/*
 * Threads that live as long as the program and do one thing when asked. So each keeps the kind of stream that it got at its first event: the
 * second thread of two has one of its own; those that begin when the pool is empty share the CPUs' streams.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <pthread.h>

struct worker {
	enum bench_worker which;
	bench_task *task; /* not NULL: to be done */
	void *arg;
};

static struct worker workers[BENCH_NR_WORKERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	bench_pin(w->which == BENCH_SECOND);
	for (;;) {
		pthread_mutex_lock(&lock);
		while (!w->task)
			pthread_cond_wait(&changed, &lock);
		pthread_mutex_unlock(&lock);
		w->task(w->arg);
		pthread_mutex_lock(&lock);
		w->task = NULL;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

void bench_worker_start(enum bench_worker which)
{
	pthread_t id;

	workers[which].which = which;
	if (pthread_create(&id, NULL, worker_main, &workers[which]) || pthread_detach(id))
		bench_fail("cannot start a thread");
}

void bench_worker_ask(enum bench_worker which, bench_task *task, void *arg)
{
	pthread_mutex_lock(&lock);
	workers[which].arg = arg;
	workers[which].task = task;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void bench_worker_wait(enum bench_worker which)
{
	pthread_mutex_lock(&lock);
	while (workers[which].task)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}
