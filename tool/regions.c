/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "regions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void regions_default_dir(char path[REGIONS_PATH_MAX])
{
	const char *dir = getenv("CAIRN_DIR");

	if (dir && *dir)
		snprintf(path, REGIONS_PATH_MAX, "%s", dir);
	else
		snprintf(path, REGIONS_PATH_MAX, "/dev/shm/cairn-%u", (unsigned)getuid());
}

int regions_open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

int regions_open_default(const struct verb *v, char path[REGIONS_PATH_MAX])
{
	regions_default_dir(path);
	int fd = regions_open_dir(path);
	if (fd == -EPERM)
		say(v, "%s: belongs to somebody else, or others may write to it; not used", path);
	else if (fd < 0 && fd != -ENOENT)
		say(v, "%s: %s", path, strerror(-fd));
	return fd;
}

bool regions_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* COMM.PID.START.cairn: COMM may hold dots itself. */
static bool regions_parse_name(struct region_file *r)
{
	char copy[sizeof(r->name)];
	char *end;

	memcpy(copy, r->name, sizeof(copy));
	copy[strlen(copy) - strlen(".cairn")] = '\0';
	char *start = strrchr(copy, '.');
	if (!start)
		return false;
	*start++ = '\0';
	char *pid = strrchr(copy, '.');
	if (!pid)
		return false;
	pid++;
	r->start = strtoull(start, &end, 10);
	if (end != start && *end == '-') /* START-N: it executed itself again */
		end += 1 + strspn(end + 1, "0123456789");
	if (end == start || *end)
		return false;
	unsigned long long p = strtoull(pid, &end, 10);
	r->pid = (uint32_t)p;
	return end != pid && !*end && p && p <= INT32_MAX;
}

uint64_t regions_process_start(uint32_t pid)
{
	char path[64], stat[1024];
	unsigned long long started = 0;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	stat[n] = '\0';
	/* field 22, counted behind the name, which may hold anything */
	char *p = strrchr(stat, ')');
	if (p && p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X'))
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p && sscanf(p, " %llu", &started) == 1 ? started : 0;
}

bool regions_process_alive(uint32_t pid, uint64_t start)
{
	return start && regions_process_start(pid) == start;
}

static int regions_compare(const void *a, const void *b)
{
	const struct region_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int regions_scan(int dir, struct region_file **out)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int n = 0;

	*out = NULL;
	if (!d) {
		int err = errno;
		if (fd >= 0)
			close(fd);
		return -err;
	}
	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);
		struct stat st;
		if (len < 7 || strcmp(e->d_name + len - 6, ".cairn") ||
		    fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		struct region_file *p = realloc(*out, (size_t)(n + 1) * sizeof(*p));
		if (!p)
			break;
		*out = p;
		struct region_file *r = &p[n++];
		memset(r, 0, sizeof(*r));
		snprintf(r->name, sizeof(r->name), "%s", e->d_name);
		r->bytes = (uint64_t)st.st_blocks * 512;
		r->device = st.st_dev;
		r->inode = st.st_ino;
		r->named = regions_parse_name(r);
		r->alive = r->named && regions_process_alive(r->pid, r->start);
	}
	closedir(d);
	if (n)
		qsort(*out, (size_t)n, sizeof(**out), regions_compare);
	return n;
}
