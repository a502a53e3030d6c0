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

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct option_row cairn_record_options[] = {
	{'r', true, "region", "FILE",
	 "record the region in this file (a guest's memory) instead of a program"},
	{'o', true, "output", "FILE", "the capture; default PROGRAM.cairn"},
	{'e', true, "event", "GLOB",
	 "enable these events in the program; default `*:*`; repeatable"},
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
	struct record r = {.v = v, .wait_ns = 10000000000u, .fd = -1, .done_fd = -1};
	int status = record_options(&r, argc, argv);

	if (status >= 0) {
		free(r.globs);
		return status;
	}
	return r.region ? record_region(&r) : record_program(&r);
}
