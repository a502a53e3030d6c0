/* SPDX-License-Identifier: MIT */
/*
 * Events that are left: by siglongjmp() out of a signal handler, by an exception thrown through one, by a thread that is cancelled or ended in
 * the middle. What an event leaves pending is given up at the thread's next outermost event, or when its stream goes to another thread.
 *
 * The question is whether an event that finds a record pending is nested in its writer, or comes after a jump. The outermost writer has
 * stored its stack pointer, F. All that nests in it runs in a signal handler, so the kernel has saved F, or a stack pointer close to it, with
 * the other registers, on the stack on which the handler runs. Therefore
 *
 *	left	on the same stack as F there is no room for saved registers between F and here
 *	left	no registers saved near F are found: below F, at the top of the alternate stack, or above here
 *	nested	otherwise; or they are old ones that nothing has written over yet, and an event that comes later knows better
 *
 * A handler may switch to a third stack: the first finds what was saved below F. It is not enough if the handler came on an alternate stack
 * of SS_AUTODISARM and then went on to a third one; and code that a debugger, or a handler that changed the saved registers, makes run in the
 * middle of an event, without a signal's frame around it, is taken for code behind a jump. Neither may emit.
 */
#define _GNU_SOURCE
#include "process.h"

#include "../../arch/sigframe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PORT_SIGSET_BYTES 8
#define PORT_PAGE         4096u /* at most the system's */
#define PORT_NEAR         1024  /* a writer's stack pointer moves so far from where it was stored */
#define PORT_STACK_MOST   (8u << 20)

void cairn_jump_hold_signals(uint64_t *before)
{
	uint64_t all = ~(uint64_t)0;

	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, before, PORT_SIGSET_BYTES);
}

void cairn_jump_release_signals(const uint64_t *before)
{
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL, PORT_SIGSET_BYTES);
}

/* Copy what may not be there. Number of bytes, or -1: the kernel does not do that for us. */
static ssize_t port_peek(uint64_t from, void *to, size_t bytes)
{
	struct iovec local = {to, bytes}, remote = {(void *)(uintptr_t)from, bytes};
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return n < 0 && errno == EFAULT ? 0 : n;
}

/* Whether all between the two addresses is there: what is not one stack has a guard between. */
static bool port_is_one_stack(uint64_t low, uint64_t high)
{
	char byte;

	if (high - low > PORT_STACK_MOST)
		return false;
	for (low &= ~(uint64_t)(PORT_PAGE - 1); low < high; low += PORT_PAGE) {
		if (port_peek(low, &byte, 1) != 1)
			return false;
	}
	return true;
}

#if CAIRN_ARCH_HAS_SIGFRAME
/* Whether registers saved near `frame` may lie in [from, to). */
static bool port_sees_sigframe(uint64_t from, uint64_t to, uint64_t frame)
{
	uint64_t words[128];
	size_t nr, i;

	for (from &= ~(uint64_t)7; from < to; from += (nr - CAIRN_ARCH_SIGFRAME_WORDS + 1) * 8) {
		ssize_t n = port_peek(from, words, sizeof(words));

		if (n < 0)
			return true;
		nr = (size_t)n / 8;
		for (i = 0; i + CAIRN_ARCH_SIGFRAME_WORDS <= nr; i++) {
			if (cairn_arch_is_sigframe(words + i, frame - PORT_NEAR, frame + PORT_NEAR))
				return true;
		}
		if (nr < sizeof(words) / 8) { /* behind it nothing is there */
			from = (from + (size_t)n + PORT_PAGE) & ~(uint64_t)(PORT_PAGE - 1);
			nr = CAIRN_ARCH_SIGFRAME_WORDS - 1;
		}
	}
	return false;
}

static bool port_is_interrupted(uint64_t here, uint64_t frame, const stack_t *alt)
{
	uint64_t most = CAIRN_ARCH_SIGFRAME_MOST, top = (uint64_t)(uintptr_t)alt->ss_sp + alt->ss_size;

	return port_sees_sigframe(frame - PORT_NEAR - most, frame, frame) || port_sees_sigframe(here, here + 2 * most, frame) ||
	       (!(alt->ss_flags & SS_DISABLE) && port_sees_sigframe(top - (most < alt->ss_size ? most : alt->ss_size), top, frame));
}
#else
static bool port_is_interrupted(uint64_t here, uint64_t frame, const stack_t *alt)
{
	(void)here;
	(void)frame;
	(void)alt;
	return true;
}
#endif

/* The thread sanitizer's: it calls handlers like functions, from inside atomic operations. Then there is no frame to be found. */
extern void __tsan_init(void) __attribute__((__weak__));

/* Valgrind makes frames of its own for handlers; it shows by what it has the loader preload. */
static bool port_no_frames;

void cairn_jump_configure(void)
{
	const char *preload = getenv("LD_PRELOAD");

	port_no_frames = __tsan_init || (preload && strstr(preload, "vgpreload"));
}

static bool port_is_on(const stack_t *alt, uint64_t p)
{
	return !(alt->ss_flags & SS_DISABLE) && p - (uint64_t)(uintptr_t)alt->ss_sp < alt->ss_size;
}

bool cairn_jump_has_left(uint64_t frame)
{
	stack_t alt = {.ss_flags = SS_DISABLE};
	uint64_t here, low, high;
	int saved = errno; /* peeking fails where nothing is */
	bool left;

	if (port_no_frames)
		return false;
	cairn_arch_store_stack(&here);
	(void)sigaltstack(NULL, &alt);
	low = here < frame ? here : frame;
	high = here < frame ? frame : here;
	/*
	 * AT_MINSIGSTKSZ would allow more room on most machines, but it counts what only processes that use AMX have: taken for the least, it
	 * makes interrupted writers look as if they had been left.
	 */
	left = port_is_on(&alt, here) == port_is_on(&alt, frame) && (here >= frame || frame - here < CAIRN_ARCH_SIGFRAME_LEAST) &&
	       port_is_one_stack(low, high);
	left = left || !port_is_interrupted(here, frame, &alt);
	errno = saved;
	return left;
}

CAIRN_COLD bool cairn_port_recover(struct cairn_ring *r, enum cairn_left left)
{
	uint64_t before;
	bool again = true;

	cairn_jump_hold_signals(&before);
	if (cairn_load64(&r->pos) != cairn_load64(&r->committed)) {
		if (left == CAIRN_LEFT || cairn_jump_has_left(cairn_load64(&r->frame)))
			(void)cairn_ring_recover(r);
		else
			again = false;
	}
	cairn_jump_release_signals(&before);
	return again;
}
