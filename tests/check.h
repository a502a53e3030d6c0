/* SPDX-License-Identifier: MIT */
/*
 * Harness of the unit tests. A test program is one file:
 *
 *	#include "check.h"
 *
 *	TEST(ring_wraps_at_packet_end)
 *	{
 *		CHECK(cairn_ring_valid(&ring));
 *		CHECK_EQ(cairn_ring_read(&ring, buf, sizeof(buf)), 64);
 *		CHECK_STR(name, "sched_switch");
 *	}
 *
 *	CHECK_MAIN()
 *
 * Each TEST is one TAP point, run in the order of the file. A check that fails prints where, what and both values, and
 * ends its test; the next test runs. In a thread the test started, a failed check is recorded and the thread goes on,
 * since nobody else's stack can be left from there.
 *
 *	PROGRAM [-l] [WORD]...    runs the tests whose names contain one of the words; -l lists the names
 *	CHECK_SEED=N PROGRAM      other random numbers; the seed is printed and is otherwise always the same
 *
 * State is static: one file per program.
 */
#ifndef CAIRN_TESTS_CHECK_H
#define CAIRN_TESTS_CHECK_H

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct check_case {
	const char *name;
	void (*run)(void);
	struct check_case *next;
};

static struct {
	struct check_case *first, **last;
	struct check_case *current;
	unsigned int point;    /* number of the current test */
	unsigned int failures; /* failed checks of the current test */
	unsigned int failed_tests;
	const char *skipped; /* reason, when the current test skipped itself */
	jmp_buf out;
	uint64_t seed;
	uint64_t rand_state;
} check_ = {.last = &check_.first};

/* Set in the one thread that may leave a test by check_.out. */
static _Thread_local bool check_may_leave_;

/* An integer, boolean or pointer of any type by its mathematical value, so that -22 and 4294967274 differ. */
struct check_value {
	bool negative;
	bool is_pointer;
	uint64_t bits;
};

static inline struct check_value check_signed_(int64_t v)
{
	return (struct check_value){.negative = v < 0, .bits = (uint64_t)v};
}

static inline struct check_value check_unsigned_(uint64_t v)
{
	return (struct check_value){.bits = v};
}

static inline struct check_value check_pointer_(const volatile void *p)
{
	return (struct check_value){.is_pointer = true, .bits = (uintptr_t)p};
}

#define CHECK_VALUE_(x)                                \
	_Generic((x), _Bool                            \
		 : check_unsigned_, char               \
		 : check_signed_, signed char          \
		 : check_signed_, short                \
		 : check_signed_, int                  \
		 : check_signed_, long                 \
		 : check_signed_, long long            \
		 : check_signed_, unsigned char        \
		 : check_unsigned_, unsigned short     \
		 : check_unsigned_, unsigned int       \
		 : check_unsigned_, unsigned long      \
		 : check_unsigned_, unsigned long long \
		 : check_unsigned_, default            \
		 : check_pointer_)(x)

static inline int check_order_(struct check_value a, struct check_value b)
{
	if (a.negative != b.negative)
		return a.negative ? -1 : 1;
	return a.bits < b.bits ? -1 : a.bits > b.bits;
}

static inline const char *check_print_(struct check_value v, char *buf, size_t size)
{
	if (v.is_pointer)
		snprintf(buf, size, "0x%" PRIx64, v.bits);
	else if (v.negative)
		snprintf(buf, size, "%" PRId64, (int64_t)v.bits);
	else if (v.bits > 9)
		snprintf(buf, size, "%" PRIu64 " (0x%" PRIx64 ")", v.bits, v.bits);
	else
		snprintf(buf, size, "%" PRIu64, v.bits);
	return buf;
}

/* Count a failed check, print its sentence as TAP comment lines, and leave the test. */
__attribute__((format(printf, 1, 2))) static inline void check_fail_(const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	flockfile(stdout);
	for (char *line = text, *end; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		printf("# %s\n", line);
	}
	fflush(stdout);
	funlockfile(stdout);

	__atomic_fetch_add(&check_.failures, 1, __ATOMIC_RELAXED);
	if (check_may_leave_)
		longjmp(check_.out, 1);
}

