/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a region: what a running system, a dead process's file, a guest's RAM, a crash image and a capture file
 * have in common. Everything here is shared between versions and machines: explicit widths, explicit padding, asserted
 * offsets. All numbers are little-endian; all places are offsets in bytes from the start of the region, never pointers.
 *
 *	region  := superblock page, sections in any order, copy of the superblock in the last 4 KiB
 *	section := one row of the superblock's table; readers skip types they do not know
 *	ring    := a control block in RINGS, `closed` entries behind the control blocks, packets in PACKETS
 *	packet  := 88 bytes of header, records, unused rest: a CTF 1.8 packet at every instant
 *	record  := 12 bytes of header, payload, up to 3 zero bytes so that it ends on a multiple of 4
 *
 * A *capture* is a region that a tool wrote: CAIRN_SB_CAPTURE is set, PACKETS is the last section and is a plain
 * sequence of packets in any order (each `packet_bytes` long, told apart by CAIRN_PACKET_STREAM(flags) and
 * packet_seq_num); a size of 0 means "to the end of the file". It has no copy of the superblock. Several regions and
 * captures may stand one behind the other in one file, each at a multiple of 4 KiB: the next begins region_bytes
 * after the last, and the last one may have region_bytes 0, "to the end of the file".
 *
 * Nothing in a region is to be trusted by a reader: check every offset and length before use.
 * Normative text for readers: docs/formats.md.
 */
#ifndef CAIRN_LAYOUT_H
#define CAIRN_LAYOUT_H

#include "compiler.h"

#define CAIRN_FORMAT_MAJOR 1
#define CAIRN_FORMAT_MINOR 1

#define CAIRN_PAGE_BYTES 4096u

/* The 16 bytes that begin a superblock. Programs keep them XOR-ed with 0xFF so that only regions match a search. */
#define CAIRN_MAGIC_BYTES 16u
#define CAIRN_MAGIC_XOR   0xFFu
#define CAIRN_MAGIC_XORED                                                                     \
	{                                                                                     \
		0xbc, 0xbe, 0xb6, 0xad, 0xb1, 0xd2, 0xad, 0xba, 0xb8, 0xb6, 0xb0, 0xb1, 0xf2, \
			0xf5, 0xe5, 0xf5                                                      \
	}
/* "CAIRN-REGION\r\n\x1a\n" */

enum cairn_section_type {
	CAIRN_SECTION_STATE = 1, /* struct cairn_state: all words that change */
	CAIRN_SECTION_METADATA =
		2, /* CTF metadata packets, append-only; state.metadata_bytes are used */
	CAIRN_SECTION_EVENTS =
		3, /* struct cairn_event_entry[count], index = order of registration */
	CAIRN_SECTION_RINGS =
		4, /* struct cairn_ring[count], then the struct cairn_closed of all rings */
	CAIRN_SECTION_PACKETS = 5, /* the packets of all rings; entry_size = packet_bytes */
	CAIRN_SECTION_NAMES = 6,   /* struct cairn_name[count], count a power of two */
	CAIRN_SECTION_STATS = 7,   /* always-on counters (empty in format 1.0) */
	CAIRN_SECTION_HISTS = 8,   /* histograms of triggers (empty in format 1.0) */
	CAIRN_SECTION_QUEUE = 9,   /* rings of control requests and answers (empty in format 1.0) */
	CAIRN_SECTION_PAGES =
		10, /* physical pages of the region, u64 each, where they are not contiguous */
	CAIRN_SECTION_BUFFERS = 11, /* struct cairn_buffer_row[count]; since format 1.1 */
};

struct cairn_section {
	uint32_t type;
	uint32_t version;
	uint64_t offset;
	uint64_t size; /* bytes; 0 in a capture's PACKETS: to the end of the file */
	uint32_t entry_size;
	uint32_t count;
};

#define CAIRN_MAX_SECTIONS 16u

