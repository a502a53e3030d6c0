/* SPDX-License-Identifier: MIT */
/*
 * Names of tasks: the table NAMES, and the task events that keep its history in the stream.
 *
 * A slot is written between two increments of its version; a writer that finds it odd gives up. Direct-mapped by pid with four probes;
 * the place of the pid itself, else an empty one, else the oldest of the four.
 */
#define CAIRN_CREATE_EVENTS
#include "../include/cairn/events/task.h"

#include "region.h"
#include "text.h"

/* The slot to write for `pid`; *known tells whether it holds this pid already. */
static struct cairn_name *names_slot(uint32_t pid, bool *known)
{
	unsigned i, nr = cairn_image.plan.max_names, first = cairn_name_slot(pid, nr);
	unsigned probes = nr < CAIRN_NAME_PROBES ? nr : CAIRN_NAME_PROBES;
	struct cairn_name *best = NULL;

	*known = false;
	for (i = 0; i < probes; i++) {
		struct cairn_name *n = &cairn_image.names[(first + i) & (nr - 1)];

		if (cairn_load32(&n->version) && cairn_load32(&n->pid) == pid) {
			*known = true;
			return n;
		}
		if (best && !cairn_load32(&best->version))
			continue;
		if (!best || !cairn_load32(&n->version) ||
		    (int32_t)(cairn_load32(&n->stamp) - cairn_load32(&best->stamp)) < 0)
			best = n;
	}
	return best;
}

/* Write the slot unless somebody else is writing it. Its old comm goes to `before`. */
static bool names_write(struct cairn_name *n, uint32_t pid, uint32_t tgid, const char *comm,
			char *before)
{
	uint32_t version = cairn_load32(&n->version), stamp;

	/*
	 * ORDER name:A / read:H
	 *   odd, the words, even; a reader takes the words if it saw the same even version before and after its copy.
	 */
	if ((version & 1) || !__atomic_compare_exchange_n(&n->version, &version, version + 1, false,
							  __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false; /* ORDER name:A, pairs with read:H (tool) */
	cairn_fence_release();
	cairn_text_clip(before, n->comm, CAIRN_COMM_BYTES);
	cairn_store32(&n->pid, pid);
	cairn_store32(&n->tgid, tgid);
	stamp = cairn_load32(&cairn_image.name_stamp) +
		1; /* may repeat between CPUs: it only tells old from new */
	cairn_store32(&cairn_image.name_stamp, stamp);
	cairn_store32(&n->stamp, stamp);
	cairn_text_clip(n->comm, comm, CAIRN_COMM_BYTES);
	version += 2;
	cairn_store32_release(&n->version, version ? version : 2);
	return true;
}

void cairn_task_name(uint32_t pid, uint32_t tgid, const char *comm)
{
	char before[CAIRN_COMM_BYTES], now[CAIRN_COMM_BYTES];
	struct cairn_name *n;
	bool known;

	if (!__atomic_load_n(&cairn_image.region,
			     __ATOMIC_ACQUIRE)) /* ORDER region:B, pairs with region:A */
		return;
	cairn_text_clip(now, comm, sizeof(now));
	n = names_slot(pid, &known);
	if (!names_write(n, pid, tgid, comm, before)) {
		__atomic_fetch_add(&cairn_image.state->names_dropped, 1, __ATOMIC_RELAXED);
		cairn_text_clip(before, "", sizeof(before));
	}
	if (known)
		cairn_trace_task_rename((int32_t)pid, before, now, 0);
	else
		cairn_trace_task_newtask((int32_t)pid, now, 0, 0);
}
