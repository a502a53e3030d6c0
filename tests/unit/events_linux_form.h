/* SPDX-License-Identifier: MIT */
/* Events in Linux's form, one for each word that it has; for event_linux.c. */
/* clang-format off */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM linux_form

#if !defined(EVENTS_LINUX_FORM_H) || defined(TRACE_HEADER_MULTI_READ)
#define EVENTS_LINUX_FORM_H

#include <cairn/tracepoint.h>

#ifndef EVENTS_LINUX_FORM_ONCE
#define EVENTS_LINUX_FORM_ONCE
enum linux_form_kind { LINUX_FORM_FILE = 1, LINUX_FORM_DIR = -7 };
struct linux_form_pair {
	uint8_t a;
	uint64_t b;
};
CAIRN_C_BEGIN
extern int linux_form_evaluations;
int linux_form_reg(void);
void linux_form_unreg(void);
CAIRN_C_END
#endif

TRACE_DEFINE_ENUM(LINUX_FORM_FILE);
TRACE_DEFINE_ENUM(LINUX_FORM_DIR);
TRACE_DEFINE_SIZEOF(struct linux_form_pair);

#define show_kind(k)                                                                               \
	__print_symbolic(k, { LINUX_FORM_FILE, "file" }, { LINUX_FORM_DIR, "dir" })

TRACE_EVENT(linux_open,

	TP_PROTO(const char *path, int flags, enum linux_form_kind kind),

	TP_ARGS(path, flags, kind),

	TP_STRUCT__entry(
		__field(unsigned char, low)
		__field(unsigned long, flags)
		__string(path, path)
		__field(enum linux_form_kind, kind)
		__array(char, comm, 6)
	),

	TP_fast_assign(
		int i, n = 5;

		__entry->low = (unsigned char)flags;
		__entry->flags = (unsigned long)flags;
		__assign_str(path);
		__entry->kind = kind;
		for (i = 0; i < n; i++)
			entry->comm[i] = (char)('a' + i);
		__entry->comm[n] = '\0';
	),

	TP_printk("path=%s flags=%#lx kind=%s comm=%s\n", __get_str(path), __entry->flags,
		show_kind(__entry->kind), __entry->comm)
);

DECLARE_EVENT_CLASS(linux_page,

	TP_PROTO(unsigned long pfn, unsigned int order),

	TP_ARGS(pfn, order),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field_ext(unsigned int, order, FILTER_OTHER)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->order = order;
	),

	TP_printk("pfn=0x%lx order=%u", __entry->pfn, __entry->order)
);

DEFINE_EVENT(linux_page, linux_page_free,
	TP_PROTO(unsigned long pfn, unsigned int order),
	TP_ARGS(pfn, order)
);

DEFINE_EVENT_PRINT(linux_page, linux_page_drain,
	TP_PROTO(unsigned long pfn, unsigned int order),
	TP_ARGS(pfn, order),
	TP_printk("drained pfn=0x%lx", __entry->pfn)
);

DEFINE_EVENT_CONDITION(linux_page, linux_page_big,
	TP_PROTO(unsigned long pfn, unsigned int order),
	TP_ARGS(pfn, order),
	TP_CONDITION(order > 3)
);

DEFINE_EVENT_FN(linux_page, linux_page_fn,
	TP_PROTO(unsigned long pfn, unsigned int order),
	TP_ARGS(pfn, order),
	linux_form_reg, linux_form_unreg
);

TRACE_EVENT(linux_void,
	TP_PROTO(void),
	TP_ARGS(),
	TP_STRUCT__entry(),
	TP_fast_assign(),
	TP_printk("nothing")
);

DECLARE_EVENT_CLASS(linux_void_class,
	TP_PROTO(void),
	TP_ARGS(),
	TP_STRUCT__entry(__field(int, one)),
	TP_fast_assign(__entry->one = 1;),
	TP_printk("%d", __entry->one)
);

DEFINE_EVENT(linux_void_class, linux_void_two, TP_PROTO(void), TP_ARGS());

