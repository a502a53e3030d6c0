/* SPDX-License-Identifier: MIT */
/*
 * Buffers: which rings there are, and the requests by which CPUs go over from one ring to another. The CPU's side of that is ring_exchange() in
 * ring.c; the blocks and the memory that rings are made of: block.c.
 *
 *	request		r->successor: the CPU of r is to go over to that block, at its next event or tick
 *
 * Invariants B1 to B4: block.c.
 *	B5 A stream is asked for one exchange at a time: not again before the CPU has set the last word of the one before.
 *
 * Ordering between CPUs
 *	request:A / request:B	block prepared, then r->successor (ring.c)
 *	stop:A / open:B		r->successor, then limit, full fence between (ring.c)
 *	off:A / off:B		see cairn_buffer_follow_switch()
 *	attach:A / attach:B	instance: block set aside, then is there a main ring; opener: main ring, then what is set aside. Full fences.
 *	leaving:A / leaving:B	that an instance goes, then its pointers (gate.c)
 *	quiet:A / quiet:B	see block.c
 *	busy:A / busy:B		all that one caller changed, then the lock is free
 */
#include "buffer.h"

#include "block.h"
#include "region.h"
#include "ring.h"
#include "text.h"

enum { BUFFER_TRIES = 1000 };

struct cairn_ring **cairn_buffer_slot(unsigned buffer, unsigned cpu)
{
#if CAIRN_MAX_BUFFERS > 1
	if (buffer)
		return &cairn_image.control.rings[buffer - 1][cpu];
#else
	(void)buffer;
#endif
	return &cairn_rings[cpu];
}

/* The ring in which a CPU is, and all that it did before it went there. */
static struct cairn_ring *buffer_current(unsigned buffer, unsigned cpu)
{
	return __atomic_load_n(cairn_buffer_slot(buffer, cpu), __ATOMIC_ACQUIRE); /* ORDER ring:B, pairs with ring:A */
}

static struct cairn_buffer_row *buffer_row(unsigned buffer)
{
	return &cairn_image.buffers[buffer];
}

/* Buffers with rings of their own that writers reach; a snapshot has none. */
static bool buffer_is_written(unsigned buffer)
{
	uint32_t kind;

	if (!cairn_image.region || buffer >= cairn_image.plan.max_buffers)
		return false;
	kind = cairn_load32(&buffer_row(buffer)->kind);
	return (kind == CAIRN_BUFFER_MAIN || kind == CAIRN_BUFFER_INSTANCE) && !(cairn_load32(&cairn_image.control.leaving) >> buffer & 1);
}

/* What public functions begin with: 0, CAIRN_EIO or CAIRN_EINVAL. */
static int buffer_check(unsigned buffer)
{
	if (!cairn_image.region)
		return CAIRN_EIO;
	return buffer_is_written(buffer) ? 0 : CAIRN_EINVAL;
}

/* Where the CPU of `r` is asked to go on, or has gone; NULL: nowhere. */
static struct cairn_ring *buffer_successor(const struct cairn_ring *r)
{
	return (struct cairn_ring *)(uintptr_t)(cairn_load64(&r->successor) & ~CAIRN_SUCCESSOR_TAKEN);
}

/* CPUs whose rings can be exchanged. */
static unsigned buffer_nr_cpus(void)
{
	return cairn_image.plan.nr_cpus - cairn_image.plan.nr_fixed;
}

static bool buffer_lock(void)
{
	unsigned tries;

	for (tries = 0; tries < BUFFER_TRIES; tries++) {
		if (!__atomic_exchange_n(&cairn_image.control.busy, 1, __ATOMIC_ACQUIRE)) /* ORDER busy:B, pairs with busy:A */
			return true;
	}
	return false;
}

static void buffer_unlock(void)
{
	/* ORDER busy:A / busy:B: all that one caller changed, then busy = 0 */
	__atomic_store_n(&cairn_image.control.busy, 0, __ATOMIC_RELEASE); /* ORDER busy:A, pairs with busy:B */
}

/* ---- requests ---- */

bool cairn_buffer_wants_on(unsigned buffer)
{
	return cairn_is_tracing_on() && buffer_is_written(buffer) && !cairn_load32(&buffer_row(buffer)->paused);
}

