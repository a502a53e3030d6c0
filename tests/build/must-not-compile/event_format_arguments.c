/* expect: format */
/* SPDX-License-Identifier: MIT */
#pragma GCC diagnostic error "-Wformat"
#include <cairn/event.h>

#ifdef CAIRN_CONTROL
CAIRN_EVENT(fs, tick, (field, int, n) (field, int, m), "n=%d m=%d");
#else
CAIRN_EVENT(fs, tick, (field, int, n), "n=%d m=%d");
#endif
