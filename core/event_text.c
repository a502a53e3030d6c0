/* SPDX-License-Identifier: MIT */
/*
 * Copying strings and arrays into records. A source may change while it is copied: the length is what was measured before room was
 * reserved, and every byte of it is written. The loops keep their index from the compiler, which would otherwise recognize
 * them and call the host's memcpy(), memset() or strlen().
 */
#include "../include/cairn/event.h"

#define TEXT_OPAQUE(i) __asm__("" : "+r"(i))

static const char text_null[] = "(null)";

uint32_t cairn_text_bytes(const char *s, uint64_t max, uint32_t room)
{
	uint32_t n = 0;

	if (!s) {
		s = text_null;
		max = sizeof(text_null) - 1;
	}
	while (n + 1 < room && n < max && s[n] != '\0') {
		n++;
		TEXT_OPAQUE(n);
	}
	return n + 1;
}

void cairn_text_copy(char *to, const char *s, uint64_t max, uint32_t bytes)
{
	char fill = '\0';
	uint32_t n;

	if (!s)
		s = text_null;
	for (n = 0; n + 1 < bytes && n < max; n++) {
		char c = s[n];

		if (c == '\0') {
			fill = '#';
			break;
		}
		to[n] = c;
		TEXT_OPAQUE(n);
	}
	for (; n + 1 < bytes; n++) {
		to[n] = fill;
		TEXT_OPAQUE(n);
	}
	to[n] = '\0';
}

void cairn_text_fill(char *to, const char *s, uint32_t bytes)
{
	uint32_t n;

	if (!s)
		s = text_null;
	for (n = 0; n < bytes; n++) {
		char c = s[n];

		if (c == '\0')
			break;
		to[n] = c;
		TEXT_OPAQUE(n);
	}
	for (; n < bytes; n++) {
		to[n] = '\0';
		TEXT_OPAQUE(n);
	}
}

void cairn_bytes_copy(void *to, const void *from, uint32_t bytes)
{
	uint32_t n = 0;

	for (; n + 8 <= bytes; n += 8) {
		((struct cairn_word_ *)(void *)((char *)to + n))->v =
			((const struct cairn_word_ *)(const void *)((const char *)from + n))->v;
		TEXT_OPAQUE(n);
	}
	for (; n < bytes; n++) {
		((char *)to)[n] = ((const char *)from)[n];
		TEXT_OPAQUE(n);
	}
}
