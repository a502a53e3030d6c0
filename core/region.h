/* SPDX-License-Identifier: MIT */
/*
 * The one region of this image: where its sections are, and how they are laid out at init. But for the rings' control blocks, which
 * the writer works on in place (base and closed are its pointers), and counts that are checked before use, nothing is read
 * back from the region: keep shared files writable for their owner only.
 */
#ifndef CAIRN_CORE_REGION_H
#define CAIRN_CORE_REGION_H

#include "../include/cairn/event.h"
#include "../include/cairn/trace.h"

/* Sizes and places that a configuration leads to; offsets in bytes from the region's start. */
struct cairn_plan {
	uint64_t bytes;
	uint64_t metadata, metadata_bytes;
	uint64_t events;
	uint64_t names;
	uint64_t rings, closed;
	uint64_t packets, ring_bytes, packet_bytes;
	uint64_t queue;
	unsigned nr_rings, max_events, max_names;
};

/* All state of the library that is not in the region, and pointers into it. Zero before init. */
struct cairn_image {
	char *region; /* NULL = not initialized: events are no-ops */
	struct cairn_plan plan;
	struct cairn_state *state;
	char *metadata;
	struct cairn_event_entry *entries;
	struct cairn_name *names;
	struct cairn_ring *rings;
	struct cairn_closed *closed;
	uint8_t uuid[16];
	enum cairn_mode mode;
	uint32_t paused, stopped; /* tracing_on is off; cairn_stop() was called */
	uint32_t next_id;
	uint32_t name_stamp;
	/* registry, survives cairn_detach() */
	struct cairn_event *events; /* sorted by (system, name) */
	struct cairn_module *modules;
	bool tracer_on;
	bool tracer_filtered;
	uint64_t tracer_filter;  /* categories, if tracer_filtered */
	char boot_patterns[256]; /* trace=, for events that register late */
};

#if CAIRN_PORT_SHARE
CAIRN_PRIVATE extern struct cairn_image *cairn_image_used; /* this copy's, or another's (cairn_adopt()) */
CAIRN_PRIVATE extern struct cairn_image cairn_image_own;
#define cairn_image (*cairn_image_used)
#else
CAIRN_PRIVATE extern struct cairn_image cairn_image;
#endif

/* Lay out for `room` bytes of memory (0: as much as config->ring_bytes needs). CAIRN_EINVAL, CAIRN_ERANGE, CAIRN_ENOMEM (does not fit). */
CAIRN_PRIVATE int cairn_region_plan(const struct cairn_config *config, uint64_t room,
				    struct cairn_plan *plan);
/* Make [offset, offset + bytes) writable through the port; 0 or a negative CAIRN_E*. */
CAIRN_PRIVATE int cairn_populate(uint64_t offset, uint64_t bytes);
/* Write superblock, state and section tables; everything but the magic. */
CAIRN_PRIVATE int cairn_region_write(const struct cairn_config *config,
				     const struct cairn_plan *plan);
/* The region is complete: from here on it can be found. */
CAIRN_PRIVATE void cairn_region_publish(void);

CAIRN_PRIVATE uint32_t cairn_crc32c(uint32_t crc, const void *bytes, size_t n);

/* meta.c: describe the trace, then events. CAIRN_ENOSPC when the section is full; nothing is then written. */
CAIRN_PRIVATE int cairn_meta_begin(const struct cairn_config *config);
CAIRN_PRIVATE int cairn_meta_event(const struct cairn_event *e);
CAIRN_PRIVATE uint64_t cairn_meta_hash(const struct cairn_event *e);

/* event.c: register the image's own events, give all known ones an id and an entry, obey trace=. */
CAIRN_PRIVATE void cairn_events_begin(const char *boot_args);
CAIRN_PRIVATE int cairn_events_join(void); /* the image's own events, late: cairn_register() */
CAIRN_PRIVATE void cairn_events_part(void);
CAIRN_PRIVATE void cairn_events_tracer(void); /* the tracer's switch or filter changed */

#endif
