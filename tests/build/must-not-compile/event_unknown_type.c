/* expect: u33 */
/* SPDX-License-Identifier: MIT */
#define CAIRN_CREATE_EVENTS
#include <cairn/event.h>

typedef uint32_t u32;
#ifdef CAIRN_CONTROL
CAIRN_EVENT(fs, tick, (field, u32, n), "n=%u");
#else
CAIRN_EVENT(fs, tick, (field, u33, n), "n=%u");
#endif
