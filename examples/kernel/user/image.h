/* SPDX-License-Identifier: MIT */
/*
 * Where the programs lie in the kernel's image: linked for USER_TEXT_BASE, stored behind the kernel.
 * The symbols come from link.ld; image.c gathers them, since code cannot reach that far in all models.
 */
#ifndef KERNEL_USER_IMAGE_H
#define KERNEL_USER_IMAGE_H

#include <stdint.h>

struct user_image {
	uintptr_t text_start, text_end, text_load; /* _load: the kernel's address of the content */
	uintptr_t data_start, data_end, bss_end, data_load;
	uintptr_t entry; /* user_start(program, argument) */
};

extern const struct user_image user_image;

#endif
