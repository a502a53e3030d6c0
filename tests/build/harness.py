#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/check.h: what it prints of each kind of failure, under our own warnings, with both compilers."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

WARNINGS = "-Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Werror".split()

PROGRAM = """
#include <pthread.h>
#include "check.h"

static int calls;
static int once(void) { return ++calls; }
static void *thread(void *unused) { CHECK_EQ(1, 2); CHECK(!"second"); return unused; }

TEST(passes)
{
	uint32_t n = 5;
	enum { RED, BLUE } color = BLUE;
	const char *p = "x";
	bool yes = true;

	CHECK(n);
	CHECK_EQ(n, 5);
	CHECK_EQ((uint8_t)3, 3LL);
	CHECK_EQ(color, BLUE);
	CHECK_EQ(p, p);
	CHECK_NE(p, NULL);
	CHECK_EQ(yes, true);
	CHECK_LT(-1, 5u);
	CHECK_GT(UINT64_MAX, INT64_MAX);
	CHECK_LE(-5, -5);
	CHECK_GE(-4, -5);
	CHECK_STR("a", "a");
	CHECK_MEM("ab", "ab", 2);
	CHECK_EQ(once(), 1);
	CHECK_EQ(calls, 1);
}
TEST(plain) { CHECK(calls > 100); }
TEST(values) { CHECK_EQ(-22, (uint32_t)-22); }
TEST(order) { CHECK_LT(5u, -1); }
TEST(texts) { CHECK_STR("a", NULL); }
TEST(bytes) { CHECK_MEM("abc", "abd", 3); }
TEST(sentence) { CHECK_MSG(calls < 0, "cpu %d", 3); }
TEST(in_thread) { pthread_t t; pthread_create(&t, NULL, thread, NULL); pthread_join(t, NULL); }
TEST(skips) { CHECK_SKIP("no such thing"); }
TEST(random) { printf("# drew %u\\n", (unsigned int)(check_rand() & 0xffff)); }
TEST(crashes) { raise(SIGSEGV); }
TEST(never) { CHECK(true); }

CHECK_MAIN()
"""


def build(folder, compiler):
    tap.need(compiler)
    source, program = os.path.join(folder, "t.c"), os.path.join(folder, compiler)
    with open(source, "w", encoding="utf-8") as file:
        file.write(PROGRAM)
    tap.run([compiler, "-std=gnu11", "-O2", *WARNINGS, "-I", os.path.join(tap.SRC, "tests"), source, "-o", program, "-pthread"])
    return program


def whole(compiler):
    with tap.folder() as folder:
        program = build(folder, compiler)
        done = subprocess.run([program], capture_output=True, text=True, check=False)
        tap.check(done.returncode < 0, "a crash must end the program by its signal")
        for part in (
            "1..12\n# CHECK_SEED=1\n", "ok 1 - passes\n",
            "t.c:32: failed: calls > 100", "not ok 2 - plain\n",
            "#   left:  -22 = -22\n#   right: (uint32_t)-22 = 4294967274 (0xffffffea)\nnot ok 3 - values\n",
            "failed: 5u < -1\n", "not ok 4 - order\n",
            '#   left:  "a"\n#   right: NULL\nnot ok 5 - texts\n',
            "first difference at 2: left 0x63, right 0x64\nnot ok 6 - bytes\n",
            "#   cpu 3\nnot ok 7 - sentence\n",
            '"second"\nnot ok 8 - in_thread\n',
            "ok 9 - skips # SKIP no such thing\n", "ok 10 - random\n",
            "not ok 11 - crashes # died of signal 11\n",
        ):
            tap.contains(done.stdout, part, "stdout")
        tap.check("never" not in done.stdout, "a test ran after the crash")


def options(compiler):
    with tap.folder() as folder:
        program = build(folder, compiler)
        tap.equal(tap.run([program, "-l"]).split()[:2], ["passes", "plain"])
        tap.contains(tap.run([program, "no-such-name"], status=2), "no test of that name")
        tap.equal(tap.run([program, "passes"]).splitlines()[-1], "ok 1 - passes")
        alone = tap.run([program, "random"])
        tap.equal(alone, tap.run([program, "random"]), "two runs with one seed")
        other = tap.run([program, "random"], env=dict(os.environ, CHECK_SEED="2"))
        tap.contains(other, "# CHECK_SEED=2\n")
        tap.check(alone.splitlines()[2] != other.splitlines()[2], "another seed draws the same")
        tap.contains(tap.run([program, "skips", "random"]), alone.splitlines()[2], "the same test among others")
        tap.run([program, "plain"], status=1)


for name in ("gcc", "clang"):
    tap.add(f"{name}: every kind of failure is told", whole, name)
    tap.add(f"{name}: filter, list, seed, exit status", options, name)
tap.main()
