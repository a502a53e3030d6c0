/* SPDX-License-Identifier: MIT */
/* x86-64: see ../rseq.h. Stores become visible in program order, so the last one releases the others. */
#ifndef CAIRN_ARCH_X86_64_RSEQ_H
#define CAIRN_ARCH_X86_64_RSEQ_H

#include "../../include/cairn/ring.h"

#define CAIRN_ARCH_HAS_RSEQ 1

CAIRN_INLINE char *cairn_arch_thread_pointer(void)
{
	char *p;

	__asm__("movq %%fs:0, %0" : "=r"(p));
	return p;
}

/*
 * 1 the descriptor, 2 .. 3 the sequence, 4 where an abort goes: the kernel wants the signature before it, which is made part of an
 * undefined instruction. 5 ends it without success. rseq_cs (at 8, cpu_id is at 4) is cleared behind the sequence: the descriptor goes away
 * with its library (dlclose). `rseq` is a register.
 */
#define CAIRN_RSEQ_BEGIN_(rseq)                                      \
	".pushsection cairn_rseq, \"aw\", @progbits\n\t.balign 32\n" \
	"1:\t.long 0, 0\n\t.quad 2f, 3f - 2f, 4f\n\t.popsection\n\t" \
	"leaq 1b(%%rip), %%rax\n\t"                                  \
	"movq %%rax, 8(" rseq ")\n"                                  \
	"2:\t"
#define CAIRN_RSEQ_END_(done, reload, rseq, aborted, failed)   \
	"3:\t" done reload "movq $0, 8(" rseq ")\n\t"               \
	".pushsection .text.cairn_rseq, \"ax\", @progbits\n\t" \
	".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"         \
	"4:\tjmp %l[" aborted "]\n"                            \
	"5:\t" reload "movq $0, 8(" rseq ")\n\t"               \
	"jmp %l[" failed "]\n\t"                               \
	".popsection"

/*
 * The clock is read early: some CPUs wait with that until all before it is done, so that loads which depend on each other run beside it only from
 * behind. Which of clock and `committed` is read first does not matter, as nothing comes between them.
 *
 * The mirrored words of the header come before the record, so that registers are free for the copy. That goes by four bytes, as records'
 * fields are at least aligned: a wider load would wait for the stores of all fields that it spans. It goes by twos from the end, may begin
 * up to eight bytes before the payload, and what lies there is written behind it: task word, time, id.
 *
 *	r8 rseq, then offset in the packet, then bytes of payload left; r9 ring; r10 position; r11 place of the record; rax header; rdx time
 */
