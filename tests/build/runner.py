#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runner goes red whenever it must: a tree is made with one bad test program, and what the runner says of it is
compared."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

RUNNER = os.path.join(tap.SRC, "scripts", "run-tests.py")


def runner(tree, *words, ci=False, status=None):
    env = {k: v for k, v in os.environ.items() if k != "CI"}
    if ci:
        env["CI"] = "true"
    return tap.run([sys.executable, RUNNER, "--root", tree, *words], status=status, env=env)


def write(tree, path, text, mode=0o755):
    path = os.path.join(tree, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def expect(script, counts, said="", ci=False, options=()):
    """Run a tree with one program; compare the last line, the exit status and a part of the output."""
    with tap.folder() as tree:
        write(tree, "tests/unit/one.sh", "#!/bin/sh\n" + script)
        red = not counts.split(", ")[1].startswith("0 ")
        output = runner(tree, "unit", *options, ci=ci, status=1 if red else 0)
        tap.equal(output.splitlines()[-1], counts, "last line")
        tap.contains(output, said, "output")


CASES = (
    # name, script, last line, a part of the output, CI
    ("green is green", "echo 1..2; echo ok 1 - a; echo ok 2 - b", "2 passed, 0 failed, 0 skipped", "PASS unit/one.sh", False),
    ("a plan at the end counts", "echo ok 1 - a; echo 1..1", "1 passed, 0 failed, 0 skipped", "", False),
    ("a failing point", "echo 1..2; echo ok 1; echo not ok 2 - bad; exit 1",
     "1 passed, 1 failed, 0 skipped", "not ok: bad", False),
    ("a failing point with exit status 0", "echo 1..1; echo not ok 1 - bad",
     "0 passed, 1 failed, 0 skipped", "not ok: bad", False),
    ("the output of a failure is shown", "echo 1..1; echo '# the story'; echo loud >&2; echo not ok 1 - bad",
     "0 passed, 1 failed, 0 skipped", "| # the story", False),
    ("a crash after all points", "echo 1..1; echo ok 1; kill -SEGV $$",
     "1 passed, 1 failed, 0 skipped", "SIGSEGV", False),
    ("a bad exit status with good points", "echo 1..1; echo ok 1; exit 3",
     "1 passed, 1 failed, 0 skipped", "exit status 3", False),
    ("fewer points than planned", "echo 1..3; echo ok 1", "1 passed, 1 failed, 0 skipped", "3 points planned, 1 came", False),
    ("more points than planned", "echo 1..1; echo ok 1; echo ok 2",
     "2 passed, 1 failed, 0 skipped", "1 points planned, 2 came", False),
    ("no plan", "echo ok 1", "1 passed, 1 failed, 0 skipped", "no plan", False),
    ("no output at all", "exit 0", "0 passed, 1 failed, 0 skipped", "no plan", False),
    ("a plan of nothing", "echo 1..0", "0 passed, 1 failed, 0 skipped", "no test ran", False),
    ("two plans", "echo 1..1; echo ok 1; echo 1..1", "1 passed, 1 failed, 0 skipped", "2 plans", False),
    ("points out of order", "echo 1..2; echo ok 2; echo ok 2",
     "1 passed, 1 failed, 0 skipped", "numbered 2 came as number 1", False),
    ("bail out", "echo 1..1; echo ok 1; echo 'Bail out! no disk'", "1 passed, 1 failed, 0 skipped", "no disk", False),
    ("a skip is counted with its reason", "echo 1..2; echo ok 1; echo 'ok 2 - b # SKIP no qemu'",
     "1 passed, 0 failed, 1 skipped", "no qemu", False),
    ("a whole program skips by its plan", "echo '1..0 # SKIP no trace-cmd'",
     "0 passed, 0 failed, 1 skipped", "no trace-cmd", False),
    ("a whole program skips by status 77", "echo no spin here; exit 77",
     "0 passed, 0 failed, 1 skipped", "no spin here", False),
    ("status 77 after points is no skip", "echo 1..2; echo ok 1; exit 77", "1 passed, 1 failed, 0 skipped", "", False),
    ("a skipped point under CI", "echo 1..1; echo 'ok 1 - b # SKIP no qemu'",
     "0 passed, 1 failed, 0 skipped", "although CI=true: no qemu", True),
    ("a skipped program under CI", "echo '1..0 # SKIP no qemu'",
     "0 passed, 1 failed, 0 skipped", "although CI=true: no qemu", True),
    ("status 77 under CI", "echo no spin; exit 77", "0 passed, 1 failed, 0 skipped", "although CI=true: no spin", True),
    ("an allowed skip under CI", "echo 1..2; echo ok 1; echo 'ok 2 - b # SKIP allowed: not this CPU'",
     "1 passed, 0 failed, 1 skipped", "not this CPU", True),
)

for case_name, case_script, case_counts, case_said, case_ci in CASES:
    tap.add(case_name, expect, case_script, case_counts, case_said, case_ci)


@tap.test("a program past its limit is killed, with all it started")
def _():
    with tap.folder() as tree:
        write(tree, "tests/unit/slow.sh",
              "#!/bin/sh\n# timeout: 1\necho 1..1\nsleep 60 &\necho $! > child\nsleep 60\necho ok 1\n")
        start = time.monotonic()
        output = runner(tree, "unit", status=1)
        tap.check(time.monotonic() - start < 20, "the runner waited for the program")
        tap.contains(output, "limit of 1 s")
        tap.equal(output.splitlines()[-1], "0 passed, 1 failed, 0 skipped")
        check_gone(tree)


@tap.test("a process that a good program left behind is killed")
def _():
    with tap.folder() as tree:
        write(tree, "tests/unit/leave.sh", "#!/bin/sh\nsleep 60 >/dev/null 2>&1 &\necho $! > child\necho 1..1\necho ok 1\n")
        tap.equal(runner(tree, "unit", status=0).splitlines()[-1], "1 passed, 0 failed, 0 skipped")
        check_gone(tree)


def check_gone(tree):
    with open(os.path.join(tree, "child"), encoding="utf-8") as file:
        stat = f"/proc/{file.read().strip()}/stat"
    for _ in range(100):
        try:
            with open(stat, encoding="utf-8") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.05)
    tap.fail("the child lives on")