TRACE_EVENT(linux_data,

	TP_PROTO(const uint16_t *words, int nr, const struct linux_form_pair *pair, const char *name, int name_len),

	TP_ARGS(words, nr, pair, name, name_len),

	TP_STRUCT__entry(
		__field_struct(struct linux_form_pair, pair)
		__dynamic_array(uint16_t, words, nr)
		__field(bool, odd)
		__string_len(name, name, name_len)
		__dynamic_array(uint64_t, squares, nr > 2 ? 2 : nr)
	),

	TP_fast_assign(
		int i;

		__entry->pair = *pair;
		for (i = 0; i < (int)__get_dynamic_array_len(words) / 2; i++)
			((uint16_t *)__get_dynamic_array(words))[i] = words[i];
		__entry->odd = nr & 1;
		__assign_str(name);
		for (i = 0; i < (nr > 2 ? 2 : nr); i++) {
			uint64_t square = (uint64_t)words[i] * words[i];

			cairn_bytes_copy((char *)__get_dynamic_array(squares) + i * 8, &square, 8);
		}
	),

	TP_printk("words=%s name=%s", __print_array(__get_dynamic_array(words),
		__get_dynamic_array_len(words) / 2, 2), __get_str(name))
);

TRACE_EVENT(linux_rel,

	TP_PROTO(const char *one, const char *two, const unsigned long *mask, unsigned int bits),

	TP_ARGS(one, two, mask, bits),

	TP_STRUCT__entry(
		__field(uint8_t, pad)
		__rel_string(one, one)
		__string(two, one)
		__rel_dynamic_array(uint32_t, numbers, 2)
		__bitmask(mask, bits)
		__sockaddr(address, 3)
		__rel_string_len(three, one, 2)
	),

	TP_fast_assign(
		uint32_t *numbers = (uint32_t *)__get_rel_dynamic_array(numbers);

		__entry->pad = 0x5a;
		__assign_rel_str(one);
		__assign_str(two, two);
		numbers[0] = 17;
		numbers[1] = 34;
		__assign_bitmask(mask, mask, bits);
		__assign_sockaddr(address, one, 3);
		__assign_rel_str_len(three, two, 1);
	),

	TP_printk("one=%s two=%s", __get_rel_str(one), __get_str(two))
);

TRACE_EVENT(linux_once,
	TP_PROTO(const char *name),
	TP_ARGS(name),
	TP_STRUCT__entry(
		__string(name, (linux_form_evaluations++, name))
		__dynamic_array(char, four, (linux_form_evaluations++, 4))
	),
	TP_fast_assign(
		__assign_str(name);
		((char *)__get_dynamic_array(four))[3] = 1;
	),
	TP_printk("name=%s", __get_str(name))
);

TRACE_EVENT_CONDITION(linux_cond,
	TP_PROTO(int n),
	TP_ARGS(n),
	TP_CONDITION(n & 1),
	TP_STRUCT__entry(__field(int, n)),
	TP_fast_assign(__entry->n = n;),
	TP_printk("n=%d", __entry->n)
);

TRACE_EVENT_FN(linux_fn,
	TP_PROTO(int n),
	TP_ARGS(n),
	TP_STRUCT__entry(__field(int, n)),
	TP_fast_assign(__entry->n = n;),
	TP_printk("n=%d", __entry->n),
	linux_form_reg, linux_form_unreg
);

TRACE_EVENT_NOP(linux_nop,
	TP_PROTO(int n),
	TP_ARGS(n),
	TP_STRUCT__entry(__field(int, n)),
	TP_fast_assign(__entry->n = n;),
	TP_printk("n=%d", __entry->n)
);

DECLARE_EVENT_CLASS_NOP(linux_nop_class,
	TP_PROTO(int n), TP_ARGS(n), TP_STRUCT__entry(__field(int, n)), TP_fast_assign(__entry->n = n;),
	TP_printk("n=%d", __entry->n)
);
DEFINE_EVENT_NOP(linux_nop_class, linux_nop2, TP_PROTO(int n), TP_ARGS(n));
DECLARE_EVENT_NOP(linux_nop3, TP_PROTO(int n), TP_ARGS(n));
DECLARE_TRACE(linux_bare, TP_PROTO(int n), TP_ARGS(n));
DECLARE_TRACE_CONDITION(linux_bare2, TP_PROTO(int n), TP_ARGS(n), TP_CONDITION(n));
TRACE_EVENT_FLAGS(linux_open, 1);
TRACE_EVENT_PERF_PERM(linux_open, 0);

#endif

#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE events_linux_form
#include <cairn/define_events.h>
