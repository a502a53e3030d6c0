#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 1800
"""The Promela models of the ring, searched by spin: without an error and to the end as they are, with a failed assertion when one
ordering is weakened.

    tests/model/spin.py                 small bounds
    CAIRN_LONG=1 tests/model/spin.py    larger ones
    tests/model/spin.py WORD...     those whose names contain a word

A search that was cut short proves nothing and fails; so does one that does not come to the places that it is there for.
"""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = os.environ.get("CAIRN_LONG") == "1"

# model, bounds. R=1 is there for the records lost because a whole lap is pending: two interrupts suffice to come round.
SHORT_RUNS = [
    ("writer", "EMITS=2 IRQS=1 B=4"),
    ("writer", "EMITS=1 IRQS=2 B=3 FIRST=3 FILLED=4"),
    ("writer", "EMITS=1 IRQS=2 B=3 R=1 FIRST=2 FILLED=2"),
    ("consume", "EMITS=2 IRQS=1 B=4"),
    ("consume", "EMITS=1 IRQS=2 B=3"),
    ("consume", "EMITS=1 IRQS=2 B=3 R=1"),
    ("exchange", "EMITS=2 IRQS=1 EXCHANGES=1 B=3 FIRST=3"),
    ("exchange", "EMITS=2 IRQS=1 EXCHANGES=2 B=2 FIRST=3"),
]
LONG_RUNS = (
    [("writer", f"EMITS=2 IRQS=2 B=3 FIRST={n} FILLED={n}") for n in range(7)]
    + [("writer", f"EMITS=1 IRQS=2 B=5 FIRST={n} FILLED={n}") for n in range(2, 5)]
    + [
        ("writer", "EMITS=2 IRQS=1 B=6"),
        ("writer", "EMITS=2 IRQS=1 B=4 R=3"),
        ("writer", "EMITS=2 IRQS=1 B=4 N=4 R=1"),
        ("writer", "EMITS=1 IRQS=2 B=3 R=1"),
        ("consume", "EMITS=2 IRQS=2 B=4"),
        ("consume", "EMITS=2 IRQS=1 B=6"),
        ("consume", "EMITS=2 IRQS=1 B=4 R=3"),
        ("consume", "EMITS=1 IRQS=2 B=3 N=4 R=1"),
    ]
    + [("exchange", f"EMITS=2 IRQS=1 EXCHANGES=2 B=3 FIRST={n} FILLED={n}") for n in range(5)]
    + [("exchange", f"EMITS=1 IRQS=2 EXCHANGES=1 B=2 R=1 FIRST={n} FILLED={n}") for n in range(3)]
)
BOUNDS = {"writer": "EMITS=2 IRQS=1 B=4", "consume": "EMITS=2 IRQS=1 B=4", "exchange": "EMITS=2 IRQS=1 B=2 FIRST=3",
          "WEAK_raise": "EMITS=2 IRQS=1 EXCHANGES=1 B=3 FIRST=3"}
WEAKENED = [
    ("writer", "commit", "commit:A without release"),
    ("writer", "invalid", "invalid:A, no fence"),
    ("writer", "invalid_late", "invalidation after the swap on pos"),
    ("writer", "valid", "valid:A without release"),
    ("writer", "read_A", "read:A without acquire"),
    ("writer", "read_B", "read:B, no fence"),
    ("writer", "read_C", "read:C without acquire"),
    ("writer", "begin", "events_total between two equal loads of committed"),
    ("consume", "commit", "commit:A without release"),
    ("consume", "consumed", "consumed:A without release"),
    ("consume", "open", "open:A without acquire"),
    ("exchange", "successor", "r->successor without release"),
    ("exchange", "request", "no fence between successor and limit"),
    ("exchange", "raise", "no fence between limit and successor"),
    ("exchange", "retired", "committed = odd without release"),
    ("exchange", "frozen", "committed = odd without acquire"),
    ("exchange", "current", "cur = n without release"),
]

