/* SPDX-License-Identifier: MIT */
/* Expressions of print formats: a recursive-descent parser of bounded depth and the evaluator. */
#define _GNU_SOURCE
#include "expr.h"

#include <stdlib.h>
#include <string.h>

#define EXPR_NODES_MAX 2048u
#define EXPR_TABLE_MAX 4096u

struct expr_parser {
	struct expr_program *program;
	const struct cairn_schema_event *event;
	const char *at;
	const char *why;
	int depth;
};

static int expr_unary(struct expr_parser *x);
static int expr_conditional(struct expr_parser *x);

static int expr_fail(struct expr_parser *x, const char *why)
{
	if (!x->why)
		x->why = why;
	return -1;
}

void cairn_expr_skip_blanks(const char **at)
{
	while (**at == ' ' || **at == '\t')
		(*at)++;
}

static bool expr_accept(struct expr_parser *x, const char *token)
{
	cairn_expr_skip_blanks(&x->at);
	if (strncmp(x->at, token, strlen(token)))
		return false;
	x->at += strlen(token);
	return true;
}

static bool expr_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Identifier at the current place; false if none. */
static bool expr_word(struct expr_parser *x, char *word, size_t size)
{
	size_t n = 0;

	cairn_expr_skip_blanks(&x->at);
	if (*x->at >= '0' && *x->at <= '9')
		return false;
	while (expr_is_word(x->at[n]))
		n++;
	if (n == 0 || n >= size)
		return false;
	memcpy(word, x->at, n);
	word[n] = '\0';
	x->at += n;
	return true;
}

static int expr_add(struct expr_parser *x, const struct expr_node *node)
{
	struct expr_program *p = x->program;

	if (p->nr_nodes >= EXPR_NODES_MAX)
		return expr_fail(x, "the print format has too many parts");
	if ((p->nr_nodes & (p->nr_nodes - 1)) == 0) {
		uint32_t room = p->nr_nodes ? p->nr_nodes * 2 : 1;
		struct expr_node *n = realloc(p->nodes, room * sizeof(*n));
		if (!n)
			return expr_fail(x, "out of memory");
		p->nodes = n;
	}
	p->nodes[p->nr_nodes] = *node;
	return (int)p->nr_nodes++;
}

/* Node above a, b, c (-1 = none): its depth and whether all of them are constant. */
static int expr_add_above(struct expr_parser *x, struct expr_node *node, int a, int b, int c)
{
	int below[3] = {a, b, c};
	uint16_t *out[3] = {&node->a, &node->b, &node->c};

	node->constant = node->kind != EXPR_INDEX;
	for (int i = 0; i < 3; i++) {
		if (below[i] < 0)
			continue;
		const struct expr_node *n = &x->program->nodes[below[i]];
		*out[i] = (uint16_t)below[i];
		node->constant &= n->constant;
		if (n->depth >= node->depth)
			node->depth = (uint8_t)(n->depth + 1);
	}
	if (node->depth > EXPR_DEPTH_MAX)
		return expr_fail(x, "the print format nests too deep");
	return expr_add(x, node);
}

static struct expr_node *expr_node(struct expr_parser *x, int i)
{
	return &x->program->nodes[i];
}

static bool expr_is_number(struct expr_parser *x, int i)
{
	return expr_node(x, i)->type == EXPR_NUMBER;
}

/* One character of a literal, escapes resolved. */
static bool expr_char(const char **at, char *out)
{
	static const char from[] = "ntrabfve0", to[] = "\n\t\r\a\b\f\v\033";
	const char *s = *at;

	if (*s == '\0')
		return false;
	if (*s != '\\') {
		*out = *s;
		*at = s + 1;
		return true;
	}
	s++;
	if (*s >= '0' && *s <= '7') {
		unsigned v = 0;
		for (int i = 0; i < 3 && *s >= '0' && *s <= '7'; i++)
			v = v * 8 + (unsigned)(*s++ - '0');
		*out = (char)v;
	} else if (*s == 'x') {
		unsigned v = 0;
		int i = 0;
		for (s++; i < 2 && strchr("0123456789abcdefABCDEF", *s) && *s; i++, s++)
			v = v * 16 + (unsigned)(*s <= '9' ? *s - '0' : (*s | 0x20) - 'a' + 10);
		if (i == 0)
			return false;
		*out = (char)v;
	} else if (*s && strchr(from, *s)) {
		*out = to[strchr(from, *s) - from];
		s++;
	} else if (*s) {
		*out = *s++;
	} else {
		return false;
	}
	*at = s;
	return true;
}

