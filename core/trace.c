/* SPDX-License-Identifier: MIT */
/* The set of rings: life cycle, recording switch, the tracer's switch, the clock. */
#include "../include/cairn/trace.h"

#include "buffer.h"
#include "region.h"
#include "ring.h"
#include "text.h"

#if CAIRN_PORT_SHARE
static struct cairn_ring *trace_own_rings[CAIRN_MAX_CPUS];
struct cairn_ring **cairn_ring_table = trace_own_rings;
#else
struct cairn_ring *cairn_rings[CAIRN_MAX_CPUS];
#endif

#if CAIRN_STATIC_BYTES
static char trace_memory[CAIRN_STATIC_BYTES] CAIRN_ALIGNED(4096);
#endif

int cairn_populate(uint64_t offset, uint64_t bytes)
{
#if CAIRN_PORT_POPULATE
	return cairn_port_populate(offset, bytes);
#else
	(void)offset;
	(void)bytes;
	return 0;
#endif
}

int64_t cairn_region_bytes(const struct cairn_config *config)
{
	struct cairn_plan plan;
	int err = cairn_region_plan(config, 0, &plan);

	return err ? err : (int64_t)plan.bytes;
}

int cairn_init(const struct cairn_config *config)
{
	char *memory = config->memory;
	size_t room = config->memory_bytes;
	unsigned i;
	int err;

	if (cairn_image.region)
		return CAIRN_EBUSY;
#if CAIRN_STATIC_BYTES
	if (!memory) {
		memory = trace_memory;
		room = sizeof(trace_memory);
	}
#endif
	if (!memory || !room || ((uintptr_t)memory & (CAIRN_PAGE_BYTES - 1)))
		return CAIRN_EINVAL;
	err = cairn_region_plan(config, room, &cairn_image.plan);
	if (err)
		return err;
	cairn_image.state = (struct cairn_state *)(void *)(memory + CAIRN_PAGE_BYTES);
	cairn_image.metadata = memory + cairn_image.plan.metadata;
	cairn_image.entries =
		(struct cairn_event_entry *)(void *)(memory + cairn_image.plan.events);
	cairn_image.names = (struct cairn_name *)(void *)(memory + cairn_image.plan.names);
	cairn_image.rings = (struct cairn_ring *)(void *)(memory + cairn_image.plan.rings);
	cairn_image.closed = (struct cairn_closed *)(void *)(memory + cairn_image.plan.closed);
	cairn_image.buffers = (struct cairn_buffer_row *)(void *)(memory + cairn_image.plan.buffers);
	cairn_image.mode = config->mode;
	cairn_image.clock_hz = config->clock_hz;
	/*
	 * ORDER region:A / region:B
	 *   places of the sections, then the region: a hook in an NMI, or on another CPU, that finds the one finds the others.
	 */
	__atomic_store_n(&cairn_image.region, memory,
			 __ATOMIC_RELEASE); /* ORDER region:A, pairs with region:B */
	err = cairn_region_write(config, &cairn_image.plan);
	if (!err)
		err = cairn_meta_begin(config);
	if (err) {
		cairn_image.region = NULL;
		return err;
	}
	/* what was switched before, or in the parent of a fork */
	cairn_image.state->flags = (cairn_load32(&cairn_image.paused) ? CAIRN_STATE_PAUSED : 0u) |
				   (cairn_load32(&cairn_image.stopped) ? CAIRN_STATE_STOPPED : 0u);
	cairn_buffers_begin();
	for (i = 0; i < config->nr_cpus && !config->rings_later; i++)
		(void)cairn_ring_open(i, 0);
	cairn_events_begin(config->boot_args);
	cairn_region_publish();
	return 0;
}

void cairn_detach(void)
{
	cairn_image.region = NULL;
	cairn_flight_disarm();
	cairn_buffers_forget();
	cairn_store32(&cairn_image.stopped, 0);
}

#if CAIRN_PORT_SHARE
/* To be changed when anything changes that two copies must agree on and that the sizes do not show. */
#define TRACE_SHARE_VERSION 2

static struct cairn_orders *trace_own_orders;

void cairn_share(struct cairn_shared *out)
{
	if (!trace_own_orders)
		trace_own_orders = cairn_ring_orders_used; /* before another's is adopted */
	*out = (struct cairn_shared){
		{TRACE_SHARE_VERSION, CAIRN_MAX_CPUS, sizeof(cairn_image), sizeof(struct cairn_event), sizeof(struct cairn_field),
		 sizeof(struct cairn_ring), sizeof(struct cairn_module), sizeof(struct cairn_key_site)},
		cairn_image_used,
		cairn_ring_table,
		cairn_ring_orders_used};
}

