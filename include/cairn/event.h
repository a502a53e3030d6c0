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
	const char *type;                /* C type of the scalar or of the element, as written */
	uint16_t offset;                 /* in the payload */
	uint16_t size;                   /* bytes in the fixed part; 4 for a slot */
	uint16_t element;                /* bytes of one element; `size` for scalars */
	uint8_t is_signed;               /* of the scalar or element; 0 for char, as in Linux */
	uint8_t kind;                    /* enum cairn_field_kind */
	uint8_t show;                    /* enum cairn_field_show */
	const struct cairn_names *names; /* of CAIRN_SHOW_FLAGS and _SYMBOL, else NULL */
};

struct cairn_class {
	const struct cairn_field *(*fields)(unsigned *nr);
	uint32_t fixed_bytes; /* of the payload, tail not counted */
};

enum {
	CAIRN_GATE_RECORD = 1u << 0, /* write it to the main buffer */
	CAIRN_GATE_SLOW =
		1u
		<< 1, /* anything else: filter, callback, trigger, budget, second buffer, soft mode */
	CAIRN_GATE_BUFFERS_SHIFT = 8, /* with SLOW: bit n above it, instance n (buffer.h) */
};

enum cairn_consumer {
	CAIRN_CONSUMER_ENABLE, /* the event's own switch: cairn_event_enable(), events/SYS/NAME/enable, trace= */
	CAIRN_CONSUMER_TRACER,  /* cairn_trace_enable() with its category filter */
	CAIRN_CONSUMER_STATIC,  /* static tracepoints of spec origin.md section 2 */
	CAIRN_CONSUMER_MEMORY,  /* memory mask */
	CAIRN_CONSUMER_TRIGGER, /* triggers */
	CAIRN_CONSUMER_BUFFER = 32, /* + number of an instance: recorded there, not in the main buffer */
};

enum {
	CAIRN_EVENT_FULL_PRINT =
		1u
		<< 0, /* print holds format and arguments as Linux's `print fmt:`; else the format alone, and
					     the arguments are the fields in order */
	CAIRN_EVENT_PLAIN_PRINT = 1u << 1, /* no format: name=value for each field */
	CAIRN_EVENT_LEAVING = 1u << 2,     /* the registry's: off, and unreg() not called yet */
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
	uint64_t mask; /* categories (CAIRN_CAT); 0 = its system's default, set at registration */
	int (*reg)(
		void); /* mostly NULL; called before the first consumer comes. Not 0: the event stays off */
	void (*unreg)(
		void); /* mostly NULL; called when the last one has left and the sites have followed */
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
#define CAIRN_CAT(c)  ((uint64_t)1 << (c))
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
	const cairn_event_ref *events, *events_stop;   /* its own section `cairn_events` */
	const struct cairn_key_site *keys, *keys_stop; /* its own section `cairn_keys` */
	const char *owner;                             /* for messages */
	struct cairn_module *next;
	bool registered;
};

/*
 * Register a module's events. cairn_init() has done so for the image that Cairn is linked into. May be called before cairn_init().
 *
 * An event that was here before, or that another image defines too, with the same system, name, fields and print format, gets the id that it has
 * in the region already.
 *
 * @module   its owner is a pointer of its own: events of one owner come and go together.
 * Returns   number of events registered, or CAIRN_EEXIST if one has the system and name of another that is declared differently, or is
 *           registered (it is refused, the rest is registered), CAIRN_ENOSPC if METADATA or EVENTS is full (counted in state.metadata_refused; such an event stays off),
 *           CAIRN_EIO if a site could not be patched, CAIRN_EBUSY if the module is registered.
 * Owner     the module and its range are Cairn's up to cairn_unregister().
 */
int cairn_register(struct cairn_module *module);

/*
 * Take a module's events out: they are off, leave the list, and the module's memory is the caller's again. The trace keeps
 * their descriptions and their ids, which are not given to others.
 *
 * The caller sees to it that no code of the module fires an event from here on, and that none is in the middle of one when the memory goes.
 *
 * Returns   0, CAIRN_EIO if a site could not be patched (its event's gate is shut), CAIRN_EINVAL if the module is not registered.
 * Context   thread; like all control operations, one caller at a time.
 */
int cairn_unregister(struct cairn_module *module);

/* Events that are known, refused ones included. */
unsigned cairn_event_count(void);
/* The i-th event in order of (name, system), bytewise; NULL past the end. Linear in the number of events. */
struct cairn_event *cairn_event_at(unsigned i);
/* NULL if there is none; 0 is nobody's id. An event of a module lives up to cairn_unregister(). */
struct cairn_event *cairn_event_by_id(uint32_t id);
struct cairn_event *cairn_event_find(const char *system, const char *name);

/*
 * Switch one event's own enable. When this returns, places that fire the event follow; one that is firing it just now may still
 * finish its record.
 *
 * Returns   0, CAIRN_EIO if a site could not be patched (the others follow, the wish is kept) or the event's reg() refused (it stays
 *           off), CAIRN_EINVAL if it is NULL, not registered or was refused.
 */
int cairn_event_enable(struct cairn_event *e);
int cairn_event_disable(struct cairn_event *e);
/* Its own enable, whatever other consumers want. `e` not NULL. Context: any. */
bool cairn_event_enabled(const struct cairn_event *e);

