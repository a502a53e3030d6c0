/* SPDX-License-Identifier: MIT */
/*
 * The reader: from bytes of unknown origin to events, text and exact sums. Hosted C, libc only,
 * read-only.
 *
 *	source   bytes of a file, of a guest's RAM, of a running process; may shrink or change while it is read
 *	image    one region or capture inside a source, found by its magic and validated
 *	block    one control block of an image, and the ring that it describes
 *	stream   one CPU's (thread's) packets in order; after resizes and snapshots they lie in several blocks
 *	buffer   streams that belong together: the main buffer, an instance, a snapshot
 *	epoch    a life of the clock; times of a later one are shown as if it had gone on
 *	packet   a private copy of one packet, checked
 *	walk     goes through one stream record by record and keeps its account
 *	schema   what an image's metadata says about its events; `event` is one of them
 *	printer  a print format compiled once, run for each record
 *	cursor   all streams of a reader merged by time
 *
 * Usual sequence:
 *
 *	struct cairn_reader *r;
 *	struct cairn_fault why;
 *	if (cairn_reader_open(&r, path, sink, &why) < 0) ...
 *	struct cairn_cursor *c = cairn_cursor_open(r);
 *	while (cairn_cursor_next(c, &item) > 0) ...
 *	cairn_cursor_close(c);          the accounts are complete once next() has returned 0
 *	cairn_reader_close(r);
 *
 * Everything read is hostile: it is copied first, then checked, and only the copy is used. What
 * fails a check is kept as far as it parses, and told to the sink. Functions return 0 or a positive
 * amount, or a negative errno number.
 */
#ifndef CAIRN_READER_H
#define CAIRN_READER_H

#include <cairn/layout.h>

#define CAIRN_NO_OFFSET (~(uint64_t)0)
#define CAIRN_NO_NUMBER (-1)

/* Faults: what is wrong, where, and what was made of it. */

enum cairn_fault_kind {
	CAIRN_FAULT_DAMAGE, /* a rule of the format is broken */
	CAIRN_FAULT_NOTE,   /* normal after a crash or on a live target, but worth saying */
};

struct cairn_fault {
	enum cairn_fault_kind kind;
	int image;        /* number of the region in its file, CAIRN_NO_NUMBER */
	int64_t ring;     /* CAIRN_NO_NUMBER = not about a ring */
	int64_t packet;   /* sequence number, CAIRN_NO_NUMBER */
	uint64_t offset;  /* in the file, CAIRN_NO_OFFSET */
	const char *path; /* of the file; NULL = the one that there is */
	char what[176];
	char kept[80]; /* empty = nothing to add */
};

/* Where faults go. `say` may be NULL. */
struct cairn_sink {
	void (*say)(void *ctx, const struct cairn_fault *f);
	void *ctx;
};

void cairn_fault_set(struct cairn_fault *f, uint64_t offset, const char *format, ...)
	CAIRN_PRINTF(3, 4);

/* Text: a bounded buffer that never overflows; `cut` says that something did not fit. */

struct cairn_buf {
	char *bytes;
	size_t size, used;
	bool cut;
};

void cairn_buf_init(struct cairn_buf *t, char *bytes, size_t size);
void cairn_buf_put(struct cairn_buf *t, const char *s, size_t n);
void cairn_buf_printf(struct cairn_buf *t, const char *format, ...) CAIRN_PRINTF(2, 3);
/* NUL-terminate (always possible) and return the text. */
const char *cairn_buf_end(struct cairn_buf *t);

/*
 * Length of the sequence of two and more bytes at `s` if it is valid UTF-8 and harmless on a
 * terminal, else 0.
 */
size_t cairn_reader_utf8_bytes(const char *s, size_t n);

uint32_t cairn_reader_crc32c(uint32_t crc, const void *bytes, size_t n);

/* Sources */

struct cairn_source;

/*
 * Open `path` ("-": standard input, copied to a temporary file). Directories and devices are
 * refused.
 */
int cairn_source_open(struct cairn_source **out, const char *path, struct cairn_fault *why);
/* The same for an open file; takes the descriptor over, also on failure. */
int cairn_source_from_fd(struct cairn_source **out, int fd, struct cairn_fault *why);
void cairn_source_close(struct cairn_source *s);
/* The open file behind it, for who must write the reader's words; stays the source's. */
int cairn_source_fd(const struct cairn_source *s);
/* Bytes now; a file that a target still writes may differ at the next call. */
uint64_t cairn_source_size(const struct cairn_source *s);
/*
 * Copy `n` bytes at `offset`. Returns bytes copied, fewer only at the end, or a negative errno
 * number.
 */
