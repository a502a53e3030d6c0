/* SPDX-License-Identifier: MIT */
/* Defines the events of events_short_form.h. Compiled as C and as C++17. */
#define CAIRN_CREATE_EVENTS
#include "events_short_form.h"

void short_form_fire_scalars(void)
{
	cairn_trace_short_scalars(0xf1, -2, 0xf3f4, -5, 0xf6f7f8f9, -10, 0x1112131415161718, -20,
				  true, (char)0xe9, (const void *)0x2122232425262728, SHORT_DIR,
				  0x31);
}

bool short_form_enabled(void)
{
	return cairn_trace_short_scalars_enabled();
}
