/* SPDX-License-Identifier: MIT */
/*
 * The streams of CPUs, for threads beyond the pool (percpu.h is the writer), and the staging areas in which such threads prepare their
 * records.
 */
#define _GNU_SOURCE
#include "process.h"

#include "percpu.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <unistd.h>

#define PORT_STAGING_BYTES 16384 /* a record being prepared, and what signals nest in it */

/*
 * pos of a staging area: bytes, the number of changes, records. Never twice the same, so that a swap tells whether anything nested since it
 * was read.
 */
#define STAGING_BYTES_MASK 0xffffull
#define STAGING_ONE_CHANGE 0x10000ull
#define STAGING_CHANGES    (CAIRN_POS_MASK & ~STAGING_BYTES_MASK)

/* Where a thread without a stream of its own prepares records. Not on its stack, which may be small. */
struct port_staging {
	struct cairn_ring ring;
	struct port_staging *next; /* in the list of free ones */
	uint32_t room[];
};

/* Set: this thread shares the streams of CPUs. */
static __thread struct port_staging *port_staging PORT_TLS;

/* The thread's mark on streams that it has claimed. */
static uint32_t port_claimant(const struct port_staging *s)
{
	return s->ring.task;
}

void cairn_share_configure(const char *v)
{
	long nr = sysconf(_SC_NPROCESSORS_CONF);

	cairn_process.rseq = CAIRN_ARCH_HAS_RSEQ && __rseq_size > 0;
	if (v && !strcmp(v, "shared"))
		cairn_process.rseq = false;
	else if (v && strcmp(v, "0") && strcmp(v, "1"))
		fprintf(stderr, "cairn: CAIRN_PER_CPU=%s: none of 0, 1 and shared; 0 is used\n", v);
	cairn_process.per_cpu_only = v && (!strcmp(v, "1") || !strcmp(v, "shared"));
	cairn_process.nr_cpus = nr < PERCPU_CLAIMS ? PERCPU_CLAIMS : (unsigned)nr;
	if (cairn_process.nr_cpus > CAIRN_MAX_CPUS - 1)
		cairn_process.nr_cpus = CAIRN_MAX_CPUS - 1;
	if (cairn_process.nr_streams > CAIRN_MAX_CPUS - cairn_process.nr_cpus)
		cairn_process.nr_streams = CAIRN_MAX_CPUS - cairn_process.nr_cpus;
}

struct port_staging *cairn_share_begin(uint32_t tid)
{
	struct port_staging *s;