/*
 * Literals that follow each other, into `out` if that is not NULL. Returns the place behind them, or
 * NULL. Two passes: the text goes on for long behind most literals, memory is for the literal only.
 */
static const char *expr_literals(const char *s, char *out, size_t *n)
{
	const char *behind = NULL;

	*n = 0;
	cairn_expr_skip_blanks(&s);
	while (*s == '"') {
		s++;
		while (*s != '"') {
			char c;
			if (!expr_char(&s, &c))
				return NULL;
			if (out)
				out[*n] = c;
			++*n;
		}
		behind = ++s;
		cairn_expr_skip_blanks(&s);
	}
	return behind;
}

char *cairn_expr_parse_string(const char **at, size_t *n)
{
	size_t bytes;

	if (!expr_literals(*at, NULL, &bytes))
		return NULL;
	char *out = malloc(bytes + 1);
	if (!out)
		return NULL;
	*at = expr_literals(*at, out, &bytes);
	out[bytes] = '\0';
	*n = bytes;
	return out;
}

static int expr_number(struct expr_parser *x)
{
	struct expr_node node = {.kind = EXPR_INT,
				 .type = EXPR_NUMBER,
				 .bytes = 4,
				 .is_signed = true,
				 .constant = true};
	char *end;

	if (*x->at == '\'') {
		char c;
		x->at++;
		if (!expr_char(&x->at, &c) || *x->at != '\'')
			return expr_fail(x, "a character of the print format is not closed");
		x->at++;
		node.value = (uint64_t)(int64_t)(signed char)c;
		return expr_add(x, &node);
	}
	bool decimal = x->at[0] != '0';
	node.value = strtoull(x->at, &end, 0);
	if (end == x->at)
		return expr_fail(x, "the print format has something that is no expression");
	for (x->at = end; *x->at && strchr("uUlL", *x->at); x->at++) {
		if ((*x->at | 0x20) == 'u')
			node.is_signed = false;
		else
			node.bytes = 8;
	}
	if (node.value > UINT32_MAX || (node.value > INT32_MAX && node.is_signed && decimal))
		node.bytes = 8;
	if (node.value > (node.bytes == 8 ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX))
		node.is_signed = false;
	return expr_add(x, &node);
}

struct expr_ctype {
	uint8_t bytes;
	bool is_signed;
	bool pointer;
	bool known;
};

/* Typedef names by size; others are taken as they come, without conversion. */
static bool expr_typedef(const char *w, struct expr_ctype *t)
{
	static const struct {
		const char *name;
		uint8_t bytes;
		bool is_signed;
	} types[] = {
		{"u8", 1, false},       {"u16", 2, false},      {"u32", 4, false},
		{"u64", 8, false},      {"s8", 1, true},        {"s16", 2, true},
		{"s32", 4, true},       {"s64", 8, true},       {"__u8", 1, false},
		{"__u16", 2, false},    {"__u32", 4, false},    {"__u64", 8, false},
		{"__s8", 1, true},      {"__s16", 2, true},     {"__s32", 4, true},
		{"__s64", 8, true},     {"uint8_t", 1, false},  {"uint16_t", 2, false},
		{"uint32_t", 4, false}, {"uint64_t", 8, false}, {"int8_t", 1, true},
		{"int16_t", 2, true},   {"int32_t", 4, true},   {"int64_t", 8, true},
		{"size_t", 8, false},   {"ssize_t", 8, true},   {"uintptr_t", 8, false},
		{"intptr_t", 8, true},  {"bool", 1, false},     {"_Bool", 1, false},
		{"pid_t", 4, true},     {"uid_t", 4, false},    {"gid_t", 4, false},
		{"gfp_t", 4, false},    {"dev_t", 4, false},    {"umode_t", 2, false},
		{"loff_t", 8, true},    {"off_t", 8, true},     {"sector_t", 8, false},
		{"ino_t", 8, false},    {"ktime_t", 8, true},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(w, types[i].name))
			continue;
		t->bytes = types[i].bytes;
		t->is_signed = types[i].is_signed;
		t->known = true;
		return true;
	}
	return false;
}