/* Fresh settings of the buffer for the ring that will go on; the level of waking is a share of its size. */
static void buffer_fit_out(struct cairn_ring *n, const struct cairn_ring *r)
{
	uint64_t old_bytes = r->ring_mask + 1, level = r->wake_bytes;

	n->wake_bytes = old_bytes > n->ring_mask + 1 ? level / (old_bytes / (n->ring_mask + 1)) : level * ((n->ring_mask + 1) / old_bytes);
}

void cairn_buffer_follow_switch(struct cairn_ring *r)
{
	bool on;

	do {
		on = cairn_buffer_wants_on(cairn_load32(&r->buffer));
		if (!on)
			cairn_ring_stop(r);
		else if (!cairn_load32(&r->enabled))
			cairn_ring_start(r);
		/*
		 * ORDER off:A / off:B
		 *   what leads to the ring (pointer, request), and what was done to it, then what the switches say; who turns one: the switch,
		 *   then what leads to rings. One of the two sees the other's store.
		 */
		cairn_fence_full(); /* ORDER off:A, pairs with off:B */
	} while (cairn_buffer_wants_on(cairn_load32(&r->buffer)) != on);
}

/* Ask the CPU of `r` to go on in `n`; what `r` holds belongs to buffer `then` from here on. */
static void buffer_ask(struct cairn_ring *r, struct cairn_ring *n, unsigned then)
{
	buffer_fit_out(n, r);
	cairn_store32(&n->enabled, cairn_buffer_wants_on(n->buffer)); /* what its first events find */
	cairn_store32(&r->then, then);
	/*
	 * ORDER request:A / request:B
	 *   the block whole, then its address.
	 */
	cairn_store64_release(&r->successor, (uint64_t)(uintptr_t)n); /* ORDER request:A, pairs with request:B (ring.c) */
	cairn_fence_full();					       /* ORDER stop:A, pairs with open:B (ring.c) */
	cairn_ring_pull(r);
	cairn_buffer_follow_switch(n);
}

/* Take the request back. The block that was asked for, or NULL: the CPU has gone over, or is at it. */
static struct cairn_ring *buffer_take_back(struct cairn_ring *r)
{
	uint64_t n = cairn_load64(&r->successor);

	if (!n || n & CAIRN_SUCCESSOR_TAKEN ||
	    !__atomic_compare_exchange_n(&r->successor, &n, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return NULL;
	return (struct cairn_ring *)(uintptr_t)n;
}

/* Whether the CPU is still in the middle of coming to `n`: the ring that it leaves for it says so before the pointer leads to n. */
static bool buffer_is_being_begun(const struct cairn_ring *n)
{
	const struct cairn_ring *r;

	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		if (cairn_load32(&r->state) == CAIRN_RING_FROZEN && !cairn_block_was_left(r) &&
		    cairn_load64(&r->successor) == ((uint64_t)(uintptr_t)n | CAIRN_SUCCESSOR_TAKEN))
			return true;
	}
	return false;
}

/* B5: whether the CPU's ring can be asked, or the request that waits for it be changed. */
static bool buffer_can_ask(const struct cairn_ring *r)
{
	return !(cairn_load64(&r->successor) & CAIRN_SUCCESSOR_TAKEN) && !(cairn_load64(&r->pos) & CAIRN_POS_RETIRED) &&
	       !buffer_is_being_begun(r);
}

static uint64_t buffer_size_to_come(const struct cairn_ring *r)
{
	const struct cairn_ring *n = buffer_successor(r);

	return (n ? n : r)->ring_mask + 1;
}

/* The ring set aside by the last snapshot of buffer, once its CPU has gone over. */
static struct cairn_ring *buffer_frozen(unsigned snapshot, unsigned cpu)
{
	struct cairn_ring *r;

	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		if (cairn_load32(&r->state) == CAIRN_RING_FROZEN && cairn_load32(&r->then) == snapshot && r->cpu == cpu)
			return r;
	}
	return NULL;
}

/* Whether the CPU of some ring is asked to go on in `n`. A ring that was left keeps the address of where it went: it asks for nothing. */
static bool buffer_is_asked_for(const struct cairn_ring *n)
{
	const struct cairn_ring *r;

	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		uint32_t state = cairn_load32(&r->state);

		if (buffer_successor(r) == n &&
		    (state == CAIRN_RING_LIVE || (state == CAIRN_RING_FROZEN && !cairn_block_was_left(r))))
			return true;
	}
	return false;
}

