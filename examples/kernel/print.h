/* SPDX-License-Identifier: MIT */
/* Text on the serial line, panic, and the mem* and str* functions that the kernel and gcc use. */
#ifndef KERNEL_PRINT_H
#define KERNEL_PRINT_H

#include <stddef.h>

/* %s %c %d %u %x %p, with l or ll, a width, and 0 for padding with zeros. Context: any but NMI. */
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void print_bytes(const char *text, size_t n);

/* Say why, stop all CPUs, end the machine with failure. Context: any. */
void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

#endif
