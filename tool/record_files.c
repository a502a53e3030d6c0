/* SPDX-License-Identifier: MIT */
/*
 * Names of a recording's files. One file is called as -o says; the files of a recording that is cut by size or time are called NAME.NNNNNN.EXT,
 * counted on from what is there already, so that none is replaced and their names sort by age.
 */
#define _GNU_SOURCE
#include "record.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_DIGITS 6

/* Where the number goes: before the extension, if the last part of the path has one. */
static size_t files_stem(const char *out)
{
	const char *base = strrchr(out, '/');
	base = base ? base + 1 : out;
	const char *dot = strrchr(base, '.');

	return dot && dot != base ? (size_t)(dot - out) : strlen(out);
}

bool record_files_name(const struct record *r, char path[REGIONS_PATH_MAX])
{
	int stem = (int)files_stem(r->out);

	if (!record_is_cut(r))
		return snprintf(path, REGIONS_PATH_MAX, "%s", r->out) < REGIONS_PATH_MAX;
	return snprintf(path, REGIONS_PATH_MAX, "%.*s.%0*llu%s", stem, r->out, FILES_DIGITS,
			(unsigned long long)r->number, r->out + stem) < REGIONS_PATH_MAX;
}

/* The number in a name of ours, 0 if it is none. `base` is the last part of -o. */
static uint64_t files_number(const char *base, const char *name)
{
	size_t stem = files_stem(base), n = strlen(name), rest = strlen(base + stem);
	char *end;

	if (n < stem + 1 + FILES_DIGITS + rest || strncmp(name, base, stem) || name[stem] != '.' ||
	    strcmp(name + n - rest, base + stem))
		return 0;
	size_t digits = n - rest - stem - 1;
	if (strspn(name + stem + 1, "0123456789") < digits || digits > 18)
		return 0;
	return strtoull(name + stem + 1, &end, 10);
}

static int files_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Numbers in use, ascending. Returns how many, or a negative errno number. */
static int files_list(const struct record *r, uint64_t **out)
{
	const char *slash = strrchr(r->out, '/');
	const char *base = slash ? slash + 1 : r->out;
	char dir[REGIONS_PATH_MAX];
	struct dirent *e;
	int n = 0;

	*out = NULL;
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - r->out) + 1 : 1,
		 slash ? r->out : ".");
	DIR *d = opendir(dir);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		uint64_t number = files_number(base, e->d_name);
		uint64_t *p = number ? realloc(*out, (size_t)(n + 1) * sizeof(*p)) : NULL;
		if (!p)
			continue;
		*out = p;
		p[n++] = number;
	}
	closedir(d);
	if (n)
		qsort(*out, (size_t)n, sizeof(**out), files_compare);
	return n;
}

void record_files_begin(struct record *r)
{
	uint64_t *numbers;
	int n = files_list(r, &numbers);

	r->number = n > 0 ? numbers[n - 1] + 1 : 1;
	free(numbers);
}

void record_files_keep(struct record *r)
{
	uint64_t *numbers = NULL, now = r->number;
	int n = r->keep ? files_list(r, &numbers) : 0;
	char path[REGIONS_PATH_MAX];

	if (!numbers)
		return;
	for (int i = 0; i < n && (uint64_t)(n - i) > r->keep; i++) {
		r->number = numbers[i];
		if (record_files_name(r, path) && unlink(path) < 0 && errno != ENOENT)
			record_fail(r, path, errno);
	}
	r->number = now;
	free(numbers);
}
