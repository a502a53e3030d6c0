/* SPDX-License-Identifier: MIT */
/* An event header as Linux writes them: Linux's includes, a missing semicolon, lists by macros that change their meaning. */
/* clang-format off */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM linux_style

#if !defined(_TRACE_LINUX_STYLE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_LINUX_STYLE_H

#include <linux/tracepoint.h>

#ifndef LINUX_STYLE_ONCE
#define LINUX_STYLE_ONCE
enum linux_style_state { LINUX_STYLE_IDLE, LINUX_STYLE_BUSY };
#endif

#define LINUX_STYLE_STATES                                                                         \
	EM(LINUX_STYLE_IDLE, "idle")                                                               \
	EMe(LINUX_STYLE_BUSY, "busy")

#undef EM
#undef EMe
#define EM(a, b) TRACE_DEFINE_ENUM(a);
#define EMe(a, b) TRACE_DEFINE_ENUM(a)

LINUX_STYLE_STATES

#undef EM
#undef EMe
#define EM(a, b) { a, b },
#define EMe(a, b) { a, b }

#define show_state(s) __print_symbolic(s, LINUX_STYLE_STATES)

DECLARE_EVENT_CLASS(style_class,
	TP_PROTO(enum linux_style_state state),
	TP_ARGS(state),
	TP_STRUCT__entry(__field(enum linux_style_state, state)),
	TP_fast_assign(__entry->state = state),
	TP_printk("state=%s", show_state(__entry->state))
)

DEFINE_EVENT(style_class, style_one, TP_PROTO(enum linux_style_state state), TP_ARGS(state))

#define DEFINE_STYLE_EVENT(name)                                                                   \
	DEFINE_EVENT(style_class, name, TP_PROTO(enum linux_style_state state), TP_ARGS(state))

DEFINE_STYLE_EVENT(style_two);
DEFINE_STYLE_EVENT(style_three);

#endif

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE events_linux_style
#include <trace/define_trace.h>
