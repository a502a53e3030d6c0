/* SPDX-License-Identifier: MIT */
/* What the verbs of the command share: the table of verbs, options, messages, output. */
#ifndef CAIRN_TOOL_VERB_H
#define CAIRN_TOOL_VERB_H

#include "reader/reader.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_FINE = 0, EXIT_DATA = 1, EXIT_USAGE = 2 };

struct option_row {
	char letter; /* what args_next() returns; letters above 'z' or digits have no short form */
	bool is_short;     /* -letter works too */
	const char *name;  /* --name */
	const char *value; /* how the help calls its value; NULL = none */
	const char *help;
};

struct verb {
	const char *name;
	int (*run)(const struct verb *v, int argc, char **argv);
	const char *line; /* what it does */
	const char *operands;
	const struct option_row *options; /* ends with name NULL */
};

extern const struct verb cairn_verbs[]; /* ends with name NULL */
#define CAIRN_VERB(name) int cairn_cmd_##name(const struct verb *v, int argc, char **argv)
CAIRN_VERB(report);
CAIRN_VERB(info);
CAIRN_VERB(stat);
CAIRN_VERB(check);
CAIRN_VERB(record);
CAIRN_VERB(list);
CAIRN_VERB(clean);
CAIRN_VERB(convert);
extern const struct option_row cairn_report_options[], cairn_info_options[], cairn_stat_options[],
	cairn_check_options[], cairn_record_options[], cairn_list_options[], cairn_clean_options[],
	cairn_convert_options[];

/* Options */

struct args {
	const struct verb *verb;
	int argc, i;
	char **argv;
	const char *bundle; /* rest of -abc */
	const char *value;
	bool operands_only, stop_at_operand, had_separator;
};

enum { ARGS_END = 0, ARGS_OPERAND = 1, ARGS_HELP = 2, ARGS_WRONG = 3 };

void args_init(struct args *a, const struct verb *v, int argc, char **argv);
/* An option's letter, or ARGS_*. ARGS_HELP and ARGS_WRONG have said what there is to say. */
int args_next(struct args *a);
/* For verbs with one FILE: keeps it in *file, refuses a second. Returns false if that was said. */
bool args_take_file(struct args *a, const char **file);
bool args_need_file(const struct args *a, const char *file);

/* The FILEs of a verb that takes several, which it reads as one trace. */
struct files {
	const char **names; /* free() */
	unsigned n;
};

bool args_add_file(struct args *a, struct files *files);
bool args_need_files(const struct args *a, const struct files *files);
/*
 * For verbs that take no FILE, and whose options have no values: takes all arguments. -1 to go on, with the letters met in *set, else the
 * status to exit with.
 */
int args_switches(const struct verb *v, int argc, char **argv, uint64_t *set);
struct input;
/* The same for a verb that reads, with options of struct input. */
int args_input(const struct verb *v, int argc, char **argv, struct files *files, struct input *in);
static inline uint64_t args_switch(char letter)
{
	return (uint64_t)1 << (letter - 'A'); /* 'A' to 'z' */
}
bool args_number(const struct args *a, const char *what, uint64_t max, uint64_t *out);
/* Seconds with a fraction, or with ms, us, ns, s, m behind; in ns. */
bool args_seconds(const struct args *a, const char *what, uint64_t *ns);
/* Bytes, or with K, M, G, T behind (powers of 1024). */
bool args_bytes(const struct args *a, const char *what, uint64_t least, uint64_t *out);
void verb_help(const struct verb *v, FILE *to);

/* The candidate nearest to `word`, or NULL if none is near. */
struct nearest {
	const char *word, *best;
	unsigned distance;
};
void nearest_init(struct nearest *n, const char *word);
void nearest_try(struct nearest *n, const char *candidate);

bool glob_matches(const char *glob, const char *text);
/* An event is meant by `system:name`, `name` or a glob of either. */
bool glob_matches_event(const char *glob, const struct cairn_schema_event *e);

/* Messages: cairn: VERB: ... on stderr, control bytes escaped. */

