/* SPDX-License-Identifier: MIT */
#define CAIRN_TP_LINUX_ /* Linux's headers, which forget a semicolon now and then */
#include "../cairn/tracepoint.h"
