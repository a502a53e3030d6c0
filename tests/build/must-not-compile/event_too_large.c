/* expect: fixed fields of event tick exceed CAIRN_RECORD_MAX */
/* SPDX-License-Identifier: MIT */
#define CAIRN_CREATE_EVENTS
#include <cairn/event.h>

#ifdef CAIRN_CONTROL
CAIRN_EVENT_PLAIN(fs, tick, (field, int, n) (array, char, a, 4052));
#else
CAIRN_EVENT_PLAIN(fs, tick, (field, int, n) (array, char, a, 4053));
#endif
