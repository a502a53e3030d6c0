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
#include "../../include/cairn/cairn.h"
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PORT_NO_STREAM    (~0u)
#define PORT_CALIBRATE_NS 1000000  /* the clock's rate is measured over at least this long */
#define PORT_REFINE_NS    50000000 /* and measured again at a thread's end when this much has passed */

struct cairn_process cairn_process = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

__thread unsigned cairn_port_stream = PORT_NO_STREAM;

static __thread bool port_attaching PORT_TLS;       /* an event of attaching itself finds no stream */
static __thread uint64_t port_retry_at PORT_TLS;    /* CLOCK_MONOTONIC_COARSE; 0 = at once */
static __thread sigset_t port_before_fork PORT_TLS; /* threads may fork at the same time */

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

static bool port_measuring;

/* Tell the region the clock's rate as measured since the start, waiting until `least` ns have passed. */
static void port_clock_measure(uint64_t least)
{
	uint64_t ns, ticks;

	/* Threads end at the same time, and cairn_clock_set() is for one caller. */
	if (__atomic_exchange_n(&port_measuring, true, __ATOMIC_ACQUIRE))
		return;
	do {
		ns = cairn_process_ns(CLOCK_MONOTONIC_RAW) - cairn_process.mono0;
		ticks = cairn_port_clock() - cairn_process.clock0;
	} while (ns < least);
	cairn_clock_set(
		(uint64_t)((__extension__(unsigned __int128) ticks * 1000000000u + ns / 2) / ns),
		cairn_process.clock0, cairn_process.wall0);
	__atomic_store_n(&port_measuring, false, __ATOMIC_RELEASE);
}

/* ---- a thread's streams ---- */

static void port_thread_exit(void *arg)
{
	unsigned stream = (unsigned)(uintptr_t)arg - 1;

	cairn_share_end();
	if (cairn_process_ns(CLOCK_MONOTONIC_RAW) - cairn_process.mono0 >= PORT_REFINE_NS)
		port_clock_measure(0);
	cairn_port_stream = PORT_NO_STREAM;
	if (stream < CAIRN_MAX_CPUS)
		__atomic_store_n(&cairn_process.owner[stream], 0,
				 __ATOMIC_RELEASE); /* ORDER stream:A, pairs with stream:B */
}

/* A stream for this thread, all signals blocked. */
static void port_get_stream(void)
{
	char comm[CAIRN_COMM_BYTES] = "";
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	bool region = cairn_process_region(false);
	int stream = region && !cairn_process.per_cpu_only ? cairn_stream_take(tid) : -1;

	if (stream < 0 && !(region && cairn_share_begin(tid))) {
		port_retry_at = cairn_process_ns(CLOCK_MONOTONIC_COARSE) + PORT_RETRY_NS;
		return;
	}
	port_retry_at = 0;
	if (!__atomic_exchange_n(&cairn_process.used, true, __ATOMIC_RELAXED))
		port_clock_measure(PORT_CALIBRATE_NS);
	if (stream < 0)
		stream = CAIRN_MAX_CPUS; /* nobody's */
	else
		cairn_port_stream = (unsigned)stream;
	pthread_setspecific(cairn_process.exit_key, (void *)((uintptr_t)stream + 1));
	(void)prctl(PR_GET_NAME, comm);
	cairn_task_name(tid, (uint32_t)getpid(), comm);
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
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all,
			&port_before_fork); /* the child has no mapping until port_child() */
}

static void port_parent(void)
{
	pthread_sigmask(SIG_SETMASK, &port_before_fork, NULL);
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
	port_measuring = false; /* by a thread that the child does not have */
	memset(cairn_process.owner, 0, sizeof(cairn_process.owner));
	cairn_share_child();
	cairn_port_stream = PORT_NO_STREAM;
	port_retry_at = 0;
	pthread_setspecific(cairn_process.exit_key, NULL);
	pthread_sigmask(SIG_SETMASK, &port_before_fork, NULL);
}

uint64_t cairn_port_entropy(void)
{
	uint64_t v = 0;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != (ssize_t)sizeof(v))
		v = cairn_process_ns(CLOCK_REALTIME) ^ (uint64_t)getpid() << 40;
	return v;
}

/* ---- start and end ---- */

__attribute__((__constructor__(101))) static void port_begin(void)
{
	if (pthread_key_create(&cairn_process.exit_key, port_thread_exit)) {
		cairn_process.region = PORT_REFUSED;
		return;
	}
	(void)prctl(PR_GET_NAME, cairn_process.comm);
	cairn_code_begin();
	(void)pthread_atfork(port_prepare_fork, port_parent, port_child);
	cairn_process_read_environment();
	(void)cairn_process_region(true);
}

__attribute__((__destructor__(101))) static void port_end(void)
{
	(void)pthread_key_delete(
		cairn_process.exit_key); /* this code may be unmapped (dlclose) before the threads end */
	if (cairn_process.region != PORT_REGION)
		return;
	if (cairn_process.used)
		port_clock_measure(0);
	else if (!cairn_process.asked)
		(void)unlink(cairn_process.path); /* nothing was ever recorded, and nobody asked for it */
}