void say(const struct verb *v, const char *format, ...) CAIRN_PRINTF(2, 3);
/* Print a fault: who, where, what, what we did. */
void say_fault(const struct verb *v, const char *path, bool several, const struct cairn_fault *f);

/* Input: a reader whose faults are told, up to a limit, and counted. */
struct input {
	const struct verb *verb;
	const char *path; /* for messages; of several files the first, "and N more" */
	char *label;
	struct cairn_reader *reader;
	struct cairn_sink sink;
	uint64_t damages, notes, told, limit;
	struct cairn_choice choice;
	bool want_notes;
	uint64_t set; /* the verb's options, see args_switches() */
};

/* The letters b and A of a verb: which buffer, and whether behind the clear mark. True: it was one of them. */
bool input_option(struct input *in, int letter, const char *value);
static inline bool input_reads_all(const struct input *in)
{
	return in->choice.buffer && strcmp(in->choice.buffer, "all") == 0;
}
/* Returns false and has said why when the file cannot be read at all. */
bool input_open(struct input *in, const struct verb *v, const char *path);
bool input_open_files(struct input *in, const struct verb *v, const struct files *files);
/*
 * Says how many faults were not told, closes. Returns EXIT_FINE, or EXIT_DATA if anything was
 * damaged.
 */
int input_close(struct input *in);

/* Survey: every record is visited once, and counted per CPU and event. */
struct survey_cpu {
	const struct cairn_image *image;
	uint32_t cpu;
	const char *buffer; /* NULL unless all buffers are read */
	uint32_t nr_rings;
	struct cairn_reader_account account;
	uint64_t *events; /* by the schema's order */
	uint64_t unknown; /* damaged rests of packets */
};

/* Why events were not recorded because nobody wanted them: no losses, and counted apart. */
enum { CAIRN_REFUSED_FILTER, CAIRN_REFUSED_SAMPLE, CAIRN_REFUSED_BUDGET, CAIRN_NR_REFUSED };
extern const char *const cairn_refused_names[CAIRN_NR_REFUSED];

struct survey {
	struct survey_cpu *cpus;
	uint32_t nr_cpus;
	struct cairn_reader_account total;
	uint64_t pending_bytes, lost_no_stream, names_dropped, metadata_refused;
	uint64_t refused[CAIRN_NR_REFUSED];
	uint64_t span_ns; /* from the first to the last event */
};

bool survey_take(struct survey *s, struct input *in);
/* Open the files, survey them, show it, close: most of a verb. Returns the status to exit with. `show` returns false when it failed and said so. */
int input_survey(struct input *in, const struct verb *v, const struct files *files,
		 bool (*show)(struct input *in, const struct survey *s));
void survey_free(struct survey *s);
/* Events lost without a ring; of a capture that continues others, since those ended. */
uint64_t survey_no_stream(const struct cairn_image *im);
/* "lost 3 (full 2, big 1), overwritten 5" for people. Appends nothing when all is 0. */
void survey_losses(const struct survey *s, struct cairn_buf *t);
/* The same on stderr, with the file's name, and which buffers were not read. */
void survey_say_losses(const struct survey *s, const struct input *in);
extern const char *const cairn_lost_names[CAIRN_NR_LOST];

/* Output */

/* Finish stdout. A broken pipe is quiet, a full disk is said. Returns the status to exit with. */
int output_finish(const struct verb *v, int status);
bool output_is_terminal(int fd);
/* With control bytes escaped, for text output. */
void print_safe(FILE *f, const char *s);
void json_string(FILE *f, const char *s);
/* "cpus": [...] of a survey: the keys are stable. */
void json_cpus(FILE *f, const struct survey *s);
void json_account(FILE *f, const struct cairn_reader_account *a);
/* "total": {...}, what was lost without a ring, what was refused, and the number of faults: the end of a verb's object. */
void json_total(const struct input *in, const struct survey *s);
void uuid_text(const uint8_t uuid[16], char out[37]);

#endif
