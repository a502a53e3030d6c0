/* SPDX-License-Identifier: MIT */
/*
 * Second read: the code. TRACE_EVENT(tick, TP_PROTO(int n), TP_ARGS(n), TP_STRUCT__entry(__field(int, n)), TP_fast_assign(__entry->n = n;),
 * TP_printk("n=%d", __entry->n)) of system `fs` becomes, shortened:
 *
 *	struct cairn_raw_tick { int n; char __data[1]; };				(packed to 4)
 *	static const struct cairn_field *cairn_fields_tick(unsigned *nr) { static const ... { "n", "int", 0, 4, ... } }
 *	static const struct cairn_class cairn_class_tick = { cairn_fields_tick, 4 };
 *	static void cairn_record_again_tick(struct cairn_event *e, int n) { ... }	(as with CAIRN_EVENT, see event.h)
 *	static void cairn_record_tick(struct cairn_event *e, int n)
 *	{
 *		... entry = cairn_reserve_once(&slot, e->id, bytes);
 *		if (entry) { { entry->n = n; } cairn_commit_once(&slot); return; }
 *		cairn_record_again_tick(e, n);
 *	}
 *	struct cairn_event cairn_event_tick = { ... "fs", "tick", cairn_print_tick, &cairn_class_tick, ... };
 *	asm(".pushsection cairn_events ... .long cairn_event_tick - .");
 *	void cairn_call_tick(int n) { cairn_record_tick(&cairn_event_tick, n); }
 */
#if !CAIRN_CHECK_MACROS
#pragma GCC system_header
#endif

#ifdef CAIRN_TP_LINUX_
#define CAIRN_TP_END_ CAIRN_EVENT_END_;
#else
#define CAIRN_TP_END_ CAIRN_EVENT_END_
#endif

#define TP_PROTO(...)         (__VA_ARGS__)
#define TP_ARGS(...)          (__VA_ARGS__)
#define TP_CONDITION(...)     (__VA_ARGS__)
#define TP_STRUCT__entry(...) __VA_ARGS__
#define TP_fast_assign(...)   (__VA_ARGS__)

/* ---- declarations ---- */

#ifndef CAIRN_TP_QUIET_
/* Assignments need not use every parameter, and hand out addresses of members that lie on multiples of 4. */
#define CAIRN_TP_QUIET_                                                                         \
	_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wunused-parameter\"") \
		_Pragma("GCC diagnostic ignored \"-Waddress-of-packed-member\"")
#define CAIRN_TP_LOUD_ _Pragma("GCC diagnostic pop")

#define CAIRN_TP_CLASS_(name, id, proto, args, fields, assign)                         \
	CAIRN_CLASS_DEFINE_(name, id, fields)                                          \
	CAIRN_TP_QUIET_                                                                \
	CAIRN_RECORD_DEFINE_(id, proto, args, fields,                                  \
			     cairn_entry_t *const entry = cairn_entry;                 \
			     (void)entry; { CAIRN_STRIP_ assign; })                    \
	CAIRN_TP_LOUD_

