/* expect: cairn_trace_tick */
/* SPDX-License-Identifier: MIT */
#include <cairn/event.h>

CAIRN_EVENT(fs, tick, (string, s), "s=%s");
void fire(void);
void fire(void)
{
#ifdef CAIRN_CONTROL
	cairn_trace_tick("x");
#else
	cairn_trace_tick("x", 8);
#endif
}
