/* SPDX-License-Identifier: MIT */
/*
 * Linux user space. A constructor makes the region: a file that outlives the process, however it ends. Each thread gets a stream at its
 * first event and gives it back when it exits; threads that find none left share streams, one for each CPU (percpu.h). A forked child makes a
 * region of its own at its next event.
 *
 * The environment, ignored in a set-user-id program: CAIRN_TRACE (patterns to enable), CAIRN_DIR (where the file goes), CAIRN_RING_KB
 * (size of a stream, default 1024), CAIRN_STREAMS (streams at once, default 64), CAIRN_MODE (overwrite, the default, or discard), CAIRN_PER_CPU (1 or shared: all
 * threads share streams from the start).
 */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PORT_NO_STREAM    (~0u)
#define PORT_CALIBRATE_NS 1000000  /* the clock's rate is measured over at least this long */
#define PORT_REFINE_NS    50000000 /* and measured again at a thread's end when this much has passed */

static __typeof__(cairn_process) port_own = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
__typeof__(cairn_process_used) cairn_process_used = &port_own;

static struct cairn_ring *port_no_ring;

__thread unsigned cairn_port_stream = PORT_NO_STREAM;
__thread struct cairn_ring **cairn_port_slot = &port_no_ring;

static __thread bool port_attaching PORT_TLS;       /* an event of attaching itself finds no stream */
static __thread uint64_t port_retry_at PORT_TLS;    /* CLOCK_MONOTONIC_COARSE; 0 = at once */
static __thread uint64_t port_before_fork PORT_TLS; /* signals; threads may fork at the same time */

/* ---- clock ---- */

uint64_t cairn_process_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void cairn_process_clock_begin(void)
{
	cairn_process.mono0 = cairn_process_ns(CLOCK_MONOTONIC_RAW);
	cairn_process.clock0 = cairn_port_clock();
	cairn_process.wall0 = cairn_process_ns(CLOCK_REALTIME);
}

/* Tell the region the clock's rate as measured since the start, waiting until `least` ns have passed. */
static void port_clock_measure(uint64_t least)
{
	uint64_t ns, ticks;

	/* Threads end at the same time, and cairn_clock_set() is for one caller. */
	if (__atomic_exchange_n(&cairn_process.measuring, true, __ATOMIC_ACQUIRE))
		return;
	do {
		ns = cairn_process_ns(CLOCK_MONOTONIC_RAW) - cairn_process.mono0;
		ticks = cairn_port_clock() - cairn_process.clock0;
	} while (ns < least);
	cairn_clock_set(
		(uint64_t)((__extension__(unsigned __int128) ticks * 1000000000u + ns / 2) / ns),
		cairn_process.clock0, cairn_process.wall0);
	__atomic_store_n(&cairn_process.measuring, false, __ATOMIC_RELEASE);
}

/* ---- a thread's streams ---- */

/*
 * What a thread has, as the value of exit_key, where every copy finds it: a stream's number and one, or the address of a staging
 * area.
 */
static void port_use(uintptr_t thing)
{
	if (thing > CAIRN_MAX_CPUS) {
		cairn_share_use((struct port_staging *)thing);
		return;
	}
	cairn_port_slot = &cairn_rings[thing - 1];
	cairn_port_stream = (unsigned)thing - 1;
}

static void port_forget(void)
{
	cairn_share_use(NULL); /* in a forked child that may be in the middle of an event there, it is not reused */
	cairn_port_slot = &port_no_ring;
	cairn_port_stream = PORT_NO_STREAM;
	port_retry_at = 0;
}

static struct port_copy port_copy = {.forget = port_forget};

/* In this thread no copy has a stream any more. */
static void port_forget_all(void)
{
	struct port_copy *c;

	for (c = cairn_process.copies; c; c = c->next)
		c->forget();
}

static void port_thread_exit(void *arg)
{
	uintptr_t thing = (uintptr_t)arg;
	struct port_locked l;

	if (cairn_process_ns(CLOCK_MONOTONIC_RAW) - cairn_process.mono0 >= PORT_REFINE_NS)
		port_clock_measure(0);
	cairn_process_lock(&l);
	port_forget_all();
	cairn_process_unlock(&l);
	if (thing > CAIRN_MAX_CPUS)
		cairn_share_end((struct port_staging *)thing);
	else
		__atomic_store_n(&cairn_process.owner[thing - 1], 0, __ATOMIC_RELEASE); /* ORDER stream:A, pairs with stream:B */
}

/* A stream, or a staging area, for this thread; 0: neither can be had. */
static uintptr_t port_find(uint32_t tid)
{
	int stream;

	if (!cairn_process_region(false))
		return 0;
	stream = cairn_process.per_cpu_only ? -1 : cairn_stream_take(tid);
	return stream >= 0 ? (uintptr_t)stream + 1 : (uintptr_t)cairn_share_begin(tid);
}

static bool port_is_own(uintptr_t thing, uint32_t tid)
{
	if (thing > CAIRN_MAX_CPUS)
		return cairn_share_is_of((struct port_staging *)thing, tid);
	return __atomic_load_n(&cairn_process.owner[thing - 1], __ATOMIC_RELAXED) == tid;
}

