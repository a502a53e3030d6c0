/* SPDX-License-Identifier: MIT */
/*
 * Names of tasks at a moment: what task and switch events said up to then wins over the region's
 * table, which knows only the last name of each task.
 */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Learnt names, open addressing. At most one per task seen; a table this full stops learning. */
#define NAMES_LEARNT_MAX (1u << 20)

struct names_learnt {
	uint32_t pid;
	bool used;
	char comm[CAIRN_COMM_BYTES];
};

struct cairn_reader_names {
	struct cairn_name *table; /* sorted by pid */
	uint32_t nr_table;
	struct names_learnt *learnt;
	uint32_t size, nr; /* of learnt; size a power of two */
};

static int names_compare(const void *a, const void *b)
{
	const struct cairn_name *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->stamp < y->stamp ? -1 : x->stamp > y->stamp;
}

int cairn_reader_names_load(struct cairn_reader_names **out, const struct cairn_name *table,
			    uint32_t count)
{
	struct cairn_reader_names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->size = 64;
	n->learnt = calloc(n->size, sizeof(*n->learnt));
	n->table = malloc((count ? count : 1) * sizeof(*n->table));
	if (!n->learnt || !n->table) {
		cairn_reader_names_free(n);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct cairn_name *row = &table[i];
		if (row->version == 0 || (row->version & 1) || !row->comm[0])
			continue;
		n->table[n->nr_table] = *row;
		n->table[n->nr_table++].comm[CAIRN_COMM_BYTES - 1] = '\0';
	}
	if (n->nr_table)
		qsort(n->table, n->nr_table, sizeof(*n->table), names_compare);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < n->nr_table; i++) { /* the newest of equal pids */
		if (kept && n->table[kept - 1].pid == n->table[i].pid)
			kept--;
		n->table[kept++] = n->table[i];
	}
	n->nr_table = kept;
	*out = n;
	return 0;
}

void cairn_reader_names_free(struct cairn_reader_names *n)
{
	if (!n)
		return;
	free(n->table);
	free(n->learnt);
	free(n);
}

void cairn_reader_names_rewind(struct cairn_reader_names *n)
{
	memset(n->learnt, 0, n->size * sizeof(*n->learnt));
	n->nr = 0;
}

static struct names_learnt *names_slot(struct names_learnt *learnt, uint32_t size, uint32_t pid)
{
	uint32_t i = (pid * 2654435761u) & (size - 1);

	while (learnt[i].used && learnt[i].pid != pid)
		i = (i + 1) & (size - 1);
	return &learnt[i];
}

static void names_grow(struct cairn_reader_names *n)
{
	uint32_t size = n->size * 2;
	struct names_learnt *p = calloc(size, sizeof(*p));

	if (!p)
		return;
	for (uint32_t i = 0; i < n->size; i++)
		if (n->learnt[i].used)
			*names_slot(p, size, n->learnt[i].pid) = n->learnt[i];
	free(n->learnt);
	n->learnt = p;
	n->size = size;
}

static void names_set(struct cairn_reader_names *n, uint32_t pid, const uint8_t *comm,
		      uint32_t bytes)
{
	if (n->nr * 2 >= n->size && n->size < NAMES_LEARNT_MAX * 2)
		names_grow(n);
	if (n->nr * 2 >= n->size)
		return;
	struct names_learnt *slot = names_slot(n->learnt, n->size, pid);
	n->nr += !slot->used;
	slot->used = true;
	slot->pid = pid;
	bytes = bytes < CAIRN_COMM_BYTES - 1 ? bytes : CAIRN_COMM_BYTES - 1;
	memset(slot->comm, 0, sizeof(slot->comm));
	memcpy(slot->comm, comm, strnlen((const char *)comm, bytes));
}

static void names_learn_pair(struct cairn_reader_names *n, const struct cairn_reader_record *r,
			     const char *pid_field, const char *comm_field)
{
	const struct cairn_schema_field *pid = cairn_schema_event_field(r->event, pid_field);
	const struct cairn_schema_field *comm = cairn_schema_event_field(r->event, comm_field);
	const uint8_t *pid_at, *comm_at;
	uint32_t pid_bytes, comm_bytes;

	if (!pid || !comm || !comm->is_char || pid->kind != CAIRN_SCHEMA_INT || pid->size > 8 ||
	    !cairn_schema_field_bytes(pid, r->payload, r->bytes, &pid_at, &pid_bytes) ||
	    !cairn_schema_field_bytes(comm, r->payload, r->bytes, &comm_at, &comm_bytes))
		return;
	names_set(n, (uint32_t)cairn_reader_int(pid_at, pid_bytes, false), comm_at, comm_bytes);
}

void cairn_reader_names_learn(struct cairn_reader_names *n, const struct cairn_reader_record *r)
{
	if (!r->event)
		return;
	const char *name = r->event->full;
	if (strcmp(name, "sched:sched_switch") == 0) {
		names_learn_pair(n, r, "prev_pid", "prev_comm");
		names_learn_pair(n, r, "next_pid", "next_comm");
	} else if (strcmp(name, "task:task_newtask") == 0) {
		names_learn_pair(n, r, "pid", "comm");
	} else if (strcmp(name, "task:task_rename") == 0) {
		names_learn_pair(n, r, "pid", "newcomm");
	}
}

const char *cairn_reader_names_get(const struct cairn_reader_names *n, uint32_t pid)
{
	const struct names_learnt *slot = names_slot(n->learnt, n->size, pid);
	/*
	 * pid 0 is every CPU's idle task: what switches call them (swapper/0, ...) would overwrite
	 * each other
	 */
	if (pid && slot->used && slot->comm[0])
		return slot->comm;
	uint32_t low = 0, high = n->nr_table;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (n->table[mid].pid < pid)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < n->nr_table && n->table[low].pid == pid)
		return n->table[low].comm;
	return pid ? "<...>" : "<idle>";
}

bool cairn_reader_names_row(const struct cairn_reader_names *n, uint32_t i,
			    const struct cairn_name **row)
{
	if (i >= n->nr_table)
		return false;
	*row = &n->table[i];
	return true;
}