/* Give up what was prepared and not asked for. */
static void buffer_undo(unsigned buffer)
{
	struct cairn_ring *r;

	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		uint32_t prepared = CAIRN_RING_PREPARED;

		if (cairn_load32(&r->state) != CAIRN_RING_PREPARED || r->buffer != buffer || buffer_is_asked_for(r))
			continue;
		if (buffer_is_written(buffer) && !buffer_current(buffer, r->cpu))
			continue; /* it waits for its CPU's main ring to be opened (cairn_buffers_attach()) */
		/* Nobody asks any more: or its CPU has gone over while we looked (which retired:B has then shown us), or opens it just now */
		if (__atomic_compare_exchange_n(&r->state, &prepared, CAIRN_RING_UNUSED, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			cairn_block_pool(r);
	}
}

/* PREPARED for this CPU and no request for it, or NULL. */
static struct cairn_ring *buffer_prepared(unsigned buffer, unsigned cpu, uint64_t ring_bytes)
{
	struct cairn_ring *n = cairn_block_take(buffer, cpu, ring_bytes);

	if (!n || !cairn_block_dress(n))
		return n;
	cairn_block_pool(n);
	return NULL;
}

int cairn_buffer_resize(unsigned buffer, unsigned cpu, size_t ring_bytes)
{
	const struct cairn_plan *p = &cairn_image.plan;
	unsigned first = cpu == CAIRN_ALL_CPUS ? 0 : cpu, last = cpu == CAIRN_ALL_CPUS ? buffer_nr_cpus() : cpu + 1, i;
	uint64_t bytes;
	int err = buffer_check(buffer);

	if (err)
		return err;
	if (!ring_bytes || first >= buffer_nr_cpus())
		return CAIRN_EINVAL;
	if (ring_bytes > p->arena_bytes)
		return CAIRN_ERANGE;
	bytes = cairn_region_ring_bytes(ring_bytes, cairn_image.plan.packet_bytes);
	if (!buffer_lock())
		return CAIRN_EBUSY;
	cairn_blocks_settle();
	for (i = first; i < last; i++) {
		struct cairn_ring *r = buffer_current(buffer, i);

		if (r)
			r->next = 0;
		if (!r || buffer_size_to_come(r) == bytes)
			continue;
		if (!buffer_can_ask(r)) {
			err = CAIRN_EBUSY;
			goto undo;
		}
		r->next = (uint64_t)(uintptr_t)buffer_prepared(buffer, i, bytes);
		if (!r->next) {
			err = CAIRN_ENOMEM;
			goto undo;
		}
	}
	for (i = first; i < last; i++) {
		/* may be another ring than above: its CPU did what had been asked for before, then it has no `next` */
		struct cairn_ring *r = buffer_current(buffer, i), *n, *old;

		if (!r)
			continue;
		n = (struct cairn_ring *)(uintptr_t)r->next;
		r->next = 0;
		old = n ? buffer_take_back(r) : NULL;
		if (old)
			cairn_block_pool(old);
		if (n && !cairn_load64(&r->successor))
			buffer_ask(r, n, old ? cairn_load32(&r->then) : CAIRN_BUFFER_NONE);
		if (buffer_size_to_come(r) != bytes)
			err = CAIRN_EBUSY;
	}
	if (cpu == CAIRN_ALL_CPUS)
		buffer_row(buffer)->ring_bytes = bytes;
undo:
	buffer_undo(buffer);
	buffer_unlock();
	return err;
}

int64_t cairn_buffer_ring_bytes(unsigned buffer, unsigned cpu)
{
	int err = buffer_check(buffer);
	struct cairn_ring *r;

	if (err)
		return err;
	if (cpu >= cairn_image.plan.nr_cpus)
		return CAIRN_EINVAL;
	r = buffer_current(buffer, cpu);
	return r ? (int64_t)buffer_size_to_come(r) : 0;
}

/* ---- snapshots ---- */

static int buffer_find_snapshot(unsigned buffer)
{
	unsigned i;

	for (i = 1; i < cairn_image.plan.max_buffers; i++) {
		if (buffer_row(i)->kind == CAIRN_BUFFER_SNAPSHOT && buffer_row(i)->parent == buffer)
			return (int)i;
	}
	return CAIRN_ENOENT;
}

static int buffer_find_free_row(void)
{
	unsigned i;

	for (i = 1; i < cairn_image.plan.max_buffers; i++) {
		if (buffer_row(i)->kind == CAIRN_BUFFER_UNUSED && !(cairn_load32(&cairn_image.control.leaving) >> i & 1))
			return (int)i;
	}
	return CAIRN_ENOMEM;
}

/* Whether the ring of the snapshot before, `f`, can be the one in which the CPU of `r` goes on. */
static bool buffer_can_renew(const struct cairn_ring *f, const struct cairn_ring *r)
{
	return f && f->ring_mask == r->ring_mask && f->buffer == r->buffer && cairn_block_was_left(f) && !cairn_load64(&f->reader);
}

/* What the snapshot before held of this CPU is given up; its ring serves again, or another one that was prepared. NULL: there is none. */
static struct cairn_ring *buffer_renew(struct cairn_ring *r, unsigned snapshot)
{
	struct cairn_ring *f = buffer_frozen(snapshot, r->cpu);
	struct cairn_ring *n = (struct cairn_ring *)(uintptr_t)r->next;

	r->next = 0;
	if (!n && buffer_can_renew(f, r) && cairn_block_keep_from_readers(f))
		cairn_block_pool(f);
	else if (f)
		cairn_store32(&f->then, CAIRN_BUFFER_NONE);
	return n ? n : buffer_prepared(r->buffer, r->cpu, r->ring_mask + 1);
}

/* *asked: there is a snapshot, if an error comes then not of all CPUs. */
static int buffer_snapshot(unsigned buffer, unsigned snapshot, bool *asked)
{
	unsigned i;
	int err = 0;

	/* what may fail comes first */
	for (i = 0; i < buffer_nr_cpus(); i++) {
		struct cairn_ring *r = buffer_current(buffer, i);

		if (!r)
			continue;
		r->next = 0;
		if (!buffer_can_ask(r))
			return CAIRN_EBUSY;
		if (cairn_load64(&r->successor) || buffer_can_renew(buffer_frozen(snapshot, i), r))
			continue;
		r->next = (uint64_t)(uintptr_t)buffer_prepared(buffer, i, r->ring_mask + 1);
		if (!r->next)
			return CAIRN_ENOMEM;
	}
	*asked = true;
	for (i = 0; i < buffer_nr_cpus(); i++) {
		struct cairn_ring *r = buffer_current(buffer, i), *n;

		if (!r)
			continue;
		if (cairn_load64(&r->successor)) {
			/*
			 * Asked before, and nothing written since: by a resize, then the old ring is the snapshot instead of being given up; by
			 * the snapshot before, then this one is empty here.
			 */
			if (cairn_load32(&r->then) == snapshot)
				cairn_ring_give_up(r);
			cairn_store32(&r->then, snapshot);
			continue;
		}
		n = buffer_can_ask(r) ? buffer_renew(r, snapshot) : NULL;
		if (n)
			buffer_ask(r, n, snapshot);
		else
			err = CAIRN_EBUSY; /* it does just now what had been asked for before */
	}
	return err;
}

int cairn_buffer_snapshot(unsigned buffer)
{
	int snapshot, err = buffer_check(buffer);
	bool fresh, asked = false;

	if (err)
		return err;
	if (!buffer_lock())
		return CAIRN_EBUSY;
	cairn_blocks_settle();
	snapshot = buffer_find_snapshot(buffer);
	fresh = snapshot < 0;
	if (fresh)
		snapshot = buffer_find_free_row();
	err = snapshot < 0 ? snapshot : buffer_snapshot(buffer, (unsigned)snapshot, &asked);
	if (err)
		buffer_undo(buffer);
	if (err && !asked) {
		buffer_unlock();
		return err;
	}
	if (fresh) {
		struct cairn_buffer_row *row = buffer_row((unsigned)snapshot);

		cairn_text_clip(row->name, "snapshot", sizeof(row->name));
		row->parent = buffer;
		row->mode = buffer_row(buffer)->mode;
		row->ring_bytes = buffer_row(buffer)->ring_bytes;
		cairn_store32(&row->kind, CAIRN_BUFFER_SNAPSHOT);
	}
	cairn_store64(&buffer_row((unsigned)snapshot)->taken_at, cairn_now());
	buffer_unlock();
	return err ? err : snapshot;
}

struct cairn_ring *cairn_buffer_snapshot_ring(unsigned buffer, unsigned cpu)
{
	int snapshot = buffer_is_written(buffer) ? buffer_find_snapshot(buffer) : CAIRN_EINVAL;
	struct cairn_ring *r = snapshot < 0 ? NULL : buffer_frozen((unsigned)snapshot, cpu);

	return r && cairn_block_was_left(r) ? r : NULL;
}

static void buffer_free_snapshot(unsigned snapshot)
{
	struct cairn_ring *r;

	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		/* of those whose CPU has not gone over yet, too: what they hold is given up when it does */
		if (cairn_load32(&r->then) == snapshot && (cairn_load32(&r->state) == CAIRN_RING_FROZEN || cairn_load64(&r->successor)))
			cairn_store32(&r->then, CAIRN_BUFFER_NONE);
	}
	cairn_store32(&buffer_row(snapshot)->kind, CAIRN_BUFFER_UNUSED);
	cairn_blocks_settle();
}

