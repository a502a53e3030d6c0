/* SPDX-License-Identifier: MIT */
/* Lays out the region and writes what stands at its head: superblock, its copy, state. Format: include/cairn/layout.h. */
#include "region.h"

#include "text.h"

#if CAIRN_PORT_SHARE
__typeof__(cairn_image_own) cairn_image_own;
__typeof__(cairn_image_used) cairn_image_used = &cairn_image_own;
#else
struct cairn_image cairn_image;
#endif

static bool region_is_power(uint64_t v)
{
	return v && (v & (v - 1)) == 0;
}

static uint64_t region_round_power(uint64_t v)
{
	uint64_t p = 1;

	while (p < v)
		p <<= 1;
	return p;
}

uint64_t cairn_region_ring_bytes(uint64_t wanted, uint64_t packet_bytes)
{
	uint64_t p = region_round_power(wanted);

	return p < 2 * packet_bytes ? 2 * packet_bytes : p;
}

static uint64_t region_round_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) & ~(to - 1);
}

/* Next free place after `bytes` bytes there, from *at. */
static uint64_t region_place(uint64_t *at, uint64_t bytes, uint64_t align)
{
	uint64_t place = region_round_up(*at, align);

	*at = place + bytes;
	return place;
}

static void region_arrange(struct cairn_plan *p)
{
	uint64_t at = CAIRN_PAGE_BYTES, slots;

	if (p->arena_bytes < p->ring_bytes * p->nr_cpus)
		p->arena_bytes = p->ring_bytes * p->nr_cpus * p->max_buffers;
	slots = p->arena_bytes / p->packet_bytes;
	region_place(&at, sizeof(struct cairn_state), CAIRN_PAGE_BYTES);
	p->buffers = region_place(&at, p->max_buffers * sizeof(struct cairn_buffer_row), 64);
	p->queue = region_place(&at, CAIRN_PAGE_BYTES, CAIRN_PAGE_BYTES);
	p->metadata = region_place(&at, p->metadata_bytes, CAIRN_PAGE_BYTES);
	p->events = region_place(&at, p->max_events * sizeof(struct cairn_event_entry),
				 CAIRN_PAGE_BYTES);
	p->names = region_place(&at, p->max_names * sizeof(struct cairn_name), CAIRN_PAGE_BYTES);
	p->rings = region_place(&at, p->nr_rings * sizeof(struct cairn_ring), CAIRN_PAGE_BYTES);
	p->closed = region_place(&at, slots * sizeof(struct cairn_closed), 64);
	p->packets = region_place(&at, p->arena_bytes, p->packet_bytes);
	p->bytes = region_place(&at, CAIRN_PAGE_BYTES, CAIRN_PAGE_BYTES) +
		   CAIRN_PAGE_BYTES; /* copy of the superblock */
}

int cairn_region_plan(const struct cairn_config *c, uint64_t room, struct cairn_plan *p)
{
	uint64_t limit = (uint64_t)1 << 40;

	p->nr_cpus = c->nr_cpus;
	p->max_buffers = c->max_buffers ? c->max_buffers : 1;
	p->nr_fixed = c->nr_fixed < c->nr_cpus ? c->nr_fixed : c->nr_cpus;
	p->arena_bytes = 0;
	/* one more for each CPU than there are buffers, to go over to; and some that wait until their CPU surely has left them */
	p->nr_rings = c->nr_cpus * (p->max_buffers > 1 || c->arena_bytes ? p->max_buffers + 3 : 1);
	p->packet_bytes = c->packet_bytes ? c->packet_bytes : CAIRN_PACKET_MIN;
	p->metadata_bytes =
		region_round_up(c->metadata_bytes ? c->metadata_bytes : 65536, CAIRN_PAGE_BYTES);
	p->max_events = c->max_events ? c->max_events : 256;
	p->max_names = (unsigned)region_round_power(c->max_names ? c->max_names : 256);
	if (!c->nr_cpus || c->nr_cpus > CAIRN_MAX_CPUS || !region_is_power(p->packet_bytes) ||
	    p->packet_bytes < CAIRN_PACKET_MIN || p->packet_bytes > CAIRN_PACKET_MAX)
		return CAIRN_EINVAL;
	if (p->max_buffers > CAIRN_MAX_BUFFERS || p->nr_rings > 65535)
		return CAIRN_EINVAL;
	if (c->ring_bytes > limit || c->arena_bytes > limit || c->metadata_bytes > (1u << 30) ||
	    p->max_events > CAIRN_ID_LAST || c->max_names > (1u << 24))
		return CAIRN_ERANGE;
	if (c->ring_bytes) {
		p->ring_bytes = cairn_region_ring_bytes(c->ring_bytes, p->packet_bytes);
		p->arena_bytes = region_round_up(c->arena_bytes, p->packet_bytes);
		region_arrange(p);
		return room && p->bytes > room ? CAIRN_ENOMEM : 0;
	}
	if (!room)
		return CAIRN_EINVAL;
	for (p->ring_bytes = 2 * p->packet_bytes;; p->ring_bytes *= 2) { /* the largest that fits */
		p->arena_bytes = region_round_up(c->arena_bytes, p->packet_bytes);
		region_arrange(p);
		if (p->bytes > room || p->ring_bytes > limit)
			break;
	}
	p->ring_bytes /= 2;
	if (p->ring_bytes < 2 * p->packet_bytes)
		return CAIRN_ENOMEM;
	p->arena_bytes = region_round_up(c->arena_bytes, p->packet_bytes);
	region_arrange(p);
	return 0;
}

