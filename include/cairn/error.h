/* SPDX-License-Identifier: MIT */
/*
 * Error codes. Functions that can fail return 0 or a positive amount on success and one of these otherwise. The values
 * equal Linux's errno numbers, negated, so that a host can pass them on.
 */
#ifndef CAIRN_ERROR_H
#define CAIRN_ERROR_H

#include "compiler.h"

enum {
	CAIRN_EPERM = -1,
	CAIRN_ENOENT = -2,
	CAIRN_EIO = -5,
	CAIRN_EAGAIN = -11,
	CAIRN_ENOMEM = -12,
	CAIRN_EBUSY = -16,
	CAIRN_EEXIST = -17,
	CAIRN_EINVAL = -22,
	CAIRN_ENOSPC = -28,
	CAIRN_ERANGE = -34,
	CAIRN_ENOSYS = -38,
};

CAIRN_C_BEGIN

/* The sentence for a code, for instance "no room left (ENOSPC)"; never NULL. Context: any. */
const char *cairn_strerror(int code);

CAIRN_C_END

#endif
