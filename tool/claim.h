/* SPDX-License-Identifier: MIT */
/*
 * The reader's words of a live region's rings, the only ones that the recorder writes there (design.md D13): `reader`, which says who
 * consumes the ring, and `consumed`, up to which it has. Mapped writable, and nothing but the pages they lie in.
 *
 *	claims_open -> claims_take -> claims_consume, again and again -> claims_give_back -> claims_close
 *
 * A claim names its process and the process's start, so that it is known to be stale when that one has died, however it died. A target
 * whose file shrinks meanwhile costs nothing: words beyond the end go nowhere.
 */
#ifndef CAIRN_TOOL_CLAIM_H
#define CAIRN_TOOL_CLAIM_H

#include "verb.h"

struct claims {
	char *map;
	size_t bytes;
	uint64_t offset; /* of the first control block in the mapping */
	uint32_t nr_rings;
	uint64_t owner; /* our word */
};

/* Map the words of `im`. Returns 0 or a negative errno number: the file cannot be written, mostly. */
int claims_open(struct claims *c, const struct cairn_image *im);
static inline bool claims_are_open(const struct claims *c)
{
	return c->map != NULL;
}
/*
 * Claim a ring. Returns 0; -EBUSY with the living owner's word in *owner; -EAGAIN: the target is about to use the ring again. A dead
 * owner's claim is taken over; one that a reader inside the target has is not.
 */
int claims_take(struct claims *c, uint32_t ring, uint64_t *owner);
/* Is the claim still ours? Somebody hostile may write anything there. */
bool claims_holds(const struct claims *c, uint32_t ring);
/* The copies up to position `pos` are safe: the target may use their place again. */
void claims_consume(struct claims *c, uint32_t ring, uint64_t pos);
void claims_give_back(struct claims *c, uint32_t ring);
void claims_close(struct claims *c);
/* "process 1234", "the target itself (reader 7)" */
void claims_owner_text(uint64_t owner, struct cairn_buf *t);

#endif
