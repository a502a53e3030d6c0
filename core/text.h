/* SPDX-License-Identifier: MIT */
/* Bounded formatting: the only shared helper. Writes what fits, counts what would be needed, ends with NUL if there is room. */
#ifndef CAIRN_TEXT_H
#define CAIRN_TEXT_H

#include "../include/cairn/compiler.h"

struct cairn_text {
	char *buf;
	size_t room;
	size_t len; /* needed so far; len >= room means that something was cut */
};

CAIRN_PRIVATE void cairn_text_begin(struct cairn_text *t, char *buf, size_t room);
CAIRN_PRIVATE void cairn_text_char(struct cairn_text *t, char c);
CAIRN_PRIVATE void cairn_text_str(struct cairn_text *t, const char *s);
CAIRN_PRIVATE void cairn_text_u64(struct cairn_text *t, uint64_t v);
CAIRN_PRIVATE void cairn_text_hex(struct cairn_text *t, uint64_t v); /* with 0x */
CAIRN_PRIVATE void cairn_text_hex_digits(struct cairn_text *t, uint64_t v, unsigned digits);

CAIRN_PRIVATE bool cairn_text_equal(const char *a, const char *b);
CAIRN_PRIVATE int cairn_text_compare(const char *a, const char *b); /* bytewise, as strcmp */
CAIRN_PRIVATE size_t cairn_text_length(const char *s);
/* Copy at most room - 1 characters and a NUL; the rest of the room is zeroed. */
CAIRN_PRIVATE void cairn_text_clip(char *to, const char *from, size_t room);

#endif
