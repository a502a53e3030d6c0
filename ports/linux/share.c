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

/* Where a thread without a stream of its own prepares records. Not on its stack, which may be small. */
struct port_staging {
	struct cairn_ring ring;    /* first: cairn_port_own_staging points here */
	struct cairn_arch_rseq at; /* without rseq no CPU is below nr_cpus: the sequence is refused, and the record goes by a claim */
	struct port_staging *next; /* in the list of free ones */
	uint32_t no_rseq[8];       /* in place of a struct rseq, where the thread has none */
	uint32_t room[];
};

__thread struct cairn_ring *cairn_port_own_staging;

static struct port_staging *port_staging_of(struct cairn_ring *r)
{
	return (struct port_staging *)(void *)r;
}

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

/* This thread's struct rseq; NULL: its streams are claimed. */
static char *port_rseq(void)
{
#if CAIRN_ARCH_HAS_RSEQ
	return cairn_process.rseq ? cairn_arch_thread_pointer() + __rseq_offset : NULL;
#else
	return NULL;
#endif
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
	s->ring.base = offsetof(struct port_staging, room);
	s->ring.limit = PORT_STAGING_BYTES;
	s->ring.pos = s->ring.base;
	s->ring.committed = ~(uint64_t)0; /* no position */
	s->ring.mode = CAIRN_RING_STAGING;
	s->ring.task = tid & CAIRN_TASK_PID_MASK;
	s->at.task = s->ring.task;
	s->at.rings = &cairn_rings[cairn_process.nr_streams];
	s->at.nr_cpus = port_rseq() ? cairn_process.nr_cpus : 0;
	s->at.rseq = port_rseq() ? port_rseq() : (char *)s->no_rseq;
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
	cairn_store64(&s->ring.pos, (o & CAIRN_POS_MASK & ~(CAIRN_STAGING_CHANGE - 1)) + CAIRN_STAGING_CHANGE + s->ring.base);
	port_abandon(o >> CAIRN_POS_BITS);
}

static bool port_is_preparing(const struct port_staging *s)
{
	return CAIRN_STAGING_BYTES(cairn_load64(&s->ring.pos)) != s->ring.base;
}

/* Something is being prepared here; by a writer that we interrupt, or by one that was left (jump.c). */
static CAIRN_COLD void port_look_for_left(struct port_staging *s)
{
	uint64_t before;

	cairn_jump_hold_signals(&before);
	if (port_is_preparing(s) && cairn_jump_has_left(cairn_load64(&s->ring.frame)))
		port_give_up(s);
	cairn_jump_release_signals(&before);
}

bool cairn_share_is_of(const struct port_staging *s, uint32_t tid)
{
	return (s->ring.task & CAIRN_TASK_PID_MASK) == (tid & CAIRN_TASK_PID_MASK);
}

void cairn_share_use(struct port_staging *s)
{
	cairn_port_own_staging = s ? &s->ring : NULL;
}

