/* SPDX-License-Identifier: MIT */
/* The `cairn` command: the table of its verbs, and what is said when none of them is meant. */
#include "verb.h"

#include <signal.h>
#include <string.h>

#define CAIRN_TOOL_VERSION "0.1"

const struct verb cairn_verbs[] = {
	{"record", cairn_cmd_record, "copy the packets of a running target into a capture",
	 "-- PROGRAM [ARGS...]", cairn_record_options},
	{"report", cairn_cmd_report, "print events as text, one line an event", "FILE...",
	 cairn_report_options},
	{"info", cairn_cmd_info, "say what a file is: clock, streams, events, losses", "FILE...",
	 cairn_info_options},
	{"stat", cairn_cmd_stat, "count events, losses and rates per event and CPU", "FILE...",
	 cairn_stat_options},
	{"check", cairn_cmd_check, "validate every packet; say what is wrong where", "FILE...",
	 cairn_check_options},
	{"convert", cairn_cmd_convert, "write the trace in another format", "FILE",
	 cairn_convert_options},
	{"list", cairn_cmd_list, "show the regions of this user's programs", "",
	 cairn_list_options},
	{"clean", cairn_cmd_clean, "remove the regions of programs that are gone", "",
	 cairn_clean_options},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct verb main_itself = {"", NULL, "", "", NULL};

static void main_help(FILE *to)
{
	fprintf(to, "usage: cairn VERB [options] FILE...\n\n");
	for (const struct verb *v = cairn_verbs; v->name; v++)
		fprintf(to, "  %-9s %s\n", v->name, v->line);
	fprintf(to, "  %-9s %s\n", "help", "show this, or `cairn help VERB`");
	fprintf(to,
		"\nFILE is a capture (several are read as one trace), a program's region, a guest's memory or an image of one; `-` is stdin.\n"
		"Exit status: 0 fine, 1 a problem with data or files, 2 wrong usage.\n");
}

static const struct verb *main_find(const char *name)
{
	for (const struct verb *v = cairn_verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static int main_unknown(const char *what, const char *name)
{
	struct nearest n;

	nearest_init(&n, name);
	for (const struct verb *v = cairn_verbs; v->name; v++)
		nearest_try(&n, v->name);
	nearest_try(&n, "help");
	nearest_try(&n, "--version");
	nearest_try(&n, "--help");
	if (n.best)
		say(&main_itself, "unknown %s `%s`; did you mean `%s`?", what, name, n.best);
	else
		say(&main_itself, "unknown %s `%s`; `cairn help` lists them", what, name);
	return EXIT_USAGE;
}

static int main_run(int argc, char **argv)
{
	if (argc < 2) {
		main_help(stderr);
		return EXIT_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		printf("cairn %s, format %d.%d\n", CAIRN_TOOL_VERSION, CAIRN_FORMAT_MAJOR,
		       CAIRN_FORMAT_MINOR);
		return EXIT_FINE;
	}
	bool help =
		strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
	if (help && argc == 2) {
		main_help(stdout);
		return EXIT_FINE;
	}
	const struct verb *v = main_find(help ? argv[2] : name);
	if (!v)
		return main_unknown(name[0] == '-' && !help ? "option" : "verb",
				    help ? argv[2] : name);
	if (help) {
		verb_help(v, stdout);
		return EXIT_FINE;
	}
	return v->run(v, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
	/* a broken pipe and a file's limit are errors of write(), so that files get finished */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return output_finish(&main_itself, main_run(argc, argv));
}