int cairn_adopt(const struct cairn_shared *other)
{
	struct cairn_shared own;
	unsigned i;

	cairn_share(&own);
	for (i = 0; i < sizeof(own.signature) / sizeof(own.signature[0]); i++) {
		if (own.signature[i] != other->signature[i])
			return CAIRN_EINVAL;
	}
	cairn_image_used = other->image;
	cairn_ring_table = other->rings;
	cairn_ring_orders_used = other->orders;
	return cairn_events_join();
}

void cairn_leave(void)
{
	cairn_events_part();
	cairn_image_used = &cairn_image_own;
	cairn_ring_table = trace_own_rings;
	cairn_ring_orders_used = trace_own_orders;
}
#endif

void *cairn_region(size_t *bytes)
{
	*bytes = cairn_image.region ? (size_t)cairn_image.plan.bytes : 0;
	return cairn_image.region;
}

uint64_t cairn_now(void)
{
	unsigned long preempt = cairn_port_preempt_off();
	struct cairn_ring *r = cairn_ring_here(); /* ORDER ring:B, pairs with ring:A */
	uint64_t now = r ? cairn_ring_now(r) : cairn_port_clock();

	cairn_port_preempt_on(preempt);
	return now;
}

/* A ring that begins later than others widens a narrow clock against the latest of their times. */
static void trace_seed_clock(struct cairn_ring *r)
{
#if CAIRN_PORT_CLOCK_BITS < 64
	uint64_t latest = 0;
	unsigned i;

	for (i = 0; i < CAIRN_MAX_CPUS; i++) {
		const struct cairn_ring *other = CAIRN_LOAD_PTR(&cairn_rings[i]); /* ORDER ring:B, pairs with ring:A */
		uint64_t last = other ? cairn_ring_last(other) : 0;

		if (last > latest)
			latest = last;
	}
	((struct cairn_packet_header *)(uintptr_t)r->base)->ts_end = latest ? latest : cairn_port_clock();
#else
	(void)r;
#endif
}

int cairn_ring_open(unsigned index, uint32_t task)
{
	const struct cairn_plan *p = &cairn_image.plan;
	uint64_t closed_bytes, packets, closed;
	struct cairn_ring *r;
	int err;

	if (!cairn_image.region || index >= p->nr_cpus)
		return CAIRN_EINVAL;
	if (CAIRN_LOAD_PTR(&cairn_rings[index]))
		return CAIRN_EBUSY;
	closed_bytes = p->ring_bytes / p->packet_bytes * sizeof(struct cairn_closed);
	packets = p->packets + index * p->ring_bytes;
	closed = p->closed + index * closed_bytes;
	err = cairn_populate(p->rings + index * sizeof(*r), sizeof(*r));
	if (!err)
		err = cairn_populate(closed, closed_bytes);
	if (!err)
		err = cairn_populate(packets, p->ring_bytes);
	if (err)
		return err;
	r = &cairn_image.rings[index];
	r->cpu = r->index = r->stream = index;
	r->slot = (uint64_t)(uintptr_t)&cairn_rings[index];
	r->packets_offset = packets;
	r->closed_offset = closed;
	r->task = task;
	r->mode = (uint32_t)cairn_image.mode;
	r->state = CAIRN_RING_LIVE;
	cairn_ring_setup(r, cairn_image.region + packets,
			 (struct cairn_closed *)(void *)(cairn_image.region + closed),
			 p->ring_bytes, p->packet_bytes, cairn_image.uuid, 0);
	trace_seed_clock(r);
	cairn_store32(&r->enabled, cairn_buffer_wants_on(0)); /* what its first events find */
	cairn_region_has_ring(index);
	/*
	 * ORDER ring:A / ring:B
	 *   the whole control block, then the pointer; emitters reach the block through the pointer (address dependency).
	 */
	__atomic_store_n(&cairn_rings[index], r,
			 __ATOMIC_RELEASE); /* ORDER ring:A, pairs with ring:B */
	cairn_buffer_follow_switch(r); /* its fence is that of attach:B, too: an instance that did not see this ring is seen here */
	cairn_buffers_attach(index);
	return 0;
}