uint32_t cairn_crc32c(uint32_t crc, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	unsigned i;

	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
	}
	return ~crc;
}

/* A step of a 64-bit mixing function (splitmix64's finalizer, Steele et al. 2014). */
static uint64_t region_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) + 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 27) * 0x94d049bb133111ebu;
	return h ^ h >> 31;
}

static void region_make_uuid(const struct cairn_config *c, struct cairn_superblock *sb)
{
	uint64_t h[2] = {1, 2}, clock = cairn_port_clock();
	const char *s;
	unsigned i, k;

	for (i = 0; i < 2; i++) {
#if CAIRN_PORT_ENTROPY
		h[i] = region_mix(h[i], cairn_port_entropy());
#endif
		h[i] = region_mix(h[i], clock);
		h[i] = region_mix(h[i], (uint64_t)(uintptr_t)cairn_image.region ^ c->wall_ns);
		h[i] = region_mix(h[i], (uint64_t)c->pid << 32 ^ c->start_time);
		for (s = c->build_id ? c->build_id : ""; *s; s++)
			h[i] = region_mix(h[i], (unsigned char)*s);
		for (k = 0; k < 8; k++)
			sb->uuid[i * 8 + k] = (uint8_t)(h[i] >> (k * 8));
	}
	sb->uuid[6] = (uint8_t)((sb->uuid[6] & 0x0f) | 0x40); /* version 4, variant 1 */
	sb->uuid[8] = (uint8_t)((sb->uuid[8] & 0x3f) | 0x80);
	sb->boot_nonce = region_mix(h[0], h[1]);
#if !CAIRN_PORT_ENTROPY
	sb->flags |= CAIRN_SB_WEAK_UUID;
#endif
}

static void region_section(struct cairn_superblock *sb, enum cairn_section_type type,
			   uint64_t offset, uint64_t size, uint64_t entry_size, uint64_t count)
{
	struct cairn_section *s = &sb->sections[sb->nr_sections++];

	s->type = type;
	s->version = 1;
	s->offset = offset;
	s->size = size;
	s->entry_size = (uint32_t)entry_size;
	s->count = (uint32_t)count;
}

/* Word by word: a structure assignment of this size becomes a call of memcpy. */
static void region_copy(void *to, const void *from, size_t bytes)
{
	volatile uint64_t *t = to;
	const uint64_t *f = from;
	size_t i;

	for (i = 0; i < bytes / 8; i++)
		t[i] = f[i];
}

