/* SPDX-License-Identifier: MIT */
/* Options of a verb from its table, and the guess at what a misspelt word meant. */
#include "verb.h"

#include <stdlib.h>
#include <string.h>

void args_init(struct args *a, const struct verb *v, int argc, char **argv)
{
	memset(a, 0, sizeof(*a));
	a->verb = v;
	a->argc = argc;
	a->argv = argv;
}

void verb_help(const struct verb *v, FILE *to)
{
	fprintf(to, "usage: cairn %s [options]%s%s\n\n%s\n\n", v->name, *v->operands ? " " : "",
		v->operands, v->line);
	for (const struct option_row *o = v->options; o->name; o++) {
		char left[64];
		char letter[4] = {'-', o->letter, ',', '\0'};
		snprintf(left, sizeof(left), "%3s --%s%s%s", o->is_short ? letter : "", o->name,
			 o->value ? " " : "", o->value ? o->value : "");
		fprintf(to, "  %-24s %s\n", left, o->help);
	}
	fprintf(to, "  %-24s %s\n", "-h, --help", "show this");
}

static int args_unknown(const struct args *a, const char *word)
{
	struct nearest n;
	char with_dashes[80];

	nearest_init(&n, word + strspn(word, "-"));
	for (const struct option_row *o = a->verb->options; o->name; o++)
		nearest_try(&n, o->name);
	nearest_try(&n, "help");
	snprintf(with_dashes, sizeof(with_dashes), "; did you mean `--%s`?", n.best ? n.best : "");
	say(a->verb, "unknown option `%s`%s", word, n.best ? with_dashes : "");
	fprintf(stderr, "Try `cairn %s --help`.\n", a->verb->name);
	return ARGS_WRONG;
}

static int args_take_value(struct args *a, const struct option_row *o, const char *attached)
{
	a->value = attached;
	if (!o->value)
		return o->letter;
	if (!attached) {
		if (a->i >= a->argc) {
			say(a->verb, "option --%s needs a value: %s", o->name, o->value);
			return ARGS_WRONG;
		}
		a->value = a->argv[a->i++];
	}
	return o->letter;
}

static int args_long(struct args *a, const char *word)
{
	const char *name = word + 2;
	size_t n = strcspn(name, "=");

	if (n == 4 && strncmp(name, "help", 4) == 0) {
		verb_help(a->verb, stdout);
		return ARGS_HELP;
	}
	for (const struct option_row *o = a->verb->options; o->name; o++) {
		if (strlen(o->name) != n || strncmp(o->name, name, n))
			continue;
		if (!o->value && name[n]) {
			say(a->verb, "option --%s takes no value", o->name);
			return ARGS_WRONG;
		}
		return args_take_value(a, o, name[n] ? name + n + 1 : NULL);
	}
	char shown[64];
	snprintf(shown, sizeof(shown), "%.*s", (int)(n + 2 < 60 ? n + 2 : 60), word);
	return args_unknown(a, shown);
}

static int args_short(struct args *a)
{
	char letter = *a->bundle++;
	char shown[3] = {'-', letter, '\0'};

	if (letter == 'h') {
		verb_help(a->verb, stdout);
		return ARGS_HELP;
	}
	for (const struct option_row *o = a->verb->options; o->name; o++) {
		if (o->letter != letter || !o->is_short)
			continue;
		const char *attached = o->value && *a->bundle ? a->bundle : NULL;
		if (attached)
			a->bundle = NULL;
		return args_take_value(a, o, attached);
	}
	return args_unknown(a, shown);
}

int args_next(struct args *a)
{
	if (a->bundle && *a->bundle)
		return args_short(a);
	a->bundle = NULL;
	if (a->i >= a->argc)
		return ARGS_END;
	char *word = a->argv[a->i++];
	if (!a->operands_only && word[0] == '-' && word[1]) {
		if (strcmp(word, "--") == 0) {
			a->operands_only = a->had_separator = true;
			return args_next(a);
		}
		if (word[1] == '-')
			return args_long(a, word);
		a->bundle = word + 1;
		return args_short(a);
	}
	a->value = word;
	a->operands_only |= a->stop_at_operand;
	return ARGS_OPERAND;
}

bool args_take_file(struct args *a, const char **file)
{
	if (*file) {
		say(a->verb, "one FILE at a time; `%s` is the second", a->value);
		return false;
	}
	*file = a->value;
	return true;
}

static bool args_which_file(const struct args *a)
{
	say(a->verb, "which FILE?");
	fprintf(stderr, "Try `cairn %s --help`.\n", a->verb->name);
	return false;
}

bool args_need_file(const struct args *a, const char *file)
{
	return file || args_which_file(a);
}

bool args_add_file(struct args *a, struct files *files)
{
	const char **p = realloc(files->names, (files->n + 1) * sizeof(*p));

	if (!p) {
		say(a->verb, "out of memory");
		return false;
	}
	files->names = p;
	p[files->n++] = a->value;
	return true;
}

bool args_need_files(const struct args *a, const struct files *files)
{
	return files->n || args_which_file(a);
}

static int args_take(const struct verb *v, int argc, char **argv, struct files *files,
		     struct input *in, uint64_t *set)
{
	struct args a;
	int o;

