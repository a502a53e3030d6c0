/* expect: floating point is not recorded: pass an integer in fixed units */
/* SPDX-License-Identifier: MIT */
#define CAIRN_CREATE_EVENTS
#include <cairn/event.h>

#ifdef CAIRN_CONTROL
CAIRN_EVENT(fs, tick, (field, long, n), "n=%ld");
#else
CAIRN_EVENT(fs, tick, (field, double, n), "n=%f");
#endif
