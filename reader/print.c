/* SPDX-License-Identifier: MIT */
/*
 * Text of an event: its print format compiled to steps, literal text and conversions with an
 * expression each. Formats come from the trace, so nothing of them reaches printf: conversions are
 * taken apart here and put together anew.
 */
#define _GNU_SOURCE
#include "expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINT_STEPS_MAX 512u
#define PRINT_WIDTH_MAX 1024
#define PRINT_TEXT_MAX  16384u

enum print_conv {
	PRINT_LITERAL,
	PRINT_SIGNED,
	PRINT_UNSIGNED,
	PRINT_HEX,
	PRINT_HEX_UPPER,
	PRINT_OCTAL,
	PRINT_CHAR,
	PRINT_STRING,
	PRINT_POINTER
};

/* Where a width or precision comes from. */
enum { PRINT_NONE = -1, PRINT_STAR = -2 };

struct print_step {
	enum print_conv conv;
	char *text; /* LITERAL */
	size_t n;
	bool minus, plus, blank, alternate, zero;
	int width, precision; /* a number, PRINT_NONE or PRINT_STAR */
	uint8_t bytes;        /* width of the number: 1, 2, 4, 8 */
	uint32_t arg, width_arg, precision_arg;
};

struct cairn_printer {
	struct expr_program program;
	struct print_step *steps;
	uint32_t nr_steps;
};

struct print_parser {
	struct cairn_printer *printer;
	const struct cairn_schema_event *event;
	const char *why;
};

static bool print_add(struct print_parser *x, const struct print_step *s)
{
	struct cairn_printer *p = x->printer;

	if (p->nr_steps >= PRINT_STEPS_MAX) {
		x->why = "the print format has too many parts";
		return false;
	}
	if ((p->nr_steps & (p->nr_steps - 1)) == 0) {
		uint32_t room = p->nr_steps ? p->nr_steps * 2 : 1;
		struct print_step *n = realloc(p->steps, room * sizeof(*n));
		if (!n)
			return false;
		p->steps = n;
	}
	p->steps[p->nr_steps++] = *s;
	return true;
}

static bool print_add_literal(struct print_parser *x, const char *text, size_t n)
{
	struct print_step s = {.conv = PRINT_LITERAL, .n = n};

	if (n == 0)
		return true;
	s.text = malloc(n);
	if (!s.text)
		return false;
	memcpy(s.text, text, n);
	if (print_add(x, &s))
		return true;
	free(s.text);
	return false;
}

/* A decimal number or `*`. */
static int print_amount(const char **f)
{
	int n = 0;

	if (**f == '*') {
		(*f)++;
		return PRINT_STAR;
	}
	for (; **f >= '0' && **f <= '9'; (*f)++)
		if (n < PRINT_WIDTH_MAX)
			n = n * 10 + (**f - '0');
	return n < PRINT_WIDTH_MAX ? n : PRINT_WIDTH_MAX;
}

static void print_flags(struct print_step *s, const char **f)
{
	for (;; (*f)++) {
		if (**f == '-')
			s->minus = true;
		else if (**f == '+')
			s->plus = true;
		else if (**f == ' ')
			s->blank = true;
		else if (**f == '#')
			s->alternate = true;
		else if (**f == '0')
			s->zero = true;
		else
			return;
	}
}

static void print_length(struct print_step *s, const char **f)
{
	s->bytes = 4;
	for (;; (*f)++) {
		if (**f == 'h')
			s->bytes = s->bytes == 2 ? 1 : 2;
		else if (**f == 'l' || **f == 'z' || **f == 't' || **f == 'j' || **f == 'L' ||
			 **f == 'q')
			s->bytes = 8;
		else
			return;
	}
}

/* One conversion behind its `%`; its arguments are taken later. */
static bool print_conversion(struct print_step *s, const char **f)
{
	static const char letters[] = "diuxXocsp";
	static const enum print_conv convs[] = {PRINT_SIGNED, PRINT_SIGNED,    PRINT_UNSIGNED,
						PRINT_HEX,    PRINT_HEX_UPPER, PRINT_OCTAL,
						PRINT_CHAR,   PRINT_STRING,    PRINT_POINTER};

	memset(s, 0, sizeof(*s));
	s->precision = PRINT_NONE;
	print_flags(s, f);
	s->width = print_amount(f);
	if (**f == '.') {
		(*f)++;
		s->precision = print_amount(f);
	}
	print_length(s, f);
	const char *l = **f ? strchr(letters, **f) : NULL;
	if (!l)
		return false;
	(*f)++;
	s->conv = convs[l - letters];
	if (s->conv == PRINT_POINTER) /* %pS, %px and others say how the kernel would show it */
		while ((**f >= 'a' && **f <= 'z') || (**f >= 'A' && **f <= 'Z') ||
		       (**f >= '0' && **f <= '9'))
			(*f)++;
	return true;
}

