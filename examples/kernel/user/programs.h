/* SPDX-License-Identifier: MIT */
/* The programs in the image, by number; shared by the kernel and the programs. */
#ifndef KERNEL_USER_PROGRAMS_H
#define KERNEL_USER_PROGRAMS_H

/* X(symbol, name): name is what the task is called while it runs the program; at most 15 characters. */
#define PROGRAMS(X)           \
	X(PIPELINE, pipeline) \
	X(PRODUCER, producer) \
	X(CONSUMER, consumer) \
	X(TOUCHER, toucher)   \
	X(SPAWNER, spawner)   \
	X(WORKER, worker)     \
	X(SPINNER, spinner)   \
	X(SLEEPER, sleeper)   \
	X(REPORTER, reporter)

#define PROGRAM_NUMBER_(symbol, name) PROGRAM_##symbol,
enum program { PROGRAMS(PROGRAM_NUMBER_) NR_PROGRAMS };

extern const char *const program_names[NR_PROGRAMS]; /* the kernel's; main.c */

#endif
