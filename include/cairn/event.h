/* SPDX-License-Identifier: MIT */
/*
 * Events: what a tracepoint records, and the registry of all of them.
 *
 *	event	one static tracepoint: system, name, fields, print format, key, gate word
 *	class	the layout that one or several events share
 *	key	the branch at each place that fires the event (key.h)
 *	gate	decides what a firing does: CAIRN_GATE_RECORD alone goes straight to the ring, any other bit takes the slow way
 *	consumer	somebody who wants the event; it is on while one of them does, and none switches another off
 *
 * Events are declared with CAIRN_EVENT (below) or, with linux-compat/ on the include path, with Linux's TRACE_EVENT. They register
 * by a section; cairn_init() finds those of its own image.
 */
#ifndef CAIRN_EVENT_H
#define CAIRN_EVENT_H

#include "compiler.h"
#include "config.h"
#include "error.h"
#include "key.h"
#include "layout.h"
#include "port.h"
#include "ring.h"

/* ---- descriptions, filled by the declaring macros ---- */

enum cairn_field_kind {
	CAIRN_FIELD_SCALAR,  /* integer, enum, pointer */
	CAIRN_FIELD_STRUCT,  /* opaque bytes */
	CAIRN_FIELD_ARRAY,   /* T n[len] */
	CAIRN_FIELD_LOC,     /* __data_loc T[] n: u32 slot, data in the tail */
	CAIRN_FIELD_REL_LOC, /* __rel_loc T[] n: likewise, offset from the end of the slot */
};

enum cairn_field_show {
	CAIRN_SHOW_PLAIN,  /* the conversion given, or the one of the type */
	CAIRN_SHOW_FLAGS,  /* names of bits, joined by | */
	CAIRN_SHOW_SYMBOL, /* name of the value */
	CAIRN_SHOW_STRING, /* characters up to NUL */
	CAIRN_SHOW_HEX,    /* array of integers or bytes */
};

struct cairn_name_pair {
	uint64_t value;
	const char *name;
};

struct cairn_names {
	const struct cairn_name_pair *pair;
	unsigned nr;
};

/* One field of the fixed part. Static data of the declaring file, self-contained, never freed. */
struct cairn_field {
	const char *name;
	const char *type;  /* C type of the scalar or of the element, as written */
	uint16_t offset;   /* in the payload */
	uint16_t size;     /* bytes in the fixed part; 4 for a slot */
	uint16_t element;  /* bytes of one element; `size` for scalars */
	uint8_t is_signed; /* of the scalar or element; 0 for char, as in Linux */
	uint8_t kind;      /* enum cairn_field_kind */
	uint8_t show;      /* enum cairn_field_show */
	const struct cairn_names *names; /* of CAIRN_SHOW_FLAGS and _SYMBOL, else NULL */
};

struct cairn_class {
	const struct cairn_field *(*fields)(unsigned *nr);
	uint32_t fixed_bytes; /* of the payload, tail not counted */
};

enum {
	CAIRN_GATE_RECORD = 1u << 0, /* write it to the main buffer */
	CAIRN_GATE_SLOW = 1u << 1,   /* anything else: filter, callback, trigger, budget, second buffer, soft mode */
};

enum cairn_consumer {
	CAIRN_CONSUMER_ENABLE,  /* the event's own switch: cairn_event_enable(), events/SYS/NAME/enable, trace= */
	CAIRN_CONSUMER_TRACER,  /* cairn_trace_enable() with its category filter */
	CAIRN_CONSUMER_STATIC,  /* static tracepoints of spec origin.md section 2 */
	CAIRN_CONSUMER_MEMORY,  /* memory mask */
	CAIRN_CONSUMER_TRIGGER, /* triggers */
};

enum {
	CAIRN_EVENT_FULL_PRINT = 1u << 0, /* print holds format and arguments as Linux's `print fmt:`; else the format alone, and
					     the arguments are the fields in order */
	CAIRN_EVENT_PLAIN_PRINT = 1u << 1, /* no format: name=value for each field */
};

#define CAIRN_NAME_MAX 63u /* characters of a system's or event's name */

/*
 * An event. Defined by the macros, one for each declaration, with C linkage, never moved or freed while registered. Users pass
 * it by address and read system, name and id.
 */
