/* SPDX-License-Identifier: MIT */
/* Page frames: `order` is the power of two of the number of pages, from frame `pfn` on. A failed allocation has pfn ~0ul. */
/* clang-format off */
#ifndef CAIRN_EVENTS_KMEM_H
#define CAIRN_EVENTS_KMEM_H

#include "../event.h"

CAIRN_EVENT(kmem, mm_page_alloc,
	    (field, unsigned long, pfn)
	    (field, unsigned int, order)
	    (field, unsigned long, gfp_flags)
	    (field, int, migratetype),
	    "pfn=0x%lx order=%u gfp_flags=0x%lx migratetype=%d");

CAIRN_EVENT(kmem, mm_page_free,
	    (field, unsigned long, pfn)
	    (field, unsigned int, order),
	    "pfn=0x%lx order=%u");

#endif
