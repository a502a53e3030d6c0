/* SPDX-License-Identifier: MIT */
/*
 * Pipes: a ring of bytes in one frame, behind the struct itself.
 *
 * `in` and `out` only grow; in - out is how much is in it. Readers and writers wait in queues of their
 * own and are woken when the ring stops being empty or full, and when the last of the other side closes.
 */
#include "pipe.h"

#include "errors.h"
#include "frames.h"
#include "lock.h"
#include "print.h"

#define PIPE_BYTES 2048u

struct pipe {
	struct spinlock lock;
	uint32_t in, out;
	unsigned nr_readers, nr_writers;
	struct task_queue readers, writers;
	char data[PIPE_BYTES];
};

int pipe_open(struct file *read_end, struct file *write_end)
{
	uintptr_t pa = frame_alloc_zeroed(0, FRAME_KERNEL);
	struct pipe *p;

	_Static_assert(sizeof(*p) <= PAGE_BYTES, "a pipe is one frame");
	if (!pa)
		return -ENOMEM;
	p = phys_to_virt(pa);
	p->nr_readers = 1;
	p->nr_writers = 1;
	*read_end = (struct file){.kind = FILE_PIPE_READ, .pipe = p};
	*write_end = (struct file){.kind = FILE_PIPE_WRITE, .pipe = p};
	return 0;
}

long pipe_read(struct pipe *p, void *to, size_t n)
{
	unsigned long irq = spin_lock_save(&p->lock);
	struct task *t = arch_current();
	char *bytes = to;
	long done = 0;

	while (p->in == p->out && p->nr_writers && !t->killed)
		task_wait(&p->readers, &p->lock);
	while ((size_t)done < n && p->out != p->in)
		bytes[done++] = p->data[p->out++ % PIPE_BYTES];
	if (done)
		task_wake_all(&p->writers);
	else if (t->killed)
		done = -EINTR;
	spin_unlock_restore(&p->lock, irq);
	return done;
}

long pipe_write(struct pipe *p, const void *from, size_t n)
{
	unsigned long irq = spin_lock_save(&p->lock);
	struct task *t = arch_current();
	const char *bytes = from;
	long done = 0;

	while ((size_t)done < n && p->nr_readers && !t->killed) {
		if (p->in - p->out == PIPE_BYTES) {
			task_wait(&p->writers, &p->lock);
			continue;
		}
		while ((size_t)done < n && p->in - p->out < PIPE_BYTES)
			p->data[p->in++ % PIPE_BYTES] = bytes[done++];
		task_wake_all(&p->readers);
	}
	if (!done && n)
		done = t->killed ? -EINTR : -EPIPE;
	spin_unlock_restore(&p->lock, irq);
	return done;
}

void file_share(struct file *f)
{
	unsigned long irq;

	if (f->kind != FILE_PIPE_READ && f->kind != FILE_PIPE_WRITE)
		return;
	irq = spin_lock_save(&f->pipe->lock);
	if (f->kind == FILE_PIPE_READ)
		f->pipe->nr_readers++;
	else
		f->pipe->nr_writers++;
	spin_unlock_restore(&f->pipe->lock, irq);
}

static void pipe_close(struct pipe *p, bool reader)
{
	unsigned long irq = spin_lock_save(&p->lock);
	bool last;

	if (reader && !--p->nr_readers)
		task_wake_all(&p->writers);
	if (!reader && !--p->nr_writers)
		task_wake_all(&p->readers);
	last = !p->nr_readers && !p->nr_writers;
	spin_unlock_restore(&p->lock, irq);
	if (last)
		frame_free(virt_to_phys(p), 0);
}

void file_close(struct file *f)
{
	if (f->kind == FILE_PIPE_READ || f->kind == FILE_PIPE_WRITE)
		pipe_close(f->pipe, f->kind == FILE_PIPE_READ);
	*f = (struct file){.kind = FILE_NONE};
}
