/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "claim.h"

#include "regions.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * A page of a mapping that lies beyond the end of its file: SIGBUS. It gets a page of nobody's memory in its place, and the access goes on
 * there. That the target is gone is noticed by those who look for it.
 */
static void claim_on_sigbus(int number, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)(CAIRN_PAGE_BYTES - 1);

	(void)context;
	if (info->si_code != BUS_ADRERR ||
	    mmap((void *)page, CAIRN_PAGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		signal(number,
		       SIG_DFL); /* not ours: the access is made again, and ends the process */
}

static void claim_catch_sigbus(void)
{
	struct sigaction a;

	memset(&a, 0, sizeof(a));
	a.sa_sigaction = claim_on_sigbus;
	a.sa_flags = SA_SIGINFO;
	sigaction(SIGBUS, &a, NULL);
}

static uint64_t *claim_word(const struct claims *c, uint32_t ring, size_t offset)
{
	return (uint64_t *)(void *)(c->map + c->offset +
				    (uint64_t)ring * sizeof(struct cairn_ring) + offset);
}

#define CLAIM_READER   offsetof(struct cairn_ring, reader)
#define CLAIM_CONSUMED offsetof(struct cairn_ring, consumed)

int claims_open(struct claims *c, const struct cairn_image *im)
{
	const struct cairn_section *s = &im->sections[CAIRN_SECTION_RINGS];
	uint64_t rings = s->size / sizeof(struct cairn_ring);
	uint64_t at = im->base + s->offset;
	char path[64];

	memset(c, 0, sizeof(*c));
	c->nr_rings = (uint32_t)(rings < s->count ? rings : s->count);
	c->offset = at % CAIRN_PAGE_BYTES;
	c->bytes = c->offset + (uint64_t)c->nr_rings * sizeof(struct cairn_ring);
	if (c->offset % sizeof(uint64_t) || c->nr_rings == 0)
		return -EINVAL;
	c->owner = CAIRN_READER_OUTSIDE |
		   regions_process_start((uint32_t)getpid()) << CAIRN_READER_PID_BITS |
		   (uint64_t)getpid();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", cairn_source_fd(im->source));
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	claim_catch_sigbus();
	void *map = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 (off_t)(at - c->offset));
	int e = map == MAP_FAILED ? -errno : 0;
	close(fd);
	if (e == 0)
		c->map = map;
	return e;
}

static bool claim_is_stale(uint64_t owner)
{
	if (!(owner & CAIRN_READER_OUTSIDE))
		return false;
	return !regions_process_alive((uint32_t)(owner & CAIRN_READER_PID_MASK),
				      (owner & ~CAIRN_READER_OUTSIDE) >> CAIRN_READER_PID_BITS);
}

int claims_take(struct claims *c, uint32_t ring, uint64_t *owner)
{
	uint64_t *word;

	*owner = 0;
	if (ring >= c->nr_rings)
		return -EINVAL;
	word = claim_word(c, ring, CLAIM_READER);
	for (;;) {
		/*
		 * ORDER claim:A / claim:B
		 *   what the last owner did to `consumed`, then its claim given back; we begin where it ended.
		 */
		if (__atomic_compare_exchange_n(
			    word, owner, c->owner, false, __ATOMIC_ACQUIRE,
			    __ATOMIC_RELAXED)) /* ORDER claim:A, pairs with claim:B */
			return 0;
		if (*owner == c->owner)
			return 0;
		if (*owner == CAIRN_READER_NOBODY)
			return -EAGAIN;
		if (!claim_is_stale(*owner))
			return -EBUSY;
		/* the swap from a dead owner's word: of several who see it, one gets the ring */
	}
}

bool claims_holds(const struct claims *c, uint32_t ring)
{
	return __atomic_load_n(claim_word(c, ring, CLAIM_READER), __ATOMIC_RELAXED) == c->owner;
}

void claims_consume(struct claims *c, uint32_t ring, uint64_t pos)
{
	/*
	 * ORDER consumed:A / open:A
	 *   the packets were copied, and the copies written, before; then consumed. The writer acquires it and reuses the slots.
	 */
	__atomic_store_n(claim_word(c, ring, CLAIM_CONSUMED), pos & CAIRN_POS_MASK,
			 __ATOMIC_RELEASE); /* ORDER consumed:A, pairs with open:A */
}

void claims_give_back(struct claims *c, uint32_t ring)
{
	uint64_t ours = c->owner;

	/* a swap: what somebody else has put there meanwhile is not ours to remove */
	(void)__atomic_compare_exchange_n(claim_word(c, ring, CLAIM_READER), &ours, 0, false,
					  __ATOMIC_RELEASE,
					  __ATOMIC_RELAXED); /* ORDER claim:B, pairs with claim:A */
}

void claims_close(struct claims *c)
{
	if (c->map)
		munmap(c->map, c->bytes);
	c->map = NULL;
}

void claims_owner_text(uint64_t owner, struct cairn_buf *t)
{
	if (owner & CAIRN_READER_OUTSIDE)
		cairn_buf_printf(t, "process %llu",
				 (unsigned long long)(owner & CAIRN_READER_PID_MASK));
	else
		cairn_buf_printf(t, "the target itself (reader %llu)", (unsigned long long)owner);
}
