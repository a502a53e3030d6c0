/* expect: event tick: a field is none of */
/* SPDX-License-Identifier: MIT */
#include <cairn/event.h>

CAIRN_EVENT(fs, tick, int n, "n=%d");
