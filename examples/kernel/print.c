/* SPDX-License-Identifier: MIT */
/*
 * The console: printk, panic. One lock keeps lines whole; panic breaks it.
 *
 * Here are also the four functions that gcc calls in freestanding code, and strlen.
 */
#include "print.h"

#include <stdarg.h>

#include "irq.h"
#include "lock.h"
#include "trace.h"

static struct spinlock print_lock;
static bool print_panicking;

static unsigned long print_begin(void)
{
	if (__atomic_load_n(&print_panicking, __ATOMIC_RELAXED))
		return arch_irq_save();
	return spin_lock_save(&print_lock);
}

static void print_end(unsigned long irq)
{
	if (__atomic_load_n(&print_panicking, __ATOMIC_RELAXED))
		arch_irq_restore(irq);
	else
		spin_unlock_restore(&print_lock, irq);
}

static void print_char(char c)
{
	if (c == '\n')
		arch_console_putc('\r');
	arch_console_putc(c);
}

static void print_number(unsigned long long value, bool negative, unsigned base, unsigned width,
			 char pad)
{
	char digits[24];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative)
		digits[n++] = '-';
	for (; width > n; width--)
		print_char(pad);
	while (n)
		print_char(digits[--n]);
}

static void print_signed(long long value, unsigned width, char pad)
{
	unsigned long long magnitude = (unsigned long long)value;

	print_number(value < 0 ? -magnitude : magnitude, value < 0, 10, width, pad);
}

static void print_string(const char *s, unsigned width)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		print_char(s[i]);
	for (; width > n; width--)
		print_char(' ');
}

static void print_format(const char *fmt, va_list args)
{
	for (; *fmt; fmt++) {
		char pad = ' ';
		unsigned width = 0;
		bool is_long = false;

		if (*fmt != '%') {
			print_char(*fmt);
			continue;
		}
		fmt++;
		if (*fmt == '0')
			pad = '0';
		while (*fmt >= '0' && *fmt <= '9')
			width = width * 10 + (unsigned)(*fmt++ - '0');
		for (; *fmt == 'l'; fmt++)
			is_long = true;
		switch (*fmt) {
		case 's':
			print_string(va_arg(args, const char *), width);
			break;
		case 'c':
			print_char((char)va_arg(args, int));
			break;
		case 'd':
			print_signed(is_long ? va_arg(args, long) : va_arg(args, int), width, pad);
			break;
		case 'u':
		case 'x':
			print_number(is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned),
				     false, *fmt == 'u' ? 10 : 16, width, pad);
			break;
		case 'p':
			print_number((uintptr_t)va_arg(args, void *), false, 16, 16, '0');
			break;
		default:
			print_char('%');
			if (!*fmt)
				return;
			print_char(*fmt);
		}
	}
}

void printk(const char *fmt, ...)
{
	unsigned long irq = print_begin();
	va_list args;

	va_start(args, fmt);
	print_format(fmt, args);
	va_end(args);
	print_end(irq);
}

void print_bytes(const char *text, size_t n)
{
	unsigned long irq = print_begin();

	while (n--)
		print_char(*text++);
	print_end(irq);
}

void panic(const char *fmt, ...)
{
	va_list args;

	arch_irq_off();
	if (__atomic_exchange_n(&print_panicking, true, __ATOMIC_RELAXED))
		arch_halt(); /* somebody is at it already */
	printk("\nkernel panic on cpu %u: ", arch_cpu());
	va_start(args, fmt);
	print_format(fmt, args);
	va_end(args);
	printk("\n");
	cpus_stop();
	trace_stop();
	arch_power_off(false);
}

/* May alias anything: the words of memcpy and memset. */
typedef uint64_t __attribute__((may_alias)) print_word;

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	if (((uintptr_t)t | (uintptr_t)f) % 8 == 0) {
		for (; n >= 8; n -= 8, t += 8, f += 8)
			*(print_word *)t = *(const print_word *)f;
	}
	while (n--)
		*t++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	if (t <= f) {
		for (size_t i = 0; i < n; i++)
			t[i] = f[i];
	} else {
		while (n--)
			t[n] = f[n];
	}
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	unsigned char *t = to;
	uint64_t word = 0x0101010101010101u * (unsigned char)byte;

	if ((uintptr_t)t % 8 == 0) {
		for (; n >= 8; n -= 8, t += 8)
			*(print_word *)t = word;
	}
	while (n--)
		*t++ = (unsigned char)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++) {
		if (*x != *y)
			return *x < *y ? -1 : 1;
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}