# Parts of the protocol taken out, one at a time: what may not be left out of the C code.
WITHOUT = [
    ("exchange", "odd", "pos retires to o | 1, which a raised limit admits"),
    ("exchange", "rest", "a ring with a writer in its slow path counts as at rest"),
    ("exchange", "lost", "losses of the exchange itself stay in the old ring"),
    ("exchange", "late", "committed = odd before cur = n"),
    ("exchange", "even", "a block in preparation does not look retired"),
    ("exchange", "publish", "publishing does not pull limit again"),
    ("exchange", "leave", "limit is pulled on leaving the slow path while an outer writer is pending"),
]

# Places of ring.pml that the runs above must come to.
REACHED = [
    ("writer", "again", SHORT_RUNS[1][1]),
    ("writer", "swap", SHORT_RUNS[1][1]),
    ("writer", "wrap", SHORT_RUNS[2][1]),
    ("consume", "full", SHORT_RUNS[3][1]),
    ("exchange", "switch", SHORT_RUNS[7][1]),
    ("exchange", "again", SHORT_RUNS[7][1]),
    ("exchange", "moved", SHORT_RUNS[7][1]),
    ("exchange", "pending", SHORT_RUNS[7][1]),
    ("exchange", "pulled", SHORT_RUNS[6][1]),
]


def search(model, defines, optimize):
    """Output of the verifier; -w and -O as the C code is spin's."""
    nice = ["nice", "-n", "10"]
    with tap.folder() as folder:
        options = ["-D" + d for d in defines]
        tap.run(nice + ["spin", "-a"] + options + [os.path.join(HERE, model + ".pml")], cwd=folder)
        tap.check(os.path.exists(os.path.join(folder, "pan.c")), "spin has made no verifier")
        tap.run(nice + ["cc", optimize, "-w", "-DMEMLIM=2048", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], timeout=600, cwd=folder)
        return tap.run(nice + ["./pan", "-m100000"], status=None, timeout=600, cwd=folder)


def errors(output):
    found = re.search(r"errors: (\d+)", output)
    tap.check(found, f"no result:\n{output[-2000:]}")
    return int(found.group(1))


def right(model, bounds):
    output = search(model, bounds.split(), "-O2")
    tap.equal(errors(output), 0, f"errors of {model}.pml with {bounds}; the verifier says:\n{output[:600]}\nerrors")
    for words in ("not completed", "too small", "out of memory", "memory limit", "hash table is full"):
        tap.check(words not in output.lower(), f"the search was cut short:\n{output[:1000]}")
    states = int(float(re.search(r"([\d.e+]+) states, stored", output).group(1)))
    tap.check(states > 10000, f"only {states} states")
    print(f"# {states} states, {re.search(r'elapsed time ([0-9.]+)', output).group(1)} s", flush=True)


def weakened(model, define):
    output = search(model, [define] + BOUNDS.get(define, BOUNDS[model]).split(), "-O1")
    tap.check(errors(output) > 0, f"{model}.pml holds with {define}: the model does not need it")
    tap.contains(output, "assertion violated", "the verifier's output")


def reached(model, place, bounds):
    output = search(model, [f"REACHED_{place}=REACHED"] + bounds.split(), "-O0")
    tap.contains(output, "assertion violated", f"{model}.pml with {bounds} does not come to {place}")


if not shutil.which("spin"):
    print("1..0 # SKIP spin is not installed")
    sys.exit(0)
for _model, _bounds in SHORT_RUNS + (LONG_RUNS if LONG else []):
    tap.add(f"{_model}: {_bounds}", right, _model, _bounds)
for _model, _place, _bounds in REACHED:
    tap.add(f"{_model} reaches {_place}", reached, _model, _place, _bounds)
for _model, _name, _words in WEAKENED:
    tap.add(f"{_model} fails: {_words}", weakened, _model, "WEAK_" + _name)
for _model, _name, _words in WITHOUT:
    tap.add(f"{_model} fails: {_words}", weakened, _model, "TOLD_" + _name)
tap.main()
