/* SPDX-License-Identifier: MIT */
/*
 * One ring of a capture: following it, copying its packets. Between capture.c, which lays out the file and writes all that is no packet, and
 * capture_ring.c.
 */
#ifndef CAIRN_TOOL_CAPTURE_RING_H
#define CAIRN_TOOL_CAPTURE_RING_H

#include "capture.h"
#include "claim.h"

#define CAPTURE_SECTION_MAX ((uint64_t)256 << 20)

/* What files before the present one hold of a ring. */
struct capture_earlier {
	uint64_t packets, events;
	uint64_t lost[CAIRN_NR_LOST];
};

enum capture_claim {
	CAPTURE_CLAIM_NONE,
	CAPTURE_CLAIM_HELD, /* what is copied is consumed */
	CAPTURE_CLAIM_LOST, /* somebody who may not has written there; from then on the ring is only read */
};

/* A control block of the region, as last seen. */
struct capture_block {
	struct cairn_reader_stream stream;
	bool used;
	enum capture_claim claim;
};

/*
 * One stream. It goes on in other blocks, which are reused: the stream's number is what stays. All its packets before `next` were copied or are
 * gone.
 */
struct capture_ring {
	struct cairn_reader_stream
		stream;              /* the block that is read at the moment; else the newest */
	struct capture_block *block; /* the same, where its claim is */
	bool used, news;
	uint64_t next;    /* first packet not copied yet */
	uint64_t counted; /* behind the last packet copied: what lies between it and `next` was overwritten, how many records is not known */
	uint64_t records; /* in the packets before `counted` */
	struct capture_earlier earlier;
	uint64_t written; /* packets of it in the present file */
};

struct capture {
	struct cairn_image
		im; /* the live region; only the words that packets need are kept loaded */
	int fd;
	struct cairn_superblock sb; /* the capture's own */
	struct capture_block *blocks;
	uint32_t nr_blocks;
	struct capture_ring *rings; /* streams, in the order in which they were met */
	uint32_t nr_rings, most_rings;
	uint8_t *block; /* of packets */
	size_t block_bytes;
	uint64_t packets_at;    /* of section PACKETS in the capture */
	uint64_t written;       /* bytes of packets in the present file */
	uint64_t earlier_bytes; /* in those before it */
	uint64_t earlier_no_stream;
	uint64_t missed;
	uint64_t metadata_seen; /* bytes of metadata in the file */
	bool gone;
	uint64_t schema_bytes; /* of metadata, loaded to parse open packets */
	uint64_t least_size;   /* of the target's file; below it, it was cut */
	struct claims claims;
	int cannot_claim; /* a negative errno number: the file is not ours to write, it is only read */
	uint64_t busy_owner; /* after -EBUSY */
	uint32_t busy_ring;
	unsigned fill;
};

int capture_write(const struct capture *c, uint64_t at, const void *bytes, size_t n);
/*
 * Look at all control blocks that may have changed, claim those that must be. Returns the number of blocks read anew, or a negative errno
 * number: -EBUSY, -ENOMEM.
 */
int capture_look(struct capture *c);
/*
 * Copy what is new in the blocks of a stream, the oldest first, at most `room` bytes or one packet. `stream` is the newest block afterwards, if
 * it was reached. Returns packets copied, or a negative errno number.
 */
int64_t capture_stream_copy(struct capture *c, struct capture_ring *r, uint64_t room);
/* The rest and the open packet. Returns 0 or a negative errno number. */
int capture_ring_finish(struct capture *c, struct capture_ring *r);
void capture_give_back(struct capture *c);

#endif
