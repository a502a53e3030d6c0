/* expect: cairn_event_disable */
/* SPDX-License-Identifier: MIT */
#include <cairn/cairn.h>

#ifdef CAIRN_CONTROL
CAIRN_EVENT(fs, disabling, (field, int, n), "n=%d");
#else
CAIRN_EVENT(fs, disable, (field, int, n), "n=%d");
#endif
