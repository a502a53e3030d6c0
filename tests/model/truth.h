/* SPDX-License-Identifier: MIT */
/*
 * The shipped ring, compiled with CAIRN_MODEL=1, its memory, and what must be true of it: which
 * record lies where, which packet is open, who is in the middle of what. world.h, which performs
 * the accesses, keeps it up.
 */
#ifndef CAIRN_TESTS_MODEL_TRUTH_H
#define CAIRN_TESTS_MODEL_TRUTH_H

#include "check.h"

#include "core/ring.c"
#include "core/recover.c"

#include <setjmp.h>

#define WORLD_MAX_PACKETS      8u
#define WORLD_MAX_PACKET_BYTES 256u
#define WORLD_MAX_WRITES       60000u
#define WORLD_FLUSH \
	(WORLD_MAX_WRITES - 1) /* stands for a flush where a write's number is asked for */
#define WORLD_MAX_FRAMES 16u
#define WORLD_MAX_SCRIPT 8u
#define WORLD_KEEP \
	32u /* packets whose truth is remembered; a power of two, > 2 * WORLD_MAX_PACKETS */

enum write_state {
	WRITE_BEGUN,
	WRITE_RESERVED,
	WRITE_FILLED,
	WRITE_COMMITTED,
	WRITE_REFUSED,
	WRITE_GIVEN_UP /* lost with a writer that was left */
};

/* One call of cairn_reserve(). Its number is in the record: id = CAIRN_ID_FIRST + number. */
struct world_write {
	uint8_t state;
	bool lost; /* counted */
	uint32_t bytes;
	uint64_t packet;
	uint64_t begin; /* offset in the packet */
	uint64_t ts;
};

/* A write that has begun and not returned. */
struct world_frame {
	uint32_t number;
	bool may_hold; /* its swap on pos succeeded; whether it is the token holder shows at its
			  commit */
	uint64_t mark; /* value of committed that would make it the holder */
	bool opening;  /* it won `packet` and has not finished it */
	uint64_t packet;
	uint64_t clock; /* its last clock read */
	uint64_t pos;   /* its last load of pos, and the sum of losses then */
	uint64_t lost;
	bool acquired; /* it acquired `consumed`, which was .. */
	uint64_t consumed;
	unsigned preempt, nr_left; /* as it began */
	jmp_buf jump; /* to where this write was called */
};

/* What is true of a packet, by its number. */
struct world_packet {
	uint64_t end; /* offset of the end of its last reserved record */
	uint64_t records;
	uint64_t before;             /* records in all packets before it */
	uint64_t lost_min, lost_max; /* bounds of events_discarded once closed */
	bool closed;
	bool left; /* its opener was left */
};

enum action_kind {
	ACT_WRITE, /* a whole write of .value bytes of payload */
	ACT_FLUSH,
	ACT_STOP, /* another CPU stops the ring */
	ACT_START,
	ACT_MODE,     /* .value: the new mode */
	ACT_CLOCK,    /* .value is added to the clock */
	ACT_CONSUME,  /* the reader of discard mode takes one packet */
	ACT_CONSUMED, /* .value is written to `consumed` from outside */
	ACT_LEAVE,    /* a jump out of all writers but the .value outermost; they never come back */
};

struct world_action {
	enum action_kind kind;
	uint64_t value;
};

static struct {
	/* the machine */
	struct cairn_ring ring CAIRN_ALIGNED(64);
	struct cairn_closed closed[WORLD_MAX_PACKETS];
	char packets[WORLD_MAX_PACKETS * WORLD_MAX_PACKET_BYTES] CAIRN_ALIGNED(64);
	uint64_t clock;
	bool clock_coarse; /* it stands between readings */
	unsigned preempt;
	unsigned cpu; /* 0 but in tests of that */
	uint64_t task;

	/* truth */
	uint64_t nr_packets, packet_bytes;
	uint64_t first_packet; /* number of the packet that first_pos begins */
	uint64_t packet;       /* number of the packet that pos lies in */
	bool opened;           /* a packet has been opened */
	struct world_packet about[WORLD_KEEP];
	uint64_t last_time;  /* of the last record or packet begin, in ring order */
	uint64_t nr_lost;    /* writes refused while the ring was on */
	uint64_t nr_refused; /* writes refused because it was off */
	uint64_t nr_kept;    /* writes that reserved */
	bool left_pending;   /* somebody was left with the token, or behind it; nobody has noticed */
	unsigned nr_left;    /* jumps */
	unsigned nr_left_seen; /* at the last recovery */
	uint64_t nr_unbegun; /* writes that were left before they reserved */
	uint64_t consumed_records;
	bool stop_seen, stopped;
	unsigned starts;
	bool overwrites;    /* overwrite mode was on at some time, or `consumed` was forged */
	bool clock_leapt;   /* the clock went forward by hours */
	bool clock_stepped; /* it stepped back */
	bool clock_back; /* it stepped back while a writer was in the middle: times are not checked
			  */
	uint32_t nr_writes;

