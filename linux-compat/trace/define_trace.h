/* SPDX-License-Identifier: MIT */
#include "../cairn/define_events.h"