#define CAIRN_TP_OBJECT_(name, id, class_id, print_id, proto, args, cond, reg, unreg)        \
	CAIRN_OBJECT_DEFINE_(0, CAIRN_STRING_(TRACE_SYSTEM), name, id, class_id,             \
			     cairn_print##print_id, CAIRN_EVENT_FULL_PRINT, reg, unreg)      \
	void cairn_call##id proto                                                            \
	{                                                                                    \
		if (!cond)                                                                   \
			return;                                                              \
		cairn_record##class_id CAIRN_LEAD_(&cairn_event##id, args, args);            \
	}
#endif

#define CAIRN_TP_EVENT_(class_id, name, proto, args, cond, reg, unreg)                      \
	CAIRN_TP_OBJECT_(#name, _##name, class_id, class_id, proto, args, cond, reg, unreg) \
	CAIRN_TP_END_
#define CAIRN_TP_BOTH_(name, proto, args, cond, fields, assign, reg, unreg)               \
	CAIRN_TP_CLASS_(#name, _##name, proto, args, fields, assign)                      \
	CAIRN_TP_OBJECT_(#name, _##name, _##name, _##name, proto, args, cond, reg, unreg) \
	CAIRN_TP_END_

#define DECLARE_EVENT_CLASS(name, proto, args, fields, assign, print) \
	CAIRN_TP_CLASS_(#name, _##name, proto, args, fields, assign) CAIRN_TP_END_
#define TRACE_EVENT(name, proto, args, fields, assign, print) \
	CAIRN_TP_BOTH_(name, proto, args, (1), fields, assign, NULL, NULL)
#define TRACE_EVENT_CONDITION(name, proto, args, cond, fields, assign, print) \
	CAIRN_TP_BOTH_(name, proto, args, cond, fields, assign, NULL, NULL)
#define TRACE_EVENT_FN(name, proto, args, fields, assign, print, reg, unreg) \
	CAIRN_TP_BOTH_(name, proto, args, (1), fields, assign, reg, unreg)
#define TRACE_EVENT_FN_COND(name, proto, args, cond, fields, assign, print, reg, unreg) \
	CAIRN_TP_BOTH_(name, proto, args, cond, fields, assign, reg, unreg)
#define DEFINE_EVENT(class_name, name, proto, args) \
	CAIRN_TP_EVENT_(_##class_name, name, proto, args, (1), NULL, NULL)
#define DEFINE_EVENT_CONDITION(class_name, name, proto, args, cond) \
	CAIRN_TP_EVENT_(_##class_name, name, proto, args, cond, NULL, NULL)
#define DEFINE_EVENT_FN(class_name, name, proto, args, reg, unreg) \
	CAIRN_TP_EVENT_(_##class_name, name, proto, args, (1), reg, unreg)
#define DEFINE_EVENT_WRITABLE(class_name, name, proto, args, size) \
	CAIRN_TP_EVENT_(_##class_name, name, proto, args, (1), NULL, NULL)
#define DEFINE_EVENT_PRINT(class_name, name, proto, args, print)                               \
	CAIRN_TP_OBJECT_(#name, _##name, _##class_name, _##name, proto, args, (1), NULL, NULL) \
	CAIRN_TP_END_

#define DECLARE_TRACE(...)           CAIRN_TP_END_
#define DECLARE_TRACE_CONDITION(...) CAIRN_TP_END_
#define DECLARE_TRACE_WRITABLE(...)  CAIRN_TP_END_
#define TRACE_EVENT_NOP(...)         CAIRN_TP_END_
#define DECLARE_EVENT_NOP(...)       CAIRN_TP_END_
#define DEFINE_EVENT_NOP(...)        CAIRN_TP_END_
#define DECLARE_EVENT_CLASS_NOP(...) CAIRN_TP_END_
#define TRACE_EVENT_FLAGS(...)       CAIRN_TP_END_
#define TRACE_EVENT_PERF_PERM(...)   CAIRN_TP_END_
#define TRACE_DEFINE_ENUM(e)         CAIRN_TP_END_
#define TRACE_DEFINE_SIZEOF(t)       CAIRN_TP_END_

/* ---- fields, as normal words (declare.h) ---- */

#define __field(T, n)                    (scalar, T, n, PLAIN, NULL)
#define __field_ext(T, n, filter)        (scalar, T, n, PLAIN, NULL)
#define __field_struct(T, n)             (struct, T, n)
#define __field_struct_ext(T, n, filter) (struct, T, n)
#define __array(T, n, len)               (array, T, n, len)
#define __dynamic_array(T, n, len)       (data, LOC, T, n, len, WHOLE)
#define __string(n, src)                 (text, LOC, n, src, ~0u)
#define __string_len(n, src, len)        (text, LOC, n, src, len)
#define __bitmask(n, bits)               (data, LOC, unsigned long, n, CAIRN_TP_WORDS_(bits), WHOLE)
#define __cpumask(n)                     __bitmask(n, nr_cpumask_bits)
#define __sockaddr(n, len)               (data, LOC, unsigned char, n, len, WHOLE)
#define __rel_dynamic_array(T, n, len)   (data, REL_LOC, T, n, len, WHOLE)
#define __rel_string(n, src)             (text, REL_LOC, n, src, ~0u)
#define __rel_string_len(n, src, len)    (text, REL_LOC, n, src, len)
#define __rel_bitmask(n, bits)           (data, REL_LOC, unsigned long, n, CAIRN_TP_WORDS_(bits), WHOLE)
#define __rel_cpumask(n)                 __rel_bitmask(n, nr_cpumask_bits)
#define __rel_sockaddr(n, len)           (data, REL_LOC, unsigned char, n, len, WHOLE)

#ifndef CAIRN_TP_WORDS_
#define CAIRN_TP_WORDS_(bits) (((bits) + 63) / 64)
#define CAIRN_TP_LEAST_(a, b) ((uint32_t)((uint64_t)(a) < (b) ? (uint64_t)(a) : (b)))

/* __assign_str() has one or two arguments: the source of the declaration, or another one. */
#define CAIRN_TP_STR_(get, len, ...) \
	CAIRN_PASTE_(CAIRN_TP_STR_, CAIRN_TP_COUNT_(__VA_ARGS__, 2, 1, ~))(get, len, __VA_ARGS__)
#define CAIRN_TP_COUNT_(a, b, count, ...) count
#define CAIRN_TP_STR_1(get, len, n)       cairn_text_copy_measured(get(n), cairn_src_##n, len(n))
#define CAIRN_TP_STR_2(get, len, n, src)  cairn_text_copy(get(n), (const char *)(src), ~0u, len(n))
#define CAIRN_TP_COPY_(to, from, bytes, room) \
	cairn_bytes_copy(to, (const void *)(from), CAIRN_TP_LEAST_(bytes, room))
#endif

/* ---- access; `entry` is the name of the record in assignments, as in Linux ---- */

#define __entry entry
#define __get_dynamic_array(n) \
	((void *)((char *)entry + (entry->__data_loc_##n & 0xffff) - CAIRN_LINUX_COMMON_BYTES_))
#define __get_dynamic_array_len(n) (entry->__data_loc_##n >> 16)
#define __get_str(n)               ((char *)__get_dynamic_array(n))
#define __get_bitmask(n)           __get_dynamic_array(n)
#define __get_cpumask(n)           __get_dynamic_array(n)
#define __get_sockaddr(n)          __get_dynamic_array(n)
#define __get_rel_dynamic_array(n) \
	((void *)((char *)&entry->__rel_loc_##n + 4 + (entry->__rel_loc_##n & 0xffff)))
#define __get_rel_dynamic_array_len(n) (entry->__rel_loc_##n >> 16)
#define __get_rel_str(n)               ((char *)__get_rel_dynamic_array(n))
#define __get_rel_bitmask(n)           __get_rel_dynamic_array(n)
#define __get_rel_cpumask(n)           __get_rel_dynamic_array(n)
#define __get_rel_sockaddr(n)          __get_rel_dynamic_array(n)

#define __assign_str(...) CAIRN_TP_STR_(__get_str, __get_dynamic_array_len, __VA_ARGS__)
#define __assign_str_len(n, src, len)                                       \
	cairn_text_copy(__get_str(n), (const char *)(src), (uint64_t)(len), \
			__get_dynamic_array_len(n))
#define __assign_bitmask(n, src, bits)                                         \
	CAIRN_TP_COPY_(__get_dynamic_array(n), src, CAIRN_TP_WORDS_(bits) * 8, \
		       __get_dynamic_array_len(n))
#define __assign_cpumask(n, src) \
	cairn_bytes_copy(__get_dynamic_array(n), (const void *)(src), __get_dynamic_array_len(n))
#define __assign_sockaddr(n, src, len) \
	CAIRN_TP_COPY_(__get_dynamic_array(n), src, len, __get_dynamic_array_len(n))
#define __assign_rel_str(...) CAIRN_TP_STR_(__get_rel_str, __get_rel_dynamic_array_len, __VA_ARGS__)
#define __assign_rel_str_len(n, src, len)                                       \
	cairn_text_copy(__get_rel_str(n), (const char *)(src), (uint64_t)(len), \
			__get_rel_dynamic_array_len(n))
#define __assign_rel_bitmask(n, src, bits)                                         \
	CAIRN_TP_COPY_(__get_rel_dynamic_array(n), src, CAIRN_TP_WORDS_(bits) * 8, \
		       __get_rel_dynamic_array_len(n))
#define __assign_rel_cpumask(n, src)                                      \
	cairn_bytes_copy(__get_rel_dynamic_array(n), (const void *)(src), \
			 __get_rel_dynamic_array_len(n))
#define __assign_rel_sockaddr(n, src, len) \
	CAIRN_TP_COPY_(__get_rel_dynamic_array(n), src, len, __get_rel_dynamic_array_len(n))

#define __perf_task(x)  (x)
#define __perf_count(x) (x)
