/* SPDX-License-Identifier: MIT */
/*
 * Demand mapping. A page of a region comes from one of three places:
 *
 *   - read-only content of the image: the image's own frame is mapped, and never freed;
 *   - writable content of the image: a new frame with a copy;
 *   - neither: a new frame of zeros.
 *
 * So a frame belongs to the space if and only if its region is writable.
 */
#include "space.h"

#include "frames.h"
#include "print.h"
#include "user/image.h"

#define STACK_BYTES (64u * 1024)

/* space_map() hands out slots of equal size: slot i is regions[MAP_FIRST + i]. */
#define MAP_FIRST      3u
#define MAP_SLOT_BYTES (16ul * 1024 * 1024)

static uintptr_t page_up(uintptr_t n)
{
	return (n + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
}

struct space *space_create(void)
{
	uintptr_t pa = frame_alloc_zeroed(0, FRAME_KERNEL);
	struct space *s;

	_Static_assert(sizeof(*s) <= PAGE_BYTES, "a space is one frame");
	if (!pa)
		return NULL;
	s = phys_to_virt(pa);
	if (!arch_space_init(&s->arch)) {
		frame_free(pa, 0);
		return NULL;
	}
	s->regions[0] = (struct region){
		.start = user_image.text_start,
		.end = page_up(user_image.text_end),
		.flags = MAP_EXEC,
		.image = virt_to_phys((const void *)user_image.text_load),
		.image_bytes = page_up(user_image.text_end) - user_image.text_start,
	};
	s->regions[1] = (struct region){
		.start = user_image.data_start,
		.end = page_up(user_image.bss_end),
		.flags = MAP_WRITE,
		.image = virt_to_phys((const void *)user_image.data_load),
		.image_bytes = user_image.data_end - user_image.data_start,
	};
	s->regions[2] = (struct region){
		.start = USER_STACK_TOP - STACK_BYTES,
		.end = USER_STACK_TOP,
		.flags = MAP_WRITE,
	};
	return s;
}

static void space_release(struct space *s, struct region *r)
{
	for (uintptr_t va = r->start; va < r->end; va += PAGE_BYTES) {
		uintptr_t pa = arch_unmap(&s->arch, va);

		if (pa && r->flags & MAP_WRITE)
			frame_free(pa, 0);
	}
	r->end = 0;
}

void space_destroy(struct space *s)
{
	for (unsigned i = 0; i < SPACE_REGIONS; i++) {
		if (s->regions[i].end)
			space_release(s, &s->regions[i]);
	}
	arch_space_fini(&s->arch);
	frame_free(virt_to_phys(s), 0);
}

static struct region *space_find(struct space *s, uintptr_t address)
{
	for (unsigned i = 0; i < SPACE_REGIONS; i++) {
		struct region *r = &s->regions[i];

		if (address >= r->start && address < r->end)
			return r;
	}
	return NULL;
}

static uintptr_t space_new_page(const struct region *r, size_t offset)
{
	uintptr_t pa = frame_alloc_zeroed(0, FRAME_USER);
	size_t n;

	if (!pa || offset >= r->image_bytes)
		return pa;
	n = r->image_bytes - offset;
	memcpy(phys_to_virt(pa), phys_to_virt(r->image + offset), n < PAGE_BYTES ? n : PAGE_BYTES);
	return pa;
}

bool space_fault(struct space *s, uintptr_t address, unsigned access)
{
	struct region *r = space_find(s, address);
	uintptr_t va = address & ~(uintptr_t)(PAGE_BYTES - 1);
	uintptr_t pa;

	if (!r || access & ~r->flags)
		return false;
	if (arch_lookup(&s->arch, va))
		return true;
	if (!(r->flags & MAP_WRITE))
		return arch_map(&s->arch, va, r->image + (va - r->start), r->flags);
	pa = space_new_page(r, va - r->start);
	if (!pa)
		return false;
	if (arch_map(&s->arch, va, pa, r->flags))
		return true;
	frame_free(pa, 0);
	return false;
}

uintptr_t space_map(struct space *s, size_t bytes)
{
	if (!bytes || bytes > MAP_SLOT_BYTES)
		return 0;
	for (unsigned i = MAP_FIRST; i < SPACE_REGIONS; i++) {
		struct region *r = &s->regions[i];

		if (r->end)
			continue;
		r->start = USER_MAP_BASE + (i - MAP_FIRST) * MAP_SLOT_BYTES;
		r->end = r->start + page_up(bytes);
		r->flags = MAP_WRITE;
		return r->start;
	}
	return 0;
}

bool space_unmap(struct space *s, uintptr_t start)
{
	for (unsigned i = MAP_FIRST; i < SPACE_REGIONS; i++) {
		struct region *r = &s->regions[i];

		if (r->end && r->start == start) {
			space_release(s, r);
			return true;
		}
	}
	return false;
}

/* The kernel's address of user memory at `va`, or NULL; good up to the end of its page. */
static void *space_reach(struct space *s, uintptr_t va, unsigned access)
{
	if (!space_fault(s, va, access))
		return NULL;
	return phys_to_virt(arch_lookup(&s->arch, va));
}

static size_t space_piece(uintptr_t va, size_t n)
{
	size_t rest = PAGE_BYTES - va % PAGE_BYTES;

	return n < rest ? n : rest;
}

bool space_read(struct space *s, void *to, uintptr_t from, size_t n)
{
	while (n) {
		size_t piece = space_piece(from, n);
		const void *at = space_reach(s, from, 0);

		if (!at)
			return false;
		memcpy(to, at, piece);
		to = (char *)to + piece;
		from += piece;
		n -= piece;
	}
	return true;
}

bool space_write(struct space *s, uintptr_t to, const void *from, size_t n)
{
	while (n) {
		size_t piece = space_piece(to, n);
		void *at = space_reach(s, to, MAP_WRITE);

		if (!at)
			return false;
		memcpy(at, from, piece);
		from = (const char *)from + piece;
		to += piece;
		n -= piece;
	}
	return true;
}
