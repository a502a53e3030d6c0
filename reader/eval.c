/* SPDX-License-Identifier: MIT */
/* Evaluation of the expressions of print formats: total, bounded by the size of the parsed text and of the record. */
#include "expr.h"

#include <string.h>

/* Cut to the width of a type. */
static uint64_t expr_cut(uint64_t v, uint32_t bytes, bool is_signed)
{
	if (bytes >= 8)
		return v;
	uint64_t mask = ((uint64_t)1 << (bytes * 8)) - 1;
	v &= mask;
	return is_signed && (v >> (bytes * 8 - 1)) ? v | ~mask : v;
}

static uint64_t expr_divide(uint64_t a, uint64_t b, bool is_signed, bool rest)
{
	if (b == 0)
		return 0;
	if (!is_signed)
		return rest ? a % b : a / b;
	if (b == UINT64_MAX) /* -1: the quotient of the smallest number does not fit */
		return rest ? 0 : 0 - a;
	return (uint64_t)(rest ? (int64_t)a % (int64_t)b : (int64_t)a / (int64_t)b);
}

static uint64_t expr_shift(const struct expr_node *n, uint64_t a, uint64_t b, bool left)
{
	unsigned bits = n->bytes * 8u;

	b &= bits - 1; /* as the processors do */
	if (left)
		return a << b;
	return n->is_signed ? (uint64_t)((int64_t)a >> b) : a >> b;
}

static uint64_t expr_arithmetic(const struct expr_program *p, const struct expr_node *n, uint64_t a,
				uint64_t b)
{
	const struct expr_node *l = &p->nodes[n->a], *r = &p->nodes[n->b];
	uint32_t bytes = l->bytes > r->bytes ? l->bytes : r->bytes;
	bool is_signed = (l->bytes == bytes ? l->is_signed : true) &&
			 (r->bytes == bytes ? r->is_signed : true);
	uint64_t x = expr_cut(a, bytes, is_signed), y = expr_cut(b, bytes, is_signed);
	bool less = is_signed ? (int64_t)x < (int64_t)y : x < y;

	switch (n->op) {
	case EXPR_OP('+', 0):
		return x + y;
	case EXPR_OP('-', 0):
		return x - y;
	case EXPR_OP('*', 0):
		return x * y;
	case EXPR_OP('/', 0):
		return expr_divide(x, y, is_signed, false);
	case EXPR_OP('%', 0):
		return expr_divide(x, y, is_signed, true);
	case EXPR_OP('<', '<'):
		return expr_shift(n, a, b, true);
	case EXPR_OP('>', '>'):
		return expr_shift(n, a, b, false);
	case EXPR_OP('&', 0):
		return x & y;
	case EXPR_OP('|', 0):
		return x | y;
	case EXPR_OP('^', 0):
		return x ^ y;
	case EXPR_OP('=', '='):
		return x == y;
	case EXPR_OP('!', '='):
		return x != y;
	case EXPR_OP('<', 0):
		return less;
	case EXPR_OP('>', 0):
		return !less && x != y;
	case EXPR_OP('<', '='):
		return less || x == y;
	case EXPR_OP('>', '='):
		return !less;
	default:
		return 0;
	}
}

static uint64_t expr_eval_number(const struct expr_program *p, uint32_t i,
				 const struct expr_record *r)
{
	struct expr_value v;

	cairn_expr_eval(p, i, r, &v);
	return v.type == EXPR_NUMBER ? v.number : 0;
}

static uint64_t expr_eval_binary(const struct expr_program *p, const struct expr_node *n,
				 const struct expr_record *r)
{
	uint64_t a = expr_eval_number(p, n->a, r);

	if (n->op == EXPR_OP('&', '&'))
		return a && expr_eval_number(p, n->b, r);
	if (n->op == EXPR_OP('|', '|'))
		return a || expr_eval_number(p, n->b, r);
	return expr_cut(expr_arithmetic(p, n, a, expr_eval_number(p, n->b, r)), n->bytes,
			n->is_signed);
}

static void expr_eval_flags(const struct expr_node *n, uint64_t v, struct cairn_buf *t)
{
	const char *between = "";

	for (uint32_t i = 0; i < n->nr_table && v; i++) {
		const struct expr_symbol *s = &n->table[i];
		if ((v & s->value) != s->value)
			continue;
		v &= ~s->value;
		cairn_buf_put(t, between, strlen(between));
		cairn_buf_put(t, s->name, strlen(s->name));
		between = n->text;
	}
	if (v) {
		cairn_buf_put(t, between, strlen(between));
		cairn_buf_printf(t, "0x%llx", (unsigned long long)v);
	}
}

static void expr_eval_symbolic(const struct expr_node *n, uint64_t v, struct cairn_buf *t)
{
	for (uint32_t i = 0; i < n->nr_table; i++) {
		if (n->table[i].value != v)
			continue;
		cairn_buf_put(t, n->table[i].name, strlen(n->table[i].name));
		return;
	}
	cairn_buf_printf(t, "0x%llx", (unsigned long long)v);
}