enum {
	CAIRN_SB_WEAK_UUID =
		1u << 0, /* no entropy was at hand: the UUID may repeat on another machine */
	CAIRN_SB_USER =
		1u << 1, /* a user-space process: streams are threads, cpu_id numbers streams */
	CAIRN_SB_CAPTURE = 1u << 2,     /* written by a tool: see the head of this file */
	CAIRN_SB_CLOCK_NS = 1u << 3,    /* the clock counts nanoseconds */
	CAIRN_SB_CLOCK_LOCAL = 1u << 4, /* each CPU has a clock of its own, not synchronized */
};

enum { CAIRN_ARCH_X86_64 = 1, CAIRN_ARCH_AARCH64 = 2, CAIRN_ARCH_RISCV64 = 3 };

/*
 * Written once, then immutable; `magic` last. Valid if and only if (1) magic matches, (2) major is known, (3)
 * superblock_bytes is at least 1024 and at most 4096, (4) crc32c is the CRC-32C of that many bytes with the field
 * itself taken as 0, (5) every section lies within the region.
 */
struct cairn_superblock {
	uint8_t magic[CAIRN_MAGIC_BYTES];
	uint16_t major;
	uint16_t minor;
	uint32_t crc32c;
	uint32_t superblock_bytes;
	uint32_t nr_sections;
	uint64_t
		region_bytes; /* whole length, copy included; 0 in a capture that is still written */
	uint8_t uuid[16];     /* as in each packet */
	uint64_t boot_nonce;  /* differs from boot to boot, from process to process */
	uint32_t arch;
	uint32_t flags;
	uint32_t clock_bits; /* width of the clock, 24 .. 64; times in the region are 64 bits wide in any case */
	uint32_t nr_cpus;    /* CPUs, or streams at most in user space */
	uint64_t clock_hz; /* as known at init; 0 = unknown. state.clock_hz wins when it is not 0 */
	uint64_t clock_base;   /* clock at init */
	uint64_t wall_base_ns; /* Unix time of clock_base in ns; 0 = unknown */
	uint32_t packet_bytes; /* P */
	uint32_t pid;          /* user space: the process; else 0 */
	uint64_t
		start_time; /* user space: start of the process, clock ticks since boot (/proc/PID/stat, field 22) */
	uint64_t reserved0;
	char name[64];            /* kernel or program, NUL-terminated */
	char build_id[64];        /* lower-case hex, NUL-terminated; empty = unknown */
	uint8_t capture_uuid[16]; /* a capture's own UUID; else 0 */
	uint8_t reserved1[240];
	struct cairn_section sections[CAIRN_MAX_SECTIONS];
};

enum {
	CAIRN_STATE_STOPPED = 1u << 0, /* nothing is written to any ring any more */
	CAIRN_STATE_PAUSED = 1u << 1,  /* tracing_on is off */
};

/* All mutable words that are not a ring's. One writer (the target); readers load each word once. */
struct cairn_state {
	uint32_t flags;
	uint32_t nr_events;        /* entries used in EVENTS */
	uint64_t metadata_bytes;   /* bytes used in METADATA; released after the bytes */
	uint32_t metadata_refused; /* events refused because METADATA or EVENTS was full */
	uint32_t nr_rings;         /* control blocks ever used, counted from the first */
	uint32_t clock_seq;        /* odd while the next three words change */
	uint32_t clock_resets;
	uint64_t clock_hz; /* 0: the superblock's three words count; else these */
	uint64_t clock_base;
	uint64_t wall_base_ns;
	uint64_t names_dropped; /* names not stored because the slot was being written */
	uint64_t
		lost_no_stream; /* events without a ring: CPU index out of range, no stream to be had */
	uint64_t work_pending_since; /* clock; 0 = none */
	uint64_t stopped_at;         /* clock at the stop; 0 = running */
	uint64_t frozen_at;          /* clock at the last freeze (flight.h); 0 = never. Since format 1.1 */
	uint64_t reserved[19];
	uint64_t
		earlier_no_stream; /* captures only: of lost_no_stream, what earlier files of the recording tell */
};

