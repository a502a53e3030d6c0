/* SPDX-License-Identifier: MIT */
/*
 * Ways into the kernel and out of it, and from task to task. Every way in builds a struct trap_frame
 * (trap.c) on the stack. The offsets at gs are those of struct arch_cpu.
 *
 * gs is exchanged on the way in if and only if the CPU came from user mode. The saved cs tells that,
 * except for an NMI, which may hit before the exchange is done: there the base itself is looked at.
 */
#define FRAME_ERROR	(16 * 8)
#define FRAME_CS	(18 * 8)
#define FRAME_RIP	(17 * 8)
#define FRAME_RFLAGS	(19 * 8)
#define FRAME_RSP	(20 * 8)

.macro push_registers
	pushq %rax
	pushq %rbx
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %rbp
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	movq %rsp, %rdi			/* the frame, for the C function */
.endm

.macro pop_registers
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rbp
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rbx
	popq %rax
.endm

	.text

/* One entry per vector, 16 bytes apart: an error code if the CPU pushed none, the vector. */
	.globl trap_vectors
	.balign 16
trap_vectors:
	vector = 0
	.rept 256
	.balign 16
	.if !((vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21))
	pushq $0
	.endif
	pushq $vector
	jmp trap_common
	vector = vector + 1
	.endr

trap_common:
	testb $3, 24(%rsp)		/* cs */
	jz 1f
	swapgs
1:	push_registers
	call trap_handle
trap_return:
	pop_registers
	testb $3, 24(%rsp)
	jz 1f
	swapgs
1:	addq $16, %rsp
	iretq

/*
 * A breakpoint: a tracepoint is being switched. It may hit inside an NMI handler, and iretq would let the
 * next NMI in, onto the stack that is in use. So the way back into the kernel is without iretq: flags
 * and address go on the interrupted stack, which is this one, right above.
 */
	.globl trap_breakpoint
trap_breakpoint:
	pushq $0
	pushq $3
	testb $3, 24(%rsp)
	jz 1f
	swapgs
1:	push_registers
	call trap_handle
	testb $3, FRAME_CS(%rsp)
	jnz trap_return
	movq FRAME_RSP(%rsp), %rax
	movq FRAME_RIP(%rsp), %rbx
	movq FRAME_RFLAGS(%rsp), %rcx
	subq $16, %rax
	movq %rax, FRAME_ERROR(%rsp)
	movq %rbx, 8(%rax)
	movq %rcx, (%rax)
	pop_registers
	movq 8(%rsp), %rsp		/* what was stored in place of the error code */
	popfq
	ret

/* An NMI, on a stack of its own. The base of gs is a kernel address exactly if it needs no exchange. */
	.globl trap_nmi
trap_nmi:
	pushq $0
	pushq $2
	push_registers
	movl $0xc0000101, %ecx		/* GS_BASE */
	rdmsr
	xorl %ebx, %ebx
	testl %edx, %edx
	js 1f
	swapgs
	incl %ebx
1:	call trap_nmi_handle
	testl %ebx, %ebx
	jz 2f
	swapgs
2:	pop_registers
	addq $16, %rsp
	iretq

/* syscall: rcx is the address to return to, r11 the flags; the stack is still the user's. */
	.globl trap_syscall
trap_syscall:
	swapgs
	movq %rsp, %gs:16
	movq %gs:8, %rsp
	pushq $0x1b			/* ss */
	pushq %gs:16
	pushq %r11
	pushq $0x23			/* cs */
	pushq %rcx
	pushq $0
	pushq $0x100			/* no vector has this number */
	push_registers
	call trap_syscall_handle
	jmp trap_return

/* trap_switch(void **prev_sp, void *next_sp): the stacks, in arch_switch() */
	.globl trap_switch
trap_switch:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

/* trap_enter_user(entry, stack, arg0, arg1); interrupts are off */
	.globl trap_enter_user
trap_enter_user:
	pushq $0x1b
	pushq %rsi
	pushq $0x202			/* interrupts on */
	pushq $0x23
	pushq %rdi
	movq %rdx, %rdi
	movq %rcx, %rsi
	xorl %eax, %eax
	xorl %ebx, %ebx
	xorl %ecx, %ecx
	xorl %edx, %edx
	xorl %ebp, %ebp
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d
	xorl %r12d, %r12d
	xorl %r13d, %r13d
	xorl %r14d, %r14d
	xorl %r15d, %r15d
	swapgs
	iretq

	.section .note.GNU-stack, "", @progbits