static int print_argument(struct print_parser *x, const char **args)
{
	cairn_expr_skip_blanks(args);
	if (**args != ',') {
		x->why = "the print format has fewer arguments than conversions";
		return -1;
	}
	(*args)++;
	return cairn_expr_parse(&x->printer->program, x->event, args, &x->why);
}

static bool print_number_argument(struct print_parser *x, const char **args, uint32_t *out)
{
	int n = print_argument(x, args);

	if (n < 0)
		return false;
	*out = (uint32_t)n;
	if (x->printer->program.nodes[n].type == EXPR_NUMBER)
		return true;
	x->why = "the print format prints something that is no number as one";
	return false;
}

static bool print_arguments(struct print_parser *x, struct print_step *s, const char **args)
{
	if (s->width == PRINT_STAR && !print_number_argument(x, args, &s->width_arg))
		return false;
	if (s->precision == PRINT_STAR && !print_number_argument(x, args, &s->precision_arg))
		return false;
	if (s->conv != PRINT_STRING)
		return print_number_argument(x, args, &s->arg);
	int n = print_argument(x, args);
	s->arg = (uint32_t)n;
	return n >= 0;
}

static bool print_compile(struct print_parser *x, const char *format, size_t n, const char *args)
{
	const char *f = format;

	if (memchr(format, '\0', n)) {
		x->why = "the print format holds a NUL";
		return false;
	}
	while (*f) {
		struct print_step s;
		const char *percent = strchrnul(f, '%');
		if (!print_add_literal(x, f, (size_t)(percent - f)))
			return false;
		f = percent;
		if (!*f)
			break;
		f++;
		if (*f == '%') {
			if (!print_add_literal(x, f++, 1))
				return false;
			continue;
		}
		if (!print_conversion(&s, &f)) {
			x->why = "the print format has a conversion that is not known";
			return false;
		}
		if (!print_arguments(x, &s, &args) || !print_add(x, &s))
			return false;
	}
	cairn_expr_skip_blanks(&args);
	if (*args == '\0')
		return true;
	x->why = "the print format has more arguments than conversions";
	return false;
}

struct cairn_printer *cairn_printer_compile(const struct cairn_schema_event *e, const char *format,
					    const char **why)
{
	struct print_parser x = {calloc(1, sizeof(struct cairn_printer)), e, NULL};
	const char *args = format;
	size_t n;
	char *text = cairn_expr_parse_string(&args, &n);

	if (x.printer && text && print_compile(&x, text, n, args)) {
		free(text);
		*why = NULL;
		return x.printer;
	}
	*why = x.why ? x.why : "the print format does not begin with a string";
	free(text);
	cairn_printer_free(x.printer);
	return NULL;
}

void cairn_printer_free(struct cairn_printer *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->nr_steps; i++)
		free(p->steps[i].text);
	free(p->steps);
	cairn_expr_free(&p->program);
	free(p);
}

static void print_pad(struct cairn_buf *t, char c, int n)
{
	for (int i = 0; i < n; i++)
		cairn_buf_put(t, &c, 1);
}

static void print_padded(struct cairn_buf *t, const struct print_step *s, int width,
			 const char *text, size_t n)
{
	int pad = width > 0 && (size_t)width > n ? width - (int)n : 0;

	if (!s->minus)
		print_pad(t, ' ', pad);
	cairn_buf_put(t, text, n);
	if (s->minus)
		print_pad(t, ' ', pad);
}

/* Digits of `v`, written backwards from `end`. */
static char *print_digits(char *end, uint64_t v, unsigned base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	do
		*--end = digits[v % base];
	while (v /= base);
	return end;
}

