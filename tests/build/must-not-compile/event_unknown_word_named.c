/* expect: CAIRN_unknown_word_feild(int, m) */
/* SPDX-License-Identifier: MIT */
#include <cairn/event.h>

CAIRN_EVENT(fs, tick, (feild, int, m) (field, int, n), "m=%d n=%d");