void cairn_share_end(struct port_staging *s)
{
	struct port_locked l;

	cairn_process_lock(&l);
	port_give_up(s);
	s->ring.task = 0; /* nobody's (cairn_share_is_of()) */
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
	/* ORDER made:B, pairs with made:A */
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
	return __atomic_compare_exchange_n(&cairn_process.claim[at], &none, port_claimant(port_staging_of(cairn_port_own_staging)),
					   false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* GIVEN: written, and the room of the record is given back. */
enum port_written { PORT_WRITTEN, PORT_GIVEN, PORT_NO_STREAM };

/* By claim; an event of a signal handler finds its own thread's stream taken, as it must. `size` 0 closes the packet. */
static enum port_written port_write_shared(const char *record, uint32_t size)
{
	unsigned cpu = (unsigned)sched_getcpu(), i, tries = 0;

	for (i = 0; i < PERCPU_CLAIMS; i++) {
		unsigned at = (cpu + i) % cairn_process.nr_cpus;
		struct percpu_at where = {port_cpu_ring(at), NULL, at};

		if (!where.ring || !port_claim(at))
			continue;
		while ((size ? percpu_write(where.ring, record, size, tries) :
			       percpu_flush(where, tries)) == PERCPU_AGAIN)
			tries++;
		/*
		 * ORDER share:A / share:B
		 *   all that a thread wrote to the stream, then claim = 0; who claims it next goes on where it ended.
		 */
		__atomic_store_n(&cairn_process.claim[at], 0,
				 __ATOMIC_RELEASE); /* ORDER share:A, pairs with share:B */
		return PORT_WRITTEN;
	}
	return PORT_NO_STREAM;
}

#if CAIRN_ARCH_HAS_RSEQ
/* The stream of this thread's CPU. No ring: this thread is not registered (made without the C library), or no room for the stream. */
static struct percpu_at port_here(const struct port_staging *s)
{
	struct percpu_at at = {NULL, s->at.rseq, cairn_load32(&((struct rseq *)(void *)s->at.rseq)->cpu_id)};

	if (at.cpu < s->at.nr_cpus)
		at.ring = port_cpu_ring(at.cpu);
	return at;
}

/* After a first attempt that was aborted or refused. */
static enum port_written port_write_rseq(struct port_staging *s, const char *record, uint64_t taken)
{
	enum cairn_arch_rseq_end end = CAIRN_ARCH_RSEQ_REFUSED;
	unsigned tries;

	for (tries = 0; tries <= PERCPU_TRIES; tries++) {
		if (end == CAIRN_ARCH_RSEQ_REFUSED) {
			struct percpu_at at = port_here(s);
			struct percpu_now now;

			if (!at.ring)
				return PORT_NO_STREAM;
			now = percpu_look(at.ring);
			if (percpu_slow(at, now.o, now.ts, (uint32_t)taken, tries) == PERCPU_DONE)
				return PORT_WRITTEN; /* that is, counted */
		}
		end = cairn_arch_rseq_write(&s->at, record, taken, &s->ring.pos);
		if (end == CAIRN_ARCH_RSEQ_DONE)
			return PORT_GIVEN;
	}
	return PORT_NO_STREAM;
}

static void port_flush_rseq(struct port_staging *s)
{
	unsigned tries;

	for (tries = 0; tries <= PERCPU_TRIES; tries++) {
		struct percpu_at at = port_here(s);

		if (!at.ring || percpu_flush(at, tries) == PERCPU_DONE)
			break;
	}
}
#else
static enum port_written port_write_rseq(struct port_staging *s, const char *record, uint64_t taken)
{
	(void)s;
	return port_write_shared(record, (uint32_t)taken);
}

static void port_flush_rseq(struct port_staging *s)
{
	(void)s;
}
#endif

/* At any depth. */
struct cairn_ring *cairn_port_stage(uint32_t size)
{
	struct port_staging *s = port_staging_of(cairn_port_own_staging);
	uint64_t o;

	if (!s)
		return NULL;
	if (CAIRN_UNLIKELY(port_is_preparing(s)))
		port_look_for_left(s);
	do {
		o = cairn_load64(&s->ring.pos);
		if (CAIRN_STAGING_BYTES(o) + size > s->ring.limit)
			return NULL;
		if (CAIRN_STAGING_BYTES(o) == s->ring.base)
			cairn_port_mark(&s->ring.frame);
	} while (CAIRN_UNLIKELY(!cairn_local_cas64(&s->ring.pos, o, o + size + CAIRN_STAGING_CHANGE + CAIRN_ONE_RECORD)));
	return &s->ring;
}

/* A record's room was given back, and something lies before it, or was left behind it by one that nested and did not come back. */
static CAIRN_COLD void port_look_behind(struct port_staging *s, const char *record)
{
	uint64_t before;

	if (record != (const char *)&s->ring + s->ring.base)
		return; /* nested itself: the outermost will see it */
	cairn_jump_hold_signals(&before);
	if (port_is_preparing(s))
		port_give_up(s);
	cairn_jump_release_signals(&before);
}

/* The record is not written yet: another packet or stream is needed, an interruption came, or streams are claimed. */
static CAIRN_COLD void port_write_again(struct port_staging *s, char *record, uint64_t taken)
{
	enum port_written written;

	if (s->at.nr_cpus) {
		written = port_write_rseq(s, record, taken);
	} else {
		memcpy(record + 8, &s->ring.task, sizeof(s->ring.task));
		written = port_write_shared(record, (uint32_t)taken);
	}
	if (written == PORT_NO_STREAM)
		cairn_lost_no_stream();
	if (written != PORT_GIVEN) {
		__asm__("" : "+r"(taken) : : "memory");
		s->ring.pos -= taken; /* one instruction where there is one: what nests here, and does not come back, is not lost from the count */
	}
	if (CAIRN_UNLIKELY(port_is_preparing(s)))
		port_look_behind(s, record);
}

/* Calls nothing unless it calls it last: so there is no stack to make. */
void cairn_port_commit(struct cairn_ring *r, char *record, uint32_t size)
{
	struct port_staging *s = port_staging_of(r);
	uint64_t taken = size + CAIRN_ONE_RECORD;

#if CAIRN_ARCH_HAS_RSEQ
	if (CAIRN_LIKELY(cairn_arch_rseq_write(&s->at, record, taken, &s->ring.pos) == CAIRN_ARCH_RSEQ_DONE)) {
		if (CAIRN_UNLIKELY(port_is_preparing(s)))
			port_look_behind(s, record);
		return;
	}
#endif
	port_write_again(s, record, taken);
}

/* By the CPU's stream if there is one. */
void cairn_port_lose(struct cairn_ring *staging, int cause)
{
	unsigned cpu = (unsigned)sched_getcpu() % cairn_process.nr_cpus;
	struct cairn_ring *r = port_cpu_ring(cpu);

	(void)staging;
	if (!r)
		cairn_lost_no_stream();
	else if (cairn_load32(&r->enabled))
		(void)percpu_lose(r, (enum cairn_lost)cause, 1);
}

void cairn_port_flush(void)
{
	struct port_staging *s = port_staging_of(cairn_port_own_staging);

	if (s && s->at.nr_cpus)
		port_flush_rseq(s);
	else if (s)
		(void)port_write_shared(NULL, 0);
}

bool cairn_share_is_used(void)
{
	return cairn_port_own_staging != NULL;
}

void cairn_share_child(void)
{
	memset(cairn_process.claim, 0, sizeof(cairn_process.claim));
	cairn_process.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	cairn_process.free_staging = NULL; /* it was being changed, perhaps */
	cairn_process.cpu_retry_at = 0;
}
