/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_PREFIX "cairn-record-"

static const char *folders_parent(int i)
{
	const char *tmp = getenv("TMPDIR");

	return i == 0 ? "/dev/shm" : tmp && *tmp ? tmp : "/tmp";
}

static int folders_make_in(struct run_folder *f, const char *parent)
{
	uint32_t pid = (uint32_t)getpid();

	if (snprintf(f->outer, sizeof(f->outer), "%s/" FOLDERS_PREFIX "%u-%llu-XXXXXX", parent, pid,
		     (unsigned long long)regions_process_start(pid)) >= REGIONS_PATH_MAX)
		return -ENAMETOOLONG;
	if (!mkdtemp(f->outer))
		return -errno;
	if (snprintf(f->path, sizeof(f->path), "%s/regions", f->outer) < REGIONS_PATH_MAX &&
	    mkdir(f->path, 0700) == 0)
		return 0;
	int e = errno;
	rmdir(f->outer);
	return -e;
}

int folders_make(struct run_folder *f)
{
	int e = 0;

	for (int i = 0; i < 2; i++) {
		e = folders_make_in(f, folders_parent(i));
		if (e == 0)
			break;
	}
	if (e < 0)
		return e;
	f->fd = regions_open_dir(f->path);
	return f->fd < 0 ? f->fd : 0;
}

/* Unlink every file of the directory `fd`, which stays the caller's. */
static void folders_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!d && copy >= 0)
		close(copy);
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(fd, e->d_name, 0);
	if (d)
		closedir(d);
}

/* The regions and both folders, nothing else, and through no symbolic link. */
static int folders_remove_at(const char *outer)
{
	int e = 0;
	int out = open(outer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (out < 0)
		return -errno;
	for (int try = 0; try < 100; try++) {
		int in = openat(out, "regions", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (in < 0)
			break;
		folders_empty(in);
		close(in);
		if (unlinkat(out, "regions", AT_REMOVEDIR) == 0 || errno != ENOTEMPTY)
			break;
	}
	close(out);
	if (rmdir(outer) < 0)
		e = -errno;
	return e;
}

void folders_remove(struct run_folder *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	(void)folders_remove_at(f->outer);
}

static void folders_look_inside(int parent, const char *name, struct dead_folder *f)
{
	char path[300];
	struct region_file *files;

	snprintf(path, sizeof(path), "%s/regions", name);
	int dir = openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int n = dir < 0 ? 0 : regions_scan(dir, &files);
	for (int i = 0; i < n; i++) {
		f->bytes += files[i].bytes;
		if (files[i].alive)
			f->in_use_by = files[i].pid;
	}
	if (n > 0)
		free(files);
	if (dir >= 0)
		close(dir);
}

/* Made by a recorder of this user that is gone. */
static bool folders_is_dead(int parent, const char *name, struct dead_folder *f)
{
	unsigned long long start;
	struct stat st;
	unsigned pid;
	int end = 0;

	if (sscanf(name, FOLDERS_PREFIX "%u-%llu-%n", &pid, &start, &end) != 2 ||
	    strlen(name + end) != 6 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || regions_process_alive(pid, start))
		return false;
	f->changed_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	folders_look_inside(parent, name, f);
	return true;
}

static int folders_compare(const void *a, const void *b)
{
	const struct dead_folder *x = a, *y = b;

	return x->changed_ns < y->changed_ns ? -1 : x->changed_ns > y->changed_ns;
}

int folders_dead(struct dead_folder **out)
{
	int n = 0;

	*out = NULL;
	for (int i = 0; i < 2; i++) {
		if (i && regions_same_file(folders_parent(i), folders_parent(0)))
			break;
		DIR *d = opendir(folders_parent(i));
		struct dirent *e;
		while (d && (e = readdir(d))) {
			struct dead_folder f = {0};
			if (!folders_is_dead(dirfd(d), e->d_name, &f))
				continue;
			struct dead_folder *p = realloc(*out, (size_t)(n + 1) * sizeof(*p));
			if (!p)
				break;
			*out = p;
			snprintf(f.path, sizeof(f.path), "%s/%s", folders_parent(i), e->d_name);
			p[n++] = f;
		}
		if (d)
			closedir(d);
	}
	if (n)
		qsort(*out, (size_t)n, sizeof(**out), folders_compare);
	return n;
}

int folders_remove_dead(const struct dead_folder *f)
{
	return folders_remove_at(f->path);
}