#define CHECK(x)                                                                  \
	do {                                                                      \
		if (!(x))                                                         \
			check_fail_("%s:%d: failed: %s", __FILE__, __LINE__, #x); \
	} while (0)

/* CHECK with a printf sentence that says more. */
#define CHECK_MSG(x, ...)                                                              \
	do {                                                                           \
		if (!(x)) {                                                            \
			char check_text_[1024];                                        \
			snprintf(check_text_, sizeof(check_text_), __VA_ARGS__);       \
			check_fail_("%s:%d: failed: %s\n  %s", __FILE__, __LINE__, #x, \
				    check_text_);                                      \
		}                                                                      \
	} while (0)

static inline void check_compare_(const char *file, int line, const char *text, bool holds,
				  const char *left, struct check_value a, const char *right,
				  struct check_value b)
{
	char abuf[64], bbuf[64];

	if (!holds)
		check_fail_("%s:%d: failed: %s\n  left:  %s = %s\n  right: %s = %s", file, line,
			    text, left, check_print_(a, abuf, sizeof(abuf)), right,
			    check_print_(b, bbuf, sizeof(bbuf)));
}

#define CHECK_OP_(a, op, b)                                                                        \
	do {                                                                                       \
		struct check_value check_a_ = CHECK_VALUE_(a), check_b_ = CHECK_VALUE_(b);         \
		check_compare_(__FILE__, __LINE__, #a " " #op " " #b,                              \
			       check_order_(check_a_, check_b_) op 0, #a, check_a_, #b, check_b_); \
	} while (0)

/* Integers, booleans and pointers of any types; each argument is evaluated once. */
#define CHECK_EQ(a, b) CHECK_OP_(a, ==, b)
#define CHECK_NE(a, b) CHECK_OP_(a, !=, b)
#define CHECK_LT(a, b) CHECK_OP_(a, <, b)
#define CHECK_LE(a, b) CHECK_OP_(a, <=, b)
#define CHECK_GT(a, b) CHECK_OP_(a, >, b)
#define CHECK_GE(a, b) CHECK_OP_(a, >=, b)

static inline void check_str_(const char *file, int line, const char *left, const char *a,
			      const char *right, const char *b)
{
	if (a != b && (!a || !b || strcmp(a, b) != 0))
		check_fail_("%s:%d: failed: %s is %s\n  left:  %s%s%s\n  right: %s%s%s", file, line,
			    left, right, a ? "\"" : "", a ? a : "NULL", a ? "\"" : "",
			    b ? "\"" : "", b ? b : "NULL", b ? "\"" : "");
}

/* Equal texts; NULL equals only NULL. */
#define CHECK_STR(a, b) check_str_(__FILE__, __LINE__, #a, (a), #b, (b))

static inline void check_mem_(const char *file, int line, const char *left, const void *a,
			      const char *right, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < n; i++) {
		if (x[i] != y[i]) {
			check_fail_("%s:%d: failed: %s is %s over %zu bytes\n"
				    "  first difference at %zu: left 0x%02x, right 0x%02x",
				    file, line, left, right, n, i, x[i], y[i]);
			return;
		}
	}
}

#define CHECK_MEM(a, b, n) check_mem_(__FILE__, __LINE__, #a, (a), #b, (b), (n))

/* End this test as skipped. Under CI=true that is a failure, unless the reason begins with "allowed:". */
#define CHECK_SKIP(reason)                 \
	do {                               \
		check_.skipped = (reason); \
		longjmp(check_.out, 1);    \
	} while (0)

/* The next random number of this test: the same in every run with the same seed, whatever else runs. Not for threads. */
static inline uint64_t check_rand(void)
{
	uint64_t z = (check_.rand_state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline void check_register_(struct check_case *c)
{
	*check_.last = c;
	check_.last = &c->next;
}

#define TEST(name_)                                                                          \
	static void test_##name_(void);                                                      \
	static struct check_case check_case_##name_ = {.name = #name_, .run = test_##name_}; \
	__attribute__((constructor)) static void check_register_##name_(void)                \
	{                                                                                    \
		check_register_(&check_case_##name_);                                        \
	}                                                                                    \
	static void test_##name_(void)

static inline bool check_wanted_(const struct check_case *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strstr(c->name, argv[i]))
			return true;
	}
	return argc <= 1;
}

/* A crash is reported as the point it happened in; then the signal does its work. Only async-signal-safe calls. */
static inline void check_died_(int signal_number)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "\nnot ok %u - %s # died of signal %d\n", check_.point,
			 check_.current ? check_.current->name : "?", signal_number);

	if (n > 0 && write(STDOUT_FILENO, text, (size_t)n) < 0)
		_exit(128 + signal_number);
	raise(signal_number);
}

static inline void check_catch_crashes_(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old,
			action = {.sa_handler = check_died_, .sa_flags = (int)SA_RESETHAND};

		/* A sanitizer's own handler knows more than ours. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
	}
}

static inline void check_run_(struct check_case *c)
{
	check_.current = c;
	check_.point++;
	check_.failures = 0;
	check_.skipped = NULL;
	check_.rand_state = check_.seed;
	for (const char *p = c->name; *p; p++)
		check_.rand_state = check_.rand_state * 31 + (unsigned char)*p;

	check_may_leave_ = true;
	if (setjmp(check_.out) == 0)
		c->run();
	check_may_leave_ = false;

	if (check_.failures) {
		check_.failed_tests++;
		printf("not ok %u - %s\n", check_.point, c->name);
	} else if (check_.skipped) {
		printf("ok %u - %s # SKIP %s\n", check_.point, c->name, check_.skipped);
	} else {
		printf("ok %u - %s\n", check_.point, c->name);
	}
}

static inline int check_main_(int argc, char **argv)
{
	const char *seed = getenv("CHECK_SEED");
	unsigned int wanted = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "-l") == 0) {
		for (struct check_case *c = check_.first; c; c = c->next)
			puts(c->name);
		return 0;
	}

	for (struct check_case *c = check_.first; c; c = c->next)
		wanted += check_wanted_(c, argc, argv);
	if (!wanted) {
		fprintf(stderr, "%s: no test of that name; -l lists them\n", argv[0]);
		return 2;
	}

	check_.seed = seed ? strtoull(seed, NULL, 0) : 1;
	printf("1..%u\n# CHECK_SEED=%" PRIu64 "\n", wanted, check_.seed);
	check_catch_crashes_();
	for (struct check_case *c = check_.first; c; c = c->next) {
		if (check_wanted_(c, argc, argv))
			check_run_(c);
	}
	return check_.failed_tests != 0;
}

/* Last line of the file. */
#define CHECK_MAIN()                            \
	int main(int argc, char **argv)         \
	{                                       \
		return check_main_(argc, argv); \
	}

#endif
