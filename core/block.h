/* SPDX-License-Identifier: MIT */
/* Control blocks and their memory, for buffer.c. Context of all that changes something: thread, holding control.busy. */
#ifndef CAIRN_CORE_BLOCK_H
#define CAIRN_CORE_BLOCK_H

#include "../include/cairn/layout.h"

/* The blocks that are in use, or were, one after the other: NULL gives the first, NULL comes after the last. Context: any. */
CAIRN_PRIVATE struct cairn_ring *cairn_block_next(const struct cairn_ring *r);

/*
 * A block with an extent of `ring_bytes` (a power of two), PREPARED, for the CPU's ring in a buffer. Its pos is retired until the CPU begins
 * it. NULL: there is no block, no room, or the port refused the memory. Its packets' headers are cairn_block_dress()'s.
 */
CAIRN_PRIVATE struct cairn_ring *cairn_block_take(unsigned buffer, unsigned cpu, uint64_t ring_bytes);

/* Write the packets' headers of a block that holds its extent, and open it to readers. 0 or what the port said. */
CAIRN_PRIVATE int cairn_block_dress(struct cairn_ring *r);

/* The block keeps its CPU and its size; its extent is free. */
CAIRN_PRIVATE void cairn_block_pool(struct cairn_ring *r);

/* B4: its CPU has left it for good. Context: any. */
CAIRN_PRIVATE bool cairn_block_was_left(const struct cairn_ring *r);

/* Nobody reads the ring, and nobody can claim it from here on (R4 of read.c), until cairn_block_take() opens it again. False: somebody does. */
CAIRN_PRIVATE bool cairn_block_keep_from_readers(struct cairn_ring *r);

/* Blocks that their CPUs have left, and that nobody reads, change hands. */
CAIRN_PRIVATE void cairn_blocks_settle(void);

#endif