/*
 * Type name up to the closing parenthesis, which is consumed. False, and nothing consumed, if it is
 * no type.
 */
static bool expr_type_name(struct expr_parser *x, struct expr_ctype *t)
{
	const char *start = x->at;
	int longs = 0;
	bool base = false, is_unsigned = false, any = false;
	char w[64];

	*t = (struct expr_ctype){.bytes = 4, .is_signed = true};
	while (expr_word(x, w, sizeof(w))) {
		any = true;
		if (strcmp(w, "REC") == 0 || strncmp(w, "__get_", 6) == 0 ||
		    strncmp(w, "__print_", 8) == 0 || strcmp(w, "sizeof") == 0)
			goto no;
		if (strcmp(w, "const") == 0 || strcmp(w, "volatile") == 0 ||
		    strcmp(w, "__user") == 0)
			continue;
		if (strcmp(w, "unsigned") == 0) {
			is_unsigned = base = t->known = true;
		} else if (strcmp(w, "signed") == 0 || strcmp(w, "int") == 0) {
			base = t->known = true;
		} else if (strcmp(w, "long") == 0) {
			longs++;
			base = t->known = true;
		} else if (strcmp(w, "short") == 0 || strcmp(w, "char") == 0 ||
			   strcmp(w, "void") == 0) {
			t->bytes = w[0] == 's' ? 2 : 1;
			base = t->known = true;
		} else if (strcmp(w, "enum") == 0 || strcmp(w, "struct") == 0 ||
			   strcmp(w, "union") == 0) {
			t->known = w[0] == 'e';
			base = true;
			if (!expr_word(x, w, sizeof(w)))
				goto no;
		} else if (base) {
			goto no;
		} else {
			expr_typedef(w, t);
		}
		base = true;
	}
	if (longs)
		t->bytes = 8;
	if (is_unsigned)
		t->is_signed = false;
	while (expr_accept(x, "*"))
		t->pointer = true;
	if (any && expr_accept(x, ")"))
		return true;
no:
	x->at = start;
	return false;
}

static const struct cairn_schema_field *expr_field_name(struct expr_parser *x)
{
	char w[128];

	if (!expr_word(x, w, sizeof(w)))
		return NULL;
	return cairn_schema_event_field(x->event, w);
}

static int expr_field_node(struct expr_parser *x, const struct cairn_schema_field *f,
			   enum expr_kind kind)
{
	struct expr_node node = {.kind = (uint8_t)kind, .field = f, .bytes = 8};

	if (!f)
		return expr_fail(x, "the print format names a field that the event has not");
	if (kind == EXPR_BYTES) {
		node.type = EXPR_MEMORY;
		node.bytes = 1;
		if (f->element == 2 || f->element == 4 || f->element == 8)
			node.bytes = (uint8_t)f->element;
		node.is_signed = f->is_signed;
	} else if (kind == EXPR_FIELD) {
		node.type = EXPR_NUMBER;
		node.bytes = f->size > 4 ? 8 : 4;
		node.is_signed = f->size < 4 || f->is_signed;
	} else {
		node.type = EXPR_NUMBER;
		node.bytes = 4;
		node.is_signed = true;
	}
	return expr_add(x, &node);
}

static int expr_reference(struct expr_parser *x, bool address)
{
	if (!expr_accept(x, "->"))
		return expr_fail(x, "the print format uses the record as a whole");
	const struct cairn_schema_field *f = expr_field_name(x);
	bool memory = f && (address || f->kind != CAIRN_SCHEMA_INT || f->size > 8 ||
			    (f->size & (f->size - 1)));
	return expr_field_node(x, f, memory ? EXPR_BYTES : EXPR_FIELD);
}

