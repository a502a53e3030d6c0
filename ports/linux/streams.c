/* SPDX-License-Identifier: MIT */
/* The streams of threads: a pool. A thread takes one at its first event and gives it back when it ends, or is found to have ended. */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The stream, now this thread's, or -1: in use, or no room in the file system. */
static int port_try_stream(unsigned i, uint32_t tid)
{
	uint32_t free_owner = 0, task = tid & CAIRN_TASK_PID_MASK;
	int err;

	if (__atomic_load_n(&cairn_process.owner[i], __ATOMIC_RELAXED) ||
	    !__atomic_compare_exchange_n(&cairn_process.owner[i], &free_owner, tid, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return -1; /* ORDER stream:B, pairs with stream:A */
	err = CAIRN_LOAD_PTR(&cairn_rings[i]) ? cairn_ring_hand_over(i, task)
					      : cairn_ring_open(i, task);
	if (!err)
		return (int)i;
	/*
	 * ORDER stream:A / stream:B
	 *   all that a thread wrote to its stream, then owner = 0; who takes the stream goes on where it ended.
	 */
	__atomic_store_n(&cairn_process.owner[i], 0, __ATOMIC_RELEASE); /* ORDER stream:A, pairs with stream:B */
	return -1;
}

/* Free the streams of threads that ended without their destructor, or emitted once more after its last round. */
static bool port_reclaim(void)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < cairn_process.nr_streams; i++) {
		uint32_t tid = __atomic_load_n(&cairn_process.owner[i], __ATOMIC_RELAXED);

		if (tid && syscall(SYS_tgkill, getpid(), (int)tid, 0) < 0 &&
		    errno == ESRCH &&
		    __atomic_compare_exchange_n(&cairn_process.owner[i], &tid, 0, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			any = true; /* ORDER stream:A, pairs with stream:B; the kernel ended the thread before it said ESRCH */
	}
	return any;
}

/* One that is open, before a new one takes memory. */
static int port_look_for_stream(uint32_t tid)
{
	bool reclaimed = false;
	unsigned i;

	for (i = 0; i < cairn_process.nr_streams; i++) {
		bool fresh = !CAIRN_LOAD_PTR(&cairn_rings[i]); /* a hint: the owner word decides */
		int stream;

		if (fresh && !reclaimed) {
			reclaimed = true;
			if (port_reclaim()) {
				i = ~0u; /* from the first again */
				continue;
			}
		}
		stream = port_try_stream(i, tid);
		if (stream >= 0)
			return stream;
		if (fresh && !CAIRN_LOAD_PTR(&cairn_rings[i]) &&
		    !__atomic_load_n(&cairn_process.owner[i], __ATOMIC_RELAXED))
			return -1; /* no room in the file system: none for the next one either */
	}
	return -1;
}

int cairn_stream_take(uint32_t tid)
{
	int stream;

	do
		stream = port_look_for_stream(tid);
	while (stream < 0 && port_reclaim());
	return stream;
}
