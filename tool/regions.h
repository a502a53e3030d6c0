/* SPDX-License-Identifier: MIT */
/*
 * The directory in which programs leave their regions: COMM.PID.START.cairn, one a process;
 * START-N.cairn when it executed itself again.
 */
#ifndef CAIRN_TOOL_REGIONS_H
#define CAIRN_TOOL_REGIONS_H

#include "verb.h"

#include <sys/types.h>

#define REGIONS_PATH_MAX 4096

struct region_file {
	char name[256];
	uint32_t pid;
	uint64_t start; /* of the process, clock ticks since boot */
	bool named;     /* pid and start are known from the name */
	bool alive;
	uint64_t bytes; /* of storage in use */
	dev_t device;
	ino_t inode;
};

/* $CAIRN_DIR, or /dev/shm/cairn-UID. */
void regions_default_dir(char path[REGIONS_PATH_MAX]);
/*
 * Open `path`; -EPERM if it is not ours alone to write. Returns a descriptor or a negative errno
 * number.
 */
int regions_open_dir(const char *path);
/* The two in one; a failure other than -ENOENT has been said. */
int regions_open_default(const struct verb *v, char path[REGIONS_PATH_MAX]);
/*
 * Regular files of the directory whose names end in .cairn, by name. Returns their number or a
 * negative errno number.
 */
int regions_scan(int dir, struct region_file **out);
/* Both are there, and are one file or directory. */
bool regions_same_file(const char *a, const char *b);
/* Start of a running process, clock ticks since boot; 0: it has ended, or never was. */
uint64_t regions_process_start(uint32_t pid);
/* Does the process still run that had this pid at this start? */
bool regions_process_alive(uint32_t pid, uint64_t start);

#endif