struct cairn_event {
	struct cairn_key key; /* first: sites refer to the object */
	uint32_t gate;        /* CAIRN_GATE_*; written by control operations, read by emitters */
	uint32_t id;          /* 0 until registered */
	uint32_t flags;       /* CAIRN_EVENT_* */
	const char *system;
	const char *name;
	const char *print;
	const struct cairn_class *cls;
	uint64_t mask;        /* categories (CAIRN_CAT); 0 = its system's default, set at registration */
	int (*reg)(void);     /* called before the first consumer comes, and unreg after the last one left; mostly NULL */
	void (*unreg)(void);
	/* the rest belongs to the registry (core/event.c) */
	uint64_t hash;
	uint64_t consumers;
	struct cairn_event *next;
	const char *owner;
	uint32_t index; /* in section EVENTS */
	uint32_t reserved[1];
};

/* The ten categories of spec origin.md section 1, then the memory bits, then Cairn's own, then 32..63 for the host. */
enum cairn_category {
	CAIRN_SYSCALL,
	CAIRN_PROCESS,
	CAIRN_MEMORY,
	CAIRN_TIMER,
	CAIRN_SIGNAL,
	CAIRN_SCHEDULER,
	CAIRN_FILE,
	CAIRN_IPC,
	CAIRN_COMPOSITOR,
	CAIRN_CUSTOM,
	CAIRN_NR_CATEGORIES,
	CAIRN_MEM_CATEGORY_SHIFT = 10,
	CAIRN_INTERRUPT = 15,
};
#define CAIRN_CAT(c) ((uint64_t)1 << (c))
#define CAIRN_CAT_ALL (~(uint64_t)0)

/* An entry of section `cairn_events`: distance from the entry to its struct cairn_event. */
typedef int32_t cairn_event_ref;

/*
 * A name (enumerator, macro, or `sizeof(T)`) that print formats of this system use and that tools need as a number; from
 * TRACE_DEFINE_ENUM and TRACE_DEFINE_SIZEOF. An entry of section `cairn_enums` is the distance from the entry to one.
 */
struct cairn_enum {
	const char *system;
	const char *name;
	int64_t value;
};
typedef int32_t cairn_enum_ref;

CAIRN_C_BEGIN

/* ---- registry; Context: thread, one caller at a time, unless said otherwise ---- */

/*
 * The events and sites of one image: the kernel, a module, a shared object. The caller's memory, kept linked while registered;
 * fill the first five, leave the rest zero.
 */
struct cairn_module {
	const cairn_event_ref *events, *events_stop;      /* its own section `cairn_events` */
	const struct cairn_key_site *keys, *keys_stop;    /* its own section `cairn_keys` */
	const char *owner;                                /* for messages */
	struct cairn_module *next;
	bool registered;
};

/*
 * Register a module's events. cairn_init() has done so for the image that Cairn is linked into. May be called before cairn_init().
 *
 * Returns   number of events registered, or CAIRN_EEXIST if one has the system and name of another (it is refused, the rest is
 *           registered), CAIRN_ENOSPC if METADATA or EVENTS is full (counted in state.metadata_refused), CAIRN_EBUSY if the
 *           module is registered.
 */
int cairn_register(struct cairn_module *module);

unsigned cairn_event_count(void);
/* The i-th event in order of (name, system), bytewise; NULL past the end. Linear in the number of events. */
struct cairn_event *cairn_event_at(unsigned i);
struct cairn_event *cairn_event_by_id(uint32_t id);
struct cairn_event *cairn_event_find(const char *system, const char *name);

/* Switch one event's own enable. 0, or CAIRN_EIO if a site could not be patched, CAIRN_EINVAL if it is not registered. */
int cairn_event_enable(struct cairn_event *e);
int cairn_event_disable(struct cairn_event *e);
bool cairn_event_enabled(const struct cairn_event *e);

/*
 * Switch the own enable of all events that match a list of patterns.
 *
 * @patterns   SYSTEM:NAME, SYSTEM:, SYSTEM or NAME, separated by commas or blanks, each part a glob with * ? [a-z] [!a]; a leading !
 *             turns the pattern round (off instead of on).
 * Returns     number of events that matched, or CAIRN_ENOENT if a pattern matched none (the others have been done), CAIRN_EIO.
 */
int cairn_events_enable(const char *patterns);
int cairn_events_disable(const char *patterns);

/* Whether `text` matches the glob: * ? [a-z] [!a] [^a] and \ before a special character. Context: any. */
bool cairn_glob(const char *glob, const char *text);

/*
 * The event's `format` text as tracefs shows it (spec tracefs.md section 3).
 *
 * @size     bytes at buf; what fits is written and ended with NUL.
 * Returns   length needed, NUL not counted.
 */
int cairn_event_format(const struct cairn_event *e, char *buf, size_t size);

CAIRN_C_END

#include "declare.h"

#endif
