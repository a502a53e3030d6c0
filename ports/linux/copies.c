/* SPDX-License-Identifier: MIT */
/*
 * Several copies of Cairn in one process: the program and its shared libraries each link one. The first whose constructor runs makes the
 * region; the others find it and use its state: they register their images' events there, and their threads' streams are the same
 * ones. Each copy has code and thread-local words of its own; the data are the first one's.
 *
 * A copy is found by a note in its image: by that the loader's list of images is enough, wherever symbols are hidden, stripped or
 * local to a scope. Copies that are not built alike (another version, another CAIRN_MAX_CPUS) do not find each other, and have a
 * region each.
 *
 * The image of the first copy stays mapped for ever: dlclose() does not unload it. Others can be unloaded; their destructor takes their events
 * out.
 */
#define _GNU_SOURCE
#include "process.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

/* Not in a program that is linked statically; there are no other copies either. */
#pragma weak dlopen

/* To be changed with struct port_handle, struct cairn_process, or what a copy expects of another's functions. */
#define COPY_VERSION 1
#define COPY_NOTE    0xca1

#define COPY_STRING_(x) #x
#define COPY_STRING(x)  COPY_STRING_(x)

/* What the note of a copy leads to. */
struct port_handle {
	uint32_t leads; /* it has the region */
	uint32_t process_bytes;
	__typeof__(cairn_process) *process;
	struct cairn_shared shared;
};

CAIRN_PRIVATE extern struct port_handle cairn_copy_handle;
CAIRN_USED struct port_handle cairn_copy_handle;

/* Name, type, then the version and the handle's place relative to this word. */
__asm__(".pushsection .note.cairn, \"a\", @note\n"
	"\t.balign 4\n\t.long 6, 8, " COPY_STRING(COPY_NOTE) "\n\t.asciz \"Cairn\"\n\t.balign 4\n"
	"\t.long " COPY_STRING(COPY_VERSION) "\n\t.long cairn_copy_handle - .\n\t.popsection");

struct port_note {
	uint32_t name_bytes, bytes, type;
	char name[8];
	uint32_t version;
	int32_t handle;
};

/* A search: for this copy's image, or for that of another which leads. */
struct port_search {
	bool own;
	struct port_handle *found;
	const char *image; /* its file; empty: the program */
};

static struct port_handle *port_handle_of(const struct port_note *n, size_t bytes)
{
	if (bytes < sizeof(*n) || n->name_bytes != 6 || n->bytes != 8 || n->type != COPY_NOTE || memcmp(n->name, "Cairn", 6) != 0 ||
	    n->version != COPY_VERSION)
		return NULL;
	return (struct port_handle *)((uintptr_t)&n->handle + (uintptr_t)(intptr_t)n->handle);
}

static int port_look_at_image(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct port_search *search = arg;
	unsigned i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum && !search->found; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		size_t at = 0;

		while (p->p_type == PT_NOTE && at + 12 <= p->p_memsz) {
			const struct port_note *n = (const void *)(info->dlpi_addr + p->p_vaddr + at);
			struct port_handle *h = port_handle_of(n, p->p_memsz - at);

			if (h && (h == &cairn_copy_handle) == search->own && (search->own || h->leads)) {
				search->found = h;
				search->image = info->dlpi_name;
				break;
			}
			/* notes of 8-byte alignment have padding of 8; all that matters here is that none is overrun */
			at += 12 + ((n->name_bytes + 3) & ~(size_t)3) + ((n->bytes + p->p_align - 1) & ~(size_t)(p->p_align - 1));
		}
	}
	return search->found != NULL;
}

static void port_keep_mapped(const char *image)
{
	if (image && *image && dlopen)
		(void)dlopen(image, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

void cairn_copy_lead(struct port_copy *own)
{
	struct port_search search = {.own = true};

	cairn_copy_handle.process_bytes = sizeof(cairn_process);
	cairn_copy_handle.process = cairn_process_used;
	cairn_share(&cairn_copy_handle.shared);
	cairn_process.copies = own;
	(void)dl_iterate_phdr(port_look_at_image, &search);
	port_keep_mapped(search.image);
	cairn_copy_handle.leads = 1;
}

bool cairn_copy_join(struct port_copy *own)
{
	struct port_search search = {.own = false};
	__typeof__(cairn_process_used) before = cairn_process_used;
	struct port_locked l;

	(void)dl_iterate_phdr(port_look_at_image, &search);
	if (!search.found || search.found->process_bytes != sizeof(cairn_process))
		return false;
	cairn_process_used = search.found->process;
	cairn_process_lock(&l);
	own->next = cairn_process.copies;
	cairn_process.copies = own;
	cairn_process_unlock(&l);
	if (cairn_adopt(&search.found->shared) != CAIRN_EINVAL)
		return true;
	cairn_copy_leave(own);
	cairn_process_used = before;
	return false;
}

void cairn_copy_leave(struct port_copy *own)
{
	struct port_copy **p = &cairn_process.copies;
	struct port_locked l;

	cairn_leave();
	cairn_process_lock(&l);
	while (*p && *p != own)
		p = &(*p)->next;
	if (*p)
		*p = own->next;
	cairn_process_unlock(&l);
}