/* An event as the outside may want to see it without decoding metadata. */
struct cairn_event_entry {
	uint32_t id;
	uint32_t gate;      /* copy of the gate word: CAIRN_GATE_* */
	uint64_t mask;      /* categories */
	uint64_t hash;      /* of the schema: names, types, offsets, print format */
	uint64_t consumers; /* bit per consumer that enables it */
	uint64_t filtered;  /* refused by a filter, sampled out, over budget: not losses */
	uint64_t sampled;
	uint64_t over_budget;
	uint64_t reserved;
};

enum cairn_mode { CAIRN_OVERWRITE = 0, CAIRN_DISCARD = 1 };

/* Why an event was not written. The order is part of the format. */
enum cairn_lost {
	CAIRN_LOST_FULL,      /* discard mode: no free packet */
	CAIRN_LOST_WRAP,      /* the ring would overtake a record that is not committed yet */
	CAIRN_LOST_BIG,       /* larger than a packet holds */
	CAIRN_LOST_CLOCK,     /* the clock stepped back and stayed back */
	CAIRN_LOST_RECURSION, /* nested too deep */
	CAIRN_LOST_NO_STREAM, /* no ring (state.lost_no_stream counts these; this one stays 0 in a ring) */
	CAIRN_LOST_SWITCH,    /* the ring was being exchanged */
	CAIRN_LOST_ABANDONED, /* begun and never committed (siglongjmp, cancelled thread) */
	CAIRN_NR_LOST,
};

#define CAIRN_RING_MAGIC 0x474e5243u /* "CRNG" */

/*
 * What a control block is for. UNUSED and POOLED ones have no packets (POOLED: its CPU's for good, see core/block.c); PREPARED: no
 * record yet, its CPU will go on in it; FROZEN: its CPU goes on elsewhere, what is in it stays.
 */
enum {
	CAIRN_RING_UNUSED = 0,
	CAIRN_RING_LIVE = 1,
	CAIRN_RING_POOLED = 2,
	CAIRN_RING_PREPARED = 3,
	CAIRN_RING_FROZEN = 4,
};

/*
 * Control block of a ring. `pos` and `committed`: low 48 bits the byte position, never reduced modulo the ring; high 16
 * bits the number of records in the packet the position lies in. What lies between them is begun and not committed: it is neither
 * decoded nor lost, and not counted as emitted. Packet s occupies slot s mod N, N = (ring_mask + 1) / P.
 *
 * A stream may go on in another control block (resize, snapshot): packet numbers and totals go on, so the packets of all blocks of one
 * stream are one sequence. Bit 0 of both words (CAIRN_POS_RETIRED): the ring has been left; nothing is written to it any more.
 */