#if !CAIRN_PORT_JUMPS
/* Records that are reserved and not published; the ring is at rest. */
static uint64_t trace_pending(const struct cairn_ring *r)
{
	const struct cairn_closed *closed = (const struct cairn_closed *)(uintptr_t)r->closed;
	uint64_t packet = r->pkt_mask + 1, last = r->pos & CAIRN_POS_MASK & ~r->pkt_mask;
	uint64_t q = r->committed & CAIRN_POS_MASK & ~r->pkt_mask, n = 0;

	for (; q != last; q = (q + packet) & CAIRN_POS_MASK)
		n += closed[(q & r->ring_mask) / packet].end >> CAIRN_POS_BITS;
	return n + (r->pos >> CAIRN_POS_BITS) - (r->committed >> CAIRN_POS_BITS);
}

#endif

int cairn_ring_hand_over(unsigned index, uint32_t task)
{
	struct cairn_ring *r = index < CAIRN_MAX_CPUS ? CAIRN_LOAD_PTR(&cairn_rings[index]) : NULL;

	if (!r)
		return CAIRN_EINVAL;
#if CAIRN_PORT_JUMPS
	while (r && r->pos != r->committed) {
		(void)cairn_ring_recover(r); /* whoever wrote it has ended; perhaps in the middle of an exchange, which is now complete */
		r = CAIRN_LOAD_PTR(&cairn_rings[index]);
	}
	if (!r)
		return CAIRN_EINVAL;
#else
	if (r->pos != r->committed) {
		cairn_store64(&r->lost[CAIRN_LOST_ABANDONED],
			      r->lost[CAIRN_LOST_ABANDONED] + trace_pending(r));
		return CAIRN_EBUSY;
	}
#endif
	cairn_ring_forget_slow(r);
	cairn_buffers_take_over(index);
	cairn_store32(&r->task, task);
	return 0;
}

struct cairn_ring *cairn_ring_missing(void)
{
#if CAIRN_PORT_ATTACH
	unsigned cpu;

	cairn_port_attach();
	cpu = cairn_port_cpu();
	if (cpu < CAIRN_MAX_CPUS && CAIRN_LOAD_PTR(&cairn_rings[cpu]))
		return CAIRN_LOAD_PTR(&cairn_rings[cpu]);
#endif
	cairn_lost_no_stream();
	return NULL;
}

void cairn_lost_no_stream(void)
{
	if (cairn_image.region && cairn_is_tracing_on())
		__atomic_fetch_add(&cairn_image.state->lost_no_stream, 1,
				   __ATOMIC_RELAXED); /* shared: any CPU may come here */
}

#if CAIRN_PORT_STAGE
struct cairn_ring *cairn_ring_stage(uint32_t size)
{
	struct cairn_ring *r = cairn_port_stage(size);

	if (CAIRN_LIKELY(r != NULL))
		return r;
	cairn_port_attach();
	r = cairn_ring_here();
	if (!r)
		r = cairn_port_stage(size);
	if (!r)
		cairn_lost_no_stream();
	return r;
}
#endif

void cairn_ring_too_big(void)
{
	struct cairn_ring *r = cairn_ring_here();

#if CAIRN_PORT_STAGE
	if (!r && !cairn_port_staging()) {
		cairn_port_attach();
		r = cairn_ring_here();
	}
	if (!r && cairn_port_staging()) {
		cairn_port_lose(cairn_port_staging(), CAIRN_LOST_BIG);
		return;
	}
#endif
	if (!r)
		r = cairn_ring_missing();
	if (r)
		cairn_ring_lose(r, CAIRN_LOST_BIG);
}

/* Rings that are open; the blocks of others may not even be backed by memory. */
void cairn_flush(void)
{
	unsigned long preempt = cairn_port_preempt_off();
	unsigned cpu = cairn_port_cpu();
	struct cairn_ring *r = cpu < CAIRN_MAX_CPUS ? CAIRN_LOAD_PTR(&cairn_rings[cpu]) : NULL;

	if (r)
		cairn_ring_flush(r);
#if CAIRN_PORT_STAGE
	else
		cairn_port_flush();
#endif
	cairn_port_preempt_on(preempt);
}

/* One instruction: a stop in NMI must not get lost in an on or off that it interrupts, nor in one on another CPU. */
static void trace_set_state(uint32_t flag, bool on)
{
	uint32_t *flags = &cairn_image.state->flags;

	if (!cairn_image.region)
		return;
	if (on)
		(void)__atomic_fetch_or(flags, flag, __ATOMIC_RELEASE);
	else
		(void)__atomic_fetch_and(flags, ~flag, __ATOMIC_RELEASE);
}

void cairn_tracing_on(void)
{
	if (cairn_load32(&cairn_image.stopped))
		return;
	cairn_flight_disarm();
	cairn_store32(&cairn_image.paused, 0);
	trace_set_state(CAIRN_STATE_PAUSED, false);
	cairn_buffer_switched(CAIRN_BUFFER_NONE);
	if (!cairn_is_tracing_on())
		trace_set_state(CAIRN_STATE_PAUSED, cairn_load32(&cairn_image.paused) != 0); /* a freeze in the middle of this */
}

