/* SPDX-License-Identifier: MIT */
/*
 * System calls, by the numbers that Linux gives them on x86-64, so that tools which know that table
 * show the right names in sys_enter and sys_exit. Shared by the kernel and the programs.
 */
#ifndef KERNEL_SYSCALL_NUMBERS_H
#define KERNEL_SYSCALL_NUMBERS_H

enum syscall {
	SYS_READ = 0,         /* (file, buffer, bytes) */
	SYS_WRITE = 1,        /* (file, buffer, bytes) */
	SYS_CLOSE = 3,        /* (file) */
	SYS_MMAP = 9,         /* (bytes): address of zeros that are mapped when touched */
	SYS_MUNMAP = 11,      /* (address that SYS_MMAP gave) */
	SYS_PIPE = 22,        /* (int files[2]): read end, write end */
	SYS_SCHED_YIELD = 24, /* () */
	SYS_NANOSLEEP = 35,   /* (nanoseconds) */
	SYS_GETPID = 39,      /* () */
	SYS_VFORK = 58,       /* (program, argument, nice): pid of a child that runs the program */
	SYS_EXIT = 60,        /* () */
	SYS_WAIT4 = 61,       /* (): pid of a child that has exited */
};

#endif
