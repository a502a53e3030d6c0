/* SPDX-License-Identifier: MIT */
/* When to freeze and what to keep until then: orders that the rings obey where they open packets (ring.c). */
#include "buffer.h"

#include "region.h"
#include "ring.h"

static uint64_t flight_hz(void)
{
	uint64_t hz = cairn_load64(&cairn_image.state->clock_hz);

	return hz ? hz : cairn_image.clock_hz;
}

static uint64_t flight_ticks(uint64_t ns, uint64_t hz)
{
	const uint64_t most = (uint64_t)1 << 62;

	if (hz > 18000000000u || ns / 1000000000u >= most / hz)
		return most; /* for ever, as near as makes no difference */
	return ns / 1000000000u * hz + ns % 1000000000u * hz / 1000000000u;
}

void cairn_stop_after(uint64_t events)
{
	if (!events) {
		cairn_freeze();
		return;
	}
	cairn_store64(&cairn_ring_orders.left, events);
	/*
	 * ORDER count:A / count:B
	 *   how many, then that they are counted; who sees the one sees the other.
	 */
	cairn_store32_release(&cairn_ring_orders.counting, 1); /* ORDER count:A, pairs with count:B */
	/* counting, then each limit; the writer: limit, then is counting what it was */
	cairn_fence_full(); /* ORDER stop:A, pairs with open:B (ring.c) */
	cairn_buffer_each_ring(CAIRN_BUFFER_NONE, cairn_ring_pull);
}

int cairn_keep(uint64_t before_ns, uint64_t after_ns)
{
	uint64_t hz, now, before, at;

	if (!cairn_image.region)
		return CAIRN_EIO;
	hz = flight_hz();
	if (!hz)
		return CAIRN_ENOSYS;
	now = cairn_now();
	before = flight_ticks(before_ns, hz);
	at = now + flight_ticks(after_ns, hz);
	cairn_store64(&cairn_ring_orders.stop_at, at ? at : 1);
	/*
	 * ORDER keep:A / keep:B
	 *   when to freeze, then what is kept until then; who forgets both has seen the first if it saw the second.
	 */
	cairn_store64_release(&cairn_ring_orders.keep_from, before < now ? now - before : 1); /* ORDER keep:A, pairs with keep:B */
	return 0;
}

bool cairn_is_armed(void)
{
	return cairn_is_tracing_on() && (cairn_load32(&cairn_ring_orders.counting) || cairn_load64(&cairn_ring_orders.stop_at));
}

static void flight_swap(uint64_t *word, uint64_t seen)
{
	(void)__atomic_compare_exchange_n(word, &seen, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/*
 * What was there when this looked, and nothing that cairn_keep() arms meanwhile, in an NMI or on another CPU. At worst keep_from of that is
 * left, which means nothing without stop_at (ring_is_kept()).
 */
void cairn_flight_forget_keep(void)
{
	uint64_t from = cairn_load64_acquire(&cairn_ring_orders.keep_from); /* ORDER keep:B, pairs with keep:A */
	uint64_t at = cairn_load64(&cairn_ring_orders.stop_at);

	flight_swap(&cairn_ring_orders.stop_at, at);
	flight_swap(&cairn_ring_orders.keep_from, from);
}

void cairn_flight_disarm(void)
{
	cairn_store32(&cairn_ring_orders.counting, 0);
	cairn_flight_forget_keep();
}

void cairn_flight_tick(void)
{
	uint64_t at = cairn_load64(&cairn_ring_orders.stop_at);

	if ((at && (int64_t)(cairn_now() - at) >= 0) || (cairn_load32_acquire(&cairn_ring_orders.counting) && !cairn_load64(&cairn_ring_orders.left)) /* ORDER count:B, pairs with count:A */)
		cairn_freeze();
}