int64_t cairn_source_read(const struct cairn_source *s, uint64_t offset, void *to, size_t n);
/* The same, all or nothing. */
bool cairn_source_read_all(const struct cairn_source *s, uint64_t offset, void *to, size_t n);
/* First offset >= `offset` that may hold anything but zeros; the size when there is none. */
uint64_t cairn_source_next_data(const struct cairn_source *s, uint64_t offset);

/* Schema */

enum cairn_schema_field_kind {
	CAIRN_SCHEMA_INT,
	CAIRN_SCHEMA_ARRAY,
	CAIRN_SCHEMA_DATA_LOC,
	CAIRN_SCHEMA_REL_LOC
};

struct cairn_schema_field {
	char *name;
	char *declaration;
	enum cairn_schema_field_kind kind;
	uint32_t offset;  /* in the payload */
	uint32_t size;    /* of the fixed part */
	uint32_t element; /* bytes of an array's element; else == size */
	bool is_signed;
	bool is_char;    /* characters: %s prints a string */
	bool is_pointer; /* an address: printed, never followed */
};

struct cairn_printer;

struct cairn_schema_event {
	uint32_t id;
	char *full;       /* system:name */
	const char *name; /* behind the colon */
	uint64_t mask, hash;
	struct cairn_schema_field *fields;
	uint32_t nr_fields;
	uint32_t nr_dynamic;
	uint32_t fixed_bytes; /* end of the last fixed field in the payload */
	char *print;          /* print format and arguments as in the metadata */
	struct cairn_printer
		*printer; /* NULL: the format was not understood, fields are printed by name */
	uint64_t gate;
	bool has_entry;                          /* EVENTS has a row of it */
	uint64_t filtered, sampled, over_budget; /* refused, as that row says */
};

struct cairn_schema {
	struct cairn_schema_event **events; /* in order of id */
	uint32_t nr_events;
	struct cairn_schema_event **by_id;
	uint32_t max_id;
};

/* Parse metadata packets. Faults are told relative to `offset`. Returns 0 or -ENOMEM. */
int cairn_schema_load(struct cairn_schema *s, const uint8_t *bytes, size_t n,
		      const uint8_t uuid[16], uint64_t offset, const struct cairn_sink *sink);
void cairn_schema_free(struct cairn_schema *s);
static inline const struct cairn_schema_event *cairn_schema_find(const struct cairn_schema *s,
								 uint32_t id)
{
	return id <= s->max_id && s->by_id ? s->by_id[id] : NULL;
}
const struct cairn_schema_field *cairn_schema_event_field(const struct cairn_schema_event *e,
							  const char *name);
/*
 * Bytes of a payload that has `room` bytes to lie in, or -1 when it does not fit or its slots
 * contradict the layout.
 */
int32_t cairn_schema_event_bytes(const struct cairn_schema_event *e, const uint8_t *payload,
				 uint32_t room);
/*
 * Place and length of a field's data: the field itself, or what its slot points at. False when
 * outside the payload.
 */
bool cairn_schema_field_bytes(const struct cairn_schema_field *f, const uint8_t *payload,
			      uint32_t bytes, const uint8_t **at, uint32_t *n);
/* Little-endian integer of 1, 2, 4 or 8 bytes, sign-extended if asked for. */
uint64_t cairn_reader_int(const uint8_t *at, uint32_t size, bool is_signed);

/* Images */

struct cairn_image_clock {
	uint64_t hz; /* never 0 */
	uint64_t base;
	uint64_t wall_base_ns; /* 0 = unknown */
	bool guessed;          /* the target did not know its frequency */
};

/* Clock value in ns, saturating. */
uint64_t cairn_image_clock_ns(const struct cairn_image_clock *c, uint64_t value);
/* Unix time in ns; valid only if wall_base_ns is not 0. */
int64_t cairn_image_clock_wall_ns(const struct cairn_image_clock *c, uint64_t value);

struct cairn_reader_stream;

struct cairn_place {
	uint64_t seq, offset;
	struct cairn_reader_stream *
		part; /* block, or stream of another image of the region, that it lies in; NULL in `places`: in its own */
};

/* What the stream had counted where the reading of it begins: told by other files, or in other buffers. */
struct cairn_reader_before {
	uint64_t packets, events;
	uint64_t lost[CAIRN_NR_LOST];
};

