/* SPDX-License-Identifier: MIT */
/* x86-64: see ../rseq.h. Stores become visible in program order, so the last one releases the others. */
#ifndef CAIRN_ARCH_X86_64_RSEQ_H
#define CAIRN_ARCH_X86_64_RSEQ_H

#include "../../include/cairn/layout.h"

#define CAIRN_ARCH_HAS_RSEQ 1

CAIRN_INLINE char *cairn_arch_thread_pointer(void)
{
	char *p;

	__asm__("movq %%fs:0, %0" : "=r"(p));
	return p;
}

/*
 * 1 the descriptor, 2 .. 3 the sequence, 4 where an abort goes: the kernel wants the signature before it, which is made part of an
 * undefined instruction. rseq_cs is cleared behind the sequence: the descriptor goes away with its library (dlclose). Both functions name
 * their operands alike: rseq (cpu_id is at 4, rseq_cs at 8), cpu, ring, expected.
 */
#define CAIRN_RSEQ_BEGIN_                                            \
	".pushsection cairn_rseq, \"aw\", @progbits\n\t.balign 32\n" \
	"1:\t.long 0, 0\n\t.quad 2f, 3f - 2f, 4f\n\t.popsection\n\t" \
	"leaq 1b(%%rip), %%rax\n\t"                                  \
	"movq %%rax, 8(%[rseq])\n"                                   \
	"2:\tcmpl %[cpu], 4(%[rseq])\n\t"                            \
	"jne 5f\n\t"                                                 \
	"cmpq %[expected], %c[committed](%[ring])\n\t"               \
	"jne 5f\n"
#define CAIRN_RSEQ_END_                                        \
	"3:\tmovq $0, 8(%[rseq])\n\t"                          \
	".pushsection .text.cairn_rseq, \"ax\", @progbits\n\t" \
	".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"         \
	"4:\tjmp %l[not_done]\n"                               \
	"5:\tmovq $0, 8(%[rseq])\n\t"                          \
	"jmp %l[not_done]\n\t"                                 \
	".popsection"

/* Operands that may be in memory are read once, through a scratch register: there are not enough registers for all. */
CAIRN_INLINE bool cairn_arch_rseq_append(char *rseq, uint32_t cpu, struct cairn_ring *r,
					 uint64_t expected, uint64_t n,
					 struct cairn_packet_header *h, uint64_t ts,
					 uint64_t content_bits, uint64_t head, char *to_end,
					 const char *from_end, uint64_t bytes)
{
	__asm__ goto(
		CAIRN_RSEQ_BEGIN_ "movq %[left], %%rcx\n\t"
				  "movq %[head], %%rax\n\t"
				  "movq %%rax, (%[to],%%rcx)\n\t"
				  "addq $8, %%rcx\n"
				  "6:\tmovl (%[from],%%rcx), %%eax\n\t"
				  "movl %%eax, (%[to],%%rcx)\n\t"
				  "addq $4, %%rcx\n\t"
				  "jnz 6b\n\t"
				  "movq %[ts], %%rax\n\t"
				  "movq %[content], %%rcx\n\t"
				  "movq %%rax, %c[ts_end](%[h])\n\t"
				  "movq %[n], %%rax\n\t"
				  "movq %%rcx, %c[content_bits](%[h])\n\t"
				  "movq %%rax, %c[pos](%[ring])\n\t"
				  "movq %%rax, %c[committed](%[ring])\n" CAIRN_RSEQ_END_
		:
		: [rseq] "r"(rseq), [cpu] "r"(cpu), [ring] "r"(r), [expected] "r"(expected),
		  [to] "r"(to_end), [from] "r"(from_end), [h] "r"(h), [left] "rm"(-(int64_t)bytes),
		  [n] "rm"(n), [ts] "rm"(ts), [content] "rm"(content_bits), [head] "rm"(head),
		  [pos] "i"(offsetof(struct cairn_ring, pos)),
		  [committed] "i"(offsetof(struct cairn_ring, committed)),
		  [ts_end] "i"(offsetof(struct cairn_packet_header, ts_end)),
		  [content_bits] "i"(offsetof(struct cairn_packet_header, content_bits))
		: "rax", "rcx", "memory", "cc"
		: not_done);
	return true;
not_done:
	return false;
}

CAIRN_INLINE bool cairn_arch_rseq_store(char *rseq, uint32_t cpu, struct cairn_ring *r,
					uint64_t expected, const struct cairn_arch_store *first,
					const struct cairn_arch_store *last)
{
	__asm__ goto(CAIRN_RSEQ_BEGIN_ "movq %[first], %%rcx\n"
				       "8:\tmovq (%%rcx), %%rax\n\t"
				       "movq 8(%%rcx), %%rdx\n\t"
				       "cmpq %[last], %%rcx\n\t"
				       "je 9f\n\t"
				       "movq %%rdx, (%%rax)\n\t"
				       "addq $16, %%rcx\n\t"
				       "jmp 8b\n"
				       "9:\tmovq %%rdx, (%%rax)\n" CAIRN_RSEQ_END_
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
