/* expect: redefinition of */
/* SPDX-License-Identifier: MIT */
#define CAIRN_CREATE_EVENTS
#include <cairn/event.h>

#ifdef CAIRN_CONTROL
CAIRN_EVENT(fs, tick, (field, int, n) (field, int, m), "n=%d m=%d");
#else
CAIRN_EVENT(fs, tick, (field, int, n) (field, int, n), "n=%d n=%d");
#endif
