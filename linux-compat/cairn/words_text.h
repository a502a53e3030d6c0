/* SPDX-License-Identifier: MIT */
/*
 * First read: print formats as strings. `__entry` becomes REC, macros are expanded, and what readers evaluate themselves, __print_*()
 * and __get_*(), is no macro here and so stays.
 */
#if !CAIRN_CHECK_MACROS
#pragma GCC system_header
#endif

#ifdef CAIRN_TP_LINUX_
#define CAIRN_TP_END_ CAIRN_EVENT_END_;
#else
#define CAIRN_TP_END_ CAIRN_EVENT_END_
#endif

#define __entry        REC
#define TP_printk(...) CAIRN_STRING_(__VA_ARGS__)

#define CAIRN_TP_TEXT_(id, print)                                 \
	CAIRN_UNUSED static const char cairn_print##id[] = print; \
	CAIRN_TP_END_

#define DECLARE_EVENT_CLASS(name, proto, args, fields, assign, print) CAIRN_TP_TEXT_(_##name, print)
#define TRACE_EVENT(name, proto, args, fields, assign, print)         CAIRN_TP_TEXT_(_##name, print)
#define TRACE_EVENT_CONDITION(name, proto, args, cond, fields, assign, print) \
	CAIRN_TP_TEXT_(_##name, print)
#define TRACE_EVENT_FN(name, proto, args, fields, assign, print, reg, unreg) \
	CAIRN_TP_TEXT_(_##name, print)
#define TRACE_EVENT_FN_COND(name, proto, args, cond, fields, assign, print, reg, unreg) \
	CAIRN_TP_TEXT_(_##name, print)
#define DEFINE_EVENT_PRINT(class_name, name, proto, args, print) CAIRN_TP_TEXT_(_##name, print)

/* The object has one name in assembly, in C++ too. */
#define TRACE_DEFINE_ENUM(e) CAIRN_TP_ENUM_(CAIRN_STRING_(TRACE_SYSTEM), #e, e, __COUNTER__)
#define TRACE_DEFINE_SIZEOF(t) \
	CAIRN_TP_ENUM_(CAIRN_STRING_(TRACE_SYSTEM), "sizeof(" #t ")", sizeof(t), __COUNTER__)
#define CAIRN_TP_ENUM_(system, name, value, number) CAIRN_TP_ENUM2_(system, name, value, number)
#define CAIRN_TP_ENUM2_(system, name, value, number)                               \
	CAIRN_USED static const struct cairn_enum cairn_enum_##number __asm__(     \
		"cairn_enum_" #number) = {system, name, (int64_t)(value)};         \
	__asm__(".pushsection cairn_enums, \"aR\", @progbits\n"                    \
		"\t.balign 4\n\t.long cairn_enum_" #number " - .\n\t.popsection"); \
	CAIRN_TP_END_

#define DEFINE_EVENT(...)            CAIRN_TP_END_
#define DEFINE_EVENT_CONDITION(...)  CAIRN_TP_END_
#define DEFINE_EVENT_FN(...)         CAIRN_TP_END_
#define DEFINE_EVENT_WRITABLE(...)   CAIRN_TP_END_
#define DECLARE_TRACE(...)           CAIRN_TP_END_
#define DECLARE_TRACE_CONDITION(...) CAIRN_TP_END_
#define DECLARE_TRACE_WRITABLE(...)  CAIRN_TP_END_
#define TRACE_EVENT_NOP(...)         CAIRN_TP_END_
#define DECLARE_EVENT_NOP(...)       CAIRN_TP_END_
#define DEFINE_EVENT_NOP(...)        CAIRN_TP_END_
#define DECLARE_EVENT_CLASS_NOP(...) CAIRN_TP_END_
#define TRACE_EVENT_FLAGS(...)       CAIRN_TP_END_
#define TRACE_EVENT_PERF_PERM(...)   CAIRN_TP_END_
