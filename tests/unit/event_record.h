/* SPDX-License-Identifier: MIT */
/*
 * The last record of this thread's ring, taken from the ring's memory by hand: what the emission wrote, without any reader's help. For
 * event_short.c and event_linux.c.
 */
#ifndef EVENT_RECORD_H
#define EVENT_RECORD_H

#include <cairn/cairn.h>

#include "check.h"

static struct {
	const uint8_t *payload;
	uint32_t bytes; /* of the payload, padding at its end included */
	uint32_t id;
	uint64_t number; /* records in the packet */
} record;

static uint64_t record_before;

/* The port for user space has made a region; on the bare port this is the kernel. */
static inline struct cairn_ring *record_ring(void)
{
#if CAIRN_PORT_ATTACH
	if (cairn_port_cpu() >= CAIRN_MAX_CPUS)
		cairn_port_attach();
#else
	static CAIRN_ALIGNED(4096) char memory[1 << 20];
	struct cairn_config config = {
		.memory = memory,
		.memory_bytes = sizeof(memory),
		.memory_is_zero = true,
		.nr_cpus = 1,
		.name = "test",
	};

	if (!cairn_rings[0])
		CHECK_EQ(cairn_init(&config), 0);
#endif
	CHECK_LT(cairn_port_cpu(), CAIRN_MAX_CPUS);
	CHECK(cairn_rings[cairn_port_cpu()]);
	return cairn_rings[cairn_port_cpu()];
}

static inline void record_begin(void)
{
	record_before = record_ring()->pos & CAIRN_POS_MASK;
}

/* Whether exactly one record was written since record_begin(); it is then in `record`. */
static inline bool record_end(void)
{
	const struct cairn_ring *r = record_ring();
	uint64_t from = record_before, to = r->pos & CAIRN_POS_MASK;
	const uint32_t *p;

	if (from == to)
		return false;
	if ((from & ~r->pkt_mask) != (to & ~r->pkt_mask) || !(from & r->pkt_mask))
		from = (to & ~r->pkt_mask) + CAIRN_PACKET_HEADER_BYTES; /* it opened a packet */
	p = (const uint32_t *)(uintptr_t)(r->base + (from & r->ring_mask));
	record.id = p[1] >> 16;
	record.payload = (const uint8_t *)(p + 3);
	record.bytes = (uint32_t)(to - from) - CAIRN_RECORD_HEADER_BYTES;
	record.number = r->pos >> CAIRN_POS_BITS;
	CHECK_EQ((to - from) % 4, 0);
	CHECK_EQ(r->committed, r->pos);
	return true;
}

/* Fire once with only this event on, and take the record. */
#define RECORD_ONE(event, call)                             \
	do {                                                \
		record_begin();                             \
		CHECK_EQ(cairn_event_enable(&(event)), 0);  \
		call;                                       \
		CHECK(record_end());                        \
		CHECK_EQ(cairn_event_disable(&(event)), 0); \
		CHECK_EQ(record.id, (event).id);            \
	} while (0)

static inline uint32_t record_u32(uint32_t offset)
{
	uint32_t v;

	memcpy(&v, record.payload + offset, 4);
	return v;
}

/* A slot must say (offset in the payload, bytes); returns the data. */
#define RECORD_LOC(slot, at, bytes)                                                             \
	(check_compare_(__FILE__, __LINE__, "slot " #slot,                                      \
			record_u32(slot) == (((uint32_t)(bytes) << 16) | ((at) + 8)), "record", \
			check_unsigned_(record_u32(slot)), "expected",                          \
			check_unsigned_(((uint32_t)(bytes) << 16) | ((at) + 8))),               \
	 (const char *)record.payload + (at))

static inline const struct cairn_field *record_field(const struct cairn_event *e, const char *name)
{
	unsigned i, nr = 0;
	const struct cairn_field *f = e->cls->fields(&nr);

	for (i = 0; i < nr; i++) {
		if (strcmp(f[i].name, name) == 0)
			return &f[i];
	}
	check_fail_("event %s has no field %s", e->name, name);
	return NULL;
}

/* Offset in the payload, bytes, bytes of an element, signed, kind, show. */
#define CHECK_FIELD(event, field, type_, offset_, size_, element_, signed_, kind_, show_)        \
	do {                                                                                     \
		const struct cairn_field *check_f_ = record_field(&cairn_event_##event, #field); \
		CHECK_STR(check_f_->type, type_);                                                \
		CHECK_EQ(check_f_->offset, offset_);                                             \
		CHECK_EQ(check_f_->size, size_);                                                 \
		CHECK_EQ(check_f_->element, element_);                                           \
		CHECK_EQ(check_f_->is_signed, signed_);                                          \
		CHECK_EQ(check_f_->kind, CAIRN_FIELD_##kind_);                                   \
		CHECK_EQ(check_f_->show, CAIRN_SHOW_##show_);                                    \
	} while (0)

/* The end of the format text. */
#define CHECK_PRINT(event, text)                                                 \
	do {                                                                     \
		static char check_format_[4096];                                 \
		const char *check_at_;                                           \
		(void)record_ring();                                             \
		CHECK_LT(cairn_event_format(&cairn_event_##event, check_format_, \
					    sizeof(check_format_)),              \
			 sizeof(check_format_));                                 \
		check_at_ = strstr(check_format_, "print fmt: ");                \
		CHECK_STR(check_at_, "print fmt: " text "\n");                   \
	} while (0)

#endif
