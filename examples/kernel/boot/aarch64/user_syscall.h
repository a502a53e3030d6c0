/* SPDX-License-Identifier: MIT */
/* A system call from user mode. */
#ifndef KERNEL_USER_SYSCALL_H
#define KERNEL_USER_SYSCALL_H

static inline long user_syscall(long nr, unsigned long a, unsigned long b, unsigned long c)
{
	register long x8 __asm__("x8") = nr;
	register unsigned long x0 __asm__("x0") = a;
	register unsigned long x1 __asm__("x1") = b;
	register unsigned long x2 __asm__("x2") = c;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return (long)x0;
}

#endif