static void print_number(struct cairn_buf *t, const struct print_step *s, uint64_t v, int width,
			 int precision)
{
	char digits[32];
	char *end = digits + sizeof(digits);
	const char *sign = "";
	unsigned base = s->conv == PRINT_OCTAL                               ? 8
			: s->conv == PRINT_HEX || s->conv == PRINT_HEX_UPPER ? 16
									     : 10;
	bool is_signed = s->conv == PRINT_SIGNED;

	if (s->bytes < 8) {
		uint64_t mask = ((uint64_t)1 << (s->bytes * 8)) - 1;
		v &= mask;
		if (is_signed && v >> (s->bytes * 8 - 1))
			v |= ~mask;
	}
	if (is_signed) {
		sign = (int64_t)v < 0 ? "-" : s->plus ? "+" : s->blank ? " " : "";
		v = (int64_t)v < 0 ? 0 - v : v;
	} else if (s->alternate && v && base == 16) {
		sign = s->conv == PRINT_HEX ? "0x" : "0X";
	}
	char *at = print_digits(end, v, base, s->conv == PRINT_HEX_UPPER);
	if (precision == 0 && v == 0)
		at = end;
	if (s->alternate && base == 8 && (at == end || *at != '0'))
		*--at = '0';
	int n = (int)(end - at), signs = (int)strlen(sign);
	int zeros = precision > n ? precision - n : 0;
	if (precision < 0 && s->zero && !s->minus && width > n + signs)
		zeros = width - n - signs;
	int pad = width - signs - zeros - n;
	if (!s->minus)
		print_pad(t, ' ', pad);
	cairn_buf_put(t, sign, (size_t)signs);
	print_pad(t, '0', zeros);
	cairn_buf_put(t, at, (size_t)n);
	if (s->minus)
		print_pad(t, ' ', pad);
}

/* An address, shown and never followed. */
static void print_address(struct cairn_buf *t, const struct print_step *s, uint64_t v, int width)
{
	char text[24];
	char *end = text + sizeof(text);
	char *at = print_digits(end, v, 16, false);

	*--at = 'x';
	*--at = '0';
	print_padded(t, s, width, at, (size_t)(end - at));
}

static void print_string(struct cairn_buf *t, const struct print_step *s,
			 const struct expr_value *v, int width, int precision)
{
	if (v->type == EXPR_NUMBER) {
		print_address(t, s, v->number, width);
		return;
	}
	size_t n = v->bytes ? strnlen((const char *)v->bytes, v->n) : 0;
	if (precision >= 0 && (size_t)precision < n)
		n = (size_t)precision;
	print_padded(t, s, width, v->bytes ? (const char *)v->bytes : "", n);
}

static int print_star(const struct cairn_printer *p, uint32_t node, const struct expr_record *r)
{
	struct expr_value v;

	cairn_expr_eval(&p->program, node, r, &v);
	int32_t n = (int32_t)(uint32_t)v.number;
	return n > PRINT_WIDTH_MAX ? PRINT_WIDTH_MAX : n < -PRINT_WIDTH_MAX ? -PRINT_WIDTH_MAX : n;
}

static void print_step(const struct cairn_printer *p, const struct print_step *step,
		       const struct expr_record *r, struct cairn_buf *t)
{
	struct print_step s = *step;
	struct expr_value v;

	if (s.width == PRINT_STAR) {
		s.width = print_star(p, s.width_arg, r);
		s.minus |= s.width < 0;
		s.width = s.width < 0 ? -s.width : s.width;
	}
	if (s.precision == PRINT_STAR) {
		s.precision = print_star(p, s.precision_arg, r);
		if (s.precision < 0)
			s.precision = PRINT_NONE;
	}
	cairn_expr_eval(&p->program, s.arg, r, &v);
	if (s.conv == PRINT_STRING) {
		print_string(t, &s, &v, s.width, s.precision);
	} else if (s.conv == PRINT_CHAR) {
		char c = (char)v.number;
		print_padded(t, &s, s.width, &c, 1);
	} else if (s.conv == PRINT_POINTER) {
		print_address(t, &s, v.number, s.width);
	} else {
		print_number(t, &s, v.number, s.width, s.precision);
	}
}

void cairn_reader_print_field(const struct cairn_schema_field *f, const uint8_t *payload,
			      uint32_t bytes, struct cairn_buf *t)
{
	const uint8_t *at;
	uint32_t n;

	if (!cairn_schema_field_bytes(f, payload, bytes, &at, &n)) {
		cairn_buf_put(t, "?", 1);
		return;
	}
	if (f->is_char) {
		cairn_buf_put(t, (const char *)at, strnlen((const char *)at, n));
		return;
	}
	uint32_t size = f->element;
	bool whole = size == 1 || size == 2 || size == 4 || size == 8;
	if (f->kind == CAIRN_SCHEMA_INT && whole) {
		uint64_t v = cairn_reader_int(at, size, f->is_signed);
		if (f->is_pointer)
			cairn_buf_printf(t, "0x%llx", (unsigned long long)v);
		else if (f->is_signed)
			cairn_buf_printf(t, "%lld", (long long)v);
		else
			cairn_buf_printf(t, "%llu", (unsigned long long)v);
		return;
	}
	if (!whole)
		size = 1;
	cairn_buf_put(t, "{", 1);
	for (uint32_t i = 0; i + size <= n; i += size) {
		uint64_t v = cairn_reader_int(at + i, size, f->is_signed && whole);
		cairn_buf_printf(t, f->is_signed && whole ? "%s%lld" : "%s%llu", i ? "," : "",
				 (unsigned long long)v);
	}
	cairn_buf_put(t, "}", 1);
}