struct cairn_ring {
	/* hot line: the writer, on every event */
	uint64_t pos;
	uint64_t limit;     /* last position at which a record may end in the current packet */
	uint64_t committed; /* all before it is complete; readers acquire it */
	uint64_t base;      /* address of the first packet, for the writer alone */
	uint64_t ring_mask; /* N * P - 1 */
	uint64_t pkt_mask;  /* P - 1 */
	uint32_t task;      /* task word of the records to come: CAIRN_TASK_* */
	uint32_t mode;      /* enum cairn_mode */
	uint64_t closed;    /* address of the ring's closed[N], for the writer alone */
	/* cold: packet opening, losses */
	uint64_t lost[CAIRN_NR_LOST]; /* by cause; their sum is the number of events not written */
	uint64_t events_total;        /* records in all packets published as closed */
	uint64_t
		seq_hint; /* number of the newest packet or of one just before it: extends positions to 64 bits */
	uint64_t packets_offset; /* place of the first packet in the region */
	uint64_t closed_offset;  /* place of closed[N] in the region; 0 in a capture */
	uint32_t enabled;
	uint32_t magic; /* CAIRN_RING_MAGIC once the block is initialized */
	uint32_t cpu;
	uint32_t index;  /* number of this control block */
	uint32_t buffer; /* 0 = the main buffer; row of section BUFFERS */
	uint32_t state;  /* CAIRN_RING_* */
	/* since format 1.1; 0 before */
	uint32_t stream;     /* what its packets say (CAIRN_PACKET_STREAM): buffer * nr_cpus + cpu of the buffer that it began in */
	uint32_t then;       /* buffer that it belongs to from the request of its successor on; CAIRN_BUFFER_NONE = given up */
	uint64_t successor;  /* address of the ring that the CPU is asked to go on in, for the writer alone; 0 = none */
	uint64_t slot;       /* address of the pointer through which writers find this ring, for the writer alone */
	uint64_t wake_bytes; /* so many unread bytes wake the reader; 0 = never */
	/* for the writer alone, where writers can be left by a jump (port.h, CAIRN_PORT_JUMPS) */
	uint64_t frame;       /* stack pointer of the outermost writer */
	uint64_t settled;     /* position that is being published */
	uint64_t begun, done; /* nested writers; unequal at rest: one was left */
	uint64_t in_slow;     /* writers, nested in one another, that are in the slow path */
	/* reader's line: the only words that the outside writes, see design.md D13 */
	uint64_t reader;   /* claim: 0 = free, CAIRN_READER_*, else a reader inside the target */
	uint64_t consumed; /* position of the next unread record; advisory in overwrite mode */
	uint64_t woken;    /* 1: the reader was woken and has not looked since */
	uint64_t reserved2[5];
	uint64_t start; /* clear mark: reports begin here */
	uint64_t start_lost; /* losses, all causes, when it was set */
	uint64_t next;       /* of control operations: successor that is prepared, not asked for yet */
	uint64_t quiet;      /* of control operations, see core/block.c */
	uint64_t start_events; /* records of the stream before the mark that was set last, in whichever of its rings that was */
	uint64_t start_lost_by[CAIRN_NR_LOST]; /* losses before it */
	uint32_t cleared;    /* how often the stream was cleared; 0: what `start` hides counts as overwritten */
	uint32_t reserved4;
	/* captures only: what earlier files of the same recording hold of this ring; all 0 in the first one, and in a region */
	uint64_t earlier_packets; /* number of the first packet that this file answers for */
	uint64_t earlier_events;  /* records in the packets before it */
	uint64_t earlier_lost[CAIRN_NR_LOST];
};

#define CAIRN_BUFFER_NONE 0xffffffffu
enum { CAIRN_BUFFER_UNUSED = 0, CAIRN_BUFFER_MAIN = 1, CAIRN_BUFFER_INSTANCE = 2, CAIRN_BUFFER_SNAPSHOT = 3 };

/*
 * A buffer: one ring for each CPU (control blocks with this row's number in `buffer`). A snapshot holds what its parent's rings had been
 * when it was taken: FROZEN rings, and those rings of the parent whose CPU was asked (`successor`) and has written nothing since.
 */
struct cairn_buffer_row {
	char name[32]; /* NUL-terminated */
	uint32_t kind; /* CAIRN_BUFFER_* */
	uint32_t parent; /* of a snapshot */
	uint32_t mode;   /* enum cairn_mode */
	uint32_t paused; /* its own tracing_on is off */
	uint64_t ring_bytes; /* of a CPU, as asked for last */
	uint64_t taken_at;   /* of a snapshot: clock */
	uint64_t reserved[8];
};

/*
 * `reader` when a process outside the target has claimed the ring: who it is, so that another one can tell whether it still lives.
 * Bit 63 is set, bits 23..62 are its start (clock ticks since boot, /proc/PID/stat, field 22), bits 0..22 its pid.
 */
#define CAIRN_READER_OUTSIDE  ((uint64_t)1 << 63)
#define CAIRN_READER_NOBODY   (~(uint64_t)0) /* the ring is about to be used again: it cannot be claimed */
#define CAIRN_READER_PID_BITS 23u
#define CAIRN_READER_PID_MASK (((uint64_t)1 << CAIRN_READER_PID_BITS) - 1)

/* What the opener of packet s + 1 leaves about packet s, in closed[s mod N]. */
struct cairn_closed {
	uint64_t end;      /* value of pos when the packet was closed */
	uint64_t ts_close; /* clock then */
};

