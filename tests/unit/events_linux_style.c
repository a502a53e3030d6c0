/* SPDX-License-Identifier: MIT */
/* Defines the events of events_linux_style.h. Compiled as C and as C++17, without -Wpedantic: its semicolons are Linux's. */
#define CREATE_TRACE_POINTS
#include "events_linux_style.h"