int cairn_buffer_snapshot_free(unsigned buffer)
{
	int snapshot, err = buffer_check(buffer);

	if (err)
		return err;
	if (!buffer_lock())
		return CAIRN_EBUSY;
	snapshot = buffer_find_snapshot(buffer);
	if (snapshot >= 0)
		buffer_free_snapshot((unsigned)snapshot);
	buffer_unlock();
	return 0;
}

/* ---- instances ---- */

int cairn_buffer_find(const char *name)
{
	unsigned i;

	for (i = 0; cairn_image.region && i < cairn_image.plan.max_buffers; i++) {
		uint32_t kind = buffer_row(i)->kind;

		if ((kind == CAIRN_BUFFER_MAIN || kind == CAIRN_BUFFER_INSTANCE) && cairn_text_equal(buffer_row(i)->name, name))
			return (int)i;
	}
	return CAIRN_ENOENT;
}

static bool buffer_is_name(const char *name)
{
	size_t n;

	for (n = 0; name && name[n]; n++) {
		if ((unsigned char)name[n] <= ' ' || name[n] == '/' || name[n] == 127)
			return false;
	}
	return n && n < sizeof(((struct cairn_buffer_row *)0)->name);
}

/* The instance's ring of a CPU whose main ring is there. Whoever sees both first opens it. */
static void buffer_open(struct cairn_ring *r)
{
	uint32_t state = CAIRN_RING_PREPARED;
	unsigned i;

	if (!__atomic_compare_exchange_n(&r->state, &state, CAIRN_RING_LIVE, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	if (cairn_block_dress(r)) {
		cairn_store32(&r->state, CAIRN_RING_PREPARED);
		return;
	}
	r->limit = (uint64_t)0 - 4;
	r->pos = r->committed = 0;
	r->consumed = r->start = 0;
	/* the block may have served another stream before */
	r->events_total = r->seq_hint = r->start_events = r->start_lost = 0;
	r->cleared = 0;
	for (i = 0; i < CAIRN_NR_LOST; i++)
		r->lost[i] = r->start_lost_by[i] = 0;
	((struct cairn_packet_header *)(uintptr_t)r->base)->ts_end = cairn_ring_last(CAIRN_LOAD_PTR(&cairn_rings[r->cpu])); /* for narrow clocks */
	cairn_store32(&r->enabled, cairn_buffer_wants_on(r->buffer)); /* what its first events find */
	/* ORDER ring:A, pairs with ring:B: the whole control block, then the pointer */
	__atomic_store_n((struct cairn_ring **)(uintptr_t)r->slot, r, __ATOMIC_RELEASE);
	cairn_buffer_follow_switch(r);
}

static bool buffer_waits(const struct cairn_ring *r, unsigned cpu)
{
	return cairn_load32(&r->state) == CAIRN_RING_PREPARED && r->buffer && r->cpu == cpu && buffer_is_written(r->buffer) &&
	       !buffer_current(r->buffer, cpu); /* else it is a successor */
}

void cairn_buffers_attach(unsigned cpu)
{
	struct cairn_ring *r;

	if (!cairn_gate_enter(cpu)) /* an instance may be removed meanwhile */
		return;
	/* ORDER attach:B, pairs with attach:A: the main ring's pointer, then what instances have set aside; the fence is that of off:A (cairn_buffer_follow_switch()) */
	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		if (buffer_waits(r, cpu))
			buffer_open(r);
	}
	cairn_gate_leave(cpu);
}

int cairn_buffer_create(const char *name, size_t ring_bytes, enum cairn_mode mode)
{
	const struct cairn_plan *p = &cairn_image.plan;
	struct cairn_buffer_row *row;
	struct cairn_ring *r;
	uint64_t bytes;
	unsigned i;
	int b;

	if (!cairn_image.region)
		return CAIRN_EIO;
	if (!buffer_is_name(name) || (mode != CAIRN_OVERWRITE && mode != CAIRN_DISCARD))
		return CAIRN_EINVAL;
	if (!ring_bytes || ring_bytes > p->arena_bytes)
		return CAIRN_ERANGE;
	if (cairn_buffer_find(name) >= 0)
		return CAIRN_EEXIST;
	cairn_work();
	b = buffer_find_free_row();
	if (b < 0)
		return cairn_load32(&cairn_image.control.leaving) ? CAIRN_EBUSY : b;
	if (!buffer_lock())
		return CAIRN_EBUSY;
	bytes = cairn_region_ring_bytes(ring_bytes, cairn_image.plan.packet_bytes);
	row = buffer_row((unsigned)b);
	row->mode = (uint32_t)mode;
	row->paused = 0;
	row->parent = 0;
	row->ring_bytes = bytes;
	for (i = 0; i < buffer_nr_cpus(); i++) {
		if (!cairn_block_take((unsigned)b, i, bytes)) {
			buffer_undo((unsigned)b);
			buffer_unlock();
			return CAIRN_ENOMEM;
		}
	}
	cairn_text_clip(row->name, name, sizeof(row->name));
	cairn_image.control.made |= 1u << b;
	cairn_store32(&row->kind, CAIRN_BUFFER_INSTANCE);
	/*
	 * ORDER attach:A / attach:B
	 *   block set aside, then is the main ring there; the opener: main ring, then what is set aside. One of the two sees both.
	 */
	cairn_fence_full(); /* ORDER attach:A, pairs with attach:B */
	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		if (r->buffer == (unsigned)b && r->cpu < p->nr_cpus && CAIRN_LOAD_PTR(&cairn_rings[r->cpu]) && buffer_waits(r, r->cpu))
			buffer_open(r);
	}
	buffer_unlock();
	return b;
}