/* A clear mark, of the stream's newest block. Records before it are not shown. */
struct cairn_reader_mark {
	bool set;
	struct cairn_reader_before before;
};

struct cairn_reader_stream {
	struct cairn_image *image;
	struct cairn_ring cb; /* private copy of the control block */
	uint32_t index;  /* of the control block */
	uint32_t number; /* of the stream, as its packets say it */
	uint32_t packet_bytes;
	uint64_t nr_slots;          /* of the ring */
	uint64_t first_seq;         /* oldest packet that may survive */
	uint64_t nr_places;         /* packets to look at */
	uint64_t end_seq;           /* behind the newest packet */
	uint64_t open_seq;          /* packet that `committed` lies in; CAIRN_SEQ_INVALID = none */
	uint64_t pending_bytes;     /* begun, never committed */
	uint64_t mark_seq;          /* clear mark of this block: packet, and offset in it; 0, 0 = none */
	uint32_t mark_at;
	bool retired;               /* the block has been left */
	bool from_first;            /* `before` is known; else what lies before the first packet shown is not counted */
	struct cairn_reader_before before;
	struct cairn_reader_mark mark;
	char buffer[80];            /* name of the buffer that it belongs to; untrusted characters */
	struct cairn_place *places; /* by seq; NULL: slots of a ring */
};

struct cairn_reader_names;

struct cairn_image {
	struct cairn_source *source;
	const char *path; /* of the source */
	unsigned index;
	unsigned group; /* for cairn_reader_unite() */
	uint64_t base;  /* in the source */
	uint64_t bytes; /* present in the source */
	bool cut;       /* fewer than the superblock says */
	bool from_copy; /* the superblock itself was damaged */
	struct cairn_superblock sb;
	struct cairn_section sections[CAIRN_SECTION_BUFFERS + 1]; /* by type; size 0 = absent */
	struct cairn_state state;
	struct cairn_image_clock clock;
	struct cairn_schema schema;
	struct cairn_reader_names *names;
	struct cairn_reader_stream *blocks; /* usable ones, of all buffers */
	uint32_t nr_blocks;
	struct cairn_reader_stream *streams; /* those chosen, by number */
	uint32_t nr_streams;
	struct cairn_buffer_row *buffers; /* copies, names terminated; none before format 1.1 */
	uint32_t nr_buffers;
	uint64_t *shifts; /* of epochs first_epoch ..., to add to a time of the clock */
	uint32_t nr_shifts;
	int64_t first_epoch;
	uint32_t nr_cpus;
	uint8_t *metadata; /* used bytes of METADATA */
	size_t metadata_bytes;
};

static inline bool cairn_image_is_capture(const struct cairn_image *im)
{
	return im->sb.flags & CAIRN_SB_CAPTURE;
}

/*
 * Look for the next superblock at or after *offset (at page steps, holes skipped). Returns 1 and
 * fills base, sb, bytes, cut, from_copy of `im` and moves *offset behind it; 0 when there is none.
 */
int cairn_image_find(struct cairn_source *s, uint64_t *offset, struct cairn_image *im,
		     const struct cairn_sink *sink);
/* What to read of a region. */
struct cairn_choice {
	const char *buffer; /* "main", an instance's name, "snapshot", "NAME/snapshot", "all"; NULL: main with what its snapshot holds */
	bool behind_mark;   /* also what was there before the buffer was cleared */
};

/* Read STATE, BUFFERS, RINGS, METADATA, EVENTS, NAMES. 0 or a negative errno number. */
int cairn_image_load(struct cairn_image *im, const struct cairn_choice *choice,
		     const struct cairn_sink *sink);
void cairn_image_fini(struct cairn_image *im);
/*
 * Make one image of those that are of one region: images[0 .. *kept - 1] are left to look at, the others hold packets of theirs. Streams point
 * at images: none may move afterwards. 0 or -ENOMEM.
 */
int cairn_reader_unite(struct cairn_image *images, unsigned n, unsigned *kept);
/* Copy of STATE whose clock words belong together. */
bool cairn_image_read_state(const struct cairn_image *im, struct cairn_state *st);
/*
 * Superblock bytes are in order: magic, version, length, checksum, sections. NULL or what is wrong.
 */
const char *cairn_image_superblock_wrong(const uint8_t *page, size_t n,
					 struct cairn_superblock *out);
