/* SPDX-License-Identifier: MIT */
/*
 * cairn record: from the memory of a running guest (--region) or of the programs that one command
 * starts (--).
 *
 * The first region is copied straight into the output's temporary file, each further one into a
 * temporary of its own, which is appended when both are finished: in one file, captures stand one
 * behind the other.
 */
#define _GNU_SOURCE
#include "record.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

const struct option_row cairn_record_options[] = {
	{'r', true, "region", "FILE",
	 "record the region in this file (a guest's memory) instead of a program"},
	{'o', true, "output", "FILE", "the capture; default PROGRAM.cairn"},
	{'e', true, "event", "GLOB",
	 "enable these events in the program; default `*:*`; repeatable"},
	{'l', true, "lossless", NULL,
	 "let the program keep the oldest events until they are written, not overwrite them"},
	{'C', true, "max-size", "BYTES",
	 "begin a new file when one has so many; K, M, G may follow"},
	{'T', false, "max-time", "SECONDS", "begin a new file after so long"},
	{'K', false, "keep", "N", "of these files keep the newest N"},
	{'d', true, "duration", "SECONDS", "stop after this time"},
	{'w', true, "wait", "SECONDS", "wait so long for the region to appear (10)"},
	{'q', true, "quiet", NULL, "no progress, no summary"},
	{0, false, NULL, NULL, NULL},
};

volatile sig_atomic_t record_signal, record_nr_signals;

void record_on_signal(int number)
{
	record_signal = number;
	record_nr_signals++;
}

uint64_t record_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void record_sleep(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	nanosleep(&t, NULL);
}

#define RECORD_PAUSE_MIN_NS 200000u
#define RECORD_PAUSE_MAX_NS 10000000u

void record_pause(struct record *r)
{
	if (r->fill >= 64)
		r->pause_ns /= 2;
	else if (r->fill < 32)
		r->pause_ns += r->pause_ns / 4;
	if (r->pause_ns < RECORD_PAUSE_MIN_NS)
		r->pause_ns = RECORD_PAUSE_MIN_NS;
	/* a ring that overwrites has no patience after an idle time, and rings are smaller there */
	uint64_t most = r->hurries ? RECORD_PAUSE_MAX_NS : RECORD_PAUSE_MAX_NS / 5;
	if (r->pause_ns > most)
		r->pause_ns = most;
	if (r->fill < 128)
		record_sleep(r->pause_ns);
}

/* As Linux has it: the C library declares it since short. */
struct record_sched {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};
#define RECORD_SCHED_RESET_ON_FORK 1u
#define RECORD_SLICE_NS            1000000u

void record_hurry(struct record *r)
{
	struct record_sched a = {
		.size = sizeof(a), .flags = RECORD_SCHED_RESET_ON_FORK, .runtime = RECORD_SLICE_NS};

	if (r->hurries)
		return;
	r->hurries = true;
	errno = 0;
	int nice = getpriority(PRIO_PROCESS, 0);
	a.nice = nice == 0 && errno == 0 ? -10 : nice;
	if (syscall(SYS_sched_setattr, 0, &a, 0) == 0 || a.nice == nice)
		return;
	a.nice = nice;
	(void)syscall(SYS_sched_setattr, 0, &a, 0);
}

void record_catch(int number, void (*handler)(int))
{
	struct sigaction a;

	memset(&a, 0, sizeof(a));
	a.sa_handler = handler;
	sigaction(number, &a, NULL);
}

bool record_fail(const struct record *r, const char *what, int e)
{
	say(r->v, "%s: %s", what, strerror(e));
	return false;
}

bool record_progress_wanted(const struct record *r)
{
	return !r->quiet && output_is_terminal(STDERR_FILENO);
}

static bool record_add_glob(struct record *r, const char *glob)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", r->globs ? r->globs : "", r->globs ? "," : "", glob) < 0)
		return false;
	free(r->globs);
	r->globs = joined;
	return true;
}

#define RECORD_FILE_MIN 65536u

static bool record_max_time(const struct record *r)
{
	if (r->max_ns >= 1000000u)
		return true;
	say(r->v, "a file takes 1 ms at least");
	return false;
}

static bool record_keep(const struct record *r)
{
	if (r->keep)
		return true;
	say(r->v, "of the files at least 1 is kept");
	return false;
}

/* -1 to go on, else the status to exit with. */
static int record_options(struct record *r, int argc, char **argv)
{
	struct args a;
	int o;

	args_init(&a, r->v, argc, argv);
	a.stop_at_operand = true;
	while ((o = args_next(&a)) != ARGS_END) {
		bool ok = true;
		if (o == ARGS_HELP)
			return EXIT_FINE;
		if (o == ARGS_WRONG)
			return EXIT_USAGE;
		if (o == ARGS_OPERAND) {
			r->program = argv + a.i - 1;
			break;
		}
		if (o == 'r')
			r->region = a.value;
		else if (o == 'o')
			r->out = a.value;
		else if (o == 'e')
			ok = record_add_glob(r, a.value);
		else if (o == 'd')
			ok = args_seconds(&a, "duration", &r->duration_ns);
		else if (o == 'l')
			r->lossless = true;
		else if (o == 'C')
			ok = args_bytes(&a, "size of a file", RECORD_FILE_MIN, &r->max_bytes);
		else if (o == 'T')
			ok = args_seconds(&a, "time", &r->max_ns) && record_max_time(r);
		else if (o == 'K')
			ok = args_number(&a, "number of files", 1000000, &r->keep) &&
			     record_keep(r);
		else if (o == 'w')
			ok = args_seconds(&a, "waiting time", &r->wait_ns);
		else
			r->quiet = true;
		if (!ok)
			return EXIT_USAGE;
	}
	const char *wrong = NULL;
	if (!r->region == !r->program)
		wrong = r->region ? "either --region FILE or -- PROGRAM, not both"
				  : "what? `--region FILE` or `-- PROGRAM`";
	else if (r->region && !r->out)
		wrong = "where to? -o FILE";
	else if (r->out && strcmp(r->out, "-") == 0)
		wrong = "a capture cannot go to standard output";
	else if (r->keep && !record_is_cut(r))
		wrong = "--keep is about files cut by --max-size or --max-time";
	else if (r->region && r->lossless)
		wrong = "--lossless is for programs; a region's own mode decides";
	else if (r->region && r->globs)
		wrong = "-e is for programs; a guest is told by its boot string or control files";
	if (!wrong)
		return -1;
	say(r->v, "%s", wrong);
	fprintf(stderr, "Try `cairn record --help`.\n");
	return EXIT_USAGE;
}

int cairn_cmd_record(const struct verb *v, int argc, char **argv)
{
	struct record r = {.v = v,
			   .wait_ns = 10000000000u,
			   .pause_ns = RECORD_IDLE_NS,
			   .volume = {.fd = -1, .done_fd = -1}};
	int status = record_options(&r, argc, argv);

	if (status >= 0) {
		free(r.globs);
		return status;
	}
	return r.region ? record_region(&r) : record_program(&r);
}
