/* expect: use __field_struct */
/* SPDX-License-Identifier: MIT */
#include <cairn/event.h>

#ifdef CAIRN_CONTROL
#define FIELD_OF_STRUCTURE __field_struct
#else
#define FIELD_OF_STRUCTURE __field
#endif
struct pair {
	int a, b;
};
#define CREATE_TRACE_POINTS
#include "linux_field_structure.h"
