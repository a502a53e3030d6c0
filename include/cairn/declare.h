/* SPDX-License-Identifier: MIT */
/*
 * How a declaration becomes an event. Included by event.h, which says how to use the macros of the first section; everything that
 * ends in an underscore, or whose name is not mentioned there, is inside.
 *
 * A sequence `(word, ...) (word, ...) ...` is *walked* by a generator G: two macros that call each other, G_A(k, ...) being
 * `G_k(...) G_B` and G_B the same with G_A, so that each tuple's closing macro name meets the next tuple. What is left at the end,
 * G_A or G_B, gets END pasted on and disappears. There is no limit of length and nothing recurses.
 *
 * A short declaration is walked in its own words for parameters, arguments and assignment. For layout, field table and lengths, which it
 * shares with the Linux form, its words become the normal ones first:
 *
 *	(scalar, T, n, show, names)	integer, enum or pointer
 *	(struct, T, n)			opaque bytes
 *	(array, T, n, len)
 *	(text, slot, n, src, len)	string in the tail, `slot` is LOC or REL_LOC; at most `len` characters of src
 *	(data, slot, T, n, nr, rule)	`nr` elements in the tail; too many are CUT off, or the record is given up (WHOLE)
 *
 * Names of the event or class travel as `_NAME`: no host has a macro of that name.
 */
#ifndef CAIRN_DECLARE_H
#define CAIRN_DECLARE_H

/* 1 shows warnings about our own side of an expansion; for our tests. Else a user's mistake is told without the trail of macros. */
#ifndef CAIRN_CHECK_MACROS
#define CAIRN_CHECK_MACROS 0
#endif
#if !CAIRN_CHECK_MACROS
#pragma GCC system_header
#endif

#include "event.h"

/* ---- declaring events, short form ---- */