#define CAIRN_CTF_MAGIC   0xC1FC1FC1u
#define CAIRN_SEQ_INVALID (~(uint64_t)0)

/*
 * Header of a packet; records start behind it. In a ring, a packet is accepted if and only if (1) magic, uuid and
 * packet_bits match, (2) seq mod N is its slot, (3) 88 * 8 <= content_bits <= packet_bits, (4) ts_begin <= ts_end, (5) its
 * neighbours in seq order do not overlap it in time, (6) the records parse exactly to content_bits, with known ids and times
 * that do not decrease, (7) events_before agrees with the packet before it (an empty packet may not have it yet).
 */
struct cairn_packet_header {
	uint32_t magic;
	uint8_t uuid[16];
	uint32_t stream_id; /* class, always 0 in format 1.0 */
	uint64_t ts_begin;
	uint64_t ts_end;
	uint64_t content_bits;
	uint64_t packet_bits;
	uint64_t seq; /* number of the packet in its ring; CAIRN_SEQ_INVALID = slot not valid */
	uint64_t events_discarded; /* lost in this ring up to the close of this packet */
	uint64_t events_before;    /* records in all earlier packets of this ring */
	uint32_t cpu_id;
	uint32_t flags; /* CAIRN_PACKET_STREAM, CAIRN_PACKET_EPOCH */
};

#define CAIRN_PACKET_HEADER_BYTES 88u
#define CAIRN_PACKET_STREAM(flags) ((flags)&0xffffu) /* number of the stream */
#define CAIRN_PACKET_EPOCH(flags)  ((flags) >> 16)    /* times of the clock the so-many-th that it restarted, modulo 2^16 */
#define CAIRN_PACKET_MIN          4096u
#define CAIRN_PACKET_MAX          (512u * 1024u)

/* A record: u64 ts48 | id << 48, u32 task word, payload. */
#define CAIRN_RECORD_HEADER_BYTES 12u
#define CAIRN_RECORD_MAX          4056u /* payload, so that any record fits a 4,096-byte Linux sub-buffer */
#define CAIRN_TS_BITS             48u
#define CAIRN_TS_MASK             (((uint64_t)1 << CAIRN_TS_BITS) - 1)

#define CAIRN_ID_FIRST 18u
#define CAIRN_ID_LAST  65534u
#define CAIRN_ID_DISCARDED \
	65535u /* cairn:discarded: payload u32 n and n bytes; skip, count as filtered */

/* Task word */
#define CAIRN_TASK_PID_MASK     0x00ffffffu
#define CAIRN_CTX_HARDIRQ       (1u << 24)
#define CAIRN_CTX_SOFTIRQ       (1u << 25)
#define CAIRN_CTX_NMI           (1u << 26)
#define CAIRN_CTX_IRQS_OFF      (1u << 27)
#define CAIRN_CTX_NEED_RESCHED  (1u << 28)
#define CAIRN_CTX_PREEMPT_SHIFT 29u /* three bits, saturating */

#define CAIRN_POS_BITS   48u
#define CAIRN_POS_MASK   (((uint64_t)1 << CAIRN_POS_BITS) - 1)
#define CAIRN_ONE_RECORD ((uint64_t)1 << CAIRN_POS_BITS)
#define CAIRN_POS_RETIRED ((uint64_t)1) /* positions are multiples of 4 */
#define CAIRN_SUCCESSOR_TAKEN ((uint64_t)1) /* in `successor`: its CPU is going over to it */

/* A task's name. Slot by cairn_name_slot(pid), then three more; odd version = being written; 0 = empty. */
#define CAIRN_COMM_BYTES  16u
#define CAIRN_NAME_PROBES 4u
struct cairn_name {
	uint32_t version;
	uint32_t pid;
	uint32_t tgid;
	uint32_t
		stamp; /* grows with each write to the table: the smallest of the four probed is replaced */
	char comm[CAIRN_COMM_BYTES];
};

/* First of the four slots (slot, slot + 1, ...; modulo nr_slots) that may hold the name of `pid`. */
CAIRN_INLINE uint32_t cairn_name_slot(uint32_t pid, uint32_t nr_slots)
{
	return ((pid * 2654435761u) >> 8) & (nr_slots - 1);
}