/* { value, "name" }, ... up to the closing parenthesis. */
static bool expr_table(struct expr_parser *x, struct expr_node *node)
{
	while (expr_accept(x, ",")) {
		struct expr_symbol s;
		struct expr_value v;
		size_t n;
		if (!expr_accept(x, "{"))
			return false;
		int value = expr_conditional(x);
		if (value < 0 || !expr_node(x, value)->constant || !expr_is_number(x, value) ||
		    !expr_accept(x, ","))
			return false;
		cairn_expr_eval(x->program, (uint32_t)value, NULL, &v);
		s.value = v.number;
		s.name = cairn_expr_parse_string(&x->at, &n);
		if (!s.name)
			return false;
		struct expr_symbol *t =
			node->nr_table < EXPR_TABLE_MAX
				? realloc(node->table, (node->nr_table + 1) * sizeof(*t))
				: NULL;
		if (!t) {
			free(s.name);
			return false;
		}
		node->table = t;
		node->table[node->nr_table++] = s;
		if (!expr_accept(x, "}"))
			return false;
	}
	return expr_accept(x, ")");
}

static int expr_table_call(struct expr_parser *x, enum expr_kind kind)
{
	struct expr_node node = {.kind = (uint8_t)kind, .type = EXPR_TEXT};
	size_t n;
	int a = expr_conditional(x);

	if (a < 0 || !expr_is_number(x, a))
		return expr_fail(x, "a table of the print format has no number to look up");
	bool ok = true;
	if (kind == EXPR_FLAGS)
		ok = expr_accept(x, ",") &&
		     (node.text = cairn_expr_parse_string(&x->at, &n)) != NULL;
	int i = ok && expr_table(x, &node) ? expr_add_above(x, &node, a, -1, -1)
					   : expr_fail(x, "a table of the print format is wrong");
	if (i >= 0) {
		expr_node(x, i)->constant = false;
		return i;
	}
	for (uint32_t k = 0; k < node.nr_table; k++)
		free(node.table[k].name);
	free(node.table);
	free(node.text);
	return -1;
}

/* Arguments a, b and, if wanted, c, then the closing parenthesis. */
static int expr_memory_call(struct expr_parser *x, enum expr_kind kind, int nr, uint64_t value)
{
	struct expr_node node = {.kind = (uint8_t)kind, .type = EXPR_TEXT, .value = value};
	int arg[3] = {-1, -1, -1};

	for (int i = 0; i < nr; i++) {
		if (i && !expr_accept(x, ","))
			return expr_fail(x, "a call in the print format has too few arguments");
		arg[i] = expr_conditional(x);
		if (arg[i] < 0)
			return -1;
		if (i && !expr_is_number(x, arg[i]))
			return expr_fail(
				x, "a call in the print format has an argument that is no number");
	}
	if (!expr_accept(x, ")"))
		return expr_fail(x, "a call in the print format is not closed");
	return expr_add_above(x, &node, arg[0], arg[1], arg[2]);
}

static int expr_binary_node(struct expr_parser *x, const char *op, int a, int b);

static int expr_time_call(struct expr_parser *x, const char *op)
{
	struct expr_node cast = {.kind = EXPR_CAST, .type = EXPR_NUMBER, .bytes = 8};
	struct expr_node giga = {.kind = EXPR_INT,
				 .type = EXPR_NUMBER,
				 .bytes = 8,
				 .value = 1000000000,
				 .constant = true};
	int a = expr_conditional(x);

	if (a < 0 || !expr_is_number(x, a) || !expr_accept(x, ")"))
		return expr_fail(x, "a call in the print format is wrong");
	a = expr_add_above(x, &cast, a, -1, -1);
	int b = a < 0 ? -1 : expr_add(x, &giga);
	return b < 0 ? -1 : expr_binary_node(x, op, a, b);
}

