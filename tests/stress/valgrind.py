#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""The unit tests, and the threads and signals of ring_signals, under valgrind: no read of what was never written, none beyond a block,
and the tests themselves still pass.

    tests/stress/valgrind.py WORD...    only the programs whose names contain a word

Valgrind runs one thread at a time, so ring_signals shows here what signals do at every moment, not what CPUs do to each other (that is the
thread sanitizer's). Sites are patched while they run: --smc-check=all.
"""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

VALGRIND = ["valgrind", "--smc-check=all", "--error-exitcode=99", "--errors-for-leak-kinds=none", "--leak-check=no", "--fair-sched=yes"]


def programs():
    """The binaries that Meson registers as tests of the suite unit, and the stress test of rings."""
    for suite, known in (("unit", r"unit-\w+"), ("stress", "stress-ring_signals")):
        folder = os.path.join(tap.BUILD, "tests", suite)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name)
            if re.fullmatch(known, name) and os.path.isfile(path) and os.access(path, os.X_OK):
                yield path


def clean(path):
    done = subprocess.run(VALGRIND + [path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=240, check=False,
                          text=True, errors="replace", cwd=tap.SRC)
    points = len(re.findall(r"^ok ", done.stdout, re.MULTILINE))
    wrong = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    errors = re.search(r"ERROR SUMMARY: (\d+) errors", done.stderr)
    tap.check(errors, f"valgrind said nothing at the end, status {done.returncode}:\n{done.stderr[-1500:]}")
    tap.equal(int(errors.group(1)), 0, f"errors; valgrind says:\n{done.stderr[:2500]}\nerrors")
    tap.check(not wrong and done.returncode == 0, f"status {done.returncode}: {' '.join(wrong)}\n{done.stdout[-1500:]}")
    tap.check(points > 0, "no test ran")
    print(f"# {points} tests", flush=True)


def seen():
    """It does see an error: a word that was never written decides a branch."""
    with tap.folder() as folder:
        source = os.path.join(folder, "wrong.c")
        with open(source, "w", encoding="utf-8") as text:
            text.write("#include <stdlib.h>\nint main(void) { volatile int *p = malloc(4); if (*p == 7) return 1; free((void *)p); return 0; }\n")
        tap.run([os.environ.get("CC", "cc"), "-w", "-o", os.path.join(folder, "wrong"), source])
        done = subprocess.run(VALGRIND + [os.path.join(folder, "wrong")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        tap.equal(done.returncode, 99, "status of a program with an error")


if not shutil.which("valgrind"):
    print("1..0 # SKIP valgrind is not installed")
    sys.exit(0)
WORDS = sys.argv[1:]
sys.argv[1:] = []
tap.add("valgrind sees a word that was never written", seen)
for _path in programs():
    if not WORDS or any(word in _path for word in WORDS):
        tap.add(os.path.basename(_path) + " is clean", clean, _path)
tap.main()
