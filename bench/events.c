/* SPDX-License-Identifier: MIT */
#define CAIRN_CREATE_EVENTS
#include "events.h"