int cairn_buffer_remove(unsigned buffer)
{
	int snapshot, err = buffer_check(buffer);
	unsigned cpu;

	if (err)
		return err;
	if (!buffer)
		return CAIRN_EINVAL;
	if (!buffer_lock())
		return CAIRN_EBUSY;
	(void)cairn_events_switch("*", CAIRN_CONSUMER_BUFFER + buffer, false);
	cairn_store32(&cairn_image.control.leaving, cairn_image.control.leaving | 1u << buffer);
	cairn_buffer_switched(buffer);
	/* ORDER leaving:A, pairs with leaving:B (gate.c): that it goes, then its pointers; the fence is that of off:B (cairn_buffer_switched()) */
	for (cpu = 0; cpu < cairn_image.plan.nr_cpus; cpu++)
		__atomic_store_n(cairn_buffer_slot(buffer, cpu), NULL, __ATOMIC_RELAXED);
	snapshot = buffer_find_snapshot(buffer);
	if (snapshot >= 0)
		buffer_free_snapshot((unsigned)snapshot);
	cairn_store32(&buffer_row(buffer)->kind, CAIRN_BUFFER_UNUSED);
	buffer_unlock();
	cairn_work();
	return 0;
}

/* No CPU holds a pointer to its rings any more. False: a reader still has one of them. */
static bool buffer_free_instance(unsigned buffer)
{
	struct cairn_ring *r;

	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		if (r->buffer == buffer && cairn_load32(&r->state) != CAIRN_RING_UNUSED && !cairn_block_keep_from_readers(r))
			return false;
	}
	for (r = cairn_block_next(NULL); r; r = cairn_block_next(r)) {
		if (r->buffer != buffer || cairn_load32(&r->state) == CAIRN_RING_UNUSED)
			continue;
		cairn_store32(&r->magic, 0);
		cairn_store64(&r->committed, 0);
		cairn_store32(&r->state, CAIRN_RING_UNUSED);
	}
	return true;
}