int cairn_region_write(const struct cairn_config *c, const struct cairn_plan *p)
{
	struct cairn_superblock *sb = (struct cairn_superblock *)(void *)cairn_image.region;
	volatile uint64_t *words = (volatile uint64_t *)(void *)cairn_image.region;
	uint64_t i;
	int err = cairn_populate(0, p->metadata);

	if (!err)
		err = cairn_populate(p->events, p->rings - p->events);
	if (!err)
		err = cairn_populate(p->bytes - CAIRN_PAGE_BYTES, CAIRN_PAGE_BYTES);
	if (err)
		return err;
	/* headers only: the packets are written when their ring is opened */
	for (i = 0; i < p->packets / 8 && !c->memory_is_zero; i++)
		words[i] = 0;
	for (i = 0; i < CAIRN_PAGE_BYTES / 8 && !c->memory_is_zero; i++)
		words[(p->bytes - CAIRN_PAGE_BYTES) / 8 + i] = 0;
	sb->major = CAIRN_FORMAT_MAJOR;
	sb->minor = CAIRN_FORMAT_MINOR;
	sb->superblock_bytes = sizeof(*sb);
	sb->region_bytes = p->bytes;
	sb->arch = CAIRN_ARCH;
	sb->flags = c->user_space ? CAIRN_SB_USER : 0;
	sb->clock_bits = c->clock_bits ? c->clock_bits : CAIRN_PORT_CLOCK_BITS;
	sb->nr_cpus = c->nr_cpus;
	sb->clock_hz = c->clock_hz;
	sb->clock_base = cairn_port_clock();
	sb->wall_base_ns = c->wall_ns;
	sb->packet_bytes = (uint32_t)p->packet_bytes;
	sb->pid = c->pid;
	sb->start_time = c->start_time;
	cairn_text_clip(sb->name, c->name ? c->name : "", sizeof(sb->name));
	cairn_text_clip(sb->build_id, c->build_id ? c->build_id : "", sizeof(sb->build_id));
	region_make_uuid(c, sb);
	for (i = 0; i < sizeof(sb->uuid); i++)
		cairn_image.uuid[i] = sb->uuid[i];
	region_section(sb, CAIRN_SECTION_STATE, CAIRN_PAGE_BYTES, sizeof(struct cairn_state),
		       sizeof(struct cairn_state), 1);
	region_section(sb, CAIRN_SECTION_METADATA, p->metadata, p->metadata_bytes, 1,
		       p->metadata_bytes);
	region_section(sb, CAIRN_SECTION_EVENTS, p->events,
		       p->max_events * sizeof(struct cairn_event_entry),
		       sizeof(struct cairn_event_entry), p->max_events);
	region_section(sb, CAIRN_SECTION_NAMES, p->names, p->max_names * sizeof(struct cairn_name),
		       sizeof(struct cairn_name), p->max_names);
	region_section(sb, CAIRN_SECTION_RINGS, p->rings, p->packets - p->rings,
		       sizeof(struct cairn_ring), p->nr_rings);
	region_section(sb, CAIRN_SECTION_PACKETS, p->packets, p->arena_bytes,
		       p->packet_bytes, p->arena_bytes / p->packet_bytes);
	region_section(sb, CAIRN_SECTION_STATS, 0, 0, 0, 0);
	region_section(sb, CAIRN_SECTION_HISTS, 0, 0, 0, 0);
	region_section(sb, CAIRN_SECTION_QUEUE, p->queue, CAIRN_PAGE_BYTES, 0, 0);
	region_section(sb, CAIRN_SECTION_PAGES, 0, 0, sizeof(uint64_t), 0);
	region_section(sb, CAIRN_SECTION_BUFFERS, p->buffers, p->max_buffers * sizeof(struct cairn_buffer_row),
		       sizeof(struct cairn_buffer_row), p->max_buffers);
	return 0;
}

void cairn_region_publish(void)
{
	static const uint8_t xored[CAIRN_MAGIC_BYTES] = CAIRN_MAGIC_XORED;
	struct cairn_superblock *sb = (struct cairn_superblock *)(void *)cairn_image.region;
	struct cairn_superblock *copy =
		(struct cairn_superblock *)(void *)(cairn_image.region + cairn_image.plan.bytes -
						    CAIRN_PAGE_BYTES);
	const volatile uint8_t *hidden =
		xored; /* volatile: the plain form must not become a constant of the program */
	volatile uint8_t *magic = sb->magic;
	uint8_t plain[CAIRN_MAGIC_BYTES];
	uint32_t crc;
	unsigned i;

	for (i = 0; i < CAIRN_MAGIC_BYTES; i++)
		plain[i] = hidden[i] ^ CAIRN_MAGIC_XOR;
	crc = cairn_crc32c(0, plain, sizeof(plain));
	crc = cairn_crc32c(crc, &sb->major,
			   sizeof(*sb) - CAIRN_MAGIC_BYTES); /* crc32c is still 0 */
	sb->crc32c = crc;
	region_copy(copy, sb, sizeof(*sb));
	/*
	 * ORDER complete:A / find:A
	 *   the whole region, then the magic: who finds it finds everything.
	 */
	cairn_fence_release(); /* ORDER complete:A, pairs with find:A (the tool's search) */
	for (i = 0; i < CAIRN_MAGIC_BYTES; i++)
		magic[i] = plain[i];
	/* Behind it: a search that finds the copy and nothing at the begin takes the region for a damaged one. */
	for (i = 0; i < CAIRN_MAGIC_BYTES; i++)
		((volatile uint8_t *)copy->magic)[i] = plain[i];
}

void cairn_region_has_ring(uint32_t index)
{
	uint32_t *nr = &cairn_image.state->nr_rings, seen = cairn_load32(nr);

	while (seen <= index && !__atomic_compare_exchange_n(nr, &seen, index + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}
