/* SPDX-License-Identifier: MIT */
/*
 * The expressions of print formats: parsed once into a bounded array of nodes, evaluated for each
 * record. C's rules for widths and signs hold, on a 64-bit target. No evaluation fails: what is
 * outside the record reads as 0 or as no bytes, and a division by zero yields 0.
 */
#ifndef CAIRN_READER_EXPR_H
#define CAIRN_READER_EXPR_H

#include "reader.h"

#define EXPR_DEPTH_MAX 100

enum expr_kind {
	EXPR_INT,      /* value */
	EXPR_STRING,   /* text */
	EXPR_FIELD,    /* field as a number */
	EXPR_BYTES,    /* field's data */
	EXPR_LENGTH,   /* bytes of the field's data */
	EXPR_INDEX,    /* a[b] */
	EXPR_NEGATE,   /* -a */
	EXPR_INVERT,   /* ~a */
	EXPR_NOT,      /* !a */
	EXPR_BINARY,   /* a op b */
	EXPR_CHOOSE,   /* a ? b : c */
	EXPR_CAST,     /* (type)a */
	EXPR_FLAGS,    /* __print_flags(a, text, table) */
	EXPR_SYMBOLIC, /* __print_symbolic(a, table) */
	EXPR_HEX,      /* __print_hex(a, b), value = with blanks */
	EXPR_ARRAY,    /* __print_array(a, b, c) */
};

/* Type of a node: a number of `bytes`, or bytes in memory, or text. */
enum expr_type { EXPR_NUMBER, EXPR_MEMORY, EXPR_TEXT };

struct expr_symbol {
	uint64_t value;
	char *name;
};

struct expr_node {
	uint8_t kind;  /* enum expr_kind */
	uint8_t type;  /* enum expr_type */
	uint8_t bytes; /* of the number: 4 or 8 after promotion; of an element in memory */
	bool is_signed;
	uint8_t depth;
	bool constant;
	uint16_t op; /* BINARY: one or two characters, first in the low byte */
	uint16_t a, b, c;
	uint64_t value;
	const struct cairn_schema_field *field;
	char *text;
	struct expr_symbol *table;
	uint32_t nr_table;
};

struct expr_program {
	struct expr_node *nodes;
	uint32_t nr_nodes;
};

/* Operators are one or two characters in one word. */
#define EXPR_OP(a, b) ((uint16_t)((a) | (b) << 8))

struct expr_value {
	enum expr_type type;
	uint64_t number;
	const uint8_t *bytes; /* MEMORY, TEXT; NULL = outside the record */
	uint32_t n;
};

struct expr_record {
	const uint8_t *payload;
	uint32_t bytes;
	struct cairn_buf
		*scratch; /* for texts that are made; each stays until the record is done */
};

/*
 * Parse one expression at *at. Returns the node's number and moves *at behind it, or -1 and *why.
 */
int cairn_expr_parse(struct expr_program *p, const struct cairn_schema_event *e, const char **at,
		     const char **why);
void cairn_expr_skip_blanks(const char **at);
/*
 * C string literals at *at, escapes resolved, neighbours joined; NULL when there is none or it is
 * wrong.
 */
char *cairn_expr_parse_string(const char **at, size_t *n);
void cairn_expr_eval(const struct expr_program *p, uint32_t node, const struct expr_record *r,
		     struct expr_value *v);
void cairn_expr_free(struct expr_program *p);

#endif
