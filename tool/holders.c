/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "holders.h"

#include "regions.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A line: FROM-TO PERMS OFFSET MAJOR:MINOR INODE PATH */
static bool holders_maps(uint32_t pid, dev_t device, ino_t inode)
{
	char path[64], *line = NULL;
	size_t size = 0;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	FILE *f = fopen(path, "re");
	while (f && !found && getline(&line, &size, f) > 0) {
		unsigned major_nr, minor_nr;
		unsigned long long nr;
		found = sscanf(line, "%*s %*s %*s %x:%x %llu", &major_nr, &minor_nr, &nr) == 3 &&
			nr == inode && major_nr == major(device) && minor_nr == minor(device);
	}
	if (f)
		fclose(f);
	free(line);
	return found;
}

void holders_find(struct holders *h, dev_t device, ino_t inode)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	h->n = 0;
	while (d && h->n < HOLDERS_MAX && (e = readdir(d))) {
		char *end;
		unsigned long pid = strtoul(e->d_name, &end, 10);
		if (*end || end == e->d_name || pid > INT32_MAX || pid == (unsigned long)getpid() ||
		    !holders_maps((uint32_t)pid, device, inode))
			continue;
		h->of[h->n].pid = (uint32_t)pid;
		h->of[h->n].start = regions_process_start((uint32_t)pid);
		h->n++;
	}
	if (d)
		closedir(d);
}

bool holders_any_alive(const struct holders *h)
{
	for (unsigned i = 0; i < h->n; i++)
		if (regions_process_alive(h->of[i].pid, h->of[i].start))
			return true;
	return false;
}
