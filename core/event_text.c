/* SPDX-License-Identifier: MIT */
/*
 * Copying strings and arrays into records. A source may change while it is copied: the length is what was measured before room was
 * reserved, and every byte of it is written. Eight bytes at a time. Measuring reads whole aligned words, so also up to seven bytes beside the
 * string, but in no page in which the string has no byte; copying reads what was measured and no more.
 *
 * The loops by single bytes keep their index from the compiler, which would otherwise recognize them and call the host's memcpy(), memset()
 * or strlen().
 */
#include "../include/cairn/event.h"

#define TEXT_OPAQUE(i) __asm__("" : "+r"(i))
#define TEXT_ONES      0x0101010101010101u

typedef uint64_t text_aligned_word __attribute__((__may_alias__));
struct text_half_word {
	uint32_t v;
} __attribute__((__packed__, __may_alias__));

static const char text_null[] = "(null)";

/* 0x80 in the lowest byte of `w` that is 0; bytes above it may have it too. 0: there is none. */
CAIRN_INLINE uint64_t text_zeros(uint64_t w)
{
	return (w - TEXT_ONES) & ~w & (TEXT_ONES << 7);
}

/* How many bytes lie below that one. By a product: not every CPU counts zeros, and a compiler would call a function that does. */
CAIRN_INLINE uint32_t text_below(uint64_t zeros)
{
	return (uint32_t)((((zeros & -zeros) - 1) & TEXT_ONES) * TEXT_ONES >> 56) - 1;
}

/* The sanitizers would object to the bytes beside the string. */
__attribute__((__noinline__)) CAIRN_READS_BESIDE uint32_t cairn_text_bytes(const char *s, uint64_t max, uint32_t room)
{
	const text_aligned_word *p;
	uint32_t before, seen;
	uint64_t w, zeros;

	if (!s)
		return room < sizeof(text_null) ? room : (uint32_t)sizeof(text_null);
	if (max > room - 1)
		max = room - 1;
	if (!max)
		return 1;
	before = (uint32_t)((uintptr_t)s & 7);
	p = (const text_aligned_word *)((uintptr_t)s - before);
	TEXT_OPAQUE(p); /* no object that the compiler knows the size of */
	w = *p | (((uint64_t)1 << 8 * before) - 1);
	for (seen = 8 - before;; seen += 8) {
		if (CAIRN_UNLIKELY(seen > max)) /* what lies behind decides nothing; valgrind sees it */
			w |= ~(uint64_t)0 << 8 * (8 - (seen - max));
		zeros = text_zeros(w);
		if (zeros)
			return seen - 8 + text_below(zeros) + 1;
		if (seen >= max)
			return (uint32_t)max + 1;
		w = *++p;
	}
}

static void text_pad(char *to, char c, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		to[i] = c;
		TEXT_OPAQUE(i);
	}
}

/* Up to `n` characters, and `fill` from a NUL on. */
static CAIRN_COLD void text_copy_bytes(char *to, const char *s, uint32_t n, char fill)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		char c = s[i];

		if (c == '\0')
			break;
		to[i] = c;
		TEXT_OPAQUE(i);
	}
	text_pad(to + i, fill, n - i);
}

/* The same for what had no NUL there when it was measured; all of it can be read. */
CAIRN_INLINE void text_copy_words(char *to, const char *s, uint32_t n, char fill)
{
	uint32_t i = 0;
	uint64_t w;

	for (; i + 8 <= n; i += 8) {
		w = ((const struct cairn_word_ *)(const void *)(s + i))->v;
		if (CAIRN_UNLIKELY(text_zeros(w)))
			goto changed;
		((struct cairn_word_ *)(void *)(to + i))->v = w;
	}
	if (i == n)
		return;
	if (i) { /* the rest with what lies before it */
		w = ((const struct cairn_word_ *)(const void *)(s + n - 8))->v;
		if (CAIRN_UNLIKELY(text_zeros(w)))
			goto changed;
		((struct cairn_word_ *)(void *)(to + n - 8))->v = w;
		return;
	}
	if (n >= 4) {
		uint32_t low = ((const struct text_half_word *)(const void *)s)->v;
		uint32_t high = ((const struct text_half_word *)(const void *)(s + n - 4))->v;

		if (CAIRN_UNLIKELY(text_zeros((uint64_t)high << 32 | low)))
			goto changed;
		((struct text_half_word *)(void *)to)->v = low;
		((struct text_half_word *)(void *)(to + n - 4))->v = high;
		return;
	}
changed:
	text_copy_bytes(to, s, n, fill);
}

void cairn_text_copy_measured(char *to, const char *s, uint32_t bytes)
{
	to[bytes - 1] = '\0';
	text_copy_words(to, s ? s : text_null, bytes - 1, '#');
}

void cairn_text_copy(char *to, const char *s, uint64_t max, uint32_t bytes)
{
	uint32_t n = cairn_text_bytes(s, max, bytes) - 1;

	cairn_text_copy_measured(to, s, n + 1);
	text_pad(to + n, s && n == max ? '\0' : '#', bytes - 1 - n);
	to[bytes - 1] = '\0';
}

void cairn_text_fill(char *to, const char *s, uint32_t bytes)
{
	uint32_t n = cairn_text_bytes(s, bytes, bytes + 1) - 1;

	text_pad(to + n, '\0', bytes - n);
	text_copy_words(to, s ? s : text_null, n, '\0');
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