static void print_by_name(const struct cairn_schema_event *e, const uint8_t *payload,
			  uint32_t bytes, struct cairn_buf *t)
{
	for (uint32_t i = 0; i < e->nr_fields; i++) {
		cairn_buf_printf(t, "%s%s=", i ? " " : "", e->fields[i].name);
		cairn_reader_print_field(&e->fields[i], payload, bytes, t);
	}
}

void cairn_reader_print_event(const struct cairn_schema_event *e, const uint8_t *payload,
			      uint32_t bytes, struct cairn_buf *t)
{
	char raw[PRINT_TEXT_MAX], made[PRINT_TEXT_MAX];
	struct cairn_buf text, scratch;
	struct expr_record r = {payload, bytes, &scratch};
	const struct cairn_printer *p = e->printer;

	cairn_buf_init(&text, raw, sizeof(raw));
	cairn_buf_init(&scratch, made, sizeof(made));
	for (uint32_t i = 0; p && i < p->nr_steps; i++) {
		const struct print_step *s = &p->steps[i];
		if (s->conv == PRINT_LITERAL)
			cairn_buf_put(&text, s->text, s->n);
		else
			print_step(p, s, &r, &text);
	}
	if (!p)
		print_by_name(e, payload, bytes, &text);
	/* the text of a marker brings its own newline */
	if (text.used && raw[text.used - 1] == '\n')
		text.used--;
	cairn_buf_put_safe(t, raw, text.used);
	if (text.cut || scratch.cut)
		cairn_buf_put(t, "...", 3);
}

/* The five characters in front of the time, from the context bits of the task word. */
static void print_context(uint32_t task, char out[6])
{
	static const char hex[] = "0123456789abcdef";
	bool hard = task & CAIRN_CTX_HARDIRQ, soft = task & CAIRN_CTX_SOFTIRQ,
	     nmi = task & CAIRN_CTX_NMI;
	unsigned depth = task >> CAIRN_CTX_PREEMPT_SHIFT;

	out[0] = task & CAIRN_CTX_IRQS_OFF ? 'd' : '.';
	out[1] = task & CAIRN_CTX_NEED_RESCHED ? 'n' : '.';
	out[2] = nmi && hard ? 'Z' : nmi ? 'z' : hard && soft ? 'H' : hard ? 'h' : soft ? 's' : '.';
	out[3] = depth ? hex[depth] : '.';
	out[4] = '.';
	out[5] = '\0';
}

static void print_unknown(const struct cairn_reader_record *r, struct cairn_buf *t)
{
	uint32_t n = r->bytes < 64 ? r->bytes : 64;

	cairn_buf_printf(t, "unknown_%u(", r->id);
	for (uint32_t i = 0; i < n; i++)
		cairn_buf_printf(t, "%02x", r->payload[i]);
	cairn_buf_printf(t, "%s)", n < r->bytes ? "..." : "");
}

void cairn_reader_print_line(const struct cairn_reader_record *r, struct cairn_buf *t)
{
	const struct cairn_image *im = r->stream->image;
	uint32_t pid = r->task & CAIRN_TASK_PID_MASK;
	/* to the nearest microsecond, as Linux does */
	uint64_t ns = cairn_image_clock_ns(&im->clock, r->ts);
	uint64_t us = ns / 1000 + (ns % 1000 >= 500);
	const char *comm = r->event ? cairn_reader_names_get(im->names, pid) : "<...>";
	char context[6], name[CAIRN_COMM_BYTES * 4 + 1];
	struct cairn_buf safe;

	cairn_buf_init(&safe, name, sizeof(name));
	cairn_buf_put_safe(&safe, comm, strlen(comm));
	print_context(r->task, context);
	cairn_buf_printf(t, "%16s-%-7u [%03u] %s %5llu.%06llu: ", cairn_buf_end(&safe), pid,
			 r->stream->cb.cpu, context, (unsigned long long)(us / 1000000),
			 (unsigned long long)(us % 1000000));
	if (!r->event) {
		print_unknown(r, t);
		return;
	}
	cairn_buf_put_safe(t, r->event->name, strlen(r->event->name));
	cairn_buf_put(t, ": ", 2);
	cairn_reader_print_event(r->event, r->payload, r->bytes, t);
}
