/* SPDX-License-Identifier: MIT */
/* What the rest of the core does with a ring besides writing to it. The writer itself: include/cairn/ring.h and ring.c. */
#ifndef CAIRN_CORE_RING_H
#define CAIRN_CORE_RING_H

#include "../include/cairn/ring.h"

/*
 * Make a control block and its slots ready; the ring is stopped until cairn_ring_start().
 *
 * @r          zeroed but for cpu, index, packets_offset, closed_offset, task, mode.
 * @packets    ring_bytes, aligned like a packet header; `closed` has an entry for each packet.
 * @uuid       the region's, 16 bytes.
 * @first_pos  normally 0; a multiple of packet_bytes (tests begin just below the wrap of positions).
 */
CAIRN_PRIVATE void cairn_ring_setup(struct cairn_ring *r, char *packets,
				    struct cairn_closed *closed, uint64_t ring_bytes,
				    uint64_t packet_bytes, const uint8_t *uuid, uint64_t first_pos);

/* Admit or refuse records from now on; records in the middle of being written are finished. Context: any CPU, thread. */
CAIRN_PRIVATE void cairn_ring_start(struct cairn_ring *r);
CAIRN_PRIVATE void cairn_ring_stop(struct cairn_ring *r);

/* Close the part-filled packet and open the next. Context: the ring's own writer context, any nesting. */
CAIRN_PRIVATE void cairn_ring_flush(struct cairn_ring *r);

/* Number of the packet that a position lies in: the 64-bit number nearest to seq_hint. */
CAIRN_PRIVATE uint64_t cairn_ring_seq(const struct cairn_ring *r, uint64_t pos);

/* The invariants that can be seen from the control block alone. For tests, with the ring at rest. */
CAIRN_PRIVATE bool cairn_ring_valid(const struct cairn_ring *r);

#endif