CAIRN_INLINE enum cairn_arch_rseq_end cairn_arch_rseq_write(const struct cairn_arch_rseq *at,
							    const char *record, uint64_t taken,
							    uint64_t *staged)
{
	__asm__ goto(
		"movq %[rseq], %%r8\n\t" CAIRN_RSEQ_BEGIN_("%%r8")
		"movl 4(%%r8), %%eax\n\t"
		"cmpl %[nr_cpus], %%eax\n\t"
		"jae 5f\n\t"
		"movq %[rings], %%r9\n\t"
		"movq (%%r9,%%rax,8), %%r9\n\t" /* ORDER ring:B, pairs with ring:A */
		"rdtsc\n\t"
		"shlq $32, %%rdx\n\t"
		"orq %%rax, %%rdx\n\t"
		"testq %%r9, %%r9\n\t"
		"jz 5f\n\t"
		"movq %c[committed](%%r9), %%r10\n\t"
		"movq %%r10, %%r11\n\t"
		"movq %%r10, %%r8\n\t"
		"andq %c[ring_mask](%%r9), %%r11\n\t"
		"andq %c[pkt_mask](%%r9), %%r8\n\t"
		"addq %c[base](%%r9), %%r11\n\t"
		"movq %c[limit](%%r9), %%rax\n\t"
		"addq %[taken], %%r10\n\t"
		"subq %%r10, %%rax\n\t"
		"btq %[sign], %%rax\n\t"
		"jc 5f\n\t" /* else a packet is open here */
		"movq %%r11, %%rax\n\t"
		"subq %%r8, %%rax\n\t"
		"shlq $3, %%r8\n\t"
		"movq %%r8, %c[content_bits](%%rax)\n\t" /* of the record before (P3 of percpu.h) */
		"movq %%rdx, %%r8\n\t"
		"subq %c[ts_end](%%rax), %%r8\n\t"
		"shrq %[gap], %%r8\n\t"
		"jnz 5f\n\t"
		"movq %%rdx, %c[ts_end](%%rax)\n\t"
		"leal -12(%[taken]), %%r8d\n"
		"6:\tmovl 8(%[record],%%r8), %%eax\n\t"
		"movl %%eax, 8(%%r11,%%r8)\n\t"
		"movl 4(%[record],%%r8), %%eax\n\t"
		"movl %%eax, 4(%%r11,%%r8)\n\t"
		"subl $8, %%r8d\n\t"
		"jg 6b\n\t"
		"movl %[task], %%eax\n\t"
		"movl %%eax, 8(%%r11)\n\t"
		"movzwl 6(%[record]), %%eax\n\t" /* as it was stored: else the load would wait for the store */
		"movq %%rdx, (%%r11)\n\t"
		"movw %%ax, 6(%%r11)\n\t"
		"movq %%r10, %c[pos](%%r9)\n\t"
		"movq %%r10, %c[committed](%%r9)\n" /* ORDER commit:A, pairs with read:A */
		CAIRN_RSEQ_END_("subq %[taken], (%[staged])\n\t", "movq %[rseq], %%r8\n\t", "%%r8", "aborted", "refused")
		:
		: [record] "r"(record), [taken] "r"(taken), [staged] "r"(staged), [rseq] "m"(at->rseq),
		  [rings] "m"(at->rings), [nr_cpus] "m"(at->nr_cpus), [task] "m"(at->task),
		  [pos] "i"(offsetof(struct cairn_ring, pos)),
		  [limit] "i"(offsetof(struct cairn_ring, limit)),
		  [committed] "i"(offsetof(struct cairn_ring, committed)),
		  [base] "i"(offsetof(struct cairn_ring, base)),
		  [ring_mask] "i"(offsetof(struct cairn_ring, ring_mask)),
		  [pkt_mask] "i"(offsetof(struct cairn_ring, pkt_mask)),
		  [ts_end] "i"(offsetof(struct cairn_packet_header, ts_end)),
		  [content_bits] "i"(offsetof(struct cairn_packet_header, content_bits)),
		  [gap] "i"(CAIRN_RING_GAP_BITS), [sign] "i"(CAIRN_POS_BITS - 1)
		: "rax", "rdx", "r8", "r9", "r10", "r11", "memory", "cc"
		: aborted, refused);
	return CAIRN_ARCH_RSEQ_DONE;
aborted:
	return CAIRN_ARCH_RSEQ_ABORTED;
refused:
	return CAIRN_ARCH_RSEQ_REFUSED;
}

CAIRN_INLINE bool cairn_arch_rseq_store(char *rseq, uint32_t cpu, struct cairn_ring *r,
					uint64_t expected, const struct cairn_arch_store *first,
					const struct cairn_arch_store *last)
{
	__asm__ goto(CAIRN_RSEQ_BEGIN_("%[rseq]") "cmpl %[cpu], 4(%[rseq])\n\t"
						  "jne 5f\n\t"
						  "cmpq %[expected], %c[committed](%[ring])\n\t"
						  "jne 5f\n\t"
						  "movq %[first], %%rcx\n"
						  "8:\tmovq (%%rcx), %%rax\n\t"
						  "movq 8(%%rcx), %%rdx\n\t"
						  "cmpq %[last], %%rcx\n\t"
						  "je 9f\n\t"
						  "movq %%rdx, (%%rax)\n\t"
						  "addq $16, %%rcx\n\t"
						  "jmp 8b\n"
						  "9:\tmovq %%rdx, (%%rax)\n" CAIRN_RSEQ_END_(
							  "", "", "%[rseq]", "not_done", "not_done")
		     :
		     : [rseq] "r"(rseq), [cpu] "r"(cpu), [ring] "r"(r), [expected] "r"(expected),
		       [first] "r"(first), [last] "r"(last),
		       [committed] "i"(offsetof(struct cairn_ring, committed))
		     : "rax", "rcx", "rdx", "memory", "cc"
		     : not_done);
	return true;
not_done:
	return false;
}

#endif
