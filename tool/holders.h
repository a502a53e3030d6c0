/* SPDX-License-Identifier: MIT */
/*
 * The processes that have a file mapped: a guest's memory file stays when QEMU has gone, and nothing in it tells so. Only processes that this
 * user may look at are found.
 */
#ifndef CAIRN_TOOL_HOLDERS_H
#define CAIRN_TOOL_HOLDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define HOLDERS_MAX 16

struct holders {
	unsigned n;
	struct {
		uint32_t pid;
		uint64_t start;
	} of[HOLDERS_MAX];
};

/* Look for them, ourselves excepted. Reads a file of /proc for each process: some milliseconds. */
void holders_find(struct holders *h, dev_t device, ino_t inode);
bool holders_any_alive(const struct holders *h);

#endif
