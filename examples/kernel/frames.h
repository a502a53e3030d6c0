/* SPDX-License-Identifier: MIT */
/*
 * Physical memory: blocks of 2^order frames of PAGE_BYTES, by a buddy allocator.
 *
 * frames_init() takes the free ranges; before it nothing can be allocated. boot_take() is for what
 * must be larger than the largest block and is never given back (Cairn's region).
 */
#ifndef KERNEL_FRAMES_H
#define KERNEL_FRAMES_H

#include "arch.h"

#define FRAME_ORDER_MAX 10u

/* What a block is for. The values are those of Linux's GFP_KERNEL and GFP_HIGHUSER_MOVABLE. */
enum frame_use {
	FRAME_KERNEL = 0xcc0,
	FRAME_USER = 0x100cca,
};

void frames_init(struct boot_info *info);

/* Physically contiguous, page-aligned, zeroed; panics if there is none. Boot CPU, before frames_init(). */
void *boot_take(struct boot_info *info, size_t bytes);

/* Returns the physical address, or 0. The content is whatever was there. Context: any but NMI. */
uintptr_t frame_alloc(unsigned order, enum frame_use use);
uintptr_t frame_alloc_zeroed(unsigned order, enum frame_use use);
void frame_free(uintptr_t pa, unsigned order);

unsigned long frames_free_count(void);

#endif
