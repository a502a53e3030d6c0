/* expect: floating point is not recorded: pass an integer in fixed units */
/* SPDX-License-Identifier: MIT */
#include <cairn/event.h>

#ifdef CAIRN_CONTROL
#define FIELD_TYPE int
#else
#define FIELD_TYPE float
#endif
#define CREATE_TRACE_POINTS
#include "linux_field_floating.h"
