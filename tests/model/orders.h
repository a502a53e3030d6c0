/* SPDX-License-Identifier: MIT */
/*
 * The orderings between CPUs that the model of the ring does not meet: the life of the region and of its parts, and the switches. The shipped core is
 * compiled with CAIRN_MODEL=1 and the __atomic builtins that it uses directly as calls into this test.
 *
 * One thread's run is recorded: every store, in program order, as *messages* of four bytes; plain stores are found by comparing memory at each
 * access. A message carries a view: all messages below it are known to whoever acquires it. The view of a release is its own number, that of any
 * other store the number at the last release fence.
 *
 * - Message passing: who acquires the flag must know all that it speaks of. Where the other side is in the core too, it then runs on memory that
 *   shows the flag and nothing else, until it acquires.
 * - Store buffering (two switches that each store, then look): both run on the memory before; the second sees of the first what the first stored
 *   before its last full fence, if the second executes a full fence before it looks. Words that both stored end as either would have it, unless
 *   the second knew. Both orders are tried.
 *
 * The tests are in orders.c.
 */
#ifndef CAIRN_TESTS_MODEL_ORDERS_H
#define CAIRN_TESTS_MODEL_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static bool orders_is_acquire(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL;
}

static uint64_t orders_rmw(volatile void *p, unsigned bytes, char what, uint64_t v, int order);
static uint64_t orders_load(const volatile void *p, unsigned bytes, int order);
static void orders_store(volatile void *p, unsigned bytes, uint64_t v, int order);
static bool orders_swap(volatile void *p, unsigned bytes, void *expected, uint64_t v, int order);
static uint64_t orders_exchange(volatile void *p, unsigned bytes, uint64_t v, int order);

#define __atomic_load_n(p, order)       ((__typeof__(*(p)))orders_load((p), sizeof(*(p)), (order)))
#define __atomic_store_n(p, v, order)   orders_store((p), sizeof(*(p)), (uint64_t)(v), (order))
#define __atomic_fetch_add(p, v, order) orders_rmw((p), sizeof(*(p)), '+', (uint64_t)(v), (order))
#define __atomic_fetch_or(p, v, order)  orders_rmw((p), sizeof(*(p)), '|', (uint64_t)(v), (order))
#define __atomic_fetch_and(p, v, order) orders_rmw((p), sizeof(*(p)), '&', (uint64_t)(v), (order))
#define __atomic_compare_exchange_n(p, expected, v, weak, order, failed) \
	orders_swap((p), sizeof(*(p)), (expected), (uint64_t)(v), (order))
#define __atomic_exchange_n(p, v, order) orders_exchange((p), sizeof(*(p)), (uint64_t)(v), (order))

#define CAIRN_CREATE_EVENTS
#include "cairn/cairn.h"

#include "check.h"

/* In the order of sources.txt. */
#include "core/region.c"
#include "core/meta.c"
#include "core/event.c"
#include "core/ring.c"
#include "core/recover.c"
#include "core/gate.c"
#include "core/block.c"
#include "core/buffer.c"
#include "core/flight.c"
#include "core/trace.c"
#include "core/read.c"
#include "core/key.c"
#include "core/names.c"
#include "core/text.c"
#include "core/event_text.c"

uint64_t whole_clock = 1000;
static unsigned orders_wakes;

void cairn_port_wake(unsigned cpu)
{
	(void)cpu;
	orders_wakes++;
}

CAIRN_EVENT(orders, one, (field, uint64_t, n), "n=%lu");
CAIRN_EVENT(orders, two, (field, uint32_t, n), "n=%u");

#define ORDERS_REGION   (256u << 10)
#define ORDERS_MESSAGES 65536u
#define ORDERS_AREAS    4u

static char orders_region[ORDERS_REGION] CAIRN_ALIGNED(4096);
static char orders_before[ORDERS_REGION], orders_shadow[ORDERS_REGION];

/* What is memory here; the region is the first. */
static struct orders_area {
	char *at;
	size_t bytes;
	char *before, *shadow;
} orders_areas[ORDERS_AREAS];
static char orders_small[6][sizeof(struct cairn_image) + sizeof(cairn_rings)];

struct orders_message {
	uint32_t *word;
	uint32_t value, number, view;
};

/* One thread's run. */
static struct orders_log {
	struct orders_message m[ORDERS_MESSAGES];
	uint32_t learned; /* number at the first full fence */
	uint32_t nr, next, fenced,
		full; /* messages, next number, number at the last release and full fence (0: none) */
} orders_first, orders_second;
static struct orders_log *orders_log; /* being recorded */

/* The second thread: what it does not know of yet. */
static const struct orders_log *orders_unseen;
static const void *orders_flag; /* acquiring this word shows .. */
static uint32_t orders_view;    /* .. all messages below */
static bool orders_depends;     /* .. even if relaxed: what follows depends on the address */
static bool orders_flag_loaded; /* by a relaxed load: an acquire fence acquires it */
static bool orders_swap_acquired;

/* ---- recording ---- */