bool cairn_image_magic_matches(const uint8_t *at);
/* Whole section in fresh memory, at most `n` bytes of it; *got tells how many were there. NULL if none. */
void *cairn_image_copy(const struct cairn_image *im, enum cairn_section_type type, uint64_t n, size_t *got);
void cairn_image_say(const struct cairn_image *im, const struct cairn_sink *sink, struct cairn_fault *f,
		     enum cairn_fault_kind kind);

/* Blocks, buffers */

/* BUFFERS and RINGS: im->buffers, im->blocks. 0 or -ENOMEM. */
int cairn_blocks_load(struct cairn_image *im, const struct cairn_sink *sink);
/* The streams that are chosen, out of the blocks. 0 or -ENOMEM. */
int cairn_blocks_join(struct cairn_image *im, const struct cairn_choice *choice);
/* Stream with this number, or NULL. */
struct cairn_reader_stream *cairn_image_stream(const struct cairn_image *im, uint32_t number);
/* Row of BUFFERS in which a stream began; NULL: unknown or main. */
const struct cairn_buffer_row *cairn_image_origin(const struct cairn_image *im, uint32_t number);
/* "main", "NAME", "snapshot", "NAME/snapshot". Untrusted characters. */
void cairn_buffer_label(const struct cairn_image *im, const struct cairn_buffer_row *row, struct cairn_buf *t);
/* Whether an image has that buffer; "all" is everywhere, "main" too. */
bool cairn_image_has_buffer(const struct cairn_image *im, const char *name);
/* A block's content belongs to that row, now. */
bool cairn_block_is_of(const struct cairn_image *im, const struct cairn_reader_stream *b, uint32_t row);

/* Epochs */

int64_t cairn_image_epoch(const struct cairn_image *im, uint32_t flags);
/* Add to a time of the clock in a packet with these flags: later epochs are shown behind earlier ones. */
uint64_t cairn_image_shift(const struct cairn_image *im, uint32_t flags);
/* Work the shifts out, if the clock restarted. 0 or -ENOMEM. */
int cairn_epochs_load(struct cairn_image *im);

/* Streams and packets */

/*
 * Copy a control block so that `committed` belongs to the rest, and work out which packets may
 * survive. Returns 1, 0 for a block that was never used, -EINVAL with *why for one that contradicts
 * itself.
 */
int cairn_reader_stream_load(struct cairn_image *im, uint32_t index, struct cairn_reader_stream *st,
			     struct cairn_fault *why);
/* Append to `places`, which must hold all nr_places. 0 or -ENOMEM. */
int cairn_reader_stream_add_place(struct cairn_reader_stream *st, struct cairn_place place);
/* Where packet number `i` of a stream's nr_places lies. */
struct cairn_place cairn_reader_stream_place(const struct cairn_reader_stream *st, uint64_t i);
/* The one behind it. Of packets of a ring that are not in the file, one behind the other, the first stands for all. */
uint64_t cairn_reader_stream_next_place(const struct cairn_reader_stream *st, uint64_t i);
/* Number of the packet in which a position lies: nearest to `hint`. */
uint64_t cairn_reader_stream_seq(const struct cairn_ring *cb, uint64_t pos, uint64_t hint);

/*
 * How many packets of a ring, counted from `seq` to the last slot, have no byte in the file: it ends
 * before them or has a hole there. For a look after packet `seq` could not be read.
 */
uint64_t cairn_reader_stream_absent(const struct cairn_reader_stream *st, uint64_t seq);

struct cairn_reader_packet {
	const struct cairn_reader_stream *stream;
	uint64_t seq, offset; /* offset in the file */
	struct cairn_packet_header h;
	uint8_t *bytes;   /* stream->packet_bytes, owned by the caller */
	uint32_t content; /* bytes, header included, bounded */
	bool open;
	bool damaged;
	/* by cairn_reader_packet_parse */
	uint32_t good; /* bytes that parse */
	uint32_t nr_records;
	uint64_t last_ts;
	/* by cairn_walk_packet */
	uint32_t from;       /* first byte that is shown: behind a clear mark */
	uint32_t nr_skipped; /* records before it */
	uint64_t shift;      /* of its epoch */
};

enum { CAIRN_READER_ABSENT = 0, CAIRN_READER_OK = 1 };

/*
 * Copy packet number `seq` from its slot at `offset` (in the region) and validate header fields:
 * rules (1) to (4) of struct cairn_packet_header. CAIRN_READER_ABSENT: overwritten, being reopened,
 * or never used. Negative: unreadable.
 */
