/* SPDX-License-Identifier: MIT */
/*
 * The folder in which the programs of a recorded run leave their regions: cairn-record-PID-START-XXXXXX/regions, PID and START being the
 * recorder's, so that what a killed recorder left is known as such.
 *
 * The folder that the programs see lies in one that they do not know of: a daemon of the run that makes its region only after the end finds no
 * place to make the folder anew.
 */
#ifndef CAIRN_TOOL_FOLDERS_H
#define CAIRN_TOOL_FOLDERS_H

#include "regions.h"

struct run_folder {
	char outer[REGIONS_PATH_MAX], path[REGIONS_PATH_MAX];
	int fd; /* of path */
};

/* In /dev/shm, or where TMPDIR says. 0 or a negative errno number, then `outer` is what could not be made. */
int folders_make(struct run_folder *f);
/* Everything goes; again, should a process of the run put a file there meanwhile. */
void folders_remove(struct run_folder *f);

/* One that a killed recorder left. */
struct dead_folder {
	char path[REGIONS_PATH_MAX];
	uint64_t bytes;
	uint64_t changed_ns;
	uint32_t in_use_by; /* a process of the run that still lives; 0 = none */
};

/* Those of this user, oldest first. Returns their number or a negative errno number; free(*out). */
int folders_dead(struct dead_folder **out);
/* 0 or a negative errno number. */
int folders_remove_dead(const struct dead_folder *f);

#endif
