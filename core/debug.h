/* SPDX-License-Identifier: MIT */
/* CAIRN_ASSERT: a bug of Cairn's; checked when CAIRN_DEBUG >= 1, gone (but type-checked) otherwise. */
#ifndef CAIRN_DEBUG_H
#define CAIRN_DEBUG_H

#include "../include/cairn/config.h"

#if CAIRN_DEBUG >= 1
#define CAIRN_ASSERT(x)                   \
	do {                              \
		if (!(x))                 \
			__builtin_trap(); \
	} while (0)
#else
#define CAIRN_ASSERT(x)            \
	do {                       \
		if (0)             \
			(void)(x); \
	} while (0)
#endif

#endif
