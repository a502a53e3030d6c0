/* SPDX-License-Identifier: MIT */
/* Bounded formatting and comparing without a libc. Loops carry a barrier so that the compiler does not turn them into strlen(). */
#include "text.h"

#include "../include/cairn/error.h"
#include "../include/cairn/event.h"

#define TEXT_NO_IDIOM() __asm__ volatile("")

void cairn_text_begin(struct cairn_text *t, char *buf, size_t room)
{
	t->buf = buf;
	t->room = room;
	t->len = 0;
	if (room)
		buf[0] = 0;
}

void cairn_text_char(struct cairn_text *t, char c)
{
	if (t->len + 1 < t->room) {
		t->buf[t->len] = c;
		t->buf[t->len + 1] = 0;
	}
	t->len++;
}

void cairn_text_str(struct cairn_text *t, const char *s)
{
	for (; *s; s++)
		cairn_text_char(t, *s);
}

void cairn_text_u64(struct cairn_text *t, uint64_t v)
{
	char digits[20];
	unsigned n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		cairn_text_char(t, digits[--n]);
}

void cairn_text_hex_digits(struct cairn_text *t, uint64_t v, unsigned digits)
{
	while (digits--)
		cairn_text_char(t, "0123456789abcdef"[v >> (digits * 4) & 15]);
}

void cairn_text_hex(struct cairn_text *t, uint64_t v)
{
	unsigned digits = 1;

	while (digits < 16 && v >> (digits * 4))
		digits++;
	cairn_text_str(t, "0x");
	cairn_text_hex_digits(t, v, digits);
}

size_t cairn_text_length(const char *s)
{
	size_t n = 0;

	while (s[n]) {
		TEXT_NO_IDIOM();
		n++;
	}
	return n;
}

int cairn_text_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

bool cairn_text_equal(const char *a, const char *b)
{
	return cairn_text_compare(a, b) == 0;
}

void cairn_text_clip(char *to, const char *from, size_t room)
{
	size_t i = 0;

	for (; i + 1 < room && from[i]; i++) {
		TEXT_NO_IDIOM();
		to[i] = from[i];
	}
	for (; i < room; i++) {
		TEXT_NO_IDIOM();
		to[i] = 0;
	}
}

/* One [set] at *glob, which points behind the '['; moves *glob behind the ']'. Without a ']' the '[' is an ordinary character. */
static bool text_in_set(const char **glob, char c)
{
	const char *p = *glob;
	bool invert = *p == '!' || *p == '^', found = false;

	if (invert)
		p++;
	do {
		char low = *p, high;

		if (!low)
			return c == '[';
		if (p[1] == '-' && p[2] && p[2] != ']') {
			high = p[2];
			p += 3;
		} else {
			high = low;
			p++;
		}
		found |= c >= low && c <= high;
	} while (*p != ']');
	*glob = p + 1;
	return found != invert;
}

bool cairn_glob(const char *glob, const char *text)
{
	const char *star = NULL, *star_text = NULL;

	for (;;) {
		const char *next = glob + 1;
		bool match;

		if (*glob == '*') {
			star = next;
			star_text = text;
			glob = next;
			continue;
		}
		if (!*text)
			return !*glob;
		if (*glob == '?')
			match = true;
		else if (*glob == '[')
			match = text_in_set(&next, *text);
		else if (*glob == '\\' && glob[1])
			match = *next++ == *text;
		else
			match = *glob && *glob == *text;
		if (match) {
			glob = next;
			text++;
		} else if (star) { /* let the last star take one character more */
			glob = star;
			text = ++star_text;
		} else {
			return false;
		}
	}
}

const char *cairn_strerror(int code)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{CAIRN_EPERM, "not permitted (EPERM)"},
		{CAIRN_ENOENT, "no such thing (ENOENT)"},
		{CAIRN_EIO, "could not be read or written (EIO)"},
		{CAIRN_EAGAIN, "nothing there yet (EAGAIN)"},
		{CAIRN_ENOMEM, "out of memory (ENOMEM)"},
		{CAIRN_EBUSY, "in use (EBUSY)"},
		{CAIRN_EEXIST, "exists already (EEXIST)"},
		{CAIRN_EINVAL, "invalid argument (EINVAL)"},
		{CAIRN_ENOSPC, "no room left (ENOSPC)"},
		{CAIRN_ERANGE, "out of range (ERANGE)"},
		{CAIRN_ENOSYS, "not supported here (ENOSYS)"},
	};
	unsigned i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].code == code)
			return texts[i].text;
	}
	return code >= 0 ? "no error" : "unknown error";
}