int cairn_reader_packet_read(const struct cairn_reader_stream *st, uint64_t seq, uint64_t offset,
			     struct cairn_reader_packet *p, const struct cairn_sink *sink);
/*
 * Latest time a record of the packet may have. `ts_end` of an open packet may lag behind; a closed
 * one's is final. A damaged header sets no bound.
 */
uint64_t cairn_reader_packet_latest(const struct cairn_reader_packet *p);
/*
 * Rule (6): fills good, nr_records, last_ts. Never fails; what does not parse is told and left out.
 */
void cairn_reader_packet_parse(struct cairn_reader_packet *p, const struct cairn_sink *sink);

struct cairn_reader_record {
	const struct cairn_reader_stream *stream;
	const struct cairn_schema_event *event; /* NULL: the rest of a packet, not understood */
	uint64_t ts;                            /* clock, as if it had never restarted */
	uint32_t id, task;
	const uint8_t *payload;
	uint32_t bytes;
	uint64_t offset; /* of the record, in the file */
};

struct cairn_reader_account {
	uint64_t decoded; /* records read; `filtered` of them are cairn:discarded */
	uint64_t filtered;
	uint64_t lost;
	uint64_t lost_by[CAIRN_NR_LOST];
	uint64_t overwritten;
	uint64_t unreadable; /* written, there, and damaged */
	uint64_t
		consumed; /* of a live ring that keeps the oldest: taken by a recorder, whose files have them */
	uint64_t elsewhere; /* in files of the same recording that were not given; not in the sum */
	uint64_t packets;
	uint64_t bytes;             /* of records */
	uint64_t damaged;           /* packets with a fault */
	uint64_t torn;              /* slots being reopened */
	uint64_t first_ts, last_ts; /* valid if decoded */
};

/*
 * Emitted = decoded + lost + overwritten + unreadable + consumed; unreadable is 0 unless the input is damaged, consumed unless the ring
 * is read by a recorder. Of a capture that continues others: emitted since those ended.
 */
static inline uint64_t cairn_reader_account_emitted(const struct cairn_reader_account *a)
{
	return a->decoded + a->lost + a->overwritten + a->unreadable + a->consumed;
}
void cairn_reader_account_add(struct cairn_reader_account *to,
			      const struct cairn_reader_account *a);

struct cairn_walk {
	const struct cairn_reader_stream *stream;
	struct cairn_sink sink;
	struct cairn_reader_account account; /* complete once the walk is over */
	struct cairn_reader_packet packet;
	uint64_t next_place;
	uint32_t at;
	uint64_t ts;
	uint64_t events;              /* records accounted for so far */
	uint64_t discarded;           /* events_discarded accounted for so far */
	uint64_t unsaid;              /* lost and overwritten, not shown yet */
	uint64_t told[CAIRN_NR_LOST]; /* losses that other files tell */
	uint64_t untold;              /* their sum: of `discarded`, what is not told here */
	uint64_t next_seq;            /* the first packet that is not accounted for */
	uint64_t prev_end;            /* shifted */
	int64_t epoch;                /* of the packet before */
	const struct cairn_reader_stream *part;   /* where the last packet was read */
	const struct cairn_reader_stream *before; /* and where those before were, if any was */
	uint64_t open_total; /* records up to the open packet's end; valid if open_total_known */
	bool any, gap_damaged, over, open_total_known;
	bool past_mark;        /* the clear mark was passed */
	bool count_from_first; /* what lies before the first packet is not counted */
};

int cairn_walk_init(struct cairn_walk *w, const struct cairn_reader_stream *st,
		    const struct cairn_sink *sink);
void cairn_walk_fini(struct cairn_walk *w);
/* Go to the next surviving packet: w->packet. Returns 1, or 0 at the end. */
int cairn_walk_packet(struct cairn_walk *w);
/* events_discarded up to the packet's close, as far as the control block vouches for it. */
uint64_t cairn_walk_discarded(const struct cairn_walk *w);
/*
 * Next record, cairn:discarded skipped. The record is valid until the next call. Returns 1, or 0 at
 * the end.
 */
int cairn_walk_next(struct cairn_walk *w, struct cairn_reader_record *r);
/* Events lost or overwritten before the record last returned (or the end) and not yet asked for. */
uint64_t cairn_walk_take_unsaid(struct cairn_walk *w);

/* Names of tasks: learnt from the events passed, then the table of the region. */

