/* SPDX-License-Identifier: MIT */
/* What system calls return when they fail; Linux's numbers. */
#ifndef KERNEL_ERRORS_H
#define KERNEL_ERRORS_H

#define EINTR  4
#define EBADF  9
#define ECHILD 10
#define ENOMEM 12
#define EFAULT 14
#define EINVAL 22
#define EMFILE 24
#define EPIPE  32
#define ENOSYS 38

#endif