/*
 * Head of a CTF metadata packet (CTF 1.8.3, section 7.1). content and packet sizes in bits, head included; packets follow each
 * other at packet_bits. crc32c covers the text (its place in CTF is the checksum, with a scheme of 0). Who exports a CTF trace writes 0 there:
 * babeltrace2 2.0 refuses any other value.
 */
#define CAIRN_METADATA_MAGIC        0x75D11D57u
#define CAIRN_METADATA_HEADER_BYTES 37u
#define CAIRN_METADATA_OFF_UUID     4u
#define CAIRN_METADATA_OFF_CRC32C   20u
#define CAIRN_METADATA_OFF_CONTENT  24u
#define CAIRN_METADATA_OFF_PACKET   28u
#define CAIRN_METADATA_OFF_MAJOR \
	35u /* bytes 32..34: compression, encryption, checksum scheme, all 0 */

/*
 * In the metadata text, before each event block, stands the description that readers of Cairn's use (the TSDL itself says the
 * same to CTF readers):
 *
 *	comment opener, directly followed by `cairn event ID SYSTEM:NAME`, then a line each:
 *	mask 0xHEX
 *	hash 0xHEX
 *	field OFFSET SIZE SIGNED ELEMENT DECLARATION
 *	print FORMAT-AND-ARGUMENTS
 *	comment closer, alone on its line
 *
 * OFFSET counts from the start of the Linux record (payload offset + 8), SIZE is that of the fixed part (4 for a slot), SIGNED 0 or
 * 1, ELEMENT the size of an array's element (else equal to SIZE), DECLARATION is Linux's, for instance `pid_t prev_pid`, `char
 * comm[16]`, `__data_loc char[] path`. FORMAT-AND-ARGUMENTS is what follows `print fmt: ` in Linux. One line each. Within
 * them, a star and a slash with nothing or only backslashes in between have one backslash more there, which readers take out.
 */

CAIRN_STATIC_ASSERT(sizeof(struct cairn_section) == 32, "section row is 32 bytes");
CAIRN_STATIC_ASSERT(sizeof(struct cairn_superblock) == 1024, "superblock is 1024 bytes");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_superblock, crc32c) == 20, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_superblock, region_bytes) == 32, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_superblock, uuid) == 40, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_superblock, arch) == 64, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_superblock, clock_hz) == 80, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_superblock, packet_bytes) == 104, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_superblock, name) == 128, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_superblock, sections) == 512, "format");
CAIRN_STATIC_ASSERT(sizeof(struct cairn_state) == 256, "state is 256 bytes");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_state, clock_hz) == 32, "format");
CAIRN_STATIC_ASSERT(sizeof(struct cairn_event_entry) == 64, "event entry is 64 bytes");
CAIRN_STATIC_ASSERT(sizeof(struct cairn_ring) == 512, "control block is 512 bytes");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_ring, lost) == 64, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_ring, packets_offset) == 144, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_ring, reader) == 256,
		    "the reader's words have a line of their own");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_ring, start) == 320, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_ring, stream) == 184, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_ring, start_events) == 352, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_ring, wake_bytes) == 208, "format");
CAIRN_STATIC_ASSERT(sizeof(struct cairn_buffer_row) == 128, "row of BUFFERS is 128 bytes");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_ring, earlier_packets) == 432, "format");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_state, earlier_no_stream) == 248, "format");
CAIRN_STATIC_ASSERT(sizeof(struct cairn_closed) == 16, "format");
CAIRN_STATIC_ASSERT(sizeof(struct cairn_packet_header) == CAIRN_PACKET_HEADER_BYTES,
		    "packet header is 88 bytes");
CAIRN_STATIC_ASSERT(offsetof(struct cairn_packet_header, seq) == 56,
		    "the first 64 bytes share a cache line");
CAIRN_STATIC_ASSERT(sizeof(struct cairn_name) == 32, "name slot is 32 bytes");

#endif