int cairn_reader_names_load(struct cairn_reader_names **out, const struct cairn_name *table,
			    uint32_t count);
void cairn_reader_names_free(struct cairn_reader_names *n);
/* Forget what events taught. */
void cairn_reader_names_rewind(struct cairn_reader_names *n);
void cairn_reader_names_learn(struct cairn_reader_names *n, const struct cairn_reader_record *r);
/* Never NULL: `<idle>` for pid 0, `<...>` for an unknown one. */
const char *cairn_reader_names_get(const struct cairn_reader_names *n, uint32_t pid);
/* Row `i` of the table, in the order of pids; false behind the last. */
bool cairn_reader_names_row(const struct cairn_reader_names *n, uint32_t i,
			    const struct cairn_name **row);

/* Printing */

/* Compile what follows `print fmt: `. NULL and *why (static text) when it is not understood. */
struct cairn_printer *cairn_printer_compile(const struct cairn_schema_event *e, const char *format,
					    const char **why);
void cairn_printer_free(struct cairn_printer *p);
/*
 * Text of a payload by its event's printer, else its fields as name=value. Control bytes are
 * escaped.
 */
void cairn_reader_print_event(const struct cairn_schema_event *e, const uint8_t *payload,
			      uint32_t bytes, struct cairn_buf *t);
/*
 * One field's value: numbers in decimal, strings as they are, arrays in braces. Nothing is escaped.
 */
void cairn_reader_print_field(const struct cairn_schema_field *f, const uint8_t *payload,
			      uint32_t bytes, struct cairn_buf *t);
/* Append with control bytes, invalid UTF-8 and C1 controls shown as \xNN. */
void cairn_buf_put_safe(struct cairn_buf *t, const char *s, size_t n);
/* Linux's line without the newline: task, pid, CPU, flags, time, name, text. */
void cairn_reader_print_line(const struct cairn_reader_record *r, struct cairn_buf *t);

/* Reader and cursor */

struct cairn_reader {
	struct cairn_source **sources;
	unsigned nr_sources;
	struct cairn_image *images;
	unsigned nr_images; /* to look at */
	unsigned nr_loaded; /* with those that were united with one of them */
	struct cairn_sink sink;
	bool by_wall; /* all images know Unix time */
};

/* Open, find all images, load them. -ENOENT with *why when there is none. */
int cairn_reader_open(struct cairn_reader **out, const char *path, const struct cairn_sink *sink,
		      struct cairn_fault *why);
/*
 * The same for several files, as one trace; images of one region become one. A file that cannot be read is told to the sink and left out, as
 * long as another one can. `paths` stay the caller's and must live as long as the reader.
 */
int cairn_reader_open_files(struct cairn_reader **out, const char *const *paths, unsigned n,
			    const struct cairn_sink *sink, struct cairn_fault *why);
/* The same, of a part of what they hold; NULL = as above. -ENOENT also if no image has that buffer. */
int cairn_reader_open_chosen(struct cairn_reader **out, const char *const *paths, unsigned n,
			     const struct cairn_choice *choice, const struct cairn_sink *sink,
			     struct cairn_fault *why);
/* Bytes of all sources. */
uint64_t cairn_reader_bytes(const struct cairn_reader *r);
void cairn_reader_close(struct cairn_reader *r);

enum cairn_item_kind { CAIRN_ITEM_EVENT, CAIRN_ITEM_LOST };

struct cairn_item {
	enum cairn_item_kind kind;
	struct cairn_reader_record record; /* EVENT */
	const struct cairn_reader_stream *stream;
	uint64_t lost; /* LOST */
};

struct cairn_cursor {
	struct cairn_reader *reader;
	struct cairn_lane *lanes; /* one a stream */
	uint32_t nr_lanes;
	uint32_t *heap, nr_heap;
	uint32_t tail; /* lanes whose last losses were shown */
	struct cairn_lane *current;
};

/* NULL = out of memory. With `sink` NULL faults are not told. */
struct cairn_cursor *cairn_cursor_open(struct cairn_reader *r, const struct cairn_sink *sink);
void cairn_cursor_close(struct cairn_cursor *c);
/* Returns 1, or 0 at the end. The item is valid until the next call. */
int cairn_cursor_next(struct cairn_cursor *c, struct cairn_item *item);
const struct cairn_reader_account *cairn_cursor_account(const struct cairn_cursor *c, uint32_t lane,
							const struct cairn_reader_stream **st);

#endif
