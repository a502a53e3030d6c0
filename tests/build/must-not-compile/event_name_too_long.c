/* expect: name too long */
/* SPDX-License-Identifier: MIT */
#define CAIRN_CREATE_EVENTS
#include <cairn/event.h>

#ifdef CAIRN_CONTROL
CAIRN_EVENT0(fs, a_name_of_63_characters_is_the_longest_that_an_event_may_carry);
#else
CAIRN_EVENT0(fs, a_name_of_64_characters_is_the_first_that_an_event_may_not_carry_);
#endif
