/* SPDX-License-Identifier: MIT */
/*
 * A signal at every instruction of an event: a tracer steps a process through one event after the other, and at the k-th instruction of the k-th
 * a signal comes, whose handler emits. For step.py.
 *
 *	step KIND		KIND: words of plain, text, flush (a packet is closed and opened before the event), jump (the handler does not return)
 *
 * Prints `child PID ENDED`, `begun N` and, for each, `left N`: the number of the event that the handler of this signal did not return to.
 * Exit status 77: this process may not trace.
 */
#define _GNU_SOURCE
#define CAIRN_CREATE_EVENTS
#include <cairn/cairn.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

CAIRN_EVENT(step, plain, (field, uint64_t, n)(field, uint64_t, mix), "n=%lu mix=%lu");
CAIRN_EVENT(step, text, (field, uint64_t, n)(string, s), "n=%lu %s");

#define STEP_MIX  0x9e3779b97f4a7c15u
#define STEP_MOST 20000 /* instructions of one event; more is taken for an endless loop */

enum { STEP_PLAIN = 0, STEP_TEXT = 1, STEP_FLUSH = 2, STEP_JUMP = 4 };

static struct step_shared {
	uint64_t begun, ended;
	uint64_t jumps;
	uint32_t quit;
} *step_shared;

static sigjmp_buf step_back;
static volatile int step_kind;

extern char step_done[];

static void step_emit(int kind)
{
	uint64_t n = __atomic_add_fetch(&step_shared->begun, 1, __ATOMIC_RELAXED);

	if (kind & STEP_TEXT)
		cairn_trace_text(n, "seventeen letters");
	else
		cairn_trace_plain(n, n * STEP_MIX);
	__atomic_add_fetch(&step_shared->ended, 1, __ATOMIC_RELAXED);
}

/* From one trap to `step_done` the tracer steps. */
static __attribute__((__noinline__)) void step_once(void)
{
	int kind = step_kind;

	__asm__ volatile("int3");
	if (kind & STEP_FLUSH)
		cairn_flush();
	step_emit(kind);
	__asm__ volatile(".globl step_done\nstep_done:\tnop");
}

static void step_on_signal(int sig)
{
	(void)sig;
	step_emit(STEP_PLAIN);
	step_emit(STEP_TEXT);
	if (step_kind & STEP_JUMP) {
		step_shared->jumps++;
		siglongjmp(step_back, 1);
	}
}

static void step_child(void)
{
	struct sigaction action = {.sa_handler = step_on_signal};

	sigaction(SIGUSR1, &action, NULL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(77);
	step_emit(STEP_PLAIN); /* the stream */
	(void)sigsetjmp(step_back, 1);
	while (!step_shared->quit)
		step_once();
	_exit(0);
}

static void step_fail(const char *what, int status)
{
	fprintf(stderr, "step: %s: status %x, errno %d\n", what, (unsigned)status, errno);
	exit(1);
}

/* Let it run, with a signal, up to its next trap. False: it has ended. */
static bool step_run(pid_t pid, int sig)
{
	int status;

	do {
		if (ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)sig) || waitpid(pid, &status, 0) != pid)
			step_fail("cont", 0);
		sig = SIGUSR1; /* it was blocked, and comes now */
	} while (WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		step_fail("stopped otherwise", status);
	return true;
}

/* k instructions on. False: the event is over before. */
static bool step_to(pid_t pid, unsigned k)
{
	struct user_regs_struct regs;
	int status;

	while (k--) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
			step_fail("step", 0);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			step_fail("stepped otherwise", status);
		if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
			step_fail("registers", 0);
		if (regs.rip == (uint64_t)(uintptr_t)step_done)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	unsigned k;
	pid_t pid;
	int i;

	for (i = 1; i < argc; i++)
		step_kind |= !strcmp(argv[i], "text") ? STEP_TEXT : !strcmp(argv[i], "flush") ? STEP_FLUSH : !strcmp(argv[i], "jump") ? STEP_JUMP : 0;
	step_shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (step_shared == MAP_FAILED)
		return 1;
	pid = fork();
	if (!pid)
		step_child();
	if (waitpid(pid, &i, 0) != pid || (WIFEXITED(i) && WEXITSTATUS(i) == 77))
		return 77;
	if (!WIFSTOPPED(i) || WSTOPSIG(i) != SIGTRAP)
		step_fail("no trap", i);
	for (k = 1; k < STEP_MOST && step_to(pid, k); k++) {
		if (!step_run(pid, SIGUSR1))
			step_fail("it has ended", 0);
	}
	step_shared->quit = 1;
	while (step_run(pid, 0))
		;
	printf("instructions %u jumps %llu begun %llu\nchild %d %llu\n", k - 1, (unsigned long long)step_shared->jumps,
	       (unsigned long long)step_shared->begun, (int)pid, (unsigned long long)step_shared->ended);
	return 0;
}