static int expr_call(struct expr_parser *x, const char *name)
{
	static const struct {
		const char *name;
		enum expr_kind kind;
	} field_calls[] = {
		{"__get_str", EXPR_BYTES},
		{"__get_rel_str", EXPR_BYTES},
		{"__get_dynamic_array", EXPR_BYTES},
		{"__get_rel_dynamic_array", EXPR_BYTES},
		{"__get_dynamic_array_len", EXPR_LENGTH},
		{"__get_rel_dynamic_array_len", EXPR_LENGTH},
	};

	if (!expr_accept(x, "("))
		return expr_fail(x, "the print format has a name that is not known");
	for (size_t i = 0; i < sizeof(field_calls) / sizeof(field_calls[0]); i++) {
		if (strcmp(name, field_calls[i].name))
			continue;
		int n = expr_field_node(x, expr_field_name(x), field_calls[i].kind);
		if (n >= 0 && !expr_accept(x, ")"))
			return expr_fail(x, "a call in the print format is not closed");
		return n;
	}
	if (strcmp(name, "__print_flags") == 0 || strcmp(name, "__print_flags_u64") == 0)
		return expr_table_call(x, EXPR_FLAGS);
	if (strcmp(name, "__print_symbolic") == 0 || strcmp(name, "__print_symbolic_u64") == 0)
		return expr_table_call(x, EXPR_SYMBOLIC);
	if (strcmp(name, "__print_hex") == 0)
		return expr_memory_call(x, EXPR_HEX, 2, ' ');
	if (strcmp(name, "__print_hex_str") == 0)
		return expr_memory_call(x, EXPR_HEX, 2, 0);
	if (strcmp(name, "__print_array") == 0)
		return expr_memory_call(x, EXPR_ARRAY, 3, 0);
	if (strcmp(name, "__print_ns_to_secs") == 0)
		return expr_time_call(x, "/");
	if (strcmp(name, "__print_ns_without_secs") == 0)
		return expr_time_call(x, "%");
	return expr_fail(x, "the print format calls a function that is not known");
}

static int expr_sizeof(struct expr_parser *x)
{
	struct expr_node node = {
		.kind = EXPR_INT, .type = EXPR_NUMBER, .bytes = 8, .constant = true};
	struct expr_ctype t;

	if (!expr_accept(x, "("))
		return expr_fail(x, "sizeof of something that is no type");
	if (expr_type_name(x, &t)) {
		if (!t.known && !t.pointer)
			return expr_fail(x, "sizeof of an unknown type");
		node.value = t.pointer ? 8 : t.bytes;
		return expr_add(x, &node);
	}
	char w[64];
	if (!expr_word(x, w, sizeof(w)) || strcmp(w, "REC") || !expr_accept(x, "->"))
		return expr_fail(x, "sizeof of something that is no type");
	const struct cairn_schema_field *f = expr_field_name(x);
	if (!f || !expr_accept(x, ")"))
		return expr_fail(x, "sizeof of something that is no field");
	node.value = f->size;
	return expr_add(x, &node);
}

static int expr_string(struct expr_parser *x)
{
	struct expr_node node = {.kind = EXPR_STRING, .type = EXPR_TEXT, .constant = true};
	size_t n;

	node.text = cairn_expr_parse_string(&x->at, &n);
	if (!node.text)
		return expr_fail(x, "a string of the print format is not closed");
	node.value = n;
	int i = expr_add(x, &node);
	if (i < 0)
		free(node.text);
	return i;
}

static int expr_primary(struct expr_parser *x)
{
	char w[64];

	cairn_expr_skip_blanks(&x->at);
	if (*x->at == '"')
		return expr_string(x);
	if (expr_accept(x, "(")) {
		int n = expr_conditional(x);
		if (n >= 0 && !expr_accept(x, ")"))
			return expr_fail(x, "a parenthesis of the print format is not closed");
		return n;
	}
	if (!expr_word(x, w, sizeof(w)))
		return expr_number(x);
	if (strcmp(w, "REC") == 0)
		return expr_reference(x, false);
	if (strcmp(w, "sizeof") == 0)
		return expr_sizeof(x);
	if (strcmp(w, "true") == 0 || strcmp(w, "false") == 0 || strcmp(w, "NULL") == 0) {
		struct expr_node node = {.kind = EXPR_INT,
					 .type = EXPR_NUMBER,
					 .bytes = 4,
					 .is_signed = true,
					 .constant = true};
		node.value = w[0] == 't';
		return expr_add(x, &node);
	}
	return expr_call(x, w);
}

static int expr_postfix(struct expr_parser *x)
{
	int a = expr_primary(x);

	while (a >= 0 && expr_accept(x, "[")) {
		struct expr_node node = {.kind = EXPR_INDEX, .type = EXPR_NUMBER};
		int b = expr_conditional(x);
		if (b < 0)
			return -1;
		if (expr_node(x, a)->type != EXPR_MEMORY || !expr_is_number(x, b) ||
		    !expr_accept(x, "]"))
			return expr_fail(x, "the print format indexes something that is no array");
		uint8_t element = expr_node(x, a)->bytes;
		node.value = element;
		node.bytes = element > 4 ? 8 : 4;
		node.is_signed = element < 4 || expr_node(x, a)->is_signed;
		a = expr_add_above(x, &node, a, b, -1);
	}
	return a;
}

