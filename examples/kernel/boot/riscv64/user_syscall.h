/* SPDX-License-Identifier: MIT */
/* A system call from user mode. */
#ifndef KERNEL_USER_SYSCALL_H
#define KERNEL_USER_SYSCALL_H

static inline long user_syscall(long nr, unsigned long a, unsigned long b, unsigned long c)
{
	register long a7 __asm__("a7") = nr;
	register unsigned long a0 __asm__("a0") = a;
	register unsigned long a1 __asm__("a1") = b;
	register unsigned long a2 __asm__("a2") = c;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
	return (long)a0;
}

#endif