static void buffer_work_on_leaving(void)
{
	unsigned i;

	if (!cairn_image.control.leaving)
		return;
	if (!cairn_image.control.grace) {
		cairn_image.control.grace = true;
		cairn_image.control.graced = cairn_image.control.leaving;
		cairn_gate_begin_grace();
	}
	if (!cairn_gate_grace_is_over())
		return;
	cairn_image.control.grace = false;
	for (i = 1; i < cairn_image.plan.max_buffers; i++) {
		if (cairn_image.control.graced >> i & 1 && !buffer_free_instance(i))
			cairn_image.control.graced &= ~(1u << i); /* again, later */
	}
	cairn_store32(&cairn_image.control.leaving, cairn_image.control.leaving & ~cairn_image.control.graced);
}

void cairn_buffers_work(void)
{
	cairn_buffers_quiet();
	if (!cairn_image.region || __atomic_exchange_n(&cairn_image.control.busy, 1, __ATOMIC_ACQUIRE)) /* ORDER busy:B, pairs with busy:A */
		return; /* somebody is at it */
	buffer_work_on_leaving();
	cairn_blocks_settle();
	buffer_unlock();
}

void cairn_buffers_take_over(unsigned cpu)
{
	uint64_t depth = cairn_load64(&cairn_image.control.depth[cpu]);

	if (depth & CAIRN_GATE_DEPTH_MASK) /* it was left between enter and leave */
		cairn_store64_release(&cairn_image.control.depth[cpu], (depth | CAIRN_GATE_DEPTH_MASK) + 1); /* ORDER leave:A, pairs with grace:B */
	cairn_store64_release(&cairn_image.control.quiet[cpu], cairn_load64(&cairn_image.control.quiet[cpu]) + 1); /* ORDER quiet:A, pairs with quiet:B */
}

