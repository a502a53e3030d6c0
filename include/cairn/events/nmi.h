/* SPDX-License-Identifier: MIT */
/* An NMI handler ran: its address, how long it took, how many events it handled. */
/* clang-format off */
#ifndef CAIRN_EVENTS_NMI_H
#define CAIRN_EVENTS_NMI_H

#include "../event.h"

CAIRN_EVENT(nmi, nmi_handler,
	    (field, const void *, handler)
	    (field, long long, delta_ns)
	    (field, int, handled),
	    "%p() delta_ns: %lld handled: %d");

#endif