#define CAIRN_EVENT(system, name, fields, text) \
	CAIRN_SHORT_(0, #system, #name, _##name, fields, CAIRN_COMPARE_(text, fields), text, 0)

#define CAIRN_EVENT_IN(mask, system, name, fields, text) \
	CAIRN_SHORT_(mask, #system, #name, _##name, fields, CAIRN_COMPARE_(text, fields), text, 0)

#define CAIRN_EVENT_PLAIN(system, name, fields) \
	CAIRN_SHORT_(0, #system, #name, _##name, fields, , NULL, CAIRN_EVENT_PLAIN_PRINT)

#define CAIRN_EVENT_FULL(system, name, fields, ...)                                    \
	CAIRN_SHORT_(0, #system, #name, _##name, fields, , CAIRN_STRING_(__VA_ARGS__), \
		     CAIRN_EVENT_FULL_PRINT)

#define CAIRN_EVENT0(system, name)                                            \
	CAIRN_SHORT_NOTHING(0, #system, #name, _##name, (void), (), , , NULL, \
			    CAIRN_EVENT_PLAIN_PRINT)

#define CAIRN_NAMES(name, pairs) \
	CAIRN_PASTE_(CAIRN_NAMES_, CAIRN_CREATE_EVENTS)(_##name, pairs) struct cairn_names

/* ---- preprocessor ---- */

#define CAIRN_PASTE_(a, ...)       CAIRN_PASTE2_(a, __VA_ARGS__)
#define CAIRN_PASTE2_(a, ...)      a##__VA_ARGS__
#define CAIRN_STRING_(...)         CAIRN_STRING2_(__VA_ARGS__)
#define CAIRN_STRING2_(...)        #__VA_ARGS__
#define CAIRN_STRIP_(...)          __VA_ARGS__
#define CAIRN_BEHIND_(...)         CAIRN_BEHIND2_(__VA_ARGS__) /* all but the first argument */
#define CAIRN_BEHIND2_(first, ...) __VA_ARGS__
#define CAIRN_SECOND_(...)         CAIRN_SECOND2_(__VA_ARGS__)
#define CAIRN_SECOND2_(a, b, ...)  b

#define CAIRN_WALK_(generator, seq) CAIRN_END_(generator##_A seq)
#define CAIRN_END_(...)             CAIRN_END2_(__VA_ARGS__)
#define CAIRN_END2_(...)            __VA_ARGS__##END

/* NOTHING or SOMETHING; what is probed begins with an identifier if it is not empty. */
#define CAIRN_PROBE_(...)         CAIRN_PROBE2_(__VA_ARGS__, ~)
#define CAIRN_PROBE2_(first, ...) CAIRN_SECOND_(CAIRN_PROBE_OF_##first, SOMETHING, ~)
#define CAIRN_PROBE_OF_           ~, NOTHING

/* One more at the front of a list of parameters or arguments; `args` is the list, as names, that may be empty. */
#define CAIRN_LEAD_(lead, list, args) \
	CAIRN_PASTE_(CAIRN_LEAD_, CAIRN_PROBE_(CAIRN_STRIP_ args))(lead, CAIRN_STRIP_ list)
#define CAIRN_LEAD_NOTHING(lead, ...)   (lead)
#define CAIRN_LEAD_SOMETHING(lead, ...) (lead, __VA_ARGS__)

/* ---- types ---- */

#ifdef __cplusplus
extern "C++" {
template <class T, bool is_enum = __is_enum(T)> struct cairn_signed_ {
	enum { value = 0 };
};
template <class T> struct cairn_signed_<T, true> : cairn_signed_<__underlying_type(T), false> {
};
template <class T> struct cairn_signed_<const T, false> : cairn_signed_<T, false> {
};
template <> struct cairn_signed_<signed char, false> {
	enum { value = 1 };
};
template <> struct cairn_signed_<short, false> : cairn_signed_<signed char, false> {
};
template <> struct cairn_signed_<int, false> : cairn_signed_<signed char, false> {
};
template <> struct cairn_signed_<long, false> : cairn_signed_<signed char, false> {
};
template <> struct cairn_signed_<long long, false> : cairn_signed_<signed char, false> {
};
}
#define CAIRN_SAME_TYPE_(T, U) __is_same(T, U)
#define CAIRN_IS_SIGNED_(T)    (cairn_signed_<T>::value)
#else
#define CAIRN_SAME_TYPE_(T, U) __builtin_types_compatible_p(T, U)
#define CAIRN_IS_SIGNED_(T) \
	_Generic(*(T *)0, signed char : 1, short : 1, int : 1, long : 1, long long : 1, default : 0)
#endif

/* What GNU C's __builtin_classify_type() says. */
#define CAIRN_TYPE_REAL_     8
#define CAIRN_TYPE_RECORD_   12
#define CAIRN_TYPE_CLASS_(T) __builtin_classify_type(*(T *)0)

/* Elements in the tail lie on the largest power of two, up to 4, that divides their size. */
#define CAIRN_TAIL_ALIGN_(bytes) (((bytes)&1) ? 1u : ((bytes)&2) ? 2u : 4u)

/* ---- what generated code calls ---- */

CAIRN_C_BEGIN

/* Never called and nowhere defined: lets the compiler compare text and fields. */
void cairn_check_format_(const char *text, ...) CAIRN_PRINTF(1, 2);

/* The part of core/event.c that decides for a gate with CAIRN_GATE_SLOW set: whether to write the record. Context: any. */
bool cairn_event_slow(struct cairn_event *e);

/*
 * Bytes to reserve for a string, NUL included: 1 .. room. A null pointer counts as "(null)". Stops after `max` characters, if
 * no NUL comes earlier.
 */
uint32_t cairn_text_bytes(const char *s, uint64_t max, uint32_t room);
/*
 * Fill exactly `bytes` (at least 1) bytes: the string cut, or lengthened by '#', and a NUL. The string may change meanwhile. After
 * `max` characters it ends in any case, and zeros follow.
 */
void cairn_text_copy(char *to, const char *s, uint64_t max, uint32_t bytes);
/* The same for the string, and the number of bytes, that cairn_text_bytes() has measured. */
void cairn_text_copy_measured(char *to, const char *s, uint32_t bytes);
/* Fill an array of char: the string up to its NUL, then zeros; no NUL if all of it is used. */
void cairn_text_fill(char *to, const char *s, uint32_t bytes);
/* Copy bytes that do not overlap; any alignment. */
void cairn_bytes_copy(void *to, const void *from, uint32_t bytes);

CAIRN_C_END

/* Whether this firing is to be recorded. */
CAIRN_INLINE bool cairn_event_wanted_(struct cairn_event *e)
{
	uint32_t gate = cairn_load32(&e->gate);

	if (CAIRN_LIKELY(gate == CAIRN_GATE_RECORD))
		return true;
	return gate & CAIRN_GATE_SLOW ? cairn_event_slow(e) : gate != 0;
}

/* cairn_reserve_for(), with the usual case inline. */
CAIRN_INLINE void *cairn_reserve_gated_(struct cairn_slot *s, struct cairn_event *e, uint32_t bytes)
{
	if (CAIRN_UNLIKELY(cairn_load32(&e->gate) != CAIRN_GATE_RECORD))
		return cairn_reserve_for(s, e, bytes);
	s->also = 0;
	return cairn_reserve(s, e->id, bytes);
}

CAIRN_INLINE void cairn_commit_gated_(struct cairn_slot *s)
{
	if (CAIRN_UNLIKELY(s->also))
		cairn_commit_for(s);
	else
		cairn_commit(s);
}

/* A copy of constant size: words in registers, which no compiler takes for a memcpy(). */
struct cairn_word_ {
	uint64_t v;
} __attribute__((__packed__, __may_alias__));

CAIRN_INLINE void cairn_array_copy_(void *to, const void *from, size_t bytes)
{
	size_t i = 0;

	if (bytes > 64) {
		cairn_bytes_copy(to, from, (uint32_t)bytes);
		return;
	}
	for (; i + 8 <= bytes; i += 8) {
		uint64_t v =
			((const struct cairn_word_ *)(const void *)((const char *)from + i))->v;

		__asm__("" : "+r"(v));
		((struct cairn_word_ *)(void *)((char *)to + i))->v = v;
	}
	for (; i < bytes; i++) {
		unsigned v = ((const unsigned char *)from)[i];

		__asm__("" : "+r"(v));
		((unsigned char *)to)[i] = (unsigned char)v;
	}
}

/*
 * Variable data is cut so that the payload fits the smallest packet (4 KiB) and hence any Linux page. Each variable field has
 * its minimum (a NUL, the padding) set aside; `room` is what they share beyond that.
 */
#define CAIRN_CUT_BYTES_ \
	(CAIRN_PACKET_MIN - CAIRN_PACKET_HEADER_BYTES - 4 - CAIRN_RECORD_HEADER_BYTES)

#define CAIRN_LINUX_COMMON_BYTES_ 8u /* a slot counts from the start of the Linux record */

struct cairn_tail_ {
	uint32_t end; /* bytes of payload up to here */
	uint32_t room;
};

/* Take `bytes` on a multiple of `align`; the slot's word as for LOC. */
CAIRN_INLINE uint32_t cairn_tail_take_(struct cairn_tail_ *t, uint32_t align, uint32_t bytes)
{
	uint32_t at = (t->end + align - 1) & ~(align - 1);

	t->end = at + bytes;
	return bytes << 16 | (at + CAIRN_LINUX_COMMON_BYTES_);
}

CAIRN_INLINE uint32_t cairn_tail_text_(struct cairn_tail_ *t, const char *s, uint64_t max)
{
	uint32_t bytes = cairn_text_bytes(s, max, t->room + 1);

	t->room -= bytes - 1;
	return cairn_tail_take_(t, 1, bytes);
}

CAIRN_INLINE uint32_t cairn_tail_data_CUT(struct cairn_tail_ *t, uint64_t nr, uint32_t element)
{
	uint32_t bytes =
		nr > t->room / element ? t->room / element * element : (uint32_t)nr * element;

	t->room -= bytes;
	return cairn_tail_take_(t, CAIRN_TAIL_ALIGN_(element), bytes);
}

/* For code that fills the whole array whatever room there is: too large is lost as such, by a size that no reservation grants. */
CAIRN_INLINE uint32_t cairn_tail_data_WHOLE(struct cairn_tail_ *t, uint64_t nr, uint32_t element)
{
	if (CAIRN_UNLIKELY(nr > t->room / element)) {
		t->end = CAIRN_RECORD_MAX + 1;
		return 0;
	}
	return cairn_tail_data_CUT(t, nr, element);
}

/* ---- generators over the normal words ---- */

/* Members of the record. */
#define CAIRN_MEMBER_A(k, ...) CAIRN_MEMBER_##k(__VA_ARGS__) CAIRN_MEMBER_B
#define CAIRN_MEMBER_B(k, ...) CAIRN_MEMBER_##k(__VA_ARGS__) CAIRN_MEMBER_A
#define CAIRN_MEMBER_AEND
#define CAIRN_MEMBER_BEND
#define CAIRN_MEMBER_scalar(T, n, show, names)  T n;
#define CAIRN_MEMBER_struct(T, n)               T n;
#define CAIRN_MEMBER_array(T, n, len)           T n[len];
#define CAIRN_MEMBER_text(slot, n, src, max)    uint32_t CAIRN_SLOT_##slot(n);
#define CAIRN_MEMBER_data(slot, T, n, nr, rule) uint32_t CAIRN_SLOT_##slot(n);
#define CAIRN_SLOT_LOC(n)                       __data_loc_##n
#define CAIRN_SLOT_REL_LOC(n)                   __rel_loc_##n

/* Rows of the field table, for record type cairn_entry_t. */
#define CAIRN_ROW_A(k, ...) CAIRN_ROW_##k(__VA_ARGS__) CAIRN_ROW_B
#define CAIRN_ROW_B(k, ...) CAIRN_ROW_##k(__VA_ARGS__) CAIRN_ROW_A
#define CAIRN_ROW_AEND
#define CAIRN_ROW_BEND
#define CAIRN_ROW_scalar(T, n, show, names) \
	CAIRN_ROW_(n, T, n, sizeof(T), SCALAR, CAIRN_SHOW_##show, names)
#define CAIRN_ROW_struct(T, n)     CAIRN_ROW_(n, T, n, sizeof(T), STRUCT, CAIRN_SHOW_HEX, NULL)
#define CAIRN_ROW_array(T, n, len) CAIRN_ROW_(n, T, n, sizeof(T), ARRAY, CAIRN_SHOW_ARRAY_(T), NULL)
#define CAIRN_ROW_text(slot, n, src, max) \
	CAIRN_ROW_(n, char, CAIRN_SLOT_##slot(n), 1, slot, CAIRN_SHOW_STRING, NULL)
#define CAIRN_ROW_data(slot, T, n, nr, rule) \
	CAIRN_ROW_(n, T, CAIRN_SLOT_##slot(n), sizeof(T), slot, CAIRN_SHOW_##rule##_(T), NULL)
#define CAIRN_SHOW_ARRAY_(T) (CAIRN_SAME_TYPE_(T, char) ? CAIRN_SHOW_STRING : CAIRN_SHOW_HEX)
#define CAIRN_SHOW_WHOLE_(T) CAIRN_SHOW_ARRAY_(T)
#define CAIRN_SHOW_CUT_(T)   CAIRN_SHOW_HEX
#define CAIRN_ROW_(n, T, member, element, kind, show, names)           \
	{#n,                                                           \
	 #T,                                                           \
	 (uint16_t) __builtin_offsetof(cairn_entry_t, member),         \
	 (uint16_t)sizeof(((cairn_entry_t *)0)->member),               \
	 (uint16_t)(element),                                          \
	 (uint8_t)(!CAIRN_SAME_TYPE_(T, char) && CAIRN_IS_SIGNED_(T)), \
	 (uint8_t)CAIRN_FIELD_##kind,                                  \
	 (uint8_t)(show),                                              \
	 names},

/* What a field's type must be. */
#define CAIRN_DEMAND_A(k, ...) CAIRN_DEMAND_##k(__VA_ARGS__) CAIRN_DEMAND_B
#define CAIRN_DEMAND_B(k, ...) CAIRN_DEMAND_##k(__VA_ARGS__) CAIRN_DEMAND_A
#define CAIRN_DEMAND_AEND
#define CAIRN_DEMAND_BEND
#define CAIRN_DEMAND_scalar(T, n, show, names)                                           \
	CAIRN_DEMAND_INTEGER_(T, n)                                                      \
	CAIRN_STATIC_ASSERT(CAIRN_TYPE_CLASS_(T) < CAIRN_TYPE_RECORD_ && sizeof(T) <= 8, \
			    "field " #n                                                  \
			    ": not an integer or pointer of up to 8 bytes: " CAIRN_ADVICE_);
#define CAIRN_DEMAND_struct(T, n)
#define CAIRN_DEMAND_array(T, n, len) CAIRN_DEMAND_INTEGER_(T, n)
#define CAIRN_DEMAND_text(slot, n, src, max)
#define CAIRN_DEMAND_data(slot, T, n, nr, rule) \
	CAIRN_DEMAND_INTEGER_(T, n)             \
	CAIRN_STATIC_ASSERT(sizeof(T) <= 1024, "field " #n ": elements of more than 1024 bytes");
#define CAIRN_DEMAND_INTEGER_(T, n)                                   \
	CAIRN_STATIC_ASSERT(CAIRN_TYPE_CLASS_(T) != CAIRN_TYPE_REAL_, \
			    "field " #n                               \
			    ": floating point is not recorded: pass an integer in fixed units");
#ifndef CAIRN_ADVICE_
#define CAIRN_ADVICE_ "use __field_struct (Linux form) or an array of bytes"
#endif

/* Bytes to set aside for each variable field. */
#define CAIRN_LEAST_A(k, ...) CAIRN_LEAST_##k(__VA_ARGS__) CAIRN_LEAST_B
#define CAIRN_LEAST_B(k, ...) CAIRN_LEAST_##k(__VA_ARGS__) CAIRN_LEAST_A
#define CAIRN_LEAST_AEND
#define CAIRN_LEAST_BEND
#define CAIRN_LEAST_scalar(T, n, show, names)
#define CAIRN_LEAST_struct(T, n)
#define CAIRN_LEAST_array(T, n, len)
#define CAIRN_LEAST_text(slot, n, src, max)    +1
#define CAIRN_LEAST_data(slot, T, n, nr, rule) +3

/* Length and place of each variable field, before room is reserved; the source is evaluated here and only here. */
#define CAIRN_MEASURE_A(k, ...) CAIRN_MEASURE_##k(__VA_ARGS__) CAIRN_MEASURE_B
#define CAIRN_MEASURE_B(k, ...) CAIRN_MEASURE_##k(__VA_ARGS__) CAIRN_MEASURE_A
#define CAIRN_MEASURE_AEND
#define CAIRN_MEASURE_BEND
#define CAIRN_MEASURE_scalar(T, n, show, names)
#define CAIRN_MEASURE_struct(T, n)
#define CAIRN_MEASURE_array(T, n, len)
#define CAIRN_MEASURE_text(slot, n, src, max)                  \
	const char *const cairn_src_##n = (const char *)(src); \
	const uint32_t cairn_loc_##n =                         \
		cairn_tail_text_(&cairn_tail, cairn_src_##n, (uint64_t)(max));
#define CAIRN_MEASURE_data(slot, T, n, nr, rule) \
	const uint32_t cairn_loc_##n =           \
		cairn_tail_data_##rule(&cairn_tail, (uint64_t)(nr), (uint32_t)sizeof(T));

/* A word for each field whose length is known only when the event fires. */
#define CAIRN_VARIES_A(k, ...) CAIRN_VARIES_##k(__VA_ARGS__) CAIRN_VARIES_B
#define CAIRN_VARIES_B(k, ...) CAIRN_VARIES_##k(__VA_ARGS__) CAIRN_VARIES_A
#define CAIRN_VARIES_AEND
#define CAIRN_VARIES_BEND
#define CAIRN_VARIES_scalar(T, n, show, names)
#define CAIRN_VARIES_struct(T, n)
#define CAIRN_VARIES_array(T, n, len)
#define CAIRN_VARIES_text(slot, n, src, max)    varies
#define CAIRN_VARIES_data(slot, T, n, nr, rule) varies

/* The slots, once there is an entry. */
#define CAIRN_FILL_A(k, ...) CAIRN_FILL_##k(__VA_ARGS__) CAIRN_FILL_B
#define CAIRN_FILL_B(k, ...) CAIRN_FILL_##k(__VA_ARGS__) CAIRN_FILL_A
#define CAIRN_FILL_AEND
#define CAIRN_FILL_BEND
#define CAIRN_FILL_scalar(T, n, show, names)
#define CAIRN_FILL_struct(T, n)
#define CAIRN_FILL_array(T, n, len)
#define CAIRN_FILL_text(slot, n, src, max) \
	(void)cairn_src_##n;               \
	CAIRN_FILL_SLOT_##slot(n)
#define CAIRN_FILL_data(slot, T, n, nr, rule) CAIRN_FILL_SLOT_##slot(n)
#define CAIRN_FILL_SLOT_LOC(n)                cairn_entry->__data_loc_##n = cairn_loc_##n;
#define CAIRN_FILL_SLOT_REL_LOC(n)                                                   \
	cairn_entry->__rel_loc_##n = cairn_loc_##n - CAIRN_LINUX_COMMON_BYTES_ - 4 - \
				     (uint32_t) __builtin_offsetof(cairn_entry_t, __rel_loc_##n);

/* ---- parts of an event, for both forms ---- */

#define CAIRN_EVENT_END_ struct cairn_event

/* The trace function and its question; `trace` is the prefix of their names, `heat` an attribute of the out-of-line probe. */
#if CAIRN_ENABLE
#define CAIRN_EVENT_DECLARE_(id, trace, params, args, check, heat) \
	CAIRN_C_BEGIN                                              \
	extern CAIRN_HIDDEN struct cairn_event cairn_event##id;    \
	CAIRN_HIDDEN heat void cairn_call##id params;              \
	CAIRN_C_END                                                \
	CAIRN_INLINE void trace##id params                         \
	{                                                          \
		check CAIRN_KEY_BRANCH(cairn_event##id, cairn_on); \
		return;                                            \
cairn_on:                                                          \
		cairn_call##id args;                               \
	}                                                          \
	CAIRN_INLINE bool trace##id##_enabled(void)                \
	{                                                          \
		CAIRN_KEY_BRANCH(cairn_event##id, cairn_on);       \
		return false;                                      \
cairn_on:                                                          \
		return true;                                       \
	}
#else
#define CAIRN_EVENT_DECLARE_(id, trace, params, args, check, heat) \
	CAIRN_EVENT_NOP_(id, trace, params, args, check)
#endif

/* The same, empty. The call is never made and its function nowhere defined. */
#define CAIRN_EVENT_NOP_(id, trace, params, args, check) \
	CAIRN_C_BEGIN                                    \
	void cairn_call##id params;                      \
	CAIRN_C_END                                      \
	CAIRN_INLINE void trace##id params               \
	{                                                \
		check if (0) cairn_call##id args;        \
	}                                                \
	CAIRN_INLINE bool trace##id##_enabled(void)      \
	{                                                \
		return false;                            \
	}

/* Where the probe is only called it is out of the way; where it is defined, it is hot. */
#define CAIRN_HEAT_CAIRN_CREATE_EVENTS() CAIRN_COLD
#define CAIRN_HEAT_()                    __attribute__((__noinline__))
#define CAIRN_HEAT_1()                   CAIRN_HEAT_()

/* Layout, field table and class of one set of fields. */
#define CAIRN_CLASS_DEFINE_(name, id, fields)                                                      \
	_Pragma("pack(push, 4)") struct cairn_raw##id {                                            \
		CAIRN_WALK_(CAIRN_MEMBER, fields)                                                  \
		char __data[1]; /* the tail begins here */                                         \
	};                                                                                         \
	_Pragma("pack(pop)") static const struct cairn_field *cairn_fields##id(unsigned *cairn_nr) \
	{                                                                                          \
		typedef struct cairn_raw##id cairn_entry_t;                                        \
		static const struct cairn_field cairn_f[] = {                                      \
			CAIRN_WALK_(CAIRN_ROW, fields){NULL, NULL, 0, 0, 0, 0, 0, 0, NULL}};       \
		CAIRN_WALK_(CAIRN_DEMAND, fields)                                                  \
		CAIRN_STATIC_ASSERT(__builtin_offsetof(cairn_entry_t, __data) <= CAIRN_RECORD_MAX, \
				    "fixed fields of event " name " exceed CAIRN_RECORD_MAX");     \
		*cairn_nr = (unsigned)(sizeof(cairn_f) / sizeof(cairn_f[0]) - 1);                  \
		return cairn_f;                                                                    \
	}                                                                                          \
	CAIRN_UNUSED static const struct cairn_class cairn_class##id = {                           \
		cairn_fields##id, (uint32_t) __builtin_offsetof(struct cairn_raw##id, __data)};

/* The event's object and its entry in the section that cairn_init() reads. */
#define CAIRN_OBJECT_DEFINE_(mask, system, name, id, class_id, print, flags, reg, unreg)          \
	CAIRN_STATIC_ASSERT(sizeof(name) <= CAIRN_NAME_MAX + 1, "event " name ": name too long"); \
	CAIRN_STATIC_ASSERT(sizeof(system) <= CAIRN_NAME_MAX + 1,                                 \
			    "system " system ": name too long");                                  \
	CAIRN_C_BEGIN                                                                             \
	CAIRN_USED struct cairn_event cairn_event##id = {                                         \
		{0},   0, 0, (flags), system, name, print, &cairn_class##class_id, (mask), reg,   \
		unreg, 0, 0, NULL,    NULL,   0,    {0}};                                         \
	CAIRN_C_END                                                                               \
	__asm__(".pushsection cairn_events, \"aR\", @progbits\n"                                  \
		"\t.balign 4\n\t.long cairn_event" CAIRN_STRING_(id) " - .\n\t.popsection");

/* Reserve, assign, commit, `done`: the body behind the gate. The assignment comes last and sees `cairn_entry`. */
#define CAIRN_RECORD_BODY_(reserve, event_id, commit, done, class_id, fields, ...)                \
	{                                                                                         \
		typedef struct cairn_raw##class_id cairn_entry_t;                                 \
		enum {                                                                            \
			cairn_fixed = __builtin_offsetof(cairn_entry_t, __data),                  \
			cairn_least = cairn_fixed CAIRN_WALK_(CAIRN_LEAST, fields),               \
			cairn_cut = CAIRN_CUT_BYTES_,                                             \
			cairn_room = cairn_least < cairn_cut ? cairn_cut - cairn_least : 0,       \
		};                                                                                \
		struct cairn_tail_ cairn_tail = {cairn_fixed, cairn_room};                        \
		CAIRN_WALK_(CAIRN_MEASURE, fields)                                                \
		struct cairn_slot cairn_slot;                                                     \
		cairn_entry_t *cairn_entry =                                                      \
			(cairn_entry_t *)reserve(&cairn_slot, event_id, cairn_tail.end);          \
		if (CAIRN_LIKELY(cairn_entry != NULL)) {                                          \
			CAIRN_WALK_(CAIRN_FILL, fields){__VA_ARGS__} commit(&cairn_slot);         \
			done                                                                      \
		}                                                                                 \
	}

/*
 * cairn_record##id(e, ...): the probe of a class, gate included.
 *
 * Where no field varies in length it comes in two: the one that runs always makes one try and calls nothing, so that it needs
 * neither stack nor saved registers; whatever is unusual goes on in the other, which begins anew. Lengths may be
 * expressions of the user's, to be evaluated once: where there are any, one function does all.
 */
#define CAIRN_RECORD_DEFINE_(id, params, args, fields, ...)                                    \
	CAIRN_PASTE_(CAIRN_RECORD_, CAIRN_PROBE_(CAIRN_WALK_(CAIRN_VARIES, fields)))           \
	(id, CAIRN_LEAD_(struct cairn_event *cairn_e, params, args),                           \
	 CAIRN_LEAD_(cairn_e, args, args), fields, __VA_ARGS__)

#define CAIRN_RECORD_SOMETHING(class_id, params, args, fields, ...)                                  \
	CAIRN_UNUSED static void cairn_record##class_id params                                       \
	{                                                                                      \
		if (cairn_event_wanted_(cairn_e))                                              \
			CAIRN_RECORD_BODY_(cairn_reserve_gated_, cairn_e, cairn_commit_gated_, ,     \
					   class_id, fields, __VA_ARGS__)                      \
	}

#define CAIRN_RECORD_NOTHING(class_id, params, args, fields, ...)                                    \
	CAIRN_UNUSED CAIRN_COLD static void cairn_record_again##class_id params                      \
	{                                                                                      \
		if (cairn_event_wanted_(cairn_e))                                              \
			CAIRN_RECORD_BODY_(cairn_reserve_for, cairn_e, cairn_commit_for, ,     \
					   class_id, fields, __VA_ARGS__)                      \
	}                                                                                      \
	CAIRN_PASTE_(CAIRN_RECORD_STAGED_, CAIRN_PORT_STAGE)                                   \
	(class_id, params, args, fields, __VA_ARGS__)                                          \
	CAIRN_UNUSED static void cairn_record##class_id params                                       \
	{                                                                                      \
		if (CAIRN_UNLIKELY(cairn_load32(&cairn_e->gate) != CAIRN_GATE_RECORD)) {       \
			cairn_record_again##class_id args;                                     \
			return;                                                                \
		}                                                                              \
		CAIRN_RECORD_BODY_(cairn_reserve_once, &cairn_e->id, cairn_commit_once, return;, \
				   class_id, fields, __VA_ARGS__)                              \
		CAIRN_PASTE_(CAIRN_RECORD_ELSE_, CAIRN_PORT_STAGE)(class_id) args;             \
	}

/* Whose context has no ring may have a staging area (port.h): hot too, where threads share streams, and one call. The gate is RECORD. */
#define CAIRN_RECORD_ELSE_0(class_id) cairn_record_again##class_id
#define CAIRN_RECORD_ELSE_1(class_id) cairn_record_staged##class_id
#define CAIRN_RECORD_STAGED_0(class_id, params, args, fields, ...)
#define CAIRN_RECORD_STAGED_1(class_id, params, args, fields, ...)                             \
	CAIRN_UNUSED __attribute__((__noinline__)) static void cairn_record_staged##class_id params \
	{                                                                                      \
		CAIRN_RECORD_BODY_(cairn_reserve_staged, &cairn_e->id, cairn_commit_staged,    \
				   return;, class_id, fields, __VA_ARGS__)                     \
		cairn_record_again##class_id args;                                             \
	}

/* ---- short form ---- */

/* Known words vanish; an unknown one stays, and the whole event becomes one sentence. */
#define CAIRN_WORD_A(k, ...) CAIRN_unknown_word_##k(__VA_ARGS__) CAIRN_WORD_B
#define CAIRN_WORD_B(k, ...) CAIRN_unknown_word_##k(__VA_ARGS__) CAIRN_WORD_A
#define CAIRN_WORD_AEND
#define CAIRN_WORD_BEND
#define CAIRN_unknown_word_field(...)
#define CAIRN_unknown_word_flags(...)
#define CAIRN_unknown_word_symbol(...)
#define CAIRN_unknown_word_array(...)
#define CAIRN_unknown_word_string(...)
#define CAIRN_unknown_word_dynamic(...)

#define CAIRN_SHORT_(mask, system, name, id, fields, check, print, flags)            \
	CAIRN_PASTE_(CAIRN_SHORT_, CAIRN_PROBE_(CAIRN_WALK_(CAIRN_WORD, fields)))    \
	(mask, system, name, id, (CAIRN_BEHIND_(~CAIRN_WALK_(CAIRN_PARAM, fields))), \
	 (CAIRN_BEHIND_(~CAIRN_WALK_(CAIRN_ARG, fields))), fields, check, print, flags)

#define CAIRN_SHORT_SOMETHING(mask, system, name, id, params, args, fields, check, print, flags) \
	CAIRN_STATIC_ASSERT(                                                                     \
		0,                                                                               \
		"event " name                                                                    \
		": a field is none of (field, T, n) (flags, T, n, names) (symbol, T, n, names) " \
		"(array, T, n, len) (string, n) (dynamic, T, n): " CAIRN_STRING_(                \
			CAIRN_WALK_(CAIRN_WORD, fields)))

#define CAIRN_SHORT_NOTHING(mask, system, name, id, params, args, fields, check, print, flags)    \
	CAIRN_EVENT_DECLARE_(id, cairn_trace, params, args, check,                                \
			     CAIRN_PASTE_(CAIRN_HEAT_, CAIRN_CREATE_EVENTS)())                    \
	CAIRN_PASTE_(CAIRN_SHORT_DEFINE_, CAIRN_CREATE_EVENTS)                                    \
	(mask, system, name, id, params, args, fields, CAIRN_WALK_(CAIRN_NORMAL, fields), print,  \
	 flags)                                                                                   \
		CAIRN_EVENT_END_

#if CAIRN_ENABLE
#define CAIRN_SHORT_DEFINE_1(mask, system, name, id, params, args, fields, normal, print, flags) \
	CAIRN_CLASS_DEFINE_(name, id, normal)                                                    \
	CAIRN_RECORD_DEFINE_(id, params, args, normal, CAIRN_WALK_(CAIRN_ASSIGN, fields))        \
	CAIRN_OBJECT_DEFINE_(mask, system, name, id, id, print, flags, NULL, NULL)               \
	void cairn_call##id params                                                               \
	{                                                                                        \
		cairn_record##id CAIRN_LEAD_(&cairn_event##id, args, args);                      \
	}
#define CAIRN_SHORT_DEFINE_(...) CAIRN_SHORT_DEFINE_1(__VA_ARGS__)
#else
#define CAIRN_SHORT_DEFINE_1(...)
#define CAIRN_SHORT_DEFINE_(...)
#endif
#define CAIRN_SHORT_DEFINE_CAIRN_CREATE_EVENTS(...)

/* Parameters of the trace function, each with a comma before it. */
#define CAIRN_PARAM_A(k, ...) CAIRN_PARAM_##k(__VA_ARGS__) CAIRN_PARAM_B
#define CAIRN_PARAM_B(k, ...) CAIRN_PARAM_##k(__VA_ARGS__) CAIRN_PARAM_A
#define CAIRN_PARAM_AEND
#define CAIRN_PARAM_BEND
#define CAIRN_PARAM_field(T, n)         , T n
#define CAIRN_PARAM_flags(T, n, names)  , T n
#define CAIRN_PARAM_symbol(T, n, names) , T n
#define CAIRN_PARAM_array(T, n, len)    , const T *n
#define CAIRN_PARAM_string(n)           , const char *n
#define CAIRN_PARAM_dynamic(T, n)       , const T *n, unsigned n##_nr

/* The same handed on. */
#define CAIRN_ARG_A(k, ...) CAIRN_ARG_##k(__VA_ARGS__) CAIRN_ARG_B
#define CAIRN_ARG_B(k, ...) CAIRN_ARG_##k(__VA_ARGS__) CAIRN_ARG_A
#define CAIRN_ARG_AEND
#define CAIRN_ARG_BEND
#define CAIRN_ARG_field(T, n)         , n
#define CAIRN_ARG_flags(T, n, names)  , n
#define CAIRN_ARG_symbol(T, n, names) , n
#define CAIRN_ARG_array(T, n, len)    , n
#define CAIRN_ARG_string(n)           , n
#define CAIRN_ARG_dynamic(T, n)       , n, n##_nr

/* Text against fields: all but plain ones are printed by %s. */
#define CAIRN_COMPARE_(text, fields) \
	if (0)                       \
		cairn_check_format_(text CAIRN_WALK_(CAIRN_SAMPLE, fields));
#define CAIRN_SAMPLE_A(k, ...) CAIRN_SAMPLE_##k(__VA_ARGS__) CAIRN_SAMPLE_B
#define CAIRN_SAMPLE_B(k, ...) CAIRN_SAMPLE_##k(__VA_ARGS__) CAIRN_SAMPLE_A
#define CAIRN_SAMPLE_AEND
#define CAIRN_SAMPLE_BEND
#define CAIRN_SAMPLE_field(T, n)         , n
#define CAIRN_SAMPLE_flags(T, n, names)  , ""
#define CAIRN_SAMPLE_symbol(T, n, names) , ""
#define CAIRN_SAMPLE_array(T, n, len)    , ""
#define CAIRN_SAMPLE_string(n)           , ""
#define CAIRN_SAMPLE_dynamic(T, n)       , ""

/* Into the normal words. */
#define CAIRN_NORMAL_A(k, ...) CAIRN_NORMAL_##k(__VA_ARGS__) CAIRN_NORMAL_B
#define CAIRN_NORMAL_B(k, ...) CAIRN_NORMAL_##k(__VA_ARGS__) CAIRN_NORMAL_A
#define CAIRN_NORMAL_AEND
#define CAIRN_NORMAL_BEND
#define CAIRN_NORMAL_field(T, n)         (scalar, T, n, PLAIN, NULL)
#define CAIRN_NORMAL_flags(T, n, names)  (scalar, T, n, FLAGS, &cairn_names_##names)
#define CAIRN_NORMAL_symbol(T, n, names) (scalar, T, n, SYMBOL, &cairn_names_##names)
#define CAIRN_NORMAL_array(T, n, len)    (array, T, n, len)
#define CAIRN_NORMAL_string(n)           (text, LOC, n, n, ~0u)
#define CAIRN_NORMAL_dynamic(T, n)       (data, LOC, T, n, n##_nr, CUT)

#define CAIRN_ASSIGN_A(k, ...) CAIRN_ASSIGN_##k(__VA_ARGS__) CAIRN_ASSIGN_B
#define CAIRN_ASSIGN_B(k, ...) CAIRN_ASSIGN_##k(__VA_ARGS__) CAIRN_ASSIGN_A
#define CAIRN_ASSIGN_AEND
#define CAIRN_ASSIGN_BEND
#define CAIRN_ASSIGN_field(T, n)         cairn_entry->n = n;
#define CAIRN_ASSIGN_flags(T, n, names)  cairn_entry->n = n;
#define CAIRN_ASSIGN_symbol(T, n, names) cairn_entry->n = n;
#define CAIRN_ASSIGN_array(T, n, len)                                                             \
	if (CAIRN_SAME_TYPE_(T, char))                                                            \
		cairn_text_fill((char *)cairn_entry->n, (const char *)n, sizeof(cairn_entry->n)); \
	else                                                                                      \
		cairn_array_copy_(cairn_entry->n, n, sizeof(cairn_entry->n));
#define CAIRN_ASSIGN_string(n) \
	cairn_text_copy_measured(CAIRN_TAIL_AT_(cairn_loc_##n), cairn_src_##n, cairn_loc_##n >> 16);
#define CAIRN_ASSIGN_dynamic(T, n) \
	cairn_bytes_copy(CAIRN_TAIL_AT_(cairn_loc_##n), n, cairn_loc_##n >> 16);

/* Place in the tail of a word as cairn_tail_take_() gave it. */
#define CAIRN_TAIL_AT_(loc) ((char *)cairn_entry + ((loc)&0xffff) - CAIRN_LINUX_COMMON_BYTES_)

/* Tables of names. */
#if CAIRN_ENABLE
#define CAIRN_NAMES_1(id, pairs)                                                                  \
	static const struct cairn_name_pair cairn_pairs##id[] = {CAIRN_WALK_(CAIRN_PAIR, pairs)}; \
	CAIRN_UNUSED static const struct cairn_names cairn_names##id = {                          \
		cairn_pairs##id,                                                                  \
		(unsigned)(sizeof(cairn_pairs##id) / sizeof(cairn_pairs##id[0]))};
#else
#define CAIRN_NAMES_1(id, pairs)
#endif
#define CAIRN_NAMES_(id, pairs) CAIRN_NAMES_1(id, pairs)
#define CAIRN_NAMES_CAIRN_CREATE_EVENTS(id, pairs)
#define CAIRN_PAIR_A(v, name) CAIRN_PAIR_(v, name) CAIRN_PAIR_B
#define CAIRN_PAIR_B(v, name) CAIRN_PAIR_(v, name) CAIRN_PAIR_A
#define CAIRN_PAIR_AEND
#define CAIRN_PAIR_BEND
#define CAIRN_PAIR_(v, name) {(uint64_t)(v), name},

#endif