/* All signals are blocked. */
static void port_get_stream(void)
{
	uintptr_t thing = (uintptr_t)pthread_getspecific(cairn_process.exit_key);
	char comm[CAIRN_COMM_BYTES] = "";
	uint32_t tid = (uint32_t)syscall(SYS_gettid);

	/*
	 * By an event of another copy. Or what a signal handler of a thread that had ended left behind its last destructors: the C library gives that
	 * to the next thread that it makes in the same place.
	 */
	if (thing && port_is_own(thing, tid)) {
		port_use(thing);
		return;
	}
	thing = port_find(tid);
	if (!thing) {
		port_retry_at = cairn_process_ns(CLOCK_MONOTONIC_COARSE) + PORT_RETRY_NS;
		return;
	}
	port_retry_at = 0;
	if (!__atomic_exchange_n(&cairn_process.used, true, __ATOMIC_RELAXED))
		port_clock_measure(PORT_CALIBRATE_NS);
	port_use(thing);
	pthread_setspecific(cairn_process.exit_key, (void *)thing);
	(void)prctl(PR_GET_NAME, comm);
	cairn_task_name(tid, (uint32_t)getpid(), comm);
}

void cairn_process_lock(struct port_locked *l)
{
	sigset_t all;

	l->saved_errno = errno;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &l->before);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &l->cancel);
	(void)pthread_mutex_lock(&cairn_process.lock);
}

void cairn_process_unlock(const struct port_locked *l)
{
	(void)pthread_mutex_unlock(&cairn_process.lock);
	(void)pthread_setcancelstate(l->cancel, NULL);
	pthread_sigmask(SIG_SETMASK, &l->before, NULL);
	errno = l->saved_errno;
}

void cairn_port_attach(void)
{
	int saved = errno, cancel;
	sigset_t all, before;

	if (port_attaching || __atomic_load_n(&cairn_process.region, __ATOMIC_RELAXED) == PORT_REFUSED)
		return;
	if (port_retry_at && cairn_process_ns(CLOCK_MONOTONIC_COARSE) < port_retry_at)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
				     &cancel); /* an event is no cancellation point */
	if (cairn_port_stream == PORT_NO_STREAM &&
	    !cairn_share_is_used()) { /* else a signal has got it since the event asked */
		port_attaching = true;
		port_get_stream();
		port_attaching = false;
	}
	(void)pthread_setcancelstate(cancel, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
}

/* ---- fork ---- */

static void port_prepare_fork(void)
{
	cairn_jump_hold_signals(&port_before_fork); /* the child has no mapping until port_child() */
}

static void port_parent(void)
{
	cairn_jump_release_signals(&port_before_fork);
}

/* Other threads of the parent may have been anywhere, in the middle of making the region too. */
static void port_child(void)
{
	cairn_detach();
	if (cairn_process.region == PORT_OPENING && cairn_process.fd >= 0)
		close(cairn_process.fd);
	cairn_process.fd = -1;
	cairn_process.memory = NULL;
	if (cairn_process.region != PORT_REFUSED)
		cairn_process.region = PORT_NO_REGION;
	cairn_process.used = false;
	cairn_process.measuring = false; /* by a thread that the child does not have */
	memset(cairn_process.owner, 0, sizeof(cairn_process.owner));
	cairn_share_child();
	port_forget_all(); /* no other thread changes the list: there is none */
	pthread_setspecific(cairn_process.exit_key, NULL);
	cairn_jump_release_signals(&port_before_fork);
}

uint64_t cairn_port_entropy(void)
{
	uint64_t v = 0;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != (ssize_t)sizeof(v))
		v = cairn_process_ns(CLOCK_REALTIME) ^ (uint64_t)getpid() << 40;
	return v;
}

/* ---- start and end ---- */

/* exit() comes here before any destructor: from then on nothing is unmapped, and destructors may emit. */
static void port_exit(void)
{
	cairn_process.exiting = true;
}

__attribute__((__constructor__(101))) static void port_begin(void)
{
	if (cairn_copy_join(&port_copy))
		return;
	cairn_copy_lead(&port_copy);
	if (pthread_key_create(&cairn_process.exit_key, port_thread_exit)) {
		cairn_process.region = PORT_REFUSED;
		return;
	}
	(void)prctl(PR_GET_NAME, cairn_process.comm);
	cairn_code_begin();
	(void)pthread_atfork(port_prepare_fork, port_parent, port_child);
	(void)atexit(port_exit);
	cairn_process_read_environment();
	(void)cairn_process_region(true);
}

/* At exit, or when the library that this copy is in is closed; then it is not the one that made the region. */
__attribute__((__destructor__(101))) static void port_end(void)
{
	if (cairn_process_used != &port_own) {
		if (!cairn_process.exiting)
			cairn_copy_leave(&port_copy);
		return;
	}
	if (cairn_process.region != PORT_REGION)
		return;
	if (cairn_process.used)
		port_clock_measure(0);
	else if (!cairn_process.asked)
		(void)unlink(cairn_process.path); /* nothing was ever recorded, and nobody asked for it */
}
