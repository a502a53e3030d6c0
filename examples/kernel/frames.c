/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: a binary buddy system.
 *
 * One struct frame per frame of memory. Only the first frame of a free block says so: it carries the
 * order and is linked in the free list of that order. The buddy of the block at frame n of order k is
 * at n ^ (1 << k); two free buddies of equal order always become one block.
 */
#include "frames.h"

#include "lock.h"
#include "print.h"
#include "trace.h"

#define FRAME_NONE UINT32_MAX

struct frame {
	uint32_t next, prev; /* frame numbers; valid while free_order >= 0 */
	int32_t free_order;  /* order of the free block that begins here, or -1 */
};

static struct spinlock frames_lock;
static struct frame *frames;
static uint32_t frames_nr;
static uint32_t frames_list[FRAME_ORDER_MAX + 1]; /* first free block of each order */
static unsigned long frames_nr_free;

static void frames_push(uint32_t n, unsigned order)
{
	uint32_t head = frames_list[order];

	frames[n] = (struct frame){.next = head, .prev = FRAME_NONE, .free_order = (int32_t)order};
	if (head != FRAME_NONE)
		frames[head].prev = n;
	frames_list[order] = n;
}

static void frames_unlink(uint32_t n)
{
	struct frame *f = &frames[n];

	if (f->prev != FRAME_NONE)
		frames[f->prev].next = f->next;
	else
		frames_list[f->free_order] = f->next;
	if (f->next != FRAME_NONE)
		frames[f->next].prev = f->prev;
	f->free_order = -1;
}

static void frames_give(uint32_t n, unsigned order)
{
	frames_nr_free += 1ul << order;
	while (order < FRAME_ORDER_MAX) {
		uint32_t buddy = n ^ (1u << order);

		if (buddy >= frames_nr || frames[buddy].free_order != (int32_t)order)
			break;
		frames_unlink(buddy);
		n &= ~(1u << order);
		order++;
	}
	frames_push(n, order);
}

static uint32_t frames_take(unsigned order)
{
	unsigned have = order;
	uint32_t n;

	while (have <= FRAME_ORDER_MAX && frames_list[have] == FRAME_NONE)
		have++;
	if (have > FRAME_ORDER_MAX)
		return FRAME_NONE;
	n = frames_list[have];
	frames_unlink(n);
	while (have > order) {
		have--;
		frames_push(n + (1u << have), have); /* the upper half stays free */
	}
	frames_nr_free -= 1ul << order;
	return n;
}

uintptr_t frame_alloc(unsigned order, enum frame_use use)
{
	unsigned long irq = spin_lock_save(&frames_lock);
	uint32_t n = frames_take(order);

	spin_unlock_restore(&frames_lock, irq);
	TRACE_LINUX(mm_page_alloc, n == FRAME_NONE ? ~0ul : n, order, use, 0);
	if (n == FRAME_NONE)
		return 0;
	return (uintptr_t)n * PAGE_BYTES;
}

uintptr_t frame_alloc_zeroed(unsigned order, enum frame_use use)
{
	uintptr_t pa = frame_alloc(order, use);

	if (pa)
		memset(phys_to_virt(pa), 0, (size_t)PAGE_BYTES << order);
	return pa;
}

void frame_free(uintptr_t pa, unsigned order)
{
	uint32_t n = (uint32_t)(pa / PAGE_BYTES);
	unsigned long irq;

	if (pa % ((uintptr_t)PAGE_BYTES << order) || n >= frames_nr || frames[n].free_order >= 0)
		panic("frame_free: bad block %lx order %u", (unsigned long)pa, order);
	TRACE_LINUX(mm_page_free, n, order);
	irq = spin_lock_save(&frames_lock);
	frames_give(n, order);
	spin_unlock_restore(&frames_lock, irq);
}

unsigned long frames_free_count(void)
{
	return __atomic_load_n(&frames_nr_free, __ATOMIC_RELAXED);
}

void *boot_take(struct boot_info *info, size_t bytes)
{
	bytes = (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
	for (unsigned i = 0; i < info->nr_ranges; i++) {
		struct memory_range *r = &info->ranges[i];

		if (r->bytes < bytes)
			continue;
		r->bytes -= bytes; /* from the end, so that the start stays aligned */
		return memset(phys_to_virt(r->start + r->bytes), 0, bytes);
	}
	panic("no %lu bytes of memory in one piece", (unsigned long)bytes);
}

void frames_init(struct boot_info *info)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < info->nr_ranges; i++) {
		struct memory_range *r = &info->ranges[i];

		if (r->start + r->bytes > end)
			end = r->start + r->bytes;
	}
	frames_nr = (uint32_t)(end / PAGE_BYTES);
	frames = boot_take(info, frames_nr * sizeof(*frames));
	for (uint32_t i = 0; i < frames_nr; i++)
		frames[i].free_order = -1;
	for (unsigned i = 0; i <= FRAME_ORDER_MAX; i++)
		frames_list[i] = FRAME_NONE;
	for (unsigned i = 0; i < info->nr_ranges; i++) {
		struct memory_range *r = &info->ranges[i];

		for (uint64_t pa = r->start; pa < r->start + r->bytes; pa += PAGE_BYTES)
			frames_give((uint32_t)(pa / PAGE_BYTES), 0);
	}
}