static int expr_cast(struct expr_parser *x, const struct expr_ctype *t)
{
	int a = expr_unary(x);

	if (a < 0 || (!t->known && !t->pointer))
		return a;
	if (expr_node(x, a)->type == EXPR_MEMORY) {
		/* to a pointer: the same bytes seen as other elements */
		struct expr_node view = *expr_node(x, a);
		if (!t->pointer)
			return expr_fail(x, "the print format uses an array as a number");
		if (view.kind != EXPR_BYTES)
			return a;
		view.bytes = t->bytes;
		view.is_signed = t->is_signed;
		return expr_add(x, &view);
	}
	if (expr_node(x, a)->type != EXPR_NUMBER)
		return a; /* (char *)"text" */
	struct expr_node node = {.kind = EXPR_CAST, .type = EXPR_NUMBER};
	node.value = t->pointer ? 8 : t->bytes; /* width to cut to */
	node.op = t->is_signed && !t->pointer;  /* and its sign */
	node.bytes = node.value > 4 ? 8 : 4;
	node.is_signed = node.value < 4 || node.op;
	return expr_add_above(x, &node, a, -1, -1);
}

static int expr_unary_op(struct expr_parser *x, enum expr_kind kind)
{
	struct expr_node node = {.kind = (uint8_t)kind, .type = EXPR_NUMBER};
	int a = expr_unary(x);

	if (a < 0)
		return -1;
	if (!expr_is_number(x, a))
		return expr_fail(x, "the print format calculates with something that is no number");
	node.bytes = kind == EXPR_NOT ? 4 : expr_node(x, a)->bytes;
	node.is_signed = kind == EXPR_NOT || expr_node(x, a)->is_signed;
	return expr_add_above(x, &node, a, -1, -1);
}

static int expr_unary_body(struct expr_parser *x)
{
	struct expr_ctype t;
	char w[8];

	cairn_expr_skip_blanks(&x->at);
	if (*x->at == '(') {
		const char *start = x->at++;
		if (expr_type_name(x, &t))
			return expr_cast(x, &t);
		x->at = start;
		return expr_postfix(x);
	}
	if (expr_accept(x, "-"))
		return expr_unary_op(x, EXPR_NEGATE);
	if (expr_accept(x, "~"))
		return expr_unary_op(x, EXPR_INVERT);
	if (expr_accept(x, "!"))
		return expr_unary_op(x, EXPR_NOT);
	if (expr_accept(x, "+"))
		return expr_unary(x);
	if (expr_accept(x, "&")) {
		bool closed = expr_accept(x, "(");
		if (!expr_word(x, w, sizeof(w)) || strcmp(w, "REC"))
			return expr_fail(
				x,
				"the print format takes the address of something that is no field");
		int a = expr_reference(x, true);
		if (a >= 0 && closed && !expr_accept(x, ")"))
			return expr_fail(x, "a parenthesis of the print format is not closed");
		return a;
	}
	return expr_postfix(x);
}

static int expr_unary(struct expr_parser *x)
{
	if (++x->depth > EXPR_DEPTH_MAX)
		return expr_fail(x, "the print format nests too deep");
	int a = expr_unary_body(x);
	x->depth--;
	return a;
}

/* Binary operators, longest first within a first character, with C's precedence. */
static const struct {
	const char *op;
	int level;
} expr_operators[] = {
	{"||", 1}, {"&&", 2}, {"|", 3},  {"^", 4},  {"&", 5},  {"==", 6},
	{"!=", 6}, {"<<", 8}, {">>", 8}, {"<=", 7}, {">=", 7}, {"<", 7},
	{">", 7},  {"+", 9},  {"-", 9},  {"*", 10}, {"/", 10}, {"%", 10},
};

static uint16_t expr_op(const char *op)
{
	return (uint16_t)((uint8_t)op[0] | (uint8_t)op[1] << 8);
}

