/* SPDX-License-Identifier: MIT */
/* Pipes, and the entries of a task's file table that refer to them. */
#ifndef KERNEL_PIPE_H
#define KERNEL_PIPE_H

#include "sched.h"

/* Fill both ends; each holds the pipe. Returns 0 or a negative error. */
int pipe_open(struct file *read_end, struct file *write_end);

/*
 * Read what is there, at least one byte, and wait for that. Write all of it, and wait for room.
 *
 * Returns   bytes, 0 at the end (no writer left), -EPIPE (no reader left) or -EINTR (killed).
 * Context   thread, no lock held.
 */
long pipe_read(struct pipe *p, void *to, size_t n);
long pipe_write(struct pipe *p, const void *from, size_t n);

void file_share(struct file *f); /* one more file that refers to the same end */
void file_close(struct file *f);

#endif
