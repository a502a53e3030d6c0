/* SPDX-License-Identifier: MIT */
/*
 * What the parts of this port share: the state of this process. Private to ports/linux.
 *
 *	port.c		begins and ends with the program, finds each thread a stream, survives fork
 *	file.c		the region's file
 *	streams.c	the pool of threads' streams
 *	share.c		streams of CPUs, for threads beyond the pool		percpu.h	their writer
 *	jump.c		events that were left by siglongjmp, or by a thread that ended
 *	copies.c	several copies of Cairn in one process
 *	code.c		writing program text
 */
#ifndef CAIRN_PORT_LINUX_PROCESS_H
#define CAIRN_PORT_LINUX_PROCESS_H

#include "../../include/cairn/cairn.h"

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <time.h>

#define PORT_RETRY_NS 10000000 /* who got no stream asks again after this long */

enum { PORT_NO_REGION, PORT_OPENING, PORT_REGION, PORT_REFUSED };

/* In a signal handler nothing may be allocated for a thread's variables. */
#define PORT_TLS __attribute__((__tls_model__("initial-exec")))

struct port_staging; /* share.c */

/* A copy of Cairn that uses this process's region; the first is the one that made it. */
struct port_copy {
	void (*forget)(void); /* the calling thread has no stream any more */
	struct port_copy *next;
};

/* Blocks signals and cancellation, so that nothing of this thread's runs while it holds the lock. */
struct port_locked {
	sigset_t before;
	int cancel, saved_errno;
};

struct cairn_process {
	uint32_t region; /* PORT_NO_REGION: the next event makes one */
	char *memory;
	int fd; /* of the file while the region is made; the program may close and reuse any number later */
	dev_t dev;
	ino_t ino;
	char path[512];
	char comm[16]; /* as at the start */
	bool measuring; /* the clock's rate */
	bool exiting;   /* exit() was called */
	struct port_copy *copies;
	bool asked; /* CAIRN_TRACE was given: say what goes wrong, keep the file even if no event came */
	bool used;                      /* a stream was opened */
	uint32_t owner[CAIRN_MAX_CPUS]; /* tid of a stream's thread; 0 = free */
	pthread_key_t exit_key;
	pthread_mutex_t lock; /* taken with all signals blocked: of copies, free_staging, and of opening a CPU's stream */
	struct port_staging *free_staging;
	uint64_t cpu_retry_at; /* CLOCK_MONOTONIC_COARSE: a CPU's stream could not be opened */
	uint32_t claim[CAIRN_MAX_CPUS]; /* shared form: tid of the thread that is writing */
	uint64_t clock0, mono0, wall0;  /* taken together at the start */
	/* from the environment, as it was at the start */
	char dir[400];       /* absolute once it was opened; empty = the default */
	unsigned nr_streams; /* of threads; those of CPUs follow */
	unsigned nr_cpus;
	bool rseq;         /* CPUs' streams by restartable sequences, not by claims */
	bool per_cpu_only; /* no thread gets a stream of its own */
	size_t ring_bytes;
	enum cairn_mode mode;
};

/* This copy's, or that of the copy whose region is used (copies.c). */
CAIRN_PRIVATE extern struct cairn_process *cairn_process_used;
#define cairn_process (*cairn_process_used)

/* ---- port.c ---- */

CAIRN_PRIVATE uint64_t cairn_process_ns(clockid_t id);

CAIRN_PRIVATE void cairn_process_lock(struct port_locked *l);
CAIRN_PRIVATE void cairn_process_unlock(const struct port_locked *l);

/* The moment from which the clock's rate is measured. */
CAIRN_PRIVATE void cairn_process_clock_begin(void);

/* ---- file.c ---- */

CAIRN_PRIVATE void cairn_process_read_environment(void);

/* The region, made now if there is none. False: there is none to be had. All signals are blocked. */
CAIRN_PRIVATE bool cairn_process_region(bool at_start);

/* ---- streams.c ---- */

/* A stream of its own for this thread, or -1: all in use, or no room in the file system. All signals are blocked. */
CAIRN_PRIVATE int cairn_stream_take(uint32_t tid);

/* ---- share.c ---- */

/* How many streams there are for CPUs, and how they are written: the value of CAIRN_PER_CPU, or NULL. nr_streams is known. */
CAIRN_PRIVATE void cairn_share_configure(const char *per_cpu);

/* A staging area for this thread, which shares the CPUs' streams. NULL: no memory. All signals are blocked. */
CAIRN_PRIVATE struct port_staging *cairn_share_begin(uint32_t tid);

/* Whether it is this thread's: areas are never unmapped, and may have gone to another. */
CAIRN_PRIVATE bool cairn_share_is_of(const struct port_staging *s, uint32_t tid);

/* This copy uses it in this thread; NULL: none any more. */
CAIRN_PRIVATE void cairn_share_use(struct port_staging *s);
CAIRN_PRIVATE bool cairn_share_is_used(void);

/* At the thread's end. */
CAIRN_PRIVATE void cairn_share_end(struct port_staging *s);

/* In a forked child: whatever the parent's threads were doing there. */
CAIRN_PRIVATE void cairn_share_child(void);

/* ---- jump.c ---- */

/* Whether handlers run in frames of the kernel's here, before the first event. */
CAIRN_PRIVATE void cairn_jump_configure(void);

/* All signals, the C library's own too, by which threads are cancelled. */
CAIRN_PRIVATE void cairn_jump_hold_signals(uint64_t *before);
CAIRN_PRIVATE void cairn_jump_release_signals(const uint64_t *before);

/* Whether the writer whose stack pointer was `frame` (cairn_port_mark()) will not go on. All signals are held off; errno stays. */
CAIRN_PRIVATE bool cairn_jump_has_left(uint64_t frame);

/* ---- copies.c ---- */

/*
 * Whether another copy in this process has a region; then it is used from here on, and this image's events are registered there. Thread
 * context, before this image emits.
 */
CAIRN_PRIVATE bool cairn_copy_join(struct port_copy *own);
CAIRN_PRIVATE void cairn_copy_leave(struct port_copy *own);

/* This copy has, or will have, the region: others find it, and its code stays mapped. */
CAIRN_PRIVATE void cairn_copy_lead(struct port_copy *own);

/* ---- code.c ---- */

CAIRN_PRIVATE void cairn_code_begin(void);

#endif
