/* SPDX-License-Identifier: MIT */
/* Events in the short form, one for each word that it has; for event_short.c. Defined by events_short_form.c, in C or in C++. */
/* clang-format off */
#ifndef EVENTS_SHORT_FORM_H
#define EVENTS_SHORT_FORM_H

#include <cairn/cairn.h>

enum short_kind { SHORT_FILE = 1, SHORT_DIR = -2 };

CAIRN_NAMES(short_modes, (1, "read") (2, "write") (0x80, "sync"));
CAIRN_NAMES(short_kinds, (SHORT_FILE, "file") (SHORT_DIR, "a \"dir\""));

CAIRN_EVENT(short_form, short_scalars,
	    (field, uint8_t, u8) (field, int8_t, s8) (field, uint16_t, u16) (field, int16_t, s16)
	    (field, uint32_t, u32) (field, int32_t, s32) (field, uint64_t, u64) (field, int64_t, s64)
	    (field, bool, yes) (field, char, letter) (field, const void *, pointer)
	    (field, enum short_kind, kind) (field, unsigned char, last),
	    "%u %d %u %d %u %d %lu %ld %d %c %p %d %u");

CAIRN_EVENT(short_form, short_names,
	    (flags, uint32_t, mode, short_modes) (symbol, int8_t, kind, short_kinds), "mode=%s kind=%s");

CAIRN_EVENT(short_form, short_arrays,
	    (field, uint8_t, one) (array, uint8_t, id, 5) (array, char, comm, 6) (array, uint64_t, big, 3)
	    (array, int16_t, odd, 3) (array, uint8_t, wide, 100),
	    "one=%u id=%s comm=%s big=%s odd=%s wide=%s");

CAIRN_EVENT(short_form, short_text, (string, first) (field, uint8_t, between) (string, second),
	    "first=%s between=%u second=%s");

CAIRN_EVENT(short_form, short_dynamic,
	    (field, uint8_t, tag) (dynamic, uint16_t, words) (string, name) (dynamic, uint64_t, blocks)
	    (dynamic, uint8_t, bytes),
	    "tag=%u words=%s name=%s blocks=%s bytes=%s");

CAIRN_EVENT_PLAIN(short_form, short_plain, (field, int, a) (field, uint64_t, b) (string, c));
CAIRN_EVENT0(short_form, short_empty);
CAIRN_EVENT_FULL(short_form, short_full, (array, long, args, 2), "%ld \"and\" %ld\n", REC->args[0], REC->args[1]);
CAIRN_EVENT_IN(CAIRN_CAT(CAIRN_IPC), short_form, short_in, (field, int, n), "n=%d");

/* Parameters with names that generated code might use itself. */
CAIRN_EVENT(short_form, short_clash,
	    (field, int, entry) (field, int, slot) (field, int, i) (string, tail) (field, int, on) (dynamic, char, n),
	    "entry=%d slot=%d i=%d tail=%s on=%d n=%s");

/* Has 63 characters. */
CAIRN_EVENT(short_form, short_name_of_the_length_that_the_limit_allows_and_no_more_no_m, (field, int, n), "n=%d");

/* Nobody fires it. */
CAIRN_EVENT(short_form, short_unused, (field, int, n), "n=%d");

CAIRN_C_BEGIN
/* Fires short_scalars as event_short.c expects it, from the defining file. */
void short_form_fire_scalars(void);
bool short_form_enabled(void);
CAIRN_C_END

#endif
