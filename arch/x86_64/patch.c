/* SPDX-License-Identifier: MIT */
/*
 * x86-64 sites: A9 disp32 (`test eax, imm32`, off) or E9 disp32 (`jmp`, on). Only the first byte is ever written, so no CPU can see a
 * mixture; both forms are five bytes long.
 */
#include "../../include/cairn/key.h"

#if CAIRN_KEY_PATCHING && defined(__x86_64__)

#include "../patch.h"

enum { PATCH_OFF = 0xa9, PATCH_ON = 0xe9, PATCH_BYTES = 5 };

enum cairn_patch cairn_arch_key_patch(void *site, const void *target, bool on)
{
	const volatile uint8_t *text = site;
	uint8_t want = on ? PATCH_ON : PATCH_OFF, now = text[0];
	uint32_t disp = text[1] | (uint32_t)text[2] << 8 | (uint32_t)text[3] << 16 |
			(uint32_t)text[4] << 24;

	if ((now != PATCH_OFF && now != PATCH_ON) ||
	    (uintptr_t)site + PATCH_BYTES + (uintptr_t)(intptr_t)(int32_t)disp != (uintptr_t)target)
		return CAIRN_PATCH_REFUSED;
	if (now == want)
		return CAIRN_PATCH_SAME;
	return cairn_port_write_text(site, &want, 1) == 0 ? CAIRN_PATCH_DONE : CAIRN_PATCH_REFUSED;
}

#else
typedef int cairn_patch_unused; /* an empty translation unit is not C */
#endif