	/* the run */
	struct world_frame frame[WORLD_MAX_FRAMES];
	unsigned depth, max_depth;
	bool armed; /* points count and are checked */
	bool dirty; /* something changed since the last check; checked once the script is done,
		       since what comes before was checked by the shorter scripts */
	bool checked_elsewhere; /* this run is not about the image at each point */
	uint32_t max_points;    /* more is taken for an endless loop */
	uint32_t points;
	uint32_t accesses;
	struct {
		uint32_t at;
		struct world_action action;
	} script[WORLD_MAX_SCRIPT];
	unsigned nr_script, next;
	const char *scenario; /* for failures */
} w;

/* Outlive the runs. */
static struct world_write world_writes[WORLD_MAX_WRITES];
static uint64_t world_runs, world_checks, world_points;

/* Called at each point before everything else, and with each store; for tests that add actors. */
static void (*world_at_point)(void);
static void (*world_at_store)(const volatile void *p, unsigned bytes, enum cairn_order order);
static void (*world_at_fence)(enum cairn_order order);

/* While another CPU runs shipped code, its accesses go there instead; nothing nests on it here. */
struct world_foreign {
	uint64_t (*load)(const volatile void *p, unsigned bytes, enum cairn_order order);
	void (*store)(volatile void *p, unsigned bytes, uint64_t v, enum cairn_order order);
	void (*fence)(enum cairn_order order);
};
static const struct world_foreign *world_foreign;

/* With a pointer behind the last, for whoever reads too far. */
struct world_rings {
	struct cairn_ring *at[CAIRN_MAX_CPUS], *behind;
} world_rings;
extern struct cairn_ring *cairn_rings[CAIRN_MAX_CPUS] __attribute__((alias("world_rings")));

/* ---- failures ---- */

__attribute__((format(printf, 2, 3))) static void world_fail(const char *invariant,
							     const char *format, ...)
{
	char text[512], script[256];
	va_list args;
	size_t n = 0;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	script[0] = 0;
	for (unsigned i = 0; i < w.nr_script && n < sizeof(script) - 40; i++)
		n += (size_t)snprintf(script + n, sizeof(script) - n, " %u:%d/%" PRIu64,
				      w.script[i].at, (int)w.script[i].action.kind,
				      w.script[i].action.value);
	w.armed = false;
	check_fail_("%s: %s\n  scenario %s, script (point:action/value)%s, point %u, depth %u",
		    invariant, text, w.scenario ? w.scenario : "?", script, w.points, w.depth);
}

#define WORLD_REQUIRE(cond, invariant, ...)                 \
	do {                                                \
		if (__builtin_expect(!(cond), 0))           \
			world_fail(invariant, __VA_ARGS__); \
	} while (0)

/* ---- the truth about packets ---- */

static struct world_packet *world_about(uint64_t packet)
{
	return &w.about[packet & (WORLD_KEEP - 1)];
}

static uint64_t world_lost(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < CAIRN_NR_LOST; i++)
		sum += w.ring.lost[i];
	return sum;
}

/* Number of the packet of a position not ahead of pos. */
static uint64_t world_packet_of(uint64_t pos)
{
	uint64_t behind = (w.ring.pos - (pos & ~w.ring.pkt_mask)) & CAIRN_POS_MASK;

	return w.packet - behind / w.packet_bytes;
}

/* Number of the oldest packet that the ring can hold now. */
static uint64_t world_oldest(void)
{
	uint64_t laps = w.packet + 1 - w.first_packet;

	return laps < w.nr_packets ? w.first_packet : w.packet + 1 - w.nr_packets;
}

static struct cairn_packet_header *world_hdr(uint64_t packet)
{
	return (struct cairn_packet_header *)(void *)(w.packets +
						      packet % w.nr_packets * w.packet_bytes);
}

static uint32_t world_record_bytes(uint32_t bytes)
{
	return (CAIRN_RECORD_HEADER_BYTES + bytes + 3) & ~3u;
}

static uint8_t world_byte(uint32_t number, uint32_t i)
{
	return (uint8_t)(number * 37 + i * 11 + (number >> 8) + 1);
}

#endif
