/* SPDX-License-Identifier: MIT */
/* The addresses of the program image, as numbers. */
#include "image.h"

extern const char user_text_start[], user_text_end[], user_text_load[];
extern const char user_data_start[], user_data_end[], user_bss_end[], user_data_load[];
extern const char user_start[];

const struct user_image user_image = {
	.text_start = (uintptr_t)user_text_start,
	.text_end = (uintptr_t)user_text_end,
	.text_load = (uintptr_t)user_text_load,
	.data_start = (uintptr_t)user_data_start,
	.data_end = (uintptr_t)user_data_end,
	.bss_end = (uintptr_t)user_bss_end,
	.data_load = (uintptr_t)user_data_load,
	.entry = (uintptr_t)user_start,
};
