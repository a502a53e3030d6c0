/* expect: use __field_struct */
/* SPDX-License-Identifier: MIT */
#define CAIRN_CREATE_EVENTS
#include <cairn/event.h>

struct pair {
	int a, b;
};
#ifdef CAIRN_CONTROL
CAIRN_EVENT_PLAIN(fs, tick, (array, struct pair, n, 1));
#else
CAIRN_EVENT_PLAIN(fs, tick, (field, struct pair, n));
#endif
