/* SPDX-License-Identifier: MIT */
/*
 * Where the other CPUs begin: in real mode, in a page below 1 MiB. smp.c copies this code to
 * TRAMPOLINE and fills in the words at its end.
 */
#include "long_mode.inc"

#define TRAMPOLINE 0x8000
#define HERE(symbol) (TRAMPOLINE + symbol - trampoline_start)

	.section .rodata
	.globl trampoline_start, trampoline_end, trampoline_words
	.balign 8
trampoline_start:
	.code16
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl HERE(trampoline_gdt_pointer)
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $0x18, $HERE(1f)

	.code32
1:	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl HERE(trampoline_words), %edx
	enter_long_mode %edx
	ljmpl $8, $HERE(2f)

	.code64
2:	movq HERE(trampoline_words) + 8, %rsp
	movq HERE(trampoline_words) + 16, %rax
	movl HERE(trampoline_words) + 24, %edi
	xorl %ebp, %ebp
	call *%rax
	ud2

	.balign 8
trampoline_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 64-bit code */
	.quad 0x00cf93000000ffff	/* data */
	.quad 0x00cf9b000000ffff	/* 32-bit code */
trampoline_gdt_pointer:
	.word . - trampoline_gdt - 1
	.long HERE(trampoline_gdt)
	.balign 8
trampoline_words:			/* struct trampoline_words in smp.c */
	.quad 0, 0, 0, 0
trampoline_end:

	.section .note.GNU-stack, "", @progbits