static void expr_eval_hex(const struct expr_program *p, const struct expr_node *n,
			  const struct expr_record *r, struct cairn_buf *t)
{
	struct expr_value m;

	cairn_expr_eval(p, n->a, r, &m);
	uint64_t count = expr_eval_number(p, n->b, r);
	if (m.type == EXPR_NUMBER)
		return;
	if (count > m.n)
		count = m.n;
	for (uint64_t i = 0; i < count; i++)
		cairn_buf_printf(t, "%s%02x", i && n->value ? " " : "", m.bytes[i]);
}

static void expr_eval_array(const struct expr_program *p, const struct expr_node *n,
			    const struct expr_record *r, struct cairn_buf *t)
{
	struct expr_value m;

	cairn_expr_eval(p, n->a, r, &m);
	uint64_t count = expr_eval_number(p, n->b, r);
	uint64_t size = expr_eval_number(p, n->c, r);
	if (m.type != EXPR_MEMORY || (size != 1 && size != 2 && size != 4 && size != 8))
		count = 0;
	else if (count > m.n / size)
		count = m.n / size;
	cairn_buf_put(t, "{", 1);
	for (uint64_t i = 0; i < count; i++)
		cairn_buf_printf(t, "%s0x%llx", i ? "," : "",
				 (unsigned long long)cairn_reader_int(m.bytes + i * size,
								      (uint32_t)size, false));
	cairn_buf_put(t, "}", 1);
}

/* A text made in the scratch. */
static void expr_eval_text(const struct expr_program *p, const struct expr_node *n,
			   const struct expr_record *r, struct expr_value *v)
{
	struct cairn_buf *t = r ? r->scratch : NULL;

	v->type = EXPR_TEXT;
	if (!t)
		return;
	size_t start = t->used;
	if (n->kind == EXPR_FLAGS)
		expr_eval_flags(n, expr_eval_number(p, n->a, r), t);
	else if (n->kind == EXPR_SYMBOLIC)
		expr_eval_symbolic(n, expr_eval_number(p, n->a, r), t);
	else if (n->kind == EXPR_HEX)
		expr_eval_hex(p, n, r, t);
	else
		expr_eval_array(p, n, r, t);
	v->bytes = (const uint8_t *)t->bytes + start;
	v->n = (uint32_t)(t->used - start);
}

static void expr_eval_field(const struct expr_node *n, const struct expr_record *r,
			    struct expr_value *v)
{
	const uint8_t *at;
	uint32_t bytes;

	if (!r || !cairn_schema_field_bytes(n->field, r->payload, r->bytes, &at, &bytes)) {
		v->type = (enum expr_type)n->type;
		return;
	}
	if (n->kind == EXPR_FIELD) {
		v->number = cairn_reader_int(at, bytes, n->field->is_signed);
	} else if (n->kind == EXPR_LENGTH) {
		v->number = bytes;
	} else {
		v->type = EXPR_MEMORY;
		v->bytes = at;
		v->n = bytes;
	}
}

static uint64_t expr_eval_index(const struct expr_program *p, const struct expr_node *n,
				const struct expr_record *r)
{
	struct expr_value m;

	cairn_expr_eval(p, n->a, r, &m);
	uint64_t i = expr_eval_number(p, n->b, r);
	if (m.type != EXPR_MEMORY || !m.bytes || n->value == 0 || i >= m.n / n->value)
		return 0;
	return cairn_reader_int(m.bytes + i * n->value, (uint32_t)n->value,
				p->nodes[n->a].is_signed);
}

void cairn_expr_eval(const struct expr_program *p, uint32_t node, const struct expr_record *r,
		     struct expr_value *v)
{
	const struct expr_node *n = &p->nodes[node];

	*v = (struct expr_value){.type = EXPR_NUMBER};
	switch ((enum expr_kind)n->kind) {
	case EXPR_INT:
		v->number = n->value;
		break;
	case EXPR_STRING:
		v->type = EXPR_TEXT;
		v->bytes = (const uint8_t *)n->text;
		v->n = (uint32_t)n->value;
		break;
	case EXPR_FIELD:
	case EXPR_BYTES:
	case EXPR_LENGTH:
		expr_eval_field(n, r, v);
		break;
	case EXPR_INDEX:
		v->number = expr_eval_index(p, n, r);
		break;
	case EXPR_NEGATE:
		v->number = expr_cut(0 - expr_eval_number(p, n->a, r), n->bytes, n->is_signed);
		break;
	case EXPR_INVERT:
		v->number = expr_cut(~expr_eval_number(p, n->a, r), n->bytes, n->is_signed);
		break;
	case EXPR_NOT:
		v->number = !expr_eval_number(p, n->a, r);
		break;
	case EXPR_BINARY:
		v->number = expr_eval_binary(p, n, r);
		break;
	case EXPR_CHOOSE:
		cairn_expr_eval(p, expr_eval_number(p, n->a, r) ? n->b : n->c, r, v);
		if (v->type == EXPR_NUMBER)
			v->number = expr_cut(v->number, n->bytes, n->is_signed);
		break;
	case EXPR_CAST:
		v->number = expr_cut(expr_eval_number(p, n->a, r),
				     n->value ? (uint32_t)n->value : 8, n->op);
		break;
	case EXPR_FLAGS:
	case EXPR_SYMBOLIC:
	case EXPR_HEX:
	case EXPR_ARRAY:
		expr_eval_text(p, n, r, v);
		break;
	}
}