@tap.test("a suite over its budget")
def _():
    expect("echo 1..1; sleep 0.3; echo ok 1", "1 passed, 1 failed, 0 skipped", "over the budget",
           options=("--budget", "unit=0.1"))


@tap.test("a script that is not executable")
def _():
    with tap.folder() as tree:
        write(tree, "tests/unit/one.sh", "#!/bin/sh\necho 1..1; echo ok 1\n")
        write(tree, "tests/unit/two.sh", "#!/bin/sh\necho 1..1; echo ok 1\n", 0o644)
        output = runner(tree, "unit", status=1)
        tap.contains(output, "two.sh begins with #! but is not executable")
        tap.equal(output.splitlines()[-1], "1 passed, 1 failed, 0 skipped")


@tap.test("an interpreter that does not exist")
def _():
    with tap.folder() as tree:
        write(tree, "tests/unit/one.sh", "#!/no/such/shell\n")
        tap.contains(runner(tree, "unit", status=1), "cannot run")


@tap.test("an empty suite, an absent suite, an unknown suite, an empty tree")
def _():
    with tap.folder() as tree:
        os.makedirs(os.path.join(tree, "tests", "unit"))
        tap.contains(runner(tree, "unit", status=1), "unit: no test program")
        tap.contains(runner(tree, "cli", status=1), "no tests/cli")
        tap.contains(runner(tree, "nonsense", status=2), "no suite nonsense")
    with tap.folder() as tree:
        tap.contains(runner(tree, status=1), "nothing was tested")


@tap.test("a word that matches no program")
def _():
    with tap.folder() as tree:
        write(tree, "tests/unit/one.sh", "#!/bin/sh\necho 1..1; echo ok 1\n")
        tap.contains(runner(tree, "unit/two", status=1), "no test program matches unit/two")
        tap.contains(runner(tree, "unit/on", status=0), "1 passed")


@tap.test("a build that fails is a failure, and the last line still comes")
def _():
    with tap.folder() as tree:
        write(tree, "scripts/build.sh", "#!/bin/sh\necho boom >&2; exit 1\n")
        write(tree, "tests/build/one.sh", "#!/bin/sh\necho 1..1; echo ok 1\n")
        output = runner(tree, "build", status=1)
        tap.contains(output, "build of host")
        tap.contains(output, "boom")
        tap.equal(output.splitlines()[-1].split(", ")[0], "0 passed")


MESON_BUILD = """project('t', 'c')
one = executable('one', 'tests/unit/one.c')
test('one', one, suite: 'unit', timeout: 7)
executable('two', 'tests/unit/two.c')
test('stray', one, suite: 'elsewhere')
"""


@tap.test("binaries come from Meson's list; a forgotten or misplaced one is a failure")
def _():
    tap.need("meson", "ninja")
    with tap.folder() as tree:
        body = '#include <stdio.h>\n#define CHECK_MAIN() int main(void) { puts("1..1\\nok 1"); return 0; }\nCHECK_MAIN()\n'
        write(tree, "tests/unit/one.c", body, 0o644)
        write(tree, "tests/unit/two.c", body, 0o644)
        write(tree, "meson.build", MESON_BUILD, 0o644)
        build = os.path.join(tree, "build", "host")
        write(tree, "scripts/build.sh", f"#!/bin/sh\n[ -d {build} ] || meson setup {build} {tree} && ninja -C {build}\n")
        output = runner(tree, "unit", status=1)
        tap.contains(output, "PASS unit/one ")
        tap.contains(output, "tests/unit/two.c is a test program, but no meson.build registers it")
        tap.contains(output, "suite 'elsewhere' is none of")
        tap.equal(output.splitlines()[-1], "1 passed, 2 failed, 0 skipped")


tap.main()