	(void)pthread_mutex_lock(&cairn_process.lock);
	s = cairn_process.free_staging;
	if (s)
		cairn_process.free_staging = s->next;
	(void)pthread_mutex_unlock(&cairn_process.lock);
	if (!s) {
		s = mmap(NULL, PORT_STAGING_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (s == MAP_FAILED)
			return NULL;
	}
	s->ring.base = (uint64_t)(uintptr_t)s->room;
	s->ring.pkt_mask = STAGING_BYTES_MASK;
	s->ring.limit = PORT_STAGING_BYTES - offsetof(struct port_staging, room);
	s->ring.pos = 0;
	s->ring.committed = ~(uint64_t)0; /* no position */
	s->ring.mode = CAIRN_RING_STAGING;
	s->ring.task = tid & CAIRN_TASK_PID_MASK;
	return s;
}

/* Count records that were left while they were prepared; by the first of the CPUs' streams that there is. */
static void port_abandon(uint64_t nr)
{
	unsigned i;

	for (i = 0; nr && i < cairn_process.nr_cpus; i++) {
		/* ORDER ring:B, pairs with ring:A; the opener was another thread */
		struct cairn_ring *r = __atomic_load_n(&cairn_rings[cairn_process.nr_streams + i], __ATOMIC_ACQUIRE);

		if (!r)
			continue;
		__atomic_fetch_add(&r->lost[CAIRN_LOST_ABANDONED], nr, __ATOMIC_RELAXED);
		return;
	}
	while (nr--)
		cairn_lost_no_stream();
}

/* Streams that this thread had claimed: whatever it was storing there, nothing of it counts before the last store (percpu.h, P2). */
static void port_release_claims(const struct port_staging *s)
{
	unsigned i;

	for (i = 0; i < cairn_process.nr_cpus; i++) {
		if (cairn_load32(&cairn_process.claim[i]) == port_claimant(s))
			__atomic_store_n(&cairn_process.claim[i], 0, __ATOMIC_RELEASE); /* ORDER share:A, pairs with share:B */
	}
}

/* What is being prepared is given up. Nothing interrupts, or the thread ends. */
static void port_give_up(struct port_staging *s)
{
	uint64_t o = cairn_load64(&s->ring.pos);

	port_release_claims(s);
	cairn_store64(&s->ring.pos, (o & STAGING_CHANGES) + STAGING_ONE_CHANGE);
	port_abandon(o >> CAIRN_POS_BITS);
}

/* Something is being prepared here; by a writer that we interrupt, or by one that was left (jump.c). */
static CAIRN_COLD void port_look_for_left(struct port_staging *s)
{
	uint64_t before;

	cairn_jump_hold_signals(&before);
	if ((cairn_load64(&s->ring.pos) & STAGING_BYTES_MASK) && cairn_jump_has_left(cairn_load64(&s->ring.frame)))
		port_give_up(s);
	cairn_jump_release_signals(&before);
}

void cairn_share_use(struct port_staging *s)
{
	port_staging = s;
}

void cairn_share_end(struct port_staging *s)
{
	struct port_locked l;

	cairn_process_lock(&l);
	port_give_up(s);
	s->next = cairn_process.free_staging;
	cairn_process.free_staging = s;
	cairn_process_unlock(&l);
}

/* The stream of a CPU's first event. Who comes while it is being opened waits. NULL: no room in the file system, no region. */
static CAIRN_COLD struct cairn_ring *port_open_cpu(unsigned index)
{
	struct port_locked l;

	if (cairn_process_ns(CLOCK_MONOTONIC_COARSE) < __atomic_load_n(&cairn_process.cpu_retry_at, __ATOMIC_RELAXED))
		return NULL;
	cairn_process_lock(&l);
	if (!cairn_rings[index] && __atomic_load_n(&cairn_process.region, __ATOMIC_ACQUIRE) == PORT_REGION &&
	    cairn_ring_open(index, 0))
		__atomic_store_n(&cairn_process.cpu_retry_at,
				 cairn_process_ns(CLOCK_MONOTONIC_COARSE) + PORT_RETRY_NS, __ATOMIC_RELAXED);
	cairn_process_unlock(&l);
	return CAIRN_LOAD_PTR(&cairn_rings[index]);
}

CAIRN_INLINE struct cairn_ring *port_cpu_ring(unsigned cpu)
{
	/* ORDER ring:B, pairs with ring:A; the opener was another thread */
	struct cairn_ring *r =
		__atomic_load_n(&cairn_rings[cairn_process.nr_streams + cpu], __ATOMIC_ACQUIRE);

	return CAIRN_LIKELY(r != NULL) ? r : port_open_cpu(cairn_process.nr_streams + cpu);
}

/* With its name at once: it may be left behind the next instruction. */
static bool port_claim(unsigned at)
{
	uint32_t none = 0;

	/* ORDER share:B, pairs with share:A */
	return __atomic_compare_exchange_n(&cairn_process.claim[at], &none, port_claimant(port_staging), false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* By claim; an event of a signal handler finds its own thread's stream taken, as it must. */
static bool port_write_shared(const char *record, uint32_t size)
{
	unsigned cpu = (unsigned)sched_getcpu(), i, tries;

	for (i = 0; i < PERCPU_CLAIMS; i++) {
		unsigned at = (cpu + i) % cairn_process.nr_cpus;
		struct percpu_at where = {port_cpu_ring(at), NULL, at};

		if (!where.ring || !port_claim(at))
			continue;
		for (tries = 0; percpu_try(where, record, size, tries) == PERCPU_AGAIN; tries++)
			;
		/*
		 * ORDER share:A / share:B
		 *   all that a thread wrote to the stream, then claim = 0; who claims it next goes on where it ended.
		 */
		__atomic_store_n(&cairn_process.claim[at], 0,
				 __ATOMIC_RELEASE); /* ORDER share:A, pairs with share:B */
		return true;
	}
	return false;
}

#if CAIRN_ARCH_HAS_RSEQ
static bool port_write_rseq(const char *record, uint32_t size)
{
	char *rseq = cairn_arch_thread_pointer() + __rseq_offset;
	unsigned tries;

	for (tries = 0; tries <= PERCPU_TRIES; tries++) {
		uint32_t cpu = cairn_load32(&((struct rseq *)(void *)rseq)->cpu_id);
		struct percpu_at at = {NULL, rseq, cpu};

		if (CAIRN_UNLIKELY(cpu >= cairn_process.nr_cpus))
			return false; /* this thread is not registered: made without the C library, or a child of vfork */
		at.ring = port_cpu_ring(cpu);
		if (CAIRN_UNLIKELY(!at.ring))
			return false;
		if (CAIRN_LIKELY(percpu_try(at, record, size, tries) == PERCPU_DONE))
			return true;
	}
	return false;
}
#else
static bool port_write_rseq(const char *record, uint32_t size)
{
	return port_write_shared(record, size);
}
#endif

struct cairn_ring *cairn_port_stage(uint32_t size)
{
	struct port_staging *s = port_staging;
	uint64_t o;

	if (!s)
		return NULL;
	if (CAIRN_UNLIKELY(cairn_load64(&s->ring.pos) & STAGING_BYTES_MASK))
		port_look_for_left(s);
	do {
		o = cairn_load64(&s->ring.pos);
		if ((o & STAGING_BYTES_MASK) + size > s->ring.limit)
			return NULL;
		if (!(o & STAGING_BYTES_MASK))
			cairn_port_mark(&s->ring.frame);
	} while (CAIRN_UNLIKELY(!cairn_local_cas64(&s->ring.pos, o, o + size + STAGING_ONE_CHANGE + CAIRN_ONE_RECORD)));
	return &s->ring;
}

void cairn_port_commit(struct cairn_ring *r, uint64_t begin, uint32_t size)
{
	const char *record = (const char *)(uintptr_t)(r->base + (begin & STAGING_BYTES_MASK));
	uint64_t now, left;

	if (CAIRN_UNLIKELY(!(cairn_process.rseq ? port_write_rseq(record, size) : port_write_shared(record, size))))
		cairn_lost_no_stream();
	cairn_barrier();
	now = cairn_load64(&r->pos);
	/* What a signal nests here between the load and the store has given its room back before we go on. */
	cairn_store64(&r->pos, (begin & ~STAGING_CHANGES) | ((now & STAGING_CHANGES) + STAGING_ONE_CHANGE));
	left = (now >> CAIRN_POS_BITS) - (begin >> CAIRN_POS_BITS) - 1;
	if (CAIRN_UNLIKELY(left)) /* nested ones that did not come back */
		port_abandon(left);
}

void cairn_port_flush(void)
{
	if (port_staging)
		(void)(cairn_process.rseq ? port_write_rseq(NULL, 0) : port_write_shared(NULL, 0));
}

bool cairn_share_is_used(void)
{
	return port_staging != NULL;
}

void cairn_share_child(void)
{
	memset(cairn_process.claim, 0, sizeof(cairn_process.claim));
	cairn_process.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	cairn_process.free_staging = NULL; /* it was being changed, perhaps */
	cairn_process.cpu_retry_at = 0;
}
