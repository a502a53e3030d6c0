/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader to board_main(). PVH: QEMU's -kernel finds the note, jumps to boot_entry in
 * 32-bit protected mode without paging, ebx pointing to struct hvm_start_info.
 *
 * The boot page tables map 1 GiB at 0 and at BASE, and 4 GiB at the direct map. The others live on in
 * the kernel's own tables (paging.c); the map at 0 is what the other CPUs start on.
 */
#include "long_mode.inc"

#define BASE 0xffffffff80000000
#define PHYS(symbol) (symbol - BASE)

	.section .note.pvh, "a", @note
	.balign 4
	.long 4				/* bytes of the name */
	.long 8				/* bytes of the content */
	.long 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad boot_entry

	.section .boot, "ax"
	.code32
	.globl boot_entry
boot_entry:
	cli
	cld
	movl $0x10000, 0xfee00360	/* the APIC's LINT1, masked: an NMI would find no descriptor table */
	movl %ebx, %ebp

	/* Top table: 0, the direct map, the kernel. */
	movl $PHYS(boot_pml4), %edi
	movl $(PHYS(boot_pdpt_low) + 3), (%edi)
	movl $(PHYS(boot_pdpt_direct) + 3), 256 * 8(%edi)
	movl $(PHYS(boot_pdpt_high) + 3), 511 * 8(%edi)
	movl $(PHYS(boot_pd_low) + 3), PHYS(boot_pdpt_low)
	movl $(PHYS(boot_pd_low) + 3), PHYS(boot_pdpt_high) + 510 * 8
	movl $(PHYS(boot_pd_direct) + 0x0003), PHYS(boot_pdpt_direct)
	movl $(PHYS(boot_pd_direct) + 0x1003), PHYS(boot_pdpt_direct) + 8
	movl $(PHYS(boot_pd_direct) + 0x2003), PHYS(boot_pdpt_direct) + 16
	movl $(PHYS(boot_pd_direct) + 0x3003), PHYS(boot_pdpt_direct) + 24

	movl $PHYS(boot_pd_low), %edi
	movl $0x83, %eax		/* present, writable, 2 MiB */
	movl $512, %ecx
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 1b

	/* The direct map is never executed; from 2 GiB up there are devices: not cached. */
	movl $PHYS(boot_pd_direct), %edi
	movl $0x83, %eax
	movl $2048, %ecx
2:	cmpl $1024, %ecx
	jne 3f
	orl $0x18, %eax			/* PCD, PWT */
3:	movl %eax, (%edi)
	movl $0x80000000, 4(%edi)	/* NX */
	addl $0x200000, %eax
	addl $8, %edi
	loop 2b

	movl $PHYS(boot_pml4), %edx
	enter_long_mode %edx
	lgdt PHYS(boot_gdt_pointer)
	ljmpl $8, $4f

	.code64
4:	movabsq $5f, %rax
	jmp *%rax

	.text
5:	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	leaq boot_stack_top(%rip), %rsp
	movl %ebp, %edi
	xorl %ebp, %ebp
	call board_main
	ud2

	.data
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 64-bit code */
	.quad 0x00cf93000000ffff	/* data */
boot_gdt_pointer:
	.word . - boot_gdt - 1
	.quad PHYS(boot_gdt)

	.bss
	.balign 4096
	.globl boot_pml4, boot_pdpt_direct
boot_pml4:
	.skip 4096
boot_pdpt_low:
	.skip 4096
boot_pdpt_high:
	.skip 4096
boot_pdpt_direct:
	.skip 4096
boot_pd_low:
	.skip 4096
boot_pd_direct:
	.skip 4 * 4096
	.skip 16384
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