	*set = 0;
	args_init(&a, v, argc, argv);
	while ((o = args_next(&a)) != ARGS_END) {
		if (o == ARGS_HELP)
			return EXIT_FINE;
		if (o == ARGS_WRONG || (files && o == ARGS_OPERAND && !args_add_file(&a, files)))
			return EXIT_USAGE;
		if (!files && o == ARGS_OPERAND) {
			say(v, "takes no operand; CAIRN_DIR names the directory");
			return EXIT_USAGE;
		}
		if (o != ARGS_OPERAND && !(in && input_option(in, o, a.value)))
			*set |= args_switch((char)o);
	}
	return !files || args_need_files(&a, files) ? -1 : EXIT_USAGE;
}

int args_switches(const struct verb *v, int argc, char **argv, uint64_t *set)
{
	return args_take(v, argc, argv, NULL, NULL, set);
}

int args_input(const struct verb *v, int argc, char **argv, struct files *files, struct input *in)
{
	return args_take(v, argc, argv, files, in, &in->set);
}

bool args_number(const struct args *a, const char *what, uint64_t max, uint64_t *out)
{
	char *end;

	*out = strtoull(a->value, &end, 10);
	if (*a->value >= '0' && *a->value <= '9' && *end == '\0' && *out <= max)
		return true;
	say(a->verb, "`%s` is no %s (0 to %llu)", a->value, what, (unsigned long long)max);
	return false;
}

bool args_seconds(const struct args *a, const char *what, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"m", 60e9}};
	char *end;
	double v = strtod(a->value, &end);

	for (size_t i = 0; end != a->value && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].name) == 0 && v >= 0 && v * units[i].ns < 9e18) {
			*ns = (uint64_t)(v * units[i].ns);
			return true;
		}
	say(a->verb, "`%s` is no %s: seconds, or with ms, us, ns, m", a->value, what);
	return false;
}

bool args_bytes(const struct args *a, const char *what, uint64_t least, uint64_t *out)
{
	static const char units[] = "KMGT";
	char *end;
	uint64_t n = strtoull(a->value, &end, 10), most = (uint64_t)1 << 60;
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

	if (*a->value >= '0' && *a->value <= '9' && end[unit ? 1 : 0] == '\0' &&
	    n <= most >> shift && n << shift >= least) {
		*out = n << shift;
		return true;
	}
	say(a->verb, "`%s` is no %s: bytes, or with K, M, G, T; %llu to %llu", a->value, what,
	    (unsigned long long)least, (unsigned long long)most);
	return false;
}

#define NEAREST_WORD_MAX 64

void nearest_init(struct nearest *n, const char *word)
{
	n->word = word;
	n->best = NULL;
	size_t len = strlen(word);
	n->distance = len < 3 ? 2 : len < 6 ? 3 : (unsigned)len / 2;
}

/* Edits from one word to the other: insert, delete, replace, swap of neighbours. */
static unsigned nearest_distance(const char *a, const char *b)
{
	unsigned row[3][NEAREST_WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > NEAREST_WORD_MAX || m > NEAREST_WORD_MAX)
		return UINT32_MAX;
	for (size_t k = 0; k <= m; k++)
		row[0][k] = (unsigned)k;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t k = 1; k <= m; k++) {
			unsigned d = up[k - 1] + (a[i - 1] != b[k - 1]);
			d = up[k] + 1 < d ? up[k] + 1 : d;
			d = now[k - 1] + 1 < d ? now[k - 1] + 1 : d;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				d = up2[k - 2] + 1 < d ? up2[k - 2] + 1 : d;
			now[k] = d;
		}
	}
	return row[n % 3][m];
}

void nearest_try(struct nearest *n, const char *candidate)
{
	unsigned d = nearest_distance(n->word, candidate);
	bool begins = n->word[0] && strncmp(n->word, candidate, strlen(n->word)) == 0;

	if (begins)
		d = 0;
	if (d < n->distance) {
		n->distance = d;
		n->best = candidate;
	}
}

/* `*` any run, `?` any one, `[a-z]` `[!a]` a set. Linear in space, quadratic in time at worst. */
static bool glob_set(const char **glob, char c)
{
	const char *g = *glob + 1;
	bool invert = *g == '!' || *g == '^', in = false;

	g += invert;
	for (bool first = true; *g && (first || *g != ']'); first = false) {
		char low = *g++, high = low;
		if (*g == '-' && g[1] && g[1] != ']') {
			high = g[1];
			g += 2;
		}
		in |= c >= low && c <= high;
	}
	*glob = *g ? g + 1 : g;
	return in != invert;
}

bool glob_matches(const char *glob, const char *text)
{
	const char *star = NULL, *back = NULL;

	while (*text) {
		const char *g = glob;
		if (*g == '*') {
			star = ++glob;
			back = text;
			continue;
		}
		bool hit;
		if (*g == '[')
			hit = glob_set(&g, *text);
		else
			hit = *g && (*g == '?' || *g == *text), g += *g != '\0';
		if (hit) {
			glob = g;
			text++;
		} else if (star) {
			glob = star;
			text = ++back;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

bool glob_matches_event(const char *glob, const struct cairn_schema_event *e)
{
	return glob_matches(glob, e->full) || glob_matches(glob, e->name);
}
