/* expect: format */
/* SPDX-License-Identifier: MIT */
#pragma GCC diagnostic error "-Wformat"
#include <cairn/event.h>

#ifdef CAIRN_CONTROL
CAIRN_EVENT(fs, tick, (field, int, n) (string, s), "n=%d s=%s");
#else
CAIRN_EVENT(fs, tick, (field, int, n) (string, s), "n=%s s=%s");
#endif