void cairn_buffers_quiet(void)
{
	unsigned long preempt = cairn_port_preempt_off();
	unsigned cpu = cairn_port_cpu();

	/*
	 * ORDER quiet:A / quiet:B
	 *   all that writers of this CPU did with rings that it has left, then the count; who sees it grow gives such a ring to another CPU.
	 */
	if (cpu < CAIRN_MAX_CPUS)
		cairn_store64_release(&cairn_image.control.quiet[cpu], cairn_load64(&cairn_image.control.quiet[cpu]) + 1); /* ORDER quiet:A, pairs with quiet:B */
	cairn_port_preempt_on(preempt);
}

/* ---- the rest ---- */

void cairn_buffer_each_ring(unsigned buffer, void (*visit)(struct cairn_ring *r))
{
	unsigned b, cpu;

	for (b = 0; b < CAIRN_MAX_BUFFERS; b++) {
		if (buffer != CAIRN_BUFFER_NONE && b != buffer)
			continue;
		for (cpu = 0; cpu < CAIRN_MAX_CPUS; cpu++) {
			struct cairn_ring **slot = cairn_buffer_slot(b, cpu), *r, *n;

			do {
				r = CAIRN_LOAD_PTR(slot); /* ORDER ring:B, pairs with ring:A */
				if (!r)
					break;
				visit(r);
				/* ORDER request:B, pairs with request:A: it may take r's place at any time, or has just now */
				n = (struct cairn_ring *)(uintptr_t)(cairn_load64_acquire(&r->successor) & ~CAIRN_SUCCESSOR_TAKEN);
				if (n)
					visit(n);
			} while (CAIRN_LOAD_PTR(slot) != r);
		}
	}
}

void cairn_buffer_switched(unsigned buffer)
{
	cairn_fence_full(); /* ORDER off:B, pairs with off:A */
	cairn_buffer_each_ring(buffer, cairn_buffer_follow_switch);
}

static int buffer_on(unsigned buffer, bool on)
{
	int err = buffer_check(buffer);

	if (err)
		return err;
	cairn_store32(&buffer_row(buffer)->paused, !on);
	cairn_buffer_switched(buffer);
	return 0;
}

int cairn_buffer_on(unsigned buffer)
{
	return buffer_on(buffer, true);
}

int cairn_buffer_off(unsigned buffer)
{
	return buffer_on(buffer, false);
}