/*
 * Switch the own enable of all events that match a list of patterns.
 *
 * @patterns   SYSTEM:NAME, SYSTEM:, SYSTEM or NAME, separated by commas or blanks, each part a glob with * ? [a-z] [!a]; a leading !
 *             turns the pattern round (off instead of on). One of more than 127 characters matches nothing. Not kept: events that
 *             register later are not switched.
 * Returns     number of events that matched, counted once for each pattern, or CAIRN_ENOENT if a pattern matched none (the others have
 *             been done), CAIRN_EIO as above.
 */
int cairn_events_enable(const char *patterns);
int cairn_events_disable(const char *patterns);

/* Whether `text` matches the glob: * ? [a-z] [!a] [^a] and \ before a special character. Context: any. */
bool cairn_glob(const char *glob, const char *text);

/*
 * The event's `format` text as tracefs shows it (spec tracefs.md section 3).
 *
 * @size     bytes at buf; what fits is written and ended with NUL. 0: buf is not looked at.
 * Returns   length needed, NUL not counted.
 * Context   any; about 500 bytes of stack.
 */
int cairn_event_format(const struct cairn_event *e, char *buf, size_t size);

CAIRN_C_END

/* ---- declaring events ---- */

/*
 * An event is declared in a header with an ordinary guard (or in the one .c file that fires it), and defined by the one file that
 * says `#define CAIRN_CREATE_EVENTS` before it includes that header:
 *
 *	CAIRN_NAMES(open_modes, (1, "read") (2, "write"));
 *	CAIRN_NAMES(file_kinds, (KIND_FILE, "file") (KIND_DIR, "dir"));
 *	CAIRN_EVENT(fs, file_open,
 *		    (field, uint32_t, pid)			uint32_t pid		the conversion given
 *		    (flags, uint32_t, mode, open_modes)		uint32_t mode		%s: names joined by |
 *		    (symbol, uint8_t, kind, file_kinds)		uint8_t kind		%s: name of the value
 *		    (array, uint8_t, id, 16)			const uint8_t *id	%s: 16 elements, hex
 *		    (array, char, comm, 16)			const char *comm	%s: characters up to NUL, not more than 16
 *		    (string, path)				const char *path	%s
 *		    (dynamic, uint64_t, blocks),		const uint64_t *blocks, unsigned blocks_nr	%s
 *		    "pid=%u mode=%s kind=%s id=%s comm=%s path=%s blocks=%s");
 *
 * The middle column is what the field becomes among the parameters of
 *
 *	void cairn_trace_file_open(uint32_t pid, ...);	off: one instruction; on: one record. Context: any, NMI included
 *	bool cairn_trace_file_open_enabled(void);	is anybody interested; to skip preparing costly arguments
 *
 * and the object is `struct cairn_event cairn_event_file_open`. A null pointer as string is recorded as "(null)". Strings and dynamic
 * arrays are cut so that a record fits a packet of 4 KiB; a string that becomes shorter while it is copied is filled up with #.
 *
 * Types are integers, enums and pointers of up to 8 bytes; no floating point. Names of events (63 characters at most) must differ
 * between all events of an image, and cannot be those that make a function of Cairn's: cairn_trace_NAME (enable, disable,
 * enabled, set_filter, stop, reset, summary, record, event) or cairn_event_NAME (at, by_id, count, enable, disable, enabled, find,
 * format, ref, slow).
 *
 *	CAIRN_EVENT(system, name, fields, text)
 *	CAIRN_EVENT_IN(mask, system, name, fields, text)	categories of its own (CAIRN_CAT) instead of its system's
 *	CAIRN_EVENT_PLAIN(system, name, fields)			printed as name=value for each field
 *	CAIRN_EVENT_FULL(system, name, fields, text, ...)	text and arguments as Linux's print format has them: REC->args[0]
 *	CAIRN_EVENT0(system, name)				no fields
 *	CAIRN_NAMES(name, (value, "text") ...)			for flags and symbol
 *
 * With CAIRN_ENABLE == 0 the functions stay, empty, with the same parameters, and nothing else is generated.
 *
 * CAIRN_EVENT(fs, tick, (field, int, n), "n=%d") becomes, shortened, everywhere:
 *
 *	extern struct cairn_event cairn_event_tick;
 *	void cairn_call_tick(int n);
 *	static inline void cairn_trace_tick(int n)
 *	{
 *		CAIRN_KEY_BRANCH(cairn_event_tick, on);
 *		return;
 *	on:
 *		cairn_call_tick(n);
 *	}
 *	static inline bool cairn_trace_tick_enabled(void) { CAIRN_KEY_BRANCH(cairn_event_tick, on); return false; on: return true; }
 *
 * and where it is defined also:
 *
 *	struct cairn_raw_tick { int n; char __data[1]; };		packed to 4: the record's payload; its tail begins at __data
 *	static const struct cairn_field *cairn_fields_tick(unsigned *nr) { ... { "n", "int", 0, 4, 4, 1, CAIRN_FIELD_SCALAR, ... } }
 *	static const struct cairn_class cairn_class_tick = { cairn_fields_tick, 4 };
 *	struct cairn_event cairn_event_tick = { ... "fs", "tick", "n=%d", &cairn_class_tick, ... };
 *	asm(".pushsection cairn_events ... .long cairn_event_tick - .");
 *	void cairn_call_tick(int n)
 *	{
 *		if (cairn_event_tick.gate == CAIRN_GATE_RECORD) {
 *			entry = cairn_reserve_once(&slot, cairn_event_tick.id, 4);
 *			if (entry) { entry->n = n; cairn_commit_once(&slot); return; }
 *		}
 *		cairn_record_again_tick(&cairn_event_tick, n);		cold: looks at the whole gate, and reserves whatever it takes
 *	}
 */
#include "declare.h"

#endif
