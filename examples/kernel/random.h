/* SPDX-License-Identifier: MIT */
/* Pseudo-random numbers for the kernel's own threads: equal seeds give equal rows. */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include <stdint.h>

/* The next one, of 31 bits. `state` begins as any seed. */
static inline uint64_t random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

#endif
