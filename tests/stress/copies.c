/* SPDX-License-Identifier: MIT */
/*
 * Programs that load shared libraries which have copies of Cairn of their own (plug.c), for copies.py:
 *
 *	copies SCENE PLUG...		this program has a copy of Cairn, and events
 *	loader SCENE PLUG...		the same without (COPIES_PLAIN)
 *	linked SCENE PLUG...		the same with, and a plug that is loaded with the program (COPIES_LINKED)
 *
 * Prints `emitted N`, of a forked child `child PID N`.
 */
#define _GNU_SOURCE
#ifndef COPIES_PLAIN
#define CAIRN_CREATE_EVENTS
#include <cairn/cairn.h>
#endif

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COPIES_THREADS 8
#define COPIES_PLUGS   4

#ifndef COPIES_PLAIN
CAIRN_EVENT(both, step, (field, uint64_t, n), "n=%lu");
#endif
#ifdef COPIES_LINKED
void linked_emit(unsigned n);
uint64_t linked_count(void);
#endif

struct plug {
	const char *path;
	char name[32];
	void *handle;
	void (*emit)(unsigned n);
	uint64_t (*count)(void);
	int (*control)(const char *patterns, int on);
};

static struct plug plugs[COPIES_PLUGS];
static unsigned nr_plugs;
static uint64_t copies_emitted, copies_closed; /* by this program; by plugs that are closed */

static void copies_need(bool x, const char *what)
{
	if (x)
		return;
	fprintf(stderr, "copies: not so: %s: %s\n", what, dlerror());
	_exit(1);
}

static void *copies_symbol(const struct plug *p, const char *what)
{
	char name[64];
	void *s;

	snprintf(name, sizeof(name), "%s_%s", p->name, what);
	s = dlsym(p->handle, name);
	copies_need(s != NULL, name);
	return s;
}

static void copies_open(struct plug *p)
{
	p->handle = dlopen(p->path, RTLD_NOW | RTLD_LOCAL);
	copies_need(p->handle != NULL, p->path);
	*(void **)&p->emit = copies_symbol(p, "emit");
	*(void **)&p->count = copies_symbol(p, "count");
	*(void **)&p->control = copies_symbol(p, "control");
}

/* Its destructor emits two. */
static void copies_close(struct plug *p)
{
	copies_closed += p->count() + 2;
	copies_need(!dlclose(p->handle), "dlclose");
}

static void copies_emit(unsigned n)
{
	unsigned i;

	for (i = 0; i < nr_plugs; i++)
		plugs[i].emit(n);
#ifdef COPIES_LINKED
	linked_emit(n);
#endif
#ifndef COPIES_PLAIN
	while (n--)
		cairn_trace_step(__atomic_add_fetch(&copies_emitted, 1, __ATOMIC_RELAXED));
#endif
}

static uint64_t copies_count(void)
{
	uint64_t sum = copies_emitted + copies_closed;
	unsigned i;

	for (i = 0; i < nr_plugs; i++)
		sum += plugs[i].count();
#ifdef COPIES_LINKED
	sum += linked_count();
#endif
	return sum;
}

static void *copies_thread(void *arg)
{
	copies_emit((unsigned)(uintptr_t)arg);
	return NULL;
}

static void copies_run_threads(unsigned each)
{
	pthread_t t[COPIES_THREADS];
	unsigned i;

	for (i = 0; i < COPIES_THREADS; i++)
		copies_need(!pthread_create(&t[i], NULL, copies_thread, (void *)(uintptr_t)each), "thread");
	for (i = 0; i < COPIES_THREADS; i++)
		pthread_join(t[i], NULL);
}

/* All emit, in this thread and in others. */
static void copies_plain(void)
{
	unsigned round;

	for (round = 0; round < 20; round++) {
		copies_emit(10);
		copies_run_threads(50);
	}
}

