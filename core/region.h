/* SPDX-License-Identifier: MIT */
/*
 * The one region of this image: where its sections are, and how they are laid out at init. But for the rings' control blocks, which
 * the writer works on in place (base and closed are its pointers), and counts that are checked before use, nothing is read
 * back from the region: keep shared files writable for their owner only.
 */
#ifndef CAIRN_CORE_REGION_H
#define CAIRN_CORE_REGION_H

#include "../include/cairn/event.h"
#include "../include/cairn/flight.h"
#include "../include/cairn/trace.h"

/* Sizes and places that a configuration leads to; offsets in bytes from the region's start. */
struct cairn_plan {
	uint64_t bytes;
	uint64_t metadata, metadata_bytes;
	uint64_t events;
	uint64_t names;
	uint64_t rings, closed;
	uint64_t packets, arena_bytes, ring_bytes, packet_bytes; /* ring_bytes: of a main ring as it is opened */
	uint64_t queue, buffers;
	unsigned nr_cpus, max_buffers;
	unsigned nr_fixed; /* of nr_cpus, the last so many, whose rings are never exchanged */
	unsigned nr_rings; /* control blocks: the first nr_cpus are those in which main rings begin */
	unsigned max_events, max_names;
};

/* Of buffer.c and gate.c, which say what it means. */
struct cairn_buffer_control {
	uint32_t busy;	  /* a control call or worker is at it */
	uint32_t leaving; /* bit per instance that is being removed */
	uint64_t hint;	  /* where in the arena the last extent was taken */
	uint32_t blocks;  /* control blocks behind the first nr_cpus that were taken once */
	uint32_t made;	  /* bit per instance that there ever was */
	uint32_t graced;  /* instances that the grace period is for */
	bool grace;	  /* it is going on */
	uint64_t quiet[CAIRN_MAX_CPUS]; /* how often the CPU was seen in no event */
	/* how deep each CPU is in gate.c, above that how often it came back to 0; written by the CPU alone; LIFO */
	uint64_t depth[CAIRN_MAX_CPUS];
	/* as they were when the grace period began; 0 once the CPU has left */
	uint64_t depth_then[CAIRN_MAX_CPUS];
#if CAIRN_MAX_BUFFERS > 1
	struct cairn_ring *rings[CAIRN_MAX_BUFFERS - 1][CAIRN_MAX_CPUS];
#endif
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
	struct cairn_buffer_row *buffers;
	uint8_t uuid[16];
	uint64_t clock_hz; /* as given at init */
	enum cairn_mode mode;
	uint32_t paused, stopped; /* tracing_on is off; cairn_stop() was called */
	uint32_t next_id;
	uint32_t name_stamp;
	struct cairn_buffer_control control;
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

/* Size of a ring that is to have `wanted` bytes, at most 2^63: a power of two, at least two packets. */
CAIRN_PRIVATE uint64_t cairn_region_ring_bytes(uint64_t wanted, uint64_t packet_bytes);

/* Control block `index` is in use: state.nr_rings tells readers how many of them to look at. Any context, any number of callers. */
CAIRN_PRIVATE void cairn_region_has_ring(uint32_t index);

/* trace.c: the clock as the rings know it: a narrow one is widened against this CPU's ring. Any context. */
CAIRN_PRIVATE uint64_t cairn_now(void);

/* flight.c: forget what was armed, or what cairn_keep() armed of it; look whether the time has come. Any context. */
CAIRN_PRIVATE void cairn_flight_disarm(void);
CAIRN_PRIVATE void cairn_flight_forget_keep(void);
CAIRN_PRIVATE void cairn_flight_tick(void);

/* event.c: register the image's own events, give all known ones an id and an entry, obey trace=. */
CAIRN_PRIVATE void cairn_events_begin(const char *boot_args);
/* cairn_events_enable() and _disable() for one consumer (enum cairn_consumer). */
CAIRN_PRIVATE int cairn_events_switch(const char *patterns, unsigned consumer, bool on);
CAIRN_PRIVATE int cairn_events_join(void); /* the image's own events, late: cairn_register() */
CAIRN_PRIVATE void cairn_events_part(void);
CAIRN_PRIVATE void cairn_events_tracer(void); /* the tracer's switch or filter changed */

#endif
