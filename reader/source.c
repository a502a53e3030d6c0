/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a file. Everything is copied by pread, never mapped: a file that shrinks under us gives
 * a short read, not a signal. Other kinds of sources (cores, compressed images) are further rows of
 * struct source_ops.
 */
#define _GNU_SOURCE
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Standard input is copied to a file of at most this many bytes: a pipe may never end. */
#define SOURCE_SPOOL_MAX ((uint64_t)16 << 30)

struct source_ops {
	uint64_t (*size)(const struct cairn_source *s);
	int64_t (*read)(const struct cairn_source *s, uint64_t offset, void *to, size_t n);
	uint64_t (*next_data)(const struct cairn_source *s, uint64_t offset);
	void (*close)(struct cairn_source *s);
};

struct cairn_source {
	const struct source_ops *ops;
	int fd;
};

static uint64_t source_file_size(const struct cairn_source *s)
{
	struct stat st;

	return fstat(s->fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

static int64_t source_file_read(const struct cairn_source *s, uint64_t offset, void *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		if (offset + done > INT64_MAX)
			break;
		ssize_t got = pread(s->fd, (char *)to + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return done ? (int64_t)done : -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

static uint64_t source_file_next_data(const struct cairn_source *s, uint64_t offset)
{
	if (offset > INT64_MAX)
		return source_file_size(s);
	off_t at = lseek(s->fd, (off_t)offset, SEEK_DATA);
	if (at >= 0)
		return (uint64_t)at;
	return errno == ENXIO ? source_file_size(s) : offset;
}

static void source_file_close(struct cairn_source *s)
{
	close(s->fd);
	free(s);
}

static const struct source_ops source_file = {
	source_file_size,
	source_file_read,
	source_file_next_data,
	source_file_close,
};

/*
 * Copy a pipe into an unlinked temporary file. Returns its descriptor or a negative errno number.
 */
static int source_spool(int from)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	char block[65536];
	uint64_t total = 0;

	if (snprintf(path, sizeof(path), "%s/cairn-stdin-XXXXXX", dir && *dir ? dir : "/tmp") >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	for (;;) {
		ssize_t got = read(from, block, sizeof(block));
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			return fd;
		total += got > 0 ? (uint64_t)got : 0;
		if (got < 0 || total > SOURCE_SPOOL_MAX || write(fd, block, (size_t)got) != got) {
			int e = got < 0                    ? errno
				: total > SOURCE_SPOOL_MAX ? EFBIG
				: errno                    ? errno
							   : EIO;
			close(fd);
			return -e;
		}
	}
}

int cairn_source_from_fd(struct cairn_source **out, int fd, struct cairn_fault *why)
{
	struct stat st;
	int e = 0;

	if (fstat(fd, &st) < 0) {
		e = -errno;
		cairn_fault_set(why, CAIRN_NO_OFFSET, "%s", strerror(-e));
	} else if (S_ISDIR(st.st_mode)) {
		e = -EISDIR;
		cairn_fault_set(why, CAIRN_NO_OFFSET, "is a directory, not a trace");
	} else if (S_ISFIFO(st.st_mode)) {
		int spooled = source_spool(fd);
		close(fd);
		fd = spooled;
		if (fd < 0) {
			e = fd;
			cairn_fault_set(why, CAIRN_NO_OFFSET, "cannot keep what the pipe gives: %s",
					strerror(-e));
		}
	} else if (!S_ISREG(st.st_mode)) {
		e = -EINVAL;
		cairn_fault_set(why, CAIRN_NO_OFFSET, "is neither a file nor a pipe");
	}
	struct cairn_source *s = e ? NULL : calloc(1, sizeof(*s));
	if (!s) {
		if (!e)
			cairn_fault_set(why, CAIRN_NO_OFFSET, "out of memory");
		if (fd >= 0)
			close(fd);
		return e ? e : -ENOMEM;
	}
	s->ops = &source_file;
	s->fd = fd;
	*out = s;
	return 0;
}

int cairn_source_open(struct cairn_source **out, const char *path, struct cairn_fault *why)
{
	/* O_NONBLOCK: opening a FIFO without a writer must not hang */
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
					: open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		int e = errno;
		cairn_fault_set(why, CAIRN_NO_OFFSET, "%s", strerror(e));
		return -e;
	}
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && (flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return cairn_source_from_fd(out, fd, why);
}

void cairn_source_close(struct cairn_source *s)
{
	if (s)
		s->ops->close(s);
}

int cairn_source_fd(const struct cairn_source *s)
{
	return s->fd;
}

uint64_t cairn_source_size(const struct cairn_source *s)
{
	return s->ops->size(s);
}

int64_t cairn_source_read(const struct cairn_source *s, uint64_t offset, void *to, size_t n)
{
	return s->ops->read(s, offset, to, n);
}

bool cairn_source_read_all(const struct cairn_source *s, uint64_t offset, void *to, size_t n)
{
	return s->ops->read(s, offset, to, n) == (int64_t)n;
}

uint64_t cairn_source_next_data(const struct cairn_source *s, uint64_t offset)
{
	return s->ops->next_data(s, offset);
}