static void orders_note(void *p, unsigned bytes, bool release)
{
	struct orders_log *l = orders_log;

	for (unsigned i = 0; i < bytes; i += 4) {
		CHECK_LT(l->nr, ORDERS_MESSAGES);
		l->m[l->nr] = (struct orders_message){(uint32_t *)(void *)((char *)p + i), 0,
						      l->next, release ? l->next : l->fenced};
		memcpy(&l->m[l->nr].value, (char *)p + i, 4);
		l->nr++;
	}
	l->next++;
	for (unsigned a = 0; a < ORDERS_AREAS; a++) {
		size_t off = (size_t)((char *)p - orders_areas[a].at);

		if (off < orders_areas[a].bytes)
			memcpy(orders_areas[a].shadow + off, p, bytes);
	}
}

/* Plain stores since the last access. */
static void orders_note_plain(void)
{
	if (!orders_log)
		return;
	for (unsigned a = 0; a < ORDERS_AREAS; a++) {
		struct orders_area *area = &orders_areas[a];

		for (size_t page = 0; page < area->bytes; page += 4096) {
			size_t end = page + 4096 < area->bytes ? page + 4096 : area->bytes;

			if (memcmp(area->at + page, area->shadow + page, end - page) == 0)
				continue;
			for (size_t at = page; at < end; at += 4)
				if (memcmp(area->at + at, area->shadow + at, 4) != 0)
					orders_note(area->at + at, 4, false);
		}
	}
}

static void orders_areas_set(void)
{
	orders_areas[0] =
		(struct orders_area){orders_region, ORDERS_REGION, orders_before, orders_shadow};
	orders_areas[1] = (struct orders_area){(char *)&cairn_image, sizeof(cairn_image),
					       orders_small[0], orders_small[1]};
	orders_areas[2] = (struct orders_area){(char *)cairn_rings, sizeof(cairn_rings),
					       orders_small[2], orders_small[3]};
	orders_areas[3] = (struct orders_area){(char *)&cairn_ring_orders, sizeof(cairn_ring_orders),
					       orders_small[4], orders_small[5]};
}

/* Record from here. */
static void orders_record(struct orders_log *l)
{
	for (unsigned a = 0; a < ORDERS_AREAS; a++) {
		memcpy(orders_areas[a].before, orders_areas[a].at, orders_areas[a].bytes);
		memcpy(orders_areas[a].shadow, orders_areas[a].at, orders_areas[a].bytes);
	}
	l->nr = 0;
	l->next = 1;
	l->fenced = l->full = l->learned = 0;
	orders_log = l;
}

static void orders_stop_recording(void)
{
	orders_note_plain();
	orders_log = NULL;
}

/* Memory as it was when the recording began. */
static void orders_rewind(void)
{
	for (unsigned a = 0; a < ORDERS_AREAS; a++)
		memcpy(orders_areas[a].at, orders_areas[a].before, orders_areas[a].bytes);
}

/* ---- the other side ---- */

static bool orders_stored(const struct orders_log *l, const uint32_t *word)
{
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->m[i].word == word)
			return true;
	return false;
}

/* Number of a thread's last store to a word. */
static uint32_t orders_last_number(const struct orders_log *l, const uint32_t *word)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < l->nr; i++)
		if (l->m[i].word == word)
			number = l->m[i].number;
	return number;
}

/* What the first thread stored below `view` becomes visible to the second. */
static void orders_show(uint32_t view)
{
	const struct orders_log *l = orders_unseen;

	orders_note_plain();
	for (uint32_t i = 0; l && i < l->nr; i++) {
		if (l->m[i].number >= view ||
		    (orders_log && orders_stored(orders_log, l->m[i].word)))
			continue;
		memcpy(l->m[i].word, &l->m[i].value, 4);
		for (unsigned a = 0; a < ORDERS_AREAS; a++) {
			size_t off = (size_t)((char *)l->m[i].word - orders_areas[a].at);

			if (off < orders_areas[a].bytes)
				memcpy(orders_areas[a].shadow + off, l->m[i].word, 4);
		}
	}
}

static uint64_t orders_value(const volatile void *p, unsigned bytes)
{
	return bytes == 8 ? *(const volatile uint64_t *)p : *(const volatile uint32_t *)p;
}

/* The flag was loaded with acquire; once. */
static void orders_acquire(void)
{
	orders_show(orders_view);
	orders_flag = NULL;
	orders_flag_loaded = false;
	orders_unseen = NULL;
}

static uint64_t orders_load(const volatile void *p, unsigned bytes, int order)
{
	uint64_t v;

	orders_note_plain();
	v = orders_value(p, bytes);
	if (p == orders_flag && (order == __ATOMIC_ACQUIRE || orders_depends))
		orders_acquire();
	else if (p == orders_flag)
		orders_flag_loaded = true;
	return v;
}

static void orders_store(volatile void *p, unsigned bytes, uint64_t v, int order)
{
	orders_note_plain();
	if (bytes == 8)
		*(volatile uint64_t *)p = v;
	else
		*(volatile uint32_t *)p = (uint32_t)v;
	if (orders_log)
		orders_note((void *)(uintptr_t)p, bytes,
			    order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL);
}

