/* SPDX-License-Identifier: MIT */
/*
 * Page tables of four levels. The upper half is the same in all: the direct map (from start.S) and the
 * kernel's image in small pages, text read-only, the rest not executable.
 */
#include "frames.h"
#include "print.h"
#include "x86.h"

enum {
	PTE_PRESENT = 1,
	PTE_WRITE = 2,
	PTE_USER = 4,
};
#define PTE_NO_EXEC (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

#define TABLE_ENTRIES 512u
#define KERNEL_HALF   256u /* first entry of the top table that belongs to the kernel */

uintptr_t paging_kernel_root;

extern const char boot_pdpt_direct[];
extern const char text_start[], text_end[], data_start[], image_end[];

/* The entry for va in the lowest table; tables that are missing are made if `make`. NULL: not there. */
static uint64_t *paging_entry(uintptr_t root, uintptr_t va, bool make)
{
	uint64_t *table = phys_to_virt(root);

	for (unsigned shift = 39;; shift -= 9) {
		uint64_t *entry = &table[va >> shift & (TABLE_ENTRIES - 1)];

		if (shift == 12)
			return entry;
		if (!(*entry & PTE_PRESENT)) {
			uintptr_t pa = make ? frame_alloc_zeroed(0, FRAME_KERNEL) : 0;

			if (!pa)
				return NULL;
			*entry = pa | PTE_PRESENT | PTE_WRITE | PTE_USER;
		}
		table = phys_to_virt(*entry & PTE_ADDRESS);
	}
}

static void paging_map_kernel(const char *start, const char *end, uint64_t flags)
{
	for (uintptr_t va = (uintptr_t)start; va < (uintptr_t)end; va += PAGE_BYTES) {
		uint64_t *entry = paging_entry(paging_kernel_root, va, true);

		if (!entry)
			panic("no memory for the kernel's page tables");
		*entry = virt_to_phys((const void *)va) | PTE_PRESENT | flags;
	}
}

void arch_paging_init(void)
{
	uint64_t *root;

	paging_kernel_root = frame_alloc_zeroed(0, FRAME_KERNEL);
	if (!paging_kernel_root)
		panic("no memory for the kernel's page tables");
	root = phys_to_virt(paging_kernel_root);
	root[KERNEL_HALF] = virt_to_phys(boot_pdpt_direct) | PTE_PRESENT | PTE_WRITE;
	paging_map_kernel(text_start, text_end, 0);
	paging_map_kernel(text_end, data_start, PTE_NO_EXEC);
	paging_map_kernel(data_start, image_end, PTE_NO_EXEC | PTE_WRITE);
	paging_load(paging_kernel_root);
}

bool arch_space_init(struct arch_space *s)
{
	uint64_t *root, *kernel = phys_to_virt(paging_kernel_root);

	s->root = frame_alloc_zeroed(0, FRAME_KERNEL);
	if (!s->root)
		return false;
	root = phys_to_virt(s->root);
	for (unsigned i = KERNEL_HALF; i < TABLE_ENTRIES; i++)
		root[i] = kernel[i];
	return true;
}

/* `level` 3 is the top; tables at level 0 have pages below them, which are not ours. */
static void paging_free(uintptr_t table_pa, unsigned level)
{
	const uint64_t *table = phys_to_virt(table_pa);
	unsigned n = level == 3 ? KERNEL_HALF : TABLE_ENTRIES;

	for (unsigned i = 0; level && i < n; i++) {
		if (table[i] & PTE_PRESENT)
			paging_free(table[i] & PTE_ADDRESS, level - 1);
	}
	frame_free(table_pa, 0);
}

void arch_space_fini(struct arch_space *s)
{
	paging_free(s->root, 3);
}

void arch_space_load(const struct arch_space *s)
{
	paging_load(s ? s->root : paging_kernel_root);
}

bool arch_map(struct arch_space *s, uintptr_t va, uintptr_t pa, unsigned flags)
{
	uint64_t *entry = paging_entry(s->root, va, true);

	if (!entry)
		return false;
	*entry = pa | PTE_PRESENT | PTE_USER | (flags & MAP_WRITE ? PTE_WRITE : 0) |
		 (flags & MAP_EXEC ? 0 : PTE_NO_EXEC);
	return true;
}

uintptr_t arch_unmap(struct arch_space *s, uintptr_t va)
{
	uint64_t *entry = paging_entry(s->root, va, false);
	uintptr_t pa;

	if (!entry || !(*entry & PTE_PRESENT))
		return 0;
	pa = *entry & PTE_ADDRESS;
	*entry = 0;
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
	return pa;
}

uintptr_t arch_lookup(const struct arch_space *s, uintptr_t va)
{
	const uint64_t *entry = paging_entry(s->root, va, false);

	return entry && *entry & PTE_PRESENT ? (*entry & PTE_ADDRESS) | (va & (PAGE_BYTES - 1)) : 0;
}

void arch_write_text(void *addr, const void *bytes, size_t n)
{
	volatile char *to = phys_to_virt(virt_to_phys(addr));
	const char *from = bytes;

	while (n--)
		*to++ = *from++;
}
