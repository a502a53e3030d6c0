/* SPDX-License-Identifier: MIT */
/* What an architecture with CAIRN_ARCH_HAS_KEYS does to a site. */
#ifndef CAIRN_ARCH_PATCH_H
#define CAIRN_ARCH_PATCH_H

#include "../include/cairn/port.h"

enum cairn_patch { CAIRN_PATCH_DONE, CAIRN_PATCH_SAME, CAIRN_PATCH_REFUSED };

/*
 * Bring a site into the state `on`, through cairn_port_write_text(). The caller syncs the cores afterwards.
 *
 * Returns   CAIRN_PATCH_SAME if it was so already, CAIRN_PATCH_REFUSED if the bytes there are neither of the two forms, lead
 *           elsewhere than to `target`, or could not be written.
 * Context   thread; one caller at a time.
 */
CAIRN_PRIVATE enum cairn_patch cairn_arch_key_patch(void *site, const void *target, bool on);

#endif