void cairn_tracing_off(void)
{
	cairn_store32(&cairn_image.paused, 1);
	cairn_buffer_switched(CAIRN_BUFFER_NONE);
	trace_set_state(CAIRN_STATE_PAUSED, true);
}

void cairn_freeze(void)
{
	if (cairn_load32(&cairn_image.paused))
		return;
	cairn_tracing_off();
	if (cairn_image.region)
		cairn_store64(&cairn_image.state->frozen_at, cairn_now());
}

bool cairn_is_tracing_on(void)
{
	return !cairn_load32(&cairn_image.paused) && !cairn_load32(&cairn_image.stopped);
}

void cairn_stop(void)
{
	bool again = cairn_load32(&cairn_image.stopped) != 0;

	cairn_store32(&cairn_image.stopped, 1);
	if (!cairn_image.region || again)
		return;
	cairn_buffer_switched(CAIRN_BUFFER_NONE);
	cairn_store64(&cairn_image.state->stopped_at, cairn_now());
	/*
	 * ORDER stopped:A / read:F
	 *   everything this CPU knows of, then the flag; a follower that acquires it makes its last pass.
	 */
	trace_set_state(CAIRN_STATE_STOPPED, true); /* ORDER stopped:A, pairs with read:F (tool) */
#if CAIRN_PORT_CACHE_CLEAN
	cairn_port_cache_clean(cairn_image.region, (size_t)cairn_image.plan.bytes);
#endif
}

void cairn_trace_enable(void)
{
	cairn_image.tracer_on = true;
	cairn_events_tracer();
}

void cairn_trace_disable(void)
{
	cairn_image.tracer_on = false;
	cairn_events_tracer();
}

bool cairn_trace_enabled(void)
{
	return cairn_image.tracer_on;
}

void cairn_trace_set_filter(uint64_t categories)
{
	cairn_image.tracer_filtered = categories != CAIRN_CAT_ALL;
	cairn_image.tracer_filter = categories;
	cairn_events_tracer();
}

void cairn_clock_set(uint64_t hz, uint64_t base, uint64_t wall_ns)
{
	struct cairn_state *s = cairn_image.state;
	uint32_t seq;

	if (!cairn_image.region)
		return;
	seq = cairn_load32(&s->clock_seq);
	/*
	 * ORDER clock:A / read:G
	 *   odd, the three words, even. A reader takes them if it saw the same even number before and after. Two writers at once would
	 *   leave an odd number for ever: the second one leaves it to the first.
	 */
	if ((seq & 1) || !__atomic_compare_exchange_n(&s->clock_seq, &seq, seq + 1, false,
						      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return; /* ORDER clock:A, pairs with read:G (tool) */
	cairn_fence_release();
	cairn_store64(&s->clock_hz, hz);
	cairn_store64(&s->clock_base, base);
	cairn_store64(&s->wall_base_ns, wall_ns);
	cairn_store32_release(&s->clock_seq, seq + 2);
}

void cairn_clock_reset(void)
{
	/*
	 * ORDER stop:A / open:B
	 *   the epoch, then every limit; the writer: limit, then the epoch.
	 */
	cairn_store32(&cairn_ring_orders.epoch, cairn_load32(&cairn_ring_orders.epoch) + 1);
	cairn_flight_forget_keep(); /* times of the old epoch */
	cairn_fence_full(); /* ORDER stop:A, pairs with open:B (ring.c) */
	cairn_buffer_each_ring(CAIRN_BUFFER_NONE, cairn_ring_pull);
	if (cairn_image.region)
		cairn_store32(&cairn_image.state->clock_resets, cairn_load32(&cairn_ring_orders.epoch));
}

void cairn_tick(void)
{
	unsigned long preempt = cairn_port_preempt_off();
	unsigned cpu = cairn_port_cpu(), b;

	cairn_flight_tick();
	if (cpu < CAIRN_MAX_CPUS && cairn_gate_enter(cpu)) { /* instances may be taken away meanwhile */
		for (b = 0; b < CAIRN_MAX_BUFFERS; b++) {
			struct cairn_ring *r = CAIRN_LOAD_PTR(cairn_buffer_slot(b, cpu)); /* ORDER ring:B, pairs with ring:A */

			if (r)
				cairn_ring_tick(r);
		}
		cairn_gate_leave(cpu);
	}
	cairn_port_preempt_on(preempt);
}

void cairn_work(void)
{
	cairn_buffers_work();
}
