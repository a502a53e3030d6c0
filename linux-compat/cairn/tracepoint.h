/* SPDX-License-Identifier: MIT */
/*
 * Linux's words for declaring events, in their declaring meaning. An event header looks like this:
 *
 *	#undef TRACE_SYSTEM
 *	#define TRACE_SYSTEM fs
 *	#if !defined(FS_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
 *	#define FS_EVENTS_H
 *	#include <cairn/tracepoint.h>		(or <linux/tracepoint.h>)
 *
 *	TRACE_EVENT(fs_open,
 *		TP_PROTO(const char *path, int flags),
 *		TP_ARGS(path, flags),
 *		TP_STRUCT__entry(__string(path, path) __field(int, flags)),
 *		TP_fast_assign(__assign_str(path); __entry->flags = flags;),
 *		TP_printk("path=%s flags=%#x", __get_str(path), __entry->flags));
 *
 *	#endif
 *	#define TRACE_INCLUDE_PATH .		(where the header lies; default trace/events)
 *	#define TRACE_INCLUDE_FILE fs_events	(its name without .h; default TRACE_SYSTEM)
 *	#include <cairn/define_events.h>	(or <trace/define_trace.h>; outside the guard)
 *
 * and gives trace_fs_open() and trace_fs_open_enabled(). Exactly one file defines CREATE_TRACE_POINTS before it includes the header.
 *
 * The words are undefined at the end of define_events.h, so this file has no guard. While define_events.h reads a header, the words
 * have another meaning and this file leaves them alone.
 *
 * Arrays of 8-byte elements lie on multiples of 4 in a record: `__entry->n` is safe, a pointer to it handed to other code is not,
 * on a CPU that traps misaligned access. Strings are cut to what a packet of 4 KiB leaves; an event whose __dynamic_array does not fit
 * is lost with cause "too big".
 */
#ifndef CAIRN_LINUX_TRACEPOINT_H
#define CAIRN_LINUX_TRACEPOINT_H

#ifndef CAIRN_EVENT_H
#include <cairn/event.h>
#endif

/* These stand in source files too, so they stay. */
#define EXPORT_TRACEPOINT_SYMBOL(name)     CAIRN_EVENT_END_
#define EXPORT_TRACEPOINT_SYMBOL_GPL(name) CAIRN_EVENT_END_
#ifndef PARAMS
#define PARAMS(...) __VA_ARGS__
#endif

#endif

#if !CAIRN_CHECK_MACROS
#pragma GCC system_header
#endif

#if !defined(CAIRN_TP_READING_) && !defined(CAIRN_TP_DECLARING_)
#define CAIRN_TP_DECLARING_

/* A declaration that wants its semicolon; for Linux's headers one that has it. */
#ifdef CAIRN_TP_LINUX_
#define CAIRN_TP_END_ CAIRN_EVENT_END_;
#else
#define CAIRN_TP_END_ CAIRN_EVENT_END_
#endif

#define TP_PROTO(...) (__VA_ARGS__)
#define TP_ARGS(...)  (__VA_ARGS__)

#define CAIRN_TP_EVENT_(id, proto, args)                                       \
	CAIRN_EVENT_DECLARE_(id, trace, proto, args, ,                         \
			     CAIRN_PASTE_(CAIRN_HEAT_, CREATE_TRACE_POINTS)()) \
	CAIRN_TP_END_
#define CAIRN_TP_NOP_(id, proto, args)   CAIRN_EVENT_NOP_(id, trace, proto, args, ) CAIRN_TP_END_
#define CAIRN_HEAT_CREATE_TRACE_POINTS() CAIRN_COLD

#define TRACE_EVENT(name, proto, args, ...)                    CAIRN_TP_EVENT_(_##name, proto, args)
#define TRACE_EVENT_CONDITION(name, proto, args, ...)          CAIRN_TP_EVENT_(_##name, proto, args)
#define TRACE_EVENT_FN(name, proto, args, ...)                 CAIRN_TP_EVENT_(_##name, proto, args)
#define TRACE_EVENT_FN_COND(name, proto, args, ...)            CAIRN_TP_EVENT_(_##name, proto, args)
#define DECLARE_EVENT_CLASS(...)                               CAIRN_TP_END_
#define DEFINE_EVENT(class_name, name, proto, args)            CAIRN_TP_EVENT_(_##name, proto, args)
#define DEFINE_EVENT_PRINT(class_name, name, proto, args, ...) CAIRN_TP_EVENT_(_##name, proto, args)
#define DEFINE_EVENT_CONDITION(class_name, name, proto, args, ...) \
	CAIRN_TP_EVENT_(_##name, proto, args)
#define DEFINE_EVENT_FN(class_name, name, proto, args, ...) CAIRN_TP_EVENT_(_##name, proto, args)
#define DEFINE_EVENT_WRITABLE(class_name, name, proto, args, ...) \
	CAIRN_TP_EVENT_(_##name, proto, args)

/* Probes only, no record: nobody can be interested yet. */
#define DECLARE_TRACE(name, proto, args)                CAIRN_TP_NOP_(_##name, proto, args)
#define DECLARE_TRACE_CONDITION(name, proto, args, ...) CAIRN_TP_NOP_(_##name, proto, args)
#define DECLARE_TRACE_WRITABLE(name, proto, args, ...)  CAIRN_TP_NOP_(_##name, proto, args)

#define TRACE_EVENT_NOP(name, proto, args, ...)         CAIRN_TP_NOP_(_##name, proto, args)
#define DECLARE_EVENT_NOP(name, proto, args)            CAIRN_TP_NOP_(_##name, proto, args)
#define DEFINE_EVENT_NOP(class_name, name, proto, args) CAIRN_TP_NOP_(_##name, proto, args)
#define DECLARE_EVENT_CLASS_NOP(...)                    CAIRN_TP_END_

#define TRACE_EVENT_FLAGS(...)     CAIRN_TP_END_
#define TRACE_EVENT_PERF_PERM(...) CAIRN_TP_END_
#define TRACE_DEFINE_ENUM(e)       CAIRN_TP_END_
#define TRACE_DEFINE_SIZEOF(t)     CAIRN_TP_END_

#endif
