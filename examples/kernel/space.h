/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: a page table, and a list of regions that says what may be mapped where.
 *
 * Nothing is mapped before it is touched: space_fault() maps one page. A space belongs to one task and
 * is loaded on at most one CPU, so there is no lock and no shootdown.
 */
#ifndef KERNEL_SPACE_H
#define KERNEL_SPACE_H

#include "arch.h"

#define SPACE_REGIONS 12u

struct region {
	uintptr_t start, end; /* page-aligned; free entry: end == 0 */
	unsigned flags;       /* MAP_* */
	uintptr_t image;      /* physical address of the content of `start`, or 0: zeros */
	size_t image_bytes;   /* behind them: zeros */
};

struct space {
	struct arch_space arch;
	struct region regions[SPACE_REGIONS];
};

/* A space with the program image and a stack. Returns NULL: no memory. */
struct space *space_create(void);

/* Unmap and free all. No CPU may have it loaded. */
void space_destroy(struct space *s);

/*
 * Map the page of `address`.
 *
 * @access   MAP_* bits of the access that wants it.
 * Returns   false if no region allows that access, or if memory is out.
 */
bool space_fault(struct space *s, uintptr_t address, unsigned access);

/* A region of zeros. Returns its address, or 0: too long or too many. */
uintptr_t space_map(struct space *s, size_t bytes);

/* Remove a region that space_map() gave, and its pages. Returns false: there is none at `start`. */
bool space_unmap(struct space *s, uintptr_t start);

/* Copy between the kernel and user memory; pages are mapped as needed. Returns false: not accessible. */
bool space_read(struct space *s, void *to, uintptr_t from, size_t n);
bool space_write(struct space *s, uintptr_t to, const void *from, size_t n);

#endif