static int expr_binary_node(struct expr_parser *x, const char *op, int a, int b)
{
	struct expr_node node = {.kind = EXPR_BINARY, .type = EXPR_NUMBER, .op = expr_op(op)};
	const struct expr_node *l = expr_node(x, a), *r = expr_node(x, b);

	if (l->type != EXPR_NUMBER || r->type != EXPR_NUMBER)
		return expr_fail(x, "the print format calculates with something that is no number");
	if (strchr("<>=!&|", op[0]) && (op[1] || op[0] == '<' || op[0] == '>') &&
	    strcmp(op, "<<") && strcmp(op, ">>")) {
		node.bytes =
			4; /* the result of a comparison is an int; value holds the type it is made in */
		node.is_signed = true;
	} else if (op[0] == '<' || op[0] == '>') {
		node.bytes = l->bytes; /* a shift has the type of its left side */
		node.is_signed = l->is_signed;
	} else {
		node.bytes = l->bytes > r->bytes ? l->bytes : r->bytes;
		node.is_signed = (l->bytes == node.bytes ? l->is_signed : true) &&
				 (r->bytes == node.bytes ? r->is_signed : true);
	}
	return expr_add_above(x, &node, a, b, -1);
}

static int expr_binary(struct expr_parser *x, int least)
{
	int a = expr_unary(x);

	while (a >= 0) {
		size_t i = 0;
		cairn_expr_skip_blanks(&x->at);
		while (i < sizeof(expr_operators) / sizeof(expr_operators[0]) &&
		       strncmp(x->at, expr_operators[i].op, strlen(expr_operators[i].op)))
			i++;
		if (i == sizeof(expr_operators) / sizeof(expr_operators[0]) ||
		    expr_operators[i].level < least)
			break;
		x->at += strlen(expr_operators[i].op);
		if (++x->depth > EXPR_DEPTH_MAX)
			return expr_fail(x, "the print format nests too deep");
		int b = expr_binary(x, expr_operators[i].level + 1);
		x->depth--;
		a = b < 0 ? -1 : expr_binary_node(x, expr_operators[i].op, a, b);
	}
	return a;
}

static int expr_conditional_body(struct expr_parser *x)
{
	struct expr_node node = {.kind = EXPR_CHOOSE};
	int a = expr_binary(x, 1);

	if (a < 0 || !expr_accept(x, "?"))
		return a;
	int b = expr_conditional(x);
	if (b < 0 || !expr_accept(x, ":"))
		return expr_fail(x, "a choice of the print format lacks its second half");
	int c = expr_conditional(x);
	if (c < 0)
		return -1;
	const struct expr_node *l = expr_node(x, b), *r = expr_node(x, c);
	if (!expr_is_number(x, a) || (l->type == EXPR_NUMBER) != (r->type == EXPR_NUMBER))
		return expr_fail(x, "a choice of the print format mixes numbers and text");
	node.type = l->type == EXPR_NUMBER ? EXPR_NUMBER : l->type == r->type ? l->type : EXPR_TEXT;
	node.bytes = l->bytes > r->bytes ? l->bytes : r->bytes;
	node.is_signed = (l->bytes == node.bytes ? l->is_signed : true) &&
			 (r->bytes == node.bytes ? r->is_signed : true);
	return expr_add_above(x, &node, a, b, c);
}

static int expr_conditional(struct expr_parser *x)
{
	if (++x->depth > EXPR_DEPTH_MAX)
		return expr_fail(x, "the print format nests too deep");
	int a = expr_conditional_body(x);
	x->depth--;
	return a;
}

int cairn_expr_parse(struct expr_program *p, const struct cairn_schema_event *e, const char **at,
		     const char **why)
{
	struct expr_parser x = {p, e, *at, NULL, 0};
	int a = expr_conditional(&x);

	*at = x.at;
	if (a < 0)
		*why = x.why ? x.why : "the print format is wrong";
	return a;
}

void cairn_expr_free(struct expr_program *p)
{
	for (uint32_t i = 0; i < p->nr_nodes; i++) {
		struct expr_node *n = &p->nodes[i];
		for (uint32_t k = 0; k < n->nr_table; k++)
			free(n->table[k].name);
		free(n->table);
		free(n->text);
	}
	free(p->nodes);
}
