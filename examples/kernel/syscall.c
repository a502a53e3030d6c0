/* SPDX-License-Identifier: MIT */
/*
 * System calls. The architecture's trap brings the number and six arguments; results below zero are
 * errors. Interrupts are on, and a call may be preempted anywhere.
 */
#include "syscall_numbers.h"

#include "clock.h"
#include "errors.h"
#include "pipe.h"
#include "print.h"
#include "sched.h"
#include "space.h"
#include "trace.h"

#define PIECE_BYTES 256u /* of a read or write, on the kernel stack */

static struct file *file_get(unsigned long fd)
{
	struct task *t = arch_current();

	return fd < TASK_FILES && t->files[fd].kind != FILE_NONE ? &t->files[fd] : NULL;
}

static long sys_read(unsigned long fd, uintptr_t to, size_t n)
{
	struct task *t = arch_current();
	struct file *f = file_get(fd);
	char piece[PIECE_BYTES];
	long got;

	if (!f || f->kind != FILE_PIPE_READ)
		return -EBADF;
	got = pipe_read(f->pipe, piece, n < sizeof(piece) ? n : sizeof(piece));
	if (got > 0 && !space_write(t->space, to, piece, (size_t)got))
		return -EFAULT;
	return got;
}

static long file_write(struct file *f, const char *piece, size_t n)
{
	if (f->kind == FILE_PIPE_WRITE)
		return pipe_write(f->pipe, piece, n);
	if (f->kind != FILE_CONSOLE)
		return -EBADF;
	print_bytes(piece, n);
	return (long)n;
}

static long sys_write(unsigned long fd, uintptr_t from, size_t n)
{
	struct task *t = arch_current();
	struct file *f = file_get(fd);
	char piece[PIECE_BYTES];
	size_t done = 0;

	if (!f)
		return -EBADF;
	while (done < n) {
		size_t want = n - done < sizeof(piece) ? n - done : sizeof(piece);
		long put;

		if (!space_read(t->space, piece, from + done, want))
			return -EFAULT;
		put = file_write(f, piece, want);
		if (put < 0)
			return done ? (long)done : put;
		done += (size_t)put;
		if ((size_t)put < want)
			break;
	}
	return (long)done;
}

static long sys_close(unsigned long fd)
{
	struct file *f = file_get(fd);

	if (!f)
		return -EBADF;
	file_close(f);
	return 0;
}

static long sys_pipe(uintptr_t to)
{
	struct task *t = arch_current();
	int fds[2];
	unsigned n = 0;
	int err;

	for (unsigned i = 0; i < TASK_FILES && n < 2; i++) {
		if (t->files[i].kind == FILE_NONE)
			fds[n++] = (int)i;
	}
	if (n < 2)
		return -EMFILE;
	err = pipe_open(&t->files[fds[0]], &t->files[fds[1]]);
	if (err)
		return err;
	if (space_write(t->space, to, fds, sizeof(fds)))
		return 0;
	file_close(&t->files[fds[0]]);
	file_close(&t->files[fds[1]]);
	return -EFAULT;
}

static long sys_mmap(size_t bytes)
{
	uintptr_t address = space_map(arch_current()->space, bytes);

	return address ? (long)address : -ENOMEM;
}

static long sys_munmap(uintptr_t address)
{
	return space_unmap(arch_current()->space, address) ? 0 : -EINVAL;
}

static long sys_nanosleep(unsigned long ns)
{
	task_sleep(clock_from_ns(ns));
	return 0;
}

static long syscall_do(long nr, const unsigned long a[6])
{
	struct task *t = arch_current();

	switch (nr) {
	case SYS_READ:
		return sys_read(a[0], a[1], a[2]);
	case SYS_WRITE:
		return sys_write(a[0], a[1], a[2]);
	case SYS_CLOSE:
		return sys_close(a[0]);
	case SYS_MMAP:
		return sys_mmap(a[0]);
	case SYS_MUNMAP:
		return sys_munmap(a[0]);
	case SYS_PIPE:
		return sys_pipe(a[0]);
	case SYS_SCHED_YIELD:
		schedule();
		return 0;
	case SYS_NANOSLEEP:
		return sys_nanosleep(a[0]);
	case SYS_GETPID:
		return t->pid;
	case SYS_VFORK:
		return task_spawn((unsigned)a[0], a[1], a[2] ? PRIO_BATCH : PRIO_NORMAL);
	case SYS_EXIT:
		task_exit();
	case SYS_WAIT4:
		return task_wait_child();
	default:
		return -ENOSYS;
	}
}

long syscall_handle(long nr, const unsigned long args[6])
{
	long ret;

	TRACE(sys_enter, nr, args);
	ret = syscall_do(nr, args);
	TRACE(sys_exit, nr, ret);
	return ret;
}