/* The child emits first where `arg` says: 0 this program, else a plug. */
static void copies_fork_one(unsigned who)
{
	uint64_t before = copies_count();
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (who < nr_plugs)
			plugs[who].emit(3);
		copies_emit(5);
		copies_run_threads(5);
		dprintf(1, "child %d %llu\n", (int)getpid(), (unsigned long long)(copies_count() - before));
		_exit(0);
	}
	copies_need(waitpid(pid, &status, 0) == pid && status == 0, "the child ended well");
}

static void copies_fork(void)
{
	unsigned i;

	copies_emit(2);
	for (i = 0; i <= nr_plugs; i++)
		copies_fork_one(i);
	copies_emit(2);
}

/* The events are switched by one copy, and all obey. */
static void copies_control(void)
{
	unsigned i, k;

	for (i = 0; i < nr_plugs; i++) {
		copies_need(plugs[i].control("*:*", 0) > 0, "off");
		for (k = 0; k < nr_plugs; k++) {
			plugs[k].emit(1);
			copies_closed -= 2; /* not recorded */
		}
		copies_need(plugs[i].control("both:*,plug:*", 1) > 0, "on");
		copies_emit(4);
	}
}

static int copies_stop;

static void *copies_busy(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&copies_stop, __ATOMIC_ACQUIRE))
		copies_emit(1);
	return NULL;
}

static long copies_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	copies_need(f && fscanf(f, "%ld", &pages) == 1, "statm");
	fclose(f);
	return pages * 4;
}

/* Open and close all plugs over and over, with threads that emit until just before. */
static void copies_reload(unsigned times)
{
	long grown = 0;
	unsigned i, k, n = nr_plugs;

	for (i = 0; i < times; i++) {
		pthread_t t[2];

		if (i == times / 2)
			grown = copies_kib();
		nr_plugs = n;
		for (k = 0; k < n && i; k++)
			copies_open(&plugs[k]);
		copies_stop = 0;
		for (k = 0; k < 2; k++)
			copies_need(!pthread_create(&t[k], NULL, copies_busy, NULL), "thread");
		copies_emit(3);
		__atomic_store_n(&copies_stop, 1, __ATOMIC_RELEASE);
		for (k = 0; k < 2; k++)
			pthread_join(t[k], NULL);
		nr_plugs = 0;
		for (k = n; k--;) /* in reverse: else the loader keeps their thread-local bytes */
			copies_close(&plugs[k]);
		for (k = 0; k < n; k++) {
			void *still = dlopen(plugs[k].path, RTLD_NOW | RTLD_NOLOAD);

			if (still && i + 1 == times)
				printf("mapped %s\n", plugs[k].name);
			if (still) /* it goes on where it was: its destructor has not run */
				copies_closed -= plugs[k].count() + 2;
			if (still)
				dlclose(still);
			if (still && i + 1 == times)
				nr_plugs = k + 1;
		}
	}
	printf("grown %ld\n", copies_kib() - grown);
}

/* The kept one's last events, at exit. */
static void copies_at_exit(void)
{
	uint64_t sum = copies_count() + 2 * nr_plugs;

#ifdef COPIES_LINKED
	sum += 2;
#endif
	printf("emitted %llu\n", (unsigned long long)sum);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 2; i < argc && nr_plugs < COPIES_PLUGS; i++, nr_plugs++) {
		struct plug *p = &plugs[nr_plugs];
		const char *name = strrchr(argv[i], '/') + 1;

		p->path = argv[i];
		snprintf(p->name, sizeof(p->name), "%.*s", (int)strcspn(name, "."), name);
		copies_open(p);
	}
	if (argc > 1 && !strcmp(argv[1], "plain"))
		copies_plain();
	else if (argc > 1 && !strcmp(argv[1], "fork"))
		copies_fork();
	else if (argc > 1 && !strcmp(argv[1], "control"))
		copies_control();
	else if (argc > 1 && !strcmp(argv[1], "reload"))
		copies_reload(1000);
	else
		return 2;
	copies_at_exit();
	return 0;
}