static uint64_t orders_rmw(volatile void *p, unsigned bytes, char what, uint64_t v, int order)
{
	uint64_t old = orders_value(p, bytes);

	orders_store(p, bytes, what == '+' ? old + v : what == '|' ? (old | v) : (old & v), order);
	return old;
}

static bool orders_swap(volatile void *p, unsigned bytes, void *expected, uint64_t v, int order)
{
	if (memcmp((const void *)(uintptr_t)p, expected, bytes) != 0) {
		memcpy(expected, (const void *)(uintptr_t)p, bytes);
		return false;
	}
	orders_swap_acquired = orders_is_acquire(order);
	orders_store(p, bytes, v, order);
	if (p == orders_flag && orders_is_acquire(order))
		orders_acquire();
	return true;
}

static uint64_t orders_exchange(volatile void *p, unsigned bytes, uint64_t v, int order)
{
	uint64_t old = orders_value(p, bytes);

	orders_store(p, bytes, v, order);
	if (p == orders_flag && orders_is_acquire(order))
		orders_acquire();
	return old;
}

uint64_t cairn_model_load(const volatile void *p, unsigned bytes, enum cairn_order order)
{
	return orders_load(p, bytes, order == CAIRN_ACQUIRE ? __ATOMIC_ACQUIRE : __ATOMIC_RELAXED);
}

void cairn_model_store(volatile void *p, unsigned bytes, uint64_t v, enum cairn_order order)
{
	orders_store(p, bytes, v, order == CAIRN_RELEASE ? __ATOMIC_RELEASE : __ATOMIC_RELAXED);
}

bool cairn_model_cas(volatile uint64_t *p, uint64_t old_value, uint64_t new_value)
{
	return orders_swap(p, 8, &old_value, new_value, __ATOMIC_RELAXED);
}

void cairn_model_inc(volatile uint64_t *p)
{
	orders_store(p, 8, *p + 1, __ATOMIC_RELAXED);
}

void cairn_model_fence(enum cairn_order order)
{
	orders_note_plain();
	if (orders_flag_loaded && order == CAIRN_ACQUIRE)
		orders_acquire();
	if (orders_log && order != CAIRN_ACQUIRE)
		orders_log->fenced = orders_log->next;
	if (orders_log && order == CAIRN_FULL)
		orders_log->full = orders_log->next;
	if (orders_log && order == CAIRN_FULL && !orders_log->learned)
		orders_log->learned = orders_log->next;
	if (orders_unseen && order == CAIRN_FULL)
		orders_show(orders_unseen->full);
}

/* ---- questions ---- */

/* Whoever knows all messages below `view` knows the last value of these bytes. */
static bool orders_known(const void *p, size_t bytes, uint32_t view)
{
	for (uint32_t i = 0; i < orders_first.nr; i++) {
		size_t off = (size_t)((const char *)orders_first.m[i].word - (const char *)p);

		if (off < bytes && orders_first.m[i].number >= view)
			return false;
	}
	return true;
}

/* The n-th message to a word, from 0; NULL if there is none. */
static const struct orders_message *orders_message(const void *word, unsigned n)
{
	for (uint32_t i = 0; i < orders_first.nr; i++)
		if (orders_first.m[i].word == word && n-- == 0)
			return &orders_first.m[i];
	return NULL;
}

static const struct orders_message *orders_last_message(const void *word)
{
	const struct orders_message *last = NULL;

	for (unsigned n = 0; orders_message(word, n); n++)
		last = orders_message(word, n);
	return last;
}

static int orders_init_with(bool rings_later, unsigned max_buffers)
{
	const struct cairn_config c = {.memory = orders_region,
				       .memory_bytes = ORDERS_REGION,
				       .nr_cpus = 1,
				       .rings_later = rings_later,
				       .ring_bytes = 8192,
				       .metadata_bytes = 32768,
				       .max_events = 32,
				       .max_names = 16,
				       .max_buffers = max_buffers,
				       .arena_bytes = max_buffers > 1 ? 65536 : 0,
				       .clock_hz = 1000000000,
				       .name = "orders"};

	return cairn_init(&c);
}

static int orders_init(bool rings_later)
{
	return orders_init_with(rings_later, 1);
}

static void orders_begin(void)
{
	orders_log = NULL;
	orders_unseen = NULL;
	orders_flag = NULL;
	orders_depends = false;
	orders_flag_loaded = false;
	cairn_detach();
	cairn_store32(&cairn_image.paused, 0);
	memset(&cairn_ring_orders, 0, sizeof(cairn_ring_orders));
	memset(orders_region, 0, sizeof(orders_region));
	/* a store of the value that is there already would not be seen */
	memset(&cairn_image.plan, 0, sizeof(cairn_image.plan));
	cairn_image.state = NULL;
	cairn_image.metadata = NULL;
	cairn_image.entries = NULL;
	cairn_image.names = NULL;
	cairn_image.rings = NULL;
	cairn_image.closed = NULL;
	orders_areas_set();
}

#endif