int cairn_buffer_clear(unsigned buffer)
{
	int err = buffer_check(buffer);
	unsigned cpu;

	if (err)
		return err;
	/* not what is prepared: it begins empty, and its own CPU sets its marks */
	for (cpu = 0; cpu < cairn_image.plan.nr_cpus; cpu++) {
		struct cairn_ring *r = buffer_current(buffer, cpu);

		if (r)
			cairn_ring_clear(r);
	}
	return 0;
}

static void buffer_overwrites(struct cairn_ring *r)
{
	cairn_store32(&r->mode, CAIRN_OVERWRITE);
}

static void buffer_discards(struct cairn_ring *r)
{
	if (cairn_load32(&r->state) == CAIRN_RING_LIVE)
		cairn_ring_clamp(r);
	cairn_store32(&r->mode, CAIRN_DISCARD);
}

int cairn_buffer_set_mode(unsigned buffer, enum cairn_mode mode)
{
	int err = buffer_check(buffer);

	if (err)
		return err;
	if (mode != CAIRN_OVERWRITE && mode != CAIRN_DISCARD)
		return CAIRN_EINVAL;
	if (!buffer_lock()) /* else a block that is being prepared could keep the old mode */
		return CAIRN_EBUSY;
	if (!buffer)
		cairn_image.mode = mode; /* of rings that are opened later */
	buffer_row(buffer)->mode = (uint32_t)mode;
	cairn_buffer_each_ring(buffer, mode == CAIRN_DISCARD ? buffer_discards : buffer_overwrites);
	buffer_unlock();
	return 0;
}

int cairn_buffer_wake_at(unsigned buffer, unsigned percent)
{
	int err = buffer_check(buffer);
	unsigned cpu;

	if (err)
		return err;
	if (percent > 100)
		return CAIRN_EINVAL;
	if (!buffer_lock()) /* as in cairn_buffer_set_mode() */
		return CAIRN_EBUSY;
	for (cpu = 0; cpu < cairn_image.plan.nr_cpus; cpu++) {
		struct cairn_ring *r = buffer_current(buffer, cpu), *n;

		if (!r)
			continue;
		cairn_store64(&r->wake_bytes, ((r->ring_mask + 1) * percent + 99) / 100);
		n = buffer_successor(r);
		if (n)
			buffer_fit_out(n, r);
	}
	buffer_unlock();
	return 0;
}

static int buffer_events(unsigned buffer, const char *patterns, bool on)
{
	int err = buffer_check(buffer);

	return err ? err : cairn_events_switch(patterns, buffer ? CAIRN_CONSUMER_BUFFER + buffer : CAIRN_CONSUMER_ENABLE, on);
}

int cairn_buffer_enable(unsigned buffer, const char *patterns)
{
	return buffer_events(buffer, patterns, true);
}

int cairn_buffer_disable(unsigned buffer, const char *patterns)
{
	return buffer_events(buffer, patterns, false);
}

void cairn_buffers_begin(void)
{
	struct cairn_buffer_row *row = buffer_row(0);

	cairn_text_clip(row->name, "main", sizeof(row->name));
	row->kind = CAIRN_BUFFER_MAIN;
	row->mode = (uint32_t)cairn_image.mode;
	row->ring_bytes = cairn_image.plan.ring_bytes;
	cairn_image.control.hint = cairn_image.plan.ring_bytes * cairn_image.plan.nr_cpus;
	cairn_image.control.blocks = 0;
}

void cairn_buffers_forget(void)
{
	unsigned b, cpu;

	for (b = 0; b < CAIRN_MAX_BUFFERS; b++) {
		if (cairn_image.control.made >> b & 1)
			(void)cairn_events_switch("*", CAIRN_CONSUMER_BUFFER + b, false);
		for (cpu = 0; cpu < CAIRN_MAX_CPUS; cpu++)
			*cairn_buffer_slot(b, cpu) = NULL;
	}
	for (cpu = 0; cpu < CAIRN_MAX_CPUS; cpu++)
		cairn_image.control.depth[cpu] = cairn_image.control.depth_then[cpu] = cairn_image.control.quiet[cpu] = 0; /* of threads that a child does not have */
	cairn_image.control.busy = 0;
	cairn_image.control.made = 0;
	cairn_image.control.leaving = 0;
	cairn_image.control.grace = false;
}
