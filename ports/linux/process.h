/* SPDX-License-Identifier: MIT */
/*
 * What the parts of this port share: the state of this process. Private to ports/linux.
 *
 *	port.c		begins and ends with the program, finds each thread a stream, survives fork
 *	file.c		the region's file
 *	streams.c	the pool of threads' streams
 *	share.c		streams of CPUs, for threads beyond the pool		percpu.h	their writer
 *	jump.c		events that were left by siglongjmp, or by a thread that ended
 *	code.c		writing program text
 */
#ifndef CAIRN_PORT_LINUX_PROCESS_H
#define CAIRN_PORT_LINUX_PROCESS_H

#include "../../include/cairn/cairn.h"

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

#define PORT_RETRY_NS 10000000 /* who got no stream asks again after this long */

enum { PORT_NO_REGION, PORT_OPENING, PORT_REGION, PORT_REFUSED };

/* In a signal handler nothing may be allocated for a thread's variables. */
#define PORT_TLS __attribute__((__tls_model__("initial-exec")))

struct port_staging; /* share.c */

struct cairn_process {
	uint32_t region; /* PORT_NO_REGION: the next event makes one */
	char *memory;
	int fd; /* of the file while the region is made; the program may close and reuse any number later */
	dev_t dev;
	ino_t ino;
	char path[512];
	char comm[16]; /* as at the start */
	bool asked; /* CAIRN_TRACE was given: say what goes wrong, keep the file even if no event came */
	bool used;                      /* a stream was opened */
	uint32_t owner[CAIRN_MAX_CPUS]; /* tid of a stream's thread; 0 = free */
	pthread_key_t exit_key;
	pthread_mutex_t
		lock; /* taken with all signals blocked: of free_staging, and of opening a CPU's stream */
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

CAIRN_PRIVATE extern struct cairn_process cairn_process;

/* ---- port.c ---- */

CAIRN_PRIVATE uint64_t cairn_process_ns(clockid_t id);

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

/* This thread shares the CPUs' streams from here on. False: no memory. All signals are blocked. */
CAIRN_PRIVATE bool cairn_share_begin(uint32_t tid);
CAIRN_PRIVATE bool cairn_share_is_used(void);

/* At the thread's end. */
CAIRN_PRIVATE void cairn_share_end(void);

/* In a forked child: whatever the parent's threads were doing there. */
CAIRN_PRIVATE void cairn_share_child(void);

/* ---- jump.c ---- */

/* All signals, the C library's own too, by which threads are cancelled. */
CAIRN_PRIVATE void cairn_jump_hold_signals(uint64_t *before);
CAIRN_PRIVATE void cairn_jump_release_signals(const uint64_t *before);

/* Whether the writer whose stack pointer was `frame` (cairn_port_mark()) will not go on. All signals are held off. */
CAIRN_PRIVATE bool cairn_jump_has_left(uint64_t frame);

/* ---- code.c ---- */

CAIRN_PRIVATE void cairn_code_begin(void);

#endif
