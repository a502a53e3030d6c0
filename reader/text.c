/* SPDX-License-Identifier: MIT */
/* Bounded text, faults and the CRC-32C: what every other file of the reader leans on. */
#include "reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cairn_fault_set(struct cairn_fault *f, uint64_t offset, const char *format, ...)
{
	va_list args;

	memset(f, 0, sizeof(*f));
	f->image = CAIRN_NO_NUMBER;
	f->ring = CAIRN_NO_NUMBER;
	f->packet = CAIRN_NO_NUMBER;
	f->offset = offset;
	va_start(args, format);
	vsnprintf(f->what, sizeof(f->what), format, args);
	va_end(args);
}

void cairn_buf_init(struct cairn_buf *t, char *bytes, size_t size)
{
	t->bytes = bytes;
	t->size = size;
	t->used = 0;
	t->cut = false;
}

void cairn_buf_put(struct cairn_buf *t, const char *s, size_t n)
{
	size_t room = t->size - 1 - t->used;

	if (n > room) {
		n = room;
		t->cut = true;
	}
	memcpy(t->bytes + t->used, s, n);
	t->used += n;
}

void cairn_buf_printf(struct cairn_buf *t, const char *format, ...)
{
	size_t room = t->size - t->used;
	va_list args;

	va_start(args, format);
	int n = vsnprintf(t->bytes + t->used, room, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		t->used = t->size - 1;
		t->cut = true;
	} else {
		t->used += (size_t)n;
	}
}

const char *cairn_buf_end(struct cairn_buf *t)
{
	t->bytes[t->used] = '\0';
	return t->bytes;
}

size_t cairn_reader_utf8_bytes(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t c = s[0] & (0x7fu >> len);

	if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* also the marks that reorder text on a terminal */
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c < 0xa0 ||
	    (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return 0;
	return len;
}

void cairn_buf_put_safe(struct cairn_buf *t, const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t i = 0;

	while (i < n) {
		size_t run = i;
		while (run < n && u[run] >= 0x20 && u[run] < 0x7f)
			run++;
		if (run > i) {
			cairn_buf_put(t, s + i, run - i);
			i = run;
			continue;
		}
		size_t len = u[i] >= 0x80 ? cairn_reader_utf8_bytes(s + i, n - i) : 0;
		if (t->size - 1 - t->used < 4) { /* no half of a character */
			t->cut = true;
			return;
		}
		if (len)
			cairn_buf_put(t, s + i, len);
		else
			cairn_buf_printf(t, "\\x%02x", u[i]);
		i += len ? len : 1;
	}
}

/* Reflected polynomial of CRC-32C. */
#define TEXT_CRC_POLY 0x82f63b78u

uint32_t cairn_reader_crc32c(uint32_t crc, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (TEXT_CRC_POLY & (0u - (crc & 1)));
	}
	return ~crc;
}
